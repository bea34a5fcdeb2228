# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Choose a flag and a probe inside the training part of the data."""

from copy import copy

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

from skperf.llm import RedFlagClassifier
from skperf.metrics import like_length_auc_score, recall_at_fpr

ANSWERS, PAIRS = "scored_answers", "matched_prompts"
EDGY, COMMANDS = "edgy_prompts", "adv_bench"
SOURCES = [ANSWERS, PAIRS, EDGY]
WATCHING = ["mean", "cusum", "shrunk_mean"]
TARGET_FPR = 0.1
PAIRS_GOAL = 0.95


def judged(X):
    """Return the texts that the labels are about: the response where there is one."""
    return np.where(X[:, 1] == "", X[:, 0], X[:, 1])


def lengths_of(X):
    """Return the numbers of characters of the judged texts."""
    return np.array([len(text) for text in judged(X)])


def splits(texts, sources, n_splits=None):
    """Return rows of some sources to train on and rows to score, for each fold.

    Answers are left out by their category of harm, prompts are dealt out by group.
    """
    answers = texts.source == ANSWERS
    categories, number = np.unique(texts.category[answers], return_inverse=True)
    fold = np.unique(texts.group, return_inverse=True)[1] % len(categories)
    fold[answers] = number
    used = np.isin(texts.source, sources)
    shown = used & (answers | (texts.source == PAIRS))
    return [
        (np.flatnonzero(used & (fold != k)), np.flatnonzero(shown & (fold == k)))
        for k in range(len(categories))
    ][:n_splits]


class Criterion:
    """A scorer: what is chosen by, for each aggregate of a red flag at once."""

    def __init__(self, texts):
        self.source = dict(zip(judged(texts.data), texts.source, strict=True))

    def __call__(self, estimator, X, y):
        """Return figures, named by aggregate and part."""
        source = np.array([self.source[text] for text in judged(X)])
        answers, pairs = source == ANSWERS, source == PAIRS
        found = {}
        for aggregate, scores in _scores(estimator, X):
            lengths = lengths_of(X[answers])
            area = like_length_auc_score(y[answers], scores[answers], lengths)
            found[f"{aggregate}:answers"] = area
            found[f"{aggregate}:pairs"] = roc_auc_score(y[pairs], scores[pairs])
        if isinstance(estimator, RedFlagClassifier):
            found |= _while_written(estimator, X[answers], y[answers])
            found |= _price(estimator, X[answers & (y == 0)])
        return found


def _scores(estimator, X):
    if not isinstance(estimator, RedFlagClassifier):
        return [("mean", estimator.decision_function(X))]
    names = estimator.get_feature_names_out()
    aggregates = [name.removeprefix("red_flag_") for name in names]
    return zip(aggregates, estimator.transform(X).T, strict=True)


def _while_written(flag, X, y):
    """Return the recall of a flag that is looked at after each token."""
    found = {}
    for aggregate in WATCHING:
        watching = copy(flag)
        watching.aggregate_ = aggregate
        highest = [scores.max() for scores in watching.score_prefixes(X)]
        recall = recall_at_fpr(y, highest, target_fpr=TARGET_FPR)
        found[f"{aggregate}:any time"] = recall
    return found


def _price(flag, X):
    return {} if flag.layer is not None else {"mean:nats": sum(flag.divergence(X))}


def search(estimator, grid, texts, sources=SOURCES, n_splits=None):
    """Return candidates: parameters, aggregate and figures."""
    cv = splits(texts, sources, n_splits)
    results = (
        GridSearchCV(
            estimator,
            grid,
            scoring=Criterion(texts),
            cv=cv,
            refit=False,
            error_score="raise",
        )
        .fit(texts.data, texts.target)
        .cv_results_
    )
    prefix = "mean_test_"
    names = [key.removeprefix(prefix) for key in results if key.startswith(prefix)]
    return [
        {"aggregate": aggregate, **params}
        | {
            part: float(results[f"{prefix}{aggregate}:{part}"][i])
            for part in ("answers", "pairs", "any time", "nats")
            if f"{aggregate}:{part}" in names
        }
        for aggregate in dict.fromkeys(name.partition(":")[0] for name in names)
        for i, params in enumerate(results["params"])
    ]


def merit(candidate):
    """Return what candidates are chosen by.

    Those that tell the matched prompts apart come first, and among them those that
    order answers best.
    """
    return candidate["pairs"] >= PAIRS_GOAL, candidate["answers"]


def rows(texts, *sources):
    """Return data and labels of some sources."""
    chosen = np.isin(texts.source, sources)
    return texts.data[chosen], texts.target[chosen]
