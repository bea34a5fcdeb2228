# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a flag costs while SmolLM2-135M writes 128 tokens, one text or eight at a time.

The logits are there already: the flag costs their log-sum-exp, a masked copy, and one
more pass for the last token, a 128th of all. With eight texts these calls took 1.1 %
and 0.8 % of the CPU time. Runs with and without a flag take turns, and the figure is
the least of each, in CPU seconds; on a machine with much else to do it moves by more
than the flag costs.
"""

import numpy as np
import pytest
import torch
from timing import cpu_seconds
from transformers import AutoModelForCausalLM, AutoTokenizer

from skperf.datasets import fetch_smollm2
from skperf.llm import LanguageModel, RedFlagClassifier, RedFlagLogitsProcessor

N_TOKENS = 128
N_REPEATS = 3
QUESTIONS = [
    "What is the weather like in Spain?",
    "What is a cat?",
    "Write a short story about a boat.",
    "How do I bake bread?",
    "Name some rivers.",
    "Why is the sky blue?",
    "Tell me about the history of glass.",
    "Which book should I read on a train?",
]

pytestmark = pytest.mark.download


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return a model with a flag, which ends no text, and its tokenizer."""
    folder = tmp_path_factory.mktemp("exported") / "flagged"
    language_model = LanguageModel(fetch_smollm2(), dtype="float32")
    clf = RedFlagClassifier(language_model, fit_intercept=False, C=0.1)
    texts = ["The hero dies.", "We had tea.", "The butler did it.", "It rained."]
    clf.fit(texts, [1, 0, 1, 0]).export(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.generation_config.eos_token_id = None
    return model, AutoTokenizer.from_pretrained(folder, padding_side="left")


@pytest.fixture(scope="module", params=[1, 8])
def write(exported, request):
    """Return a function that generates, with or without a flag."""
    model, tokenizer = exported
    chats = [[{"role": "user", "content": text}] for text in QUESTIONS[: request.param]]
    inputs = tokenizer.apply_chat_template(
        chats,
        add_generation_prompt=True,
        padding=True,
        return_tensors="pt",
        return_dict=True,
    )
    settings = {
        "max_new_tokens": N_TOKENS,
        "do_sample": False,
        "pad_token_id": tokenizer.pad_token_id,
    }

    def write(with_flag):
        if not with_flag:
            return model.generate(**inputs, **settings)
        flag = RedFlagLogitsProcessor(model, tokenizer, stop=False)
        output = model.generate(**inputs, **settings, logits_processor=[flag])
        return flag.report(output)

    return write


def test_generation_with_a_flag(write, report):
    plain, flagged = write(False), write(True)
    assert torch.equal(flagged.sequences, plain)
    assert flagged.log_odds.shape[1] == N_TOKENS
    assert np.isfinite(flagged.log_odds).mean() > 0.9  # all but special tokens
    runs = [
        [cpu_seconds(write, with_flag) for with_flag in (False, True)]
        for _ in range(N_REPEATS)
    ]
    without, with_flag = np.min(runs, axis=0)
    report(
        f"generation, {len(plain)} texts of {N_TOKENS} tokens: {without:.2f} CPU s, "
        f"with a flag {with_flag:.2f}, a ratio of {with_flag / without:.3f}"
    )
    assert with_flag <= 1.03 * without
