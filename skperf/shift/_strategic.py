# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Strategic response: people move their features against the score's gradient."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from numpy.random import RandomState

from skperf.shift._base import BaseShift
from skperf.shift._deployment import Deployment
from skperf.shift._differences import central_differences
from skperf.shift._predictor import Columns, PredictionFunction, require_predictor
from skperf.shift._pull_back import Cotangent, PullBack, require_part
from skperf.shift._responders import Responds, responders
from skperf.shift._sample import Floats, Rows, Sample, Table
from skperf.shift._strength import Strength
from skperf.shift.estimation._equations import Equations
from skperf.shift.estimation._moves import move_equations
from skperf.utils._sklearn import Interval, _num_samples
from skperf.utils._tables import add_to_columns, column_indices


class StrategicResponse(BaseShift):
    r"""People move their features a step against the gradient of the score.

    Strategic columns become :math:`x_s - \epsilon\,\nabla_{x_s} s(x)`, where the score
    s is the decision function of a classifier that has one and the prediction
    otherwise. For a linear score this is the best response to the quadratic cost
    :math:`\lVert x' - x \rVert^2 / (2 \epsilon)`.

    Parameters
    ----------
    epsilon : float
        Step length. People lower their score when it is positive and raise it when it
        is negative.

    strategic_features : int, str, slice or array-like, default=None
        The columns that people can change, all numeric: positions, names of a
        DataFrame's columns, or a mask. None means all columns.

    responds : label, array-like or callable, default=None
        Who moves. None means everybody.

        - A label of y, or a list of labels: the people who have it, such as ``[1]`` for
          those who are frauds.
        - A mask, an array of booleans of shape (n_samples,): one for each row of the
          population that the shift is bound to.
        - A function of (X, y) that returns such a mask.

    See Also
    --------
    ResampleIfRejected : Rejected people draw new features at random.

    Notes
    -----
    The gradient is exact for models that score by the methods of scikit-learn's linear
    models, for the torch estimators of skperf, which use autograd, alone or behind
    scalers in a Pipeline, and for predictors with a method ``gradient(X, columns)``;
    see :meth:`Predictor.gradient`. Others get central differences: two predictions a
    strategic column, and a few to see how precisely the model computes, since the step
    must be one that it can tell from none. A float32 model does not see a second in a
    column of seconds since 1970.

    Trees have a gradient of zero, and a jump is no slope, so under this shift nobody
    moves.
    A linear model with a free intercept is hardly hurt, at any `epsilon`: all move by
    the same vector, and the intercept takes that back.

    References
    ----------
    .. [1] J. Perdomo, T. Zrnic, C. Mendler-Dünner, M. Hardt, "Performative
       Prediction", ICML 2020, section 5.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import StrategicResponse
    >>> X, y = np.array([[0.0, 0.0], [2.0, 1.0]]), np.array([0, 1])
    >>> shift = StrategicResponse(epsilon=0.5, strategic_features=[0])
    >>> score = lambda X: X @ np.array([2.0, 1.0])
    >>> shift.sample(X, y, score(X), predictor=score).X.round(6)
    array([[-1.,  0.],
           [ 1.,  1.]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "epsilon": [Interval(Real, None, None, closed="neither")],
        "strategic_features": [Integral, str, slice, "array-like", None],
        "responds": "no_validation",  # labels may be anything
    }

    is_random = False
    strengths: ClassVar[Mapping[str, Strength]] = {"epsilon": Strength()}

    def __init__(
        self,
        epsilon: float,
        *,
        strategic_features: Columns | None = None,
        responds: Responds = None,
    ) -> None:
        self.epsilon = epsilon
        self.strategic_features = strategic_features
        self.responds = responds

    def sample(
        self,
        X: Table,
        y: Table,
        y_pred: Floats | None,
        *,
        predictor: Callable[[Table], Floats] | None = None,
        sample_weight: Floats | None = None,
        random_state: int | RandomState | None = None,
    ) -> Sample:
        """Return the population after its move.

        Parameters
        ----------
        X, y, y_pred, predictor, sample_weight, random_state
            As in :meth:`BaseShift.sample`. People ask `predictor`, not `y_pred`.

        Returns
        -------
        sample : Sample
            The moved features with the same targets and weights.

        Raises
        ------
        ValueError
            If `predictor` is None, its score is not one number a row, or `responds`
            does not tell who moves.
        """
        self._validate_params()
        model = require_predictor(type(self).__name__, predictor)
        columns = self._columns(X)
        gradient = model.gradient(X, columns)
        if gradient is None:
            gradient = central_differences(model.score, X, columns)
        moves = _scale_rows(gradient, -self.epsilon)
        who = responders(self.responds, X, y)
        if who is not None:
            moves = np.where(who[:, None], moves, 0.0)
        moved = add_to_columns(X, columns, moves)
        return Sample(moved, y, sample_weight, groups=np.arange(_num_samples(X)))

    def pull_back(
        self,
        cotangent: Cotangent,
        X: Table,
        y: Table,
        y_pred: Floats,
        *,
        predictor: PredictionFunction | None = None,
        sample_weight: Floats | None = None,
    ) -> tuple[Cotangent, list[PullBack]]:
        """Take derivatives by the moved rows to derivatives by the gradients.

        Parameters
        ----------
        cotangent, X, y, y_pred, predictor, sample_weight
            As in :meth:`BaseShift.pull_back`.

        Returns
        -------
        cotangent : Cotangent
            Derivatives by the rows before their move, with the same gradient.

        pull_backs : list of PullBack
            Derivatives by the gradient of the score. That by predictions is zero.
        """
        by_feature = require_part(cotangent.X, "X", type(self).__name__)
        columns = self._columns(X)
        steps = np.zeros(by_feature.shape[1])
        steps[columns] = -self.epsilon
        U = by_feature * steps
        who = responders(self.responds, X, y)
        if who is not None:
            U[~who] = 0
        return cotangent, [PullBack(X, np.zeros(len(U)), U=U)]

    def reaction_equations(self, deployments: Sequence[Deployment]) -> list[Equations]:
        """Return estimating equations of `epsilon`, for :func:`estimate_shift`.

        Parameters
        ----------
        deployments : list of Deployment
            With people before and after, and a `predictor`.

        Returns
        -------
        equations : list
            One for each deployment.
        """
        asked = self.strategic_features, self.responds
        return [move_equations(each, *asked) for each in deployments]

    def _columns(self, X: Table) -> Rows:
        features = self.strategic_features
        return column_indices(X, slice(None) if features is None else features)


def _scale_rows(gradient: Floats, factor: float) -> Floats:
    """Return the product; a view of one row stays one, whatever the number of rows."""
    if gradient.strides[0]:
        return factor * gradient
    return np.broadcast_to(factor * gradient[:1], gradient.shape)
