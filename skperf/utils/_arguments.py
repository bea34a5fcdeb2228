# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What users hand over in place of an estimator or a shift, and what was meant."""

from types import BuiltinFunctionType, FunctionType, MethodType

from skperf.utils._sklearn import HasMethods

_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType)


class PredictingEstimator(HasMethods):
    """Constraint on a parameter: an estimator that predicts once it is fitted.

    What it has before ``fit`` does not tell: a StackingClassifier asks a part that it
    makes there.
    """

    def __init__(self):
        super().__init__(["fit", "predict"])

    def is_satisfied_by(self, val):
        """Tell whether the value, or what it is an instance of, has the methods."""
        known = (val, type(val))
        return all(
            any(callable(getattr(place, name, None)) for place in known)
            for name in self.methods
        )


def require_estimator(value):
    """Raise a TypeError where something else was handed over as an estimator."""
    if isinstance(value, type):
        raise TypeError(
            f"The 'estimator' parameter is the class {value.__name__}; expected an "
            f"instance. Pass {value.__name__}(...)."
        )
    if _is_torch_module(value) and not PredictingEstimator().is_satisfied_by(value):
        raise TypeError(
            f"The 'estimator' parameter is {type(value).__name__}, a bare torch "
            "module, which does not say how it is trained. Wrap it: "
            "skperf.neural_network.TorchClassifier(module) or TorchRegressor(module)."
        )


def require_shift(value):
    """Raise a TypeError where something else was handed over as a shift."""
    if isinstance(value, type):
        raise TypeError(
            f"The 'shift' parameter is the class {value.__name__}; expected an "
            f"instance. Pass {value.__name__}(...)."
        )
    if isinstance(value, _FUNCTIONS):
        raise TypeError(
            f"The 'shift' parameter is a function; expected an instance of a shift. "
            f"Wrap it: FunctionShift({value.__name__})."
        )
    if value is None or not (hasattr(value, "bind") and hasattr(value, "sample")):
        raise TypeError(
            f"The 'shift' parameter is {value!r}; expected an instance of a shift, "
            "such as ResampleIfRejected(delta=0.5), or FunctionShift(func) for a "
            "function func(X, y, y_pred) of your own."
        )


def _is_torch_module(value):
    classes = type(value).__mro__
    return any(f"{c.__module__}.{c.__name__}".startswith("torch.nn.") for c in classes)
