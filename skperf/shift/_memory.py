# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Shifts whose people have met past models too."""

from abc import abstractmethod
from functools import partial
from numbers import Integral, Real
from typing import ClassVar, TypeVar, cast

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from skperf.shift._base import BaseShift, PopulationShift
from skperf.shift._binding import bind_to_sample
from skperf.shift._remembering_world import (
    RememberingWorld,
    fade,
    name_persons,
    take_turns,
)
from skperf.shift._sample import Floats, Sample, Table
from skperf.shift._world import World
from skperf.utils._arguments import require_shift
from skperf.utils._sklearn import HasMethods, Interval
from skperf.utils._tables import own_copy

T = TypeVar("T")


def _own(table: T) -> T:
    """Return a table that stays as it is, since people are remembered by it."""
    if isinstance(table, np.ndarray):
        return table.copy() if table.flags.writeable else table
    return cast(T, own_copy(table))


class RememberingShift(PopulationShift):
    """Base class of shifts around a shift, whose worlds mix answers to past models."""

    shift: BaseShift

    @property
    def is_differentiable(self) -> bool:
        """Whether the shift is differentiable; derivatives are those at rest."""
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
            The shift on this population. At the equilibrium of a model, which
            :meth:`World.settle` returns, all people answer that model.
        """
        require_shift(self.shift)
        self._validate_params()
        people = Sample(_own(X), _own(y), _own(sample_weight), _own(groups))
        return self._remember(bind_to_sample(self.shift, people, random_state))

    @abstractmethod
    def _remember(self, world: World) -> RememberingWorld:
        """Return the world of the shift, with a memory."""


class MemoryShift(RememberingShift):
    r"""People forget past models slowly: a share of them looks anew in each round.

    What is seen under the model f is the mixture

    .. math:: d_{t+1} = (1 - \lambda)\,d_t + \lambda\,D(f_t)

    of what was seen before and of the reaction D of another shift, where
    :math:`\lambda` is `decay` and :math:`d_0` the base population.

    Parameters
    ----------
    shift : BaseShift
        How people react who have met one model only.

    decay : float
        The share of what was seen that gives way to the reaction to the deployed model
        in a round, in (0, 1]. With 1 nothing is remembered. After
        :math:`\log 2 / \lambda` rounds, roughly, half is forgotten.

    See Also
    --------
    LaggedShift : Each of the last models is answered by as many.

    Notes
    -----
    A model stays stable or unstable with the same data: at the equilibrium of a model
    all people answer that model. What changes is the way there. Where retraining in
    the world without memory multiplies errors by k, it multiplies them by
    :math:`1 - \lambda (1 - k)` here: slow where k is positive, and convergent for k
    down to :math:`1 - 2 / \lambda`. See :ref:`worlds-with-memory`.

    Where only weights change, a few numbers a row are remembered. Where rows move,
    samples are stacked: in round t there are t + 1 of them, less those whose share is
    below the rounding error of a sum, so at most about :math:`36 / \lambda`.

    An estimator with this shift needs sample weights.

    ``sample`` and a call of the bound shift return what is seen in the first round; see
    :meth:`World.react` for those after it.

    References
    ----------
    .. [1] G. Brown, S. Hod, I. Kalemaj, "Performative Prediction in a Stateful World",
       AISTATS 2022.
    .. [2] M. Ray, L. J. Ratliff, D. Drusvyatskiy, M. Fazel, "Decision-Dependent Risk
       Minimization in Geometrically Decaying Dynamic Environments", AAAI 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import RepeatedRiskMinimizer
    >>> from skperf.shift import MemoryShift, OutcomeShift
    >>> shift = MemoryShift(OutcomeShift(feedback=0.5), decay=0.5)
    >>> X, y = np.array([[0.0], [1.0]]), np.array([1.0, 2.0])
    >>> model = RepeatedRiskMinimizer(LinearRegression(), shift, max_iter=40)
    >>> model.fit(X, y).predict(X).round(2)
    array([2., 4.])
    """

    _parameter_constraints: ClassVar[dict] = {
        "shift": [HasMethods(["bind", "sample"])],
        "decay": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, shift: BaseShift, decay: float) -> None:
        self.shift = shift
        self.decay = decay

    def _remember(self, world: World) -> RememberingWorld:
        begin = (name_persons(world.base),)
        return RememberingWorld(world, self.shift, begin, partial(fade, self.decay))


class LaggedShift(RememberingShift):
    r"""People of several groups, each of which answers a model of another age.

    What is seen under the model :math:`f_t` is the mixture

    .. math:: d_{t+1} = \frac{1}{\tau} \sum_{j < \tau} D(f_{t - j})

    of the reactions of another shift to the last :math:`\tau` models, with
    :math:`\tau` = `n_groups`: some people look at a score each month, others have last
    looked a quarter ago. In the first rounds there are as many groups as models.

    Parameters
    ----------
    shift : BaseShift
        How people react who have met one model only.

    n_groups : int
        Number of equal groups. With 1 all answer the deployed model.

    See Also
    --------
    MemoryShift : Past models fade, and are never quite forgotten.
    skperf.risk_minimization.AffineRiskMinimizer : Makes the same mixture by itself.

    Notes
    -----
    Retraining on the newest data in this world is retraining on the uniform window of
    as many rounds in the world without groups, to the last digit: stable points and
    rates are those of ``AffineRiskMinimizer(window=n_groups)``. See
    :ref:`worlds-with-memory`.

    Everybody is in every group with an equal share of the weight, so an estimator with
    this shift needs sample weights.

    ``sample`` and a call of the bound shift return what is seen in the first round; see
    :meth:`World.react` for those after it.

    References
    ----------
    .. [1] G. Brown, S. Hod, I. Kalemaj, "Performative Prediction in a Stateful World",
       AISTATS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import RepeatedRiskMinimizer
    >>> from skperf.shift import LaggedShift, OutcomeShift
    >>> shift = LaggedShift(OutcomeShift(feedback=-1.2), n_groups=2)
    >>> X, y = np.array([[0.0], [1.0]]), np.array([2.2, 4.4])
    >>> model = RepeatedRiskMinimizer(LinearRegression(), shift, max_iter=60)
    >>> model.fit(X, y).predict(X).round(2)
    array([1., 2.])
    """

    _parameter_constraints: ClassVar[dict] = {
        "shift": [HasMethods(["bind", "sample"])],
        "n_groups": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, shift: BaseShift, n_groups: int) -> None:
        self.shift = shift
        self.n_groups = n_groups

    def _remember(self, world: World) -> RememberingWorld:
        return RememberingWorld(
            world, self.shift, (), partial(take_turns, self.n_groups)
        )
