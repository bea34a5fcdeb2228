# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Helpers shared by the whole package; nothing here is public."""
