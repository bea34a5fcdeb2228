# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which features are gamed: what the move of each column costs a model."""

import numpy as np
from sklearn.utils import check_random_state

from skperf.inspection._origin import column_names
from skperf.inspection._study._draws import draw_ratios
from skperf.inspection._study._held_out import HeldOut, observe, sum_gaming
from skperf.inspection._study._people import number_persons, take_persons
from skperf.metrics._bootstrap import check_level
from skperf.metrics._figures import interval
from skperf.metrics._induce import deploy
from skperf.retraining._labels import require_shared_label
from skperf.retraining._population import check_population
from skperf.utils._sklearn import _num_samples, check_pandas_support


def gaming_importance(
    estimator,
    shift,
    X,
    y,
    *,
    response_method="auto",
    pos_label=None,
    sample_weight=None,
    groups=None,
    n_bootstrap=1000,
    confidence_level=0.95,
    random_state=0,
):
    r"""Tell what the move of each column costs a deployed model.

    People react to the model. Then each column is put back to what it was before, one
    at a time, while everything else stays as they have made it: other columns, targets
    and weights. The cost of a column is the performative risk less the risk with the
    column put back,
    :math:`\mathbb{E}_{D(f)}[\ell(f(x), y) - \ell(f(x^{\text{back}}), y)]`. It is
    negative where a move helps the model. Costs need not add up.

    Parameters
    ----------
    estimator : estimator
        A fitted model; of a fitted minimizer its deployed model.

    shift : BaseShift
        How people react. It must move columns.

    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features of people, best of such that the model was not trained on.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.

    response_method : str, default="auto"
        Which predictions people react to, as in :class:`RepeatedRiskMinimizer`.

    pos_label : int, float, bool or str, default=None
        The class whose probability or score people react to. None takes that of a
        fitted minimizer, else the one that :class:`~skperf.shift.Predictor` takes.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the people.

    groups : str or array-like of shape (n_samples,), default=None
        The person of each row, where a person has several. A str names a column of X,
        which is then taken out.

    n_bootstrap : int, default=1000
        Draws of persons for the intervals.

    confidence_level : float, default=0.95
        Of the intervals.

    random_state : int, RandomState instance or None, default=0
        Random numbers of the shift, and of the draws.

    Returns
    -------
    importance : DataFrame
        A row for each column that moves, the costliest first: "feature", "cost" with
        the ends "cost_low" and "cost_high" of its interval, and "moved", the share of
        the induced data in which it is not what it was.

    Raises
    ------
    ValueError
        If no column moves, or if the shift does not say whose rows it returns.

    See Also
    --------
    GamingDisplay : A picture of it.
    RetrainingStudy : Tells the same of every model that it trains.
    sklearn.inspection.permutation_importance : Which features a model uses.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf.inspection import gaming_importance
    >>> from skperf.shift import StrategicResponse
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
    >>> model = LinearRegression().fit(X, 2 * X[:, 0] + X[:, 1])
    >>> gaming_importance(
    ...     model, StrategicResponse(0.1), X, 2 * X[:, 0] + X[:, 1]
    ... ).round(2)
      feature  cost  cost_low  cost_high  moved
    0       0  0.24      0.24       0.24    1.0
    1       1  0.09      0.09       0.09    1.0
    """
    frame = check_pandas_support("gaming_importance").DataFrame
    check_level(confidence_level)
    model = deploy(estimator, response_method, pos_label)
    X, labels = take_persons(X, groups)
    people = check_population(X, y, sample_weight)
    require_shared_label(model.estimator, people.y)
    rows = np.arange(_num_samples(people.X))
    persons = number_persons(labels, len(rows))
    held_out = HeldOut(people._replace(groups=rows), persons, persons.max() + 1, {})
    random = check_random_state(random_state)
    seen = observe(model, shift, held_out, _seed(random))
    draws = n_bootstrap, _seed(random)
    costs, shares = (
        draw_ratios(sums, *draws) for sums in sum_gaming(model, held_out, seen)
    )
    _require_moves(shift, seen, costs)
    names = column_names(people.X)
    order = sorted(costs, key=lambda column: -costs[column][0])
    return frame(
        [
            gaming_row(names[column], costs[column], shares[column], confidence_level)
            for column in order
        ]
    )


def gaming_row(feature, cost, share, confidence_level):
    """Return a row of the table of importances."""
    value, low, high = interval(cost, confidence_level)
    return {
        "feature": feature,
        "cost": value,
        "cost_low": low,
        "cost_high": high,
        "moved": share[0],
    }


def _require_moves(shift, seen, costs):
    """Raise a ValueError where there is nothing to put back."""
    name = type(shift).__name__
    if seen.rows is None:
        raise ValueError(
            f"{name} does not say whose rows it returns, so no column can be put back. "
            "Let it return Sample(X, y, groups=rows), the row numbers of its X."
        )
    if not costs:
        raise ValueError(
            f"Under {name} no column moves: it changes weights or targets. Name the "
            "columns that people can change, such as by strategic_features."
        )


def _seed(random):
    return int(random.randint(np.iinfo(np.int32).max))
