# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Matplotlib, which nothing but pictures needs."""

from importlib.util import find_spec


def require_matplotlib(display):
    """Raise an ImportError where a display cannot draw."""
    if find_spec("matplotlib") is None:
        raise ImportError(
            f"{display} draws with matplotlib, which is not installed. Install it "
            "with: pip install skperf[plot]."
        )
