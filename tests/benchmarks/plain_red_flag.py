# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Scoring by a flag, and LoRA steps, as a first script does it: what we race against.

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


class PlainStep:
    """A step of LoRA training, with adapters on all linear maps of all layers.

    A second pass, without adapters, gives the reference, and both terms of the loss,
    the flag's and the divergence, are computed at all positions.
    """

    def __init__(self, path, rank):
        from peft import LoraConfig, get_peft_model

        model, self.pad = load(path)
        config = LoraConfig(r=rank, lora_alpha=rank, target_modules="all-linear")
        self.model = get_peft_model(model, config)
        self.coef = torch.zeros(model.config.hidden_size, requires_grad=True)
        adapters = [w for w in self.model.parameters() if w.requires_grad]
        self.optimizer = torch.optim.Adam([*adapters, self.coef], lr=1e-4)

    def __call__(self, texts, flagged):
        """Take a step on some texts, the flagged of which are told by a mask."""
        batch = self.pad(texts)
        with torch.no_grad(), self.model.disable_adapter():
            reference = self.model(**batch).logits.log_softmax(dim=2)
        out = self.model(**batch, output_hidden_states=True)
        flag = out.hidden_states[-1] @ self.coef
        logits = torch.cat([out.logits, flag[:, :, None]], dim=2).log_softmax(dim=2)
        divergence = (reference.exp() * (reference - logits[:, :, :-1])).sum(dim=2)
        flagged = torch.from_numpy(flagged)[:, None] == 1
        losses = torch.where(flagged, -logits[:, :, -1], divergence)
        mask = batch["attention_mask"]
        self.optimizer.zero_grad()
        ((losses * mask).sum(dim=1) / mask.sum(dim=1)).mean().backward()
        self.optimizer.step()
