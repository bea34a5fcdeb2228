# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a call of ``partial_fit`` says besides the rows."""

from collections.abc import Hashable, Mapping
from typing import NamedTuple


class Call(NamedTuple):
    """What ``partial_fit`` was told besides the rows."""

    period: Hashable = None
    deployed: int | None = None
    fit_params: Mapping[str, object] = {}
