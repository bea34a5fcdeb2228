# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A shift from any function."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import ClassVar

from numpy.random import RandomState

from skperf.shift._base import BaseShift
from skperf.shift._sample import Floats, Sample, Table, check_sample
from skperf.utils._sklearn import _num_samples


class FunctionShift(BaseShift):
    """Turn a function of (X, y, predictions) into a shift.

    Parameters
    ----------
    func : callable
        Called as ``func(X, y, y_pred, **kw_args)``, and with those of `predictor`,
        `sample_weight` and `random_state` that its signature names. Returns a
        :class:`Sample` or a tuple (X, y). A function that does not know of
        sample weights keeps those of the base population, row by row.

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
            If the base population has weights, `func` does not know of them and returns
            another number of rows.
        """
        self._validate_params()
        offers = {
            "predictor": predictor,
            "sample_weight": sample_weight,
            "random_state": random_state,
        }
        known = signature(self.func).parameters
        passed = {name: value for name, value in offers.items() if name in known}
        returned = self.func(X, y, y_pred, **passed, **(self.kw_args or {}))
        sample = check_sample(returned, self)
        if sample_weight is None or "sample_weight" in passed:
            return sample
        return self._keep_weights(sample, sample_weight)

    def _keep_weights(self, sample: Sample, sample_weight: Floats) -> Sample:
        if _num_samples(sample.X) != len(sample_weight):
            raise ValueError(
                f"The function of FunctionShift got {len(sample_weight)} weighted rows "
                f"and returned {_num_samples(sample.X)}, so their weights are unknown. "
                "Give it a parameter sample_weight and return Sample(X, y, weights)."
            )
        if sample.sample_weight is None:
            return sample._replace(sample_weight=sample_weight)
        return sample._replace(sample_weight=sample.sample_weight * sample_weight)
