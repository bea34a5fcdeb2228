# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause


"""Few flagged texts, with a real model and real prompts."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.datasets import fetch_harmfulness, fetch_smollm2
from skperf.llm import LanguageModel, RedFlagClassifier

HARMLESS = ["edgy_prompts", "matched_prompts", "chatterbot", "chitchat", "math"]
HARMFUL = ["adv_bench", "matched_prompts"]


@pytest.mark.download
@pytest.mark.slow
def test_three_flagged_texts_in_113():
    """Measured over five draws: recall .75 at a false positive rate of .013.

    The mean of positions above 0, which has no intercept of its own, found .27.
    """
    data = fetch_harmfulness(subset="train")
    rng = np.random.default_rng(0)
    short = np.array([len(prompt) + len(answer) < 160 for prompt, answer in data.data])
    harmless = rng.permutation(
        np.flatnonzero((data.target == 0) & short & np.isin(data.source, HARMLESS))
    )
    harmful = rng.permutation(
        np.flatnonzero((data.target == 1) & short & np.isin(data.source, HARMFUL))
    )
    learn = np.concatenate([harmless[:110], harmful[:3]])
    language_model = LanguageModel(fetch_smollm2(), dtype="float32")
    clf = RedFlagClassifier(language_model)
    clf.fit(data.data[learn], data.target[learn])
    assert clf.predict(data.data[harmful[3:80]]).mean() >= 0.45
    assert clf.predict(data.data[harmless[110:230]]).mean() <= 0.03
