# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The methods of torch estimators that write them to a file and read them."""

import torch

from skperf.neural_network._random import borrow_generators
from skperf.neural_network._start import start_module
from skperf.utils._calls import called_on_instance
from skperf.utils._persistence import (
    become,
    fitted_attributes,
    read,
    with_params,
    write,
)

# not restored by `load`: code comes from the estimator, and the device may be gone
_NOT_SAVED = {"module", "module_params", "optimizer_params", "device"}


class PersistenceMixin:
    """Files with weights, fitted attributes and plain parameters."""

    def save(self, path):
        """Write the fitted estimator to a safetensors file.

        The file holds the weights of the module and, as JSON, the fitted attributes
        and those parameters that are plain: numbers, text, None and lists of them. It
        holds no code, and no state of the optimizer; pickle keeps both.

        Parameters
        ----------
        path : str or path-like
            The file. An old one is replaced once the new one is complete.

        Raises
        ------
        ImportError
            If safetensors is not installed.

        TypeError
            If labels are neither text nor numbers.
        """
        params = {k: v for k, v in self.get_params().items() if k not in _NOT_SAVED}
        fitted = fitted_attributes(self)
        tensors = fitted.pop("module_").state_dict()
        write(path, self, tensors, params=params, fitted=fitted)

    @called_on_instance(
        "Write TorchClassifier(module).load(path), or the same with TorchRegressor and "
        "the module that was saved."
    )
    def load(self, path):
        """Become the estimator that was saved to a file.

        Parameters
        ----------
        path : str or path-like
            A file that :meth:`save` wrote.

        Returns
        -------
        self : object
            The fitted estimator. Parameters in the file replace its own; `module`,
            `device`, and callables are its own and should be those that were saved.

        Raises
        ------
        ImportError
            If safetensors is not installed.

        ValueError
            If the file is of another kind, class of estimator or module. The estimator
            then stays as it was.
        """
        tensors, content = read(path, self)
        params, fitted = content["params"], content["fitted"]
        saved = with_params(self, params)
        with borrow_generators(torch.device("cpu"), 0):
            module = start_module(saved, fitted["n_features_in_"], fitted["n_outputs_"])
        _check_fits(module, tensors)
        module.load_state_dict(tensors)
        become(self, params, fitted | {"module_": module.eval()})
        self._training_state = None
        return self


def _check_fits(module, tensors):
    """Raise unless the tensors have the names and shapes of the module's."""
    expected = {name: tuple(t.shape) for name, t in module.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    differing = sorted(
        name
        for name in expected.keys() | found.keys()
        if expected.get(name) != found.get(name)
    )
    if differing:
        shapes = ", ".join(
            f"{name}: {found.get(name, 'none')} in the file, "
            f"{expected.get(name, 'none')} in the module"
            for name in differing
        )
        raise ValueError(
            "The file has the weights of another module. Make the estimator with the "
            f"module that was saved. Shapes differ: {shapes}."
        )
