# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Axes to draw on, where matplotlib is installed."""

from importlib.util import find_spec


def require_matplotlib(display, where):
    """Raise an ImportError that says what to do without matplotlib."""
    if find_spec("matplotlib") is None:
        raise ImportError(
            f"{type(display).__name__} draws with matplotlib, which is not installed. "
            f"Install it with: pip install skperf[plot]. The numbers are in {where}."
        )


def make_axes(n_axes, **options):
    """Make a figure with so many axes in a row."""
    import matplotlib.pyplot as plt

    return plt.subplots(1, n_axes, layout="constrained", **options)[1]
