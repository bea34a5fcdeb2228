# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""CPU time of a call, which does not count what else the machine is doing."""

from time import process_time


def cpu_seconds(function, *args, **params):
    """Return the CPU seconds that a call takes."""
    start = process_time()
    function(*args, **params)
    return process_time() - start
