# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables of what is found on texts that nothing was chosen by."""

from functools import partial
from typing import NamedTuple

import numpy as np
from red_flag_selection import ANSWERS, COMMANDS, EDGY, TARGET_FPR, lengths_of
from sklearn.model_selection import GroupShuffleSplit

from skperf.metrics import (
    bootstrap_interval,
    detection_delay,
    like_length_auc_score,
    recall_at_fpr,
)

EVERYDAY = ["chatterbot", "chitchat", "math"]
N_HALVES = 20


class Texts(NamedTuple):
    """Rows of the harmfulness data."""

    data: np.ndarray
    target: np.ndarray
    source: np.ndarray
    category: np.ndarray
    group: np.ndarray

    def take(self, rows):
        """Return some of the rows."""
        return Texts(*(column[rows] for column in self))


def show(header, rows):
    """Print a table."""
    cells = [header, *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = [c.ljust(w) for c, w in zip(row, widths, strict=True)]
        print("  ".join(padded).rstrip(), flush=True)


def _cell(value):
    if isinstance(value, tuple):
        return "{:.3f} [{:.3f}, {:.3f}]".format(*value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def show_candidates(name, candidates):
    """Print candidates with their figures in cross-validation."""
    print(f"\n{name}")
    names = dict.fromkeys(name for c in candidates for name in c)
    show([*names], [[c.get(name, "") for name in names] for c in candidates])


def show_figures(figures, *columns):
    """Print a frame of figures; of each group of three columns one interval."""
    table = [
        [row["stress"], row["detector"], row["figure"]]
        + [tuple(row[name] for name in _ends(column)) for column in columns]
        for row in figures.to_dict("records")
    ]
    show(["stress", "detector", "figure", *columns], table)


def show_tokens(tokens):
    """Print a frame of shares by number of tokens."""
    names = ["detector", "figure", "tokens"]
    shares = zip(*(tokens[name] for name in _ends("value")), strict=True)
    rows = zip(tokens[names].itertuples(index=False), shares, strict=True)
    show([*names, "share"], [[*named, share] for named, share in rows])


def _ends(column):
    if column == "value":
        return "value", "low", "high"
    return column, f"{column}_low", f"{column}_high"


def by_tokens(detectors, answers, counts=(1, 4, 16, 32, 64, None)):
    """Print how well the first tokens of answers put these in order."""
    table = []
    for name, detector in detectors.items():
        prefixes = detector.score_prefixes(answers.data)
        areas = [
            _area(answers, [s[: n or len(s)][-1] for s in prefixes]) for n in counts
        ]
        table.append([name, *areas])
    show(["like-length AUC of", *(f"{n or 'all'} tokens" for n in counts)], table)


def _area(answers, scores):
    return bootstrap_interval(
        like_length_auc_score,
        answers.target,
        np.array(scores),
        lengths=lengths_of(answers.data),
        groups=answers.group,
        n_resamples=500,
    )


def while_written(detectors, answers):
    """Print what is found at any time, at the threshold that suits these answers."""
    recall = partial(recall_at_fpr, target_fpr=TARGET_FPR)
    harmful = answers.target == 1
    table = []
    for name, detector in detectors.items():
        prefixes = detector.score_prefixes(answers.data)
        highest = np.array([scores.max() for scores in prefixes])
        found = bootstrap_interval(
            recall, answers.target, highest, groups=answers.group, n_resamples=500
        )
        limit = threshold_at_fpr(answers.target, highest)
        delay = detection_delay(prefixes, limit, relative=True)[harmful]
        median = float(np.median(delay[np.isfinite(delay)]))
        table.append([name, found, _area(answers, highest), median])
    show(["looked at after each token", "recall", "like-length AUC", "median"], table)


def threshold_at_fpr(target, scores):
    """Return the smallest score above which at most the target rate is flagged."""
    harmless = np.sort(scores[target == 0])[::-1]
    return harmless[int(TARGET_FPR * len(harmless))]


def misses(first, second, answers):
    """Print how often two detectors miss the same harmful answers."""
    harmful = answers.target == 1
    missed = []
    for detector in (first, second):
        scores = detector.decision_function(answers.data)
        missed.append(scores[harmful] <= threshold_at_fpr(answers.target, scores))
    shares = [float(part.mean()) for part in missed]
    both = float((missed[0] & missed[1]).mean())
    show(
        ["missed by the flag", "by words", "by both", "if independent"],
        [[*shares, both, shares[0] * shares[1]]],
    )


def shares_above(threshold, scores, texts):
    """Return the shares of kinds of texts that are above a threshold."""
    answers = texts.source == ANSWERS
    kinds = {
        "everyday": np.isin(texts.source, EVERYDAY),
        "harmless answers": answers & (texts.target == 0),
        "edgy": texts.source == EDGY,
        "harmful answers": answers & (texts.target == 1),
        "commands": texts.source == COMMANDS,
    }
    return {
        kind: float(np.mean(scores[rows] > threshold)) for kind, rows in kinds.items()
    }


def flags(models, texts):
    """Print what models flag at their default threshold."""
    shares = [
        {"model": name} | shares_above(0, model.decision_function(texts.data), texts)
        for name, model in models.items()
    ]
    show(list(shares[0]), [list(row.values()) for row in shares])


def transfer(flag, texts, target_fpr):
    """Print what is flagged with thresholds that were set on some harmless texts.

    Half of the groups serve to set the threshold and the others are flagged; means
    over random halves are shown.
    """
    scores = flag.decision_function(texts.data)
    halves = GroupShuffleSplit(N_HALVES, test_size=0.5, random_state=0)
    table = []
    for kind, sources in [
        ("everyday", EVERYDAY),
        ("harmless answers", [ANSWERS]),
        ("edgy", [EDGY]),
    ]:
        harmless = np.isin(texts.source, sources) & (texts.target == 0)
        means = []
        for kept, other in halves.split(scores, groups=texts.group):
            flag.fit_threshold(texts.data[kept][harmless[kept]], target_fpr)
            shares = shares_above(flag.threshold_, scores[other], texts.take(other))
            means.append([*shares.values()])
        table.append([kind, *np.mean(means, axis=0).tolist()])
    show(["threshold from", *shares], table)
