# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import subprocess
import sys
import warnings

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning, NotFittedError, SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import parametrize_with_checks

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import LanguageModel, RedFlagClassifier

with warnings.catch_warnings():
    # scikit-learn says that it has few checks for text
    warnings.simplefilter("ignore", SkipTestWarning)
    checks = parametrize_with_checks([RedFlagClassifier("no-such-model")])


@checks
def test_sklearn_contract(estimator, check):
    check(estimator)


def test_tags():
    tags = RedFlagClassifier("name").__sklearn_tags__()
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert not tags.classifier_tags.multi_class
    assert tags.estimator_type == "classifier"
    assert tags.transformer_tags is not None


def test_all_kinds_of_columns_give_the_same(handle, posts, df_module):
    X, y = posts
    expected = RedFlagClassifier(handle).fit(X, y).decision_function(X)
    column = (
        df_module.Series("text", X)
        if df_module.__name__ == "polars"
        else (df_module.Series(X))
    )
    for other in (column, column.to_frame(), np.array(X), tuple(X)):
        clf = RedFlagClassifier(handle).fit(other, y)
        assert_array_equal(clf.decision_function(other), expected)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_two_classes_are_needed(handle, labels):
    with pytest.raises(ValueError, match=r"Only binary classification.*got [13]"):
        RedFlagClassifier(handle).fit(["the", "hero", "wins"], labels)


def test_targets_are_checked(handle):
    with pytest.raises(ValueError, match="Unknown label type"):
        RedFlagClassifier(handle).fit(["the", "hero"], [0.5, 1.5])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        RedFlagClassifier(handle).fit(["the", "hero"], [0, 1, 0])


@pytest.mark.parametrize(
    "params",
    [
        {"language_model": 3},
        {"tuning": "lora"},
        {"layer": 0},
        {"aggregate": "median"},
        {"window": 0},
        {"C": 0},
        {"fit_intercept": "no"},
        {"class_weight": "equal"},
        {"max_iter": 0},
        {"tol": 0},
    ],
)
def test_parameters_are_checked(handle, posts, params):
    (name,) = params
    clf = RedFlagClassifier(handle).set_params(**params)
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter"):
        clf.fit(*posts)


def test_predicting_needs_fit(handle):
    clf = RedFlagClassifier(handle)
    for method in ("predict", "predict_proba", "transform", "score_positions"):
        with pytest.raises(NotFittedError):
            getattr(clf, method)(["the hero"])
    with pytest.raises(NotFittedError):
        clf.get_feature_names_out()


def test_too_few_iterations_warn(handle, posts):
    with pytest.warns(ConvergenceWarning, match="in 1 iterations"):
        RedFlagClassifier(handle, max_iter=1).fit(*posts)


def test_a_failed_fit_leaves_the_old_one(handle, posts):
    X, y = posts
    clf = RedFlagClassifier(handle).fit(X, y)
    before = dict(vars(clf))
    with pytest.raises(ValueError, match="no token"):
        clf.fit(["the", ""], [0, 1])
    assert vars(clf) == before


def test_weights_are_copies(handle, posts):
    X, y = posts
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    weighted = RedFlagClassifier(handle, class_weight="balanced").fit(X, y, weight)
    copies = RedFlagClassifier(handle, class_weight="balanced").fit(
        np.repeat(np.array(X, dtype=object), weight), np.repeat(y, weight)
    )
    # both stop when no derivative is above tol = 1e-6
    assert_allclose(weighted.coef_, copies.coef_, rtol=1e-3, atol=1e-5)
    assert weighted.kl_to_base_ == pytest.approx(copies.kl_to_base_, rel=1e-4)


def test_balanced_classes(handle, posts):
    X, y = np.array(posts[0], dtype=object), posts[1]
    rows = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:10]])
    balanced = RedFlagClassifier(handle, class_weight="balanced").fit(X[rows], y[rows])
    by_hand = RedFlagClassifier(handle, class_weight={0: 40 / 60, 1: 40 / 20})
    by_hand.fit(X[rows], y[rows])
    assert_allclose(balanced.coef_, by_hand.coef_)
    plain = RedFlagClassifier(handle).fit(X[rows], y[rows])
    assert balanced.transform(X)[:, 0].mean() > plain.transform(X)[:, 0].mean()


