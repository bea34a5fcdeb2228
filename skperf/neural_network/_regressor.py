# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Torch modules as scikit-learn regressors."""

from typing import ClassVar

from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from skperf.neural_network._base import BaseTorchEstimator
from skperf.neural_network._constraints import constraints
from skperf.neural_network._losses import REGRESSION_LOSSES
from skperf.utils._sklearn import _fit_context


class TorchRegressor(RegressorMixin, BaseTorchEstimator):
    """Regressor with a torch module that gives values.

    The module returns one value a row and output. By default it is one linear layer,
    which makes this linear regression.

    Parameters
    ----------
    module : torch.nn.Module or callable, default=torch.nn.Linear
        A class or factory, called as ``module(n_inputs, n_outputs, **module_params)``,
        or an instance, which is copied: its weights are where training starts.

    module_params : dict, default=None
        Keyword arguments of the class or factory. Its entries are parameters of the
        estimator, so ``set_params(module__hidden=8)`` and grids of them work.

    loss : {"squared_error", "absolute_error", "huber"} or callable, \
            default="squared_error"
        What is averaged over rows; each is averaged over outputs. "squared_error" is
        half the squared error and "huber" is the same up to an error of 1. A callable
        gets output and target as tensors, both of shape (n_samples,), or
        (n_samples, n_outputs) with several outputs, and returns one value a row.

    optimizer, optimizer_params
        As in :class:`TorchClassifier`.

    l2_penalty, batch_size, max_iter, tol, n_iter_no_change
        As in :class:`TorchClassifier`.

    warm_start, dtype, device, compile, random_state
        As in :class:`TorchClassifier`.

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained module, in evaluation mode.

    loss_curve_ : list of float
        The penalized mean loss in each epoch, over the batches before their steps;
        for "lbfgs" after each iteration.

    n_iter_ : int
        Number of epochs or iterations; over all calls after `partial_fit`.

    n_outputs_ : int
        Number of targets.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has names that are all text.

    See Also
    --------
    TorchClassifier : Classifier with a torch module.
    ScaledSigmoid : Head of a module with values between 0 and a bound.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.neural_network import TorchRegressor
    >>> X = np.arange(4.0)[:, None]
    >>> reg = TorchRegressor(random_state=0).fit(X, 3 * X[:, 0] + 1)
    >>> reg.predict([[10.0]]).round(3)
    array([31.])
    """

    _losses: ClassVar[dict] = REGRESSION_LOSSES
    _parameter_constraints: ClassVar[dict] = constraints(REGRESSION_LOSSES)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch more; with "lbfgs" for one iteration.

        The optimizer's state and the random numbers go on from the last `partial_fit`,
        or from `fit` with ``warm_start="optimizer"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. None means equal weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            As `fit`.
        """
        return self._fit_epoch(X, y, sample_weight)

    def predict(self, X):
        """Predict values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The module's output; one dimension where there is one output.
        """
        output = self._forward(X).numpy()
        return output[:, 0] if self.n_outputs_ == 1 else output

    def __skperf_gradient__(self, X):
        """Compute the gradient of the prediction by the features, by autograd.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        gradient : ndarray of shape (n_samples, n_features), or None
            In float64. None with several outputs, or if the module hides its input from
            autograd.
        """
        return None if self.n_outputs_ > 1 else self._input_gradient(X, 0)

    def __skperf_parameters__(self):
        """Return the trainable numbers of the module, and derivatives by them.

        Returns
        -------
        parameters : object
            What :class:`skperf.shift.Parameters` asks. The module is shared.
        """
        return self._module_parameters()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _check_training_data(self, X, y, *, reset):
        return validate_data(
            self,
            X,
            y,
            dtype=self.dtype,
            multi_output=True,
            y_numeric=True,
            reset=reset,
        )

    def _encode(self, y, classes, *, warm):
        """Return y in the estimator's precision, one column of it as a vector."""
        y = y.astype(self.dtype, copy=False)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if warm and n_outputs != self.n_outputs_:
            raise ValueError(
                f"y has {n_outputs} outputs, but the module is for {self.n_outputs_}. "
                "Fit anew with warm_start=False."
            )
        return y, {"n_outputs_": n_outputs}
