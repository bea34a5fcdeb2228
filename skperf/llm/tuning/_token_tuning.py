# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""TokenTuning: learn the flag's row, and leave the language model as it is."""

from sklearn.base import BaseEstimator


class TokenTuning(BaseEstimator):
    """Learn the flag's row of the output matrix, and freeze everything else.

    For the `tuning` of :class:`RedFlagClassifier`, whose own parameters say how the row
    is fitted: that is a convex problem, and it has no further ones.

    See Also
    --------
    LoraTuning : Goes on from there with adapters.

    Examples
    --------
    >>> from skperf.llm import RedFlagClassifier, TokenTuning
    >>> RedFlagClassifier("some-model", tuning=TokenTuning())
    RedFlagClassifier(language_model='some-model', tuning=TokenTuning())
    """

    def check(self, layer):
        """Do nothing: any layer will do.

        Parameters
        ----------
        layer : int or None
            The classifier's.
        """

    def tune(self, language_model, texts, flagged, weight, row, fit_intercept):
        """Return the row as it is.

        Parameters
        ----------
        language_model, texts, flagged, weight, row, fit_intercept
            As in :meth:`LoraTuning.tune`.

        Returns
        -------
        row : FlagRow
            The same row.

        attributes : dict
            Empty: there are no further ones.
        """
        return row, {}
