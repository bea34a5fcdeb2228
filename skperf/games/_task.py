# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tell scikit-learn's callbacks about the rounds of a game."""

from contextlib import contextmanager

from skperf.games._players import fit_players
from skperf.retraining._loop import Standing
from skperf.retraining._tasks import MinimizerTasks
from skperf.utils._sklearn import callback_management_context, init_callback_context


class GameTasks:
    """A game's task; its rounds are subtasks, and the players' retrainings theirs."""

    def __init__(self, game, players, population, bases, task):
        self.stopped = False  # a callback asked to stop
        self._names = [name for name, _ in game.players]
        self._players = players
        self._bases = bases
        self._task = task
        self._about = {
            "estimator": game,
            "X": population.X,
            "y": population.y,
            "metadata": {"sample_weight": population.sample_weight},
        }
        self._task.call_on_fit_task_begin(**self._about)

    @contextmanager
    def round(self, paths, name):
        """Announce a round, in which the entries of the list are replaced."""
        self._round = self._begin(self._task, name, max_subtasks=len(self._players))
        yield
        self.stopped |= self._end(self._round, paths)

    @contextmanager
    def training(self, number, model, name):
        """Announce the training of a player, and let its callbacks know of it."""
        player = self._players[number]
        turn = self._begin(self._round, self._names[number])
        with (
            turn.propagate_callback_context(player),
            callback_management_context(player),
        ):
            task = init_callback_context(player, max_subtasks=1)
            tasks = MinimizerTasks(player, self._bases[number], task)
            with tasks.training(0, model, name):
                yield
            tasks.finish(model)
        self._end(turn)

    def finish(self, paths):
        """Tell the callbacks that the game has ended."""
        self._end(self._task, paths)

    def _begin(self, parent, name, max_subtasks=0):
        task = parent.subcontext(task_name=name, max_subtasks=max_subtasks)
        return task.call_on_fit_task_begin(**self._about)

    def _end(self, task, paths=None):
        def fitted():  # asked for by those callbacks alone that want it
            if paths is None:
                return None
            standing = Standing(tuple(paths), None)
            return {"players_": fit_players(self._players, standing)}

        return task.call_on_fit_task_end(
            reconstruction_attributes=fitted, **self._about
        )
