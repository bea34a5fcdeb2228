# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skperf.shift import ResampleIfRejected
from skperf.shift._rejection import choose_donors

RNG = np.random.default_rng(0)
N = 50
# each row is told by each of its columns: 100 i + j in row i and column j
X = 100.0 * np.arange(N)[:, None] + np.arange(5)
Y = np.arange(N) % 2
Y_PRED = RNG.uniform(size=N)
WEIGHTS = RNG.uniform(0.1, 2, size=N)
FACES = ["expected", "common", "drawn"]


def rows_of(column):
    """Return which base rows the values of a column come from."""
    return (np.asarray(column) // 100).astype(int)


# The rejection probability


@pytest.mark.parametrize("delta", [0.0, 0.6, 1.0])
def test_rejection_probability(delta):
    found = ResampleIfRejected(delta).rejection_probability([0.0, 0.25, 1.0])
    assert_allclose(found, [delta, delta + (1 - delta) / 4, 1.0], rtol=1e-15)


def test_rounding_of_probabilities_is_forgiven():
    found = ResampleIfRejected(0.5).rejection_probability([-1e-9, 1 + 1e-9])
    assert_array_equal(found, [0.5, 1.0])


@pytest.mark.parametrize("resampling", FACES)
@pytest.mark.parametrize(
    ("y_pred", "message"),
    [
        (np.linspace(-2, 3.5, N), r"got values from -2 to 3\.5"),
        (np.linspace(0, 1.01, N), r"from 0 to 1\.01"),
        (np.full(N, np.nan), "from nan to nan"),
        (np.zeros((N, 2)), r"shape \(50, 2\)"),
    ],
)
def test_predictions_out_of_range(resampling, y_pred, message):
    shift = ResampleIfRejected(0.5, resampling=resampling)
    with pytest.raises(ValueError, match=message):
        shift.sample(X, Y, y_pred, random_state=0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"delta": 1.5}, "'delta' parameter"),
        ({"resampling": "often"}, "'resampling' parameter"),
        ({"n_donors": 0}, "'n_donors' parameter"),
    ],
)
def test_parameters_are_checked(params, message):
    shift = ResampleIfRejected(0.5).set_params(**params)
    with pytest.raises(ValueError, match=message):
        shift.bind(X, Y)


# The expectation


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_expected_whole_rows(weights):
    sample = ResampleIfRejected(0.3).sample(X, Y, Y_PRED, sample_weight=weights)
    assert sample.X is X
    assert sample.y is Y
    base = np.ones(N) if weights is None else weights
    g = 0.3 + 0.7 * Y_PRED
    # row i is seen if it is accepted, or drawn in place of someone rejected
    law = base * (1 - g) + base / base.sum() * (base @ g)
    assert_allclose(sample.sample_weight, law, rtol=1e-13)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_expected_strategic_columns(weights):
    shift = ResampleIfRejected(0.3, strategic_features=[1, 3], n_donors=3)
    sample = shift.sample(X, Y, Y_PRED, sample_weight=weights, random_state=0)
    copied = np.tile(np.arange(N), 4)
    assert_array_equal(sample.X[:, [0, 2, 4]], X[copied][:, [0, 2, 4]])
    assert_array_equal(sample.y, Y[copied])
    assert_array_equal(sample.X[:N], X)
    donors = rows_of(sample.X[:, 1])
    assert_array_equal(sample.X[:, [1, 3]], X[donors][:, [1, 3]])  # jointly
    assert len(np.unique(donors[N:])) > N / 2
    base = np.ones(N) if weights is None else weights
    g = 0.3 + 0.7 * Y_PRED
    parts = sample.sample_weight.reshape(4, N)
    assert_allclose(parts[0], base * (1 - g), rtol=1e-13)
    assert_allclose(parts[1:], np.tile(base * g / 3, (3, 1)), rtol=1e-13)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_donors_are_drawn_in_proportion_to_weights(weights):
    shift = ResampleIfRejected(1.0, strategic_features=0, n_donors=2000)
    sample = shift.sample(X, Y, Y_PRED, sample_weight=weights, random_state=0)
    donors = rows_of(sample.X[N:, 0])
    shares = np.bincount(donors, minlength=N) / len(donors)
    expected = np.full(N, 1 / N) if weights is None else weights / weights.sum()
    error = np.sqrt(expected * (1 - expected) / len(donors))
    # the largest of 50 standard normal numbers
    assert np.max(np.abs(shares - expected) / error) < 4


