# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Classifiers of texts that need no language model."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skperf.utils._conversations import judged_part, rows_of


def make_length_baseline():
    """Make a pipeline that knows a text's length only.

    A detector that is not better among texts of all lengths has learnt nothing else.

    Returns
    -------
    pipeline : Pipeline
        Logistic regression on the logarithm of the number of characters: of a text, of
        the response of a (prompt, response) pair, or of the last message of a chat.

    Examples
    --------
    >>> from skperf.llm import make_length_baseline
    >>> texts = ["tea", "he dies", "rain", "the hero wins"]
    >>> make_length_baseline().fit(texts, [0, 1, 0, 1]).predict(["we read a book"])
    array([1])
    """
    return make_pipeline(FunctionTransformer(_log_lengths), LogisticRegression())


def make_words_baseline(*, min_df=2, C=1.0):
    """Make a pipeline that knows words and pairs of words, in no order.

    Parameters
    ----------
    min_df : int or float, default=2
        As in TfidfVectorizer: words in fewer texts are not used.

    C : float, default=1.0
        Inverse strength of the L2 penalty, as in LogisticRegression.

    Returns
    -------
    pipeline : Pipeline
        TF-IDF and logistic regression, on the same part of each row as
        :func:`make_length_baseline`.

    Examples
    --------
    >>> from skperf.llm import make_words_baseline
    >>> texts = ["we had tea", "he dies", "had tea", "he dies too"]
    >>> make_words_baseline().fit(texts, [0, 1, 0, 1]).predict(["dies"])
    array([1])
    """
    return make_pipeline(
        FunctionTransformer(_judged_parts),
        TfidfVectorizer(ngram_range=(1, 2), min_df=min_df, sublinear_tf=True),
        LogisticRegression(C=C, max_iter=1000),
    )


def _judged_parts(X):
    return [judged_part(row) for row in rows_of(X)]


def _log_lengths(X):
    return np.log1p([[len(text)] for text in _judged_parts(X)])
