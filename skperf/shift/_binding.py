# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Bind a shift to a sample of people."""

from typing import Protocol

from numpy.random import RandomState
from numpy.typing import NDArray

from skperf.shift._sample import Floats, Sample, Table
from skperf.shift._world import World, check_world


class BindingShift(Protocol):
    """What is asked of a shift that makes a world."""

    def bind(
        self,
        X: Table,
        y: Table,
        *,
        sample_weight: Floats | None = None,
        groups: NDArray | None = None,
        random_state: int | RandomState | None = None,
    ) -> World:
        """Return the world that the shift makes of one population."""


def bind_to_sample(
    shift: BindingShift, sample: Sample, random_state: int | RandomState | None
) -> World:
    """Return the world of a shift on the people of a sample."""
    world = shift.bind(
        sample.X,
        sample.y,
        sample_weight=sample.sample_weight,
        groups=sample.groups,
        random_state=random_state,
    )
    return check_world(world, shift)
