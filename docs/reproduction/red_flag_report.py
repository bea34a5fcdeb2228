# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A red flag on a real language model, beside what it has to be better than.

``make redflag`` runs this. What there is to choose is chosen inside the training part,
by leaving one category of harm out; the test part is scored once, with what was chosen.
Numbers are printed and no texts.
"""

import sys
import time
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import numpy as np
import torch
from red_flag_baselines import n_characters, probe, words, zero_shot
from red_flag_selection import (
    ANSWERS,
    COMMANDS,
    EDGY,
    EVERYDAY,
    PAIRS,
    RECIPES,
    WEIGHTS,
    fit,
    merit,
    search,
)
from red_flag_tables import TARGET_FPR, Texts, compare, flags, show, transfer
from sklearn.base import clone

from skperf.datasets import fetch_harmfulness, fetch_smollm2
from skperf.llm import LanguageModel, RedFlagClassifier

LAYERS = [10, 15, 20, 25]
HALF_DEPTH = 15
CS = [0.0003, 0.001, 0.01, 0.1]
CV_TOL = 1e-4
C_OF_LINEAR = "logisticregression__C"


@contextmanager
def stage(title):
    """Print a title, and the seconds of CPU that what follows took."""
    print(f"\n{title}\n{'-' * len(title)}", flush=True)
    start = time.process_time()
    yield
    print(f"({time.process_time() - start:.0f} s of CPU)", flush=True)


def show_candidates(name, candidates):
    """Print candidates with their areas in cross-validation."""
    print(f"\n{name}")
    show(
        ["recipe", "weights", "parameters", "aggregate", *candidates[0].areas],
        [
            [c.recipe, c.weights, _brief(c.params), c.aggregate, *c.areas.values()]
            for c in candidates
        ],
    )


def _brief(params):
    return " ".join(f"{k.rpartition('__')[2]}={v}" for k, v in params.items())


def choose_data(language_model, train):
    """Return the best recipe and weights for a flag at half depth."""
    flag = RedFlagClassifier(language_model, layer=HALF_DEPTH, tol=CV_TOL)
    candidates = [
        search(flag, {"C": [0.01]}, train, recipe, weights)[0]
        for recipe in RECIPES
        for weights in WEIGHTS
    ]
    show_candidates("data", candidates)
    best = max(candidates, key=merit)
    return best.recipe, best.weights


def choose_models(language_model, train, data):
    """Return the best flag, probe and classifier of words, fitted on all of `data`."""
    fitted = {}
    for name, estimator, grid in [
        (
            "flag",
            RedFlagClassifier(language_model, tol=CV_TOL),
            {"layer": LAYERS, "C": CS},
        ),
        (
            "probe",
            probe(language_model),
            {"meanstates__layer": LAYERS, C_OF_LINEAR: CS},
        ),
        ("words", words(), {C_OF_LINEAR: [0.1, 1, 10]}),
    ]:
        candidates = search(estimator, grid, train, *data)
        show_candidates(name, candidates[:5])
        estimator = clone(estimator).set_params(**candidates[0].params)
        if name == "flag":
            estimator.set_params(aggregate=candidates[0].aggregate, tol=1e-6)
        fitted[name] = fit(estimator, train, RECIPES[data[0]], data[1])
    return fitted


def without_hard_negatives(flag, train, data):
    """Return flags that saw less or more, by what they saw."""
    sources, weights = RECIPES[data[0]], data[1]
    models = {}
    for base in [sources, [*sources, COMMANDS]]:
        for left_out in [[], [EDGY], [PAIRS], [EDGY, PAIRS]]:
            kept = [source for source in dict.fromkeys(base) if source not in left_out]
            models[_name(kept)] = fit(clone(flag), train, kept, weights)
    return models


def _name(sources):
    short = {ANSWERS: "answers", PAIRS: "pairs", EDGY: "edgy", COMMANDS: "commands"}
    return ", ".join(short.get(source, source) for source in sources)


def score_all(models, language_model, texts):
    """Return the scores of texts by method."""
    return {
        "length": n_characters(texts.data).astype(float),
        "question": zero_shot(language_model, texts.data),
        **{name: model.decision_function(texts.data) for name, model in models.items()},
    }


def main(cache):
    """Print the report; hidden states are kept in the folder `cache`, about 2 GB."""
    torch.set_num_threads(1)
    with stage("Data and model"):
        train, test = (fetch_harmfulness(subset=part) for part in ("train", "test"))
        texts = Texts(*(test[name] for name in Texts._fields))
        language_model = LanguageModel(
            fetch_smollm2(), max_length=1024, batch_tokens=2048, cache=cache
        )
        print(f"SmolLM2-135M-Instruct in {language_model.model.dtype}, one thread;")
        print(f"{len(train.target)} texts for training, {len(test.target)} for testing")
    with stage("Reading the training part, all layers in one pass"):
        language_model.cache_layers(language_model.tokenize(train.data), LAYERS)
    with stage("What to train on, by leaving a category of harm out"):
        data = choose_data(language_model, train)
    with stage("Layer, penalty and aggregate, in the same way"):
        models = choose_models(language_model, train, data)
    with stage("What is flagged at the default threshold"):
        flags(models, texts)
        print("\nflag, by what it was trained on")
        flags(without_hard_negatives(models["flag"], train, data), texts)
    with stage(f"Thresholds for {TARGET_FPR:.0%} of false flags, set on other texts"):
        transfer(models["flag"], texts)
    with stage("The same flag as a token of the whole model"):
        whole = clone(models["flag"]).set_params(layer=None)
        models["flag, whole model"] = fit(whole, train, RECIPES[data[0]], data[1])
        print(f"kl_to_base_: {whole.kl_to_base_:.3f} nats a position")
    with stage("How well texts are put in order"):
        asked = texts.take(~np.isin(texts.source, EVERYDAY))
        scores = score_all(models, language_model, asked)
        for source in (ANSWERS, PAIRS):
            compare(scores, asked, source)
    print(f"\n{time.process_time() / 60:.1f} minutes of CPU in all")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        main(*(sys.argv[1:] or [folder]))
