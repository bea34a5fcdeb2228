# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A red flag on a real language model, beside what it has to be better than.

``make redflag`` runs this. What there is to choose is chosen inside the training part,
by leaving one category of harm out; the test part is scored once, with what was chosen.
``--rehearse`` leaves the test part alone and judges a category of the training part, to
see that all of it runs. Numbers are printed and no texts.
"""

import argparse
import time
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import numpy as np
import torch
from red_flag_selection import (
    ANSWERS,
    COMMANDS,
    PAIRS,
    SOURCES,
    TARGET_FPR,
    WATCHING,
    merit,
    rows,
    search,
)
from red_flag_stress import stresses
from red_flag_tables import (
    EVERYDAY,
    Texts,
    by_tokens,
    flags,
    misses,
    show,
    show_candidates,
    show_figures,
    show_tokens,
    transfer,
    while_written,
)
from sklearn.model_selection import GroupShuffleSplit

from skperf.datasets import fetch_harmfulness, fetch_smollm2
from skperf.llm import (
    LanguageModel,
    LoraTuning,
    MeanStatesProbe,
    RedFlagClassifier,
    make_length_baseline,
    make_words_baseline,
)
from skperf.metrics import evaluate_detectors

LAYERS = [15, 20]
GRID = {"layer": LAYERS, "C": [0.01, 0.1, 1.0]}
PROBE_GRID = {"layer": LAYERS, "C": [0.001, 0.01, 0.1]}
WHOLE_GRID = {"prior": [None, 0.01], "C": [0.01, 0.1, 1.0]}
CV_TOL = 1e-4
N_CHATS = 100  # of each source of everyday talk


@contextmanager
def stage(title):
    """Print a title, and the seconds of CPU that what follows took."""
    print(f"\n{title}\n{'-' * len(title)}", flush=True)
    start = time.process_time()
    yield
    print(f"({time.process_time() - start:.0f} s of CPU)", flush=True)


def fetch(subset):
    """Return a part of the data, with some of the everyday talk only."""
    part = fetch_harmfulness(subset=subset)
    texts = Texts(*(part[name] for name in Texts._fields))
    kept = np.isin(texts.source, [*SOURCES, COMMANDS, *EVERYDAY])
    for source in EVERYDAY:
        kept[np.flatnonzero(texts.source == source)[N_CHATS:]] = False
    return texts.take(kept)


def parts(rehearse):
    """Return texts to learn from and texts to judge."""
    train = fetch("train")
    if not rehearse:
        return train, fetch("test")
    category = np.unique(train.category[train.source == ANSWERS])[0]
    answers = (train.source == ANSWERS) & (train.category == category)
    other = (train.source != ANSWERS) & (train.group % 4 == 0)
    return train.take(~(answers | other)), train.take(answers | other)


def choose(language_model, train, n_splits=None):
    """Return the best flag, its parameters while a text is written, and a probe."""
    flag = RedFlagClassifier(language_model, tol=CV_TOL)
    candidates = search(flag, GRID, train, n_splits=n_splits)
    candidates = sorted(candidates, key=merit, reverse=True)
    show_candidates("flag", candidates[:8])
    watching = [c for c in candidates if c["aggregate"] in WATCHING]
    watching = sorted(watching, key=lambda c: c["any time"], reverse=True)
    show_candidates("flag, while a text is written", watching[:6])
    probe = MeanStatesProbe(language_model)
    probe = search(probe, PROBE_GRID, train, n_splits=n_splits)
    probe = sorted(probe, key=merit, reverse=True)
    show_candidates("probe", probe)
    names = ("layer", "C", "aggregate")
    chosen = [{name: c[0][name] for name in names} for c in (candidates, watching)]
    return *chosen, {name: probe[0][name] for name in ("layer", "C")}


def choose_whole(language_model, train, n_splits=2):
    """Return parameters of a flag of the whole model, without a prior and with one."""
    flag = RedFlagClassifier(language_model, tol=CV_TOL)
    candidates = search(flag, WHOLE_GRID, train, n_splits=n_splits)
    means = [c for c in candidates if c["aggregate"] == "mean"]
    show_candidates(f"flag of the whole model, {n_splits} of five folds", means)
    best = {}
    for candidate in sorted(means, key=lambda c: c["answers"]):
        best[candidate["prior"]] = {k: candidate[k] for k in ("prior", "C")}
    return best


def hard_negatives(flag, train):
    """Return the flag fitted with and without edgy prompts and commands, by name."""
    base = {"answers, pairs": [ANSWERS, PAIRS], "and edgy": SOURCES}
    base |= {
        f"{name}, and commands": [*sources, COMMANDS] for name, sources in base.items()
    }
    return {
        name: RedFlagClassifier(**flag.get_params(deep=False)).fit(
            *rows(train, *sources)
        )
        for name, sources in base.items()
    }


def judge(detectors, test):
    """Print how all detectors order the test texts."""
    for source in (ANSWERS, PAIRS):
        judged = test.take(test.source == source)
        print(f"\n{source}: {len(judged.target)} texts, {judged.target.sum()} harmful")
        figures = evaluate_detectors(
            detectors,
            judged.data,
            judged.target,
            groups=judged.group,
            target_fpr=TARGET_FPR,
        ).figures
        show_figures(figures, "value", "beside")


def halves(answers):
    """Return harmless answers for thresholds, and the answers to other prompts."""
    split = GroupShuffleSplit(1, test_size=0.5, random_state=0)
    kept, judged = next(split.split(answers.data, groups=answers.group))
    return answers.data[kept][answers.target[kept] == 0], answers.take(judged)


def judge_under_stress(detectors, train, answers, language_model):
    """Print what becomes of ranking and of thresholds, and what is found when."""
    calibration, judged = halves(answers)
    n_harmful = judged.target.sum()
    print(f"{len(judged.target)} answers, {n_harmful} harmful; thresholds are set on")
    print(f"{len(calibration)} harmless answers to other prompts")
    evaluation = evaluate_detectors(
        detectors,
        judged.data,
        judged.target,
        groups=judged.group,
        stress=stresses(train, judged, language_model),
        target_fpr=TARGET_FPR,
        calibration=calibration,
    )
    show_figures(evaluation.figures, "value", "change")
    print("\nflagged by a number of tokens, looked at after each one")
    show_tokens(evaluation.tokens)


def name_of(prior):
    """Return the name of the flag of the whole model with a prior."""
    return f"whole model, prior {prior}"


def compare_adapters(detectors, test):
    """Print how adapters order answers, and what they cost, beside the token alone."""
    _, judged = halves(test.take(test.source == ANSWERS))
    figures = evaluate_detectors(
        detectors,
        judged.data,
        judged.target,
        groups=judged.group,
        target_fpr=TARGET_FPR,
    ).figures
    show_figures(figures, "value", "beside")
    chat = [np.flatnonzero(test.source == source)[:40] for source in EVERYDAY[:2]]
    for name in ("token", "adapters"):
        found = detectors[name].divergence(test.data[np.concatenate(chat)])
        print(f"{name}, nats a position of 80 chats: {found}")


def prices(whole, test):
    """Print the divergence from the model without a flag, on held-out texts."""
    kinds = {
        "chat": np.isin(test.source, EVERYDAY),
        "harmless answers": (test.source == ANSWERS) & (test.target == 0),
    }
    table = []
    for name, flag in whole.items():
        for kind, chosen in kinds.items():
            found = flag.divergence(test.data[chosen])
            table.append([name, kind, found.flag_mass, found.drift, sum(found)])
    show(["nats a position", "texts", "flag", "drift", "all"], table)


def main(cache, rehearse):
    """Print the report; hidden states are kept in the folder `cache`, about 2 GB."""
    torch.set_num_threads(1)
    with stage("Data and model"):
        train, test = parts(rehearse)
        language_model = LanguageModel(
            fetch_smollm2(), max_length=1024, batch_tokens=2048, cache=cache
        )
        print(f"SmolLM2-135M-Instruct in {language_model.model.dtype}, one thread;")
        print(f"{len(train.target)} texts to learn from, {len(test.target)} to judge")
    with stage("Reading, all layers in one pass"):
        learnt_from = np.isin(train.source, [*SOURCES, COMMANDS])
        for data in (train.data[learnt_from], test.data):
            language_model.cache_layers(language_model.tokenize(data), [*LAYERS, None])
    with stage("What is chosen, by leaving a category of harm out"):
        n_splits = (1, 1) if rehearse else (None, 2)
        best, watching, probe = choose(language_model, train, n_splits[0])
        best_whole = choose_whole(language_model, train, n_splits[1])
    learnt = rows(train, *SOURCES)
    with stage("Fits"):
        detectors = {
            "flag": RedFlagClassifier(language_model, **best).fit(*learnt),
            "watching": RedFlagClassifier(language_model, **watching).fit(*learnt),
            "probe": MeanStatesProbe(language_model, **probe).fit(*learnt),
            "words": make_words_baseline().fit(*learnt),
            "length": make_length_baseline().fit(*learnt),
        }
        whole = {
            name_of(prior): RedFlagClassifier(language_model, **params).fit(*learnt)
            for prior, params in best_whole.items()
        }
    with stage("What the flag costs"):
        prices(whole, test)
    with stage("How well texts are put in order"):
        judge(detectors | whole, test)
    answers = test.take(test.source == ANSWERS)
    readers = {name: detectors[name] for name in ("flag", "watching", "probe")}
    with stage("While answers are written"):
        by_tokens(readers, answers)
        print()
        while_written(readers, answers)
        print()
        misses(detectors["flag"], detectors["words"], answers)
    with stage("Under stress"):
        judge_under_stress(detectors, train, answers, language_model)
    with stage("What is flagged at the default threshold"):
        flags(detectors, test)
        print("\nflag, by what it was trained on")
        flags(hard_negatives(detectors["flag"], train), test)
    target_fpr = 0.2 if rehearse else 0.05  # fewer texts allow no less
    with stage(f"Thresholds for {target_fpr:.0%} of false flags, set on other texts"):
        transfer(detectors["flag"], test, target_fpr)
    with stage("Adapters, on the answers that were judged under stress"):
        tuning = LoraTuning(n_epochs=1, random_state=0)
        lora = RedFlagClassifier(language_model, tuning=tuning, **best_whole[0.01])
        beside = {"probe": detectors["probe"], "token": whole[name_of(0.01)]}
        compare_adapters(beside | {"adapters": lora.fit(*learnt)}, test)
    print(f"\n{time.process_time() / 60:.1f} minutes of CPU in all")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", nargs="?", help="a folder for hidden states")
    parser.add_argument("--rehearse", action="store_true", help="spare the test part")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        main(options.cache or folder, options.rehearse)
