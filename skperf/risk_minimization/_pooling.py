# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Mix the samples of several snapshots into one."""

import numpy as np

from skperf.shift import Sample
from skperf.shift._sample import as_weights
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import concatenate, equal_tables, take_rows


def mix(snapshots, coefficients):
    """Return the sample of the mixture sum_i coefficients[i] * D_i.

    Snapshots on the same rows share them: their weights are averaged. Others are
    stacked. The total weight is the mean of the snapshots' totals, so that a
    regularized estimator sees as much data as in one snapshot. Negative coefficients
    can give negative weights.
    """
    samples = [snapshot.sample for snapshot in snapshots]
    if len(samples) == 1:
        return samples[0]
    weights = [as_weights(s.sample_weight, _num_samples(s.X)) for s in samples]
    totals = np.array([w.sum() for w in weights])
    scales = coefficients * (coefficients @ totals) / totals
    return _stack(
        [
            samples[places[0]]._replace(
                sample_weight=scales[places] @ np.array([weights[i] for i in places])
            )
            for places in _by_support(samples)
        ]
    )


def _by_support(samples):
    """Return the positions of the samples on each support."""
    groups = []
    for position, sample in enumerate(samples):
        for group in groups:
            if same_support(samples[group[0]], sample):
                group.append(position)
                break
        else:
            groups.append([position])
    return groups


def same_support(first, second):
    """Return whether two samples have the same rows and differ by their weights only.

    Their keys decide if both have one, otherwise the contents.
    """
    if first.support is not None and second.support is not None:
        return first.support == second.support
    return equal_tables(first.y, second.y) and equal_tables(first.X, second.X)


def subsample(snapshots, coefficients, rng):
    """Return unweighted rows of each snapshot in proportion to its coefficient."""
    parts = []
    shares = coefficients / coefficients.max()
    for snapshot, share in zip(snapshots, shares, strict=True):
        X, y, _, groups, _ = snapshot.sample
        n_samples = _num_samples(X)
        n_kept = round(share * n_samples)
        rows = np.sort(rng.permutation(n_samples)[:n_kept])
        persons = None if groups is None else take_rows(groups, rows)
        parts.append(Sample(take_rows(X, rows), take_rows(y, rows), groups=persons))
    return _stack(parts)


def _stack(samples):
    if len(samples) == 1:
        return samples[0]
    *parts, _ = zip(*samples, strict=True)  # the rows together have no key
    return Sample(*map(_join, parts))


def _join(parts):
    """Stack the parts, unless one of them is not known."""
    return None if any(part is None for part in parts) else concatenate(parts)
