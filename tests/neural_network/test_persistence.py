# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import copy
import json
import pickle
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

from skperf.neural_network import TorchClassifier, TorchRegressor


def make_net(n_inputs, n_outputs, hidden=4):
    return torch.nn.Sequential(
        torch.nn.Linear(n_inputs, hidden),
        torch.nn.BatchNorm1d(hidden),
        torch.nn.Linear(hidden, n_outputs),
    )


@pytest.fixture
def saved(labeled, tmp_path):
    """Return a fitted classifier and the file that it was saved to."""
    X, y = labeled
    clf = TorchClassifier(
        make_net, module_params={"hidden": np.int64(3)}, random_state=0, tol=1e-4
    )
    clf.fit(X, np.array(["no", "yes"])[y])
    clf.save(tmp_path / "net.safetensors")
    return clf, tmp_path / "net.safetensors"


def test_round_trip(saved, labeled):
    clf, path = saved
    loaded = TorchClassifier(make_net).load(path)
    X, _ = labeled
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert_array_equal(loaded.predict(X), clf.predict(X))
    assert loaded.get_params() == clf.get_params()
    assert loaded.loss_curve_ == clf.loss_curve_
    assert loaded.n_iter_ == clf.n_iter_
    assert loaded.partial_fit(X, clf.predict(X)).n_iter_ == clf.n_iter_ + 1


def test_round_trip_of_a_regressor_with_names(linear, tmp_path):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(linear[0], columns=["a", "b", "c"])
    reg = TorchRegressor(dtype="float32", random_state=0, tol=1e-6).fit(X, linear[1])
    reg.save(str(tmp_path / "reg"))
    loaded = TorchRegressor().load(str(tmp_path / "reg"))
    assert_array_equal(loaded.feature_names_in_, ["a", "b", "c"])
    assert_array_equal(loaded.predict(X), reg.predict(X))
    assert loaded.predict(X).dtype == np.float32
    nameless = TorchRegressor(random_state=0).fit(*linear)
    nameless.save(tmp_path / "nameless")
    assert not hasattr(loaded.load(tmp_path / "nameless"), "feature_names_in_")


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        ([0, 1], "int32"),
        ([False, True], "bool"),
        ([0.0, 2.0], "float64"),
        (["a", "bcd"], "str"),
        (["a", "bcd"], "object"),
    ],
)
def test_labels_keep_their_type(labeled, tmp_path, labels, dtype):
    X, y = labeled
    clf = TorchClassifier(random_state=0).fit(X, np.array(labels, dtype=dtype)[y])
    clf.save(tmp_path / "clf")
    loaded = TorchClassifier().load(tmp_path / "clf")
    assert loaded.classes_.dtype == clf.classes_.dtype
    assert loaded.classes_.tolist() == labels


def test_tied_weights(linear, tmp_path):
    def make(n_inputs, n_outputs):
        net = torch.nn.Sequential(*(torch.nn.Linear(3, 3) for _ in range(2)))
        net[1].weight = net[0].weight
        return net.append(torch.nn.Linear(3, n_outputs))

    X, y = linear
    reg = TorchRegressor(make, random_state=0, tol=1e-5).fit(X, y)
    reg.save(tmp_path / "reg")
    loaded = TorchRegressor(make).load(tmp_path / "reg")
    assert loaded.module_[0].weight is loaded.module_[1].weight
    assert_array_equal(loaded.predict(X), reg.predict(X))


def test_file_is_safetensors_with_json(saved):
    clf, path = saved
    tensors = safetensors_torch.load_file(path)
    assert tensors.keys() == clf.module_.state_dict().keys()
    with safetensors_torch.safe_open(path, framework="pt") as file:
        content = json.loads(file.metadata()["skperf"])
    assert content["params"]["module__hidden"] == 3
    assert "module" not in content["params"]


def test_loading_leaves_the_generator_alone(saved):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    TorchClassifier(make_net).load(saved[1])
    assert_array_equal(torch.rand(2), expected)


def test_another_class_is_refused(saved):
    with pytest.raises(ValueError, match="holds a TorchClassifier"):
        TorchRegressor(make_net).load(saved[1])


def test_another_module_is_refused_and_changes_nothing(saved, labeled):
    clf = TorchClassifier(lambda i, o, hidden: torch.nn.Linear(i, o))
    message = r"another module.*0.weight: \(3, 4\) in the file, none in the module"
    with pytest.raises(ValueError, match=message):
        clf.load(saved[1])
    assert clf.module_params is None
    assert not hasattr(clf, "module_")


def test_another_shape_is_refused(saved):
    module = make_net(4, 1, hidden=5)
    clf = TorchClassifier(lambda i, o, hidden: module)
    with pytest.raises(ValueError, match=r"0.bias: \(3,\) in the file, \(5,\)"):
        clf.load(saved[1])


def test_foreign_files_are_refused(tmp_path):
    (tmp_path / "text").write_text("something else, long enough for a header")
    safetensors_torch.save_file({"a": torch.zeros(1)}, tmp_path / "other")
    for name in ("text", "other"):
        with pytest.raises(ValueError, match=f"{name}' is not a file that save"):
            TorchClassifier().load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        TorchClassifier().load(tmp_path / "missing")


def test_failed_save_keeps_the_old_file(saved, labeled):
    clf, path = saved
    before = path.read_bytes()
    clf.classes_ = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")
    with pytest.raises(TypeError, match="Cannot write a date"):
        clf.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "carry", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_pickle_and_deepcopy(saved, labeled, carry):
    clf, _ = saved
    X, _ = labeled
    copied = carry(clf)
    expected = clf.predict_proba(X)
    assert_array_equal(copied.predict_proba(X), expected)
    copied.partial_fit(X, clf.predict(X))
    assert np.any(copied.predict_proba(X) != expected)
    assert_array_equal(clf.predict_proba(X), expected)


def test_save_without_safetensors(saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ImportError, match=r"pip install skperf\[torch\]"):
        saved[0].save(saved[1])


@pytest.mark.parametrize("cls", [TorchClassifier, TorchRegressor])
def test_load_is_called_on_an_instance(cls, tmp_path):
    words = r"load was called on the class.*TorchClassifier\(module\)\.load"
    with pytest.raises(TypeError, match=words):
        cls.load(tmp_path / "model.safetensors")
