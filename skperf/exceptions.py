# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Errors and warnings of this package."""

__all__ = [
    "DamagedStoreError",
    "MissingLabelsWarning",
    "NoOptimumError",
    "PositiveClassWarning",
    "RepeatedPersonsWarning",
    "SchemaError",
    "StoreConflictError",
    "StoreError",
    "UnidentifiedError",
]


class MissingLabelsWarning(UserWarning):
    """Some rows of a period have no label yet, and training goes on without them."""


class NoOptimumError(ValueError):
    """No way leads to the lowest performative risk of this estimator and shift."""


class PositiveClassWarning(UserWarning):
    """The labels do not say which class people react to, and nobody else did.

    Examples
    --------
    Whoever wants to be stopped makes it an error:

    >>> import warnings
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skperf.exceptions import PositiveClassWarning
    >>> from skperf.shift import Predictor
    >>> model = LogisticRegression().fit([[0.0], [1.0]], ["good", "bad"])
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", PositiveClassWarning)
    ...     Predictor(model)
    Traceback (most recent call last):
        ...
    skperf.exceptions.PositiveClassWarning: People react to one class, ...
    >>> Predictor(model, pos_label="bad").pos_label
    'bad'
    """


class RepeatedPersonsWarning(UserWarning):
    """An estimator counts or splits rows, and several rows are one person.

    Examples
    --------
    A forest counts rows, and in the default face a person stands in several:

    >>> import warnings
    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skperf import RepeatedRiskMinimizer, ResampleIfRejected
    >>> from skperf.exceptions import RepeatedPersonsWarning
    >>> X, y = np.ones((40, 2)), np.arange(40) % 2
    >>> forest = RandomForestClassifier(min_samples_leaf=5, random_state=0)
    >>> shift = ResampleIfRejected(0.5, strategic_features=[0])
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", RepeatedPersonsWarning)
    ...     RepeatedRiskMinimizer(forest, shift).fit(X, y)
    Traceback (most recent call last):
        ...
    skperf.exceptions.RepeatedPersonsWarning: Several rows of the sample are one ...
    """


class SchemaError(ValueError):
    """A table does not fit those of the periods before it.

    Examples
    --------
    The second month has lost a column:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skperf import RepeatedRiskMinimizer
    >>> from skperf.exceptions import SchemaError
    >>> model = RepeatedRiskMinimizer(LogisticRegression())
    >>> model = model.partial_fit(np.ones((4, 2)), [0, 1, 0, 1])
    >>> try:
    ...     model.partial_fit(np.ones((4, 1)), [0, 1, 0, 1])
    ... except SchemaError:
    ...     print(f"rounds, as before: {model.n_iter_}")
    rounds, as before: 0
    """


class StoreError(RuntimeError):
    """A store on disk cannot do what it was asked for; nothing was changed."""


class DamagedStoreError(StoreError):
    """A file of a store is not what was written; the message names it."""


class StoreConflictError(StoreError):
    """Another writer has changed a store, or the minimizer is not its newest."""


class UnidentifiedError(ValueError):
    """The data cannot tell how strongly people react, whatever their number.

    Examples
    --------
    A log of one model, by which nobody was told anything by chance:

    >>> import numpy as np
    >>> from skperf.exceptions import UnidentifiedError
    >>> from skperf.shift import Deployment, OutcomeShift, Sample, estimate_shift
    >>> X, y_pred = np.ones((4, 1)), np.array([0.1, 0.2, 0.3, 0.4])
    >>> log = Deployment(None, Sample(X, 2 * y_pred), y_pred=y_pred)
    >>> try:
    ...     estimate_shift(OutcomeShift(0.0), log)
    ... except UnidentifiedError:
    ...     print("an experiment is needed")
    an experiment is needed
    """
