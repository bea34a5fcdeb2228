# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
A content filter whose authors write back
=========================================

A neighbourhood forum rejects posts that sell something. A small language model raises
a red flag where a post sells. Rejected authors write their posts anew, in the manner
of others, and send them again. The forum trains its filter on what it sees now,
authors react to that filter, and so on, until filter and posts fit each other.

The posts are made of templates, and who rewrites what is simulated. The language model
is real, and it reads each post as it was rewritten.
"""

# %%
# Posts
# -----
# A post is an opening, a message and a closing. Four in ten messages do not tell
# whether something is for sale. But sellers tend to be loud and others calm, so the
# style gives them away, as long as nobody minds.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.datasets import fetch_smollm2
from skperf.llm import LanguageModel, RedFlagClassifier
from skperf.metrics import make_performative_scorer

ITEMS = ["bicycle", "lawn mower", "cello", "tent", "sewing machine", "ladder", "piano"]
SELLING = """
I have a {} that I no longer need, and forty takes it.
My {} is looking for a new owner, the price is on the sign.
For a small price our {} can be yours this week.
We are moving and part with our {} for half of what it cost.
Whoever pays fifty gets my {} and everything that belongs to it.
The {} from our cellar goes to the first who brings twenty.
You can buy my {}, it has been kept dry.
Does anybody want our {} for thirty?
"""
OTHER = """
Can somebody lend me a {} until Sunday?
Our {} was taken from the yard last night.
I found a {} behind the school, does anybody miss it?
My neighbour has painted his {} green, and I like it.
Where do I leave a broken {} that nobody can mend?
I spent forty on a {} last year and have regretted it since.
The library now has a {} that members may use.
My son is writing about the history of the {}.
"""
EITHER = """
There is a {} in our yard that nobody uses.
I have a {} and do not know what to do with it.
Is anybody looking for a {}?
This is about the {} in front of number nine.
Our {} is as good as new.
My daughter has outgrown her {}.
"""
LOUD = [
    ("Great news!", "Be quick!"),
    ("Look here!", "Call me any time!"),
    ("Only this week!", "First come, first served!"),
    ("Do not miss this!", "You will love it!"),
    ("Hello dear neighbours!", "Do not wait!"),
    ("What a chance!", "Come and see it!"),
]
CALM = [
    ("Good evening.", "Thanks for reading."),
    ("A short note.", "Best wishes from number nine."),
    ("I am new here.", "I hope this is the right place."),
    ("Just a thought.", "Have a quiet week."),
    ("Hello.", "Regards."),
    ("To whom it concerns.", "Sorry for the length."),
]


def write_post(rng, sells):
    """Put a post together."""
    styles = LOUD if sells == (rng.random() < 0.9) else CALM
    opening, closing = styles[rng.integers(len(styles))]
    kind = EITHER if rng.random() < 0.4 else SELLING if sells else OTHER
    message = rng.choice(kind.strip().splitlines()).format(rng.choice(ITEMS))
    return {"opening": opening, "message": message, "closing": closing}


rng = np.random.default_rng(0)
sells = np.tile([0, 1], 100)
posts = pd.DataFrame([write_post(rng, kind) for kind in sells])
new_posts = pd.DataFrame([write_post(rng, kind) for kind in sells])
print(posts.head(2).agg(" ".join, axis=1).to_string(index=False))

# %%
# The filter and the reaction
# ---------------------------
# The flag can be raised after each token, and the mean of its log-odds there is the
# post's score. ``LanguageModel`` keeps what it has read, so that it reads only texts
# that are new, however often the filter is retrained. It stops after layer 10 of 30,
# which is enough here.
#
# A post that sells with the predicted probability :math:`\hat y` is rejected with
# probability :math:`\delta + (1 - \delta)\,\hat y` for :math:`\delta = 0.2`. Its author
# then takes opening and closing from the post of somebody else. The message stays, and
# who sells still sells. These columns hold text: what the new post scores is for the
# language model to say.
language_model = LanguageModel(fetch_smollm2(), dtype="float32")


def join(posts, columns):
    """Make one text of some columns."""
    return posts[columns].agg(" ".join, axis=1)


def make_filter(*columns):
    """Return a filter that reads these columns."""
    text = FunctionTransformer(join, kw_args={"columns": list(columns)})
    return make_pipeline(text, RedFlagClassifier(language_model, layer=10, tol=1e-5))


shift = ResampleIfRejected(
    delta=0.2, strategic_features=["opening", "closing"], n_donors=3
)

# %%
# Train, retrain, or look away
# ----------------------------
# The first filter is trained as if nobody would react. ``RepeatedRiskMinimizer``
# trains the flag anew on what the last filter has brought about. A third filter does
# not read what authors can change.
whole = make_filter("opening", "message", "closing")
filters = {
    "first": whole,
    "retrained": RepeatedRiskMinimizer(clone(whole), shift, random_state=0),
    "message only": make_filter("message"),
}
for each in filters.values():
    each.fit(posts, sells)

history = filters["retrained"].history_
print(filters["retrained"].diagnosis_)
print("log loss before", history["risk_before"].round(3))
print("      and after", history["risk_after"].round(3))
print("  predictions moved by", history["prediction_gap"].round(5))

# %%
# What is it worth?
# -----------------
# On 200 other posts of the same kind, so that an accuracy has a standard error of two
# to three points. *Caught* is the share of sellers that are flagged.
measures = {"accuracy": "accuracy", "caught": "recall"}
results = pd.DataFrame(
    {
        (title, when): [score(each, new_posts, sells) for each in filters.values()]
        for title, scoring in measures.items()
        for when, score in (
            ("nobody reacts", get_scorer(scoring)),
            ("authors react", make_performative_scorer(scoring, shift)),
        )
    },
    index=list(filters),
)
print((100 * results).round(1).to_string())

# %%
# The first filter looks good and is not. Retraining wins more than half of the loss
# back, and more than not reading what can be changed: the filter learns to rely on the
# message where it tells something, and on the style as far as it still does.
#
# The new posts are made of the same messages. This shows what a reaction does, not
# whether a filter copes with new wordings. A model this small does not do so well: in
# trials with messages that it had not learnt from, style was what it went by, and
# retraining won nothing.

# %%
# The picture
# -----------
# Above, a seller's post before and after it is rewritten, as two filters read it. Red
# is where the flag would be raised. Below on the left, what each filter seems to be
# worth, and what it is worth once authors react.
texts = [
    "Great news! My cello is looking for a new owner. Be quick!",
    "Good evening. My cello is looking for a new owner. Thanks for reading.",
]


def draw_text(ax, text, scores):
    """Write a text on a coloured ground."""
    ax.set(xlim=(0, max(map(len, texts))), ylim=(0, 1))
    ax.axis("off")
    for (start, stop), score in zip(scores.offsets, scores.log_odds, strict=True):
        colour = plt.cm.RdYlBu_r(0.5 + score / 12)
        ax.axvspan(start, stop, color=colour, lw=0, alpha=0.8)
    for place, letter in enumerate(text):
        ax.text(place + 0.5, 0.45, letter, ha="center", va="center", family="monospace")


def draw_filter(axes, name, flag):
    """Draw both versions of the post as a filter reads them."""
    scores, chances = flag.score_positions(texts), flag.predict_proba(texts)[:, 1]
    for ax, text, read, chance in zip(axes, texts, scores, chances, strict=True):
        draw_text(ax, text, read)
        ax.set_title(
            f"{name} filter: {chance:.2f} that it sells", loc="left", fontsize=9
        )


fig = plt.figure(figsize=(9, 6), layout="constrained")
above, below = fig.subfigures(2)
strips = above.subplots(4)
draw_filter(strips[:2], "first", filters["first"][-1])
draw_filter(strips[2:], "retrained", filters["retrained"].estimator_[-1])

left, right = below.subplots(1, 2)
places = np.arange(len(filters))
seems, real = 100 * results["accuracy"].to_numpy().T
left.hlines(places, real, seems, color="0.7")
left.plot(seems, places, "o", color="0.5", label="nobody reacts")
left.plot(real, places, "o", color="tab:red", label="authors react")
left.set_yticks(places, list(filters))
left.set(xlabel="accuracy in %", xlim=(50, 100), ylim=(2.9, -0.5))
left.legend(loc="lower left", ncols=2, frameon=False)

rounds = np.arange(1, filters["retrained"].n_iter_ + 1)
right.plot(rounds, history["prediction_gap"], "o-", color="tab:red")
right.axhline(filters["retrained"].tol, color="0.6", ls=":")
right.set(yscale="log", xlabel="round", ylabel="move of the predictions")
right.set_xticks(rounds)
plt.show()