def test_weights_must_leave_both_classes(handle, posts):
    X, y = posts
    with pytest.raises(ValueError, match="All texts of the class 1 have weight 0"):
        RedFlagClassifier(handle).fit(X, y, sample_weight=1.0 - y)
    with pytest.raises(ValueError, match="Negative"):
        RedFlagClassifier(handle).fit(X, y, sample_weight=-np.ones(len(X)))


def test_a_grid_reads_each_layer_once(handle, posts):
    X, y = posts
    grid = {
        "C": [0.01, 1],
        "layer": [None, 1, 2],
        "aggregate": ["mean", "max"],
    }
    calls = []
    hook = handle.model.model.layers[0].register_forward_hook(
        lambda module, args, output: calls.append(len(args[0]))
    )
    search = GridSearchCV(RedFlagClassifier(handle), grid, cv=3).fit(X, y)
    hook.remove()
    assert search.best_score_ > 0.7
    assert search.best_estimator_.language_model is handle
    # per layer: one row for each different text, and some to check the model
    assert sum(calls) <= 3 * len(set(X)) + 9


def test_the_end_of_a_pipeline(handle, posts):
    X, y = posts
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    pipe = make_pipeline(lower, RedFlagClassifier(handle)).fit(X, y)
    shouted = [text.upper() for text in X]
    assert_allclose(pipe.predict_proba(shouted), pipe.predict_proba(X))
    assert cross_val_score(pipe, X, y, cv=3).mean() > 0.7


def test_a_step_of_a_pipeline(handle, posts):
    X, y = posts
    pipe = make_pipeline(RedFlagClassifier(handle), StandardScaler())
    pipe = make_pipeline(*[s for _, s in pipe.steps], LogisticRegression()).fit(X, y)
    assert pipe.score(X, y) > 0.7
    columns = ("mean", "max", "window", "first", "last", "cusum", "shrunk_mean")
    names = pipe[:-1].get_feature_names_out().tolist()
    assert names == [f"red_flag_{name}" for name in columns]


def test_a_column_of_a_table(handle, posts, df_module):
    X, y = posts
    table = df_module.DataFrame({"text": X, "age": np.arange(60.0)})
    columns = make_column_transformer(
        (RedFlagClassifier(handle), "text"), ("passthrough", ["age"])
    ).set_output(transform=df_module.__name__)
    out = columns.fit_transform(table, y)
    assert isinstance(out, df_module.DataFrame)
    assert next(iter(out.columns)) == "redflagclassifier__red_flag_mean"
    assert out.shape == (60, 8)


def test_output_as_a_table(handle, posts, df_module):
    X, y = posts
    clf = RedFlagClassifier(handle).set_output(transform=df_module.__name__).fit(X, y)
    out = clf.transform(df_module.DataFrame({"text": X[:3]}))
    assert isinstance(out, df_module.DataFrame)
    assert list(out.columns) == clf.get_feature_names_out().tolist()
    rows = df_module.DataFrame({"text": X[:3]})
    if df_module.__name__ == "pandas":
        rows.index = [7, 5, 3]
        assert clf.transform(rows["text"]).index.tolist() == [7, 5, 3]


def test_weights_by_metadata_routing(handle, posts):
    X, y = posts
    weight = np.where(np.arange(60) < 30, 1.0, 0.0)
    expected = RedFlagClassifier(handle).fit(X[:30], y[:30])
    with sklearn.config_context(enable_metadata_routing=True):
        clf = RedFlagClassifier(handle).set_fit_request(sample_weight=True)
        pipe = make_pipeline(FunctionTransformer(), clf).fit(X, y, sample_weight=weight)
    assert_allclose(pipe[-1].coef_, expected.coef_, rtol=1e-3, atol=1e-5)


def test_transform_and_scores_agree(handle, posts):
    X, y = posts
    summary = RedFlagClassifier(handle, window=3).fit(X, y).transform(X)
    for column, aggregate in enumerate(
        ["mean", "max", "window", "first", "last", "cusum", "shrunk_mean"]
    ):
        clf = RedFlagClassifier(handle, window=3, aggregate=aggregate).fit(X, y)
        expected = summary[:, column] + clf.text_intercept_
        assert_allclose(clf.decision_function(X), expected)
    clf = RedFlagClassifier(handle, aggregate=np.median).fit(X, y)
    medians = [np.median(s.log_odds) for s in clf.score_positions(X)]
    assert_allclose(clf.decision_function(X), np.add(medians, clf.text_intercept_))


