# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Reactions to one model, of which alone a deployment tells."""

from skperf.exceptions import UnidentifiedError
from skperf.shift._base import BaseShift
from skperf.shift._memory import RememberingShift
from skperf.shift._world import World, remembers


def require_memoryless(shift: BaseShift) -> None:
    """Raise where a shift or a part of it is one of ours that remembers."""
    for part in (shift, *shift.get_params().values()):
        if isinstance(part, RememberingShift):
            raise UnidentifiedError(_explain(part))


def require_memoryless_world(world: World, shift: BaseShift) -> None:
    """Raise where a world remembers."""
    if remembers(world.start()):
        raise UnidentifiedError(_explain(shift))


def _explain(shift: object) -> str:
    return (
        f"Under {type(shift).__name__} people answer past models too, and a Deployment "
        "tells of one: what was deployed before it, and for how long, is not known. "
        "Estimate the reaction to one model, such as the shift inside MemoryShift or "
        "LaggedShift, from people who have met no other or have long got used to it."
    )
