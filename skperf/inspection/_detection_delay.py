# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The picture of how soon detectors find what they are to find."""

from skperf.inspection._matplotlib import make_axes, require_matplotlib


class DetectionDelayDisplay:
    """Recall and false positive rate against the number of tokens seen.

    Make it with :meth:`from_evaluation`. Each detector has a solid line, the share of
    positive texts that it has flagged by a number of tokens, and a dotted one for the
    other texts. It looks at every token, with a threshold for that. Bands are 95 %
    intervals of the recall.

    Parameters
    ----------
    tokens : DataFrame
        The second frame of :func:`~skperf.metrics.evaluate_detectors`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure that holds them.

    lines_ : dict of str to matplotlib Line2D
        The line of the recall of each detector, by name.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from skperf.inspection import DetectionDelayDisplay
    >>> tokens = pd.DataFrame({
    ...     "detector": "flag", "figure": ["recall", "FPR"] * 3,
    ...     "tokens": [1, 1, 8, 8, 64, 64], "value": [0.1, 0, 0.4, 0.02, 0.7, 0.05],
    ... }).assign(low=lambda t: t.value - 0.02, high=lambda t: t.value + 0.02)
    >>> display = DetectionDelayDisplay(tokens).plot()
    >>> plt.show()
    """

    def __init__(self, tokens):
        self.tokens = tokens

    @classmethod
    def from_evaluation(cls, evaluation, *, ax=None, **line_kw):
        """Plot what `evaluate_detectors` has returned.

        Parameters
        ----------
        evaluation : DetectorEvaluation
            The frames.

        ax : matplotlib Axes, default=None
            Where to plot. None makes a figure.

        **line_kw : dict
            Passed to matplotlib's ``plot`` for the lines of the recall.

        Returns
        -------
        display : DetectionDelayDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If no detector was looked at token by token.
        ImportError
            If matplotlib is missing.
        """
        return cls(evaluation.tokens).plot(ax=ax, **line_kw)

    def plot(self, ax=None, **line_kw):
        """Plot recall and false positive rate.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot. None makes a figure.

        **line_kw : dict
            Passed to matplotlib's ``plot`` for the lines of the recall.

        Returns
        -------
        display : DetectionDelayDisplay
            This display.
        """
        if not len(self.tokens):
            raise ValueError(
                "No detector was looked at token by token. Pass calibration to "
                "evaluate_detectors, and a detector that has score_prefixes."
            )
        require_matplotlib(type(self).__name__, "the frame tokens")
        self.ax_ = make_axes(1, figsize=(6, 3.8)) if ax is None else ax
        self.figure_ = self.ax_.figure
        self.lines_ = {
            name: self._plot_detector(name, rows, line_kw)
            for name, rows in self.tokens.groupby("detector", sort=False)
        }
        self.ax_.set_xscale("log", base=2)
        self.ax_.xaxis.set_major_formatter("{x:g}")
        self.ax_.set(xlabel="Tokens seen", ylabel="Share flagged", ylim=(-0.02, 1.02))
        self._add_legend()
        return self

    def _plot_detector(self, name, rows, line_kw):
        recall = rows[rows["figure"] == "recall"]
        style = {"marker": ".", "label": name, **line_kw}
        (line,) = self.ax_.plot(recall["tokens"], recall["value"], **style)
        band = {"color": line.get_color(), "alpha": 0.15, "linewidth": 0}
        self.ax_.fill_between(recall["tokens"], recall["low"], recall["high"], **band)
        false = rows[rows["figure"] == "FPR"]
        dotted = {"color": line.get_color(), "linestyle": ":"}
        self.ax_.plot(false["tokens"], false["value"], **dotted)
        return line

    def _add_legend(self):
        from matplotlib.lines import Line2D

        solid = Line2D([], [], color="0.4", label="positive texts")
        dotted = Line2D([], [], color="0.4", linestyle=":", label="other texts")
        handles = [*self.lines_.values(), solid, dotted]
        self.ax_.legend(handles=handles, frameon=False, loc="upper left")
