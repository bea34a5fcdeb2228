# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The picture of what people do when they meet a model, column by column."""

import numpy as np

from skperf.inspection._column_shares import ColumnShares
from skperf.inspection._matplotlib import require_matplotlib
from skperf.metrics._induce import deploy, let_react
from skperf.retraining._population import check_population
from skperf.utils._frames import sample_to_frame

_MOST_COLUMNS = 6
_WEIGHT = "sample_weight"


class ReactionDisplay:
    """People before and after they have met a model, a panel for each column.

    Make it with :meth:`from_estimator`. Grey is the base population, the line what is
    seen while the model is deployed. Each title tells the least share of people that
    must have another value in this column than before, which is half the sum of the
    differences between bars. It is a share of what the panel tells apart: bins of
    numbers, or levels.

    Columns of numbers have thirty bins, of which the first and last take in the
    outermost half percent. Of other columns, and of numbers with at most eight values,
    the most frequent levels are shown. A last bar are the people whose value is
    missing, if there are any.

    Parameters
    ----------
    before : DataFrame of pandas
        The base population, with weights in the column "sample_weight".

    after : DataFrame of pandas
        What is seen under the model, with the same columns; as
        :func:`~skperf.metrics.induce` returns it with ``as_frame=True``.

    features : list of str, default=None
        The columns to show. None takes the six that move most, in their order.

    Attributes
    ----------
    moved_ : dict of str to float
        The least share of people that have another value, for each column shown.

    ax_ : ndarray of matplotlib Axes
        The axes, one for each column.

    figure_ : matplotlib Figure
        The figure that holds them.

    See Also
    --------
    skperf.metrics.induce : The data as a table.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skperf.inspection import ReactionDisplay
    >>> from skperf.shift import StrategicResponse
    >>> X, y = make_classification(random_state=0)
    >>> model = LogisticRegression().fit(X, y)
    >>> shift = StrategicResponse(epsilon=0.2, strategic_features=[0, 5])
    >>> display = ReactionDisplay.from_estimator(
    ...     model, shift, X, y, features=["x0", "x5"], random_state=0
    ... )
    >>> plt.show()
    """

    def __init__(self, before, after, *, features=None):
        self.before = before
        self.after = after
        self.features = features

    @classmethod
    def from_estimator(
        cls,
        estimator,
        shift,
        X,
        y,
        *,
        features=None,
        response_method="auto",
        pos_label=None,
        sample_weight=None,
        random_state=None,
        ax=None,
        **line_kw,
    ):
        """Plot what people do when they meet a model.

        Parameters
        ----------
        estimator : estimator
            A fitted model; of a fitted minimizer its deployed model.

        shift : BaseShift
            How the population reacts.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of the base population. Columns of an array are called "x0", ...

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of the base population, shown as "target".

        features : list of str, default=None
            The columns to show. None takes the six that move most.

        response_method : str, default="auto"
            Which predictions people react to, as in :class:`RepeatedRiskMinimizer`.

        pos_label : int, float, bool or str, default=None
            The class whose probability or score people react to.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the base population.

        random_state : int, RandomState instance or None, default=None
            Random numbers of the shift.

        ax : array-like of matplotlib Axes, default=None
            Where to plot, one for each column. None makes a figure.

        **line_kw : dict
            Passed to matplotlib's ``stairs`` for the people after the reaction.

        Returns
        -------
        display : ReactionDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If a column is not there, or there are fewer axes than columns.
        ImportError
            If matplotlib or pandas is missing.
        """
        model = deploy(estimator, response_method, pos_label)
        base = check_population(X, y, sample_weight)
        after = let_react(model, shift, base, random_state)
        frames = [sample_to_frame(sample) for sample in (base, after)]
        return cls(*frames, features=features).plot(ax=ax, **line_kw)

    def plot(self, ax=None, **line_kw):
        """Plot the columns.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            Where to plot, one for each column. None makes a figure.

        **line_kw : dict
            Passed to matplotlib's ``stairs`` for the people after the reaction.

        Returns
        -------
        display : ReactionDisplay
            This display.
        """
        columns = self._count()
        require_matplotlib(type(self).__name__, "the frames before and after")
        self.moved_ = {name: float(column.moved) for name, column in columns.items()}
        axes = _make_panels(len(columns)) if ax is None else np.ravel(ax)
        if len(axes) < len(columns):
            raise ValueError(
                f"ax has {len(axes)} axes for {len(columns)} columns: "
                f"{list(columns)}. Pass one for each, or name fewer in features."
            )
        self.ax_ = axes[: len(columns)]
        self.figure_ = self.ax_[0].figure
        for panel, (name, column) in zip(self.ax_, columns.items(), strict=True):
            _plot_column(panel, column, line_kw)
            panel.set_title(f"{name}: ≥ {column.moved:.1%} moved", fontsize="medium")
        self.ax_[0].legend(frameon=False)
        return self

    def _count(self):
        """Return the columns to show, with their shares."""
        known = [name for name in self.before.columns if name != _WEIGHT]
        strange = [name for name in self.features or [] if name not in known]
        if strange:
            raise ValueError(f"{strange} are not among the columns, which are {known}.")
        names = known if self.features is None else list(self.features)
        weights = [frame[_WEIGHT].to_numpy() for frame in (self.before, self.after)]
        counted = {
            name: ColumnShares.of(self.before[name], self.after[name], weights)
            for name in names
        }
        if self.features is not None:
            return counted
        most = sorted(names, key=lambda name: -counted[name].moved)[:_MOST_COLUMNS]
        return {name: counted[name] for name in names if name in most}


def _make_panels(n_panels):
    """Return axes in rows of three."""
    import matplotlib.pyplot as plt

    n_rows, n_columns = -(-n_panels // 3), min(n_panels, 3)
    size = (3.1 * n_columns, 2.5 * n_rows)
    axes = plt.subplots(
        n_rows, n_columns, figsize=size, layout="constrained", squeeze=False
    )[1].ravel()
    for spare in axes[n_panels:]:
        spare.set_axis_off()
    return axes


def _plot_column(ax, column, line_kw):
    edges, *heights = _with_missing(column)
    grey = {"fill": True, "color": "0.85", "label": "before"}
    for height, style in zip(
        heights, [grey, {"color": "C3", "label": "after", **line_kw}], strict=True
    ):
        ax.stairs(height, edges, **style)
    ax.set_yticks([])
    if column.kind == "levels":
        _name_levels(ax, column)
        return
    if column.kind == "times":
        _name_times(ax)
    if any(column.missing):
        place = (edges[-1] + edges[-2]) / 2
        ax.annotate("missing", (place, 0), rotation=90, ha="center", va="bottom")


def _with_missing(column):
    """Return edges and heights, those of missing values apart."""
    edges, bars = column.places, [column.before, column.after]
    if column.kind == "levels":
        edges = np.arange(len(column.places) + 1) - 0.5
        added, gap = [edges[-1] + 1], []
    else:
        width = edges[-1] - edges[-2]
        added, gap = edges[-1] + np.array([1, 3]) * width, [0.0]
    if not any(column.missing):
        return edges, *bars
    told = zip(bars, column.missing, strict=True)
    return np.append(edges, added), *[np.append(bar, [*gap, m]) for bar, m in told]


def _name_levels(ax, column):
    names = [*column.places, *(["missing"] if any(column.missing) else [])]
    ax.set_xticks(range(len(names)), names)
    if max(map(len, names)) > 4:
        for label in ax.get_xticklabels():
            label.set(rotation=30, rotation_mode="anchor", ha="right")


def _name_times(ax):
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=2, maxticks=6)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
