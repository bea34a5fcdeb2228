# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Detection delay: how soon a flag is raised
==========================================

A text that is being written should be stopped early, and a harmless one never. Each
token is another chance for both. Here reviews of books and films are read token by
token; some of them tell, sooner or later, how the story ends. We compare ways to add
up what the positions say, and see what is left when a review begins as a harmless one.

The reviews are made of sentences at random. The language model is real.
"""

# %%
# Reviews
# -------
# Four to seven sentences. In a spoiler one of them, anywhere, gives the end away. The
# detectors learn from short posts of one or two sentences, and the sentences that give
# an end away are others there than in the reviews.
import matplotlib.pyplot as plt
import numpy as np

from skperf.datasets import fetch_smollm2
from skperf.inspection import DetectionDelayDisplay, StressDisplay
from skperf.llm import LanguageModel, MeanStatesProbe, RedFlagClassifier
from skperf.metrics import Prefill, detection_delay, evaluate_detectors

TALK = """
I liked the pictures of the coast. The actors are good. It is a little too long.
The first chapter has too many people in it. I read it on the train in two days.
My sister gave it to me for my birthday. The dialogues are sharp and funny.
The music does not fit at all. It is about a doctor who comes to a small village.
Two brothers fight for the farm of their parents. A ship is lost in a storm.
The book is thrilling and the film is fine as well. Go and see it in the cinema.
A lawyer defends a man who says that he did not do it. I had to turn on the lights.
The second season is better than the first one. I would watch it again tomorrow.
A woman finds a gun in the room that she has rented. Some pages I read twice.
"""
TOLD = """
In the end the doctor is the murderer. She dies in the last scene.
It was all a dream, as the last page shows. The brother did it for the money.
At the end the house burns down with all of them inside. The spy is shot at the border.
The twist is that both women are the same person. They never leave the island.
The detective himself turns out to be the killer. He confesses, and then he dies.
In the final chapter we learn that the father is alive. She kills the captain.
The robot dies to save the children. The lighthouse keeper turns out to be the thief.
It ends with the village burning. The queen poisons the count and gets away with it.
His wife was dead all along. They marry in the end, but she dies a year later.
The last scene shows that he has lied to everybody. Her father is the stranger.
"""


def sentences(text):
    """Return the sentences of a text."""
    return [part.strip() + "." for part in text.replace("\n", " ").split(". ") if part]


talk, told = sentences(TALK.strip().rstrip(".")), sentences(TOLD.strip().rstrip("."))
rng = np.random.default_rng(0)


def write(label, told, shortest=4, longest=7):
    """Write some sentences; with label 1 one of them gives the end away."""
    size = rng.integers(shortest, longest + 1)
    parts = rng.choice(talk, size=size, replace=False).tolist()
    if label:
        parts[rng.integers(len(parts))] = rng.choice(told)
    return " ".join(parts)


y_posts, y = np.arange(120) % 2, np.arange(50) % 2
posts = [write(label, told[::2], 1, 2) for label in y_posts]
test = [write(label, told[1::2]) for label in y]
calibration = [write(0, told) for _ in range(36)]
print(test[1])

# %%
# Detectors
# ---------
# The flag is the same in all three; what differs is how a text's score is made of those
# of its positions. The probe is logistic regression on the mean of the hidden states.
language_model = LanguageModel(fetch_smollm2(), dtype="float32")
detectors = {
    f"flag, {name}": RedFlagClassifier(language_model, layer=10, C=0.1, aggregate=name)
    for name in ("mean", "shrunk_mean", "cusum")
}
detectors["probe"] = MeanStatesProbe(language_model, layer=10)
for detector in detectors.values():
    detector.fit(posts, y_posts)

# %%
# One review, token by token
# --------------------------
# What each says of the text so far. A mean starts with the noise of a single token and
# then forgets what it has found; a sum of evidence starts at nothing and keeps it.
fig, axes = plt.subplots(1, 3, figsize=(10, 2.8), layout="constrained")
for ax, (name, detector) in zip(axes, detectors.items(), strict=False):
    for text, colour in zip(test[:6], ["tab:blue", "tab:red"] * 3, strict=True):
        (scores,) = detector.score_prefixes([text])
        ax.plot(range(1, len(scores) + 1), scores, color=colour, lw=1)
    ax.set(title=name, xlabel="tokens seen")
axes[0].set_ylabel("log-odds so far")
axes[0].plot([], [], color="tab:red", label="spoiler")
axes[0].plot([], [], color="tab:blue", label="other")
axes[0].legend()
plt.show()

# %%
# Recall against tokens seen
# --------------------------
# Each detector looks at every token. Its threshold is set on harmless reviews so that
# one in ten of them is flagged at *any* time, which is more to ask for than one in ten
# at a single look.
opening = "I really liked this one and would recommend it to everybody. "
evaluation = evaluate_detectors(
    detectors,
    test,
    y,
    calibration=calibration,
    stress=[Prefill(opening)],
    target_fpr=0.1,
    n_resamples=200,
)
DetectionDelayDisplay.from_evaluation(evaluation)
plt.show()

# %%
# A threshold for every look goes with the classifier: ``predict`` then flags what a
# stream would have flagged at any time. This is how long that took.
clf = detectors["flag, cusum"]
clf.fit_threshold(calibration, target_fpr=0.1, looks="every")
delay = detection_delay(clf.score_prefixes(test), clf.threshold_)
found = np.isfinite(delay)
assert (found == clf.predict(test)).all()
print(f"{found[y == 1].mean():.0%} of the spoilers are found")
print(f"half of these within {np.median(delay[found & (y == 1)]):.0f} tokens")

# %%
# Under stress
# ------------
# Now all reviews begin with the same kind words. Whether texts are put in order is one
# question, and whether the threshold, which was set without such words, still does what
# it should is another. Bars are 95 % intervals over reviews.
StressDisplay.from_evaluation(evaluation, target_fpr=0.1)
plt.show()
