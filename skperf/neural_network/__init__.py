# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""PyTorch modules as scikit-learn estimators."""

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        "skperf.neural_network needs PyTorch. Install it with: "
        "pip install skperf[torch]"
    ) from error

from skperf.neural_network._classifier import TorchClassifier
from skperf.neural_network._modules import ScaledSigmoid
from skperf.neural_network._regressor import TorchRegressor

__all__ = ["ScaledSigmoid", "TorchClassifier", "TorchRegressor"]
