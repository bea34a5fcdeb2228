# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""check_shift finds each kind of broken shift; tests/test_common.py has the sound ones.

The broken shifts are a sound one, `Resample`, with one fault each.
"""

import importlib
import sys

import numpy as np
import pytest
from sklearn.utils import check_random_state

import skperf.testing
from skperf.shift import (
    BaseShift,
    FunctionShift,
    OutcomeShift,
    PopulationShift,
    ResampleIfRejected,
    Sample,
    World,
)
from skperf.testing import check_shift


class Resample(BaseShift):
    """Half of the people get the first feature of a random person."""

    def __init__(self, resampling="expected"):
        self.resampling = resampling

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        shift = ResampleIfRejected(
            0.5, strategic_features=[0], resampling=self.resampling
        )
        return shift.sample(
            X, y, 0 * y_pred, sample_weight=sample_weight, random_state=random_state
        )


class ChecksInConstructor(Resample):
    def __init__(self, resampling="expected"):
        if resampling not in {"expected", "common", "drawn"}:
            raise ValueError("no such resampling")
        self.resampling = resampling


class ConvertsInConstructor(Resample):
    def __init__(self, resampling="expected"):
        self.resampling = str(resampling)


class WorksInConstructor(Resample):
    def __init__(self, resampling="expected"):
        self.resampling = resampling
        self.rng = np.random.RandomState(0)


class ReturnsFeatures(Resample):
    def sample(self, X, y, y_pred, **kwargs):
        return super().sample(X, y, y_pred, **kwargs).X


class MisalignedRows(Resample):
    def sample(self, X, y, y_pred, **kwargs):
        sample = super().sample(X, y, y_pred, **kwargs)
        return sample._replace(y=y)


class LosesColumn(Resample):
    def sample(self, X, y, y_pred, **kwargs):
        sample = super().sample(X, y, y_pred, **kwargs)
        return sample._replace(X=sample.X[:, :-1])


class NegativeWeights(Resample):
    def sample(self, X, y, y_pred, **kwargs):
        sample = super().sample(X, y, y_pred, **kwargs)
        weights = sample.sample_weight.copy()
        weights[:2] = weights[:2].sum() + 1, -1
        return sample._replace(sample_weight=weights)


class UndefinedWeights(Resample):
    def sample(self, X, y, y_pred, **kwargs):
        sample = super().sample(X, y, y_pred, **kwargs)
        return sample._replace(sample_weight=0 * sample.sample_weight / 0.0)


class ZeroWeights(Resample):
    def sample(self, X, y, y_pred, **kwargs):
        sample = super().sample(X, y, y_pred, **kwargs)
        return sample._replace(sample_weight=0 * sample.sample_weight)


class WrongTotal(Resample):
    def sample(self, X, y, y_pred, **kwargs):
        sample = super().sample(X, y, y_pred, **kwargs)
        return sample._replace(sample_weight=sample.sample_weight * 1.001)


class ChangesInPlace(Resample):
    def sample(self, X, y, y_pred, **kwargs):
        X[:, 2] += y_pred
        return super().sample(X, y, y_pred, **kwargs)


class UnseededRandomness(Resample):
    def sample(self, X, y, y_pred, *, random_state=None, **kwargs):
        return super().sample(X, y, y_pred, random_state=None, **kwargs)


class HiddenState(Resample):
    n_calls = 0

    def __sklearn_clone__(self):
        copied = HiddenState(self.resampling)
        copied.n_calls = 1
        return copied

    def sample(self, X, y, y_pred, **kwargs):
        sample = super().sample(X, y, y_pred, **kwargs)
        return sample._replace(y=sample.y + self.n_calls)


class OwnBind(Resample):
    def bind(self, X, y, *, sample_weight=None, **people):
        # forgets the weights
        return super().bind(X, y, **people)


class DrawsAnew(Resample):
    """A fixed face that draws from a stream, as BaseShift.bind does for all."""

    def sample(self, X, y, y_pred, *, random_state=None, **kwargs):
        seed = check_random_state(random_state).randint(1000)
        return super().sample(X, y, y_pred, random_state=seed, **kwargs)


class OneKeyForAll(Resample):
    """Rows that differ from population to population under one key."""

    def sample(self, X, y, y_pred, **kwargs):
        return super().sample(X, y, y_pred, **kwargs)._replace(support="mine")


class OneKeyForAllRounds(Resample):
    """Rows that depend on the predictions under one key."""

    def sample(self, X, y, y_pred, *, sample_weight=None, **kwargs):
        moved = X + y_pred[:, None]
        return Sample(moved, y, sample_weight, support=float(np.sum(y)))


class UnknownPersons(Resample):
    def sample(self, X, y, y_pred, **kwargs):
        sample = super().sample(X, y, y_pred, **kwargs)
        return sample._replace(groups=1 + np.arange(len(sample.y)))


class WorldOf(World):
    """A world with one fault, or none."""

    is_random = False

    def __init__(self, base):
        self.base = base

    def start(self):
        return np.zeros(1)

    def react(self, state, predictor):
        mean = np.mean(predictor(self.base.X))
        return self.base._replace(X=self.base.X + state), 0.5 * (state + mean)


class WorldInPlace(WorldOf):
    def react(self, state, predictor):
        sample, new = super().react(state, predictor)
        state[:] = new
        return sample, state


class WorldWithMemoryOfItsOwn(WorldOf):
    n_rounds = 0

    def react(self, state, predictor):
        self.n_rounds += 1
        sample, state = super().react(state, predictor)
        return sample._replace(X=sample.X + self.n_rounds), state


class WorldThatSettlesByItsOwn(WorldOf):
    met = None

    def react(self, state, predictor):
        self.met = predictor
        return super().react(state, predictor)

    def settle(self, state, predictor):
        return self.base._replace(X=self.base.X + np.mean(self.met(self.base.X)))


class WorldThatCounts(WorldOf):
    n_rounds = 0

    def react(self, state, predictor):
        self.n_rounds += 1
        sample, state = super().react(state, predictor)
        return sample, state + self.n_rounds


class WorldThatForgetsNames(WorldOf):
    def react(self, state, predictor):
        sample, state = super().react(state, predictor)
        return sample._replace(groups=np.arange(len(sample.y))), state


class Inhabited(PopulationShift):
    def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
        return self.world(Sample(X, y, sample_weight, groups))


class Sound(Inhabited):
    world = WorldOf


class InPlace(Inhabited):
    world = WorldInPlace


class MemoryOfItsOwn(Inhabited):
    world = WorldWithMemoryOfItsOwn


class SettlesByItsOwn(Inhabited):
    world = WorldThatSettlesByItsOwn


class Counts(Inhabited):
    world = WorldThatCounts


class ForgetsNames(Inhabited):
    world = WorldThatForgetsNames


class ForgetsWeights(BaseShift):
    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        return Sample(X, y + y_pred)


class IgnoresWeights(BaseShift):
    """The weights are handed on, but not used in a mean over the population."""

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        return Sample(X, y + y_pred.mean(), sample_weight)


class ReweighsBaseRows(Resample):
    """Whole-row weights for a strategic column: right total, wrong law."""

    def sample(self, X, y, y_pred, *, sample_weight=None, **kwargs):
        if self.resampling != "expected":
            kwargs["sample_weight"] = sample_weight
            return super().sample(X, y, y_pred, **kwargs)
        base = np.ones(len(y)) if sample_weight is None else sample_weight
        return Sample(X, y, base)


class PermutesTargets(Resample):
    """One face has the right marginals and rows that do not belong together."""

    def sample(self, X, y, y_pred, *, random_state=None, **kwargs):
        rng = check_random_state(random_state)
        sample = super().sample(X, y, y_pred, random_state=rng, **kwargs)
        if self.resampling == "drawn" and kwargs.get("sample_weight") is None:
            sample = sample._replace(y=rng.permutation(y))
        return sample


BROKEN = [
    (ChecksInConstructor, "check_constructor: ValueError: no such resampling"),
    (ConvertsInConstructor, "check_constructor: .*changed the value of .'resampling'"),
    (WorksInConstructor, "check_constructor: .*__init__ set .'resampling', 'rng'"),
    (ReturnsFeatures, "check_sample_shape: it returned ndarray"),
    (MisalignedRows, r"check_sample_shape: the lengths .* are \[500, 100, 500, 500\]"),
    (LosesColumn, r"check_sample_shape: X has columns of shape \(2,\), not \(3,\)"),
    (NegativeWeights, "check_weights: .*negative sample weights"),
    (UndefinedWeights, "check_weights: ValueError: .*NaN"),
    (ZeroWeights, "check_weights: .*at least one non-zero"),
    (WrongTotal, "check_total_weight: the total weight went from 100 to 100.1"),
    (ChangesInPlace, "check_base_data_stay: it changed X"),
    (UnseededRandomness, "check_random_state_decides: X of two samples differs"),
    (HiddenState, "check_clone_agrees: y of two samples differs"),
    (OwnBind, "check_bind_agrees: "),
    (DrawsAnew, "check_fixed_numbers: X of two samples differs"),
    (OneKeyForAll, "check_keys: two samples with one support key have other rows"),
    (OneKeyForAllRounds, "check_keys: two samples with one support key"),
    (UnknownPersons, "check_groups: groups are not numbers of rows"),
    (InPlace, "check_world_is_pure: "),
    (MemoryOfItsOwn, "check_world_is_pure: X of two samples differs"),
    (SettlesByItsOwn, "check_world_is_pure: X of two samples differs"),
    (Counts, "check_world_is_pure: the same state and model gave different next"),
    (ForgetsNames, "check_groups: the labels of persons given to bind"),
    (ForgetsWeights, "check_weights_are_copies: the mean of"),
    (IgnoresWeights, "check_weights_are_copies: the mean of column 3"),
    (ReweighsBaseRows, 'check_faces_agree: "expected" and "common" differ'),
    (PermutesTargets, 'check_faces_agree: "expected" and "drawn" differ'),
]


@pytest.mark.parametrize("resampling", ["expected", "common", "drawn"])
def test_sound_shift_passes(resampling):
    check_shift(Resample(resampling), n_draws=40)


@pytest.mark.parametrize(
    ("shift", "problem"), BROKEN, ids=[shift.__name__ for shift, _ in BROKEN]
)
# 0 / 0 is the fault of UndefinedWeights
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
def test_broken_shift_is_found(shift, problem):
    with pytest.raises(AssertionError, match=rf"{shift.__name__}\(.* fails {problem}"):
        check_shift(shift(), n_draws=100)


def test_sound_world_passes():
    check_shift(Sound(), n_draws=2)


def test_unpicklable_shift_is_found():
    shift = FunctionShift(lambda X, y, y_pred: (X, y))
    with pytest.raises(AssertionError, match="fails check_pickle_agrees"):
        check_shift(shift, n_draws=2)


def test_message_tells_the_contract():
    with pytest.raises(AssertionError, match="contract: Keep the total weight"):
        check_shift(WrongTotal())


def test_rows_with_a_place_need_no_copies():
    """A feedback matrix speaks of rows by number; copies would not fit it."""
    X, y = np.eye(4), np.arange(4.0)
    check_shift(OutcomeShift(np.eye(4, k=1)), X=X, y=y, y_pred=y / 4, n_draws=2)


def test_population_of_texts():
    shift = ResampleIfRejected(0.5, resampling="drawn")
    texts, labels = ["spam", "ham", "eggs", "spam"], ["bad", "good", "good", "bad"]
    check_shift(shift, X=texts, y=labels, n_draws=2)


@pytest.mark.parametrize("resampling", ["expected", "drawn"])
def test_population_in_a_data_frame(resampling, df_module):
    rng = np.random.default_rng(0)
    X = df_module.DataFrame({"age": rng.normal(size=50), "debt": rng.normal(size=50)})
    y = X["age"].to_numpy() + rng.normal(size=50)
    check_shift(
        ResampleIfRejected(0.2, strategic_features=["debt"], resampling=resampling),
        X=X,
        y=y,
        n_draws=30,
    )


def test_features_need_targets():
    with pytest.raises(ValueError, match="X without y"):
        check_shift(Resample(), X=np.ones((3, 1)))


def test_only_strategies_need_hypothesis(monkeypatch):
    for name in ["hypothesis", "skperf.testing.strategies"]:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    assert importlib.reload(skperf.testing).check_shift is check_shift
    with pytest.raises(ImportError, match="Install hypothesis"):
        importlib.import_module("skperf.testing.strategies")
