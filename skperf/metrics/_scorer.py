# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Scores on the data that a model would itself induce."""

from sklearn.metrics import get_scorer
from sklearn.utils.metadata_routing import get_routing_for_object

from skperf.metrics._induce import deploy, let_react
from skperf.retraining._population import check_population
from skperf.retraining._scoring import require_one_score
from skperf.utils._arguments import require_shift


class PerformativeScorer:
    """Scorer that lets the population react before it scores.

    Made by :func:`make_performative_scorer`.
    """

    def __init__(self, scoring, shift, *, response_method, pos_label, random_state):
        self.scoring = scoring
        self.shift = shift
        self.response_method = response_method
        self.pos_label = pos_label
        self.random_state = random_state

    def __call__(self, estimator, X, y, sample_weight=None):
        """Return the score of `estimator` on the data that it induces from (X, y)."""
        model = deploy(estimator, self.response_method, self.pos_label)
        base = check_population(X, y, sample_weight)
        sample = let_react(model, self.shift, base, self.random_state)
        return -model.risk(sample, self.scoring)

    def __repr__(self):
        return f"make_performative_scorer({self.scoring!r}, {self.shift!r})"

    def get_metadata_routing(self):
        """Return what the underlying scorer requests."""
        return get_routing_for_object(get_scorer(self.scoring))


def make_performative_scorer(
    scoring, shift, *, response_method="auto", pos_label=None, random_state=0
):
    """Make a scorer that scores each model on the data it would itself induce.

    A grid search with it chooses the model that is best after deployment, where the
    ordinary score chooses the one that is best while nobody reacts.

    Parameters
    ----------
    scoring : str or callable
        The score, such as "neg_log_loss", or a scorer. It must take ``sample_weight``
        if the shift gives weights.

    shift : BaseShift
        How the population reacts.

    response_method : str, default="auto"
        Which predictions people react to, as in :class:`RepeatedRiskMinimizer`.

    pos_label : int, float, bool or str, default=None
        The class whose probability or score people react to. None takes that of a
        fitted minimizer, else the one that :class:`~skperf.shift.Predictor` takes.
        The class that `scoring` counts, if it counts one, is the scorer's own affair.

    random_state : int, RandomState instance or None, default=0
        Random numbers of the shift. An int compares all models on the same ones.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=None)``, higher is better.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skperf.metrics import make_performative_scorer
    >>> from skperf.shift import ResampleIfRejected
    >>> X, y = make_classification(
    ...     200, n_features=5, n_redundant=0, n_informative=3, shuffle=False,
    ...     random_state=2,
    ... )
    >>> shift = ResampleIfRejected(delta=0.5, strategic_features=[0])
    >>> grid = {"C": [0.01, 1.0]}
    >>> GridSearchCV(LogisticRegression(), grid, scoring="neg_log_loss").fit(
    ...     X, y
    ... ).best_params_
    {'C': 1.0}
    >>> induced = make_performative_scorer("neg_log_loss", shift)
    >>> GridSearchCV(LogisticRegression(), grid, scoring=induced).fit(X, y).best_params_
    {'C': 0.01}
    """
    require_shift(shift)
    require_one_score(scoring)
    get_scorer(scoring)  # an unknown name is an error here, not inside a search
    return PerformativeScorer(
        scoring,
        shift,
        response_method=response_method,
        pos_label=pos_label,
        random_state=random_state,
    )
