# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import sys

import numpy as np
import pytest
import sklearn
from hypothesis import settings
from sklearn.utils import _safe_indexing

# A slow machine is not a bug. When CI is set hypothesis has loaded its own "ci"
# profile by now, and this leaves it in place.
settings.register_profile("default", deadline=None, max_examples=15)
settings.register_profile("whole", deadline=None, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.register_profile("fuzz", deadline=None, max_examples=10_000)


def pytest_addoption(parser):
    """Let a run of the tests stand for one on another processor."""
    parser.addoption(
        "--disturb",
        action="store_true",
        help="hand estimators their rows in another order, and features that differ in "
        "the last digit: no test may notice but those marked exact",
    )


def pytest_collection_modifyitems(config, items):
    """Leave out tests of what is equal to the last bit, if that is disturbed."""
    if config.getoption("--disturb"):
        exact = [item for item in items if item.get_closest_marker("exact")]
        config.hook.pytest_deselected(items=exact)
        items[:] = [item for item in items if not item.get_closest_marker("exact")]


@pytest.fixture(autouse=True)
def _disturbed(request, monkeypatch):
    """Compute in another order and with other last digits, as other processors do."""
    if not request.config.getoption("--disturb"):
        return
    from skperf.metrics import _risk
    from skperf.retraining import _fits

    for module in (_fits, _risk):
        fit = module.fit_with_weights

        def disturbed(estimator, sample, fit=fit, **fit_params):
            sample, fit_params = _in_another_order(sample, fit_params)
            sample = _with_other_digits(sample)
            return fit(estimator, sample, **fit_params)

        monkeypatch.setattr(module, "fit_with_weights", disturbed)


def _in_another_order(sample, fit_params):
    from skperf.utils._by_rows import in_blocks

    if in_blocks(sample.X, sample.y, sample.sample_weight):
        return sample, fit_params  # the order of a file is its own
    n_samples = len(sample.y)
    rows = np.random.default_rng(0).permutation(n_samples)

    def take(value):
        has_rows = np.ndim(value) and len(value) == n_samples
        return _safe_indexing(value, rows) if has_rows else value

    taken = (v if v is None else _safe_indexing(v, rows) for v in sample[:4])
    others = {name: take(value) for name, value in fit_params.items()}
    return type(sample)(*taken, sample.support), others


def _with_other_digits(sample):
    X = sample.X
    if not isinstance(X, np.ndarray) or X.dtype.kind != "f":
        return sample
    ends = np.random.default_rng(0).choice([-np.inf, np.inf], X.shape)
    return sample._replace(X=np.nextafter(X, ends.astype(X.dtype)))


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what a test has drawn, if it has."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True)
def _restore_sklearn_config():
    """Undo what a test sets with sklearn.set_config, e.g. metadata routing."""
    with sklearn.config_context():
        yield


@pytest.fixture
def throw():
    """Let a world react to one model in some rounds; return its samples."""

    def react(world, predictor, n_rounds):
        samples, state = [], world.start()
        for _ in range(n_rounds):
            sample, state = world.react(state, predictor)
            samples.append(sample)
        return samples

    return react


@pytest.fixture(params=["pandas", "polars"])
def df_module(request):
    """Run a test once with each data frame library."""
    return pytest.importorskip(request.param)
