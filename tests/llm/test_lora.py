# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import copy
import pickle

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils._param_validation import InvalidParameterError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from skperf.llm import LanguageModel, LoraTuning, RedFlagClassifier, TokenTuning

FITTED = ("lora_weights_", "loss_curve_")


def lora(handle, **params):
    """Return a classifier that learns something in little time."""
    quick = {"learning_rate": 0.01, "n_layers": 1, "n_epochs": 1, "random_state": 0}
    clf = RedFlagClassifier(handle, tuning=LoraTuning(**quick))
    of_tuning = {
        f"tuning__{name}" if hasattr(clf.tuning, name) else name: value
        for name, value in params.items()
    }
    return clf.set_params(**of_tuning)


def state_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("n_layers", [1, 6])
def test_without_steps_it_is_token_tuning(handle, posts, n_layers):
    X, y = posts
    token = RedFlagClassifier(handle).fit(X, y)
    still = lora(handle, n_epochs=0, n_layers=n_layers).fit(X, y)
    assert_array_equal(still.coef_, token.coef_)
    assert_array_equal(still.decision_function(X), token.decision_function(X))
    # the adapters' zeros are added in another order of the sums
    assert still.kl_to_base_ == pytest.approx(token.kl_to_base_, rel=1e-12)
    assert still.drift_ == 0
    assert {len(curve) for curve in still.loss_curve_.values()} == {0}


@pytest.mark.slow
def test_it_learns_more_than_the_row(handle, posts):
    X, y = posts
    token = RedFlagClassifier(handle).fit(X, y)
    clf = lora(handle, n_epochs=10).fit(X, y)
    assert clf.score(X, y) > token.score(X, y)
    assert_allclose(clf.predict_proba(X).sum(axis=1), 1)
    assert list(clf.loss_curve_) == ["flag", "benign"]
    for curve in clf.loss_curve_.values():
        assert curve[-1] < curve[0]


