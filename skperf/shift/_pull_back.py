# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Through the map and back: derivatives from a sample to the predictions about it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skperf.shift._sample import Floats, Sample, Table
from skperf.utils._sklearn import _num_samples


class Cotangent(NamedTuple):
    """What a little more of each row of a sample is worth, as derivatives of a risk.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,)
        By the weight of the row: its loss, less the risk where weights are normalized.

    y : ndarray of the shape of the targets, default=None
        By its target; None where targets do not move.

    X : ndarray of shape (n_samples, n_features), default=None
        By its features; None where features do not move. Columns that hold no numbers
        are zero.

    Examples
    --------
    Of the mean of the losses of two rows, each loss a square of target less 1:

    >>> import numpy as np
    >>> from skperf.shift import Cotangent
    >>> y = np.array([0.0, 3.0])
    >>> loss = (y - 1) ** 2
    >>> Cotangent(weight=(loss - loss.mean()) / 2, y=2 * (y - 1) / 2)
    Cotangent(weight=array([-0.75,  0.75]), y=array([-1.,  2.]), X=None)
    """

    weight: Floats
    y: Floats | None = None
    X: Floats | None = None


class PullBack(NamedTuple):
    """What a little more prediction on some rows does to a risk, through the reaction.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_rows, n_features)
        The rows on which the reaction asked the model.

    v : ndarray of the shape of the predictions, (n_rows,)
        Derivative of the risk by the prediction on each row.

    groups : ndarray of shape (n_rows,), default=None
        The person of each row.

    U : ndarray of shape (n_rows, n_features), default=None
        Derivative by the gradient of the score on each row, where people followed it.

    of_base : bool, default=True
        Whether the rows are those of the base population, in order. If an earlier shift
        has moved these, it has moved the question too.

    Examples
    --------
    Two people were asked for their prediction, and each doubles his target by it:

    >>> import numpy as np
    >>> from skperf.shift import PullBack
    >>> by_target = np.array([-1.0, 2.0])
    >>> PullBack(np.array([[5.0], [6.0]]), v=2 * by_target).v
    array([-2.,  4.])
    """

    X: Table
    v: Floats
    groups: NDArray | None = None
    U: Floats | None = None
    of_base: bool = True


def check_pull_back(
    returned: object, base: Sample, giver: object
) -> tuple[Cotangent, list[PullBack]]:
    """Return what the author of a shift gave, with its rows and persons filled in."""
    name = f"{type(giver).__name__}.pull_back"
    match returned:
        case (Cotangent() as cotangent, np.ndarray() as v):
            pull_backs = [PullBack(base.X, v)]
        case (Cotangent() as cotangent, [*pull_backs]):
            pass
        case _:
            raise TypeError(
                f"{name} returned {returned!r:.80}; expected a tuple (Cotangent, v), "
                "derivatives by the base rows and by y_pred, an array, or a list of "
                "PullBack in the place of v."
            )
    n_samples = _num_samples(base.X)
    of_base = [p for p in pull_backs if p.of_base]
    lengths = [len(cotangent.weight), *[len(pull_back.v) for pull_back in of_base]]
    if set(lengths) != {n_samples}:
        raise ValueError(
            f"{name} returned {lengths} derivatives by weights and predictions of "
            f"{n_samples} base rows; expected one for each. If the model was asked "
            "elsewhere, return a PullBack with of_base=False."
        )
    labelled = [
        p._replace(groups=base.groups) if p.of_base and p.groups is None else p
        for p in pull_backs
    ]
    return cotangent, labelled


def require_part(part: Floats | None, name: str, asker: str) -> Floats:
    """Return a part of a cotangent, or say who needs it."""
    if part is None:
        raise ValueError(
            f"{asker} moves {name}, so its pull-back needs the derivatives of the risk "
            f"by {name}: got a Cotangent whose {name} is None."
        )
    return part


def sum_copies(part: Floats | None, n_samples: int) -> Floats | None:
    """Return the sum over copies of the base rows, which follow each other."""
    if part is None:
        return None
    return part.reshape(-1, n_samples, *part.shape[1:]).sum(axis=0)
