# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

r"""How fast retraining settles near a model, by the derivative of one retraining.

The retrained model solves F(theta', theta) = 0, where F is the slope of what the
estimator minimizes on the data that theta has induced. So theta' moves with theta by
-H^{-1} K, with the derivatives H of F by theta' and K by theta.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from skperf.metrics._derivatives import MOST_NUMBERS, STEP, jacobian
from skperf.metrics._induce import deploy
from skperf.metrics._penalty import penalty_of
from skperf.retraining._descents import find_slope
from skperf.retraining._output_losses import find_output_loss
from skperf.retraining._output_model import OutputModel
from skperf.retraining._performative_slope import settle
from skperf.retraining._population import check_population
from skperf.retraining._weights import fit_with_weights
from skperf.shift._binding import bind_to_sample
from skperf.shift._sample import as_weights
from skperf.shift._world import remembers
from skperf.utils._arguments import require_shift

_ROUNDING = 1e8  # units in the last place, for imaginary parts
_FLAT = 1e-8  # of the largest curvature, below which a direction counts as flat
_OFF = 0.02  # of the spread of scores: how far fits may be from what they minimize


class ContractionRadius(NamedTuple):
    """How fast retraining settles near a model, by :func:`contraction_radius`.

    Parameters
    ----------
    radius : float
        By what one retraining multiplies a small distance to a stable model, in the
        long run. Below 1 it settles from near enough, above 1 it leaves.

    eigenvalues : ndarray of shape (n_parameters,)
        Of the derivative of one retraining, the largest first. Negative ones belong to
        directions in which models alternate, complex ones to those that turn.
    """

    radius: float
    eigenvalues: NDArray

    def with_window(self, window):
        """Return the radius of retraining on averages of the last samples.

        Parameters
        ----------
        window : int
            Number of samples that are averaged, that of
            :class:`~skperf.risk_minimization.AffineRiskMinimizer`.

        Returns
        -------
        radius : float
            By what a retraining multiplies the distance in the long run. Averages cure
            models that alternate and slow down those that go on.

        Examples
        --------
        >>> from skperf.metrics import ContractionRadius
        >>> round(ContractionRadius(1.2, [-1.2]).with_window(2), 4)
        0.7746
        """
        roots = [
            np.roots([1.0, *[-value / window] * window]) for value in self.eigenvalues
        ]
        return float(max((np.abs(root).max(initial=0.0) for root in roots), default=0))

    def with_memory(self, decay):
        r"""Return the radius of retraining among people who forget slowly.

        Parameters
        ----------
        decay : float
            Share :math:`\lambda` of what was seen that gives way in a round, that of
            :class:`~skperf.shift.MemoryShift`.

        Returns
        -------
        radius : float
            By what a round multiplies the distance in the long run: an eigenvalue k
            becomes :math:`1 - \lambda (1 - k)`.

        Examples
        --------
        >>> from skperf.metrics import ContractionRadius
        >>> round(ContractionRadius(1.2, [-1.2]).with_memory(0.5), 4)
        0.1
        """
        values = 1 - decay * (1 - np.asarray(self.eigenvalues))
        return float(np.abs(values).max(initial=0.0))


def contraction_radius(
    estimator,
    shift,
    X,
    y,
    *,
    response_method="auto",
    pos_label=None,
    sample_weight=None,
    random_state=None,
):
    r"""Compute how fast retraining settles near a linear model, from the shift.

    The derivative of one retraining by the numbers in the model, :math:`-H^{-1} K`, by
    differences of slopes: of what the estimator minimizes by its own numbers, H, and by
    those of the deployed model, K. One retraining checks that the estimator minimizes
    what is taken for it. Exact at the model, and so a statement about retraining that
    begins near a stable one.

    Parameters
    ----------
    estimator : estimator
        A fitted linear model, behind scalers or not, that minimizes the log loss or the
        squared error, with the squared penalty of ``Ridge`` or ``LogisticRegression``
        or none; of a fitted minimizer its deployed model.

    shift : BaseShift
        How the population reacts, without drawn numbers.

    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features of the base population.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets of the base population.

    response_method : str, default="auto"
        Which predictions people react to, as in :class:`RepeatedRiskMinimizer`.

    pos_label : int, float, bool or str, default=None
        The class whose probability or score people react to. None takes that of a
        fitted minimizer, else the one that :class:`~skperf.shift.Predictor` takes.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the base population.

    random_state : int, RandomState instance or None, default=None
        Random numbers of the shift.

    Returns
    -------
    contraction : ContractionRadius
        The radius, and all eigenvalues. For worlds with a memory it is that of
        retraining which waits until people have come to rest.

    Raises
    ------
    ValueError
        If the model is not linear, the shift draws numbers, or the estimator minimizes
        something else than is known.

    See Also
    --------
    contraction_rate : The same as measured, for any estimator and world.

    References
    ----------
    .. [1] J. Perdomo, T. Zrnic, C. Mendler-Dünner, M. Hardt, "Performative
       Prediction", ICML 2020.

    Examples
    --------
    Least squares, and targets that move by half of the predictions:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf.metrics import contraction_radius
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 2.0, 2.0])
    >>> model = LinearRegression().fit(X, y)
    >>> round(contraction_radius(model, OutcomeShift(-0.5), X, y).radius, 6)
    0.5
    """
    model = deploy(estimator, response_method, pos_label)
    base = check_population(X, y, sample_weight)
    require_shift(shift)
    return radius_at(shift, bind_to_sample(shift, base, random_state), model)


def radius_at(shift, world, model):
    """Return the radius of a model in the world of a shift, see contraction_radius."""
    _require_memoryless(world, shift)
    derivative = _Retraining(shift, world, model).derivative()
    eigenvalues = np.real_if_close(np.linalg.eigvals(derivative), tol=_ROUNDING)
    eigenvalues = eigenvalues[np.argsort(-np.abs(eigenvalues), kind="stable")]
    return ContractionRadius(float(np.abs(eigenvalues).max()), eigenvalues)


def _require_memoryless(world, shift):
    if remembers(world.start()):
        raise ValueError(
            f"Under {type(shift).__name__} people answer past models too, and the "
            "derivative is that of people who have met one. Take it with the shift "
            "inside, and then with_memory(decay) for MemoryShift or "
            "with_window(n_groups) for LaggedShift. contraction_rate(history_) "
            "measures it in any world."
        )


class _Retraining:
    """One retraining of a linear model as an equation between numbers."""

    def __init__(self, shift, world, model):
        slope_at = find_slope(shift, world, model)
        if isinstance(slope_at, str):
            raise ValueError(f"contraction_radius is not known here: {slope_at}.")
        self.world, self.parameters = world, slope_at.parameters
        self.model = OutputModel.of(model.succeed(self.parameters.model))
        self.loss = find_output_loss(model, world.base.X)
        self.values = self.parameters.get()
        self._require_linear()
        self.penalty = penalty_of(self.model)
        self.start = self._outputs(self.values)
        moves = np.eye(len(self.values))
        columns = [self._outputs(self.values + move) - self.start for move in moves]
        self.design = np.column_stack(columns)
        sizes = np.sqrt(np.mean(self.design**2, axis=0))
        self.units = 1 / np.where(sizes > 0, sizes, 1.0)  # that move scores by one

    def derivative(self):
        """Return how the retrained numbers move with the deployed, in `units`."""
        sample = self._react(self.values)
        retrained = self._retrain(sample)
        H = self._differences(lambda values: self._slope(values, sample), retrained)
        off = self._solve(H, self.units * self._slope(retrained, sample))
        self._require_minimum(self.design @ (self.units * off))
        K = self._differences(
            lambda values: self._slope(retrained, self._react(values)), self.values
        )
        return -self._solve(H, K)

    def _react(self, values):
        """Return the data that the model with these numbers induces."""
        self.parameters.set(values)
        return settle(self.world, self.model.anew())

    def _slope(self, values, sample):
        """Return the slope of what the estimator minimizes on a sample, as a sum."""
        self.parameters.set(values)
        rows = self.loss(self.model.anew(), sample)
        weights = as_weights(sample.sample_weight, len(rows.losses))
        by_loss = self.parameters.vjp(sample.X, weights[:, None] * rows.by_output)
        return by_loss + self.penalty(values, sample)

    def _retrain(self, sample):
        """Return the numbers that score as the model retrained on a sample does."""
        model = fit_with_weights(clone(self.model.estimator), sample)
        scores = OutputModel.of(self.model.succeed(model)).outputs(self.world.base.X)
        scaled = self.design * self.units
        move = np.linalg.lstsq(scaled, scores.ravel() - self.start, rcond=None)[0]
        return self.values + self.units * move

    def _outputs(self, values):
        self.parameters.set(values)
        return self.model.anew().outputs(self.world.base.X).ravel()

    def _differences(self, function, values):
        """Return the derivatives of a slope, both in `units`."""
        by_numbers = jacobian(function, values, STEP * self.units)
        return self.units[:, None] * by_numbers * self.units

    def _solve(self, H, right):
        """Solve with a curvature that may be flat where numbers change no score."""
        scales = np.sqrt(np.maximum(np.diag(H), np.diag(H).max() * _FLAT))
        solved = np.linalg.pinv(H / np.outer(scales, scales), rcond=_FLAT)
        return ((solved @ (right.T / scales).T).T / scales).T

    def _require_linear(self):
        obstacle = None
        if not self.model.is_linear:
            obstacle = f"{type(self.model.last).__name__} is not a linear model"
        elif self.loss is None:
            obstacle = "the loss of the model has no known slope"
        elif len(self.values) > MOST_NUMBERS:
            obstacle = f"the model has more than {MOST_NUMBERS} numbers"
        if obstacle is not None:
            raise ValueError(
                f"contraction_radius is not known here: {obstacle}. contraction_rate("
                "history_) measures it of any model."
            )

    def _require_minimum(self, off):
        spread = self.start.std() or 1.0
        if np.sqrt(np.mean(off**2)) <= _OFF * spread:
            return
        raise ValueError(
            f"A retraining of {type(self.model.last).__name__} does not end where the "
            "log loss or squared error with its penalty is least, by more than "
            f"{_OFF:.0%} of the spread of its scores. It minimizes something else, as "
            "with class_weight or an absolute penalty, or its solver stops too early. "
            "Set a smaller tol, or measure: contraction_rate(history_)."
        )
