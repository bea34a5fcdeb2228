# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Properties of the distribution maps, on random populations and on small exact laws.

Resample-if-rejected in symbols: g = delta + (1 - delta) * y_pred is the probability
of rejection and p_f = p * (1 - g + E_p g) the density that it induces.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skperf.shift import ResampleIfRejected
from skperf.shift._sample import as_weights, check_sample
from skperf.testing.strategies import populations, predictions, predictors, shifts

FACES = ["expected", "common", "drawn"]
deltas = st.floats(0.05, 1)
whole_or_strategic = pytest.mark.parametrize("strategic_features", [None, [0, 2]])


def total(sample):
    return as_weights(sample.sample_weight, len(sample.y)).sum()


@st.composite
def predicted_populations(draw, n_predictions=1):
    """Draw (X, y, sample_weight) and predictions for its rows."""
    population = draw(populations(weighted=True))
    n_samples = len(population[0])
    return population, *(draw(predictions(n_samples)) for _ in range(n_predictions))


# All shifts of the package


@given(populations(weighted=True), predictors(), shifts())
def test_people_are_moved_not_lost(population, predictor, shift):
    X, y, weights = population
    sample = check_sample(
        shift.sample(
            X,
            y,
            predictor(X),
            predictor=predictor,
            sample_weight=weights,
            random_state=0,
        ),
        shift,
    )
    assert sample.X.shape[1] == X.shape[1]
    assert total(sample) == pytest.approx(weights.sum(), rel=1e-12)


# Whole rows in expectation: the density is known


@given(predicted_populations(), deltas)
def test_density_ratio_of_whole_rows(case, delta):
    (X, y, weights), y_pred = case
    sample = ResampleIfRejected(delta).sample(X, y, y_pred, sample_weight=weights)
    ratio = sample.sample_weight / weights
    assert sample.sample_weight.sum() == pytest.approx(weights.sum(), rel=1e-12)
    assert ratio.min() >= delta - 1e-12
    assert ratio.max() <= 2 - delta + 1e-12


@given(predicted_populations(n_predictions=2), deltas)
def test_sensitivity_of_whole_rows(case, delta):
    """chi2(p_f', p_f) <= (|df|^2 - (dC)^2) / delta <= |df|^2 / delta.

    With f = (1 - delta) * y_pred, C = E_p g, and the norm of L2(p): theorem 3 of
    Mofakhami et al. 2023 and the sharper bound in its proof.
    """
    (X, y, weights), *y_preds = case
    shift = ResampleIfRejected(delta)
    p = weights / weights.sum()
    p_f, p_g = (
        shift.sample(X, y, y_pred, sample_weight=p).sample_weight for y_pred in y_preds
    )
    chi_square = np.sum((p_g - p_f) ** 2 / p_f)
    difference = (1 - delta) * (y_preds[1] - y_preds[0])
    variance = p @ difference**2 - (p @ difference) ** 2
    assert chi_square <= (variance + 1e-14) / delta


@given(predicted_populations(), deltas, st.randoms())
def test_order_of_whole_rows_does_not_matter(case, delta, random):
    """Up to rounding of E_p g. With donors this holds in law only: they go by place.

    A row number is drawn for each place in the table, whoever stands there.
    """
    (X, y, weights), y_pred = case
    order = np.array(random.sample(range(len(y)), len(y)))
    shift = ResampleIfRejected(delta)
    sample = shift.sample(X, y, y_pred, sample_weight=weights)
    permuted = shift.sample(
        X[order], y[order], y_pred[order], sample_weight=weights[order]
    )
    assert_array_equal(permuted.X, sample.X[order])
    assert_array_equal(permuted.y, sample.y[order])
    assert_allclose(permuted.sample_weight, sample.sample_weight[order], rtol=1e-12)


# Laws that do not depend on the model


@whole_or_strategic
@pytest.mark.parametrize("resampling", FACES)
@given(case=predicted_populations(n_predictions=2))
def test_full_redraw_ignores_the_model(resampling, strategic_features, case):
    """At delta = 1 everyone is rejected."""
    (X, y, weights), *y_preds = case
    shift = ResampleIfRejected(
        1, strategic_features=strategic_features, resampling=resampling
    )
    first, second = (
        shift.sample(X, y, y_pred, sample_weight=weights, random_state=0)
        for y_pred in y_preds
    )
    for name in ("X", "y", "sample_weight"):
        assert_array_equal(getattr(first, name), getattr(second, name))


@given(populations(weighted=True), deltas, st.floats(0, 1))
def test_equal_predictions_leave_whole_rows_alone(population, delta, y_pred):
    """All are equally likely to be replaced, by anyone: p_f = p, whatever y_pred."""
    X, y, weights = population
    sample = ResampleIfRejected(delta).sample(
        X, y, np.full(len(y), y_pred), sample_weight=weights
    )
    assert_allclose(sample.sample_weight, weights, rtol=1e-12)


# Strategic columns: the rest of the row stays


