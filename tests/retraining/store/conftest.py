# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import pytest

from skperf.retraining import SnapshotStore


@pytest.fixture
def store(tmp_path):
    return SnapshotStore(tmp_path / "store")
