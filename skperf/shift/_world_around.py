# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What worlds have in common that are made of another one."""

from skperf.shift._world import S, World


class WorldAround(World[S]):
    """Another world, met in another way: as random and differentiable as that."""

    def __init__(self, world: World) -> None:
        self.base = world.base
        self.world = world

    @property
    def is_random(self) -> bool:  # type: ignore[override]  # it is the other's
        """Whether the other world is random."""
        return self.world.is_random

    @property
    def is_differentiable(self) -> bool:  # type: ignore[override]  # it is the other's
        """Whether the other world is differentiable."""
        return self.world.is_differentiable
