# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The game: players deploy models, everybody reacts to all of them, they retrain."""

import warnings
from functools import partial
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_is_fitted

from skperf.base import make_learner
from skperf.games._players import (
    check_players,
    check_predictions,
    fit_players,
    join_histories,
)
from skperf.games._shift import split_targets
from skperf.games._task import GameTasks
from skperf.games._world import GameWorld
from skperf.retraining._advice import MAY_BE_SOLVER, advise
from skperf.retraining._loop import Retraining
from skperf.retraining._measured import join_measured
from skperf.retraining._path import cycle_together
from skperf.retraining._population import check_population
from skperf.retraining._verdict import verdict
from skperf.shift._binding import bind_to_sample
from skperf.utils._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    _BaseComposition,
    _fit_context,
)

_NOTE = (
    "Raised in round {} of the game. The rounds before it are kept: players_ and "
    "history_ are those of the last."
)


class PerformativeGame(CallbackSupportMixin, _BaseComposition):
    r"""Let several minimizers retrain on data that all of their models move.

    Each player trains a model on the base population. In each round it then retrains on
    what it sees while the models of all players are deployed,
    :math:`f^i_{t+1} = \arg\min_f \mathbb{E}_{D_i(f^1_t, ..., f^p_t)}\,\ell(f(x), y)`,
    or on a mixture of what it has seen, as the player is made. A fixed point is a
    performatively stable equilibrium: retraining changes none of the models [1]_.

    Parameters
    ----------
    players : list of (str, minimizer) tuples
        Names and :class:`~skperf.risk_minimization.RepeatedRiskMinimizer` or
        :class:`~skperf.risk_minimization.AffineRiskMinimizer` instances. They have no
        shift of their own, and the game's `max_iter` and `tol` replace theirs.

    shift : BaseGameShift
        What each player sees, given the predictions of all.

    order : {"simultaneous", "alternating"}, default="simultaneous"
        - "simultaneous": all observe, then all retrain.
        - "alternating": one after the other; each observes what the new models of those
          before it have induced.

    residuals : {"joint", "own"}, default="joint"
        What the players with ``coefficients="anderson"`` look at when they choose
        their coefficients.

        - "joint": the residuals of all players. With the same window all players mix
          alike, and simultaneous play is Anderson acceleration of the game.
        - "own": its own residuals alone, as rivals do who tell each other nothing.
          Those can all vanish while the others' do not: then averages take over,
          which are slower.

    max_iter : int, default=20
        Most rounds.

    n_rounds_per_deployment : int, default=1
        How many rounds of the world models stay deployed until somebody retrains, as in
        :class:`~skperf.risk_minimization.RepeatedRiskMinimizer`.

    tol : float, default=1e-4
        Stop when one retraining moves the predictions of no player on the base
        population by more than this, as a root mean square.

    random_state : int, RandomState instance or None, default=None
        Random numbers of the shift. The players and their estimators keep their own.

    Attributes
    ----------
    players_ : list of minimizers
        The fitted players. Each has the model that it deploys, its own record and
        verdict; ``partial_fit`` goes on from there with observed data.

    named_players_ : :class:`~sklearn.utils.Bunch`
        The same by name.

    history_ : dict of ndarrays of shape (`n_iter_`,)
        One entry a round, ready for ``pandas.DataFrame``. The records of the players
        have their risks.

        - prediction_gap, two_back_gap, stability_residual,
          stability_residual_estimate: the largest of the players
        - n_rows, fit_time, n_deployments, n_rows_seen, n_fits: their sums

    n_iter_ : int
        Rounds played.

    stability_residual_ : float
        How far one retraining moves the predictions of the player that moves most:
        measured by asking what the deployed models would induce. NaN if ``fit`` was
        interrupted or the predictions are no finite numbers.

    converged_ : bool
        Whether the stability residual came down to `tol`, and the players' estimators
        call their fits finished.

    diagnosis_ : str
        A word of :ref:`what to do about a diagnosis <diagnoses>`.

    See Also
    --------
    GameOutcomeShift : Targets that move with the predictions of all players.
    skperf.datasets.make_ride_share : Two companies that set prices.

    References
    ----------
    .. [1] A. Narang, E. Faulkner, D. Drusvyatskiy, M. Fazel, L. J. Ratliff,
       "Multiplayer Performative Prediction: Learning in Decision-Dependent Games",
       JMLR 24, 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
    >>> from skperf.games import GameOutcomeShift, PerformativeGame
    >>> model = LinearRegression(fit_intercept=False)
    >>> players = [
    ...     ("one", RepeatedRiskMinimizer(model)),
    ...     ("other", AffineRiskMinimizer(model, window=2)),
    ... ]
    >>> shift = GameOutcomeShift(feedback=[[-0.5, 0.2], [0.2, -0.5]])
    >>> game = PerformativeGame(players, shift).fit(np.ones((1, 1)), [1.3])
    >>> game.diagnosis_
    'converged'
    >>> game.predict([[1.0]]).round(3)
    array([[1., 1.]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "players": [list],
        "shift": [HasMethods(["bind", "sample"])],
        "order": [StrOptions({"simultaneous", "alternating"})],
        "residuals": [StrOptions({"joint", "own"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_rounds_per_deployment": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        players,
        shift,
        *,
        order="simultaneous",
        residuals="joint",
        max_iter=20,
        n_rounds_per_deployment=1,
        tol=1e-4,
        random_state=None,
    ):
        self.players = players
        self.shift = shift
        self.order = order
        self.residuals = residuals
        self.max_iter = max_iter
        self.n_rounds_per_deployment = n_rounds_per_deployment
        self.tol = tol
        self.random_state = random_state

    def get_params(self, deep=True):
        """Get the parameters of the game and of its players.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include those of the players, as ``<name>__<parameter>``.

        Returns
        -------
        params : dict
            Names mapped to values.
        """
        return self._get_params("players", deep=deep)

    def set_params(self, **params):
        """Set parameters of the game, or of a player as ``<name>__<parameter>``.

        Parameters
        ----------
        **params : dict
            Names mapped to values; a player is replaced by its name.

        Returns
        -------
        self : object
            The game.
        """
        self._set_params("players", **params)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, *, groups=None):
        """Play on a base population until the models are stable.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of the base population, the same for all players.

        y : array-like of shape (n_samples,) or (n_samples, n_players)
            Targets of the base population: one for all players or a column for each.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the base population.

        groups : array-like of shape (n_samples,), default=None
            The person of each row, where a person has several.

        Returns
        -------
        self : object
            The fitted game. If a round fails or is interrupted, it stays usable at the
            last finished round.

        Raises
        ------
        TypeError
            If a player is not a minimizer, or if the shift does not return a sample for
            each player.
        ValueError
            If names are not unique, or if `y` has another number of columns.
        """
        population = check_population(X, y, sample_weight, groups)
        players = self._clone_players()
        bases = [
            population._replace(y=target)
            for target in split_targets(population.y, len(players))
        ]
        rng = check_random_state(self.random_state)
        bound = bind_to_sample(self.shift, population, rng)
        world = GameWorld(bound, self.shift, len(players))
        task = self._init_callback_context(max_subtasks=self.max_iter + 1)
        tasks = GameTasks(self, players, population, bases, task)
        retraining = self._retraining(world, players, tasks)
        standing = retraining.start(bases)
        check_predictions(standing, self._names)
        retraining.publish(standing)
        standing = retraining.run(standing, max_rounds=self.max_iter, tol=self.tol)
        self._judge(standing, world.is_random)
        stalled = self._blame_solver(retraining, standing)
        tasks.finish(standing.paths)
        if not self.converged_ and not tasks.stopped:
            self._warn(stalled or self._advise(world.is_random))
        return self

    def predict(self, X):
        """Predict with the deployed models of all players.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        y_pred : ndarray of shape (n_samples, n_players)
            A column for each player.
        """
        check_is_fitted(self)
        return np.column_stack([player.predict(X) for player in self.players_])

    @property
    def _names(self):
        return [name for name, _ in self.players]

    def _clone_players(self):
        check_players(self.players)
        self._validate_names(self._names)
        return [clone(player).set_params(tol=self.tol) for _, player in self.players]

    def _retraining(self, world, players, tasks):
        learners = [
            make_learner(player, {}, note=f"Raised by the player {name!r}.")
            for name, player in zip(self._names, players, strict=True)
        ]
        return Retraining(
            world,
            learners,
            tasks,
            partial(self._publish, players),
            _NOTE,
            in_turns=self.order == "alternating",
            joint_residuals=self.residuals == "joint",
            n_rounds_per_deployment=self.n_rounds_per_deployment,
        )

    def _publish(self, players, standing):
        """Publish a finished round, all of it or nothing."""
        fitted = fit_players(players, standing)
        vars(self).update(
            players_=fitted,
            named_players_=Bunch(**dict(zip(self._names, fitted, strict=True))),
            history_=join_histories(standing),
            n_iter_=standing.paths[0].n_rounds,
            stability_residual_=np.nan,
            converged_=False,
            diagnosis_="interrupted",
        )

    def _judge(self, standing, random):
        for player, path in zip(self.players_, standing.paths, strict=True):
            player.__skperf_judge__(path, path.measured, random=random)
        together = join_measured(standing.measured)
        cycles = cycle_together(standing.paths)
        how = verdict(
            self.history_,
            together,
            self.tol,
            random=random,
            cycles=cycles,
            at_rest=all(path.at_rest for path in standing.paths),
        )
        del how["settled_risk_"]  # risks are the players'
        vars(self).update(how)

    def _blame_solver(self, retraining, standing):
        """Return advice where the gap is what a solver's tolerance leaves, or None."""
        if self.diagnosis_ not in MAY_BE_SOLVER:
            return None
        advice = retraining.blame_solver(standing)
        if advice is not None:
            self.diagnosis_ = "plateau"
        return advice

    def _advise(self, random):
        ways = {player.__skperf_way__() for player in self.players_}
        if self.residuals == "own" and "anderson" in ways:
            return (
                "Anderson coefficients from a player's own residuals do not converge "
                "in general. Use residuals='joint'."
            )
        way = min(ways) if len(ways) == 1 else "other"
        return advise(self.diagnosis_, way, random=random)

    def _warn(self, advice):
        warnings.warn(
            f"The game is not stable after {self.n_iter_} rounds: the stability "
            f"residual is {self.stability_residual_:.2g} with tol={self.tol:g}. "
            f"Diagnosis: {self.diagnosis_}. {advice}",
            ConvergenceWarning,
            stacklevel=4,  # past _warn, fit and its wrapper
        )
