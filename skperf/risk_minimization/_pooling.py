# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Mix the samples of several snapshots into one."""

import numpy as np

from skperf.shift import Sample
from skperf.shift._base import as_weights
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import concatenate, take_rows


def mix(snapshots, coefficients):
    """Return the sample of the mixture sum_i coefficients[i] * D_i.

    Snapshots on the same X and y share its rows: their weights are averaged. Others
    are stacked. The total weight is the mean of the snapshots' totals, so that a
    regularized estimator sees as much data as in one snapshot. Negative coefficients
    can give negative weights.
    """
    samples = [snapshot.sample for snapshot in snapshots]
    if len(samples) == 1:
        return samples[0]
    weights = [as_weights(s.sample_weight, _num_samples(s.X)) for s in samples]
    totals = np.array([w.sum() for w in weights])
    scales = coefficients * (coefficients @ totals) / totals
    supports = {}
    for sample, weight, scale in zip(samples, weights, scales, strict=True):
        key = id(sample.X), id(sample.y)
        rows = supports.setdefault(key, Sample(sample.X, sample.y, 0.0))
        supports[key] = rows._replace(sample_weight=rows.sample_weight + scale * weight)
    return _stack(list(supports.values()))


def same_support(first, second):
    """Return whether two samples differ by their weights only."""
    return first.X is second.X and first.y is second.y


def subsample(snapshots, coefficients, rng):
    """Return unweighted rows of each snapshot in proportion to its coefficient."""
    parts = []
    shares = coefficients / coefficients.max()
    for snapshot, share in zip(snapshots, shares, strict=True):
        X, y, _ = snapshot.sample
        n_samples = _num_samples(X)
        n_kept = round(share * n_samples)
        rows = np.sort(rng.permutation(n_samples)[:n_kept])
        parts.append(Sample(take_rows(X, rows), take_rows(y, rows)))
    return _stack(parts)


def _stack(samples):
    if len(samples) == 1:
        return samples[0]
    columns = zip(*samples, strict=True)
    return Sample(*(None if c[0] is None else concatenate(c) for c in columns))
