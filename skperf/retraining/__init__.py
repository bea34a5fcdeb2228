# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Retraining: the loop's values, for coefficients, stores and solvers of your own."""

from skperf.retraining._path import Pool
from skperf.retraining._schema import Schema
from skperf.retraining._snapshot_store import SnapshotStore
from skperf.retraining._store import MemoryStore, Snapshot, Store

__all__ = ["MemoryStore", "Pool", "Schema", "Snapshot", "SnapshotStore", "Store"]