def test_the_aggregate_of_the_fit_stays(handle, posts):
    """The intercept and the threshold are for it: they would be wrong for another."""
    X, y = posts
    benign = [text for text, label in zip(X, y, strict=True) if not label]
    clf = RedFlagClassifier(handle).fit(X, y).fit_threshold(benign, 0.1)
    expected, flagged = clf.decision_function(X), clf.predict(X)
    clf.set_params(aggregate="max", window=2)
    assert_array_equal(clf.decision_function(X), expected)
    assert_array_equal(clf.predict(X), flagged)
    monitor = clf.stream()
    monitor.push(X[0])
    assert monitor.probability == pytest.approx(clf.predict_proba(X[:1])[0, 1])


def test_beginnings_are_scored_as_texts(handle, posts):
    X, y = posts
    for aggregate in ("window", "cusum", np.median):
        clf = RedFlagClassifier(handle, window=3, aggregate=aggregate).fit(X, y)
        words = X[0].split()
        (prefixes,) = clf.score_prefixes(X[:1])
        so_far = [" ".join(words[: end + 1]) for end in range(len(words))]
        assert_allclose(prefixes, clf.decision_function(so_far))


def test_the_layer_of_the_fit_stays(handle, posts):
    X, y = posts
    clf = RedFlagClassifier(handle, layer=1).fit(X, y)
    expected = clf.decision_function(X)
    clf.set_params(layer=2)
    assert_array_equal(clf.decision_function(X), expected)


def test_a_probe_has_no_divergence(handle, posts):
    clf = RedFlagClassifier(handle).fit(*posts)
    assert clf.kl_to_base_ > 0
    clf.set_params(layer=1).fit(*posts)
    assert not hasattr(clf, "kl_to_base_")


def test_positions_of_a_text(handle, posts):
    clf = RedFlagClassifier(handle).fit(*posts)
    text = "the hero  dies"
    (scores,) = clf.score_positions([text])
    assert [text[a:b] for a, b in scores.offsets] == ["the", "hero", "dies"]
    (prefix,) = clf.score_positions(["the hero"])
    assert_allclose(scores.log_odds[:2], prefix.log_odds)


def test_many_texts_are_scored_in_parts(handle, posts, monkeypatch):
    X, y = posts
    clf = RedFlagClassifier(handle).fit(X, y)
    expected = clf.decision_function(X)
    monkeypatch.setattr("skperf.llm._scores.POSITIONS_AT_ONCE", 7)
    assert_array_equal(clf.decision_function(X), expected)


def test_harmless_is_not_what_errors_become(handle, posts):
    clf = RedFlagClassifier(handle).fit(*posts)
    for bad in ([""], [None], [3.0], "the hero", []):
        with pytest.raises((TypeError, ValueError)):
            clf.predict(bad)


@pytest.mark.slow
def test_a_parallel_search(make_model, tokenizer, tmp_path, posts):
    """Workers load the model once, and not for each of their tasks."""
    make_model(dtype="float32").save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    def count(clf, X, y):
        handle = clf.language_model_
        handle.n_tasks = getattr(handle, "n_tasks", 0) + 1
        return {"accuracy": clf.score(X, y), "tasks": handle.n_tasks}

    clf = RedFlagClassifier(LanguageModel(tmp_path, dtype="float32"))
    search = GridSearchCV(
        clf, {"C": [0.1, 1, 10]}, cv=4, n_jobs=2, scoring=count, refit="accuracy"
    ).fit(*posts)
    assert search.best_score_ > 0.6
    tasks = [search.cv_results_[f"split{i}_test_tasks"] for i in range(4)]
    assert np.sum(np.equal(tasks, 1)) <= 2
    alone = GridSearchCV(clf, {"C": [0.1, 1, 10]}, cv=4).fit(*posts)
    assert_allclose(
        search.cv_results_["mean_test_accuracy"], alone.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize(
    "missing", ["torch", pytest.param("transformers", marks=pytest.mark.slow)]
)
def test_import_without_the_extra(missing):
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(name, *args):\n"
        f"        if name == {missing!r}: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing)\nimport skperf.llm"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "ImportError: skperf.llm needs PyTorch and transformers." in done.stderr
    assert "pip install skperf[llm]" in done.stderr
