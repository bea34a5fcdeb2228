# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The picture of what the moves of features cost a model."""

import numpy as np

from skperf.inspection._matplotlib import make_axes, require_matplotlib


class GamingDisplay:
    """What the move of each feature costs, as bars with intervals.

    Make it with :meth:`from_importance`. A bar to the right is a move that costs risk;
    one to the left helps the model.

    Parameters
    ----------
    importance : DataFrame
        As :func:`gaming_importance` returns it, or rows of one model of
        ``RetrainingStudy.gaming_``.

    n_features : int, default=10
        How many features are shown, the costliest.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure that holds them.

    bars_ : matplotlib BarContainer
        The bars, the costliest first.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from skperf.inspection import GamingDisplay
    >>> importance = pd.DataFrame({
    ...     "feature": ["balance", "loans"], "cost": [0.02, -0.001],
    ...     "cost_low": [0.01, -0.004], "cost_high": [0.03, 0.002],
    ... })
    >>> display = GamingDisplay(importance).plot()
    >>> plt.show()
    """

    def __init__(self, importance, *, n_features=10):
        self.importance = importance
        self.n_features = n_features

    @classmethod
    def from_importance(cls, importance, *, n_features=10, ax=None, **bar_kw):
        """Plot what `gaming_importance` has returned.

        Parameters
        ----------
        importance : DataFrame
            The costs of one model.

        n_features : int, default=10
            How many features are shown, the costliest.

        ax : matplotlib Axes, default=None
            Where to plot. None makes a figure.

        **bar_kw : dict
            Passed to matplotlib's ``barh``.

        Returns
        -------
        display : GamingDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If there are no rows, or those of several models.
        ImportError
            If matplotlib is missing.
        """
        return cls(importance, n_features=n_features).plot(ax=ax, **bar_kw)

    def plot(self, ax=None, **bar_kw):
        """Plot the costs.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot. None makes a figure.

        **bar_kw : dict
            Passed to matplotlib's ``barh``.

        Returns
        -------
        display : GamingDisplay
            This display.
        """
        self._check_rows()
        require_matplotlib(type(self).__name__, "the frame importance")
        shown = self.importance.sort_values("cost", ascending=False)
        shown = shown.head(self.n_features)
        cost, low, high = shown[["cost", "cost_low", "cost_high"]].to_numpy(float).T
        places = np.arange(len(shown))
        if ax is None:
            ax = make_axes(1, figsize=(7, 1.2 + 0.4 * len(shown)))
        self.ax_, self.figure_ = ax, ax.figure
        self.bars_ = ax.barh(places, cost, **{"height": 0.6, **bar_kw})
        ends = np.maximum([cost - low, high - cost], 0)
        ax.errorbar(cost, places, xerr=ends, fmt="none", color="0.3", linewidth=1.2)
        ax.axvline(0, color="0.4", linewidth=0.9)
        ax.set_yticks(places, shown["feature"].astype(str))
        ax.set(ylim=(len(shown) - 0.5, -0.5), xlabel="Risk that the move costs")
        return self

    def _check_rows(self):
        features = self.importance["feature"]
        if not len(features):
            raise ValueError("There is nothing to draw: no column has moved.")
        if features.duplicated().any():
            raise ValueError(
                "importance has rows of several models. Choose those of one, such as "
                "by study.gaming_.query(\"estimator == 'boosting' and way == "
                "'ordinary'\")."
            )
