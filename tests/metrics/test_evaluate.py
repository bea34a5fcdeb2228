# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from skperf.metrics import (
    AfterChat,
    FineTuned,
    Prefill,
    Resampled,
    bootstrap_interval,
    evaluate_detectors,
    like_length_auc_score,
    recall_at_fpr,
    within_group_auc_score,
)
from skperf.utils._conformal import conformal_threshold
from skperf.utils._conversations import judged_part, role_of

pytest.importorskip("pandas")


class Reader(ClassifierMixin, BaseEstimator):
    """Its score of a text is the mean of the numbers in it, times a factor."""

    def __init__(self, factor=1.0, classes=(0, 1), pos_label=1):
        self.factor = factor
        self.classes = classes
        self.pos_label = pos_label

    def fit(self, X=None, y=None):
        self.classes_ = np.array(self.classes)
        self.pos_label_ = self.pos_label
        return self

    def score_prefixes(self, X):
        rows = [np.array([float(n) for n in judged_part(x).split()]) for x in X]
        means = [np.cumsum(row) / np.arange(1, len(row) + 1) for row in rows]
        return [self.factor * mean for mean in means]

    def decision_function(self, X):
        scores = np.array([row[-1] for row in self.score_prefixes(X)])
        return scores if self.pos_label == self.classes[1] else -scores

    def predict(self, X):
        raise NotImplementedError

    def with_language_model(self, language_model):
        return Reader(language_model, self.classes, self.pos_label).fit()


class Constant(ClassifierMixin, BaseEstimator):
    """Has probabilities only, and reads no language model."""

    def fit(self, X=None, y=None):
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, X):
        raise NotImplementedError

    def predict_proba(self, X):
        share = np.array([len(judged_part(x)) % 7 / 7 for x in X])
        return np.column_stack([1 - share, share])


def write(rng, label):
    numbers = rng.normal(label, 1.5, size=rng.integers(2, 9)).round(1)
    return " ".join(map(str, numbers))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y, groups = rng.integers(0, 2, 120), np.arange(120) // 4
    answers = [("0.0", write(rng, label)) for label in y]
    return answers, y, groups, [("0.0", write(rng, 0)) for _ in range(60)]


DETECTORS = {"flag": Reader(2.0).fit(), "probe": Constant().fit()}


@pytest.fixture(scope="module")
def evaluation(data):
    X, y, groups, calibration = data
    return evaluate_detectors(
        DETECTORS,
        X,
        y,
        groups=groups,
        stress=[Prefill("3.0 3.0 "), FineTuned(-1.0)],
        target_fpr=0.1,
        calibration=calibration,
        n_resamples=50,
    )


def ends(row):
    return tuple(row[["value", "low", "high"]].astype(float))


def test_ranking_is_that_of_the_public_metrics(data, evaluation):
    """The same draws, one call of the metric for each."""
    X, y, groups, _ = data
    lengths = [len(answer) for _, answer in X]
    score = {"flag": DETECTORS["flag"].decision_function(X)}
    score["probe"] = DETECTORS["probe"].predict_proba(X)[:, 1]
    figures = evaluation.figures.query("stress == 'none'")
    figures = figures.set_index(["detector", "figure"]).sort_index()

    def within(y, score, sample_weight):
        return within_group_auc_score(y, score, groups, sample_weight=sample_weight)

    for figure, metric, params in [
        ("AUC", roc_auc_score, {}),
        ("like-length AUC", like_length_auc_score, {"lengths": lengths}),
        ("recall at FPR", recall_at_fpr, {"target_fpr": 0.1}),
        ("within-group AUC", within, {}),
    ]:
        for name in ("flag", "probe"):
            expected = bootstrap_interval(
                metric, y, score[name], groups=groups, n_resamples=50, **params
            )
            row = figures.loc[(name, figure)]
            assert ends(row) == pytest.approx(expected, abs=1e-12)
        beside = bootstrap_interval(
            metric, y, score["flag"], baseline=score["probe"], groups=groups,
            n_resamples=50, **params,
        )  # fmt: skip
        row = figures.loc[("flag", figure)]
        shown = row[["beside", "beside_low", "beside_high"]]
        assert_allclose(shown.astype(float), beside, atol=1e-12)


