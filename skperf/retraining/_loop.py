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
from skperf.retraining._model import DeployedModel
from skperf.retraining._path import Path
from skperf.retraining._worlds import SharedWorld, remembers
from skperf.shift import Sample
from skperf.shift._sample import Floats


class Standing(NamedTuple):
    """Where retraining stands between two rounds."""

    paths: tuple[Path, ...]  # one a learner
    state: object  # what the world remembers

    @property
    def predictors(self) -> list[DeployedModel]:
        """The deployed models."""
        return [path.predictor for path in self.paths]


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

    def start(self, bases: Sequence[Sample]) -> Standing:
        """Train first models on data that nobody has reacted to."""
        paths: list[Path] = []
        with self.tasks.round(paths, "fit"):
            for i, (learner, base) in enumerate(zip(self.learners, bases, strict=True)):
                paths.append(learner.start(base, partial(self.tasks.training, i)))
        return Standing(tuple(paths), self.world.start())

    def run(
        self, standing: Standing, *, max_rounds: int, tol: float
    ) -> tuple[Standing, Floats]:
        """Play rounds until retraining moves no model by more than `tol`.

        Returns where it then stands, and how far one more retraining would move each.
        """
        residuals = np.full(len(self.learners), np.inf)
        for _ in range(max_rounds):
            with _noted(self.note.format(standing.paths[0].n_rounds + 1)):
                standing = self._play_round(standing)
                self.publish(standing)
                residuals = self._residuals(standing, tol)
            if not residuals.max() > tol or self.tasks.stopped:
                break
        return standing, residuals

    def _play_round(self, standing: Standing) -> Standing:
        """Let the world react and every learner retrain once."""
        paths, state = list(standing.paths), standing.state
        with self.tasks.round(paths, "round"):
            for i, learner in enumerate(self.learners):
                if not i or self.in_turns:
                    deployed = [path.predictor for path in paths]
                    samples, state = self.world.react(state, deployed)
                with _noted(learner.note):
                    watch = partial(self.tasks.training, i)
                    paths[i] = learner.learn(paths[i], samples[i], watch)
        if self.joint_residuals:
            paths = _share_residuals(paths)
        return Standing(tuple(paths), state)

    def _residuals(self, standing: Standing, tol: float) -> Floats:
        """Return how far one retraining on its own data alone would move each model.

        That is estimated. Before models are called stable it is measured by such a
        retraining, where the estimate is more than the last move: after mixtures, and
        in worlds that have not come to rest.
        """
        paths = standing.paths
        residuals = np.array([path.estimate_residual() for path in paths])
        exact = not (any(path.mixed for path in paths) or remembers(standing.state))
        if residuals.max() > tol or exact or not self.world.answers:
            return residuals
        samples = self.world.settle(standing.state, standing.predictors)
        triples = zip(self.learners, paths, samples, strict=True)
        return np.array(
            [learner.measure(path, seen) for learner, path, seen in triples]
        )


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
