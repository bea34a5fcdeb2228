# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which class people react to: told by its label, never by its place."""

import warnings
from typing import TypeAlias

from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier

from skperf.exceptions import PositiveClassWarning
from skperf.utils._arrays import to_numpy
from skperf.utils._labels import name_their_positive

Label: TypeAlias = float | bool | str


def choose_pos_label(model: BaseEstimator, asked: Label | None) -> Label | None:
    """Return the label that people react to; None where there are no classes.

    The one that was asked for, else the one that the model has settled on, else the 1
    of labels that are 0 and 1 or -1 and 1. Other labels do not tell: the last is taken,
    with a warning.
    """
    classes = _classes(model)
    if classes is None:
        return asked
    if asked is not None:
        return _check(asked, classes)
    settled = _settled(model)
    if settled is not None:
        return settled
    if name_their_positive(classes):
        return classes.dtype.type(1).item()
    last = classes.tolist()[-1]
    warnings.warn(
        f"People react to one class, and the labels {classes.tolist()} do not say "
        f"which: the last is taken, {last!r}. Pass pos_label, the class whose "
        "probability or score people react to.",
        PositiveClassWarning,
        stacklevel=3,
    )
    return last


def _classes(model: BaseEstimator) -> NDArray | None:
    """Return the labels of a fitted classifier with one output."""
    classes = getattr(model, "classes_", None) if is_classifier(model) else None
    return None if classes is None or isinstance(classes, list) else to_numpy(classes)


def _check(asked: Label, classes: NDArray) -> Label:
    expected = classes.tolist()
    if name_their_positive(classes) and asked in (0, 1):
        expected += [0, 1]  # a first sample may lack one of them
    if asked not in expected:
        raise ValueError(
            f"pos_label={asked!r} is not a label of the fitted model. "
            f"Expected one of {classes.tolist()}."
        )
    return asked


def _settled(model: BaseEstimator) -> Label | None:
    """Return what a minimizer has settled on, alone, in a Pipeline or a search."""
    from sklearn.pipeline import Pipeline  # `import skperf` would pay for it

    from skperf.utils._sklearn import BaseSearchCV

    if isinstance(model, Pipeline):
        return _settled(model.steps[-1][1])
    if isinstance(model, BaseSearchCV) and hasattr(model, "best_estimator_"):
        return _settled(model.best_estimator_)
    return getattr(model, "__skperf_pos_label__", None)
