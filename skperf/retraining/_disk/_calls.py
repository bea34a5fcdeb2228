# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A call of ``partial_fit`` as a commit has it, so that it can be made again."""

import pickle
import zlib
from base64 import b64decode, b64encode
from collections.abc import Hashable
from typing import NamedTuple, Protocol

from skperf.retraining._calls import Call
from skperf.retraining._log import Log
from skperf.retraining._stored import Stored
from skperf.shift import Sample


class Minimizer(Protocol):
    """What a store asks of a minimizer."""

    def __getstate__(self) -> Stored:
        """Return all that it holds."""

    def __setstate__(self, stored: Stored) -> None:
        """Become what was stored."""

    def __skperf_admit__(
        self, log: Log | None, seen: Sample, period: Hashable
    ) -> tuple[Log, Sample]:
        """Return the log with one more period, and its data in the log's form."""

    def __skperf_retrain__(self, log: Log, seen: Sample, call: Call) -> None:
        """Retrain once on data that were admitted."""

    def __skperf_become__(self, store: object, head: str) -> None:
        """Be what a store has stored."""


class Asked(NamedTuple):
    """A call and the minimizer that was called, as a user had set it."""

    kind: type[Minimizer]
    stored: Stored
    call: Call


def pack(minimizer: Minimizer, call: Call) -> str:
    """Return a call as text."""
    state = minimizer.__getstate__()
    stored = Stored(
        version=state["version"], params=state["params"], attached=state["attached"]
    )
    asked = Asked(type(minimizer), without_store(stored), call)
    try:
        packed = pickle.dumps(asked)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(
            "A store keeps the estimator and all parameters as pickle does, which "
            f"fails: {error}. Replace what cannot be pickled, such as functions that "
            "have no name in a module."
        ) from error
    return b64encode(zlib.compress(packed)).decode()


def unpack(text: str) -> Asked:
    """Return the call that :func:`pack` was given."""
    return pickle.loads(zlib.decompress(b64decode(text)))


def without_store(stored: Stored) -> Stored:
    """Return what is stored of a minimizer, which does not say where."""
    return {**stored, "params": {**stored["params"], "store": None}}


def revive(kind: type[Minimizer], stored: Stored) -> Minimizer:
    """Return a minimizer that was stored."""
    minimizer = kind.__new__(kind)
    minimizer.__setstate__(stored)
    return minimizer
