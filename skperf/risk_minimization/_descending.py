# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A path whose rounds are the iterations of a descent."""

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skperf.retraining._history import History
from skperf.retraining._measured import Measured
from skperf.retraining._path import Path
from skperf.retraining._performative_slope import DifferencedRisk, PerformativeSlope
from skperf.risk_minimization._descent import Descent, descend, random_starts
from skperf.utils._sklearn import _num_samples

_AS_CHEAP = 10  # iterations, which train nothing, for a retraining


def descend_from_starts(
    minimizer: BaseEstimator, path: Path, slope_at: PerformativeSlope | DifferencedRisk
) -> Path:
    """Return the path after descents from all starts, with the best model deployed."""
    parameters = slope_at.parameters
    rng = check_random_state(minimizer.random_state)
    starts = random_starts(parameters.get(), minimizer.n_restarts, rng)
    limit = _AS_CHEAP * minimizer.max_iter
    descents = [descend(slope_at, start, limit) for start in starts]
    best = min(descents, key=lambda descent: descent.risk)
    parameters.set(best.steps[-1].values)
    model = parameters.model
    return path._replace(
        predictor=path.predictor.succeed(model),
        history=record_steps(path.history, descents, _num_samples(path.X)),
        measured=Measured(best.steepness),
    )


def record_steps(
    history: History, descents: Sequence[Descent], n_samples: int
) -> History:
    """Return a record with an entry for each iteration of all descents."""
    steps = [
        (a, b) for d in descents for a, b in zip(d.steps, d.steps[1:], strict=False)
    ]
    before = [start.slope for start, _ in steps]
    after = [end.slope for _, end in steps]
    counts = _count_evaluations(descents)
    columns = {
        "risk_before": [slope.risk for slope in before],
        "performative_risk": [slope.risk for slope in after],
        "correction": [slope.correction for slope in before],
        "damping": np.zeros(len(steps)),
        "n_rows": np.full(len(steps), n_samples),
        "n_deployments": counts,
        "n_rows_seen": np.array(counts, int) * n_samples,
        "n_fits": np.ones(len(steps), int),
    }
    empty = np.full(len(steps), np.nan)
    return {
        name: np.asarray(columns.get(name, empty), dtype=column.dtype)
        for name, column in history.items()
    }


def _count_evaluations(descents: Sequence[Descent]) -> list[int]:
    """Return how many risks were computed up to each iteration."""
    counts, total = [], 0
    for descent in descents:
        counts += [total + step.n_evaluations for step in descent.steps[1:]]
        total += descent.steps[-1].n_evaluations
    return counts