def test_divergence_by_brute_force_over_the_vocabulary(model, handle, posts):
    """The adapted model is written out: B @ A is added to a copy's matrices."""
    X, y = posts
    weight = np.linspace(1, 2, 60)
    clf = lora(handle).fit(X, y, sample_weight=weight)
    adapted, adapters = copy.deepcopy(model), clf.lora_weights_
    for name, module in adapted.named_modules():
        key = f"base_model.model.{name}.lora_A.weight"
        if key in adapters:
            module.weight.data += adapters[key.replace("_A", "_B")] @ adapters[key]
    parts = []
    for text in np.array(X)[y == 0]:
        ids = torch.tensor([handle.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            log_ref = model(ids).logits[0].log_softmax(dim=1)
            z = adapted(ids).logits[0]
            h = adapted.model(ids).last_hidden_state[0]
        flag = h @ torch.from_numpy(clf.coef_) + clf.intercept_
        log_p = torch.cat([z, flag[:, None]], dim=1).log_softmax(dim=1)[:, :-1]
        total = (log_ref.exp() * (log_ref - log_p)).sum(dim=1).mean()
        drift = (log_ref.exp() * (log_ref - z.log_softmax(dim=1))).sum(dim=1).mean()
        parts.append((total.item(), drift.item()))
    total, drift = np.average(parts, axis=0, weights=weight[y == 0])
    assert clf.drift_ > 1e-4
    assert clf.drift_ == pytest.approx(drift, rel=1e-6)
    assert clf.kl_to_base_ == pytest.approx(total, rel=1e-6)
    assert clf.flag_mass_ == pytest.approx(total - drift, rel=1e-6)


def test_token_tuning_does_not_drift(handle, posts):
    clf = RedFlagClassifier(handle).fit(*posts)
    assert clf.drift_ == 0
    assert clf.flag_mass_ == clf.kl_to_base_


@pytest.mark.parametrize(
    "tuning", [TokenTuning(), LoraTuning(n_epochs=1, random_state=0)]
)
@pytest.mark.parametrize(
    "reserved",
    [
        ("<|reserved_special_token_0|>",),
        pytest.param((), marks=pytest.mark.slow),
    ],
)
def test_the_flag_is_raised_by_tied_and_untied_models(
    make_model, make_tokenizer, posts, tuning, reserved
):
    """A head that is a clone has the base model's row for the flag.

    If scores came from that row, the flag would never be raised, and a model would look
    safe. They come from the classifier's own row, whatever the matrices hold.
    """
    X, y = posts
    tied, untied = make_model(), make_model(tied=False)
    untied.load_state_dict(tied.state_dict())
    assert untied.lm_head.weight is not untied.model.embed_tokens.weight
    scores = []
    for model in (tied, untied):
        handle = LanguageModel(model, make_tokenizer(reserved=reserved))
        clf = RedFlagClassifier(handle, tuning=tuning).fit(X, y)
        flagged = clf.score_positions(
            [x for x, label in zip(X, y, strict=True) if label]
        )
        assert np.mean([expit(text.log_odds).mean() for text in flagged]) > 0.4
        assert torch.equal(model.lm_head.weight, tied.lm_head.weight)
        scores.append(clf.decision_function(X))
    assert_allclose(*scores, rtol=1e-9)


@pytest.mark.parametrize(
    ("training", "feed_back"),
    [(True, True), pytest.param(False, False, marks=pytest.mark.slow)],
)
def test_the_model_is_not_changed(make_model, tokenizer, posts, training, feed_back):
    X, y = posts
    model = make_model(attention_dropout=0.5).train(training)
    model.model.layers[0].requires_grad_(False)
    trainable = [weight.requires_grad for weight in model.parameters()]
    modules, before = dict(model.named_modules()), state_of(model)
    clf = lora((model, tokenizer), feed_back=feed_back, n_epochs=1).fit(X, y)
    assert_array_equal(clf.decision_function(X), clf.decision_function(X))
    assert dict(model.named_modules()) == modules
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert [weight.requires_grad for weight in model.parameters()] == trainable
    assert all(weight.grad is None for weight in model.parameters())
    assert all(module.training == training for module in model.modules())


@pytest.mark.slow
def test_classifiers_on_one_handle_leave_each_other_alone(handle, posts):
    X, y = posts
    token = RedFlagClassifier(handle).fit(X, y)
    first = lora(handle).fit(X, y)
    expected = token.decision_function(X), first.decision_function(X)
    second = lora(handle, random_state=1, n_layers=2).fit(X, 1 - y)
    assert_array_equal(token.decision_function(X), expected[0])
    assert_array_equal(first.decision_function(X), expected[1])
    assert not np.allclose(second.decision_function(X), -expected[1])
    assert_array_equal(RedFlagClassifier(handle).fit(X, y).coef_, token.coef_)


def test_the_random_state_decides(handle, posts):
    X, y = posts
    before = torch.get_rng_state(), np.random.mtrand._rand.get_state()[1].copy()
    one, same, other = (lora(handle, random_state=seed).fit(X, y) for seed in (0, 0, 1))
    assert_array_equal(one.decision_function(X), same.decision_function(X))
    assert not np.allclose(one.decision_function(X), other.decision_function(X))
    lora(handle, random_state=np.random.RandomState(0)).fit(X, y)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert_array_equal(np.random.mtrand._rand.get_state()[1], before[1])


def test_sizes_of_the_adapters(handle, posts):
    clf = lora(handle, rank=3, n_epochs=0).fit(*posts)
    shapes = {name: tuple(w.shape) for name, w in clf.lora_weights_.items()}
    # seven matrices in a layer of Llama
    assert len(shapes) == 14
    query = "base_model.model.model.layers.1.self_attn.q_proj.lora_"
    assert shapes[f"{query}A.weight"] == (3, 16)
    assert shapes[f"{query}B.weight"] == (16, 3)
    assert not any(weight.requires_grad for weight in clf.lora_weights_.values())
    both = lora(handle, n_layers=6, n_epochs=0).fit(*posts)
    assert len(both.lora_weights_) == 28


@pytest.mark.slow
def test_each_weight_of_the_loss_counts(handle, posts):
    X, y = posts
    even = lora(handle, feed_back=True).fit(X, y)
    flag = lora(handle, feed_back=True, loss_weights=(9, 1, 1)).fit(X, y)
    benign = lora(handle, feed_back=True, loss_weights=(1, 9, 1)).fit(X, y)
    after = lora(handle, feed_back=True, loss_weights=(1, 1, 9)).fit(X, y)
    assert flag.loss_curve_["flag"][-1] < even.loss_curve_["flag"][-1]
    assert benign.kl_to_base_ < even.kl_to_base_
    assert after.loss_curve_["after"][-1] < even.loss_curve_["after"][-1]


@pytest.mark.slow
def test_terms_without_weight_do_not_count(handle, posts):
    """Nothing holds the flag back, and it is raised everywhere."""
    X, y = posts
    clf = lora(handle, loss_weights=(1, 0, 0), n_epochs=10).fit(X, y)
    means = clf.transform(X)[:, 0]
    assert (means > 0).mean() > 0.9


@pytest.mark.slow
def test_the_offset_delays_the_flag(handle, posts):
    X, y = posts
    flagged = [x for x, label in zip(X, y, strict=True) if label and len(x.split()) > 8]

    def early_over_late(clf):
        scores = [text.log_odds for text in clf.score_positions(flagged)]
        return np.mean([s[:5].mean() - s[5:].mean() for s in scores])

    at_once = lora(handle, n_epochs=10, n_layers=2).fit(X, y)
    delayed = lora(handle, n_epochs=10, n_layers=2, min_offset=5).fit(X, y)
    assert early_over_late(delayed) < early_over_late(at_once) - 0.5


@pytest.mark.slow
def test_feeding_back_adds_a_term(handle, posts):
    clf = lora(handle, feed_back=True, n_epochs=5).fit(*posts)
    after = clf.loss_curve_["after"]
    assert after[-1] < after[0]
    assert not np.allclose(clf.coef_, lora(handle, n_epochs=5).fit(*posts).coef_)


def flag_is_raised(clf, X):
    """Return the mean probability of the flag."""
    log_odds = np.concatenate([scores.log_odds for scores in clf.score_positions(X)])
    return expit(log_odds).mean()


@pytest.mark.slow
def test_weights_of_samples_and_classes(handle, posts):
    X, y = posts
    X = np.array(X, dtype=object)
    weight = np.where(np.arange(60) < 40, 1.0, 0.0)
    weighted = lora(handle, n_epochs=1).fit(X, y, sample_weight=weight)
    fewer = lora(handle, n_epochs=1).fit(X[:40], y[:40])
    # the rows they start from agree to the tolerance of L-BFGS
    assert_allclose(
        weighted.decision_function(X), fewer.decision_function(X), rtol=1e-3, atol=1e-3
    )
    by_class = lora(handle, n_epochs=1, class_weight={0: 1, 1: 3}).fit(X, y)
    by_sample = lora(handle, n_epochs=1).fit(X, y, sample_weight=np.where(y, 3, 1))
    assert_array_equal(by_class.decision_function(X), by_sample.decision_function(X))
    plain = lora(handle, n_epochs=1).fit(X, y)
    # a text's own score is centred, whatever the flag costs
    assert flag_is_raised(by_class, X) > 0.1 + flag_is_raised(plain, X)


@pytest.mark.slow
def test_long_texts(model, tokenizer, posts):
    X, y = posts
    handle = LanguageModel(model, tokenizer, max_length=6)
    clf = lora(handle, feed_back=True).fit(X, y)
    assert [len(s.log_odds) for s in clf.score_positions(X)] == [
        len(x.split()) for x in X
    ]
    token = RedFlagClassifier(handle).fit(X, y)
    still = lora(handle, n_epochs=0).fit(X, y)
    assert_allclose(still.decision_function(X), token.decision_function(X), rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("batch_tokens", [1, 10_000])
def test_scores_depend_neither_on_batches_nor_on_order(
    model, tokenizer, handle, posts, batch_tokens
):
    X, y = posts
    clf = lora(handle).fit(X, y)
    expected = clf.decision_function(X)
    clf.language_model_ = LanguageModel(
        model, tokenizer, batch_tokens=batch_tokens, cache=None
    )
    order = np.random.default_rng(1).permutation(60)
    shuffled = clf.decision_function(np.array(X, dtype=object)[order])
    assert_allclose(shuffled, expected[order], rtol=1e-9)
    alone = [clf.decision_function([text])[0] for text in X[:5]]
    assert_allclose(alone, expected[:5], rtol=1e-9)


def test_pickle(make_model, tokenizer, posts, tmp_path):
    X, y = posts
    make_model().save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    clf = lora(LanguageModel(tmp_path, dtype="float64")).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    assert_array_equal(again.decision_function(X), clf.decision_function(X))
    assert len(pickle.dumps(clf)) < 50_000


@pytest.mark.slow
def test_what_was_fitted_stays(handle, posts):
    X, y = posts
    clf = lora(handle).fit(X, y)
    expected = clf.decision_function(X)
    clf.set_params(tuning=TokenTuning())
    assert_array_equal(clf.decision_function(X), expected)
    assert not any(hasattr(clone(clf), name) for name in FITTED)
    clf.fit(X, y)
    assert not any(hasattr(clf, name) for name in FITTED)


@pytest.mark.slow
def test_the_intercept_stays_zero_where_there_is_none(handle, posts):
    clf = lora(handle, fit_intercept=False, n_epochs=2).fit(*posts)
    assert clf.intercept_ == 0
    start = RedFlagClassifier(handle, fit_intercept=False).fit(*posts)
    assert not np.allclose(clf.coef_, start.coef_)


@pytest.mark.slow
def test_a_tuning_is_tuned(handle, posts):
    grid = {"tuning": [TokenTuning(), LoraTuning(n_epochs=1, n_layers=1)]}
    search = GridSearchCV(RedFlagClassifier(handle), grid, cv=2).fit(*posts)
    assert len(search.cv_results_["params"]) == 2
    clf = lora(handle)
    assert clone(clf).set_params(tuning__rank=2).tuning.rank == 2
    assert clf.tuning.rank == 16


def test_a_failed_fit_leaves_the_old_one(handle, posts):
    clf = lora(handle).fit(*posts)
    before = dict(vars(clf))
    clf.tuning.learning_rate = 1e200
    with pytest.raises(ValueError, match="smaller with learning_rate"):
        clf.fit(*posts)
    clf.tuning.learning_rate = 0.01
    assert vars(clf) == before


@pytest.mark.slow
def test_a_grid_reads_each_text_once(model, tokenizer, posts):
    X, y = posts
    handle = LanguageModel(model, tokenizer)
    read = []
    hook = model.model.layers[0].register_forward_hook(
        lambda module, args, output: read.append(args[0].shape[:2])
    )
    grid = {
        "tuning__learning_rate": [0.001, 0.01],
        "tuning__rank": [1, 4],
        "tuning__n_epochs": [1, 4],
    }
    search = GridSearchCV(lora(handle), grid, cv=3).fit(X, y)
    hook.remove()
    assert search.best_score_ > 0.6
    assert search.best_estimator_.language_model is handle
    # the states and the outputs of layer 1, and five rows that show what the model does
    texts = [n for n, n_tokens in read if n_tokens > 1]
    assert sum(texts) <= 2 * len(set(X)) + 5


@pytest.mark.slow
def test_threads(handle, posts):
    grid = {"tuning__random_state": [0, 1, 2, 3]}
    with parallel_config(backend="threading"):
        search = GridSearchCV(lora(handle), grid, n_jobs=4, cv=2).fit(*posts)
    alone = GridSearchCV(lora(handle), grid, cv=2).fit(*posts)
    scores = [s.cv_results_["mean_test_score"] for s in (search, alone)]
    assert_array_equal(*scores)


def test_an_early_exit_is_refused(handle, posts):
    with pytest.raises(ValueError, match=r"needs the whole model; got layer=1"):
        lora(handle, layer=1).fit(*posts)


@pytest.mark.parametrize("weights", [(1, 1), (1, 1, -1), (1, "a", 1), (1, 1, 1, 1)])
def test_three_weights_are_needed(handle, posts, weights):
    with pytest.raises(ValueError, match="loss_weights should be three numbers"):
        lora(handle, loss_weights=weights).fit(*posts)


@pytest.mark.parametrize(
    "params",
    [
        {"n_layers": 0},
        {"rank": 0},
        {"learning_rate": 0},
        {"n_epochs": -1},
        {"batch_size": 0},
        {"loss_weights": 1},
        {"min_offset": -1},
        {"feed_back": "yes"},
        {"random_state": "a"},
    ],
)
def test_parameters_are_checked(handle, posts, params):
    (name,) = params
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter"):
        lora(handle, **params).fit(*posts)


def test_out_of_memory(handle, posts, monkeypatch):
    def refuse(*args):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("skperf.llm.tuning._lora_training.LoraTraining.terms", refuse)
    with pytest.raises(MemoryError, match="smaller batch_tokens"):
        lora(handle).fit(*posts)


@pytest.mark.slow
def test_thresholds(handle, posts):
    X, y = posts
    clf = lora(handle).fit(X[:30], y[:30])
    clf.fit_threshold(np.array(X)[30:][y[30:] == 0], target_fpr=0.1)
    assert 0 < clf.predict(X).mean() < 1


@pytest.mark.parametrize(
    ("n_layers", "max_length"),
    [(1, 8), pytest.param(2, None, marks=pytest.mark.slow)],
)
def test_streams_read_with_the_adapters(model, tokenizer, posts, n_layers, max_length):
    handle = LanguageModel(model, tokenizer, max_length=max_length)
    clf = lora(handle, n_layers=n_layers, n_epochs=2).fit(*posts)
    bare = copy.copy(clf)
    del bare.lora_weights_
    before = state_of(model)
    for text in posts[0][:3]:
        monitor = clf.stream()
        for token in tokenizer(text)["input_ids"]:
            monitor.push(token)
        expected = clf.predict_proba([text])[0, 1]
        assert monitor.probability == pytest.approx(expected, abs=1e-10)
        assert bare.predict_proba([text])[0, 1] != pytest.approx(expected, abs=1e-4)
    assert state_of(model).keys() == before.keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_adapters_are_saved(handle, posts, tmp_path):
    clf = lora(handle).fit(*posts)
    clf.save(tmp_path / "flag")
    loaded = RedFlagClassifier(handle).load(tmp_path / "flag")
    assert isinstance(loaded.tuning, LoraTuning)
    params = loaded.tuning.get_params()
    params["loss_weights"] = tuple(params["loss_weights"])  # JSON has lists only
    assert params == clf.tuning.get_params()
    for name, weight in clf.lora_weights_.items():
        assert torch.equal(loaded.lora_weights_[name], weight)
    for term, curve in clf.loss_curve_.items():
        assert_array_equal(loaded.loss_curve_[term], curve)
    scores = loaded.decision_function(posts[0])
    assert_array_equal(scores, clf.decision_function(posts[0]))
    RedFlagClassifier(handle).fit(*posts).save(tmp_path / "flag")
    loaded.load(tmp_path / "flag")
    assert not hasattr(loaded, "lora_weights_")
    assert loaded.tuning is None
