# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The data that a model induces."""

from skperf.base import BaseRiskMinimizer
from skperf.retraining._model import DeployedModel
from skperf.retraining._population import check_population
from skperf.retraining._worlds import SimulatedWorld
from skperf.shift._binding import bind_to_sample
from skperf.shift._labels import choose_pos_label
from skperf.utils._arguments import require_estimator, require_shift
from skperf.utils._frames import sample_to_frame


def induce(
    estimator,
    shift,
    X,
    y,
    *,
    as_frame=False,
    response_method="auto",
    pos_label=None,
    sample_weight=None,
    groups=None,
    random_state=None,
):
    """Return the data that a deployed model induces.

    Parameters
    ----------
    estimator : estimator
        A fitted model; of a fitted minimizer its deployed model.

    shift : BaseShift
        How the population reacts.

    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features of the base population.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets of the base population.

    as_frame : bool, default=False
        Whether to return a pandas DataFrame.

    response_method : str, default="auto"
        Which predictions people react to, as in :class:`RepeatedRiskMinimizer`.

    pos_label : int, float, bool or str, default=None
        The class whose probability or score people react to. None takes that of a
        fitted minimizer, else the one that :class:`~skperf.shift.Predictor` takes.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the base population.

    groups : array-like of shape (n_samples,), default=None
        The person of each row, where a person has several.

    random_state : int, RandomState instance or None, default=None
        Random numbers of the shift.

    Returns
    -------
    sample : Sample or DataFrame
        What is seen while the model is deployed, at rest where the world has a memory.
        A DataFrame has the columns of X, "target" (or "target_0", ... for several
        outputs), "sample_weight" and, as its index, the "person" of each row, where the
        shift tells: by `groups`, else as the index of a pandas X calls the row, else by
        its number.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from skperf.metrics import induce
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.zeros((2, 1)), np.array([0.0, 1.0])
    >>> induce(DummyRegressor().fit(X, y), OutcomeShift(feedback=0.5), X, y).y
    array([0.25, 1.25])
    """
    model = deploy(estimator, response_method, pos_label)
    base = check_population(X, y, sample_weight, groups)
    sample = let_react(model, shift, base, random_state)
    if not as_frame:
        return sample
    return sample_to_frame(sample, people=X if groups is None else None)


def let_react(model, shift, base, random_state):
    """Return what is seen while a `DeployedModel` stays, as a checked sample."""
    require_shift(shift)
    bound = bind_to_sample(shift, base, random_state)
    world = SimulatedWorld(bound, shift)
    (sample,) = world.settle(world.start(), [model])
    return sample


def deploy(estimator, response_method="auto", pos_label=None):
    """Return a model as people meet it.

    What is not asked for is as a fitted minimizer has it.
    """
    model = deployed_model(estimator)
    label = choose_pos_label(estimator, pos_label)
    if response_method == "auto" and isinstance(estimator, BaseRiskMinimizer):
        response_method = estimator.response_method
    return DeployedModel.restore(model, response_method, label)


def deployed_model(estimator):
    """Return the deployed model of a minimizer; others are models themselves."""
    require_estimator(estimator)
    minimizer = isinstance(estimator, BaseRiskMinimizer)
    return estimator.estimator_ if minimizer else estimator
