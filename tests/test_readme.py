# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The code in README.md works as it is pasted."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def df():
    rng = np.random.RandomState(0)
    columns = ["age", "balance", "income", "n_loans"]
    df = pd.DataFrame(rng.normal(size=(200, 4)), columns=columns)
    df["default"] = (df.sum(axis=1) + rng.normal(size=200) > 0).astype(int)
    df["job"] = rng.choice(["clerk", "nurse"], 200)
    df.loc[::7, ["age", "balance"]] = np.nan
    df.loc[::9, "job"] = None
    return df


def test_pasted_code_converges_and_draws(df, capsys):
    plt = pytest.importorskip("matplotlib.pyplot")
    pytest.importorskip("rich")
    (code,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.S | re.M)
    pasted = {"df": df}
    exec(code, pasted)
    assert pasted["model"].predict_proba(pasted["X"]).shape == (200, 2)
    assert "converged" in capsys.readouterr().out
    assert len(plt.gcf().axes) == 2
    plt.close("all")


def test_linked_files_exist():
    links = re.findall(r"\]\(((?!https?:)[^)]+)\)", README.read_text())
    assert "docs/_static/credit_study.png" in links
    missing = [link for link in links if not (README.parent / link).exists()]
    assert missing == []
