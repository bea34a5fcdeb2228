# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

# Run by make mutants; there are no tests here.
collect_ignore_glob = ["*.py"]
