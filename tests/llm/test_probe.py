# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import LanguageModel, MeanStatesProbe

with warnings.catch_warnings():
    # scikit-learn says that it has few checks for text
    warnings.simplefilter("ignore", SkipTestWarning)
    checks = parametrize_with_checks([MeanStatesProbe("no-such-model")])


@checks
def test_sklearn_contract(estimator, check):
    check(estimator)


def plain_means(model, tokenizer, texts, layer):
    """Mean states by transformers alone, text by text."""
    means = []
    for text in texts:
        tokens = tokenizer(text, return_tensors="pt").input_ids
        with torch.no_grad():
            out = model(tokens, output_hidden_states=True)
        hidden = out.hidden_states[layer]
        if layer < model.config.num_hidden_layers:  # the last is normed already
            with torch.no_grad():
                hidden = model.model.norm(hidden)
        means.append(hidden[0].mean(dim=0).numpy())
    return np.array(means)


@pytest.mark.parametrize("layer", [1, 2, None])
def test_it_is_logistic_regression_on_mean_states(
    handle, model, tokenizer, posts, layer
):
    X, y = posts
    weight = np.random.default_rng(0).uniform(0.5, 2, size=60)
    probe = MeanStatesProbe(handle, layer=layer, C=0.3).fit(X, y, weight)
    means = plain_means(model, tokenizer, X, layer or 2)
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=1000))
    plain.fit(
        means,
        y,
        standardscaler__sample_weight=weight,
        logisticregression__sample_weight=weight,
    )
    assert_allclose(
        probe.decision_function(X), plain.decision_function(means), atol=1e-9
    )
    assert_allclose(probe.predict_proba(X), plain.predict_proba(means), atol=1e-9)
    assert_array_equal(probe.predict(X), plain.predict(means))
    assert probe.layer_ == (layer or 2)


def test_beginnings_are_scored_as_texts(handle, posts):
    probe = MeanStatesProbe(handle, layer=1).fit(*posts)
    words = posts[0][0].split()
    (prefixes,) = probe.score_prefixes(posts[0][:1])
    so_far = [" ".join(words[: end + 1]) for end in range(len(words))]
    assert_allclose(prefixes, probe.decision_function(so_far))


def test_labels_and_thresholds(handle, posts):
    X, y = posts
    named = np.array(["middle", "bad"])[y]
    probe = MeanStatesProbe(handle, pos_label="bad").fit(X, named)
    numbered = MeanStatesProbe(handle).fit(X, y)
    assert_allclose(probe.decision_function(X), -numbered.decision_function(X))
    assert_array_equal(probe.predict(X) == "bad", numbered.predict(X) == 1)
    benign = [text for text, label in zip(X, y, strict=True) if not label]
    probe.fit_threshold(benign, 0.1, looks="every")
    numbered.fit_threshold(benign, 0.1, looks="every")
    assert probe.threshold_ == pytest.approx(numbered.threshold_)
    # two of 30 are above, or fewer where beginnings are alike
    assert (probe.predict(benign) == "bad").sum() in (1, 2)
    with pytest.raises(ValueError, match="do not say which"):
        MeanStatesProbe(handle).fit(X, named)
    assert probe.fit(X, named).threshold_ == 0


def test_balanced_classes(handle, posts):
    X, y = posts
    few = np.flatnonzero((y == 0) | (np.arange(60) < 12))
    X, y = [X[i] for i in few], y[few]
    balanced = MeanStatesProbe(handle, class_weight="balanced").fit(X, y)
    weight = np.where(y, len(y) / 2 / y.sum(), len(y) / 2 / (1 - y).sum())
    weighted = MeanStatesProbe(handle).fit(X, y, weight)
    assert_allclose(balanced.coef_, weighted.coef_)


def test_searches_share_the_states(handle, posts):
    grid = {"layer": [1, 2], "C": [0.01, 1]}
    search = GridSearchCV(MeanStatesProbe(handle), grid, cv=3).fit(*posts)
    assert search.best_score_ > 0.7
    assert search.best_estimator_.language_model is handle
    assert clone(search.best_estimator_).get_params() == (
        search.best_estimator_.get_params()
    )


def test_pickle(make_model, tokenizer, posts, tmp_path):
    make_model(dtype="float32").save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    handle = LanguageModel(tmp_path, dtype="float32")
    probe = MeanStatesProbe(handle).fit(*posts)
    copy = pickle.loads(pickle.dumps(probe))
    assert_array_equal(
        copy.decision_function(posts[0]), probe.decision_function(posts[0])
    )