@pytest.mark.parametrize("resampling", FACES)
@pytest.mark.parametrize("columns", [None, 0])
def test_rows_without_weight_are_no_donors(resampling, columns):
    weights = np.r_[np.zeros(N // 2), np.ones(N // 2)]
    shift = ResampleIfRejected(1.0, strategic_features=columns, resampling=resampling)
    sample = shift.sample(X, Y, Y_PRED, sample_weight=weights, random_state=0)
    moved = rows_of(sample.X[:, 0])[sample.sample_weight > 0]
    assert moved.min() >= N // 2


@pytest.mark.parametrize("resampling", FACES)
def test_equal_weights_are_no_weights(resampling):
    shift = ResampleIfRejected(0.5, strategic_features=0, resampling=resampling)
    plain = shift.sample(X, Y, Y_PRED, random_state=0)
    weighted = shift.sample(X, Y, Y_PRED, sample_weight=np.full(N, 2.0), random_state=0)
    assert_array_equal(plain.X, weighted.X)


def test_donors_are_fixed_over_rounds():
    shift = ResampleIfRejected(0.5, strategic_features=0)
    respond = shift.bind(X, Y, random_state=0)
    first, second = respond(Y_PRED), respond(1 - Y_PRED)
    assert first.X is second.X
    assert first.y is second.y
    assert np.abs(first.sample_weight - second.sample_weight).max() > 0.1


# Draws


def test_drawn_outcomes_follow_the_expectation(throw):
    """Each row is seen as often as its weight in the expected face says."""
    law = ResampleIfRejected(0.3).sample(X, Y, Y_PRED).sample_weight
    world = ResampleIfRejected(0.3, resampling="drawn").bind(X, Y, random_state=0)
    counts = np.zeros(N)
    for sample in throw(world, lambda X: Y_PRED, 2000):
        counts += np.bincount(rows_of(sample.X[:, 0]), minlength=N)
    # a count is a sum of independent indicators: its variance is at most its mean
    error = np.sqrt(law * 2000)
    assert np.max(np.abs(counts - law * 2000) / error) < 4


@pytest.mark.parametrize("resampling", ["common", "drawn"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_one_outcome_a_row(resampling, weights):
    shift = ResampleIfRejected(0.2, strategic_features=[1, 3], resampling=resampling)
    sample = shift.sample(X, Y, Y_PRED, sample_weight=weights, random_state=0)
    donors = rows_of(sample.X[:, 1])
    assert_array_equal(sample.X[:, [1, 3]], X[donors][:, [1, 3]])
    assert_array_equal(sample.X[:, [0, 2, 4]], X[:, [0, 2, 4]])
    assert sample.y is Y
    assert sample.sample_weight is weights
    assert 0.2 < np.mean(donors != np.arange(N)) < 0.95


@pytest.mark.parametrize("resampling", ["common", "drawn"])
def test_one_outcome_for_whole_rows(resampling):
    shift = ResampleIfRejected(0.2, resampling=resampling)
    sample = shift.sample(X, Y, Y_PRED, random_state=0)
    donors = rows_of(sample.X[:, 0])
    assert_array_equal(sample.X, X[donors])
    assert_array_equal(sample.y, Y[donors])


@pytest.mark.parametrize("resampling", FACES)
def test_extreme_predictions(resampling):
    """With delta = 0 nobody is rejected at 0, and everybody at 1."""
    shift = ResampleIfRejected(0.0, strategic_features=0, resampling=resampling)
    kept = shift.sample(X, Y, np.zeros(N), random_state=0)
    redrawn = shift.sample(X, Y, np.ones(N), random_state=0)
    for sample, share in [(kept, 0), (redrawn, 1 - 1 / N)]:
        weights = np.ones(N) if resampling != "expected" else sample.sample_weight
        rows = np.arange(len(sample.X)) % N
        moved = np.average(rows_of(sample.X[:, 0]) != rows, weights=weights)
        # a donor can be oneself: 1 in 50, at least 0 and at most 5 of 50
        assert share - 0.08 <= moved <= min(1, share + 0.02)


def test_common_random_numbers():
    """More rejections only add to the rows that have moved before."""
    shift = ResampleIfRejected(0.1, strategic_features=0, resampling="common")
    respond = shift.bind(X, Y, random_state=0)
    low, again, high = (respond(p).X for p in (Y_PRED / 2, Y_PRED / 2, Y_PRED))
    assert_array_equal(low, again)
    moved = low[:, 0] != X[:, 0]
    assert_array_equal(low[moved], high[moved])
    assert np.sum(high[:, 0] != X[:, 0]) > moved.sum() > 0


def test_fresh_draws(throw):
    shift = ResampleIfRejected(0.1, resampling="drawn")
    rounds = [
        [s.X for s in throw(shift.bind(X, Y, random_state=0), lambda X: Y_PRED, 2)]
        for _ in range(2)
    ]
    assert np.any(rounds[0][0] != rounds[0][1])
    assert_array_equal(rounds[0], rounds[1])


@pytest.mark.parametrize("resampling", FACES)
def test_use_of_the_random_state(resampling):
    """Only fresh draws advance it."""
    shift = ResampleIfRejected(0.5, strategic_features=0, resampling=resampling)
    rng = np.random.RandomState(0)
    first = shift.sample(X, Y, Y_PRED, random_state=rng)
    advanced = rng.randint(2**31) != np.random.RandomState(0).randint(2**31)
    assert advanced == (resampling == "drawn")
    other = shift.sample(X, Y, Y_PRED, random_state=1)
    assert np.any(first.X != other.X)


# Columns


SELECTIONS = {
    "one": (1, [1]),
    "positions": ([3, 1], [1, 3]),
    "negative": ([-1], [4]),
    "mask": ([False, True, False, True, False], [1, 3]),
    "mask array": (np.array([False, True, False, True, False]), [1, 3]),
    "slice": (slice(1, 3), [1, 2]),
    "array": (np.array([0, 4]), [0, 4]),
}


@pytest.mark.parametrize("resampling", FACES)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("selection", SELECTIONS)
def test_selection_of_columns(resampling, container, selection):
    columns, positions = SELECTIONS[selection]
    shift = ResampleIfRejected(1.0, strategic_features=columns, resampling=resampling)
    moved = shift.sample(container(X), Y, Y_PRED, random_state=0).X
    moved = moved.toarray() if sparse.issparse(moved) else moved
    rows = np.arange(len(moved)) % N
    changed = np.flatnonzero(np.any(moved != X[rows], axis=0))
    assert changed.tolist() == positions


@pytest.mark.parametrize("resampling", FACES)
@pytest.mark.parametrize(
    "columns", ["b", ["d", "b"], np.array(["b", "d"]), slice("b", "c"), [1, 3]]
)
def test_selection_in_data_frames(resampling, columns, df_module):
    frame = df_module.DataFrame(dict(zip("abcde", X.T, strict=True)))
    shift = ResampleIfRejected(1.0, strategic_features=columns, resampling=resampling)
    moved = shift.sample(frame, Y, Y_PRED, random_state=0).X
    assert isinstance(moved, df_module.DataFrame)
    assert list(moved.columns) == list("abcde")
    positions = {str: [1], slice: [1, 2]}.get(type(columns), [1, 3])
    plain = ResampleIfRejected(
        1.0, strategic_features=positions, resampling=resampling
    ).sample(X, Y, Y_PRED, random_state=0)
    assert_array_equal(moved.to_numpy(), plain.X)


def test_integers_stay_integers():
    shift = ResampleIfRejected(0.5, strategic_features=0)
    assert shift.sample(X.astype(int), Y, Y_PRED).X.dtype == int


@pytest.mark.parametrize("resampling", FACES)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_population_is_not_changed(resampling, container):
    table, y = container(X.copy()), Y.copy()
    shift = ResampleIfRejected(1.0, strategic_features=0, resampling=resampling)
    shift.sample(table, y, Y_PRED, random_state=0)
    assert_array_equal(table.toarray() if sparse.issparse(table) else table, X)
    assert_array_equal(y, Y)


def test_unknown_columns(df_module):
    frame = df_module.DataFrame(dict(zip("abcde", X.T, strict=True)))
    with pytest.raises(ValueError, match=r"not columns of the dataframe.*typo"):
        ResampleIfRejected(0.5, strategic_features=["b", "typo"]).bind(frame, Y)
    with pytest.raises(ValueError, match="only supported for dataframes"):
        ResampleIfRejected(0.5, strategic_features=["b"]).bind(X, Y)
    with pytest.raises(ValueError, match="all features must be in"):
        ResampleIfRejected(0.5, strategic_features=[5]).bind(X, Y)


@pytest.mark.parametrize("resampling", FACES)
@pytest.mark.parametrize("container", [list, np.array])
def test_texts_have_no_columns(resampling, container):
    texts = container([f"text {i}" for i in range(N)])
    shift = ResampleIfRejected(0.5, strategic_features=[0], resampling=resampling)
    with pytest.raises(TypeError, match=r"two-dimensional.*strategic_features=None"):
        shift.sample(texts, Y, Y_PRED, random_state=0)
    whole = ResampleIfRejected(0.5, resampling=resampling)
    moved = whole.sample(texts, Y, Y_PRED, random_state=0)
    assert type(moved.X) is type(texts)
    assert set(moved.X) <= set(texts)


def test_donors_at_the_ends_of_their_shares():
    """A number below a share's end is in it, and the end itself in the next."""
    weights, uniforms = np.array([2.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.49, 0.5, 0.75])
    assert choose_donors(uniforms, weights).tolist() == [0, 0, 1, 3]
    assert choose_donors(uniforms, None).tolist() == [0, 1, 2, 3]
