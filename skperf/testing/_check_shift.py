# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Check the contract of shifts, on which the minimizers and metrics rely."""

from sklearn.utils import check_random_state

from skperf.testing import _checks, _pull_back_checks, _world_checks
from skperf.testing._population import make_population


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
    - the bound shift, a :class:`~skperf.shift.World`, is pure: the same state and model
      give the same sample, whatever was asked in between, and states stay as they are;
    - a world that is not random and remembers nothing answers the same model with the
      same sample, again and again; so it is with ``resampling`` "expected" or "common";
    - two samples with equal support keys have equal rows;
    - the groups of a sample are persons of the base population, by the labels given to
      ``bind`` or by their row numbers;
    - a row of weight k stands for k equal rows. Not asked where the law depends on the
      order of the rows, as it does for ``OutcomeShift`` with a matrix;
    - the faces of a shift, or of a step of it, with a parameter ``resampling`` have one
      law: "expected", "common" and "drawn";
    - the pull-back of the shift, if it has one, agrees with differences of its samples:
      by predictions, gradients of the score, weights and features, and by targets that
      are no labels. It may differ by a share of 1e-6;
    - the shift can be pickled, and so can its world with the state, which then reacts
      alike.

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
    population = make_population(X, y, y_pred, predictor, n_draws, rng)
    for check in _CHECKS:
        try:
            check(shift, population)
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else type(error).__name__
            raise AssertionError(
                f"{shift!r} fails {check.__name__}: {kind and kind + ': '}{error}\n"
                f"The contract: {check.__doc__}"
            ) from error


_CHECKS = (
    _checks.check_constructor,
    _checks.check_sample_shape,
    _checks.check_weights,
    _checks.check_total_weight,
    _checks.check_base_data_stay,
    _checks.check_random_state_decides,
    _checks.check_clone_agrees,
    _world_checks.check_bind_agrees,
    _world_checks.check_world_is_pure,
    _world_checks.check_fixed_numbers,
    _world_checks.check_keys,
    _world_checks.check_groups,
    _checks.check_weights_are_copies,
    _checks.check_faces_agree,
    _pull_back_checks.check_pull_back,
    _world_checks.check_pickle_agrees,  # last: a lambda may be all that is wrong
)
