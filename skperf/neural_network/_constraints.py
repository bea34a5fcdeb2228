# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What the parameters of torch estimators may be."""

from numbers import Integral, Real

import torch

from skperf.neural_network._optimizers import OPTIMIZERS
from skperf.utils._sklearn import Interval, StrOptions


def constraints(losses):
    """Return the constraints of an estimator that knows these losses by name."""
    return {
        "module": [callable],
        "module_params": [dict, None],
        "loss": [StrOptions(set(losses)), callable],
        "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
        "optimizer_params": [dict, None],
        "l2_penalty": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean", StrOptions({"optimizer"})],
        "dtype": [StrOptions({"float32", "float64"})],
        "device": [str, torch.device],
        "compile": ["boolean"],
        "random_state": ["random_state"],
    }
