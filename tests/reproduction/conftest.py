# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    """Import the scripts as they import each other: from their own folder."""
    folder = Path(__file__).parents[2] / "docs" / "reproduction"
    monkeypatch.syspath_prepend(folder)
