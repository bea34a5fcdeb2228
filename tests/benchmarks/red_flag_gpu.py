# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Red flags on a GPU: one line a figure, with the bar beside it.

``make bench-gpu`` runs this. The language model is random, of the shape of Llama 3.2
with 1.2 billion parameters, so nothing is downloaded. On a machine without a GPU,
``--tiny`` shows that the script runs; its figures mean nothing.

What plain code does: texts sorted by length and padded, the logits of all positions,
in float32 for their sum; the better of batches of 8 and 32 texts counts.
"""

import argparse
import os
import platform
import sys
import time
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

N_REPEATS = 3
SHAPES = {
    "1.2 billion": {
        "vocab_size": 128256,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 4096,
    },
    "tiny": {
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
    },
}


class Bench:
    """The model, the texts, and what was found so far."""

    def __init__(self, *, tiny, n_texts):
        import torch

        self.torch = torch
        self.tiny = tiny
        self.device = torch.device("cpu" if tiny else "cuda")
        self.shape = SHAPES["tiny" if tiny else "1.2 billion"]
        self.n_texts = n_texts
        self.figures = []

    def figure(self, name, value, unit="", *, least=None, most=None):
        """Print a figure, its bar, and whether it is met."""
        bar, met = "no bar", True
        if least is not None:
            bar, met = f"bar: at least {least:g}", value >= least
        if most is not None:
            bar, met = f"bar: at most {most:g}", value <= most
        verdict = "" if bar == "no bar" else ("  ok" if met else "  MISSED")
        self.figures.append((name, met))
        print(f"FIGURE {name:<55} {value:12.4g} {unit:<9} {bar}{verdict}", flush=True)

    @contextmanager
    def section(self, title):
        """Print a title, and go on after an error."""
        print(f"\n== {title}", flush=True)
        start = time.perf_counter()
        try:
            yield
        except Exception:  # other sections still tell something
            self.figures.append((title, False))
            print(f"FAILED {title}", flush=True)
            traceback.print_exc(file=sys.stdout)
        print(f"   ({time.perf_counter() - start:.1f} s)", flush=True)

    def seconds(self, function, *args, repeats=N_REPEATS):
        """Return the least seconds of some calls, all done on the device."""
        times = []
        for _ in range(repeats):
            self._wait()
            start = time.perf_counter()
            function(*args)
            self._wait()
            times.append(time.perf_counter() - start)
        return min(times)

    def _wait(self):
        if self.device.type == "cuda":
            self.torch.cuda.synchronize()

    def build(self):
        """Make the model, its tokenizer, and texts of 20 to 270 tokens."""
        import numpy as np
        from tokenizers import Tokenizer, models, pre_tokenizers
        from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

        torch = self.torch
        torch.manual_seed(0)
        config = LlamaConfig(
            **self.shape, tie_word_embeddings=True, bos_token_id=None, eos_token_id=None
        )
        with self.device:
            self.model = LlamaForCausalLM(config).eval()
        n_params = sum(weight.numel() for weight in self.model.parameters())
        words = {f"w{i}": i for i in range(self.shape["vocab_size"])}
        rules = Tokenizer(models.WordLevel(words, unk_token="w0"))
        rules.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        self.tokenizer = PreTrainedTokenizerFast(tokenizer_object=rules, pad_token="w0")
        rng = np.random.default_rng(0)
        self.lengths = rng.integers(20, 271, size=self.n_texts)
        self.flagged = np.arange(self.n_texts) % 2
        # flagged texts draw more from the first half of the words
        half = self.shape["vocab_size"] // 2
        self.texts = np.array(
            [
                " ".join(
                    f"w{i}"
                    for i in rng.integers(0, half, size=n)
                    + half * (rng.random(n) > 0.5 + 0.05 * flag)
                )
                for n, flag in zip(self.lengths, self.flagged, strict=True)
            ],
            dtype=object,
        )
        n_tokens = int(self.lengths.sum())
        print(
            f"{n_params / 1e9:.3f} billion parameters; {n_tokens} tokens in "
            f"{self.n_texts} texts"
        )

    def handle(self, **options):
        """Return a handle of the model as it is."""
        from skperf.llm import LanguageModel

        return LanguageModel(self.model, self.tokenizer, **options)

    def plain(self, clf, batch_size):
        """Score the texts as plain code does."""
        torch = self.torch
        coef = torch.tensor(clf.coef_, dtype=torch.float32, device=self.device)
        order = self.lengths.argsort()
        scores = torch.empty(self.n_texts)
        for start in range(0, self.n_texts, batch_size):
            chosen = order[start : start + batch_size]
            batch = self.tokenizer(
                list(self.texts[chosen]), padding=True, return_tensors="pt"
            ).to(self.device)
            with torch.no_grad():
                out = self.model(
                    input_ids=batch["input_ids"],
                    attention_mask=batch["attention_mask"],
                    output_hidden_states=True,
                    use_cache=False,
                )
            flag = out.hidden_states[-1].float() @ coef + clf.intercept_
            log_odds = flag - out.logits.float().logsumexp(dim=2)
            mask = batch["attention_mask"]
            mean = (log_odds * mask).sum(dim=1) / mask.sum(dim=1)
            scores[torch.from_numpy(chosen)] = mean.cpu()
        return scores.numpy()


def fits(bench):
    """Time reading and the fit of the row, in bfloat16."""
    import numpy as np

    from skperf.llm import RedFlagClassifier
    from skperf.llm.model._memory import device_of_fit
    from skperf.llm.tuning._row import fit_row, log_odds_of_texts

    handle = bench.handle(cache=None)
    tokens = handle.tokenize(bench.texts)
    print(f"tokens in a batch: {handle.tokens_in_batch}")
    handle.states(tokens[:32])  # the first call of a device is slow
    states = handle.states(tokens)
    print(f"states are kept on: {states[0].hidden.device}, {states[0].hidden.dtype}")
    reading = bench.seconds(handle.states, tokens)
    n_tokens = int(bench.lengths.sum())
    bench.figure("reading time, bfloat16, with normalizers", reading, "s")
    bench.figure("reading speed", n_tokens / reading, "tokens/s")
    device = bench.device if bench.tiny else device_of_fit(bench.device, states)
    print(f"the row is fitted on: {device or 'CPU'}")
    weight = np.ones(bench.n_texts)
    options = {"C": 1.0, "max_iter": 1000, "tol": 1e-6, "device": device}
    start = time.perf_counter()
    row, n_iter, converged = fit_row(states, bench.flagged, weight, **options)
    print(f"{n_iter} iterations, converged: {converged}")
    bench.figure("row fit, first call", time.perf_counter() - start, "s")
    fitting = bench.seconds(lambda: fit_row(states, bench.flagged, weight, **options))
    bench.figure("row fit", fitting, "s")
    bench.figure("row fit / reading", fitting / reading, most=0.2)
    no_bias = bench.seconds(
        lambda: fit_row(states, bench.flagged, weight, **options, fit_intercept=False),
        repeats=1,
    )
    bench.figure("row fit without an intercept / reading", no_bias / reading)
    tight = fit_row(states, bench.flagged, weight, **options | {"tol": 1e-11})[0]
    scores = [np.concatenate(log_odds_of_texts(r, states)) for r in (row, tight)]
    bench.figure(
        "largest change of log-odds at tol=1e-11", np.ptp(scores[0] - scores[1])
    )
    clf = RedFlagClassifier(bench.handle(cache=None))
    whole = bench.seconds(clf.fit, bench.texts, bench.flagged, repeats=1)
    bench.figure("RedFlagClassifier.fit, all of it", whole, "s")
    bench.figure("RedFlagClassifier.fit / reading", whole / reading)


def same_optimum(bench):
    """Compare with L-BFGS on the CPU, on some of the texts."""
    import numpy as np

    from skperf.llm.tuning._row import _data, _Problem, fit_row

    handle = bench.handle(cache=None)
    chosen = slice(0, 40)
    states = handle.states(handle.tokenize(bench.texts[chosen]))
    flagged = bench.flagged[chosen]
    weight = np.ones(len(flagged))
    problem = _Problem(**_data(states, flagged, weight, 0.01))
    points = []
    for device in (None, bench.device):
        row, n_iter, _ = fit_row(
            states, flagged, weight, C=0.01, max_iter=2000, tol=1e-9, device=device
        )
        print(f"on {device or 'CPU by L-BFGS'}: {n_iter} iterations")
        slopes = row.coef * problem.scale
        points.append(np.append(slopes, row.intercept + row.coef @ problem.center))
    losses = [problem.loss_and_gradient(point)[0] for point in points]
    gradient = np.abs(problem.loss_and_gradient(points[1])[1]).max()
    bench.figure(
        "loss on the device minus loss by L-BFGS", losses[1] - losses[0], most=1e-12
    )
    bench.figure("largest derivative at the device's row", gradient, most=1e-9)
    bench.figure(
        "largest difference of a slope", np.ptp(points[0] - points[1]), most=1e-6
    )


def scoring(bench, dtype):
    """Time scoring against plain code, and at half the depth."""
    import numpy as np

    from skperf.llm import RedFlagClassifier

    bench.model.to(dtype)
    name = str(dtype).removeprefix("torch.")
    n_layers = bench.shape["num_hidden_layers"]
    some = slice(0, 32)
    handle = bench.handle(cache=None)
    whole, half = (
        RedFlagClassifier(handle, layer=layer, tol=1e-3).fit(
            bench.texts[some], bench.flagged[some]
        )
        for layer in (None, n_layers // 2)
    )
    repeats = 2 if name == "float32" else N_REPEATS
    times = {
        size: bench.seconds(bench.plain, whole, size, repeats=repeats)
        for size in (8, 32)
    }
    ours, shallow = (
        bench.seconds(clf.decision_function, bench.texts, repeats=repeats)
        for clf in (whole, half)
    )
    n_tokens = int(bench.lengths.sum())
    for size, seconds in times.items():
        bench.figure(
            f"{name}: plain, {size} texts a batch", n_tokens / seconds, "tokens/s"
        )
    bench.figure(f"{name}: scoring", n_tokens / ours, "tokens/s")
    bench.figure(f"{name}: scoring, half depth", n_tokens / shallow, "tokens/s")
    bench.figure(
        f"{name}: scoring / plain (speed)", min(times.values()) / ours, least=1
    )
    bench.figure(f"{name}: half depth / whole (speed)", ours / shallow, least=1.7)
    difference = whole.decision_function(bench.texts) - whole.text_intercept_
    difference -= bench.plain(whole, 8)
    bench.figure(
        f"{name}: largest difference from plain",
        np.abs(difference).max(),
        "nats",
        most=0.2 if name == "bfloat16" else 1e-3,
    )
    cached = bench.handle()
    clf = RedFlagClassifier(cached, tol=1e-3).fit(bench.texts, bench.flagged)
    again = bench.seconds(clf.decision_function, bench.texts)
    bench.figure(f"{name}: scoring, all of it cached", n_tokens / again, "tokens/s")


def layers(bench):
    """Time the reading of four layers in one pass."""
    n_layers = bench.shape["num_hidden_layers"]
    chosen = [n_layers * k // 4 for k in (1, 2, 3, 4)]
    empty = [bench.handle() for _ in range(4)]
    texts = empty[0].tokenize(bench.texts)

    def one_by_one():
        handle = empty.pop()
        for layer in chosen:
            handle.states(texts, layer)

    def in_one_pass():
        empty.pop().cache_layers(texts, chosen)

    single, together = (
        bench.seconds(function, repeats=2) for function in (one_by_one, in_one_pass)
    )
    bench.figure(f"layers {chosen}, one by one", single, "s")
    bench.figure("in one pass", together, "s")
    bench.figure("in one pass / one by one", together / single, most=0.65)


def versions():
    """Print what is installed, and which GPU there is."""
    import importlib.metadata as metadata

    print(f"Python {platform.python_version()} on {platform.platform()}")
    for name in (
        "torch",
        "transformers",
        "scikit-learn",
        "scipy",
        "numpy",
        "narwhals",
        "tokenizers",
        "safetensors",
    ):
        try:
            print(f"  {name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"  {name} is MISSING")


def sees_gpu():
    """Tell whether torch sees a GPU, and print what it says."""
    try:
        import torch
    except ImportError as error:
        print(f"torch cannot be imported: {error}")
        return False
    if not torch.cuda.is_available():
        print(
            f"torch {torch.__version__} sees NO CUDA device (built for CUDA "
            f"{torch.version.cuda})."
        )
        return False
    free, total = torch.cuda.mem_get_info()
    print(
        f"torch {torch.__version__} sees {torch.cuda.get_device_name()}, "
        f"{free / 2**30:.0f} of {total / 2**30:.0f} GiB free, CUDA "
        f"{torch.version.cuda}"
    )
    return True


def main():
    """Run all sections."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU")
    parser.add_argument("--texts", type=int, default=400, help="number of texts")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    versions()
    if not sees_gpu() and not options.tiny:
        print("Nothing was measured. Run this where torch sees a GPU, or try --tiny.")
        return 2
    import torch

    bench = Bench(tiny=options.tiny, n_texts=options.texts)
    with bench.section("The model and its texts"):
        bench.build()
    with bench.section("Reading, and fitting the row"):
        bench.model.to(torch.bfloat16)
        fits(bench)
    with bench.section("Scoring in bfloat16"):
        scoring(bench, torch.bfloat16)
    with bench.section("Layers in one pass"):
        bench.model.to(torch.bfloat16)
        layers(bench)
    with bench.section("Scoring in float32"):
        scoring(bench, torch.float32)
    with bench.section("The same optimum as on the CPU"):
        bench.model.to(torch.bfloat16)
        same_optimum(bench)
    missed = [name for name, met in bench.figures if not met]
    print(
        f"\n{len(missed)} bars missed or sections failed"
        + "".join(f"\n  {name}" for name in missed)
    )
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
