# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Boosted trees of XGBoost on tables in batches, with cuts that stay."""

from typing import ClassVar

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import check_consistent_length

from skperf.batches._incremental import find_classes
from skperf.batches._trained import BatchTrained, new_labels
from skperf.utils._blocks import BlockTable, zip_blocks
from skperf.utils._sklearn import HasMethods, _fit_context


class XGBoostEstimator(BatchTrained):
    """An estimator of XGBoost that is trained on tables larger than memory.

    The features are read once and cut into bins, which stay in memory, a byte or two a
    number. Later trainings on the same table, as in the rounds of a minimizer with
    ``ResampleIfRejected``, read nothing but weights.

    Parameters
    ----------
    estimator : XGBClassifier or XGBRegressor
        Its parameters are those of the training. Objectives and callbacks of one's own
        and early stopping are not supported on batches.

    Attributes
    ----------
    estimator_ : estimator
        The trained estimator.

    classes_ : ndarray of shape (n_classes,)
        Class labels, if the estimator is a classifier.

    n_features_in_ : int
        Number of features.

    See Also
    --------
    LightGBMEstimator : Has bins that do not depend on weights.

    Notes
    -----
    XGBoost cuts features at quantiles of the weighted rows. The cuts are made with the
    weights of the first training on a table, in a minimizer those of the base law, and
    stay. In memory each training cuts anew, which gives slightly other trees; features
    with fewer values than bins are cut at all of them either way.

    Examples
    --------
    >>> import numpy as np
    >>> from xgboost import XGBClassifier
    >>> from skperf.batches import Batches, XGBoostEstimator
    >>> rows = np.random.default_rng(0).normal(size=(1000, 3))
    >>> rows[:, 2] = rows[:, 0] > 0
    >>> table = Batches.from_array(rows, batch_size=300)
    >>> X, y = table[[0, 1]], table[2]
    >>> model = XGBoostEstimator(XGBClassifier(n_estimators=5)).fit(X, y)
    >>> model.predict([[-1.0, 0.0], [1.0, 0.0]]).astype(int)
    array([0, 1])
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["get_xgb_params", "get_num_boosting_rounds"])]
    }

    def __init__(self, estimator):
        self.estimator = estimator

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Train a booster.

        Parameters
        ----------
        X : Batches or array-like of shape (n_samples, n_features)
            Features.

        y : Batches or array-like of shape (n_samples,)
            Targets; 0, 1, ... for a classifier.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter of the estimator is not supported on batches, or labels are
            not 0, 1, and so on.
        """
        model = clone(self.estimator)
        if not isinstance(X, BlockTable):
            self.estimator_ = model.fit(X, y, sample_weight=sample_weight)
            return self
        import xgboost

        check_consistent_length(X, y)
        params = self._params(y)
        data = _cut_into_bins(X, y, sample_weight, params.get("max_bin") or 256)
        n_rounds = model.get_num_boosting_rounds()
        booster = xgboost.train(params, data, num_boost_round=n_rounds)
        model.load_model(booster.save_raw())
        self.estimator_ = model
        return self

    def _params(self, y):
        """Return the parameters of a training, as XGBoost's own estimators do."""
        model = self.estimator
        own = (
            model.early_stopping_rounds or model.callbacks or callable(model.objective)
        )
        if own:
            raise ValueError(
                "On batches XGBoost is trained without early stopping and callbacks, "
                "and with objectives of its own. Leave them out, or load the table."
            )
        params = model.get_xgb_params()
        if not is_classifier(model):
            return params
        classes = find_classes(y)
        if not np.array_equal(classes, np.arange(len(classes))):
            raise ValueError(
                f"XGBoost needs the labels 0 to {len(classes) - 1}; y has "
                f"{classes.tolist()}. Write them so."
            )
        if len(classes) > 2:
            params |= {"objective": "multi:softprob", "num_class": len(classes)}
        return params


def _cut_into_bins(X, y, sample_weight, max_bin):
    """Return the data of a table, made once and kept with it, with other weights."""
    known = X.known.get("xgboost")
    if known is None or known["max_bin"] != max_bin:
        data = _make_bins(X, sample_weight, max_bin)
        known = X.known["xgboost"] = {"max_bin": max_bin, "data": data, "y": None}
    labels = new_labels(known, y, X.sizes, np.float32)
    if labels is not None:
        known["data"].set_info(label=labels)
    weights = np.ones(len(X)) if sample_weight is None else sample_weight
    known["data"].set_info(weight=np.float32(weights))
    return known["data"]


def _make_bins(X, sample_weight, max_bin):
    import xgboost

    class Rows(xgboost.DataIter):
        def __init__(self):
            super().__init__()
            self.reset()

        def reset(self):
            self.blocks = zip_blocks(X, sample_weight)

        def next(self, input_data):
            block, weights = next(self.blocks, (None, None))
            if block is None:
                return False
            input_data(data=block, weight=weights)
            return True

    return xgboost.QuantileDMatrix(Rows(), max_bin=max_bin)
