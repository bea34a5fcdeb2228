# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Check the contract of shifts, on which the minimizers and metrics rely."""

import pickle
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.utils import check_consistent_length, check_random_state

from skperf.shift import Sample
from skperf.shift._base import check_sample
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import take_rows

_FACES = ("expected", "common", "drawn")
_N_ERRORS = 5  # standard errors: by chance alone, one in 2 million comparisons
_ROUNDING = 1e-9  # of the root mean square, for laws that have no sampling error


def check_shift(
    shift,
    *,
    X=None,
    y=None,
    y_pred=None,
    predictor=None,
    n_draws=200,
    random_state=0,
):
    """Check that a shift keeps the contract of :class:`skperf.shift.BaseShift`.

    The counterpart for shifts of scikit-learn's ``check_estimator``. In this order:

    - the constructor stores its parameters and does no more;
    - a sample is a tuple with rows of one number and the columns of the base data;
    - weights are finite and non-negative, and not all zero;
    - the total weight is that of the base population, if the shift has a parameter
      ``resampling``: such shifts redistribute people. Others may lose or win people,
      as the one in the example of :class:`~skperf.shift.BaseShift` does;
    - the base data stay as they are;
    - the same integer ``random_state`` gives the same sample;
    - a clone gives it too, and so does ``bind(...)``, called with the predictions;
    - with ``resampling`` "expected" or "common" a bound shift answers the same
      predictions with the same sample, again and again;
    - a row of weight k stands for k equal rows. Not asked where the law depends on the
      order of the rows, as it does for ``OutcomeShift`` with a matrix;
    - the faces of a shift, or of a step of it, with a parameter ``resampling`` have one
      law: "expected", "common" and "drawn";
    - the shift can be pickled.

    Laws of weights and faces are compared by the weighted means of all features and
    targets and of their products in pairs, averaged over `n_draws` samples. They may
    differ by five standard errors, added up for the two sides, and by a share of 1e-9
    for rounding. Where X or y is not numeric laws are not compared.

    Parameters
    ----------
    shift : BaseShift
        The shift, an instance.

    X : {array-like, sparse matrix, DataFrame}, default=None
        Features of a base population, of shape (n_samples, n_features). None makes 100
        random rows with three features.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Its targets, needed with X. None makes binary ones that depend on the features.

    y_pred : array-like of shape (n_samples,), default=None
        Predictions on X. None takes those of `predictor`, or random probabilities if X
        comes without one.

    predictor : callable, default=None
        Prediction function, from features to predictions. Without X it is by default
        a logistic model with probabilities as predictions.

    n_draws : int, default=200
        Samples of each law.

    random_state : int, RandomState instance or None, default=0
        Source of the population and of the seeds that the shift gets.

    Raises
    ------
    AssertionError
        At the first check that fails, with the shift, what it did and the contract.

    See Also
    --------
    skperf.testing.strategies : Random populations, predictions and shifts.

    Examples
    --------
    >>> from skperf.shift import BaseShift, ResampleIfRejected, Sample
    >>> from skperf.testing import check_shift
    >>> check_shift(ResampleIfRejected(delta=0.5))
    >>> class Forgetful(BaseShift):
    ...     def sample(self, X, y, y_pred, *, predictor=None, sample_weight=None,
    ...                random_state=None):
    ...         return Sample(X, y + y_pred)  # the weights are lost
    >>> check_shift(Forgetful())
    Traceback (most recent call last):
        ...
    AssertionError: Forgetful() fails check_weights_are_copies: ...
    """
    rng = check_random_state(random_state)
    population = _make_population(X, y, y_pred, predictor, n_draws, rng)
    for check in _CHECKS:
        try:
            check(shift, population)
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else type(error).__name__
            raise AssertionError(
                f"{shift!r} fails {check.__name__}: {kind and kind + ': '}{error}\n"
                f"The contract: {check.__doc__}"
            ) from error


class _Population(NamedTuple):
    """A base population, what is predicted on it, and seeds for random shifts."""

    X: Any
    y: Any
    y_pred: np.ndarray
    predictor: Any
    weights: np.ndarray  # 0, 1, 2 or 3 people a row
    seeds: list

    def respond(self, shift, sample_weight=None, seed=0):
        """Return the shift's raw answer."""
        return shift.sample(
            self.X,
            self.y,
            self.y_pred,
            predictor=self.predictor,
            sample_weight=sample_weight,
            random_state=seed,
        )

    def samples(self, shift):
        """Return the answers without and with base weights."""
        return [self.respond(shift), self.respond(shift, self.weights)]

    def take(self, rows):
        """Return the population of these rows."""
        return self._replace(
            X=take_rows(self.X, rows),
            y=take_rows(self.y, rows),
            y_pred=self.y_pred[rows],
        )

    @property
    def is_numeric(self):
        """Whether laws can be compared by means of products."""
        return all(_dense(part).dtype.kind in "biuf" for part in (self.X, self.y))


