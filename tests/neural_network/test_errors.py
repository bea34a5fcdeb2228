# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

torch = pytest.importorskip("torch")

from skperf.neural_network import TorchClassifier, TorchRegressor


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"module": 3}, "'module' parameter"),
        ({"loss": "hinge"}, "'loss' parameter"),
        ({"optimizer": "newton"}, "'optimizer' parameter"),
        ({"l2_penalty": -1}, "'l2_penalty' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"warm_start": "weights"}, "'warm_start' parameter"),
        ({"dtype": "float16"}, "'dtype' parameter"),
        ({"module_params": [1]}, "'module_params' parameter"),
    ],
)
def test_parameters_are_checked(linear, params, message):
    with pytest.raises(InvalidParameterError, match=message):
        TorchRegressor(**params).fit(*linear)


def test_lbfgs_refuses_batches(linear):
    with pytest.raises(ValueError, match=r"full batch; got batch_size=10"):
        TorchRegressor(batch_size=10).fit(*linear)


def test_an_instance_takes_no_parameters(linear):
    reg = TorchRegressor(torch.nn.Linear(3, 1), module_params={"bias": False})
    with pytest.raises(ValueError, match="module is an instance"):
        reg.fit(*linear)


def test_a_factory_must_return_a_module(linear):
    with pytest.raises(TypeError, match=r"should be a torch.nn.Module.*returned a int"):
        TorchRegressor(lambda n_inputs, n_outputs: 3).fit(*linear)


def test_the_output_must_have_one_row_a_sample(linear):
    module = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0))
    with pytest.raises(ValueError, match=r"shape \(100, 1\).*got shape \(100,\)"):
        TorchRegressor(module).fit(*linear)
    with pytest.raises(ValueError, match=r"shape \(100, 1\).*got shape \(100, 2\)"):
        TorchRegressor(torch.nn.Linear(3, 2)).fit(*linear)


def test_the_output_must_be_a_tensor(linear):
    class Pair(torch.nn.Linear):
        def forward(self, X):
            return super().forward(X), X

    with pytest.raises(ValueError, match="got a tuple"):
        TorchRegressor(Pair).fit(*linear)


def test_the_loss_must_have_one_value_a_row(linear):
    loss = torch.nn.MSELoss()
    with pytest.raises(ValueError, match=r"one value a row.*reduction='none'"):
        TorchRegressor(loss=loss).fit(*linear)


def test_weights_must_not_be_negative_or_all_zero(linear):
    for weight, message in ((-1.0, "Negative"), (0.0, "non-zero")):
        with pytest.raises(ValueError, match=message):
            TorchRegressor().fit(*linear, sample_weight=np.full(100, weight))


def test_sparse_input_is_refused(linear):
    X, y = linear
    with pytest.raises(TypeError, match="Sparse data was passed"):
        TorchRegressor().fit(csr_array(X), y)


def test_predicting_needs_fit(linear):
    reg = TorchRegressor(module_params={"hidden": 2})
    with pytest.raises(TypeError, match="hidden"):
        reg.fit(*linear)
    with pytest.raises(NotFittedError):
        reg.predict(linear[0])


def test_warm_start_refuses_other_features(linear):
    X, y = linear
    reg = TorchRegressor(warm_start=True, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="X has 2 features, but TorchRegressor"):
        reg.fit(X[:, :2], y)


def test_continuous_labels_are_refused(linear):
    with pytest.raises(ValueError, match="Unknown label type"):
        TorchClassifier().fit(*linear)


@pytest.mark.parametrize("package", ["skperf", "skperf.neural_network"])
def test_import_without_torch(package):
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(name, *args):\n"
        "        if name == 'torch': raise ModuleNotFoundError(name)\n"
        f"sys.meta_path.insert(0, Missing)\nimport {package}"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if package == "skperf":
        assert done.returncode == 0
    else:
        assert "ImportError: skperf.neural_network needs PyTorch." in done.stderr
        assert "pip install skperf[torch]" in done.stderr
