# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Mix the samples of several snapshots into one."""

import warnings

import numpy as np

from skperf.retraining._losses import blend
from skperf.risk_minimization._coefficients import uniform
from skperf.shift import Sample
from skperf.shift._mixture import have_same_rows, mix, stack
from skperf.shift._sample import new_key
from skperf.utils._by_rows import keep
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import take_rows


def mix_snapshots(snapshots, coefficients):
    """Return the sample of the mixture of what the snapshots have seen."""
    return mix([snapshot.sample for snapshot in snapshots], coefficients)


def absorb(snapshots, newest):
    """Average the newest snapshot into the last one if they share their rows."""
    if not snapshots or snapshots[-1].sample.support != newest.sample.support:
        return (*snapshots, newest)
    *older, last = snapshots
    shares = uniform([last, newest])
    average = newest._replace(
        sample=mix_snapshots([last, newest], shares),
        y_pred=keep(blend(shares, [last.y_pred, newest.y_pred])),
        residual=None,
        n_models=last.n_models + newest.n_models,
    )
    return (*older, average)


def name_rows(snapshots):
    """Return the snapshots with a key for the rows of the newest.

    Where its world gave none, the rows are those of an older one with the same content.
    """
    *older, newest = snapshots
    if newest.sample.support is not None:
        return snapshots
    keys = (s.sample.support for s in older if have_same_rows(s.sample, newest.sample))
    named = newest.sample._replace(support=next(keys, new_key("rows")))
    return (*older, newest._replace(sample=named))


def subsample(snapshots, coefficients, rng):
    """Return unweighted rows of the mixture of laws, none of them twice.

    As many as there can be: the snapshot with the fewest rows for its coefficient
    gives them all.
    """
    parts = []
    sizes = np.array([_num_samples(snapshot.sample.X) for snapshot in snapshots])
    counted = coefficients > 0
    n_rows = np.min(sizes[counted] / coefficients[counted])
    kept = np.rint(coefficients * n_rows).astype(int)
    _warn_of_dropped_rows(kept.sum(), sizes[counted].sum())
    for snapshot, n_samples, n_kept in zip(snapshots, sizes, kept, strict=True):
        X, y, _, groups, _ = snapshot.sample
        rows = np.sort(rng.permutation(n_samples)[:n_kept])
        persons = None if groups is None else take_rows(groups, rows)
        parts.append(Sample(take_rows(X, rows), take_rows(y, rows), groups=persons))
    return stack(parts)


def _warn_of_dropped_rows(n_kept, n_samples):
    if n_kept < n_samples / 2:
        warnings.warn(
            f"The estimator takes no weights, and a mixture in which periods of "
            f"different size count as asked has {n_kept} of {n_samples} rows. Take "
            "an estimator with sample weights, or coefficients='size' if each row is to"
            " count the same.",
            UserWarning,
            stacklevel=2,
        )
