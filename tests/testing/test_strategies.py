# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What the strategies draw works on tables of any kind."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skperf.testing.strategies import _are_high

X = np.array([[1.0, 0.0], [-1.0, 2.0], [0.0, 1.0]])


def as_frame(X):
    return pytest.importorskip("pandas").DataFrame(X)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, as_frame])
def test_people_with_a_high_first_feature(kind):
    assert_array_equal(_are_high(kind(X), None), [True, False, False])