class _Law(NamedTuple):
    """Mean second moments of (1, X, y) over several samples, and its standard error."""

    mean: np.ndarray
    error: np.ndarray


def _make_population(X, y, y_pred, predictor, n_draws, rng):
    if X is None:
        X = rng.normal(size=(100, 3))
        y = (rng.uniform(size=100) < expit(X @ [1.0, 1.0, -1.0])).astype(int)
        predictor = predictor or _predict_probability
    elif y is None:
        raise ValueError("check_shift got X without y. Pass both or none.")
    n_samples = _num_samples(X)
    if y_pred is None and predictor is None:
        y_pred = rng.uniform(size=n_samples)
    y_pred = np.asarray(predictor(X) if y_pred is None else y_pred)
    check_consistent_length(X, y, y_pred)
    rank = np.argsort(np.argsort(y_pred.reshape(n_samples, -1)[:, 0]))
    weights = 4 * rank // n_samples  # related to all that predictions depend on
    seeds = rng.randint(np.iinfo(np.int32).max, size=n_draws).tolist()
    return _Population(X, y, y_pred, predictor, weights.astype(float), seeds)


def _predict_probability(X):
    return expit(X @ np.array([1.0, -0.5, 0.5]))


def check_constructor(shift, population):
    """Let __init__ store parameters as they are, without checks, and do no more."""
    names = shift.get_params(deep=False)
    values = {name: object() for name in names}
    made = type(shift)(**values)
    stored = vars(made)
    _require(
        set(stored) == set(names),
        f"its parameters are {sorted(names)}, but __init__ set {sorted(stored)}.",
    )
    changed = [name for name in names if stored[name] is not values[name]]
    _require(not changed, f"__init__ changed the value of {changed}.")


def check_sample_shape(shift, population):
    """Return (X, y) or (X, y, weights): as many rows in each, and the base columns."""
    for returned in population.samples(shift):
        _require(
            isinstance(returned, tuple) and len(returned) in (2, 3),
            f"it returned {type(returned).__name__}, not a Sample.",
        )
        sample = Sample(*returned)
        lengths = [_num_samples(part) for part in sample if part is not None]
        _require(
            len(set(lengths)) == 1,
            f"the lengths of X, y and weights are {lengths}.",
        )
        for name in ("X", "y"):
            base, seen = getattr(population, name), getattr(sample, name)
            widths = _dense(base).shape[1:], _dense(seen).shape[1:]
            _require(
                widths[0] == widths[1],
                f"{name} has columns of shape {widths[1]}, not {widths[0]}.",
            )


def check_weights(shift, population):
    """Give no weights, or finite ones of zero or more that are not all zero."""
    for returned in population.samples(shift):
        check_sample(returned, shift)


def check_total_weight(shift, population):
    """Keep the total weight: resampling moves people and loses none."""
    if "resampling" not in shift.get_params(deep=False):
        return
    totals = len(population.weights), population.weights.sum()
    for returned, expected in zip(population.samples(shift), totals, strict=True):
        total = _total(Sample(*returned))
        _require(
            np.isclose(total, expected, rtol=_ROUNDING),
            f"the total weight went from {expected:.6g} to {total:.6g}.",
        )


def check_base_data_stay(shift, population):
    """Leave X, y, y_pred and sample_weight of the base population as they are."""
    before = deepcopy(population._replace(predictor=None))
    population.respond(shift, population.weights)
    for name in ("X", "y", "y_pred", "weights"):
        same = _same(getattr(before, name), getattr(population, name))
        _require(same, f"it changed {name} of the base population.")


def check_random_state_decides(shift, population):
    """Draw from random_state alone: the same integer gives the same sample."""
    samples = population.samples(shift)
    check_random_state(None).uniform()  # a copy of the global state would go unnoticed
    _require_same(samples, population.samples(shift))


def check_clone_agrees(shift, population):
    """Keep no state but the parameters: a clone gives the same samples."""
    _require_same(population.samples(shift), population.samples(clone(shift)))


def check_pickle_agrees(shift, population):
    """Use parameters that pickle, such as functions that a module defines."""
    unpickled = pickle.loads(pickle.dumps(shift))
    _require_same(population.samples(shift), population.samples(unpickled))


def check_bind_agrees(shift, population):
    """Make bind(X, y, ...), called with predictions, give what sample gives."""
    X, y, y_pred, predictor, weights, _ = population
    bound = [
        shift.bind(X, y, sample_weight=w, random_state=0)(y_pred, predictor)
        for w in (None, weights)
    ]
    _require_same(population.samples(shift), bound)


