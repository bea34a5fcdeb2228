# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A threshold that scores of one kind rarely pass."""

import math

import numpy as np


def conformal_threshold(scores, target_fpr):
    """Return a threshold that a further harmless text passes with a known chance.

    With n exchangeable scores of harmless texts and one more, the chance that the
    latter is above the k-th smallest of the former is at most ``1 - k / (n + 1)``. The
    smallest k for which that is no more than `target_fpr` is taken.

    Parameters
    ----------
    scores : ndarray of shape (n_texts,)
        Scores of harmless texts that the model was not fitted on.

    target_fpr : float
        The chance of a false flag, between 0 and 1.

    Raises
    ------
    ValueError
        If there are too few texts for such a rare event.

    References
    ----------
    Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; the split
    form of Papadopoulos et al., Inductive Confidence Machines for Regression, 2002.
    """
    n_texts = len(scores)
    # the product is off by rounding: 20 * 0.95 is not to be 20
    k = math.ceil(round((n_texts + 1) * (1 - target_fpr), 9))
    if k > n_texts:
        needed = math.ceil(round(1 / target_fpr - 1, 9))
        raise ValueError(
            f"target_fpr={target_fpr:g} needs at least {needed} harmless texts; got "
            f"{n_texts}. Pass more of them, or allow for more false flags."
        )
    return float(np.sort(scores)[max(k, 1) - 1])
