# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tell scikit-learn's callbacks about the rounds of a game."""

from contextlib import contextmanager


class GameTask:
    """A game's task; its rounds are subtasks, and the players' retrainings theirs."""

    def __init__(self, game, X, y, sample_weight, *, max_rounds):
        self.game = game
        self.stopped = False  # a callback asked to stop
        self._data = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        self._task = game._init_callback_context(max_subtasks=max_rounds)
        self._task.call_on_fit_task_begin(estimator=game, **self._data)

    @contextmanager
    def round(self, players, name):
        """Announce a round, in which the entries of the list `players` are replaced."""
        self._round = self._begin(self._task, name, max_subtasks=len(players))
        yield
        self.stopped |= self._end(self._round, {"players_": players})

    @contextmanager
    def turn(self, player, name):
        """Let a player's callbacks know what it is a part of."""
        task = self._begin(self._round, name)
        with task.propagate_callback_context(player):
            yield
        self._end(task, None)

    def finish(self):
        """Tell the callbacks that the game has ended."""
        self._end(self._task, {"players_": self.game.players_})

    def _begin(self, parent, name, max_subtasks=0):
        task = parent.subcontext(task_name=name, max_subtasks=max_subtasks)
        return task.call_on_fit_task_begin(estimator=self.game, **self._data)

    def _end(self, task, attributes):
        return task.call_on_fit_task_end(
            estimator=self.game, reconstruction_attributes=attributes, **self._data
        )
