# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What predictions become when strategic columns come from somebody else."""

import numpy as np

from skperf.shift._predictor import PredictionFunction
from skperf.shift._sample import Floats, Rows
from skperf.shift.estimation._people import People
from skperf.utils._tables import replace_columns

_N_DONORS = 50  # for each row; all would take n times n predictions
_AT_ONCE = 20_000  # predictions


def donor_parts(
    people: People, y_pred: Floats, predictor: PredictionFunction, columns: Rows
) -> tuple[Floats, Floats]:
    """Return parts of f (h' - h) and (1 - f) (h' - h), for h = f and h = f squared.

    A row has a part in their means as itself and another one as a donor of others, so
    that errors count both. The second is zero on average.

    Returns
    -------
    fixed, slopes : ndarray of shape (n_rows, 2)
        The mean move of h under rejection with the probability g = f + delta (1 - f) is
        that of ``fixed + delta * slopes``.
    """
    n_rows, weights = len(people), people.weights
    own, given = np.zeros((2, n_rows, 4))
    weight_own, weight_given = np.zeros((2, n_rows, 1))
    distances = np.unique(np.linspace(0, n_rows, min(_N_DONORS, n_rows) + 1)[:-1] // 1)
    n_parts = int(np.ceil(n_rows * len(distances) / _AT_ONCE))
    for part in np.array_split(distances.astype(int), n_parts):
        gains = _gains(people, y_pred, predictor, columns, part)
        for distance, gain in zip(part, gains, strict=True):
            donated = np.roll(weights, -distance)[:, None]
            own += donated * gain
            weight_own += donated
            given += np.roll(weights[:, None] * gain, distance, axis=0)
            weight_given += np.roll(weights, distance)[:, None]
    own, given = own / weight_own, given / weight_given
    parts = own + given - people.mean(given)
    return parts[:, :2], parts[:, 2:]


def _gains(
    people: People,
    y_pred: Floats,
    predictor: PredictionFunction,
    columns: Rows,
    distances: Rows,
) -> Floats:
    """Return f (h' - h) and (1 - f) (h' - h) of donors that are so many rows away."""
    rows = np.arange(len(people))
    donors = (rows + distances[:, None]) % len(rows)
    tiled = np.tile(rows, len(distances))
    moved = replace_columns(people.sample.X, columns, tiled, donors.ravel())
    f = np.asarray(predictor(moved)).reshape(donors.shape)
    gains = np.stack([f - y_pred, f**2 - y_pred**2], axis=-1)
    shares = np.stack([y_pred, 1 - y_pred])
    return np.concatenate([share[:, None] * gains for share in shares], axis=-1)
