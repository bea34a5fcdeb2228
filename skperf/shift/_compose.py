# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Shifts made of shifts."""

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from skperf.shift._base import BaseShift, PopulationShift
from skperf.shift._binding import bind_to_sample
from skperf.shift._pipeline_world import PipelineWorld
from skperf.shift._sample import Floats, Sample, Table
from skperf.shift._strength import Strength
from skperf.shift._transformed_world import TransformedWorld
from skperf.shift._world import World
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

    def __init__(self, steps: list[tuple[str, BaseShift]]) -> None:
        self.steps = steps

    def get_params(self, deep: bool = True) -> dict[str, object]:
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

    def set_params(self, **params: object) -> "ShiftPipeline":
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

    @property
    def strengths(self) -> Mapping[str, Strength]:  # type: ignore[override]
        """The strengths of all steps, by the names of steps and parameters."""
        return {
            f"{name}__{own}": strength
            for name, shift in self.steps
            for own, strength in getattr(shift, "strengths", {}).items()
        }

    @property
    def is_differentiable(self) -> bool:
        """Whether all steps are differentiable."""
        return all(getattr(s, "is_differentiable", False) for _, s in self.steps)

    def bind(
        self,
        X: Table,
        y: Table,
        *,
        sample_weight: Floats | None = None,
        groups: NDArray | None = None,
        random_state: int | RandomState | None = None,
    ) -> World:
        """Return the world that this shift makes of one population.

        Parameters
        ----------
        X, y, sample_weight, groups, random_state
            As in :meth:`BaseShift.bind`. Each step gets a seed of its own.

        Returns
        -------
        world : World
            The shift on this population.
        """
        self._validate_params()
        self._validate_steps()
        rng = check_random_state(random_state)
        seeds = rng.randint(np.iinfo(np.int32).max, size=len(self.steps)).tolist()
        first, *later = [shift for _, shift in self.steps]
        people = Sample(X, y, sample_weight, groups)
        return PipelineWorld(bind_to_sample(first, people, seeds[0]), later, seeds[1:])

    def _validate_steps(self) -> None:
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
    refused, several outputs into one. The score, its gradient and the estimator are
    passed on unchanged, so a reaction to these stays what it was.

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

    def __init__(self, shift: BaseShift, func: Callable[[Floats], Floats]) -> None:
        self.shift = shift
        self.func = func

    @property
    def strengths(self) -> Mapping[str, Strength]:  # type: ignore[override]
        """The strengths of the shift, as ``shift__<parameter>``."""
        own = getattr(self.shift, "strengths", {})
        return {f"shift__{name}": strength for name, strength in own.items()}

    @property
    def is_differentiable(self) -> bool:
        """Whether the shift is differentiable, if `func` treats rows one by one."""
        return getattr(self.shift, "is_differentiable", False)

    def bind(
        self,
        X: Table,
        y: Table,
        *,
        sample_weight: Floats | None = None,
        groups: NDArray | None = None,
        random_state: int | RandomState | None = None,
    ) -> World:
        """Return the world that this shift makes of one population.

        Parameters
        ----------
        X, y, sample_weight, groups, random_state
            As in :meth:`BaseShift.bind`.

        Returns
        -------
        world : World
            The shift on this population.
        """
        self._validate_params()
        people = Sample(X, y, sample_weight, groups)
        world = bind_to_sample(self.shift, people, random_state)
        return TransformedWorld(world, self.func)