def test_stress_changes_scores_and_leaves_thresholds(data, evaluation):
    X, y, _, calibration = data
    harmless = DETECTORS["flag"].decision_function(calibration)
    threshold = conformal_threshold(harmless, 0.1)
    flag = evaluation.figures.query("detector == 'flag'")
    probe = evaluation.figures.query("detector == 'probe'")
    prefilled = [(prompt, f"3.0 3.0 {answer}") for prompt, answer in X]
    for stress, scores in [
        ("none", DETECTORS["flag"].decision_function(X)),
        ("prefill", DETECTORS["flag"].decision_function(prefilled)),
        ("fine-tuned", -DETECTORS["flag"].decision_function(X) / 2),
    ]:
        row = flag[flag.stress == stress].set_index("figure")
        found = row.value
        assert found["AUC"] == pytest.approx(roc_auc_score(y, scores))
        assert found["recall"] == pytest.approx(np.mean(scores[y == 1] > threshold))
        assert found["FPR"] == pytest.approx(np.mean(scores[y == 0] > threshold))
        if stress != "none":
            before = flag[flag.stress == "none"].set_index("figure").value
            assert_allclose(row.change, found - before, atol=1e-12)
        else:
            assert row.change.isna().all()
    # it reads no language model
    assert (probe.change[probe.stress == "fine-tuned"] == 0).all()


def test_tokens_are_looked_at_one_by_one(data, evaluation):
    X, y, _, calibration = data
    flag = DETECTORS["flag"]
    highest = np.array([s.max() for s in flag.score_prefixes(calibration)])
    threshold = conformal_threshold(highest, 0.1)
    prefixes = flag.score_prefixes(X)
    tokens = evaluation.tokens
    assert set(tokens.detector) == {"flag"}
    assert tokens.tokens.unique().tolist() == [1, 2, 4, 8]
    for row in tokens.itertuples():
        flagged = np.array([(s[: row.tokens] > threshold).any() for s in prefixes])
        rows = y == (row.figure == "recall")
        assert row.value == pytest.approx(flagged[rows].mean())
        assert row.low <= row.value <= row.high
    recall = tokens[tokens.figure == "recall"].value.to_numpy()
    assert (np.diff(recall) >= 0).all()


def test_labels_are_told_by_value(data, evaluation):
    X, y, groups, calibration = data
    named = np.array(["harmless", "harmful"])[y]
    flag = Reader(2.0, classes=("harmful", "harmless"), pos_label="harmful").fit()
    other = evaluate_detectors(
        {"flag": flag}, X, named, groups=groups, baseline=None, target_fpr=0.1,
        calibration=calibration, pos_label="harmful", n_resamples=50,
    )  # fmt: skip
    ours = evaluation.figures.query("detector == 'flag' and stress == 'none'")
    columns = ["value", "low", "high"]
    assert_allclose(other.figures[columns], ours[columns])
    assert_allclose(other.tokens[columns], evaluation.tokens[columns])
    with pytest.raises(ValueError, match="do not say which class"):
        evaluate_detectors({"probe": flag}, X, named)
    # 0 and 1 against names: a detector that does not know what is asked
    with pytest.raises(ValueError, match="not a valid label"):
        evaluate_detectors({"probe": flag}, X, y)


def test_the_attacker_takes_the_lowest_of_its_answers(data):
    X, y, _, _ = data
    samples = [["9.0", "-9.0"] if i % 3 == 0 else [] for i in range(len(X))]
    flag = Reader().fit()
    found = evaluate_detectors(
        {"flag": flag}, X, y, baseline=None, stress=[Resampled(samples)], n_resamples=9
    ).figures
    scores = flag.decision_function(X)
    scores[(y == 1) & (np.arange(len(y)) % 3 == 0)] = -9
    row = found[(found.stress == "resampled") & (found.figure == "AUC")].iloc[0]
    assert row.value == pytest.approx(roc_auc_score(y, scores))
    with pytest.raises(ValueError, match="samples for 1 rows, and X has 120"):
        evaluate_detectors(
            {"flag": flag}, X, y, baseline=None, stress=[Resampled([[]])], n_resamples=9
        )


