# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
safetensors_torch = pytest.importorskip("safetensors.torch")

from skperf.llm import LanguageModel, RedFlagClassifier


@pytest.fixture
def saved(handle, posts, tmp_path):
    """Return a fitted classifier and the file that it was saved to."""
    X, y = posts
    clf = RedFlagClassifier(
        handle,
        pos_label="fine",
        aggregate="window",
        window=np.int64(3),
        C=np.float64(0.5),
    )
    clf.fit(X, np.array(["fine", "spoiler"])[y])
    clf.fit_threshold([x for x, label in zip(X, y, strict=True) if label], 0.1)
    clf.save(tmp_path / "flag.safetensors")
    return clf, tmp_path / "flag.safetensors"


def test_round_trip(saved, handle, posts):
    clf, path = saved
    loaded = RedFlagClassifier(handle).load(path)
    X, _ = posts
    assert_array_equal(loaded.decision_function(X), clf.decision_function(X))
    assert_array_equal(loaded.predict(X), clf.predict(X))
    assert loaded.get_params() == clf.get_params()
    assert vars(loaded).keys() == vars(clf).keys()
    assert loaded.threshold_ == clf.threshold_
    assert loaded.kl_to_base_ == clf.kl_to_base_
    assert loaded.pos_label_ == clf.pos_label_ == "fine"
    monitor = loaded.stream()
    assert monitor.push("the hero") == clf.predict_proba(["the hero"])[0, 0]


@pytest.mark.parametrize("layer", [1, np.int64(2)])
def test_round_trip_of_a_probe(handle, posts, tmp_path, layer):
    X, y = posts
    clf = RedFlagClassifier(handle, layer=layer).fit(X, y)
    clf.save(str(tmp_path / "flag"))
    loaded = RedFlagClassifier(handle).fit(X, y)
    loaded.load(str(tmp_path / "flag"))
    assert_array_equal(loaded.decision_function(X), clf.decision_function(X))
    assert loaded.layer_ == layer
    assert not hasattr(loaded, "kl_to_base_")  # of the fit that was there before


def test_the_file_is_safetensors_with_json(saved):
    clf, path = saved
    tensors = safetensors_torch.load_file(path)
    assert tensors.keys() == {"coef_"}
    assert_array_equal(tensors["coef_"], clf.coef_)
    with safetensors_torch.safe_open(path, framework="pt") as file:
        content = json.loads(file.metadata()["skperf"])
    assert content["params"]["aggregate"] == "window"
    assert "language_model" not in content["params"]
    assert content["language_model"]["hidden size"] == 16
    assert path.stat().st_size < 3000


def test_weights_by_name(saved, handle):
    """Whatever fitted attribute is a dict of tensors is saved as it is."""
    clf, path = saved
    clf.adapters_ = {"a.b": torch.ones(2, 3), "c": torch.zeros(1, dtype=torch.bfloat16)}
    clf.curves_ = {"flag": np.arange(3.0)}
    clf.save(path)
    assert "adapters_/a.b" in safetensors_torch.load_file(path)
    loaded = RedFlagClassifier(handle).load(path)
    assert loaded.adapters_.keys() == clf.adapters_.keys()
    for name, tensor in clf.adapters_.items():
        assert torch.equal(loaded.adapters_[name], tensor)
    assert_array_equal(loaded.curves_["flag"], clf.curves_["flag"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"n_rows": 80}, "a vocabulary size of 64, and this one has 80"),
        ({"hidden_size": 32}, "a hidden size of 16, and this one has 32"),
        ({"num_hidden_layers": 3}, "a number of layers of 2, and this one has 3"),
        ({"initializer_range": 0.2}, "other weights, another configuration"),
    ],
)
def test_another_model_is_refused(saved, make_model, tokenizer, config, message):
    clf = RedFlagClassifier(LanguageModel(make_model(**config), tokenizer))
    before = dict(vars(clf))
    with pytest.raises(ValueError, match=f"saved with the language model.*{message}"):
        clf.load(saved[1])
    assert vars(clf) == before


def test_a_model_that_was_trained_on_is_refused(saved, make_model, tokenizer):
    model = make_model()
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight += 0.01
    with pytest.raises(ValueError, match="other weights"):
        RedFlagClassifier((model, tokenizer)).load(saved[1])


def test_another_tokenizer_is_refused(saved, model, make_tokenizer):
    for other in (make_tokenizer("{{ messages }}"), make_tokenizer(reserved=["<x>"])):
        with pytest.raises(ValueError, match="another tokenizer"):
            RedFlagClassifier((model, other)).load(saved[1])


def test_the_model_may_move_and_change_its_dtype(
    make_model, tokenizer, posts, tmp_path
):
    for name in ("here", "there"):
        make_model(dtype="float32").save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
    here = LanguageModel(tmp_path / "here", dtype="float32")
    clf = RedFlagClassifier(here).fit(*posts)
    clf.save(tmp_path / "flag")
    for dtype in ("float32", "bfloat16", "float64"):
        there = LanguageModel(tmp_path / "there", dtype=dtype)
        loaded = RedFlagClassifier(there).load(tmp_path / "flag")
        assert_array_equal(loaded.coef_, clf.coef_)
    by_name = RedFlagClassifier(str(tmp_path / "there")).load(tmp_path / "flag")
    assert by_name.language_model_.name == str(tmp_path / "there")


