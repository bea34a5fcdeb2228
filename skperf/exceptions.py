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
    """Some rows of a period have no label yet, and training goes on without them.

    Examples
    --------
    Two people are decided on, and of one the outcome is known:

    >>> import warnings
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import AffineRiskMinimizer
    >>> from skperf.exceptions import MissingLabelsWarning
    >>> from skperf.retraining import SnapshotStore
    >>> store = SnapshotStore(mkdtemp())
    >>> X = np.arange(4.0).reshape(2, 2)
    >>> model = AffineRiskMinimizer(LinearRegression(), store=store)
    >>> model = model.partial_fit(X, X[:, 0], period="May")
    >>> store = store.log(X, model.predict(X), [1, 2], period="June")
    >>> store = store.label([1], [0.5])
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always", MissingLabelsWarning)
    ...     labelled = store.labelled("June")
    >>> labelled["y"].tolist(), len(told)
    ([0.5], 1)
    """


class NoOptimumError(ValueError):
    """No way leads to the lowest performative risk of this estimator and shift.

    Examples
    --------
    A function has no derivative, and of 101 numbers none is taken by differences:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import FunctionShift, PerformativeRiskMinimizer
    >>> from skperf.exceptions import NoOptimumError
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(200, 101)), rng.normal(size=200)
    >>> shift = FunctionShift(lambda X, y, y_pred: (X, y + 0.5 * y_pred))
    >>> try:
    ...     PerformativeRiskMinimizer(LinearRegression(), shift).fit(X, y)
    ... except NoOptimumError:
    ...     print("neither by gradient nor by retraining")
    neither by gradient nor by retraining
    """


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
    """A store on disk cannot do what it was asked for; nothing was changed.

    Examples
    --------
    Nothing is there yet to go on with:

    >>> from tempfile import mkdtemp
    >>> from skperf.exceptions import StoreError
    >>> from skperf.retraining import SnapshotStore
    >>> try:
    ...     SnapshotStore(mkdtemp()).resume()
    ... except StoreError:
    ...     print("begin with a minimizer")
    begin with a minimizer
    """


class DamagedStoreError(StoreError):
    """A file of a store is not what was written; the message names it.

    Examples
    --------
    A model's file has lost its end:

    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import AffineRiskMinimizer
    >>> from skperf.exceptions import DamagedStoreError
    >>> from skperf.retraining import SnapshotStore
    >>> folder = mkdtemp()
    >>> model = AffineRiskMinimizer(LinearRegression(), store=SnapshotStore(folder))
    >>> model = model.partial_fit(np.eye(2), [0.0, 1.0], period="May")
    >>> (file,) = Path(folder).glob("models/*.model")
    >>> _ = file.write_bytes(file.read_bytes()[:-1])
    >>> try:
    ...     SnapshotStore(folder).resume()
    ... except DamagedStoreError as error:
    ...     print(file.name in str(error))
    True
    """


class StoreConflictError(StoreError):
    """Another writer has changed a store, or the minimizer is not its newest.

    Examples
    --------
    Two minimizers go on from May, and the second is told so:

    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import AffineRiskMinimizer
    >>> from skperf.exceptions import StoreConflictError
    >>> from skperf.retraining import SnapshotStore
    >>> store = SnapshotStore(mkdtemp())
    >>> first = AffineRiskMinimizer(LinearRegression(), store=store)
    >>> first = first.partial_fit(np.eye(2), [0.0, 1.0], period="May")
    >>> second = store.resume()
    >>> first = first.partial_fit(np.eye(2), [0.0, 1.0], period="June")
    >>> try:
    ...     second.partial_fit(np.eye(2), [0.0, 1.0], period="June again")
    ... except StoreConflictError:
    ...     print(store.periods())
    ['May', 'June']
    """


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
