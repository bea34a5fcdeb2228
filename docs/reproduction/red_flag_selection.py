# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Choose what to train on, and how, inside the training part of the data."""

from typing import NamedTuple

import numpy as np
from red_flag_baselines import judged, n_characters
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import compute_sample_weight
from text_metrics import LikeLengthAUC

from skperf.llm import RedFlagClassifier

ANSWERS, PAIRS = "scored_answers", "matched_prompts"
EDGY, COMMANDS = "edgy_prompts", "adv_bench"
EVERYDAY = ["chatterbot", "chitchat", "math"]
BASE = [ANSWERS, PAIRS, EDGY]
RECIPES = {
    "answers, pairs, edgy": BASE,
    "answers, pairs, edgy, commands": [*BASE, COMMANDS],
    "all but commands": [*BASE, *EVERYDAY, "many_shot"],
    "all": [*BASE, COMMANDS, *EVERYDAY, "many_shot"],
}
N_FOLDS = 5
PAIRS_GOAL = 0.95


def folds(train):
    """Return the fold in which each row is scored: that of its category of harm.

    Prompts without an answer are dealt out by pair. Rows of the other sources are
    never scored, -1.
    """
    fold = np.full(len(train.target), -1)
    answers = train.source == ANSWERS
    fold[answers] = np.unique(train.category[answers], return_inverse=True)[1]
    prompts = np.isin(train.source, [PAIRS, EDGY, COMMANDS])
    fold[prompts] = train.group[prompts] % N_FOLDS
    return fold


def splits(train, sources):
    """Return rows of `sources` to train on and rows to score, for each fold."""
    fold, used = folds(train), np.isin(train.source, sources)
    return [
        (np.flatnonzero(used & (fold != k)), np.flatnonzero(fold == k))
        for k in range(N_FOLDS)
    ]


def alike(source, target):
    """Give every text the same weight."""
    return np.ones(len(target))


def balanced(source, target):
    """Give each class of each source the same weight."""
    kind = np.char.add(source.astype(str), target.astype(str))
    return compute_sample_weight("balanced", kind)


WEIGHTS = {"texts": alike, "sources": balanced}


def weigh(train, sources, weights):
    """Return weights of the texts: mean 1 on `sources`, 0 elsewhere."""
    used = np.isin(train.source, sources)
    weight = np.zeros(len(used))
    weight[used] = WEIGHTS[weights](train.source[used], train.target[used])
    return weight


class Criterion:
    """A scorer: areas under the ROC curve, of each aggregate of a red flag at once."""

    def __init__(self, train):
        self.source = dict(zip(judged(train.data), train.source, strict=True))

    def __call__(self, estimator, X, y, sample_weight=None):
        """Return the areas, named by aggregate and part.

        Weights are for training; here every text counts as much.
        """
        source = np.array([self.source[text] for text in judged(X)])
        return {
            f"{aggregate}:{part}": value
            for aggregate, scores in _scores(estimator, X)
            for part, value in areas(X, y, source, scores).items()
        }


def _scores(estimator, X):
    if not isinstance(estimator, RedFlagClassifier):
        return [("", estimator.decision_function(X))]
    names = [
        name.removeprefix("red_flag_") for name in estimator.get_feature_names_out()
    ]
    return zip(names, estimator.transform(X).T, strict=True)


def areas(X, y, source, scores):
    """Return the areas for the three things to be told apart.

    These are harmful and harmless answers of like length, matched prompts, and commands
    and edgy prompts.
    """
    answers, pairs = source == ANSWERS, source == PAIRS
    short = np.isin(source, [EDGY, COMMANDS])
    of_like_length = LikeLengthAUC(y[answers], n_characters(X[answers]))
    return {
        "answers": of_like_length(scores[answers]),
        "pairs": float(roc_auc_score(y[pairs], scores[pairs])),
        "edgy": float(roc_auc_score(y[short], scores[short])),
    }


class Candidate(NamedTuple):
    """A way to train and how it did in cross-validation."""

    recipe: str
    weights: str
    params: dict
    aggregate: str
    areas: dict


def search(estimator, grid, train, recipe, weights):
    """Return the candidates of a grid, the best first."""
    sources = RECIPES[recipe]
    results = (
        GridSearchCV(
            estimator,
            grid,
            scoring=Criterion(train),
            cv=splits(train, sources),
            refit=False,
            error_score="raise",
        )
        .fit(train.data, train.target, **weight_of(estimator, train, sources, weights))
        .cv_results_
    )
    prefix = "mean_test_"
    names = [key.removeprefix(prefix) for key in results if key.startswith(prefix)]
    candidates = [
        Candidate(recipe, weights, params, aggregate, _areas_of(results, aggregate, i))
        for aggregate in dict.fromkeys(name.partition(":")[0] for name in names)
        for i, params in enumerate(results["params"])
    ]
    return sorted(candidates, key=merit, reverse=True)


def merit(candidate):
    """Return what candidates are chosen by.

    Those that tell the matched prompts apart come first, and among them those that
    order answers best.
    """
    return candidate.areas["pairs"] >= PAIRS_GOAL, candidate.areas["answers"]


def _areas_of(results, aggregate, i):
    return {
        part: float(results[f"mean_test_{aggregate}:{part}"][i])
        for part in ("answers", "pairs", "edgy")
    }


def weight_of(estimator, train, sources, weights):
    """Return weights as a parameter of `fit`, of the last step in a pipeline."""
    step = f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
    return {f"{step}sample_weight": weigh(train, sources, weights)}


def fit(estimator, train, sources, weights):
    """Fit on the rows of some sources, with weights."""
    used = np.isin(train.source, sources)
    params = weight_of(estimator, train, sources, weights)
    return estimator.fit(
        train.data[used],
        train.target[used],
        **{name: weight[used] for name, weight in params.items()},
    )
