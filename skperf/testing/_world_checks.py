# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is asked of the world that a shift makes of a population."""

import pickle
from copy import deepcopy

import numpy as np

from skperf.shift._binding import bind_to_sample
from skperf.shift._bound import BoundShift
from skperf.shift._sample import Sample
from skperf.shift._world import remembers
from skperf.testing._population import equal_values, require, require_same
from skperf.utils._sklearn import _num_samples


def check_bind_agrees(shift, population):
    """Make bind(X, y, ...), called with predictions, give what sample gives."""
    for weights in (None, population.weights):
        world = _bind(shift, population, weights)
        seed = 0  # a world that only asks sample hands over the dice
        if isinstance(world, BoundShift):
            seed = world.start().random_state()
        expected = population.respond(shift, weights, seed)
        found = world(population.y_pred, population.predictor)
        require_same([expected], [found])


def check_fixed_numbers(shift, population):
    """Keep the random numbers of a world, "drawn" alone draws new ones."""
    world = _bind(shift, population, population.weights)
    first, state = world.react(world.start(), population.model)
    fixed = getattr(shift, "resampling", "drawn") != "drawn"
    if fixed or not (world.is_random or remembers(state)):
        second, _ = world.react(state, population.model)
        require_same([first], [second])
        require(not world.is_random, "its world says that it is random.")


def check_world_is_pure(shift, population):
    """Answer the same state and model alike, whatever was asked in between."""
    world = _bind(shift, population, population.weights)
    state = world.start()
    before = deepcopy(state)
    first, after = world.react(state, population.model)
    rest = world.settle(state, population.model)
    _, other = world.react(state, population.other_model)
    world.settle(other, population.model)
    world.react(other, population.other_model)
    rest_again = world.settle(state, population.model)
    again, after_again = world.react(state, population.model)
    require_same([first, rest], [again, rest_again])
    require(
        _equal_states(after, after_again),
        "the same state and model gave different next states.",
    )
    require(_equal_states(before, state), "a reaction changed the state in place.")


def check_keys(shift, population):
    """Give samples the same support key only if they have the same rows."""
    backwards = population.take(np.arange(_num_samples(population.X))[::-1])
    world, elsewhere = (_bind(shift, p, p.weights) for p in (population, backwards))
    first, state = world.react(world.start(), population.model)
    second, _ = world.react(state, population.other_model)
    third, _ = elsewhere.react(elsewhere.start(), backwards.model)
    for other in (second, third):
        if first.support is not None and first.support == other.support:
            equal = all(map(equal_values, first[:2], other[:2]))
            require(equal, "two samples with one support key have other rows.")


def check_groups(shift, population):
    """Tell of each row which person of the base population it is, or nothing."""
    n_samples = _num_samples(population.X)
    rows = _groups(shift, population, None)
    if rows is None:
        return
    inside = rows.dtype.kind in "iu" and 0 <= rows.min() <= rows.max() < n_samples
    require(inside, "groups are not numbers of rows of the base population.")
    labels = 7 * np.arange(n_samples) + 3
    persons = _groups(shift, population, labels)
    require(
        persons is not None and np.array_equal(labels[rows], persons),
        "the labels of persons given to bind are not those of the rows returned.",
    )


def check_pickle_agrees(shift, population):
    """Use parameters that pickle; a pickled world and state react alike."""
    unpickled = pickle.loads(pickle.dumps(shift))
    require_same(population.samples(shift), population.samples(unpickled))
    world = _bind(shift, population, population.weights)
    _, state = world.react(world.start(), population.model)
    again, same_state = pickle.loads(pickle.dumps((world, state)))
    first, _ = world.react(state, population.model)
    second, _ = again.react(same_state, population.model)
    require_same([first], [second])


def _bind(shift, population, sample_weight, groups=None):
    sample = Sample(population.X, population.y, sample_weight, groups)
    return bind_to_sample(shift, sample, 0)


def _groups(shift, population, groups):
    """Return the persons of the rows in the first round."""
    world = _bind(shift, population, None, groups)
    sample, _ = world.react(world.start(), population.model)
    return None if sample.groups is None else np.asarray(sample.groups)


def _equal_states(first, second):
    """Return whether two states of one world are equal; they may hold tables."""
    if type(first) is not type(second):
        return False
    if isinstance(first, Sample):  # keys are made anew where a world is
        first, second = first[:-1], second[:-1]
    if isinstance(first, tuple | list):
        same_length = len(first) == len(second)
        return same_length and all(map(_equal_states, first, second))
    if hasattr(first, "__len__") and not isinstance(first, str | dict):
        return equal_values(first, second)
    return pickle.dumps(first) == pickle.dumps(second)
