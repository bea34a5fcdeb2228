# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The picture of what detectors are worth under stress."""

import numpy as np

from skperf.inspection._matplotlib import make_axes, require_matplotlib

_THRESHOLD = {"recall": "o", "FPR": "D"}


class StressDisplay:
    """Ranking and threshold of detectors under stress, side by side.

    Make it with :meth:`from_evaluation`. On the left is how well texts are put in
    order, on the right what the threshold does that was set without stress: the recall,
    and as open diamonds the false positive rate. A detector may keep the one and lose
    the other. Bars are 95 % intervals.

    Parameters
    ----------
    figures : DataFrame
        The first frame of :func:`~skperf.metrics.evaluate_detectors`.

    ranking : str, default="like-length AUC"
        The figure on the left.

    target_fpr : float, default=None
        The false positive rate that thresholds are for; drawn as a line if it is given.

    Attributes
    ----------
    ax_ : ndarray of shape (2,) of matplotlib Axes
        The axes of the ranking and of the threshold.

    figure_ : matplotlib Figure
        The figure that holds them.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from skperf.inspection import StressDisplay
    >>> figures = pd.DataFrame({
    ...     "stress": ["none"] * 3 + ["prefill"] * 3, "detector": "flag",
    ...     "figure": ["AUC", "recall", "FPR"] * 2,
    ...     "value": [0.8, 0.5, 0.05, 0.79, 0.7, 0.3],
    ... }).assign(low=lambda t: t.value - 0.04, high=lambda t: t.value + 0.04)
    >>> display = StressDisplay(figures, ranking="AUC", target_fpr=0.05).plot()
    >>> plt.show()
    """

    def __init__(self, figures, *, ranking="like-length AUC", target_fpr=None):
        self.figures = figures
        self.ranking = ranking
        self.target_fpr = target_fpr

    @classmethod
    def from_evaluation(
        cls, evaluation, *, ranking="like-length AUC", target_fpr=None, ax=None
    ):
        """Plot what `evaluate_detectors` has returned.

        Parameters
        ----------
        evaluation : DetectorEvaluation
            The frames.

        ranking : str, default="like-length AUC"
            The figure on the left.

        target_fpr : float, default=None
            The false positive rate that thresholds are for.

        ax : array-like of two matplotlib Axes, default=None
            Where to plot. None makes a figure.

        Returns
        -------
        display : StressDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If there is no such figure.
        ImportError
            If matplotlib is missing.
        """
        display = cls(evaluation.figures, ranking=ranking, target_fpr=target_fpr)
        return display.plot(ax=ax)

    def plot(self, ax=None):
        """Plot ranking and threshold.

        Parameters
        ----------
        ax : array-like of two matplotlib Axes, default=None
            Where to plot. None makes a figure.

        Returns
        -------
        display : StressDisplay
            This display.
        """
        known = self.figures["figure"].unique().tolist()
        if self.ranking not in known:
            raise ValueError(f"There is no figure {self.ranking!r}, only {known}.")
        require_matplotlib(type(self).__name__, "the frame figures")
        stresses = self.figures["stress"].unique().tolist()
        if ax is None:
            size = (9, 1.6 + 0.5 * len(stresses))
            ax = make_axes(2, figsize=size, sharey=True)
        self.ax_ = np.asarray(ax)
        self.figure_ = self.ax_[0].figure
        detectors = self.figures["detector"].unique().tolist()
        for number, name in enumerate(detectors):
            offset = 0.5 * ((number + 0.5) / len(detectors) - 0.5)
            self._plot_detector(f"C{number}", offset, name, stresses)
        self._label(stresses, detectors)
        return self

    def _plot_detector(self, colour, offset, name, stresses):
        rows = self.figures[self.figures["detector"] == name]
        self._plot_points(self.ax_[0], rows, self.ranking, colour, offset, stresses)
        for figure in _THRESHOLD:
            self._plot_points(self.ax_[1], rows, figure, colour, offset, stresses)

    def _plot_points(self, ax, rows, figure, colour, offset, stresses):
        rows = rows[rows["figure"] == figure].set_index("stress").reindex(stresses)
        value, low, high = rows[["value", "low", "high"]].to_numpy(dtype=float).T
        places = np.arange(len(stresses)) + offset
        fill = "white" if figure == "FPR" else colour
        ax.errorbar(
            value,
            places,
            xerr=np.maximum([value - low, high - value], 0),
            fmt=_THRESHOLD.get(figure, "o"),
            color=colour,
            markerfacecolor=fill,
            linewidth=1.2,
        )

    def _label(self, stresses, detectors):
        from matplotlib.lines import Line2D

        left, right = self.ax_
        left.axvline(0.5, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
        if self.target_fpr is not None:
            line = {"color": "0.6", "linewidth": 0.8, "linestyle": ":", "zorder": 0}
            right.axvline(self.target_fpr, **line)
        left.set_yticks(range(len(stresses)), stresses)
        left.set(ylim=(len(stresses) - 0.5, -0.5), title="Ranking", xlabel=self.ranking)
        right.set(xlim=(-0.02, 1.02), title="Threshold", xlabel="share flagged")
        mark = {"linestyle": "", "marker": "o"}
        diamond = {"linestyle": "", "marker": "D", "markerfacecolor": "white"}
        handles = [
            *(
                Line2D([], [], color=f"C{i}", label=name, **mark)
                for i, name in enumerate(detectors)
            ),
            Line2D([], [], color="0.4", label="recall", **mark),
            Line2D([], [], color="0.4", label="FPR", **diamond),
        ]
        beside = {"loc": "upper left", "bbox_to_anchor": (1, 1)}
        right.legend(handles=handles, frameon=False, **beside)
