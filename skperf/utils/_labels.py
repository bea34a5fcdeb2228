# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Labels whose values say which class is the positive one."""

import numpy as np
from numpy.typing import NDArray

_CONVENTIONS = ({0, 1}, {-1, 1})  # False and True are 0 and 1


def name_their_positive(classes: NDArray) -> bool:
    """Return whether these are 0 and 1 or -1 and 1, also as floats, or one of them."""
    if np.asarray(classes).dtype.kind not in "biuf":
        return False
    return any(set(classes.tolist()) <= labels for labels in _CONVENTIONS)
