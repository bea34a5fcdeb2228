# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Self-fulfilling and self-defeating predictions of one of two classes."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import ClassVar, Literal

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import is_regressor

from skperf.exceptions import PositiveClassWarning
from skperf.shift._base import PopulationShift
from skperf.shift._deployment import Deployment
from skperf.shift._labels import Label
from skperf.shift._predictor import PredictionFunction, as_prediction_function
from skperf.shift._probabilities import as_probabilities
from skperf.shift._pull_back import Cotangent, PullBack, sum_copies
from skperf.shift._sample import (
    Floats,
    Sample,
    Table,
    as_weights,
    base_sample,
    stand_twice,
)
from skperf.shift._strength import Strength
from skperf.shift._world import World
from skperf.shift.estimation._equations import Equations
from skperf.shift.estimation._outcomes import told_equations
from skperf.utils._arrays import to_numpy
from skperf.utils._labels import name_their_positive
from skperf.utils._sklearn import Interval, StrOptions
from skperf.utils._tables import take_rows


class SelfFulfillingShift(PopulationShift):
    r"""What is predicted of people comes true, or does not come true, by being said.

    Who is told the probability :math:`\hat y` of the positive class turns to it with
    probability :math:`a\,\hat y`, if not in it anyway: a debtor who is taken for a bad
    risk pays more and defaults. Those of the positive class have it with probability 1,
    the others with

    .. math:: q = a\,\hat y.

    With ``direction="defeating"`` the prediction is heeded instead: who is warned
    leaves the positive class with probability :math:`a\,\hat y`, and the others never
    enter it. Features stay. Each row stands twice, once with each label, weighted by
    the probability of it, so the law is exact and any classifier with sample weights
    can be trained on it.

    Parameters
    ----------
    strength : float
        How strongly people react, a in [0, 1].

    direction : {"fulfilling", "defeating"}, default="fulfilling"
        Whether a prediction makes what is predicted more or less probable.

    See Also
    --------
    OutcomeShift : Predictions move targets that are numbers.

    Notes
    -----
    The positive class is the one whose probability people are told: `pos_label` of the
    model that they meet. Of a function without one it is the 1 of the labels 0 and 1 or
    -1 and 1, otherwise the last, with a
    :class:`~skperf.exceptions.PositiveClassWarning`.

    Where a share m of people with the same features is positive, a model that can tell
    them apart is stable if it predicts :math:`f = m + (1 - m)\,a f`, that is
    :math:`m / (1 - (1 - m)\,a)`, and :math:`m / (1 + m\,a)` in the other direction.
    Predictions that change outcomes, and nothing else, are outcome performativity
    [1]_.

    References
    ----------
    .. [1] M. P. Kim, J. C. Perdomo, "Making Decisions under Outcome Performativity",
       ITCS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import SelfFulfillingShift
    >>> X, y = np.array([[0.0], [1.0]]), np.array([0, 1])
    >>> shift = SelfFulfillingShift(strength=0.5)
    >>> sample = shift.sample(X, y, y_pred=np.array([0.4, 0.4]))
    >>> sample.y
    array([0, 0, 1, 1])
    >>> sample.sample_weight
    array([0.8, 0. , 0.2, 1. ])
    """

    _parameter_constraints: ClassVar[dict] = {
        "strength": [Interval(Real, 0, 1, closed="both")],
        "direction": [StrOptions({"fulfilling", "defeating"})],
    }

    is_differentiable = True
    strengths: ClassVar[Mapping[str, Strength]] = {
        "strength": Strength(low=0.0, high=1.0)
    }
    perturbed_within = (0.0, 1.0)

    def __init__(
        self,
        strength: float,
        *,
        direction: Literal["fulfilling", "defeating"] = "fulfilling",
    ) -> None:
        self.strength = strength
        self.direction = direction

    def reaction_equations(self, deployments: Sequence[Deployment]) -> list[Equations]:
        """Return estimating equations of `strength`, for :func:`estimate_shift`.

        Parameters
        ----------
        deployments : list of Deployment
            Pairs, perturbed predictions, or several arms.

        Returns
        -------
        equations : list
            One for each pair of samples or perturbation, one for all arms.
        """
        positive = _positive_label(deployments)
        fulfilling = self.direction == "fulfilling"

        def is_positive(sample: Sample) -> Floats:
            return (to_numpy(sample.y).ravel() == positive).astype(float)

        return told_equations(deployments, is_positive, fulfilling)

    def bind(
        self,
        X: Table,
        y: Table,
        *,
        sample_weight: Floats | None = None,
        groups: NDArray | None = None,
        random_state: int | RandomState | None = None,
    ) -> World:
        """Return the world that this shift makes of one population.

        Parameters
        ----------
        X, y, sample_weight, groups, random_state
            As in :meth:`BaseShift.bind`. y must hold labels of two classes.

        Returns
        -------
        world : World
            The shift on this population.

        Raises
        ------
        ValueError
            If y does not hold two classes.
        """
        self._validate_params()
        base = base_sample(X, y, sample_weight, groups)
        return ToldWorld(base, self.strength, self.direction == "fulfilling")


