# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A shift from any function."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import ClassVar

import numpy as np
from numpy.random import RandomState
from sklearn.utils import check_random_state

from skperf.shift._base import BaseShift
from skperf.shift._loan import Lent, told_to_copy
from skperf.shift._predictor import as_prediction_function
from skperf.shift._sample import (
    Floats,
    Sample,
    Table,
    as_weights,
    check_sample,
    require_outputs,
)
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import equal_tables


class FunctionShift(BaseShift):
    """Turn a function of (X, y, predictions) into a shift.

    Parameters
    ----------
    func : callable
        Called as ``func(X, y, y_pred, **kw_args)``, and with those of `predictor`,
        `sample_weight` and `random_state` (a RandomState) that its signature names.
        Returns a :class:`Sample` or a tuple (X, y). It must copy what it changes:
        arrays are read-only.

        A function that does not name `sample_weight` keeps the weights of the base
        population where rows cannot have changed places: it returns the very X or the
        very y that it was given, equal values of both, or as `groups` of a sample the
        row numbers of X. Otherwise it must name `sample_weight` and return weights.

    kw_args : dict, default=None
        Further arguments of `func`.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import FunctionShift
    >>> def inflate(X, y, y_pred, rate=0.1):
    ...     return X, y + rate * y_pred
    >>> shift = FunctionShift(inflate, kw_args={"rate": 0.5})
    >>> X, y = np.ones((2, 1)), np.array([1.0, 3.0])
    >>> shift.sample(X, y, y_pred=np.array([2.0, 2.0])).y
    array([2., 4.])
    """

    _parameter_constraints: ClassVar[dict] = {
        "func": [callable],
        "kw_args": [dict, None],
    }

    def __init__(
        self,
        func: Callable,
        *,
        kw_args: Mapping[str, object] | None = None,
    ) -> None:
        self.func = func
        self.kw_args = kw_args

    @property
    def is_random(self) -> bool:  # type: ignore[override]  # told by the signature
        """Whether the function takes a ``random_state``."""
        return "random_state" in signature(self.func).parameters

    def sample(
        self,
        X: Table,
        y: Table,
        y_pred: Floats,
        *,
        predictor: Callable[[Table], Floats] | None = None,
        sample_weight: Floats | None = None,
        random_state: int | RandomState | None = None,
    ) -> Sample:
        """Return what the function makes of the population.

        Parameters
        ----------
        X, y, y_pred, predictor, sample_weight, random_state
            As in :meth:`BaseShift.sample`.

        Returns
        -------
        sample : Sample
            The function's sample.

        Raises
        ------
        ValueError
            If the base population has weights that differ, `func` does not know of
            them, and it returns rows that may be others; or if it changes in place
            what it was given.
        """
        self._validate_params()
        lent = Lent(Sample(X, y, sample_weight), y_pred)
        offers = {
            "predictor": predictor,
            "sample_weight": lent.sample_weight.shown,
            "random_state": random_state,
        }
        known = signature(self.func).parameters
        passed = {name: value for name, value in offers.items() if name in known}
        if predictor is not None:
            as_prediction_function(predictor)  # an estimator is none
        if "random_state" in passed:
            passed["random_state"] = check_random_state(random_state)
        shown = lent.X.shown, lent.y.shown, lent.y_pred.shown
        with told_to_copy(type(self).__name__):
            returned = self.func(*shown, **passed, **(self.kw_args or {}))
        sample = check_sample(lent.take_back(returned), self)
        require_outputs(sample.y, y, self)
        if sample_weight is None or "sample_weight" in passed:
            return sample
        return _keep_weights(sample, Sample(X, y, sample_weight))


def _keep_weights(sample: Sample, base: Sample) -> Sample:
    """Return a sample with the weights of the base population, row by row."""
    weights = as_weights(base.sample_weight, _num_samples(base.X))
    if sample.groups is not None:
        weights = weights[np.asarray(sample.groups)]
    else:
        _require_same_rows(sample, base, weights)
    own = sample.sample_weight
    return sample._replace(sample_weight=weights if own is None else own * weights)


def _require_same_rows(sample: Sample, base: Sample, weights: Floats) -> None:
    """Raise a ValueError where rows may have changed places, with their weights."""
    advice = (
        "so their weights are unknown. Give it a parameter sample_weight and return "
        "Sample(X, y, weights), or return the row numbers of X as groups: "
        "Sample(X, y, groups=rows)."
    )
    n_rows = _num_samples(sample.X)
    if n_rows != len(weights):
        raise ValueError(
            f"The function of FunctionShift got {len(weights)} weighted rows and "
            f"returned {n_rows}, {advice}"
        )
    same = sample.X is base.X or sample.y is base.y or np.ptp(weights) == 0
    if not same and not (
        equal_tables(sample.X, base.X) and equal_tables(sample.y, base.y)
    ):
        raise ValueError(
            f"The function of FunctionShift got {n_rows} weighted rows and returned "
            f"another X and another y, whose rows may have changed places, {advice}"
        )
