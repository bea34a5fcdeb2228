# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Labels that look like those of a classifier and equal none of them."""

from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier

from skperf.shift._sample import Table
from skperf.utils._arrays import to_numpy

_SHOWN = 5  # labels that a message shows


def as_targets(y: Table) -> NDArray:
    """Return targets as an array; one column of them is the same as none."""
    targets = to_numpy(y)
    return targets.ravel() if targets.shape[1:] == (1,) else targets


def require_known_labels(classes: NDArray | None, targets: NDArray) -> None:
    """Raise a ValueError where labels are of another type than a classifier's classes.

    They are compared by value, so that 1, 1.0 and True are one, and "1" is another.
    Labels of the right type that the classifier has not seen are left to the loss.
    """
    if classes is None or isinstance(classes, list) or targets.ndim != 1:
        return
    classes = to_numpy(classes)
    if _are_numbers(targets) and _are_numbers(classes):
        return
    known = set(classes.tolist())
    strange = [label for label in _distinct(targets) if label not in known]
    kinds = {_kind(label) for label in known}
    looks = {_look(label) for label in known}
    if any(_kind(label) not in kinds or _look(label) in looks for label in strange):
        raise ValueError(
            f"y holds the labels {_show(_distinct(targets))}, and the classifier was "
            f"trained on {_show(classes.tolist())}. Labels are compared by value, and "
            "no text equals a number, nor another text. Convert y to the labels that "
            "the classifier was trained on, such as by y.astype(int) or y.astype(str)."
        )


def require_shared_label(model: BaseEstimator, y: Table) -> None:
    """Raise a ValueError where a classifier knows none of the labels.

    Some unknown ones are new classes; all of them are another code for the known.
    """
    targets = as_targets(y)
    classes = getattr(model, "classes_", None)
    if not is_classifier(model) or classes is None or isinstance(classes, list):
        return
    require_known_labels(classes, targets)
    known = to_numpy(classes).tolist()
    if targets.ndim == 1 and not set(_distinct(targets)) & set(known):
        raise ValueError(
            f"y holds the labels {_show(_distinct(targets))}, and the classifier was "
            f"trained on {_show(known)}: it knows none of them. Labels are compared by "
            "value. Convert y to the labels that the classifier was trained on."
        )


def _are_numbers(values: NDArray) -> bool:
    return values.dtype.kind in "biuf"


def _distinct(targets: NDArray) -> list[object]:
    return list(dict.fromkeys(targets.tolist()))


def _kind(label: object) -> str:
    return "number" if isinstance(label, bool | int | float) else type(label).__name__


def _look(label: object) -> object:
    """Return what a person who reads a label takes it for."""
    text = str(label).strip().casefold()
    try:
        return float(text)
    except ValueError:
        return {"true": 1.0, "false": 0.0}.get(text, text)


def _show(labels: list[object]) -> str:
    more = f", ... ({len(labels)} labels)" if len(labels) > _SHOWN else ""
    return f"[{', '.join(map(repr, labels[:_SHOWN]))}{more}]"
