# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Torch modules as scikit-learn classifiers."""

from typing import ClassVar

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_consistent_length,
    column_or_1d,
    validate_data,
)
from torch.nn.functional import logsigmoid

from skperf.neural_network._base import BaseTorchEstimator
from skperf.neural_network._constraints import constraints
from skperf.neural_network._losses import CLASSIFICATION_LOSSES
from skperf.utils._sklearn import _fit_context


class TorchClassifier(ClassifierMixin, BaseTorchEstimator):
    """Classifier with a torch module that gives logits.

    The module returns one logit a row for two classes and one logit a class for more.
    By default it is one linear layer, which makes this logistic regression.

    Parameters
    ----------
    module : torch.nn.Module or callable, default=torch.nn.Linear
        A class or factory, called as ``module(n_inputs, n_outputs, **module_params)``,
        or an instance, which is copied: its weights are where training starts.

    module_params : dict, default=None
        Keyword arguments of the class or factory. Its entries are parameters of the
        estimator, so ``set_params(module__hidden=8)`` and grids of them work.

    loss : {"log_loss", "squared_error"} or callable, default="log_loss"
        What is averaged over rows. "squared_error" is half the squared error of the
        probability of ``classes_[1]``; with more than two classes half the sum over the
        probabilities of all. A callable gets logits and target as tensors and returns
        one value a row. With two classes both have the shape (n_samples,) and the
        target is 0.0 or 1.0; otherwise logits have the shape (n_samples, n_classes) and
        the target holds positions in ``classes_``.

    optimizer : {"lbfgs", "adam", "adamw", "sgd"} or callable, default="lbfgs"
        A name, a class of ``torch.optim`` or another callable that takes parameters
        and returns such an optimizer. "lbfgs" searches lines by the strong Wolfe
        conditions, keeps a history of 10 and needs the full batch.

    optimizer_params : dict, default=None
        Keyword arguments of the optimizer, tunable as ``optimizer__lr`` and so on.

    l2_penalty : float, default=0.0
        ``0.5 * l2_penalty`` times the sum of squared weights is added to the weighted
        mean loss. As in scikit-learn's MLP biases are not penalized: weights are the
        trainable parameters with two dimensions or more.

    batch_size : int, default=None
        Rows a gradient step, in an order that is drawn anew for each epoch. None means
        all rows. Predictions are made in batches of this size too.

    max_iter : int, default=1000
        The most epochs; for "lbfgs" the most iterations.

    tol : float, default=1e-9
        An epoch without progress is one whose loss is not below the lowest so far by
        more than `tol`. Training stops after `n_iter_no_change` of these in a row.
        "lbfgs" stops when a single iteration changes the loss, or every parameter, by
        no more than `tol`.

    n_iter_no_change : int, default=10
        Epochs in a row without progress that end training; not used by "lbfgs".

    warm_start : {False, True, "optimizer"}, default=False
        Whether `fit` starts from the weights of the fitted module. "optimizer" also
        continues with the state of the optimizer and of the random numbers, so that
        two fits on the same data are the same as one long fit.

    dtype : {"float64", "float32"}, default="float64"
        Precision of the data and the module. scikit-learn's float64 lets a loop of
        retraining converge further; float32 is faster on a GPU.

    device : str or torch.device, default="cpu"
        Where training takes place.

    compile : bool, default=False
        Whether to train with ``torch.compile(module)``. It takes seconds and pays for
        long training of large modules.

    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, the batches and layers such as dropout. Torch's
        global generators are left as they were.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.

    module_ : torch.nn.Module
        The trained module, in evaluation mode.

    loss_curve_ : list of float
        The penalized mean loss in each epoch, over the batches before their steps;
        for "lbfgs" after each iteration.

    n_iter_ : int
        Number of epochs or iterations; over all calls after `partial_fit`.

    n_outputs_ : int
        Number of logits.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has names that are all text.

    See Also
    --------
    TorchRegressor : Regressor with a torch module.

    Notes
    -----
    The mean loss is ``sum(w * loss) / sum(w)``, so with the full batch the weight k is
    the same as k copies of a row. A batch divides by its number of rows and the mean
    weight of all data instead, so that its gradient is unbiased.

    Fits draw from torch's global generators, which hold other numbers meanwhile. Run
    concurrent fits in processes, not in threads, to keep them reproducible.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from torch import nn
    >>> from skperf.neural_network import TorchClassifier
    >>> def net(n_inputs, n_outputs, hidden=4):
    ...     return nn.Sequential(
    ...         nn.Linear(n_inputs, hidden), nn.Tanh(), nn.Linear(hidden, n_outputs)
    ...     )
    >>> X, y = make_moons(100, noise=0.1, random_state=0)
    >>> clf = TorchClassifier(net, l2_penalty=1e-3, random_state=0)
    >>> clf.set_params(module__hidden=8).fit(X, y).score(X, y)
    1.0
    """

    _losses: ClassVar[dict] = CLASSIFICATION_LOSSES
    _parameter_constraints: ClassVar[dict] = constraints(CLASSIFICATION_LOSSES)

    def __init__(
        self,
        module=torch.nn.Linear,
        *,
        module_params=None,
        loss="log_loss",
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
        super().__init__(
            module,
            module_params=module_params,
            loss=loss,
            optimizer=optimizer,
            optimizer_params=optimizer_params,
            l2_penalty=l2_penalty,
            batch_size=batch_size,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            warm_start=warm_start,
            dtype=dtype,
            device=device,
            compile=compile,
            random_state=random_state,
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch more; with "lbfgs" for one iteration.

        The optimizer's state and the random numbers go on from the last `partial_fit`,
        or from `fit` with ``warm_start="optimizer"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        y : array-like of shape (n_samples,)
            Labels.

        classes : array-like of shape (n_classes,), default=None
            All labels; needed by the first call.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. None means equal weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            As `fit`, or if `classes` are missing or not those of the first call.
        """
        return self._fit_epoch(X, y, sample_weight, self._check_classes(classes))

    def decision_function(self, X):
        """Compute the logits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The module's output; for two classes that of ``classes_[1]``.
        """
        logits = self._forward(X).numpy()
        return logits[:, 0] if self.n_outputs_ == 1 else logits

    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Probabilities in the order of ``classes_``.
        """
        logits = self._forward(X)
        if self.n_outputs_ == 1:
            return _of_both(logits).sigmoid_().numpy()
        return logits.softmax(dim=1).numpy()

    def predict_log_proba(self, X):
        """Predict logarithms of class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Log probabilities in the order of ``classes_``.
        """
        logits = self._forward(X)
        if self.n_outputs_ == 1:
            return logsigmoid(_of_both(logits)).numpy()
        return logits.log_softmax(dim=1).numpy()

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The most probable label of each row.
        """
        logits = self.decision_function(X)
        codes = (logits > 0).astype(int) if logits.ndim == 1 else logits.argmax(axis=1)
        return self.classes_[codes]

    def __skperf_gradient__(self, X, output=None):
        """Compute the gradient of a logit by the features, by autograd.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        output : int, default=None
            The position of a class in ``classes_``. None for two classes, whose only
            logit is that of ``classes_[1]``.

        Returns
        -------
        gradient : ndarray of shape (n_samples, n_features), or None
            In float64. None if the module hides its input from autograd.
        """
        return self._input_gradient(X, 0 if output is None else output)

    def __skperf_parameters__(self):
        """Return the trainable numbers of the module, and derivatives by them.

        Returns
        -------
        parameters : object
            What :class:`skperf.shift.Parameters` asks. The module is shared.
        """
        return self._module_parameters()

    def _check_classes(self, classes):
        """Return the labels that `partial_fit` trains for."""
        if not self.__sklearn_is_fitted__():
            if classes is None:
                raise ValueError(
                    "The first call of partial_fit needs classes, all labels that will "
                    "ever come."
                )
            return np.unique(classes)
        if classes is not None and not np.array_equal(
            self.classes_, np.unique(classes)
        ):
            raise ValueError(
                f"classes={np.unique(classes).tolist()} are not those of the fitted "
                f"module, {self.classes_.tolist()}. Leave them out, or fit anew."
            )
        return self.classes_

    def _check_training_data(self, X, y, *, reset):
        if not reset and self._is_checked(X):
            if type(y) is not np.ndarray or y.ndim != 1:  # or else it is one already
                y = column_or_1d(y, warn=True)
            check_consistent_length(X, y)
            return X, y
        X, y = validate_data(self, X, y, dtype=self.dtype, reset=reset)
        if reset:  # later labels must be among the first
            check_classification_targets(y)
        return X, y

    def _encode(self, y, classes, *, warm):
        """Return positions in the classes, of float type where there are two."""
        classes = self.classes_ if warm else classes
        if classes is None:
            labels, codes = np.unique(y, return_inverse=True)
        else:
            labels, codes = classes, _positions(y, classes)
        if len(labels) < 2:
            raise ValueError(
                "TorchClassifier needs at least 2 classes in the data; got 1 class: "
                f"{labels.tolist()}."
            )
        if len(labels) == 2:
            return codes.astype(self.dtype), {"classes_": labels, "n_outputs_": 1}
        return codes, {"classes_": labels, "n_outputs_": len(labels)}


def _of_both(logits):
    """Return the logits of both classes, each column in one piece."""
    both = logits.new_empty((2, len(logits)))
    torch.neg(logits[:, 0], out=both[0])
    both[1] = logits[:, 0]
    return both.T


def _positions(y, classes):
    """Return the position of each label in the sorted classes."""
    second = y == classes[-1]
    if len(classes) == 2 and np.all(second | (y == classes[0])):
        return second.astype(int)  # ten times as fast
    labels, where = y, slice(None)
    if y.dtype.kind not in "biuf":  # sorting text is slow
        labels, where = np.unique(y, return_inverse=True)
    positions = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    unknown = labels[classes[positions] != labels]
    if len(unknown):
        raise ValueError(
            f"y has the labels {np.unique(unknown).tolist()}, but the module is for "
            f"the classes {classes.tolist()}. Fit anew with warm_start=False."
        )
    return positions[where]
