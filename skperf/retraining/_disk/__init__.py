# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a store on disk is made of: files, logs, tables and models."""
