# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Resample-if-Rejected: rejected people come back with other features."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from numbers import Integral, Real
from typing import ClassVar, Literal

from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from skperf.shift._base import PopulationShift
from skperf.shift._deployment import Deployment
from skperf.shift._dice import Dice
from skperf.shift._predictor import Columns
from skperf.shift._random_world import RandomWorld
from skperf.shift._rejection import (
    Copies,
    WholeRows,
    choose_donors,
    rejection_probability,
    replace_rejected,
)
from skperf.shift._sample import Floats, Rows, Sample, Table, base_sample
from skperf.shift._strength import Strength
from skperf.shift._world import FixedWorld, World
from skperf.shift.estimation._equations import Equations
from skperf.shift.estimation._rejection import rejection_equations
from skperf.utils._sklearn import Interval, StrOptions, _num_samples
from skperf.utils._tables import column_indices


class ResampleIfRejected(PopulationShift):
    r"""Rows that the model rejects are replaced by random rows of the population.

    A row with prediction :math:`\hat y \in [0, 1]` is rejected with probability
    :math:`g = \delta + (1 - \delta)\,\hat y`. A rejected row gets its strategic
    columns, jointly, from a random row of the base population; its other columns and
    its target stay. With ``strategic_features=None`` the whole row is redrawn, target
    included. The papers write :math:`f = (1 - \delta)\,\hat y` and
    :math:`g = f + \delta`.

    Parameters
    ----------
    delta : float
        Rejection probability at prediction 0, in [0, 1]. The larger, the more rows are
        redrawn and the *less* this depends on the model; at 1 not at all.

    strategic_features : int, str, slice or array-like, default=None
        The columns that people can change: positions, names of a DataFrame's columns,
        or a mask. A column that is named several times counts once. None means the
        whole row, target included.

    resampling : {"expected", "common", "drawn"}, default="expected"
        How a sample is made.

        - "expected": the expectation over all outcomes, as sample weights. Whole rows
          keep their places and get the weight ``1 - g + mean(g)``, which is exact.
          With strategic columns row i keeps the weight ``1 - g[i]`` and ``n_donors``
          copies of it, with columns of random donors, share ``g[i]``. The donors are
          the same in every round, so retraining can converge to machine precision; how
          near that point is to the true one is set by ``n_donors`` and the number of
          rows.
        - "common": one outcome a row, with the same random numbers in every round. No
          sample weights, but the sample is piecewise constant in the predictions.
        - "drawn": fresh outcomes in every round, as the world would do it. Retraining
          then ends at a noise floor.

    n_donors : int, default=4
        Donors for each row; used by "expected" with strategic columns only.

    See Also
    --------
    StrategicResponse : People move along the gradient of the score instead.

    Notes
    -----
    With whole rows the data have the density
    :math:`p_f(x) = p(x)\,(1 - g(x) + \mathbb{E}_p\,g)` (section 3 of [1]_), which lies
    between :math:`\delta` and :math:`2 - \delta` times :math:`p`.

    "expected" has a pull-back, for solvers that seek an optimum. Donors count as fixed
    in it. In a :class:`ShiftPipeline`, after a step that changes weights, other donors
    would be drawn under another model, which derivatives do not see.

    References
    ----------
    .. [1] M. Mofakhami, I. Mitliagkas, G. Gidel, "Performative Prediction with Neural
       Networks", AISTATS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import ResampleIfRejected
    >>> X, y = np.array([[0.0], [1.0]]), np.array([0, 1])
    >>> shift = ResampleIfRejected(delta=0.5)
    >>> shift.sample(X, y, y_pred=np.array([0.0, 1.0])).sample_weight
    array([1.25, 0.75])
    """

    _parameter_constraints: ClassVar[dict] = {
        "delta": [Interval(Real, 0, 1, closed="both")],
        "strategic_features": [Integral, str, slice, "array-like", None],
        "resampling": [StrOptions({"expected", "common", "drawn"})],
        "n_donors": [Interval(Integral, 1, None, closed="left")],
    }

    strengths: ClassVar[Mapping[str, Strength]] = {
        "delta": Strength(absent=1.0, low=0.0, high=1.0)
    }

    def __init__(
        self,
        delta: float,
        *,
        strategic_features: Columns | None = None,
        resampling: Literal["expected", "common", "drawn"] = "expected",
        n_donors: int = 4,
    ) -> None:
        self.delta = delta
        self.strategic_features = strategic_features
        self.resampling = resampling
        self.n_donors = n_donors

    @property
    def is_differentiable(self) -> bool:
        """Whether the samples are expectations."""
        return self.resampling == "expected"

    @property
    def jumps(self) -> bool:  # type: ignore[override]  # the face says so
        """Whether the samples are outcomes."""
        return self.resampling != "expected"

    def rejection_probability(self, y_pred: ArrayLike) -> Floats:
        """Return the probability g that each row is rejected.

        Parameters
        ----------
        y_pred : array-like of shape (n_samples,)
            Predictions in [0, 1].

        Returns
        -------
        probability : ndarray of shape (n_samples,)
            ``delta + (1 - delta) * y_pred``.

        Raises
        ------
        ValueError
            If the predictions are not one number a row in [0, 1].
        """
        return rejection_probability(self.delta, y_pred)

    def reaction_equations(self, deployments: Sequence[Deployment]) -> list[Equations]:
        """Return estimating equations of `delta`, for :func:`estimate_shift`.

        Parameters
        ----------
        deployments : list of Deployment
            With people before and after: pairs, or a `predictor` too.

        Returns
        -------
        equations : list
            One for each deployment.
        """
        columns = self.strategic_features
        return [rejection_equations(each, columns) for each in deployments]

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
            As in :meth:`BaseShift.bind`. Donors are drawn in proportion to the weights.
            "expected" and "common" read from the random state without advancing it, so
            that the same state always means the same numbers.

        Returns
        -------
        world : World
            The shift on this population.
        """
        self._validate_params()
        columns = None
        if self.strategic_features is not None:
            columns = column_indices(X, self.strategic_features)
        base = base_sample(X, y, sample_weight, groups)
        if self.resampling == "drawn":
            draw = partial(_draw, self.delta, base, columns)
            return RandomWorld(base, draw, Dice.from_random_state(random_state))
        rng = deepcopy(check_random_state(random_state))
        if self.resampling == "common":
            chances, uniforms = (rng.uniform(size=_num_samples(X)) for _ in range(2))
            donors = choose_donors(uniforms, sample_weight)
            flip = partial(replace_rejected, self.delta, base, columns, chances, donors)
            return FixedWorld(base, flip)
        if columns is None:
            whole = WholeRows(self.delta, base)
            return FixedWorld(base, whole, whole.pull_back)
        uniforms = rng.uniform(size=(self.n_donors, _num_samples(X)))
        donors = choose_donors(uniforms, base.sample_weight)
        copies = Copies.of(self.delta, base, columns, donors)
        return FixedWorld(base, copies, copies.pull_back)


def _draw(
    delta: float, base: Sample, columns: Rows | None, y_pred: Floats, dice: Dice
) -> Sample:
    """Return the outcome of one throw."""
    chances, uniforms = (dice.uniform(len(y_pred), stream=s) for s in range(2))
    donors = choose_donors(uniforms, base.sample_weight)
    return replace_rejected(delta, base, columns, chances, donors, y_pred)