@pytest.mark.parametrize("resampling", ["common", "drawn"])
@given(case=predicted_populations(), delta=deltas, seed=st.integers(0, 99))
def test_other_columns_keep_their_rows(resampling, case, delta, seed):
    (X, y, weights), y_pred = case
    shift = ResampleIfRejected(delta, strategic_features=[0, 2], resampling=resampling)
    sample = shift.sample(X, y, y_pred, sample_weight=weights, random_state=seed)
    assert_array_equal(sample.X[:, 1], X[:, 1])
    assert_array_equal(sample.y, y)
    assert_array_equal(sample.sample_weight, weights)
    # the strategic columns move together
    pairs = {tuple(pair) for pair in X[:, [0, 2]]}
    assert {tuple(pair) for pair in sample.X[:, [0, 2]]} <= pairs


@given(predicted_populations(), deltas, st.integers(1, 5), st.integers(0, 99))
def test_other_columns_keep_their_law(case, delta, n_donors, seed):
    """The weights of the copies of a row add up to that of the row."""
    (X, y, weights), y_pred = case
    X[:, 1] = np.arange(len(X))  # names the row
    shift = ResampleIfRejected(delta, strategic_features=[0, 2], n_donors=n_donors)
    sample = shift.sample(X, y, y_pred, sample_weight=weights, random_state=seed)
    row = sample.X[:, 1].astype(int)
    assert_array_equal(sample.y, y[row])
    assert_allclose(np.bincount(row, sample.sample_weight), weights, rtol=1e-12)
    assert sample.sample_weight.min() >= 0
    pairs = {tuple(pair) for pair in X[:, [0, 2]]}
    assert {tuple(pair) for pair in sample.X[:, [0, 2]]} <= pairs


# Laws on a few atoms, by hand

DELTA = 0.6
N_ROWS = 40_000


def frequencies(atoms, n_atoms):
    return np.bincount(atoms.astype(int), minlength=n_atoms) / len(atoms)


def test_three_atoms_by_hand():
    """p = (.2, .3, .5) and f = (.1, .35, .05): E_p g = .75, p_f = (.21, .24, .55)."""
    atoms, p = np.arange(3), np.array([0.2, 0.3, 0.5])
    y_pred = np.array([0.1, 0.35, 0.05]) / (1 - DELTA)
    sample = ResampleIfRejected(DELTA).sample(atoms, atoms, y_pred, sample_weight=p)
    assert_allclose(sample.sample_weight, [0.21, 0.24, 0.55], rtol=1e-13)


@pytest.mark.parametrize("resampling", ["common", "drawn"])
def test_three_atoms_drawn(resampling):
    p, p_f = np.array([0.2, 0.3, 0.5]), np.array([0.21, 0.24, 0.55])
    atoms = np.repeat(np.arange(3), (p * N_ROWS).round().astype(int))
    y_pred = np.array([0.1, 0.35, 0.05])[atoms] / (1 - DELTA)
    sample = ResampleIfRejected(DELTA, resampling=resampling).sample(
        atoms, atoms, y_pred, random_state=0
    )
    assert_array_equal(sample.X, sample.y)
    # Counts of independent events have at most the binomial variance: five sigma. An
    # unmoved population would be off by 0.01, 0.06 and 0.05, 5 to 24 sigma.
    sigma = np.sqrt(p_f * (1 - p_f) / N_ROWS)
    assert (np.abs(frequencies(sample.X, 3) - p_f) <= 5 * sigma).all()


@pytest.mark.parametrize("resampling", FACES)
def test_strategic_atoms(resampling):
    """Strategic a and fixed b in {0, 1}: a' is redrawn from p(a), given b.

    p_f(a, b) = p(a, b) * (1 - g(a, b)) + p(a) * sum_c p(c, b) * g(c, b)
    """
    p = np.array([[0.4, 0.1], [0.2, 0.3]])  # p[a, b]
    prediction = np.array([[0.9, 0.1], [0.2, 0.6]])
    g = DELTA + (1 - DELTA) * prediction
    p_f = p * (1 - g) + np.outer(p.sum(axis=1), (p * g).sum(axis=0))
    a, b = np.divmod(np.repeat(np.arange(4), (p.ravel() * N_ROWS).astype(int)), 2)
    X, y = np.column_stack([a, b]), 1 - b
    X_new, y_new, weights, *_ = ResampleIfRejected(
        DELTA, strategic_features=[0], resampling=resampling
    ).sample(X, y, prediction[a, b], random_state=0)
    assert_array_equal(y_new, 1 - X_new[:, 1])
    law = np.bincount(X_new @ [2, 1], weights, minlength=4) / N_ROWS
    # five sigma as above; the expected face averages four donors and is nearer
    sigma = np.sqrt(p_f * (1 - p_f) / N_ROWS)
    assert (np.abs(law.reshape(2, 2) - p_f) <= 5 * sigma).all()
    assert (np.abs(p - p_f) > 5 * sigma).all()
