# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The picture of a retraining path: risk and stability, round by round."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skperf.base import BaseRiskMinimizer
from skperf.inspection._certified import (
    bound_of,
    draw_bound,
    draw_rate,
    draw_risk,
    rate_of,
)
from skperf.inspection._matplotlib import make_axes, require_matplotlib
from skperf.retraining._losses import default_risk


class RetrainingDisplay:
    """Risk before and after each retraining, and the stability residual.

    Make it with :meth:`from_estimator`. The risk falls along solid segments, where the
    model is retrained, and moves along dashed ones, where the population reacts. Near
    stability the segments become flat and the residual falls: how far one retraining
    moves the model whose data a round has shown. Estimates are dashed.

    Dotted is what :func:`~skperf.metrics.contraction_rate` makes of the last half of
    the rounds: a residual that falls by this rate, and the risk where it leads; or the
    noise in which models stay. A rate that is proven for retraining on the last data
    alone is drawn from the first residual on.

    Parameters
    ----------
    history : dict of ndarrays of shape (n_rounds,)
        Record of a minimizer.

    tol : float, default=None
        Residual that counts as stable; drawn as a line if it is given.

    name : str, default=None
        Name in the legend.

    risk_name : str, default=None
        What the risk measures, for its axis.

    rate : ContractionRate, default=None
        The measured rate; None draws none.

    bound : float, default=None
        The rate that a theorem proves; None draws none.

    See Also
    --------
    RetrainingRunsDisplay : Many runs in one picture, with bands.

    Attributes
    ----------
    ax_ : ndarray of shape (2,) of matplotlib Axes
        The axes of the risk and of the residual.

    figure_ : matplotlib Figure
        The figure that holds them.

    line_ : matplotlib Line2D
        The line of the residuals that were measured.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skperf import RepeatedRiskMinimizer
    >>> from skperf.inspection import RetrainingDisplay
    >>> from skperf.shift import ResampleIfRejected
    >>> X, y = make_classification(random_state=0)
    >>> model = RepeatedRiskMinimizer(
    ...     LogisticRegression(), ResampleIfRejected(delta=0.6)
    ... ).fit(X, y)
    >>> display = RetrainingDisplay.from_estimator(model)
    >>> plt.show()
    """

    def __init__(
        self,
        history,
        *,
        tol=None,
        name=None,
        risk_name=None,
        rate=None,
        bound=None,
    ):
        self.history = history
        self.tol = tol
        self.name = name
        self.risk_name = risk_name
        self.rate = rate
        self.bound = bound

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, **line_kw):
        """Plot the path of a fitted minimizer.

        Parameters
        ----------
        estimator : RepeatedRiskMinimizer or AffineRiskMinimizer
            A fitted minimizer.

        name : str, default=None
            Name in the legend. None takes the name of the class.

        ax : array-like of two matplotlib Axes, default=None
            Where to plot risk and residual; pass ``ax_`` of another display to
            compare paths. None makes a figure.

        **line_kw : dict
            Passed to matplotlib's ``plot`` for all lines, for example ``color``.

        Returns
        -------
        display : RetrainingDisplay
            The plotted display.

        Raises
        ------
        TypeError
            If the estimator is no minimizer.
        ValueError
            If it has finished no round yet.
        ImportError
            If matplotlib is missing.
        """
        require_minimizer(estimator)
        check_is_fitted(estimator)
        require_rounds(estimator.history_)
        display = cls(
            estimator.history_,
            tol=estimator.tol,
            name=type(estimator).__name__ if name is None else name,
            risk_name=_risk_name(estimator),
            rate=rate_of(estimator),
            bound=bound_of(estimator),
        )
        return display.plot(ax=ax, **line_kw)

    def plot(self, ax=None, **line_kw):
        """Plot risk and residual.

        Parameters
        ----------
        ax : array-like of two matplotlib Axes, default=None
            Where to plot. None makes a figure.

        **line_kw : dict
            Passed to matplotlib's ``plot`` for all lines.

        Returns
        -------
        display : RetrainingDisplay
            This display.
        """
        require_rounds(self.history)
        require_matplotlib(type(self).__name__, "history_")
        self.ax_ = np.asarray(make_axes(2, figsize=(9, 3.6)) if ax is None else ax)
        self.figure_ = self.ax_[0].figure
        rounds = np.arange(1, len(self.history["risk_before"]) + 1)
        self._plot_residual(rounds, line_kw)
        self._plot_risk(rounds, {"color": self.line_.get_color(), **line_kw})
        self._plot_certified(self.line_.get_color())
        self._add_names()
        return self

    def _plot_residual(self, rounds, line_kw):
        ax = self.ax_[1]
        style = {"marker": ".", "label": self.name, **line_kw}
        (self.line_,) = ax.plot(rounds, self.history["stability_residual"], **style)
        guess = {"color": self.line_.get_color(), **line_kw}
        guess |= {"linestyle": (0, (3, 2)), "linewidth": 0.8, "zorder": 1}
        ax.plot(rounds, self.history["stability_residual_estimate"], **guess)
        if self.tol:
            ax.axhline(self.tol, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
        ax.set(yscale="log", xlabel="Round", ylabel="Stability residual (RMS)")
        ax.xaxis.get_major_locator().set_params(integer=True)

    def _plot_certified(self, color):
        """Draw the measured rate, and what is proven."""
        risk_axes, axes = self.ax_
        residuals = self.history["stability_residual_estimate"]
        if self.rate is not None:
            draw_rate(axes, residuals, self.rate, color)
            draw_risk(risk_axes, self.history["risk_before"], self.rate, color)
        if self.bound is not None:
            draw_bound(axes, self.history["stability_residual"], self.bound)

    def _add_names(self):
        if self.ax_[1].get_legend_handles_labels()[0]:
            self.ax_[1].legend(frameon=False)

    def _plot_risk(self, rounds, line_kw):
        from matplotlib.lines import Line2D

        ax = self.ax_[0]
        before, after = self.history["risk_before"], self.history["risk_after"]
        ax.plot([rounds, rounds + 0.5], [before, after], **line_kw)
        reaction = {**line_kw, "linestyle": (0, (3, 2)), "linewidth": 0.8}
        ax.plot([rounds[:-1] + 0.5, rounds[1:]], [after[:-1], before[1:]], **reaction)
        measure = f" ({self.risk_name})" if self.risk_name else ""
        ax.set(xlabel="Round", ylabel=f"Risk{measure}")
        ax.xaxis.get_major_locator().set_params(integer=True)
        solid = Line2D([], [], color="0.4", label="model is retrained")
        dashed = Line2D([], [], color="0.4", linestyle="--", label="population reacts")
        ax.legend(handles=[solid, dashed], frameon=False)


def _risk_name(estimator):
    scoring = estimator.scoring
    return default_risk(estimator) if scoring is None else f"minus {scoring}"


def require_minimizer(estimator):
    """Raise a TypeError where something has no path of its own."""
    if isinstance(estimator, BaseRiskMinimizer):
        return
    advice = "Pass a fitted RepeatedRiskMinimizer or AffineRiskMinimizer."
    if hasattr(estimator, "players"):
        advice = (
            "A game has a path for each player. Draw them one by one: "
            "RetrainingDisplay.from_estimator(game.players_[0])."
        )
    raise TypeError(
        f"RetrainingDisplay shows how a minimizer was retrained, and this is a "
        f"{type(estimator).__name__}. {advice}"
    )


def require_rounds(history):
    """Raise a ValueError where there is nothing to draw."""
    if "risk_before" not in history:
        raise ValueError(
            "The history has no risks, so it is not the record of one minimizer. Use "
            "the history_ of a minimizer, or of a player of a game."
        )
    if not len(history["risk_before"]):
        raise ValueError(
            "There is nothing to draw yet: the first model has been trained and not "
            "been retrained, as after the first partial_fit. Call partial_fit again "
            "with the data that were seen under this model."
        )
