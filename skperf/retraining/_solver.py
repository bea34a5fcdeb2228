# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How far an estimator's own tolerance leaves it from what it is looking for."""

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator

from skperf.retraining._advice import advise_solver
from skperf.retraining._learner import Learner
from skperf.retraining._losses import distance
from skperf.retraining._path import Path
from skperf.shift import Sample

_TIGHTER = 0.01  # the tolerance that stands for none


def blame_solver(
    learners: Sequence[Learner],
    paths: Sequence[Path],
    samples: Sequence[Sample],
    residual: float,
) -> str | None:
    """Return advice where a solver's own tolerance leaves the residual, or None.

    Of several models the one whose solver errs most is meant.
    """
    errors = [solver_error(*one) for one in zip(learners, paths, samples, strict=True)]
    worst = int(np.argmax(errors))
    if errors[worst] < residual / 2:
        return None
    tolerances = solver_tolerance(learners[worst].estimator)
    return advise_solver(tolerances, errors[worst])


def solver_tolerance(estimator: BaseEstimator) -> dict[str, float]:
    """Return the tolerances of an estimator and of those in it."""
    return {
        name: value
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] == "tol" and isinstance(value, float) and value > 0
    }


def solver_error(learner: Learner, path: Path, sample: Sample) -> float:
    """Return how far predictions move if the solver's own tolerance is a hundredth.

    Both models are trained anew on the same sample, with the same random numbers.
    """
    tolerances = solver_tolerance(learner.estimator)
    if not tolerances:
        return 0.0
    params = learner.estimator.get_params()
    seeds = [name for name in params if name.rpartition("__")[2] == "random_state"]
    same = {name: 0 for name in seeds if params[name] is None}
    tight = {name: value * _TIGHTER for name, value in tolerances.items()}
    loose, exact = (
        learner.predict_anew(path, sample, **params) for params in (same, same | tight)
    )
    return distance(loose, exact, path.sample_weight)
