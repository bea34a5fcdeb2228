# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The methods of detectors that flag texts, by one threshold or several."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skperf.llm._scores import ScoringMixin
from skperf.llm._threshold import (
    HARMLESS_ONLY,
    check_kinds,
    choose_thresholds,
    fit_thresholds,
)
from skperf.utils._calls import called_with
from skperf.utils._conformal import conformal_threshold
from skperf.utils._conversations import role_of, rows_of


class DecisionMixin(ScoringMixin):
    """Decisions by a threshold that harmless texts rarely pass."""

    def predict(self, X, kinds=None):
        """Predict labels.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in `fit`.

        kinds : array-like of str of shape (n_samples,), default=None
            The kind of each text, where thresholds were set with an array as `by`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            ``pos_label_`` where the flag's log-odds are above ``threshold_``: those of
            the text, or those of any of its beginnings if the threshold was set with
            ``looks="every"``.
        """
        check_is_fitted(self)
        rows = rows_of(X)
        scores = self._looked_at(rows, self.threshold_looks_)
        flagged = scores > choose_thresholds(self, self._kinds(rows, kinds))
        second = flagged if self._flags_second() else ~flagged
        return self.classes_[second.astype(int)]

    def _kinds(self, rows, kinds):
        if kinds is not None:
            return check_kinds(kinds, rows)
        if self.threshold_by_ == "role":
            return np.array([role_of(row) for row in rows])
        return None

    def _looked_at(self, rows, looks):
        """Return the scores that thresholds are for."""
        if looks == "last":
            return self._flag_log_odds(rows)
        return np.array([scores.max() for scores in self.score_prefixes(rows)])

    @called_with(HARMLESS_ONLY)
    def fit_threshold(self, X_benign, target_fpr=0.05, *, looks="last", by=None):
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

        looks : {"last", "every"}, default="last"
            At what `predict` and streams look, and so what the chance is of: at a whole
            text once, or at each of its beginnings, as one who watches a text being
            written does. A text is then flagged if any of them is.

        by : "role" or array-like of str of shape (n_samples,), default=None
            Set a threshold for each kind of text, since what is usual in a prompt is
            rare in an answer. "role": by who wrote the part that is judged, such as
            "user" or "assistant", and "text" for bare texts. An array names the kind of
            each text in `X_benign`; `predict` is then given the kinds of its texts.
            None means one threshold.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If there are too few texts, of all or of a kind, for `target_fpr`.
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
        if looks not in ("last", "every"):
            raise ValueError(f"looks should be 'last' or 'every'; got {looks!r}.")
        check_is_fitted(self)
        rows = rows_of(X_benign)
        scores = self._looked_at(rows, looks)
        if by is None:
            threshold = conformal_threshold(scores, target_fpr)
        else:
            threshold = fit_thresholds(scores, _kinds_by(by, rows), target_fpr)
        self.threshold_, self.threshold_looks_ = threshold, looks
        self.threshold_by_ = by if by is None or _is_role(by) else "kinds"
        return self


def _kinds_by(by, rows):
    if _is_role(by):
        return np.array([role_of(row) for row in rows])
    if isinstance(by, str):
        raise ValueError(f"by should be 'role' or an array of names; got {by!r}.")
    return check_kinds(by, rows)


def _is_role(by):
    return isinstance(by, str) and by == "role"
