# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What all classifiers have in common that read texts with a language model."""

from copy import copy

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.validation import check_is_fitted

from skperf.llm._decisions import DecisionMixin
from skperf.llm.model._exchange import require_like
from skperf.llm.model._language_model import LanguageModel, as_language_model

# True of the language model that was learnt from, and of no other.
_MEASURED = ("kl_to_base_", "flag_mass_", "drift_")


class TextClassifier(DecisionMixin, ClassifierMixin, BaseEstimator):
    """A classifier of texts with a handle on a language model."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_class = False
        return tags

    def __sklearn_is_fitted__(self):
        return hasattr(self, "coef_")

    @property
    def __skperf_pos_label__(self):
        """The flagged label, for predictors: what people react to is the flag."""
        return getattr(self, "pos_label_", None)

    def __getstate__(self):
        """Put a handle, which pickles its name only, in place of a loaded model."""
        state = super().__getstate__().copy()
        if isinstance(self.language_model, tuple):
            handle = getattr(self, "language_model_", None)
            state["language_model"] = handle or LanguageModel(*self.language_model)
        return state

    def with_language_model(self, language_model):
        """Return a copy that reads texts with another language model.

        What was learnt stays as it is, thresholds too. So this shows what a detector is
        worth after the model was changed, for example fine-tuned, and before it is
        fitted again.

        Parameters
        ----------
        language_model : LanguageModel, str, path-like or tuple
            As in the constructor: a model of the same sizes, with the same tokens.

        Returns
        -------
        changed : object
            A fitted copy. Divergences that were measured in `fit` are not those of the
            other model, and the copy has none.

        Raises
        ------
        ValueError
            If the other model differs in its sizes or its tokens.
        """
        check_is_fitted(self)
        other = as_language_model(language_model)
        require_like(self.language_model_, other)
        changed = copy(self)
        changed.language_model = changed.language_model_ = other
        for name in _MEASURED:
            vars(changed).pop(name, None)
        return changed

    def _weigh(self, labels, flagged, sample_weight):
        totals = np.bincount(flagged, sample_weight)
        if not totals.all():
            raise ValueError(
                f"All texts of the class {labels[totals.argmin()]} have weight 0; "
                "both classes are needed."
            )
        by_class = compute_class_weight(
            self.class_weight,
            classes=labels,
            y=labels[flagged],
            sample_weight=sample_weight,
        )
        return sample_weight * by_class[flagged]

    def _forget_thresholds(self):
        self.threshold_, self.threshold_looks_, self.threshold_by_ = 0.0, "last", None