def check_fixed_numbers(shift, population):
    """Keep the random numbers of a bound shift, "drawn" alone draws new ones."""
    if getattr(shift, "resampling", "drawn") == "drawn":
        return
    X, y, y_pred, predictor, weights, _ = population
    respond = shift.bind(X, y, sample_weight=weights, random_state=0)
    _require_same([respond(y_pred, predictor)], [respond(y_pred, predictor)])


def check_weights_are_copies(shift, population):
    """Treat a base row of weight k like k equal rows, and of weight 0 like none."""
    if not population.is_numeric or _is_positional(shift, population):
        return
    rows = np.repeat(np.arange(len(population.weights)), population.weights.astype(int))
    weighted = _law(shift, population, population.weights)
    _require_same_law(weighted, _law(shift, population.take(rows)))


def check_faces_agree(shift, population):
    """Give "expected", "common" and "drawn" samples the same law."""
    names = [name for name in shift.get_params() if _last_part(name) == "resampling"]
    if not names or not population.is_numeric:
        return
    laws = [
        _law(clone(shift).set_params(**dict.fromkeys(names, face)), population, weights)
        for weights in (None, population.weights)
        for face in _FACES
    ]
    for expected, *others in (laws[:3], laws[3:]):
        for face, law in zip(_FACES[1:], others, strict=True):
            _require_same_law(expected, law, f'"expected" and "{face}" differ: ')


_CHECKS = (
    check_constructor,
    check_sample_shape,
    check_weights,
    check_total_weight,
    check_base_data_stay,
    check_random_state_decides,
    check_clone_agrees,
    check_bind_agrees,
    check_fixed_numbers,
    check_weights_are_copies,
    check_faces_agree,
    check_pickle_agrees,  # last: a lambda may be all that is wrong
)


def _require(condition, problem):
    """Raise even under ``python -O``, which strips assert statements."""
    if not condition:
        raise AssertionError(problem)


def _require_same(samples, others):
    for pair in zip(samples, others, strict=True):
        first, second = (Sample(*returned) for returned in pair)
        for name, one, other in zip(Sample._fields, first, second, strict=True):
            _require(_same(one, other), f"{name} of two samples differs.")


def _require_same_law(first, second, prefix=""):
    scale = np.sqrt(np.diag(first.mean))
    allowed = _N_ERRORS * (first.error + second.error)
    allowed = allowed + _ROUNDING * np.outer(scale, scale)
    difference = np.abs(first.mean - second.mean)
    row, column = np.unravel_index((difference - allowed).argmax(), difference.shape)
    _require(
        (difference <= allowed).all(),
        f"{prefix}the mean of {_variable(row)} times {_variable(column)} is "
        f"{first.mean[row, column]:.4g} in one and {second.mean[row, column]:.4g} in "
        f"the other; {allowed[row, column]:.2g} is allowed. (Columns count from the "
        "features on to the targets; both means are over the base weight.)",
    )


def _variable(position):
    return "1" if position == 0 else f"column {position - 1}"


def _is_positional(shift, population):
    """Return whether the law depends on the order of the rows."""
    backwards = population.take(np.arange(len(population.weights))[::-1])
    try:
        _require_same_law(_law(shift, population), _law(shift, backwards))
    except AssertionError:
        return True
    return False


def _law(shift, population, sample_weight=None):
    base = Sample(population.X, population.y, sample_weight)
    samples = [
        Sample(*population.respond(shift, sample_weight, seed))
        for seed in population.seeds
    ]
    moments = np.array([_second_moments(sample) for sample in samples]) / _total(base)
    error = moments.std(axis=0, ddof=1) / np.sqrt(len(moments))
    return _Law(moments.mean(axis=0), error)


def _second_moments(sample):
    X, y, sample_weight = sample
    columns = np.column_stack([np.ones(_num_samples(X)), _dense(X), _dense(y)])
    columns = np.nan_to_num(columns.astype(float))  # a missing value is a value too
    weights = 1.0 if sample_weight is None else np.asarray(sample_weight)[:, None]
    return columns.T @ (weights * columns)


def _total(sample):
    weights = sample.sample_weight
    return _num_samples(sample.X) if weights is None else np.sum(weights)


def _dense(table):
    """Return a table of any kind as an array."""
    return table.toarray() if sparse.issparse(table) else np.asarray(table)


def _same(first, second):
    """Return whether two tables hold the same values, missing ones included."""
    if first is None or second is None:
        return first is second
    first, second = _dense(first), _dense(second)
    if first.shape != second.shape:
        return False
    missing = (first != first) & (second != second)  # NaN differs from itself
    return bool(((first == second) | missing).all())


def _last_part(name):
    return name.rpartition("__")[2]
