# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Scoring by a flag as a first script does it: what we race against.

float32, eight texts a batch, each padded to the longest of them, and the logits of all
positions over the whole vocabulary.
"""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

BATCH_SIZE = 8


def load(path):
    """Return the language model in float32, and a function that pads texts."""
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.pad_token = tokenizer.eos_token

    def pad(texts):
        return tokenizer(list(texts), padding=True, return_tensors="pt")

    return model, pad


def plain_scores(model, pad, clf, texts):
    """Return what a fitted RedFlagClassifier gives, whose flag is a new token."""
    coef = torch.tensor(clf.coef_, dtype=torch.float32)
    scores = []
    for start in range(0, len(texts), BATCH_SIZE):
        batch = pad(texts[start : start + BATCH_SIZE])
        with torch.no_grad():
            out = model(**batch, output_hidden_states=True)
        flag = out.hidden_states[-1] @ coef + clf.intercept_
        log_odds = flag - out.logits.logsumexp(dim=2)
        mask = batch["attention_mask"]
        scores.append((log_odds * mask).sum(dim=1) / mask.sum(dim=1))
    return torch.cat(scores).numpy()
