# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The picture of a drift that may be the model's doing, period by period."""

import numpy as np
from scipy.stats import norm

from skperf.inspection._matplotlib import make_axes, require_matplotlib


class DriftDisplay:
    """Effect of the predictions on what is seen, period by period and taken together.

    Make it with :meth:`from_test`. Each point is the effect in one period, with a bar
    of its 95 % interval; the line is the effect of all periods so far, each weighted by
    its precision, with its interval as a band. Without an effect of the model, 95 of
    100 bars reach the dotted zero, whatever else makes the data drift.

    The p-value of the test is for all periods together. Who looks after each of them,
    and stops at the first band off zero, is fooled more often than it says.

    Parameters
    ----------
    effects : array-like of shape (n_periods,)
        The effect in each period; NaN where there were no lots.

    errors : array-like of shape (n_periods,)
        Their standard errors.

    p_value : float, default=None
        Of the test of all periods, for the title.

    periods : array-like of shape (n_periods,), default=None
        What periods are called, or when they were. None numbers them from 1.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure that holds them.

    line_ : matplotlib Line2D
        The line of the effect so far.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skperf.inspection import DriftDisplay
    >>> display = DriftDisplay([0.4, 0.7, 0.2], [0.3, 0.3, 0.2], p_value=0.02).plot()
    >>> plt.show()
    """

    def __init__(self, effects, errors, *, p_value=None, periods=None):
        self.effects = effects
        self.errors = errors
        self.p_value = p_value
        self.periods = periods

    @classmethod
    def from_test(cls, test, *, periods=None, ax=None, **line_kw):
        """Plot what a test of drift has returned.

        Parameters
        ----------
        test : DriftTest
            Of :func:`~skperf.shift.performative_drift_test`, or
            :func:`~skperf.shift.checkerboard_drift_test`.

        periods : array-like of shape (n_periods,), default=None
            What periods are called, or when they were. None numbers them from 1.

        ax : matplotlib Axes, default=None
            Where to plot. None makes a figure.

        **line_kw : dict
            Passed to matplotlib's ``plot`` for the line of the effect so far.

        Returns
        -------
        display : DriftDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If there are not as many names as periods, or no period has lots.
        ImportError
            If matplotlib is missing.
        """
        display = cls(test.effects, test.errors, p_value=test.p_value, periods=periods)
        return display.plot(ax=ax, **line_kw)

    def plot(self, ax=None, **line_kw):
        """Plot the effects.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot. None makes a figure.

        **line_kw : dict
            Passed to matplotlib's ``plot`` for the line of the effect so far.

        Returns
        -------
        display : DriftDisplay
            This display.
        """
        effects, errors = (np.asarray(v, float) for v in (self.effects, self.errors))
        periods = self._check_periods(effects, errors)
        require_matplotlib(type(self).__name__, "effects and errors of the test")
        self.ax_ = make_axes(1, figsize=(7, 3.6)) if ax is None else ax
        self.figure_ = self.ax_.figure
        width = norm.ppf(0.975)
        mean, error = _so_far(effects, errors)
        style = {"label": "all periods so far", **line_kw}
        (self.line_,) = self.ax_.plot(periods, mean, **style)
        band = {"color": self.line_.get_color(), "alpha": 0.15, "linewidth": 0}
        self.ax_.fill_between(
            periods, mean - width * error, mean + width * error, **band
        )
        bars = {
            "fmt": "o",
            "color": "0.4",
            "markersize": 4,
            "linewidth": 1,
            "zorder": 1,
        }
        self.ax_.errorbar(
            periods, effects, yerr=width * errors, label="one period", **bars
        )
        self.ax_.axhline(0, color="0.4", linewidth=0.9, linestyle=":", zorder=0)
        self.ax_.set(xlabel="Period", ylabel="Effect of the prediction")
        if self.p_value is not None:
            self.ax_.set_title(f"p = {self.p_value:.2g} for all periods")
        if self.periods is None:
            self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.legend(frameon=False)
        return self

    def _check_periods(self, effects, errors):
        """Return where the periods stand."""
        if not (np.isfinite(effects) & np.isfinite(errors) & (errors > 0)).any():
            raise ValueError(
                "No period has an effect with an error, so there is nothing to draw. "
                "Lots must vary within a period."
            )
        if self.periods is None:
            return np.arange(1, len(effects) + 1)
        if len(self.periods) != len(effects):
            raise ValueError(
                f"There are {len(effects)} periods and {len(self.periods)} names of "
                "them in periods; expected one for each."
            )
        return self.periods


def _so_far(effects, errors):
    """Return the effect of all periods so far, and its standard error."""
    known = np.isfinite(effects) & (errors > 0)
    precision = np.zeros(len(effects))
    precision[known] = errors[known] ** -2
    total = np.cumsum(precision)
    total[total == 0] = np.nan
    sums = np.cumsum(precision * np.where(known, effects, 0))
    return sums / total, total**-0.5
