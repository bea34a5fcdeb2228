# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The picture of a risk over the numbers of a model, with what the loops do on it."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skperf.inspection._landscape_loops import survey
from skperf.inspection._landscape_plot import draw
from skperf.inspection._matplotlib import require_matplotlib
from skperf.inspection._model_grid import (
    check_grid,
    check_values,
    grid_risk,
    label_grid,
    stable_models,
)
from skperf.inspection._risk_surface import make_surface
from skperf.metrics._induce import deploy, deployed_model
from skperf.retraining._losses import default_risk
from skperf.retraining._population import check_population
from skperf.shift._binding import bind_to_sample
from skperf.utils._arguments import require_shift


class RiskLandscapeDisplay:
    r"""Performative risk over one or two numbers of a model, and the loops on it.

    Make it with :meth:`from_estimator` or, for models of any kind, :meth:`from_grid`.

    With one parameter it is the decoupled risk of each model (upwards) on the data that
    each deployed model (to the right) induces. Retraining goes upwards or downwards to
    the lowest risk, deployment sideways to the diagonal, where a model meets its own
    data. A *stable* point is lowest above its place on the axis. The *optimum* is
    lowest on the diagonal.

    With two parameters it is the performative risk, which is the diagonal alone, and
    arrows say in which direction one retraining goes, and how far.

    Parameters
    ----------
    values : list of one or two ndarrays
        The values of each parameter.

    risk : ndarray of shape (n_values, n_values)
        Of one parameter the deployed one first and the evaluated one second, of two in
        their order. NaN where people have no answer to a model.

    names : list of str, default=None
        What the parameters are called.

    risk_name : str, default="risk"
        What the risk measures.

    stable : array-like of shape (n_points, n_parameters), default=()
        The stable points.

    optimum : array-like of shape (n_parameters,), default=None
        The point with the lowest performative risk.

    retraining_path : array-like of shape (n_rounds + 1, n_parameters), default=()
        The models of repeated retraining, the first one included.

    descent_path : array-like of shape (n_steps + 1, n_parameters), default=()
        Those of the search for the optimum.

    moves : tuple of two ndarrays of shape (n_moves, 2), default=None
        Points, and by how much one retraining moves them.

    Attributes
    ----------
    surface_ : matplotlib QuadContourSet
        The filled contours of the risk.

    ax_ : matplotlib Axes
        Where it is drawn.

    figure_ : matplotlib Figure
        The figure that holds it.

    See Also
    --------
    RetrainingDisplay : The risk and the residual of a minimizer, round by round.
    skperf.metrics.decoupled_performative_risk : One number of the picture.

    Notes
    -----
    People are asked once for each deployed model, 41 times for one parameter and 1,681
    times for two. Not so for two parameters of a linear model with the log loss where
    :class:`~skperf.shift.ResampleIfRejected` with whole rows,
    :class:`~skperf.shift.SelfFulfillingShift` or
    :class:`~skperf.shift.StrategicResponse` say what people do: their risks are sums,
    and the rows are computed in float32, so that `risk` is right to about 1e-5 of
    itself. Points and paths are in float64, arrows right to about 1e-5. The optimum is
    the end of a search from the lowest point of the grid, or of the one from the start
    if that ends lower; outside the picture there may be a better one.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf.datasets import make_location_scale
    >>> from skperf.inspection import RiskLandscapeDisplay
    >>> from skperf.shift import OutcomeShift
    >>> data = make_location_scale()
    >>> X, y = data.data, data.target
    >>> model = LinearRegression(fit_intercept=False).fit(X, y)
    >>> shift = OutcomeShift(feedback=data.feedback)
    >>> display = RiskLandscapeDisplay.from_estimator(model, shift, X, y)
    >>> display.stable.round(4), display.optimum.round(4)
    (array([[2.5]]), array([0.2]))
    >>> plt.show()
    """

    def __init__(
        self,
        values,
        risk,
        *,
        names=None,
        risk_name="risk",
        stable=(),
        optimum=None,
        retraining_path=(),
        descent_path=(),
        moves=None,
    ):
        self.values = values
        self.risk = risk
        self.names = names
        self.risk_name = risk_name
        self.stable = stable
        self.optimum = optimum
        self.retraining_path = retraining_path
        self.descent_path = descent_path
        self.moves = moves

    @classmethod
    def from_estimator(
        cls,
        estimator,
        shift,
        X,
        y,
        *,
        parameters=None,
        values=None,
        grid_resolution=41,
        response_method="auto",
        pos_label=None,
        sample_weight=None,
        random_state=None,
        ax=None,
        **contour_kw,
    ):
        """Plot the risk around a fitted model, from which both loops start.

        One or two of its numbers move and the others stay as they are. Retraining is of
        those that move: they become what has the lowest loss on the induced data,
        without a penalty that the estimator may have.

        Parameters
        ----------
        estimator : estimator
            A fitted linear model, alone or behind scalers in a Pipeline, or a torch
            estimator of skperf; of a fitted minimizer its deployed model.

        shift : BaseShift
            How the population reacts.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of the base population.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of the base population.

        parameters : int, str or list of one or two of them, default=None
            Which numbers move: positions in :class:`skperf.shift.Parameters`, or of a
            linear model names of columns and "intercept". None means all, of a model
            that has one or two.

        values : array-like or list of two array-likes, default=None
            The values of each. None takes a range around the start, its retraining,
            the stable point and the end of the search.

        grid_resolution : int, default=41
            How many values of each, where `values` does not say it.

        response_method : str, default="auto"
            Which predictions people react to, as in :class:`RepeatedRiskMinimizer`.

        pos_label : int, float, bool or str, default=None
            The class whose probability or score people react to. None takes that of a
            fitted minimizer, else the one that :class:`~skperf.shift.Predictor` takes.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the base population.

        random_state : int, RandomState instance or None, default=None
            Random numbers of the shift.

        ax : matplotlib Axes, default=None
            Where to plot. None makes a figure.

        **contour_kw : dict
            Passed to matplotlib's ``contourf``, for example ``cmap``.

        Returns
        -------
        display : RiskLandscapeDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If the numbers of the model are not known, if it has more than two and
            `parameters` does not choose, or if its risk has no slope, as with outcomes
            that are drawn or with hard predictions.
        ImportError
            If matplotlib is missing.
        """
        require_matplotlib("RiskLandscapeDisplay")
        check_is_fitted(deployed_model(estimator))
        model = deploy(estimator, response_method, pos_label)
        world = _bind(shift, X, y, sample_weight, random_state)
        surface, names = make_surface(shift, world, model, parameters)
        found = survey(surface, check_values(values, len(names)), grid_resolution)
        name = default_risk(model.estimator)
        return cls(names=names, risk_name=name, **found).plot(ax=ax, **contour_kw)

    @classmethod
    def from_grid(
        cls,
        models,
        shift,
        X,
        y,
        *,
        values=None,
        names=None,
        scoring=None,
        response_method="auto",
        pos_label=None,
        sample_weight=None,
        random_state=None,
        ax=None,
        **contour_kw,
    ):
        """Plot the risk of fitted models of any kind.

        A list of models is drawn like one parameter, and those are stable which no
        other model of the list beats on the data that they induce. A list of lists is
        drawn like two.

        Parameters
        ----------
        models : list of estimators, or list of lists of equal lengths
            The fitted models.

        shift : BaseShift
            How the population reacts.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of the base population.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of the base population.

        values : array-like or list of two array-likes, default=None
            What the models differ in. None takes their positions.

        names : str or list of two str, default=None
            What it is called.

        scoring : str or callable, default=None
            As in :func:`skperf.metrics.performative_risk`.

        response_method, pos_label, sample_weight, random_state, ax, **contour_kw
            As in :meth:`from_estimator`.

        Returns
        -------
        display : RiskLandscapeDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If there are fewer than two models in a direction, lists have different
            lengths, or `values` or `names` do not fit the grid.
        ImportError
            If matplotlib is missing.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import make_classification
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> from skperf.inspection import RiskLandscapeDisplay
        >>> from skperf.shift import SelfFulfillingShift
        >>> X, y = make_classification(random_state=0)
        >>> leaves = [2, 5, 10, 20, 40]
        >>> trees = [
        ...     DecisionTreeClassifier(min_samples_leaf=n, random_state=0).fit(X, y)
        ...     for n in leaves
        ... ]
        >>> display = RiskLandscapeDisplay.from_grid(
        ...     trees, SelfFulfillingShift(0.5), X, y, values=leaves, names="leaf size"
        ... )
        >>> plt.show()
        """
        require_matplotlib("RiskLandscapeDisplay")
        shape, models = check_grid(models)
        values, names = label_grid(values, names, shape)
        deployed = [deploy(model, response_method, pos_label) for model in models]
        world = _bind(shift, X, y, sample_weight, random_state)
        risk = grid_risk(deployed, shape, world, scoring)
        own = np.diag(risk) if len(shape) == 1 else risk
        best = np.unravel_index(np.nanargmin(own), shape)
        display = cls(
            values,
            risk,
            names=names,
            risk_name=f"minus {scoring}" if scoring else default_risk(models[0]),
            stable=stable_models(risk, values),
            optimum=np.array([v[i] for v, i in zip(values, best, strict=True)]),
        )
        return display.plot(ax=ax, **contour_kw)

    def plot(self, ax=None, **contour_kw):
        """Plot the risk, the points and the paths.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot. None makes a figure.

        **contour_kw : dict
            Passed to matplotlib's ``contourf``.

        Returns
        -------
        display : RiskLandscapeDisplay
            This display.
        """
        require_matplotlib("RiskLandscapeDisplay")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(6, 4.6), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.surface_ = draw(self, ax, contour_kw)
        return self


def _bind(shift, X, y, sample_weight, random_state):
    """Return the world that is asked for all models."""
    require_shift(shift)
    base = check_population(X, y, sample_weight)
    return bind_to_sample(shift, base, random_state)