def seen(stress, rows):
    """Return the rows that a detector is given."""
    given = []
    stress.scores(
        lambda detector, rows: given.extend(rows) or np.zeros(len(rows)),
        None,
        rows,
        np.ones(len(rows), dtype=bool),
    )
    return given


CHAT = [
    {"role": "user", "content": "ask"},
    {"role": "assistant", "content": "answer"},
]


def test_rows_under_stress():
    rows = ["text", ("ask", "answer"), CHAT]
    assert seen(Prefill("Sure: "), rows) == [
        "Sure: text",
        ("ask", "Sure: answer"),
        [CHAT[0], {"role": "assistant", "content": "Sure: answer"}],
    ]
    after = seen(AfterChat(CHAT), rows)
    assert after[0] == [*CHAT, {"role": "user", "content": "text"}]
    assert after[1] == after[2] == [*CHAT, *CHAT]
    prompts = [("ask", ""), CHAT[:1]]
    after = seen(AfterChat(CHAT), prompts)
    assert after == [[*CHAT, CHAT[0]]] * 2
    assert [role_of(row) for row in after] == ["user", "user"]
    for prompt in prompts:
        with pytest.raises(ValueError, match="has no answer, only a prompt"):
            seen(Prefill("Sure: "), [prompt])


def test_no_text_is_shown():
    chat = [{"role": "user", "content": "secret"}]
    for stress in (Prefill("secret"), AfterChat(chat), Resampled([["secret"]])):
        assert "secret" not in repr(stress)


def test_a_detector_inside_another_is_not_exchanged():
    with pytest.raises(TypeError, match="Pipeline holds a detector"):
        FineTuned(3.0).scores(
            lambda detector, rows: 0, make_pipeline(Reader().fit()), [], None
        )


def test_few_pairs_have_no_interval():
    """But a value."""
    X, y = ["1.0", "0.5 0.5", "0.0 0.1 0.2 0.3 0.4"], [1, 0, 0]
    found = evaluate_detectors(
        {"flag": Reader().fit()}, X, y, baseline=None, n_resamples=20
    ).figures.set_index("figure")
    assert np.isnan(found.value["like-length AUC"])
    assert found.value["AUC"] == 1
    assert not np.isnan(found.low["AUC"])


def test_what_cannot_be_judged(data):
    X, y, _, calibration = data
    with pytest.raises(TypeError, match="dict of fitted detectors"):
        evaluate_detectors([Reader().fit()], X, y)
    with pytest.raises(ValueError, match=r"'probe' is not among .* \['flag'\]"):
        evaluate_detectors({"flag": Reader().fit()}, X, y)
    with pytest.raises(ValueError, match="at least 99 harmless"):
        evaluate_detectors(
            DETECTORS, X, y, calibration=calibration, target_fpr=0.01, n_resamples=9
        )
    with pytest.warns(UserWarning, match="2 rows of X are also in calibration"):
        evaluate_detectors(
            DETECTORS, X, y, calibration=[*calibration, *X[:2]], n_resamples=9
        )
    with pytest.raises(ValueError, match="inconsistent"):
        evaluate_detectors(DETECTORS, X, y[:5])


def test_frames_hold_figures_only(evaluation):
    figures, tokens = evaluation
    names = ["stress", "detector", "figure"]
    assert figures.drop(columns=names).dtypes.eq(float).all()
    assert set(figures.stress) == {"none", "prefill", "fine-tuned"}
    assert not figures.duplicated(names).any()
    assert tokens.drop(columns=names[1:]).dtypes.tolist() == [int, float, float, float]
