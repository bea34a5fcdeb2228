# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A world whose people answer past models too."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from skperf.shift._mixture import have_same_rows, mix, stack, weights_of
from skperf.shift._predictor import PredictionFunction
from skperf.shift._pull_back import Cotangent, PullBack
from skperf.shift._sample import Sample, check_sample, persons
from skperf.shift._world import State, World
from skperf.shift._world_around import WorldAround
from skperf.utils._tables import are_of_one_kind

Samples: TypeAlias = tuple[Sample, ...]

_REFUSED = (
    "{} returned a list, a sample for each player of a game; MemoryShift and "
    "LaggedShift remember the samples of one model. Write the memory of a game as a "
    "skperf.shift.World of your own."
)
_ROUNDING = np.finfo(float).eps  # shares below it are lost in a sum of weights


class Memory(NamedTuple):
    """The state of another world, and what is remembered of its samples."""

    world: State
    samples: Samples


class RememberingWorld(WorldAround[Memory]):
    """Another world, of whose answers to past models a mixture is seen.

    `blend` takes what is remembered and the answer to the deployed model, and returns
    what is remembered from now on and what is seen. At the equilibrium of a model all
    people answer that model, which is what the other world does.
    """

    def __init__(
        self,
        world: World,
        shift: object,
        begin: Samples,
        blend: Callable[[Samples, Sample], tuple[Samples, Sample]],
    ) -> None:
        super().__init__(world)
        self.shift = shift  # whom to name if a sample is wrong
        self.begin = begin
        self.blend = blend

    def start(self) -> Memory:
        """Return the state of the other world, and the first memory."""
        return Memory(self.world.start(), self.begin)

    def react(
        self, state: Memory, predictor: PredictionFunction
    ) -> tuple[Sample, Memory]:
        """Return what is seen of the answers to past models and to this one."""
        answer, own = self.world.react(state.world, predictor)
        if isinstance(answer, list):
            raise TypeError(_REFUSED.format(type(self.shift).__name__))
        answer = check_sample(answer, self.shift)
        for known in state.samples[:1]:
            _require_one_kind(known, answer, self.shift)
        answer = _on_known_rows(state.samples, answer)
        samples, seen = self.blend(state.samples, answer)
        return seen, Memory(own, samples)

    def settle(self, state: Memory, predictor: PredictionFunction) -> Sample:
        """Return what is seen once all people answer this model."""
        return self.world.settle(state.world, predictor)

    def pull_back(
        self, state: Memory, predictor: PredictionFunction, cotangent: Cotangent
    ) -> tuple[Cotangent, list[PullBack]]:
        """Return the derivatives at the equilibrium of the model."""
        return self.world.pull_back(state.world, predictor, cotangent)


def fade(decay: float, samples: Samples, answer: Sample) -> tuple[Samples, Sample]:
    """Let a share of what was seen give way to the answer to the deployed model."""
    totals = np.array([weights_of(sample).sum() for sample in samples])
    own = weights_of(answer).sum()
    total = (1 - decay) * totals.sum() + decay * own
    shares = (1 - decay) * totals / totals.sum()
    kept = [
        _scale(sample, (1 - decay) * total / totals.sum())
        for sample, share in zip(samples, shares, strict=True)
        if share > _ROUNDING
    ]
    if not kept:
        return (answer,), answer
    parts = _add(kept, _scale(answer, decay * total / own))
    return parts, stack(parts)


def take_turns(
    n_groups: int, samples: Samples, answer: Sample
) -> tuple[Samples, Sample]:
    """Let equal parts of the people answer each of the last models."""
    answers = (*samples, answer)[-n_groups:]
    return answers, mix(answers, np.ones(len(answers)) / len(answers))


def name_persons(base: Sample) -> Sample:
    """Return the base population with the person of each row, which later rows tell."""
    return base if base.groups is not None else base._replace(groups=persons(base))


def _scale(sample: Sample, factor: float) -> Sample:
    return sample._replace(sample_weight=factor * weights_of(sample))


def _on_known_rows(samples: Samples, answer: Sample) -> Sample:
    """Return the answer with the key of remembered rows that hold the same.

    A later step of a pipeline is bound anew in each round, with a key of its own.
    """
    for known in samples:
        if have_same_rows(known, answer._replace(support=None)):
            return answer._replace(X=known.X, y=known.y, support=known.support)
    return answer


def _add(parts: list[Sample], answer: Sample) -> Samples:
    """Return the parts with one more, or with its weights on the part of its rows."""
    for place, part in enumerate(parts):
        if have_same_rows(part, answer):
            both = weights_of(part) + weights_of(answer)
            parts[place] = part._replace(sample_weight=both)
            return tuple(parts)
    return (*parts, answer)


def _require_one_kind(known: Sample, answer: Sample, shift: object) -> None:
    """Raise a TypeError where tables of two kinds cannot be stacked."""
    if not are_of_one_kind(known.X, answer.X):
        raise TypeError(
            f"{type(shift).__name__} was given a {type(known.X).__name__} and returned "
            f"a {type(answer.X).__name__}; what is remembered and what is new cannot "
            "be stacked. Return a table of the type that was given."
        )