def test_a_named_model_is_named_in_the_error(make_model, tokenizer, posts, tmp_path):
    make_model(dtype="float32").save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    RedFlagClassifier(str(tmp_path)).fit(*posts).save(tmp_path / "flag")
    other = LanguageModel(make_model(n_rows=80), tokenizer)
    with pytest.raises(ValueError, match=f"language model '{tmp_path}'.*not with None"):
        RedFlagClassifier(other).load(tmp_path / "flag")


def test_functions_are_not_saved(handle, posts, tmp_path):
    X, y = posts
    clf = RedFlagClassifier(handle, aggregate=np.median).fit(X, y)
    clf.save(tmp_path / "flag")
    with pytest.raises(ValueError, match="function as aggregate, which a file"):
        RedFlagClassifier(handle).load(tmp_path / "flag")
    loaded = RedFlagClassifier(handle, aggregate=np.median).load(tmp_path / "flag")
    assert_array_equal(loaded.decision_function(X), clf.decision_function(X))


def test_a_named_aggregate_replaces_a_function(saved, handle):
    loaded = RedFlagClassifier(handle, aggregate=np.median).load(saved[1])
    assert loaded.aggregate == "window"


def test_parameters_in_the_file_are_checked(saved, handle):
    clf, path = saved
    clf.set_params(C=-1.0)
    clf.save(path)
    with pytest.raises(InvalidParameterError, match="'C' parameter"):
        RedFlagClassifier(handle).load(path)


def test_saving_needs_fit(handle, tmp_path):
    with pytest.raises(NotFittedError):
        RedFlagClassifier(handle).save(tmp_path / "flag")
    assert not list(tmp_path.iterdir())


def test_foreign_files_are_refused(saved, handle, tmp_path):
    clf, _ = saved
    safetensors_torch.save_file({"coef_": torch.zeros(16)}, tmp_path / "other")
    with pytest.raises(ValueError, match="is not a file that save"):
        clf.load(tmp_path / "other")

    class Other(RedFlagClassifier):
        pass

    with pytest.raises(ValueError, match="The file holds a RedFlagClassifier"):
        Other(handle).load(saved[1])


def test_a_failed_save_keeps_the_old_file(saved):
    clf, path = saved
    before = path.read_bytes()
    clf.classes_ = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")
    with pytest.raises(TypeError, match="Cannot write a date"):
        clf.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_load_is_called_on_an_instance(saved):
    _, path = saved
    words = r"load was called on the class.*RedFlagClassifier\(language_model\)\.load"
    calls = [
        lambda: RedFlagClassifier.load(path),
        lambda: RedFlagClassifier.load(str(path)),
        lambda: RedFlagClassifier.load(path=path),
        lambda: RedFlagClassifier.load(),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=words):
            call()


def _saved(language_model, posts, path):
    RedFlagClassifier(language_model).fit(*posts).save(path)


def test_the_rules_of_the_tokenizer_must_be_those_that_were_saved(
    make_model, make_tokenizer, posts, tmp_path
):
    from tokenizers import normalizers
    from tokenizers.processors import TemplateProcessing

    path = tmp_path / "flag"
    _saved((make_model(), make_tokenizer()), posts, path)
    begun, lower, templated = (make_tokenizer() for _ in range(3))
    begun.backend_tokenizer.post_processor = TemplateProcessing(
        single="<user> $A", special_tokens=[("<user>", 1)]
    )
    lower.backend_tokenizer.normalizer = normalizers.Lowercase()
    templated.chat_template = "{{ messages }}"
    for other in (begun, lower, templated):
        with pytest.raises(ValueError, match="another tokenizer"):
            RedFlagClassifier((make_model(), other)).load(path)


def test_the_configuration_must_be_that_which_was_saved(
    make_model, tokenizer, posts, tmp_path
):
    path = tmp_path / "flag"
    _saved((make_model(), tokenizer), posts, path)
    for change in ({"rms_norm_eps": 1e-3}, {"rope_theta": 77.0}):
        with pytest.raises(ValueError, match="another configuration"):
            RedFlagClassifier((make_model(**change), tokenizer)).load(path)
    same = make_model(eos_token_id=7, use_cache=False, dtype="float32")
    RedFlagClassifier((same, tokenizer)).load(path)


def test_a_tokenizer_may_get_a_token_for_padding(
    make_model, make_tokenizer, posts, tmp_path
):
    path, X = tmp_path / "flag", posts[0]
    _saved((make_model(), make_tokenizer()), posts, path)
    padded = make_tokenizer()
    padded.add_special_tokens({"pad_token": "<|pad|>"})
    clf = RedFlagClassifier((make_model(), padded)).load(path)
    again = RedFlagClassifier((make_model(), make_tokenizer())).load(path)
    assert_array_equal(clf.decision_function(X), again.decision_function(X))
