# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is asked of the samples of a shift, one function a rule."""

from copy import deepcopy

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skperf.shift import Sample
from skperf.shift._sample import check_sample
from skperf.testing._laws import (
    ROUNDING,
    is_positional,
    law_of,
    require_same_law,
    total_weight,
)
from skperf.testing._population import dense, equal_values, require, require_same
from skperf.utils._sklearn import _num_samples

_FACES = ("expected", "common", "drawn")


def check_constructor(shift, population):
    """Let __init__ store parameters as they are, without checks, and do no more."""
    names = shift.get_params(deep=False)
    values = {name: object() for name in names}
    made = type(shift)(**values)
    stored = vars(made)
    require(
        set(stored) == set(names),
        f"its parameters are {sorted(names)}, but __init__ set {sorted(stored)}.",
    )
    changed = [name for name in names if stored[name] is not values[name]]
    require(not changed, f"__init__ changed the value of {changed}.")


def check_sample_shape(shift, population):
    """Return (X, y) or a Sample: as many rows in all parts, and the base columns."""
    for returned in population.samples(shift):
        require(
            isinstance(returned, tuple) and 2 <= len(returned) <= len(Sample._fields),
            f"it returned {type(returned).__name__}, not a Sample.",
        )
        *parts, _ = Sample(*returned)
        lengths = [_num_samples(part) for part in parts if part is not None]
        require(
            len(set(lengths)) == 1,
            f"the lengths of X, y, weights and groups, if any, are {lengths}.",
        )
        for name, seen in zip(("X", "y"), parts, strict=False):
            widths = [
                dense(table).shape[1:] for table in (getattr(population, name), seen)
            ]
            require(
                widths[0] == widths[1],
                f"{name} has columns of shape {widths[1]}, not {widths[0]}.",
            )


def check_weights(shift, population):
    """Give no weights, or finite ones of zero or more that are not all zero."""
    for returned in population.samples(shift):
        check_sample(returned, shift)


def check_total_weight(shift, population):
    """Keep the total weight: resampling moves people and loses none."""
    if "resampling" not in shift.get_params(deep=False):
        return
    totals = len(population.weights), population.weights.sum()
    for returned, expected in zip(population.samples(shift), totals, strict=True):
        total = total_weight(Sample(*returned))
        require(
            np.isclose(total, expected, rtol=ROUNDING),
            f"the total weight went from {expected:.6g} to {total:.6g}.",
        )


def check_base_data_stay(shift, population):
    """Leave X, y, y_pred and sample_weight of the base population as they are."""
    before = deepcopy(population._replace(predictor=None))
    population.respond(shift, population.weights)
    for name in ("X", "y", "y_pred", "weights"):
        same = equal_values(getattr(before, name), getattr(population, name))
        require(same, f"it changed {name} of the base population.")


def check_random_state_decides(shift, population):
    """Draw from random_state alone: the same integer gives the same sample."""
    samples = population.samples(shift)
    check_random_state(None).uniform()  # a copy of the global state would go unnoticed
    require_same(samples, population.samples(shift))


def check_clone_agrees(shift, population):
    """Keep no state but the parameters: a clone gives the same samples."""
    require_same(population.samples(shift), population.samples(clone(shift)))


def check_weights_are_copies(shift, population):
    """Treat a base row of weight k like k equal rows, and of weight 0 like none."""
    if not population.is_numeric or is_positional(shift, population):
        return
    rows = np.repeat(np.arange(len(population.weights)), population.weights.astype(int))
    weighted = law_of(shift, population, population.weights)
    require_same_law(weighted, law_of(shift, population.take(rows)))


def check_faces_agree(shift, population):
    """Give "expected", "common" and "drawn" samples the same law."""
    names = [name for name in shift.get_params() if _last_part(name) == "resampling"]
    if not names or not population.is_numeric:
        return
    laws = [
        law_of(
            clone(shift).set_params(**dict.fromkeys(names, face)), population, weights
        )
        for weights in (None, population.weights)
        for face in _FACES
    ]
    for expected, *others in (laws[:3], laws[3:]):
        for face, other in zip(_FACES[1:], others, strict=True):
            require_same_law(expected, other, f'"expected" and "{face}" differ: ')


def _with_faces(shift, names):
    """Return copies of the shift, all parameters of these names set to one face."""
    return [clone(shift).set_params(**dict.fromkeys(names, face)) for face in _FACES]


def _last_part(name):
    return name.rpartition("__")[2]
