# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Scorers of scikit-learn on weighted rows, and what can be wrong with them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
from sklearn.base import BaseEstimator, is_classifier

from skperf.retraining._labels import as_targets, require_known_labels
from skperf.shift import Sample

Scoring: TypeAlias = str | Callable | None


def score_sample(estimator: BaseEstimator, sample: Sample, scoring: Scoring) -> float:
    """Return the score of `estimator` on a sample, by a name or a scorer.

    Raises
    ------
    TypeError
        If there are several scores, or the scorer takes no weights where they differ.
    ValueError
        If labels are of another type than the estimator's, or a score counts a class
        that the data do not have.
    """
    from sklearn.metrics import get_scorer  # `import skperf` would pay for it

    require_one_score(scoring)
    scorer = get_scorer(scoring)
    X, y, sample_weight, *_ = sample
    # a scorer of one's own may convert labels
    if isinstance(scoring, str) and is_classifier(estimator):
        require_known_labels(getattr(estimator, "classes_", None), as_targets(y))
    if sample_weight is None:
        with _explained(scoring):
            return float(scorer(estimator, X, y))
    try:
        with _explained(scoring):
            return float(scorer(estimator, X, y, sample_weight=sample_weight))
    except TypeError as error:
        if not re.search("unexpected keyword.*sample_weight", str(error)):
            raise
        if np.ptp(sample_weight) == 0:
            return float(scorer(estimator, X, y))
        raise TypeError(
            f"The scorer {_name(scoring)} takes no sample_weight, and the rows that it "
            "scores have different weights. Use a scorer that takes it, such as "
            "def scorer(estimator, X, y, sample_weight=None), or a shift that draws "
            "rows, such as ResampleIfRejected(resampling='common') or 'drawn'."
        ) from error


@contextmanager
def _explained(scoring: Scoring) -> Iterator[None]:
    """Say whose the class is that a score counts and does not find."""
    try:
        yield
    except ValueError as error:
        if not re.search(r"pos_label=.* is not a valid label", str(error)):
            raise
        raise ValueError(
            f"The score {_name(scoring)} counts one class, which is not among the "
            f"labels ({error}). The pos_label of a minimizer or metric of skperf says "
            "which class people react to, not which one is scored: give a scorer that "
            "has its own, such as scoring=make_scorer(f1_score, pos_label=...)."
        ) from error


def require_one_score(scoring: object) -> None:
    """Raise a TypeError where several scores were given."""
    if isinstance(scoring, list | tuple | set | dict):
        raise TypeError(
            f"The 'scoring' parameter is {scoring!r}; expected one score: a name, such "
            "as 'neg_log_loss', or a scorer. Ask for several one after the other; a "
            "search takes a dict of scorers, each made by make_performative_scorer."
        )


def _name(scoring: Scoring) -> str:
    return repr(
        scoring if isinstance(scoring, str) else getattr(scoring, "__name__", scoring)
    )
