# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How long a red flag takes in a service, on the machine that this runs on.

Prints what it ran on and what it ran: SmolLM2-135M-Instruct on one thread of the CPU,
answers of 100 tokens to a prompt of 30, each of them new. Times are the medians of
repeats. CPU seconds do not count what else the machine does; seconds do.
"""

import platform
import time

import numpy as np
import torch
import transformers

from skperf.datasets import fetch_smollm2
from skperf.llm import LanguageModel, RedFlagClassifier

WORDS = [
    "the",
    "hero",
    "of",
    "a",
    "book",
    "reads",
    "rain",
    "and",
    "tea",
    "in",
    "old",
    "towns",
    "by",
    "night",
]
HALF_DEPTH = 15
N_REPEATS = 5


def rows(n_rows, rng, n_words=100):
    """Return chats that nobody has read yet, one word a token or nearly so."""
    return [
        (" ".join(rng.choice(WORDS, 30)), " ".join(rng.choice(WORDS, n_words)))
        for _ in range(n_rows)
    ]


def timed(function, *args):
    """Return the seconds and the CPU seconds of a call."""
    start = time.perf_counter(), time.process_time()
    function(*args)
    return time.perf_counter() - start[0], time.process_time() - start[1]


def show(name, times, per=1):
    """Print the medians of some times in milliseconds."""
    wall, cpu = 1000 * np.median(times, axis=0) / per
    print(f"{name:<58} {wall:9.1f} ms {cpu:9.1f} ms of CPU", flush=True)


def measure(name, clf, rng):
    """Print how long a classifier takes for texts alone, in batches and in streams."""
    print(f"\n{name}")
    alone = [timed(clf.predict, rows(1, rng)) for _ in range(N_REPEATS)]
    show("an answer alone", alone)
    batch = [timed(clf.predict, rows(32, rng))]
    show("an answer, 32 of them in one call", batch, per=32)
    known = rows(1, rng)
    clf.predict(known)
    show("an answer that was read before", [timed(clf.predict, known)])
    ((prompt, answer),) = rows(1, rng)
    monitor = clf.stream(prompt)
    tokens = [timed(monitor.push, f"{word} ") for word in answer.split()]
    show("the first token of a stream, with its prompt", tokens[:1])
    show("a further token of a stream", tokens[1:])


def main():
    """Print the table."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    print(f"Python {platform.python_version()}, {platform.machine()}, one thread;")
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    folder = fetch_smollm2()
    for dtype in ("float32", "bfloat16"):
        language_model = LanguageModel(folder, dtype=dtype)
        show(f"\nloading in {dtype}", [timed(lambda m=language_model: m.model)])
        X, y = rows(8, rng, n_words=10), [0, 1] * 4
        for layer in (None, HALF_DEPTH):
            clf = RedFlagClassifier(language_model, layer=layer).fit(X, y)
            measure(f"{dtype}, {'all layers' if layer is None else layer}", clf, rng)


if __name__ == "__main__":
    main()
