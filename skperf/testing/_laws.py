# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The law of a shift's samples, by their second moments."""

from typing import NamedTuple

import numpy as np

from skperf.shift import Sample
from skperf.testing._population import dense, require
from skperf.utils._sklearn import _num_samples

_N_ERRORS = 5  # standard errors: by chance alone, one in 2 million comparisons
ROUNDING = 1e-9  # of the root mean square, for laws that have no sampling error


class Law(NamedTuple):
    """Mean second moments of (1, X, y) over several samples, and its standard error."""

    mean: np.ndarray
    error: np.ndarray


def require_same_law(first, second, prefix=""):
    scale = np.sqrt(np.diag(first.mean))
    allowed = _N_ERRORS * (first.error + second.error)
    allowed = allowed + ROUNDING * np.outer(scale, scale)
    difference = np.abs(first.mean - second.mean)
    row, column = np.unravel_index((difference - allowed).argmax(), difference.shape)
    require(
        (difference <= allowed).all(),
        f"{prefix}the mean of {variable(row)} times {variable(column)} is "
        f"{first.mean[row, column]:.4g} in one and {second.mean[row, column]:.4g} in "
        f"the other; {allowed[row, column]:.2g} is allowed. (Columns count from the "
        "features on to the targets; both means are over the base weight.)",
    )


def variable(position):
    return "1" if position == 0 else f"column {position - 1}"


def is_positional(shift, population):
    """Return whether the law depends on the order of the rows."""
    backwards = population.take(np.arange(len(population.weights))[::-1])
    try:
        require_same_law(law_of(shift, population), law_of(shift, backwards))
    except AssertionError:
        return True
    return False


def law_of(shift, population, sample_weight=None):
    base = Sample(population.X, population.y, sample_weight)
    samples = [
        Sample(*population.respond(shift, sample_weight, seed))
        for seed in population.seeds
    ]
    moments = np.array([second_moments(sample) for sample in samples]) / total_weight(
        base
    )
    error = moments.std(axis=0, ddof=1) / np.sqrt(len(moments))
    return Law(moments.mean(axis=0), error)


def second_moments(sample):
    X, y, sample_weight, *_ = sample
    columns = np.column_stack([np.ones(_num_samples(X)), dense(X), dense(y)])
    columns = np.nan_to_num(columns.astype(float))  # a missing value is a value too
    weights = 1.0 if sample_weight is None else np.asarray(sample_weight)[:, None]
    return columns.T @ (weights * columns)


def total_weight(sample):
    weights = sample.sample_weight
    return _num_samples(sample.X) if weights is None else np.sum(weights)
