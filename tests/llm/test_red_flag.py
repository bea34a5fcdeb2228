# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import LanguageModel, RedFlagClassifier


def logits_of(model, tokenizer, text):
    """Return the model's logits at every position, by its own forward pass."""
    with torch.no_grad():
        return model(torch.tensor([tokenizer(text)["input_ids"]])).logits[0].numpy()


def test_it_learns_to_tell_the_texts_apart(handle, posts):
    X, y = posts
    clf = RedFlagClassifier(handle).fit(X, y)
    assert clf.score(X, y) > 0.8
    assert_allclose(clf.predict_proba(X).sum(axis=1), 1)


def test_divergence_by_brute_force_over_the_vocabulary(handle, posts):
    """kl_to_base_ is KL(p_ref || p), where p_ref never raises the flag."""
    X, y = posts
    clf = RedFlagClassifier(handle).fit(X, y)
    divergences = []
    for text in np.array(X)[y == 0]:
        z = torch.from_numpy(logits_of(handle.model, handle.tokenizer, text))
        ids = torch.tensor([handle.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            h = handle.model.model(ids).last_hidden_state[0].numpy()
        flag = torch.from_numpy(h @ clf.coef_ + clf.intercept_)
        log_ref = z.log_softmax(dim=1)
        log_p = torch.cat([z, flag[:, None]], dim=1).log_softmax(dim=1)[:, :-1]
        kl = (log_ref.exp() * (log_ref - log_p)).sum(dim=1)
        divergences.append(kl.mean().item())
    assert clf.kl_to_base_ == pytest.approx(np.mean(divergences), rel=1e-6)


@pytest.mark.parametrize(
    ("layer", "batch_tokens"), [(1, 1), (None, 50), (None, 10_000)]
)
def test_scores_depend_neither_on_batches_nor_on_order(
    model, tokenizer, posts, layer, batch_tokens
):
    X, y = posts
    handle = LanguageModel(model, tokenizer, batch_tokens=batch_tokens, cache=None)
    clf = RedFlagClassifier(handle, layer=layer).fit(X, y)
    together = clf.decision_function(X)
    alone = np.concatenate([clf.decision_function([text]) for text in X[:15]])
    assert_allclose(together[:15], alone, rtol=1e-10)
    order = np.random.default_rng(1).permutation(len(X))
    shuffled = clf.decision_function(np.array(X, dtype=object)[order])
    assert_allclose(shuffled, together[order], rtol=1e-10)


@pytest.mark.parametrize(("layer", "prior"), [(None, 0.01), (None, 0.7), (1, 0.2)])
def test_a_prior_is_the_mean_probability(handle, posts, layer, prior):
    """The intercept's derivative is 0: the flag has that share of what is learnt."""
    X, y = np.array(posts[0], dtype=object)[:50], posts[1][:50]
    y = np.where(np.arange(50) < 30, 0, y)
    sample_weight = np.linspace(1, 2, 50)
    clf = RedFlagClassifier(handle, layer=layer, prior=prior, tol=1e-9)
    clf.fit(X, y, sample_weight)
    share = np.array([expit(s.log_odds).mean() for s in clf.score_positions(X)])
    means = [np.average(share[y == k], weights=sample_weight[y == k]) for k in (0, 1)]
    assert (1 - prior) * means[0] + prior * means[1] == pytest.approx(prior, abs=1e-7)
    total = [sample_weight[y == k].sum() for k in (0, 1)]
    ratio = (1 - prior) / prior * total[1] / total[0]
    same = RedFlagClassifier(handle, layer=layer, class_weight={0: ratio, 1: 1.0})
    same.set_params(tol=1e-9).fit(X, y, sample_weight)
    assert_allclose(clf.coef_, same.coef_, rtol=1e-6, atol=1e-9)


def test_a_small_prior_costs_little(handle, posts):
    X, y = posts
    cost = [
        RedFlagClassifier(handle, prior=prior).fit(X, y).kl_to_base_
        for prior in (None, 0.1, 0.01)
    ]
    assert cost[2] < cost[1] / 3 < cost[0] / 9


def test_a_prior_and_class_weights_exclude_each_other(handle, posts):
    clf = RedFlagClassifier(handle, prior=0.1, class_weight="balanced")
    with pytest.raises(ValueError, match="prior and class_weight both"):
        clf.fit(*posts)


def test_the_last_layer_has_the_full_models_states(handle, posts):
    texts = handle.tokenize(posts[0])
    for full, last in zip(handle.states(texts), handle.states(texts, 2), strict=True):
        assert_array_equal(full.hidden, last.hidden)
        assert last.log_normalizer is None
