# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Shifts made of shifts."""

from typing import ClassVar

import numpy as np
from sklearn.utils import check_random_state

from skperf.shift._base import PopulationShift, check_sample, require_predictor
from skperf.utils._sklearn import HasMethods, _BaseComposition


class ShiftPipeline(PopulationShift, _BaseComposition):
    """Shifts one after the other, each on the population that the last one left.

    Parameters
    ----------
    steps : list of (str, BaseShift) tuples
        Names and shifts, in order. Parameters of a step are set as
        ``<name>__<parameter>``, so ``shift__<name>__<parameter>`` in a minimizer.

    Notes
    -----
    Later steps see the deployed model's predictions on the moved population, so they
    need its prediction function; the minimizers and metrics pass it.

    Examples
    --------
    >>> from skperf.shift import ResampleIfRejected, ShiftPipeline, StrategicResponse
    >>> shift = ShiftPipeline([
    ...     ("game", StrategicResponse(epsilon=0.1)),
    ...     ("reject", ResampleIfRejected(delta=0.5)),
    ... ])
    >>> shift.set_params(reject__delta=0.7).get_params()["reject__delta"]
    0.7
    """

    _parameter_constraints: ClassVar[dict] = {"steps": [list]}

    def __init__(self, steps):
        self.steps = steps

    def get_params(self, deep=True):
        """Return the parameters of this shift and, if `deep`, of its steps.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the steps and their parameters.

        Returns
        -------
        params : dict
            Values by parameter name.
        """
        return self._get_params("steps", deep=deep)

    def set_params(self, **params):
        """Set parameters of this shift, its steps, or their parameters.

        Parameters
        ----------
        **params : dict
            Values by parameter name.

        Returns
        -------
        self : ShiftPipeline
            This shift.
        """
        self._set_params("steps", **params)
        return self

    def bind(self, X, y, *, sample_weight=None, random_state=None):
        """Return the shift on one population, as a function of predictions alone.

        Parameters
        ----------
        X, y, sample_weight, random_state
            As in :meth:`BaseShift.sample`. Each step gets random numbers of its own.

        Returns
        -------
        respond : callable
            ``respond(y_pred, predictor=None)`` returns a :class:`Sample`.
        """
        self._validate_params()
        self._validate_steps()
        rng = check_random_state(random_state)
        seeds = rng.randint(np.iinfo(np.int32).max, size=len(self.steps))
        streams = [np.random.RandomState(seed) for seed in seeds]
        (_, first), *later = self.steps
        first_response = first.bind(
            X, y, sample_weight=sample_weight, random_state=streams[0]
        )

        def respond(y_pred, predictor=None):
            sample = check_sample(first_response(y_pred, predictor), first)
            for (_, shift), stream in zip(later, streams[1:], strict=True):
                require_predictor(self, predictor)
                moved = shift.sample(
                    sample.X,
                    sample.y,
                    predictor(sample.X),
                    predictor=predictor,
                    sample_weight=sample.sample_weight,
                    random_state=stream,
                )
                sample = check_sample(moved, shift)
            return sample

        return respond

    def _validate_steps(self):
        pairs = all(isinstance(step, tuple) and len(step) == 2 for step in self.steps)
        if not (
            self.steps and pairs and all(hasattr(s, "bind") for _, s in self.steps)
        ):
            raise ValueError(
                "steps of ShiftPipeline must be a list of at least one (name, shift) "
                f"tuple; got {self.steps!r}."
            )
        self._validate_names([name for name, _ in self.steps])


class TransformedPredictionShift(PopulationShift):
    """A shift that sees a function of the predictions in their place.

    Turns values into what a shift understands: a price into a probability of being
    refused, several outputs into one.

    Parameters
    ----------
    shift : BaseShift
        The shift that sees the transformed predictions.

    func : callable
        Maps predictions, an array of shape (n_samples,) or (n_samples, n_outputs), to
        an array of shape (n_samples,).

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.special import expit
    >>> from skperf.shift import ResampleIfRejected, TransformedPredictionShift
    >>> shift = TransformedPredictionShift(ResampleIfRejected(delta=0.5), func=expit)
    >>> X, prices = np.ones((2, 1)), np.array([-3.0, 3.0])
    >>> shift.sample(X, prices, y_pred=prices).sample_weight.round(2)
    array([1.23, 0.77])
    """

    _parameter_constraints: ClassVar[dict] = {
        "shift": [HasMethods(["bind", "sample"])],
        "func": [callable],
    }

    def __init__(self, shift, func):
        self.shift = shift
        self.func = func

    def bind(self, X, y, *, sample_weight=None, random_state=None):
        """Return the shift on one population, as a function of predictions alone.

        Parameters
        ----------
        X, y, sample_weight, random_state
            As in :meth:`BaseShift.sample`.

        Returns
        -------
        respond : callable
            ``respond(y_pred, predictor=None)`` returns a :class:`Sample`.
        """
        self._validate_params()
        inner = self.shift.bind(
            X, y, sample_weight=sample_weight, random_state=random_state
        )

        def respond(y_pred, predictor=None):
            if predictor is None:
                return inner(self.func(y_pred))
            return inner(self.func(y_pred), lambda X: self.func(predictor(X)))

        return respond
