# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The picture of many runs: seeds, splits or settings, as a line and a band each."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skperf.inspection._matplotlib import make_axes, require_matplotlib
from skperf.inspection._retraining import require_minimizer, require_rounds

_RISK, _RESIDUAL = "risk_before", "stability_residual_estimate"


class RetrainingRunsDisplay:
    """Risk and stability of many runs, round by round: medians and bands.

    Make it with :meth:`from_estimators`. On the left is the risk under the model that
    was deployed, on the right the estimate of the stability residual, which is there in
    every round. A run that has ended before others keeps its last value: a stable model
    stays. So a band tells nothing of what a run that was stopped would have done next.

    Parameters
    ----------
    histories : dict of str to list of dict of ndarrays
        For each name in the legend, the records of its runs.

    band : (float, float), default=(0, 1)
        The quantiles of runs between which the band lies; all of them by default.

    Attributes
    ----------
    ax_ : ndarray of shape (2,) of matplotlib Axes
        The axes of the risk and of the residual.

    figure_ : matplotlib Figure
        The figure that holds them.

    See Also
    --------
    RetrainingDisplay : One run, with each retraining and reaction.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skperf import RepeatedRiskMinimizer
    >>> from skperf.inspection import RetrainingRunsDisplay
    >>> from skperf.shift import ResampleIfRejected
    >>> X, y = make_classification(random_state=0)
    >>> shift = ResampleIfRejected(delta=0.6, strategic_features=[0, 1])
    >>> runs = [
    ...     RepeatedRiskMinimizer(LogisticRegression(), shift, random_state=seed)
    ...     for seed in range(3)
    ... ]
    >>> display = RetrainingRunsDisplay.from_estimators(
    ...     {"three draws of donors": [run.fit(X, y) for run in runs]}
    ... )
    >>> plt.show()
    """

    def __init__(self, histories, *, band=(0, 1)):
        self.histories = histories
        self.band = band

    @classmethod
    def from_estimators(cls, estimators, *, band=(0, 1), ax=None, **line_kw):
        """Plot the runs of fitted minimizers.

        Parameters
        ----------
        estimators : dict of str to list of estimators
            For each name in the legend, fitted minimizers. Their risks must measure
            the same.

        band : (float, float), default=(0, 1)
            The quantiles of runs between which the band lies.

        ax : array-like of two matplotlib Axes, default=None
            Where to plot risk and residual. None makes a figure.

        **line_kw : dict
            Passed to matplotlib's ``plot`` for the medians.

        Returns
        -------
        display : RetrainingRunsDisplay
            The plotted display.

        Raises
        ------
        TypeError
            If there is something else than minimizers.
        ValueError
            If a minimizer has finished no round, a name has no runs, or `band` is not
            two quantiles.
        ImportError
            If matplotlib is missing.
        """
        for run in (run for runs in estimators.values() for run in runs):
            require_minimizer(run)
            check_is_fitted(run)
        histories = {
            name: [run.history_ for run in runs] for name, runs in estimators.items()
        }
        return cls(histories, band=band).plot(ax=ax, **line_kw)

    def plot(self, ax=None, **line_kw):
        """Plot risk and residual.

        Parameters
        ----------
        ax : array-like of two matplotlib Axes, default=None
            Where to plot. None makes a figure.

        **line_kw : dict
            Passed to matplotlib's ``plot`` for the medians.

        Returns
        -------
        display : RetrainingRunsDisplay
            This display.
        """
        self._check()
        require_matplotlib(type(self).__name__, "the history_ of each run")
        self.ax_ = np.asarray(make_axes(2, figsize=(9, 3.6)) if ax is None else ax)
        self.figure_ = self.ax_[0].figure
        for name, histories in self.histories.items():
            for ax, key in zip(self.ax_, (_RISK, _RESIDUAL), strict=True):
                values = _aligned([history[key] for history in histories])
                self._plot_runs(ax, values, {"label": name, **line_kw})
        risk, residual = self.ax_
        risk.set(xlabel="Round", ylabel="Risk under the deployed model")
        residual.set(xlabel="Round", ylabel="Stability residual, estimate (RMS)")
        residual.set_yscale("log")
        risk.legend(frameon=False)
        return self

    def _plot_runs(self, ax, values, line_kw):
        rounds = np.arange(1, values.shape[1] + 1)
        low, median, high = np.quantile(values, [self.band[0], 0.5, self.band[1]], 0)
        (line,) = ax.plot(rounds, median, **line_kw)
        band = {"color": line.get_color(), "alpha": 0.2, "linewidth": 0}
        ax.fill_between(rounds, low, high, **band)
        ax.xaxis.get_major_locator().set_params(integer=True)

    def _check(self):
        """Raise a ValueError where there is nothing to draw."""
        empty = [name for name, runs in self.histories.items() if not len(runs)]
        if empty or not self.histories:
            raise ValueError(f"There are no runs to draw for {empty or 'any name'}.")
        for history in (run for runs in self.histories.values() for run in runs):
            require_rounds(history)
        if not _are_quantiles(self.band):
            raise ValueError(
                f"band must be two quantiles in [0, 1], the lower first; got "
                f"{self.band!r}."
            )


def _are_quantiles(band):
    pair = isinstance(band, tuple | list) and len(band) == 2
    return (
        pair and all(isinstance(q, Real) for q in band) and 0 <= band[0] <= band[1] <= 1
    )


def _aligned(paths):
    """Return paths as rows of one length, each with its last value to the end."""
    longest = max(map(len, paths))
    ends = [np.pad(path, (0, longest - len(path)), mode="edge") for path in paths]
    return np.array(ends)
