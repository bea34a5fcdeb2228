# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Axes to draw on, where matplotlib is installed."""

from importlib.util import find_spec


def require_matplotlib(display, where=None):
    """Raise an ImportError that says what to do without matplotlib."""
    if find_spec("matplotlib") is None:
        numbers = f" The numbers are in {where}." if where else ""
        raise ImportError(
            f"{display} draws with matplotlib, which is not installed. Install it "
            f"with: pip install skperf[plot].{numbers}"
        )


def make_axes(n_axes, **options):
    """Make a figure with so many axes in a row."""
    import matplotlib.pyplot as plt

    return plt.subplots(1, n_axes, layout="constrained", **options)[1]
