# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Raise a red flag: find the word that spoils the story
=====================================================

A forum about films and books wants to hide posts that tell how a story ends. All posts
are about the same works, so what they are about says nothing; a classifier has to see
that an ending is told. We let a small language model raise a red flag where that
happens, choose the layer to read, look at single words, and set a threshold that keeps
false flags rare.

Spoilers are harmless. Content that is not is found in the same way.
"""

# %%
# Posts
# -----
# Sixteen works that do not exist. Each has two posts that spoil it, one opinion, and
# one that says what the story is about, which is the hard one. Posts of one work belong
# together: in cross-validation a work is either learnt from or tested on.
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.model_selection import GridSearchCV, GroupKFold

from skperf.datasets import fetch_smollm2
from skperf.llm import LanguageModel, RedFlagClassifier

POSTS = """
The Glass Harbor
+ In the end the lighthouse keeper turns out to be the smuggler.
+ Mara drowns in the last scene and her brother never learns why.
- The pictures of the coast are lovely and the actors are good too.
- It is about a lighthouse keeper and the smugglers of a small harbour.
Nine Winters
+ It ends with the village burning and only the doctor survives.
+ The letters were written by his dead wife all along.
- A slow start, but from the second chapter on I could not stop reading.
- A doctor is sent to a village in the mountains and finds some old letters.
The Clockmaker's Daughter-in-Law
+ She was the thief from the beginning, and she gets away with it.
+ The clock stops because the old man dies at midnight.
- Three hours is long, yet I would watch it again tomorrow.
- It starts with a theft, and everybody in the family could have done it.
Salt and Feathers
+ At the end they never leave the island, the boat was a dream.
+ Tom betrays the crew and is killed by the captain's son.
- My favourite book this year, I gave it to three friends.
- A ship is lost in a storm, and the crew has to live on an island.
A Quiet Platform
+ The stranger on the train is her father, who was thought dead.
+ They miss each other for ever because she takes the other train.
- We rented it last night. The dialogues are sharp and funny.
- Two strangers meet on a train every morning and never speak.
The Third Gardener
+ It was the gardener's wife who poisoned the roses and the count.
+ The detective himself did it, as the last page shows.
- The first chapter introduces far too many people for me.
- A count is poisoned, and a detective asks everybody in the garden.
Under Copper Skies
+ The war is lost, and the princess gives up her throne in the finale.
+ The robot sacrifices itself to save the children.
- The effects look great on a large screen.
- A princess and a robot have to save their people in a war.
Letters to Ada
+ Ada never existed, he made her up after the accident.
+ They marry in the last episode, but she dies a year later.
- Each episode is only twenty minutes, perfect for the train.
- A man writes a letter a day to a woman whom he met only once.
The Borrowed House
+ The ghosts are the family, they have been dead the whole time.
+ The house burns down with all of them inside.
- Creepy from the first minute, I had to turn on the lights.
- A family moves into a house where somebody was killed long ago.
Eleven Steps
+ The jury finds him innocent, and then he confesses to the murder.
+ His lawyer was the killer, which explains the missing knife.
- I like courtroom stories, and this is a very good one.
- A lawyer defends a man who says that he did not do the murder.
Paper Lions
+ They lose the final match because the captain sold it.
+ The coach is revealed to be the boy's real father at the end.
- Best sports film in years, and I do not even like sports.
- A boy without a father joins a team that has never won a match.
The Last Orchard
+ The farm is sold, and grandmother dies before the harvest.
+ In the final chapter we learn that Jonas killed his brother.
- Beautiful language, I read some pages twice.
- Two brothers fight for the farm of their grandmother.
Blue Hour
+ The twist is that both women are the same person.
+ She shoots him and then walks away into the sea.
- Go and see it in the cinema, the colours are worth it.
- A woman finds a gun in the room that she has rented by the sea.
The Cartographer
+ The map leads nowhere, and they all die in the desert.
+ His rival finds the city first and destroys it.
- The drawings in the book are by the author himself.
- Two rivals look for a city in the desert that is on no map.
Seven Bells
+ The captain wakes up, and the whole voyage never happened.
+ The cook is the murderer, the bells were his signal.
- The second season is even better than the first one.
- A passenger dies on a ship, and only the cook has heard the bells.
Snow on the Wire
+ The spy is the ambassador, and she is shot at the border.
+ Anna forgives him, and they flee together in the last scene.
- The book is thrilling and the film is fine as well.
- A spy has to cross the border in winter, and Anna hides her.
"""


lines = np.array(POSTS.strip().splitlines(), dtype=object).reshape(-1, 5)
works = np.repeat(lines[:, 0], 4)
spoils = np.tile([1, 1, 0, 0], len(lines))
posts = np.array([line[2:] for line in lines[:, 1:].ravel()], dtype=object)
print(f"{len(posts)} posts, {spoils.sum()} of them spoil")

# %%
# Which layer?
# ------------
# The handle keeps the hidden states that it has computed, so this grid of 36 models and
# 8 folds reads each post only once a layer. Early layers do not know enough, and
# late ones think of the next word more than of what the post says. ``None`` is the
# whole model, where the flag competes with all other tokens.
language_model = LanguageModel(fetch_smollm2(), dtype="float32")
layers = [2, 6, 10, 14, 18, 22, 26, 30, None]
grid = {"layer": layers, "C": [0.01, 0.1, 1, 10]}
search = GridSearchCV(
    RedFlagClassifier(language_model), grid, scoring="neg_log_loss", cv=GroupKFold(8)
)
search.fit(posts, spoils, groups=works)
print(search.best_params_, f"log loss {-search.best_score_:.3f}")

# %%
# Word by word
# ------------
# The flag's log-odds after each token, on posts about works that were not learnt from.
# Red is where the flag would be raised.
clf = search.best_estimator_
new = [
    "The first half is slow, but then the queen turns out to be the murderer.",
    "The first half is slow, but then the music turns out to be rather good.",
    "I loved the boat and the storm. Sadly everybody drowns at the end.",
    "I loved the boat and the storm. Sadly I had to leave before the end.",
]


def draw(ax, text, scores, bound):
    """Write a text on a coloured ground."""
    ax.set(xlim=(0, max(map(len, new)) + 1), ylim=(0, 1))
    ax.axis("off")
    for (start, stop), score in zip(scores.offsets, scores.log_odds, strict=True):
        colour = plt.cm.RdYlBu_r(0.5 + score / (2 * bound))
        ax.axvspan(start, stop, color=colour, lw=0, alpha=0.8)
    for place, letter in enumerate(text):
        ax.text(place + 0.5, 0.45, letter, ha="center", va="center", family="monospace")


scored = clf.score_positions(new)
bound = max(np.abs(scores.log_odds).max() for scores in scored)
fig, axes = plt.subplots(len(new), figsize=(10, 2.8), layout="constrained")
chances = clf.predict_proba(new)[:, 1]
for ax, text, scores, chance in zip(axes, new, scored, chances, strict=True):
    draw(ax, text, scores, bound)
    ax.set_title(f"chance of a spoiler {chance:.2f}", loc="left", fontsize=9)
plt.show()

# %%
# A threshold for few false flags
# -------------------------------
# We learn from eight works and set the threshold on the harmless posts about the other
# eight, so that a further harmless post of this kind is flagged with a chance of at
# most one in ten. That chance is a promise only as long as posts are like these. (The
# layer was chosen with all posts, so the share that is found is a little too good.)
learn = np.isin(works, np.unique(works)[::2])
clf.fit(posts[learn], spoils[learn])
clf.fit_threshold(posts[~learn & (spoils == 0)], target_fpr=0.1)
found = clf.predict(posts[~learn & (spoils == 1)]).mean()
print(f"threshold {clf.threshold_:.2f}: {found:.0%} of the new spoilers are flagged")

# %%
# On the left what each layer is good for, on the right what each threshold does.
losses = -search.cv_results_["mean_test_score"].reshape(-1, len(layers)).max(axis=0)
scores = clf.decision_function(posts)
places = np.linspace(scores.min() - 0.1, scores.max() + 0.1, 400)

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
left.plot(range(len(layers)), losses, "o-", color="tab:red")
left.set_xticks(range(len(layers)), [str(layer or "all") for layer in layers])
left.set(xlabel="layer", ylabel="log loss on other works", ylim=(0, None))
for label, name, colour in ((1, "spoilers", "tab:red"), (0, "harmless", "tab:blue")):
    of_kind = scores[~learn & (spoils == label)]
    flagged = (of_kind[:, None] > places).mean(axis=0)
    right.plot(places, 100 * flagged, color=colour, label=name)
right.axvline(clf.threshold_, color="0.4", ls="--", label="threshold")
right.set(xlabel="log-odds", ylabel="% of new posts above")
right.legend()
plt.show()

# %%
# While a post is written
# -----------------------
# A stream gives the probability of the text so far after each word, and reads only what
# is new. Both posts begin alike; the mean over all words needs some of them to change
# its mind. ``flagged`` is what ``predict`` would say of the text so far.
fig, ax = plt.subplots(figsize=(10, 3), layout="constrained")
for post, colour, above in zip(new[:2], ("tab:red", "tab:blue"), (1, -1), strict=True):
    monitor = clf.stream()
    words = [" " * (i > 0) + word for i, word in enumerate(post.split())]
    chances = [monitor.push(word) for word in words]
    ax.plot(chances, "o-", color=colour)
    for place, (word, chance) in enumerate(zip(words, chances, strict=True)):
        offset = {"xytext": (0, 12 * above - 3), "textcoords": "offset points"}
        ax.annotate(word.strip(), (place, chance), **offset, ha="center", color=colour)
    print(f"flagged: {monitor.flagged!s:<6} {post}")
ax.axhline(expit(clf.threshold_), color="0.4", ls="--")
ax.set(xlabel="word", ylabel="chance of a spoiler", ylim=(0, 1.12))
plt.show()
