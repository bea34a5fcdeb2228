# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The methods of detectors that say what a fitted one thinks of texts."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skperf.llm._aggregates import AGGREGATES, text_score_of
from skperf.llm._forms import warn_of_forms
from skperf.llm.text._batches import POSITIONS_AT_ONCE, runs
from skperf.llm.tuning._adapters import reader
from skperf.llm.tuning._row import log_odds_of_texts, row_of
from skperf.utils._conversations import rows_of


class PositionScores(NamedTuple):
    """The flag at every scored position of a text.

    Parameters
    ----------
    log_odds : ndarray of shape (n_positions,)
        Log-odds of the flag after each token.

    offsets : ndarray of shape (n_positions, 2)
        Start and end of each token, in characters of the scored text.

    Examples
    --------
    Where in a text the flag is highest:

    >>> import numpy as np
    >>> from skperf.llm import PositionScores
    >>> text = "we had tea and he dies"
    >>> scores = PositionScores(
    ...     log_odds=np.array([-5.0, 3.0]), offsets=np.array([[0, 10], [11, 22]])
    ... )
    >>> start, end = scores.offsets[scores.log_odds.argmax()]
    >>> text[start:end]
    'and he dies'
    """

    log_odds: np.ndarray
    offsets: np.ndarray


class ScoringMixin:
    """Scores of positions, of beginnings of texts, and of texts."""

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
        rows = rows_of(X)
        texts = self.language_model_.tokenize(rows)
        warn_of_forms(self, rows)
        weights = getattr(self, "lora_weights_", None)
        read = reader(self.language_model_, self.layer_, weights)
        row = row_of(self)
        parts = runs([len(text.scored) for text in texts], POSITIONS_AT_ONCE)
        return [
            PositionScores(scores, text.offsets)
            for part in parts
            for text, scores in zip(
                texts[part], log_odds_of_texts(row, read(texts[part])), strict=True
            )
        ]

    def score_prefixes(self, X):
        """Compute the flag's log-odds for every beginning of each text.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in `fit`.

        Returns
        -------
        log_odds : list of ndarray of shape (n_positions,)
            After each token what the log-odds of the text are so far, as a stream that
            looks at each token would say. The last is that of the whole text.
        """
        scores = self.score_positions(X)
        return [text_score_of(self).prefixes(s.log_odds) for s in scores]

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
            aggregates of those of the positions plus ``text_intercept_``, if
            ``pos_label_`` is that class, and otherwise minus these.
        """
        log_odds = self._flag_log_odds(X)
        return log_odds if self._flags_second() else -log_odds

    def _flags_second(self):
        return self.pos_label_ == self.classes_[1]

    def _flag_log_odds(self, X):
        scores = self.score_positions(X)
        text_score = text_score_of(self)
        return np.array([text_score.of(s.log_odds) for s in scores])

    def predict_proba(self, X):
        """Compute class probabilities.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in `fit`.

        Returns
        -------
        proba : ndarray of shape (n_samples, 2)
            Probabilities in the order of ``classes_``, from the log-odds of the texts,
            as if both classes were equally frequent. They need not be well calibrated;
            wrap the fitted classifier in CalibratedClassifierCV where that matters.
        """
        log_odds = self.decision_function(X)
        return expit(np.column_stack([-log_odds, log_odds]))


# scikit-learn lets set_output govern a transform only where TransformerMixin is a base
class SummaryMixin(TransformerMixin):
    """Texts as a table of aggregates."""

    def transform(self, X):
        """Summarise each text by some aggregates of the flag's log-odds.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in `fit`.

        Returns
        -------
        summary : ndarray of shape (n_samples, 7)
            Mean, maximum, largest mean over a window, first and last log-odds, cusum
            and shrunk mean, all without ``text_intercept_``.
        """
        scores = self.score_positions(X)
        text_score = text_score_of(self)
        return np.array([text_score.all_named(s.log_odds) for s in scores])

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns that `transform` makes.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Not used.

        Returns
        -------
        names : ndarray of shape (7,)
            The names.
        """
        check_is_fitted(self)
        return np.array([f"red_flag_{name}" for name in AGGREGATES], dtype=object)
