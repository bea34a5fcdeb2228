# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Experiments that would tell what data do not, with their size and their price."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from skperf.shift._sample import Floats
from skperf.shift.estimation._comparison import Comparison

_PRECISION = 0.1  # of what is proposed, at 95 %
_Z = float(norm.ppf(0.975))
_TILT = 0.5  # of the standard deviation of predictions
_SHIFT = 0.1  # of the range of predictions
TRACE = 1e-3  # standard errors by which data change with what more rows would tell


def propose_tilt(told: Floats) -> str:
    """Return an experiment for people who follow a gradient where there is none.

    With the tilt h z, for z a column in standard deviations, the step epsilon moves z
    by epsilon h, and the mean score by epsilon h squared. Half the width of an interval
    from n people before and n after is 1.96 sqrt(2 / n) standard deviations of the
    score.
    """
    size = _TILT * float(np.std(told)) if np.ptp(told) else _SHIFT
    noise = np.hypot(np.std(told), size)
    n_people = int(np.ceil(2 * (_Z * noise / (_PRECISION * size)) ** 2))
    return (
        f"Tell people something smooth: add {size:.3g} times a strategic column, in "
        "standard deviations from its mean, to each prediction. The same people before "
        f"and after then tell epsilon exactly; {n_people} people before and as many "
        f"others after tell it to +-{_PRECISION:g} of what moves that column by a "
        f"standard deviation. It raises the squared error of the predictions by about "
        f"{size**2:.2g} while it lasts, if they are right on average."
    )


def propose_pairs(per_strength: Floats) -> str:
    """Return how many pairs tell a strength, if half of the people change.

    Each person's change has a variance of at most 1/4.
    """
    information = 4 * float(np.mean(per_strength**2))
    if not information:
        return (
            "Give pairs of people who can change, under a model that tells them "
            "something else."
        )
    n_pairs = int(np.ceil((_Z / _PRECISION) ** 2 / information))
    return (
        f"{n_pairs} pairs like these tell any strength to +-{_PRECISION:g} at the "
        "least, without a perturbation and so at no risk."
    )


def propose_level(moves: Floats, outcomes: Floats) -> str:
    """Return a prediction for everybody that tells what moves outcomes, by pairs."""
    size = _TILT * float(np.std(outcomes)) or _SHIFT
    n_pairs = int(np.ceil((_Z * np.std(moves) / (_PRECISION * size)) ** 2))
    return (
        f"Tell everybody {size:.3g}: {max(n_pairs, 2)} pairs then tell the feedback to "
        f"+-{_PRECISION:g}. It raises the squared error of the predictions by about "
        f"{size**2:.2g} while it lasts, if they are right on average."
    )


def propose_arm(comparison: Comparison, values: Floats, root: Floats) -> str | None:
    """Return a second model that would tell all strengths, or None.

    Those tried are looked at where people are those of the first deployment, and their
    means as noisy as there: the cheapest that leaves a trace of every strength.
    """
    scales = comparison.scales(values)
    first = comparison.experiences[0]
    known = root.T @ comparison.slopes(values) * scales
    for words, told in _other_predictions(
        first.told, np.ravel(np.asarray(first.before.y))
    ):
        arm = replace(first, told=told)
        with_arm = replace(comparison, experiences=[arm, *comparison.experiences[1:]])
        traces = np.vstack([known, root.T @ with_arm.slopes(values) * scales])
        _, sizes, directions = np.linalg.svd(traces, full_matrices=False)
        if len(sizes) < len(values) or sizes[-1] < TRACE:
            continue
        errors = np.linalg.norm(directions.T / sizes, axis=1)
        n_rows = int(np.ceil(len(told) * max(_Z * errors / _PRECISION) ** 2))
        price = float(np.mean((told - first.told) ** 2))
        return (
            f"A second deployment would tell: {words}, to others drawn at random, with "
            f"people before each. {n_rows} rows of each kind tell "
            f"{_intervals(comparison.names, _PRECISION * scales)}. The squared error "
            f"of what these people are told is higher by about {price:.2g}, if "
            "predictions are right on average."
        )
    return None


def _other_predictions(told: Floats, outcomes: NDArray) -> Iterator[tuple[str, Floats]]:
    """Yield what people might be told instead, the cheapest first."""
    are_chances = outcomes.dtype.kind not in "iuf" or len(np.unique(outcomes)) == 2
    if are_chances:
        size = _SHIFT if np.mean(told) < 1 / 2 else -_SHIFT
        moved = np.clip(told + size, 0, 1)
    else:
        size = _TILT * float(np.std(outcomes))
        moved = told + size
    word = "higher" if size > 0 else "lower"
    mean = np.full(len(told), np.mean(told))
    others = [
        (f"predictions that are {abs(size):.3g} {word}", moved),
        ("predictions halfway to their mean", (told + mean) / 2),
        ("the mean prediction for everybody", mean),
    ]
    others.sort(key=lambda each: float(np.mean((each[1] - told) ** 2)))
    return iter(others)


def _intervals(names: Sequence[str], widths: Floats) -> str:
    """Return how precisely strengths would be known, as text."""
    named = zip(names, widths.tolist(), strict=True)
    return " and ".join(f"{name} to +-{width:.2g}" for name, width in named)
