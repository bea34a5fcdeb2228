# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause


import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import make_length_baseline, make_words_baseline

ROWS = [
    "the hero dies",
    ("what is it about", "the hero dies"),
    ("the hero dies", ""),
    [
        {"role": "user", "content": "what is it about"},
        {"role": "assistant", "content": "the hero dies"},
    ],
]


def test_length_is_all_that_one_knows(posts):
    X, y = posts
    lengths = np.log1p([[len(text)] for text in X])
    scores = make_length_baseline().fit(X, y).decision_function(X)
    plain = LogisticRegression().fit(lengths, y)
    assert_allclose(scores, plain.decision_function(lengths))
    assert_array_equal(np.argsort(np.abs(scores - scores[0]))[:1], [0])


def test_words_are_all_that_the_other_knows(posts):
    X, y = posts
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)
    counts = words.fit_transform(X)
    plain = LogisticRegression(C=2, max_iter=1000).fit(counts, y)
    clf = make_words_baseline(min_df=3, C=2).fit(X, y)
    assert_allclose(clf.decision_function(X), plain.decision_function(counts))


@pytest.mark.parametrize("make", [make_length_baseline, make_words_baseline])
def test_the_judged_part_counts(make, posts, df_module):
    clf = make().fit(*posts)
    scores = clf.decision_function(ROWS)
    assert np.ptp(scores) == 0
    table = df_module.DataFrame({"prompt": ["tea", "tea"], "answer": ["the hero", ""]})
    expected = clf.decision_function(["the hero", "tea"])
    assert_allclose(clf.decision_function(table), expected)
    copy = pickle.loads(pickle.dumps(clf))
    assert_array_equal(copy.decision_function(ROWS), scores)


@pytest.mark.parametrize("bad", [None, 3, ("a", "secret", "c"), [{"role": "user"}]])
def test_other_rows_are_refused_without_a_word_of_them(posts, bad):
    clf = make_words_baseline().fit(*posts)
    with pytest.raises(TypeError, match="should be a string, a pair") as error:
        clf.predict(["tea", bad])
    assert "secret" not in str(error.value)
