# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The loop: deploy models, let the world react, retrain.

One function loops over rounds, for simulated and for observed worlds, for one model
and for the players of a game.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from sklearn.base import BaseEstimator

from skperf.retraining._learner import Learner
from skperf.retraining._measured import Measured, join_measured
from skperf.retraining._model import DeployedModel
from skperf.retraining._path import Path
from skperf.retraining._solver import blame_solver
from skperf.retraining._worlds import SharedWorld
from skperf.shift import Sample
from skperf.shift._world import State, remembers


class Standing(NamedTuple):
    """Where retraining stands between two rounds."""

    paths: tuple[Path, ...]  # one a learner
    state: State  # what the world remembers

    @property
    def predictors(self) -> list[DeployedModel]:
        """The deployed models."""
        return [path.predictor for path in self.paths]

    @property
    def measured(self) -> list[Measured]:
        """How far one retraining on its own data moves each deployed model."""
        return [path.measured for path in self.paths]


class Tasks(Protocol):
    """Tells scikit-learn's callbacks what is being done."""

    stopped: bool  # a callback has asked to stop

    def round(self, paths: list[Path], name: str) -> AbstractContextManager[None]:
        """Announce a round, in which the entries of the list are replaced."""

    def training(
        self, number: int, model: BaseEstimator, name: str
    ) -> AbstractContextManager[None]:
        """Announce a training of one learner's model."""


@dataclass(frozen=True)
class Retraining:
    """What stays the same from round to round."""

    world: SharedWorld
    learners: Sequence[Learner]
    tasks: Tasks
    publish: Callable[[Standing], None]  # of a finished round, all of it or nothing
    note: str  # where an error was raised, with a place for the number of the round
    in_turns: bool = False  # each observes what the new models before it have induced
    joint_residuals: bool = False  # learners choose mixtures by the residuals of all
    n_rounds_per_deployment: int = 1  # of the world, until a learner retrains

    def start(self, bases: Sequence[Sample]) -> Standing:
        """Train first models on data that nobody has reacted to."""
        paths: list[Path] = []
        with self.tasks.round(paths, "fit"):
            for i, (learner, base) in enumerate(zip(self.learners, bases, strict=True)):
                paths.append(learner.start(base, partial(self.tasks.training, i)))
        return Standing(tuple(paths), self.world.start())

    def run(self, standing: Standing, *, max_rounds: int, tol: float) -> Standing:
        """Play rounds until retraining moves no model by more than `tol`.

        Where the world answers, that is said of the last models, which are measured;
        otherwise of those before them.
        """
        for number in range(1, max_rounds + 1):
            with _noted(self.note.format(standing.paths[0].n_rounds + 1)):
                standing = self._play_round(standing)
                self.publish(standing)
                is_last = number == max_rounds or self.tasks.stopped
                standing = self._measure(standing, np.inf if is_last else tol)
            if is_last or _has_ended(standing.measured, tol):
                break
        return standing

    def _play_round(self, standing: Standing) -> Standing:
        """Let the world react and every learner retrain once."""
        paths, state = list(standing.paths), standing.state
        with self.tasks.round(paths, "round"):
            for i, learner in enumerate(self.learners):
                if not i or self.in_turns:
                    deployed = [path.predictor for path in paths]
                    samples, state = self._live_with(deployed, state)
                at_rest = not (self.world.answers and remembers(state))
                with _noted(learner.note):
                    watch = partial(self.tasks.training, i)
                    paths[i] = learner.learn(
                        paths[i], samples[i], watch, at_rest=at_rest
                    )
        if self.joint_residuals:
            paths = _share_residuals(paths)
        return Standing(tuple(paths), state)

    def _live_with(
        self, deployed: Sequence[DeployedModel], state: State
    ) -> tuple[Sequence[Sample], State]:
        """Return what is seen in the last round of a deployment."""
        for _ in range(self.n_rounds_per_deployment):
            samples, state = self.world.react(state, deployed)
        return samples, state

    def _measure(self, standing: Standing, limit: float) -> Standing:
        """Ask the world what the models would see if they stayed, and measure them.

        That costs a training each, so estimates of more than `limit` come before it,
        and nothing is asked of models whose predictions are no numbers any more.
        """
        estimate = max(path.estimate for path in standing.paths)
        if not (self.world.answers and np.isfinite(estimate) and estimate <= limit):
            return standing
        samples = self.world.settle(standing.state, standing.predictors)
        triples = zip(self.learners, standing.paths, samples, strict=True)
        paths = (
            path._replace(measured=learner.measure(path, seen))
            for learner, path, seen in triples
        )
        return standing._replace(paths=tuple(paths))

    def blame_solver(self, standing: Standing) -> str | None:
        """Return advice where the gap is what a solver's tolerance leaves, or None."""
        samples = self.world.settle(standing.state, standing.predictors)
        residual = join_measured(standing.measured).residual
        return blame_solver(self.learners, standing.paths, samples, residual)


def _has_ended(measured: Sequence[Measured], tol: float) -> bool:
    """Return whether more rounds change nothing: all are stable, or one is stuck."""
    stuck = any(one.is_untrained for one in measured)
    return stuck or all(one.residual <= tol for one in measured)


def _share_residuals(paths: Sequence[Path]) -> list[Path]:
    """Let each learner look at the residuals of all when it mixes its past data."""
    joint = np.concatenate([path.residual for path in paths])
    return [path._replace(residual=joint) for path in paths]


@contextmanager
def _noted(note: str | None) -> Iterator[None]:
    """Add a note, if there is one, to an error that is raised inside."""
    try:
        yield
    except Exception as error:
        if note is not None:
            error.add_note(note)
        raise
