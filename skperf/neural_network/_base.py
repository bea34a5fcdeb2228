# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What TorchClassifier and TorchRegressor share: torch modules as estimators."""

import warnings
from abc import ABCMeta, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skperf.neural_network._gradient import input_gradient, is_linear
from skperf.neural_network._loss_slopes import row_slopes
from skperf.neural_network._module_parameters import ModuleParameters
from skperf.neural_network._objective import Objective, check_output, trainable
from skperf.neural_network._optimizers import (
    make_optimizer,
    restore_state,
    save_state,
)
from skperf.neural_network._params import NestedParamsMixin
from skperf.neural_network._persistence import PersistenceMixin
from skperf.neural_network._random import borrow_generators, generator_states
from skperf.neural_network._start import start_module
from skperf.neural_network._training import train
from skperf.utils._sklearn import _check_sample_weight, _fit_context, _num_samples


class BaseTorchEstimator(
    PersistenceMixin, NestedParamsMixin, BaseEstimator, metaclass=ABCMeta
):
    """Training and prediction; subclasses know about targets."""

    _losses: ClassVar[dict]
    _parameter_constraints: ClassVar[dict]

    def __init__(
        self,
        module=torch.nn.Linear,
        *,
        module_params=None,
        loss="squared_error",
        optimizer="lbfgs",
        optimizer_params=None,
        l2_penalty=0.0,
        batch_size=None,
        max_iter=1000,
        tol=1e-9,
        n_iter_no_change=10,
        warm_start=False,
        dtype="float64",
        device="cpu",
        compile=False,
        random_state=None,
    ):
        self.module = module
        self.module_params = module_params
        self.loss = loss
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.l2_penalty = l2_penalty
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.dtype = dtype
        self.device = device
        self.compile = compile
        self.random_state = random_state

    @abstractmethod
    def _check_training_data(self, X, y, *, reset):
        """Return X and y as arrays."""

    @abstractmethod
    def _encode(self, y, classes, *, warm):
        """Return the target of the loss, and fitted attributes that describe it."""

    def __sklearn_is_fitted__(self):
        return hasattr(self, "module_")

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the module.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; one column for a classifier.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. None means equal weights.

        Returns
        -------
        self : object
            The fitted estimator. If training fails, its module stays as it was.

        Raises
        ------
        ValueError
            If data or parameters are not valid, if the module or the loss return
            another shape than expected, or if the loss is no longer finite.
        """
        warm = bool(self.warm_start) and self.__sklearn_is_fitted__()
        resume = self.warm_start == "optimizer"
        losses, converged = self._train(
            X, y, sample_weight, warm=warm, resume=resume, max_iter=self.max_iter
        )
        self.loss_curve_ = losses
        self.n_iter_ = len(losses)
        if not converged:
            warnings.warn(
                f"Training did not converge in max_iter={self.max_iter} epochs with "
                f"tol={self.tol:g}. Increase max_iter or tol, scale the features, or "
                "tune optimizer__lr.",
                ConvergenceWarning,
                stacklevel=3,  # past fit and its wrapper
            )
        return self

    def _fit_epoch(self, X, y, sample_weight, classes=None):
        """Train for one more epoch."""
        warm = self.__sklearn_is_fitted__()
        past = self.loss_curve_ if warm else []
        losses, _ = self._train(
            X, y, sample_weight, classes=classes, warm=warm, resume=True, max_iter=1
        )
        self.loss_curve_ = past + losses
        self.n_iter_ = len(self.loss_curve_)
        return self

    def _train(self, X, y, sample_weight, *, classes=None, warm, resume, max_iter):
        """Train from the fitted weights if `warm`; keep and use the state if `resume`.

        The state is that of the optimizer and of the random number generators.
        """
        X, y = self._check_training_data(X, y, reset=not warm)
        target, fitted = self._encode(y, classes, warm=warm)
        rows = self._to_tensors(X, target, sample_weight)
        state = self._training_state if warm and resume else None
        with borrow_generators(torch.device(self.device), self._random_start(state)):
            n_outputs = fitted["n_outputs_"]
            module = start_module(self, X.shape[1], n_outputs, warm=warm).train()
            optimizer = self._make_optimizer(trainable(module), max_iter)
            if state:
                restore_state(optimizer, state["optimizer"])
            losses, converged = train(
                self._make_objective(module, n_outputs),
                optimizer,
                rows,
                batch_size=self.batch_size,
                max_iter=max_iter,
                tol=self.tol,
                n_iter_no_change=self.n_iter_no_change,
            )
            state = self._capture(optimizer) if resume else None
        module.zero_grad()
        fitted |= {"module_": module.eval(), "_training_state": state}
        self.__dict__.update(fitted)
        return losses, converged

    def _to_tensors(self, X, target, sample_weight):
        """Return features, target and weights, of mean 1 or None, on the device."""
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, X, dtype=X.dtype, ensure_non_negative=True
            )
            sample_weight = sample_weight / sample_weight.mean()
        arrays = (X, target, sample_weight)
        return tuple(a if a is None else _tensor(a).to(self.device) for a in arrays)

    def _random_start(self, state):
        if state:
            return state["generators"]
        return check_random_state(self.random_state).randint(np.iinfo(np.int32).max)

    def _capture(self, optimizer):
        generators = generator_states(torch.device(self.device))
        return {"optimizer": save_state(optimizer), "generators": generators}

    def _make_optimizer(self, parameters, max_iter):
        optimizer = make_optimizer(
            self.optimizer,
            parameters,
            self.optimizer_params,
            max_iter=max_iter,
            tol=self.tol,
        )
        if self.batch_size is not None and isinstance(optimizer, torch.optim.LBFGS):
            raise ValueError(
                "L-BFGS needs the full batch; got batch_size="
                f"{self.batch_size}. Use batch_size=None, or optimizer='adam'."
            )
        return optimizer

    def _make_objective(self, module, n_outputs):
        module = torch.compile(module) if self.compile else module
        loss = self.loss if callable(self.loss) else self._losses[self.loss]
        return Objective(module, loss, self.l2_penalty, n_outputs)

    def _forward(self, X):
        """Return the module's output, a tensor of shape (n_samples, n_outputs)."""
        rows = self._check_rows(X)
        with torch.inference_mode():
            outputs = [self.module_(batch).cpu() for batch in self._batches(rows)]
            output = outputs[0] if len(outputs) == 1 else torch.cat(outputs)
        return check_output(output, len(rows), self.n_outputs_)

    def _input_gradient(self, X, output):
        """Return the gradient of one of the module's outputs as array, or None."""
        check_is_fitted(self)
        if is_linear(self.module_):  # the same everywhere
            row = self.module_.weight[output].detach().double().cpu().numpy()
            return np.broadcast_to(row, (_num_samples(X), len(row)))
        rows = self._check_rows(X)
        gradient = input_gradient(self.module_, self._batches(rows), output)
        return None if gradient is None else gradient.double().numpy()

    def __skperf_losses__(self, X, y):
        """Return the loss of each row, and its derivatives by output and target.

        That by the target is None where targets are classes.
        """
        check_is_fitted(self)
        target, _ = self._encode(np.asarray(y), None, warm=True)
        loss = self.loss if callable(self.loss) else self._losses[self.loss]
        return row_slopes(loss, self._forward(X), torch.as_tensor(target))

    def _module_parameters(self):
        """Return the trainable numbers of the module, which is shared."""
        check_is_fitted(self)
        return ModuleParameters(self.module_, self._check_batches, self.n_outputs_)

    def _check_batches(self, X):
        """Return new data in batches, as the module takes them."""
        return self._batches(self._check_rows(X))

    def _check_rows(self, X):
        """Return new data as a tensor."""
        check_is_fitted(self)
        if not self._is_checked(X):
            X = validate_data(self, X, dtype=self.dtype, reset=False)
        return _tensor(X)

    def _is_checked(self, X):
        """Return whether X is an array in which scikit-learn would find no fault.

        Looking through all that it might be takes longer than a small module does.
        """
        if type(X) is not np.ndarray or hasattr(self, "feature_names_in_"):
            return False
        alike = X.ndim == 2 and X.shape[1] == self.n_features_in_ and len(X) > 0
        with np.errstate(over="ignore", invalid="ignore"):
            return alike and X.dtype == self.dtype and np.isfinite(np.vdot(X, X))

    def _batches(self, rows):
        """Yield batches in the precision and on the device of the module."""
        weight = next(self.module_.parameters())
        for batch in rows.split(self.batch_size or len(rows)):
            yield batch.to(weight)


def _tensor(array):
    """Return a tensor that shares the array's memory where it can."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))
