# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Bundles of blocks are told by the graph, which a user may have changed."""

import numpy as np
import pytest

from skperf.utils._by_rows import keep, total

VALUES = np.arange(100.0)


@pytest.mark.parametrize("change", ["none", "persisted", "named alike"])
def test_an_array_that_has_lost_its_bundles(change):
    da = pytest.importorskip("dask.array")
    kept = keep(da.from_array(VALUES, chunks=3))  # of 34 blocks, which are two bundles
    if change == "persisted":
        kept = kept.persist()
    if change == "named alike":
        kept = da.from_array(VALUES, chunks=3, name="skperf-mine")
    assert total(kept) == VALUES.sum()
    assert total(keep(kept)) == VALUES.sum()
    assert np.array_equal(np.asarray(kept), VALUES)


def test_a_kept_array_is_not_kept_again():
    da = pytest.importorskip("dask.array")
    kept = keep(da.from_array(VALUES, chunks=3))
    assert keep(kept) is kept
