# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A study: models, reactions and ways of retraining side by side, on held-out people.

Each pair of a task and a split is played on its own and told in sums over persons;
tables, intervals, words and the page are made of these sums alone.
"""
