# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The fitted minimizer as one dict: what pickles, files and stores hold of it."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypedDict

from sklearn.base import BaseEstimator

from skperf.retraining._history import History
from skperf.retraining._log import Log
from skperf.retraining._loop import Standing
from skperf.retraining._model import DeployedModel
from skperf.retraining._path import Path
from skperf.retraining._schema import Schema
from skperf.shift._labels import Label
from skperf.shift._world import State, remembers

VERSION = 2


class Stored(TypedDict, total=False):
    """All that a minimizer holds; only the first three keys before it is fitted."""

    version: int
    params: dict[str, object]
    attached: dict[str, object]  # by scikit-learn: callbacks, metadata requests
    model: BaseEstimator
    pos_label: Label | None  # the class that people react to
    history: History
    round: int
    state: State  # of the world; None where it remembers people
    verdict: dict[str, object]
    schema: Schema | None  # from here on: what `partial_fit` goes on from
    periods: tuple[Hashable, ...]
    path: dict[str, object] | None
    head: str  # with a store, which has all this: its model that is deployed


_VERDICT = ("stability_residual_", "converged_", "diagnosis_", "settled_risk_")


def fitted_attributes(standing: Standing, number: int = 0) -> dict[str, object]:
    """Return the attributes of a minimizer that is fitted and not judged yet.

    `number` is that of its learner.
    """
    path = standing.paths[number]
    return {
        "estimator_": path.predictor.estimator,
        "pos_label_": path.predictor.pos_label,
        "history_": path.history,
        "n_iter_": path.n_rounds,
        "stability_residual_": float("nan"),
        "converged_": False,
        "diagnosis_": "interrupted",
        "settled_risk_": None,
        "_state": _without_memory(standing.state),
        "_log": None,
        "_head": None,
    }


def to_stored(attributes: Mapping[str, object], param_names: Iterable[str]) -> Stored:
    """Return the attributes of a minimizer as one dict of plain values."""
    rest: dict = dict(attributes)
    params = {name: rest.pop(name) for name in param_names}
    stored = Stored(version=VERSION, params=params, attached=rest)
    if "estimator_" in rest:
        stored |= Stored(
            model=rest.pop("estimator_"),
            pos_label=rest.pop("pos_label_"),
            history=rest.pop("history_"),
            round=rest.pop("n_iter_"),
            state=rest.pop("_state"),
            verdict={name: rest.pop(name) for name in _VERDICT},
        )
        stored |= _unpack_log(rest.pop("_log"))
        head = rest.pop("_head")
        stored |= {} if head is None else Stored(head=head)
    return stored


def from_stored(stored: Stored) -> dict[str, object]:
    """Return the attributes that :func:`to_stored` was given."""
    if stored.get("version") != VERSION:
        raise ValueError(
            f"This minimizer was stored in version {stored.get('version')!r} of the "
            f"format; expected {VERSION}. Load it with the skperf that stored it."
        )
    attributes = {**stored["params"], **stored["attached"]}
    if "model" in stored:
        attributes |= stored["verdict"]
        attributes |= {
            "estimator_": stored["model"],
            "pos_label_": stored["pos_label"],
            "history_": stored["history"],
            "n_iter_": stored["round"],
            "_state": stored["state"],
            "_log": restore_log(stored),
            "_head": stored.get("head"),
        }
    return attributes


def _without_memory(state: State) -> State:
    """Return the dice of a world, and no people: nothing goes on from a ``fit``."""
    return None if remembers(state) else state


def _unpack_log(log: Log | None) -> Stored:
    if log is None or log.standing is None:
        return Stored(schema=None, periods=(), path=None)
    (path,) = log.standing.paths
    fields = path._asdict()
    del fields["predictor"], fields["history"]  # these stand beside it
    return Stored(schema=log.schema, periods=log.periods, path=fields)


def restore_log(stored: Stored) -> Log | None:
    """Return what ``partial_fit`` goes on from, None where it begins."""
    if stored["path"] is None or stored["schema"] is None:
        return None
    predictor = DeployedModel.restore(
        stored["model"], str(stored["params"]["response_method"]), stored["pos_label"]
    )
    fields = {
        **Path._field_defaults,
        "predictor": predictor,
        "history": stored["history"],
        **stored["path"],
    }
    path = Path._make(fields[name] for name in Path._fields)
    return Log(stored["schema"], stored["periods"], Standing((path,), stored["state"]))
