# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Mixtures of samples, each of which counts as a probability law."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from skperf.shift._sample import Floats, Sample, as_weights
from skperf.utils._by_rows import in_blocks, keep_rows, map_rows, number_of_each, total
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import concatenate, equal_tables


def mix(samples: Sequence[Sample], coefficients: Floats) -> Sample:
    """Return the sample of the mixture sum_i coefficients[i] * D_i.

    Samples of the same rows share them: their weights are averaged. Others are stacked.
    The total weight is the mean of the samples' totals, so that a regularized estimator
    sees as much data as in one sample. Negative coefficients can give negative weights.
    """
    if len(samples) == 1:
        return samples[0]
    weights = [weights_of(sample) for sample in samples]
    totals = np.array([total(w) for w in weights])
    scales = coefficients * (coefficients @ totals) / totals
    return stack(
        [
            samples[same[0]]._replace(
                sample_weight=keep_rows(
                    partial(_weigh, scales[same]), *(weights[i] for i in same)
                )
            )
            for same in _same_places(samples)
        ]
    )


def weights_of(sample: Sample) -> Floats:
    """Return the weight of each row."""
    if sample.sample_weight is None and in_blocks(sample.X):
        return map_rows(_ones, number_of_each(sample.X))
    return as_weights(sample.sample_weight, _num_samples(sample.X))


def _ones(numbers: Floats) -> Floats:
    return np.ones(len(numbers))


def _weigh(scales: Floats, *weights: Floats) -> Floats:
    return scales @ np.array(weights)


def have_same_rows(first: Sample, second: Sample) -> bool:
    """Return whether two samples differ in their weights only.

    Their keys tell. Where one has none, their contents do.
    """
    if first.support is not None and second.support is not None:
        return first.support == second.support
    return equal_tables(first.y, second.y) and equal_tables(first.X, second.X)


def stack(samples: Sequence[Sample]) -> Sample:
    """Return the rows of all samples, one below the other; together they have no key.

    Persons are known if they are known of all rows.
    """
    if len(samples) == 1:
        return samples[0]
    *parts, _ = zip(*samples, strict=True)
    return Sample(
        *(
            None if any(part is None for part in same) else concatenate(same)
            for same in parts
        )
    )


def _same_places(samples: Sequence[Sample]) -> list[list[int]]:
    """Return the numbers of the samples, those of the same rows together."""
    places: list[list[int]] = []
    for place, sample in enumerate(samples):
        known = (p for p in places if have_same_rows(samples[p[0]], sample))
        same = next(known, None)
        if same is None:
            places.append([place])
        else:
            same.append(place)
    return places
