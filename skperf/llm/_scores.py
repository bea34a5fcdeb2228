# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The methods of RedFlagClassifier that say what a fitted one thinks of texts."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skperf.llm._aggregates import POOLINGS, pool, summarize
from skperf.llm._threshold import HARMLESS_ONLY, conformal_threshold
from skperf.llm.text._batches import POSITIONS_AT_ONCE, runs
from skperf.llm.tuning._adapters import reader
from skperf.llm.tuning._row import FlagRow, log_odds
from skperf.utils._calls import called_with


class PositionScores(NamedTuple):
    """The flag at every scored position of a text.

    Parameters
    ----------
    log_odds : ndarray of shape (n_positions,)
        Log-odds of the flag after each token.

    offsets : ndarray of shape (n_positions, 2)
        Start and end of each token, in characters of the scored text.
    """

    log_odds: np.ndarray
    offsets: np.ndarray


# scikit-learn lets set_output govern a transform only where TransformerMixin is a base
class ScoringMixin(TransformerMixin):
    """Scores of positions and of texts, and decisions by a threshold."""

    def score_positions(self, X):
        """Compute the log-odds of the flag at every scored position.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in `fit`.

        Returns
        -------
        scores : list of PositionScores
            Log-odds and character offsets, of each text. In a pair or chat, offsets
            count from the start of the response or last message.
        """
        check_is_fitted(self)
        texts = self.language_model_.tokenize(X)
        weights = getattr(self, "lora_weights_", None)
        read = reader(self.language_model_, self.layer_, weights)
        row = FlagRow(self.coef_, self.intercept_)
        parts = runs([len(text.scored) for text in texts], POSITIONS_AT_ONCE)
        return [
            PositionScores(log_odds(row, states), text.offsets)
            for part in parts
            for text, states in zip(texts[part], read(texts[part]), strict=True)
        ]

    def decision_function(self, X):
        """Compute the log-odds of the second class.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in `fit`.

        Returns
        -------
        log_odds : ndarray of shape (n_samples,)
            Of ``classes_[1]``, as scikit-learn has it: the flag's log-odds, which are
            aggregates of those of the positions, if ``pos_label_`` is that class, and
            otherwise minus these.
        """
        log_odds = self._flag_log_odds(X)
        return log_odds if self._flags_second() else -log_odds

    def _flags_second(self):
        return self.pos_label_ == self.classes_[1]

    def _flag_log_odds(self, X):
        scores = self.score_positions(X)
        pooled = [pool(s.log_odds, self.aggregate, self.window) for s in scores]
        return np.array(pooled)

    def predict_proba(self, X):
        """Compute class probabilities.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in `fit`.

        Returns
        -------
        proba : ndarray of shape (n_samples, 2)
            Probabilities in the order of ``classes_``, from the log-odds of the texts.
            An aggregate of well calibrated positions need not be well calibrated; wrap
            the fitted classifier in CalibratedClassifierCV where that matters.
        """
        log_odds = self.decision_function(X)
        return expit(np.column_stack([-log_odds, log_odds]))

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in `fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            ``pos_label_`` where the flag's log-odds are above ``threshold_``.
        """
        flagged = self._flag_log_odds(X) > self.threshold_
        second = flagged if self._flags_second() else ~flagged
        return self.classes_[second.astype(int)]

    def transform(self, X):
        """Summarise each text by some aggregates of the flag's log-odds.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in `fit`.

        Returns
        -------
        summary : ndarray of shape (n_samples, 5)
            Mean, maximum, largest mean over a window, first and last log-odds.
        """
        scores = self.score_positions(X)
        return np.array([summarize(s.log_odds, self.window) for s in scores])

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns that `transform` makes.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Not used.

        Returns
        -------
        names : ndarray of shape (5,)
            The names.
        """
        check_is_fitted(self)
        return np.array([f"red_flag_{name}" for name in POOLINGS], dtype=object)

    @called_with(HARMLESS_ONLY)
    def fit_threshold(self, X_benign, target_fpr=0.05):
        """Set ``threshold_`` so that few harmless texts are flagged.

        If the harmless texts to come are exchangeable with `X_benign`, none of which
        the classifier was fitted on, the chance that `predict` flags one is at most
        `target_fpr`: split conformal prediction. The chance is over both the draw of
        `X_benign` and the new text.

        Parameters
        ----------
        X_benign : iterable of length n_samples, or table with one or two columns
            Texts that are not flagged, so not of the class ``pos_label_``, of the kind
            that will be seen.

        target_fpr : float, default=0.05
            The chance of a false flag, between 0 and 1.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If there are too few texts for `target_fpr`.
        """
        if not isinstance(target_fpr, Real):
            raise TypeError(
                "target_fpr should be a number between 0 and 1; got a "
                f"{type(target_fpr).__name__}. {HARMLESS_ONLY}"
            )
        if not 0 < target_fpr < 1:
            raise ValueError(
                f"target_fpr should be between 0 and 1, exclusive; got {target_fpr}."
            )
        scores = self._flag_log_odds(X_benign)
        self.threshold_ = conformal_threshold(scores, target_fpr)
        return self
