# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest

from skperf.retraining._measured import Measured
from skperf.retraining._verdict import diagnose


def make_history(residual, gap, two_back_gap):
    residual = np.asarray(residual, dtype=float)
    return {
        "stability_residual": residual,
        "stability_residual_estimate": residual,
        "prediction_gap": np.broadcast_to(gap, residual.shape),
        "two_back_gap": np.broadcast_to(two_back_gap, residual.shape),
    }


def test_two_models_that_take_turns_are_a_cycle():
    assert (
        diagnose(make_history([1.0] * 8, 1.0, 1e-3), Measured(1.0), 0, random=False)
        == "cycle"
    )


@pytest.mark.parametrize("random", [True, False])
def test_a_mixture_that_stands_still_is_no_cycle(random):
    # an average of all models may repeat itself to the last digit and not be stable
    history = make_history([1e-3] * 8, 0.0, 0.0)
    expected = "noise floor" if random else "plateau"
    assert diagnose(history, Measured(1e-3), 0, random=random) == expected
