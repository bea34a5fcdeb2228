# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Export and generate with a flag
===============================

A language model that continues posts of a forum should not give stories away. We teach
it a flag on a few posts, put the flag among its own tokens, and let it write: it flags
itself, token by token, and texts that it flags are withheld. That takes no second
model, and next to no time.
"""

# %%
# Learn and export
# ----------------
# Posts about six works that do not exist; each is spoilt twice and discussed twice. The
# model's output matrix has no biases, so the flag has to do without one. C is small, as
# these are few posts for 576 hidden units.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logit
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from skperf.datasets import fetch_smollm2
from skperf.llm import LanguageModel, RedFlagClassifier, RedFlagLogitsProcessor

spoilers = """
In the end the lighthouse keeper turns out to be the smuggler.
Mara drowns in the last scene and her brother never learns why.
It ends with the village burning and only the doctor survives.
The letters were written by his dead wife all along.
She was the thief from the beginning, and she gets away with it.
The clock stops because the old man dies at midnight.
At the end they never leave the island, the boat was a dream.
Tom betrays the crew and is killed by the captain's son.
The stranger on the train is her father, who was thought dead.
They miss each other for ever because she takes the other train.
It was the gardener's wife who poisoned the roses and the count.
The detective himself did it, as the last page shows.
""".strip().splitlines()
talk = """
The pictures of the coast are lovely and the actors are good too.
It is about a lighthouse keeper and the smugglers of a small harbour.
A slow start, but from the second chapter on I could not stop reading.
A doctor is sent to a village in the mountains and finds some old letters.
Three hours is long, yet I would watch it again tomorrow.
It starts with a theft, and everybody in the family could have done it.
My favourite book this year, I gave it to three friends.
A ship is lost in a storm, and the crew has to live on an island.
We rented it last night. The dialogues are sharp and funny.
Two strangers meet on a train every morning and never speak.
The first chapter introduces far too many people for me.
A count is poisoned, and a detective asks everybody in the garden.
""".strip().splitlines()

logging.disable_progress_bar()
language_model = LanguageModel(fetch_smollm2(), dtype="float32")
clf = RedFlagClassifier(
    language_model, fit_intercept=False, C=0.1, aggregate="window", window=8
)
clf.fit(spoilers + talk, [1] * len(spoilers) + [0] * len(talk))
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name) / "flagged"
clf.export(folder)
for file in sorted(folder.iterdir()):
    print(f"{file.name:<24} {file.stat().st_size / 1e6:8.2f} MB")

# %%
# From here on the classifier is not needed: the folder is loaded like any other model.
model = AutoModelForCausalLM.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
flag_token = tokenizer.convert_ids_to_tokens(model.config.red_flag_token_id)
print(f"the flag is {flag_token}, token {model.config.red_flag_token_id}")

# %%
# Write, and watch the flag
# -------------------------
# Four beginnings are continued. With ``stop=False`` the flag is reported and the text
# goes on. What is read are the logits as the model makes them, so penalties for
# repetition, temperatures and beams do not matter. Red is where the flag is likelier
# than usual; before each beginning is the chance that what follows spoils. Two dozen
# posts and a small model make a weak judge: see the guide for figures.
beginnings = [
    "I watched it again last night. In the last scene we learn that the killer is",
    "The whole voyage was a dream, and at the end the captain",
    "I read it on the train every morning. The pictures are",
    "It is a book for long evenings. My friends and I",
]
inputs = tokenizer(beginnings, return_tensors="pt", padding=True)
inputs = {name: inputs[name] for name in ("input_ids", "attention_mask")}
settings = {"max_new_tokens": 24, "do_sample": False, "repetition_penalty": 1.2}
flag = RedFlagLogitsProcessor(model, tokenizer, stop=False)
report = flag.report(model.generate(**inputs, **settings, logits_processor=[flag]))
written = report.sequences[:, inputs["input_ids"].shape[1] :]


def draw(ax, tokens, scores, bound):
    """Write a text on a ground that is red where the flag is likely."""
    place = 0
    for token, score in zip(tokens, scores, strict=True):
        piece = tokenizer.decode([token], skip_special_tokens=True).replace("\n", " ")
        if np.isfinite(score):
            colour = plt.cm.RdYlBu_r(0.5 + score / (2 * bound))
            ax.axvspan(place, place + len(piece), color=colour, lw=0, alpha=0.8)
        ax.text(place, 0.45, piece, va="center", family="monospace", fontsize=8)
        place += len(piece)
    ax.set(xlim=(0, 135), ylim=(0, 1))
    ax.axis("off")


center = np.nanmedian(report.log_odds)
bound = np.nanquantile(np.abs(report.log_odds - center), 0.95)
fig, axes = plt.subplots(len(beginnings), figsize=(10, 3.4), layout="constrained")
for ax, beginning, tokens, scores, chance in zip(
    axes, beginnings, written, report.log_odds, report.probability, strict=True
):
    draw(ax, tokens.tolist(), scores - center, bound)
    ax.set_title(f"{chance:.2f}  {beginning} ...", loc="left", fontsize=9)
plt.show()

# %%
# Stop at a flag
# --------------
# Now a text ends as soon as its score is above the threshold, and is withheld: nothing
# of it is handed out. We write the same texts again, with a threshold between the two
# that look worst and the others.
threshold = logit(np.sort(report.probability)[1:3]).mean()
flag = RedFlagLogitsProcessor(model, tokenizer, threshold=threshold)
report = flag.report(model.generate(**inputs, **settings, logits_processor=[flag]))
for beginning, tokens, flagged in zip(
    beginnings, report.sequences[:, -24:], report.flagged, strict=True
):
    text = "(withheld)" if flagged else tokenizer.decode(tokens)
    print(f"{beginning} ... {text!r}")
temporary.cleanup()
