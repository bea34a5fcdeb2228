# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What people do about a logistic model, as sums over them.

All depends on margins, that is by how much each score is on the wrong side of the
label: the loss is log(1 + exp(margin)), and the probability that is told is that of the
wrong label or what it leaves to 1. So nobody has to be asked, and no row stands twice.
"""

import numpy as np
from scipy.special import expit

from skperf.shift import StrategicResponse
from skperf.shift._bound import BoundShift
from skperf.shift._rejection import WholeRows
from skperf.shift._responders import responders
from skperf.shift._sample import as_weights
from skperf.shift._self_fulfilling import ToldWorld
from skperf.shift._world import FixedWorld
from skperf.utils._tables import column_indices

#: The log loss of a wrong label with probability 0, as the metrics have it.
LARGEST = float(-np.log(np.finfo(float).eps))


def find_law(world, model, signs):
    """Return the law of a world for linear models of two classes, None if unknown.

    `signs` are -1 where people have the second class and 1 elsewhere.
    """
    if model.response_method == "decision_function":
        return None
    weights = as_weights(world.base.sample_weight, len(signs))
    positive = signs == (-1 if model.place else 1)  # whose probability is told
    if type(world) is ToldWorld and np.isin(world.labels, model.classes_).all():
        return Told(weights, positive, world.strength, world.fulfilling)
    if type(world) is FixedWorld and isinstance(world.respond, WholeRows):
        return Rejected(weights, positive, world.respond.delta)
    if type(world) is BoundShift and type(world.shift) is StrategicResponse:
        return Moved(weights, signs, world)
    return None


def losses_of(margins):
    """Return the losses, and the probabilities of the wrong labels; cut the margins."""
    np.clip(margins, -LARGEST, LARGEST, out=margins)
    wrong = np.exp(margins)
    factors = 1 + wrong
    wrong /= factors
    return np.log(factors, out=factors), wrong


class Rejected:
    """Whole rows are resampled: row i counts w_i (1 + (1 - delta) (mean(f) - f_i)).

    The probability f that people hear is that of the positive class: for the negative
    it is the one of the wrong label, for the positive what that leaves to 1.
    """

    moving = None

    def __init__(self, weights, positive, delta):
        self.weights = weights / weights.sum()
        self.positive, self.signs = positive, np.where(positive, -1.0, 1.0)
        self.kept = 1 - delta

    def counts(self, margins):
        """Return what the loss, and the margin, of each row counts."""
        f = self.positive + self.signs * expit(margins)
        counts = self.weights * (1 + self.kept * (self.weights @ f - f))
        return counts, np.zeros_like(counts)

    def block(self, rows, dtype):
        """Return the sums of some of the rows, as a function of their margins."""
        weights = self.weights[rows].astype(dtype)
        positive = weights * self.positive[rows]
        signed = weights * self.signs[rows].astype(dtype)
        heard = positive.sum()

        def sums(margins):
            losses, wrong = losses_of(margins)
            f = heard + wrong @ signed
            wrong *= losses
            return losses @ weights, f, losses @ positive + wrong @ signed

        return sums

    def risks(self, losses, f, products):
        """Return the risks, given the sums over all rows."""
        return losses + self.kept * (f * losses - products)


class Told:
    """Labels follow what is told: row i has the other one with probability h_i.

    That changes its loss by minus the margin.
    """

    moving = None

    def __init__(self, weights, positive, strength, fulfilling):
        self.weights = weights / weights.sum()
        turning = self.weights * strength * (positive != fulfilling)
        # h is the probability of the wrong label times the second, plus the first
        self.columns = turning * [positive, np.where(positive, -1.0, 1.0)]

    def counts(self, margins):
        """Return what the loss, and the margin, of each row counts."""
        always, slope = self.columns
        return self.weights, -always - slope * expit(margins)

    def block(self, rows, dtype):
        """Return the sums of some of the rows, as a function of their margins."""
        weights = self.weights[rows].astype(dtype)
        always, slope = self.columns[:, rows].astype(dtype)

        def sums(margins):
            losses, wrong = losses_of(margins)
            wrong *= margins
            return losses @ weights, margins @ always + wrong @ slope

        return sums

    @staticmethod
    def risks(losses, turned):
        """Return the risks, given the sums over all rows."""
        return losses - turned


class Moved:
    """People move, which lowers the scores of a linear model by a number each."""

    def __init__(self, weights, signs, world):
        shift, (X, y, *_) = world.shift, world.base
        self.weights = weights / weights.sum()
        who = responders(shift.responds, X, y)
        self.moving = -signs if who is None else -signs * who
        features = shift.strategic_features
        if features is None:
            features = slice(None)
        self.strategic = column_indices(X, features)
        self.epsilon = shift.epsilon

    def move(self, model):
        """Return by how much the output of a model is lower for those who move."""
        slopes = (model.coef * model.factor)[0, self.strategic]
        return self.epsilon * (slopes @ slopes) * (1 if model.place else -1)

    def block(self, rows, dtype):
        """Return the sums of some of the rows, as a function of their margins."""
        weights = self.weights[rows].astype(dtype)
        return lambda margins: [losses_of(margins)[0] @ weights]

    @staticmethod
    def risks(losses):
        """Return the risks, given the sums over all rows."""
        return losses
