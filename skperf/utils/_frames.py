# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables of any kind as pandas DataFrames, for people to look at."""

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse

from skperf.utils._sklearn import check_pandas_support


def sample_to_frame(sample, people=None):
    """Return a sample as one DataFrame, with the persons as its index.

    `people` is the table whose row numbers the groups are, if they are: where it has
    an index of pandas, the persons are called as they are there.
    """
    pd = check_pandas_support("as_frame=True")
    X, y, sample_weight, groups, _ = sample
    features = _features(pd, X)
    added = {**_targets(y), "sample_weight": 1.0}
    if sample_weight is not None:
        added["sample_weight"] = sample_weight
    taken = [name for name in added if name in features.columns]
    if taken:
        raise ValueError(
            f"X has columns named {taken}, which as_frame=True adds. Rename them."
        )
    frame = features.assign(**added)
    if groups is None:
        return frame
    if isinstance(people, pd.DataFrame):
        persons = people.index.take(groups)
        return frame.set_index(
            persons.set_names([n or "person" for n in persons.names])
        )
    return frame.set_index(pd.Index(groups, name="person"))


def _features(pd, X):
    if nw.dependencies.is_into_dataframe(X):
        return nw.from_native(X, eager_only=True).to_pandas().reset_index(drop=True)
    values = X.toarray() if sparse.issparse(X) else np.asarray(X)
    return pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])


def _targets(y):
    values = np.asarray(y)
    if values.ndim == 1:
        return {"target": values}
    return {f"target_{i}": column for i, column in enumerate(values.T)}