class ToldWorld(World[None]):
    """People of two classes, who are told the probability of one of them."""

    is_random = False
    is_differentiable = True

    def __init__(self, base: Sample, strength: float, fulfilling: bool) -> None:
        labels, firsts, self.codes = _two_classes(base.y)
        self.labels = labels.tolist()
        self.base = base
        self.strength = strength
        self.fulfilling = fulfilling
        n_samples = len(self.codes)
        self.support = stand_twice(base, take_rows(base.y, firsts.repeat(n_samples)))

    def react(self, state: None, predictor: PredictionFunction) -> tuple[Sample, None]:
        """Return the rows with both labels, weighted by their probabilities."""
        positive, q, _ = self._chances(predictor)
        weights = as_weights(self.base.sample_weight, len(q))
        shares = _by_label(positive, q) * weights
        return self.support._replace(sample_weight=shares.ravel()), state

    def pull_back(
        self, state: None, predictor: PredictionFunction, cotangent: Cotangent
    ) -> tuple[Cotangent, list[PullBack]]:
        """Return the derivatives by the rows and by the predictions."""
        positive, q, slope = self._chances(predictor)
        worth = cotangent.weight.reshape(2, -1)
        weights = as_weights(self.base.sample_weight, len(q))
        v = weights * slope * (worth[positive] - worth[1 - positive])
        by_weight = (_by_label(positive, q) * worth).sum(axis=0)
        back = Cotangent(by_weight, X=sum_copies(cotangent.X, len(q)))
        return back, [PullBack(self.base.X, v, self.base.groups)]

    def _chances(self, predictor: PredictionFunction) -> tuple[int, Floats, Floats]:
        """Return which label is positive, its probabilities, and their slopes."""
        positive = _positive(self.labels, predictor)
        meaning = "the probability of the positive class"
        y_pred = predictor(self.base.X)
        y_pred = as_probabilities(y_pred, "SelfFulfillingShift", meaning)
        was = (self.codes == positive).astype(float)
        slope = self.strength * ((1 - was) if self.fulfilling else -was)
        return positive, was + slope * y_pred, slope


def _by_label(positive: int, q: Floats) -> Floats:
    """Return the probabilities of the first and of the second label."""
    shares = np.stack([1 - q, q])
    return shares if positive else shares[::-1]


def _two_classes(y: Table) -> tuple[NDArray, NDArray, NDArray]:
    """Return the two labels, a row of each, and which one each row has."""
    targets = to_numpy(y)
    several = targets.ndim > 1 and targets.size > len(targets)
    if not several:
        labels, rows, codes = np.unique(
            targets.ravel(), return_index=True, return_inverse=True
        )
        if len(labels) == 2:
            return labels, rows, codes
    found = f"targets of shape {targets.shape}" if several else f"{len(labels)} values"
    raise ValueError(
        f"SelfFulfillingShift needs labels of two classes in y; got {found}. Numbers "
        "are moved by OutcomeShift. A sample with one class does not say what the "
        "other is called: give more rows."
    )


def _positive_label(deployments: Sequence[Deployment]) -> Label:
    """Return the label that people were told the probability of, in all deployments."""
    samples = [s for d in deployments for s in (d.before, d.after) if s is not None]
    labels, _, _ = _two_classes(
        np.concatenate([np.ravel(to_numpy(s.y)) for s in samples])
    )
    names = labels.tolist()
    told = [
        PredictionFunction()
        if deployment.predictor is None
        else as_prediction_function(deployment.predictor)
        for deployment in deployments
    ]
    positives = {names[_positive(names, predictor)] for predictor in told}
    if len(positives) > 1:
        raise ValueError(
            f"The models of the deployments tell of different classes, {positives}. "
            "Give predictors with the same pos_label."
        )
    return positives.pop()


def _positive(labels: list[Label], predictor: PredictionFunction) -> int:
    """Return the position of the class whose probability people are told."""
    told = predictor.pos_label
    if told is not None:
        if told not in labels:
            raise ValueError(
                f"People are told the probability of the class {told!r}, and y has the "
                f"labels {labels}. Give the model the labels of the population."
            )
        return labels.index(told)
    model = predictor.estimator
    if model is not None and is_regressor(model) and set(labels) != {0, 1}:
        raise ValueError(
            f"SelfFulfillingShift met a regressor, {type(model).__name__}"
            f", and the labels {labels}: its predictions are no probabilities. Use a "
            "classifier, labels 0 and 1, or OutcomeShift, which moves numbers."
        )
    if name_their_positive(np.array(labels)):
        return labels.index(1)
    warnings.warn(
        f"People are told the probability of one class, and neither the model nor the "
        f"labels {labels} say which: the last is taken. Let them meet a "
        "skperf.shift.Predictor(model, pos_label=...).",
        PositiveClassWarning,
        stacklevel=2,
    )
    return 1
