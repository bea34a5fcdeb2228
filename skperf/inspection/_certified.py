# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is known of a path beside its record, and how that is drawn."""

import numpy as np

from skperf.metrics._contraction import measured_rate
from skperf.metrics._theorems import outcome_feedback


def rate_of(minimizer):
    """Return the measured rate of a minimizer, None where there is none."""
    try:
        return measured_rate(minimizer)
    except ValueError:
        return None


def bound_of(minimizer):
    """Return the rate that a theorem proves for retraining on the last data alone."""
    if minimizer.__skperf_way__() != "last" or minimizer.shift is None:
        return None
    certificate = outcome_feedback(minimizer.estimator_, minimizer.shift)
    return certificate.rate if certificate is not None else None


def draw_rate(ax, residuals, rate, color):
    """Draw a residual that falls by the measured rate, or stays in its noise."""
    size = f"rate {rate.rate:.2g} [{rate.low:.2g}, {rate.high:.2g}]"
    rounds = np.arange(len(residuals) - rate.n_pairs, len(residuals) + 1)
    last = residuals[-rate.n_pairs - 1 :]
    if rate.kind == "noise":
        level = np.sqrt(np.mean(np.square(last)))
        values, label = np.full(len(rounds), level), f"{size}, by noise"
    else:
        fall = abs(rate.rate) ** (rounds - rounds.mean())
        values, label = np.exp(np.log(last).mean()) * fall, size
    style = {"linestyle": ":", "linewidth": 2.5, "alpha": 0.6, "zorder": 0}
    ax.plot(rounds, values, color=color, label=label, **style)


def draw_bound(ax, residuals, bound):
    """Draw what no residual after the first one that was measured lies above."""
    measured = np.flatnonzero(np.isfinite(residuals))
    if not len(measured):
        return
    rounds = np.arange(measured[0], len(residuals))
    values = residuals[measured[0]] * bound ** (rounds - measured[0])
    style = {"linestyle": "-.", "linewidth": 0.9, "color": "0.4", "zorder": 0}
    ax.plot(rounds + 1, values, label=f"proven: {bound:.3g} a round", **style)


def draw_risk(ax, risks, rate, color):
    """Draw where the risk goes if it approaches its limit by the measured rate."""
    if rate.kind != "steps" or max(abs(rate.low), abs(rate.high)) >= 1:
        return
    n = rate.n_pairs + 1
    powers = rate.rate ** np.arange(n)
    # least squares of a limit and a size
    known = np.column_stack([np.ones(n), powers])
    limit, size = np.linalg.lstsq(known, risks[-n:], rcond=None)[0]
    rounds = np.arange(len(risks) - n, len(risks)) + 1
    style = {"linestyle": ":", "color": color, "alpha": 0.6, "zorder": 0}
    ax.plot(rounds, limit + size * powers, linewidth=2.5, **style)
    ax.axhline(limit, linewidth=0.8, **style)
