# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import pytest
import sklearn
from hypothesis import settings

# A slow machine is not a bug. When CI is set hypothesis has loaded its own "ci"
# profile by now, and this leaves it in place.
settings.register_profile("default", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=2000)


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
