# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a flag costs while SmolLM2-135M writes 128 tokens, one text or eight at a time.

The logits are there already: the flag costs their log-sum-exp, a masked copy, and one
more pass for the last token, a 128th of all. All of that is in two calls, of the
processor and of its report, so their share of the CPU time is the figure: it is taken
within one run, and what else the machine does touches both parts alike. The ratio of
runs with and without a flag, which take turns, is printed too; on a machine with much
else to do it moves by more than the flag costs.
"""

from time import process_time

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


class Timed(RedFlagLogitsProcessor):
    """Counts the CPU seconds that it takes."""

    seconds = 0.0

    def __call__(self, input_ids, scores):
        start = process_time()
        scores = super().__call__(input_ids, scores)
        self.seconds += process_time() - start
        return scores

    def report(self, output):
        start = process_time()
        report = super().report(output)
        self.seconds += process_time() - start
        return report


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

    def write(flag=None, **more):
        processors = [] if flag is None else [flag]
        output = model.generate(
            **inputs, **settings, **more, logits_processor=processors
        )
        return output if flag is None else flag.report(output)

    return write


def test_generation_with_a_flag(exported, write, report):
    def with_flag():
        flag = Timed(*exported, stop=False)
        return flag, write(flag)

    # this flag is raised often, and without a processor it would be written
    token = exported[0].config.red_flag_token_id
    plain, (_, flagged) = write(suppress_tokens=[token]), with_flag()
    assert torch.equal(flagged.sequences, plain)
    assert flagged.log_odds.shape[1] == N_TOKENS
    assert np.isfinite(flagged.log_odds).mean() > 0.9  # all but special tokens
    costs, runs = [], []
    for _ in range(N_REPEATS):
        without = cpu_seconds(write)
        start = process_time()
        flag, _ = with_flag()
        total = process_time() - start
        costs.append(flag.seconds / (total - flag.seconds))
        runs.append(total / without)
    report(
        f"generation, {len(plain)} texts of {N_TOKENS} tokens: the flag adds "
        f"{np.median(costs):.2%} of CPU time ({min(costs):.2%} to {max(costs):.2%}); "
        f"ratios of runs {min(runs):.3f} to {max(runs):.3f}"
    )
    assert np.median(costs) <= 0.03
