# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables of what is found on the test part."""

from typing import NamedTuple

import numpy as np
from red_flag_baselines import n_characters
from red_flag_selection import ANSWERS, COMMANDS, EDGY, EVERYDAY, PAIRS
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit
from text_metrics import LikeLengthAUC, draw, fpr_at_recall

TARGET_FPR = 0.05
N_HALVES = 20


class Texts(NamedTuple):
    """Rows of the harmfulness data."""

    data: np.ndarray
    target: np.ndarray
    source: np.ndarray
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


def compare(scores, texts, source):
    """Print how methods order the texts of one source.

    Parameters
    ----------
    scores : dict of str to ndarray of shape (n_texts,)
        By method; one is called "probe".

    texts : Texts
        Test rows.

    source : str
        Name of the source.
    """
    rows = texts.source == source
    part = texts.take(rows)
    n_groups = len(np.unique(part.group))
    print(f"\n{source}: {len(rows[rows])} texts, {part.target.sum()} of them harmful;")
    print(f"2000 bootstrap samples of {n_groups} groups")
    weights = draw(part.group)
    lengths = n_characters(part.data)
    areas = [
        LikeLengthAUC(part.target, length) for length in (lengths, 0 * lengths + 1)
    ]
    beside = scores["probe"][rows]
    show(
        ["method", "like length", "beside the probe", "AUC", "AP", "FPR95"],
        [
            [
                name,
                areas[0].interval(values[rows], weights),
                areas[0].interval(values[rows], weights, baseline=beside),
                areas[1].interval(values[rows], weights),
                float(average_precision_score(part.target, values[rows])),
                fpr_at_recall(part.target, values[rows]),
            ]
            for name, values in scores.items()
        ],
    )


def flags(models, texts):
    """Print what models flag at their default threshold, and two areas."""
    table = []
    short, pairs = np.isin(texts.source, [EDGY, COMMANDS]), texts.source == PAIRS
    for name, model in models.items():
        scores = model.decision_function(texts.data)
        shares = shares_above(0, scores, texts)
        areas = [
            float(roc_auc_score(texts.target[rows], scores[rows]))
            for rows in (short, pairs)
        ]
        at_recall = fpr_at_recall(texts.target[short], scores[short], 0.8)
        table.append([name, *shares.values(), at_recall, *areas])
    ends = ["edgy at 80 % commands", "AUC commands, edgy", "AUC pairs"]
    show(["model", *shares, *ends], table)


def shares_above(threshold, scores, texts):
    """Return the shares of kinds of texts that are above a threshold."""
    answers = texts.source == ANSWERS
    kinds = {
        "edgy": texts.source == EDGY,
        "commands": texts.source == COMMANDS,
        "harmless answers": answers & (texts.target == 0),
        "harmful answers": answers & (texts.target == 1),
        "everyday": np.isin(texts.source, EVERYDAY),
    }
    return {
        kind: float(np.mean(scores[rows] > threshold)) for kind, rows in kinds.items()
    }


def transfer(flag, texts):
    """Print what is flagged with thresholds that were set on some harmless texts.

    Half of the groups serve to set the threshold and the others are flagged; means
    over random halves are shown.
    """
    scores = flag.decision_function(texts.data)
    halves = GroupShuffleSplit(N_HALVES, test_size=0.5, random_state=0)
    table = []
    for kind, sources in [
        ("everyday", EVERYDAY),
        ("edgy", [EDGY]),
        ("harmless answers", [ANSWERS]),
    ]:
        harmless = np.isin(texts.source, sources) & (texts.target == 0)
        means = []
        for kept, other in halves.split(scores, groups=texts.group):
            flag.fit_threshold(texts.data[kept][harmless[kept]], TARGET_FPR)
            shares = shares_above(flag.threshold_, scores[other], texts.take(other))
            means.append([*shares.values()])
        table.append([kind, *np.mean(means, axis=0).tolist()])
    show(["threshold from", *shares], table)
