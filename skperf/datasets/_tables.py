# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables that were fetched, as scikit-learn hands data sets out."""

from importlib import resources

from sklearn.utils import Bunch


def make_bunch(X, columns, *, target, feature_names, description, pandas, **details):
    """Return the Bunch of a table, and as a frame too if `pandas` is the module.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The features.

    columns : dict of ndarray of shape (n_samples,)
        All other columns by name, in their order.

    target : str
        The name of the column that is the target.

    feature_names : list of str
        The names of the features.

    description : str
        The name of a file in the folder of descriptions.

    pandas : module or None
        What the frame is made with.

    **details
        Further entries of the Bunch.
    """
    frame = None
    if pandas is not None:
        frame = pandas.DataFrame(X, columns=feature_names).assign(**columns)
        X, columns = frame[feature_names], {name: frame[name] for name in columns}
    descr = resources.files("skperf.datasets") / "descr" / description
    return Bunch(
        data=X,
        target=columns[target],
        **{name: columns[name] for name in columns if name != target},
        frame=frame,
        feature_names=list(feature_names),
        **details,
        DESCR=descr.read_text(encoding="utf-8"),
    )
