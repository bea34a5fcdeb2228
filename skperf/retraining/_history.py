# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The record of a retraining path: a dict of arrays with one entry a round."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

History: TypeAlias = dict[str, NDArray]

COLUMNS = (
    "risk_before",
    "risk_after",
    "loss_shift",
    "prediction_gap",
    "two_back_gap",
    "stability_residual",
    "stability_residual_estimate",
    "n_rows",
    "fit_time",
    "n_deployments",
    "n_rows_seen",
    "n_fits",
)
_COUNTS = {"n_rows", "n_deployments", "n_rows_seen", "n_fits"}


def empty_history() -> History:
    """Return the record of a path that has not been retrained yet."""
    return {name: np.empty(0, int if name in _COUNTS else float) for name in COLUMNS}


def extend_history(history: History, *, n_rows_new: int, **entries: float) -> History:
    """Return a new record with one more round; the budgets are summed up here."""
    n_rounds = len(history["n_fits"]) + 1
    entries["n_deployments"] = n_rounds
    entries["n_fits"] = n_rounds + 1  # the first model was fitted too
    entries["n_rows_seen"] = history["n_rows_seen"][-1:].sum() + n_rows_new
    return {
        name: np.concatenate([column, [entries[name]]])
        for name, column in history.items()
    }
