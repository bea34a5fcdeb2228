# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""One or two numbers in a model, which move while the others stay as they are."""

from numbers import Integral

import numpy as np

from skperf.shift._gradients import is_linear, model_steps

_MOST = 2  # that a picture has room for


class ChosenNumbers:
    """Some of a model's :class:`~skperf.shift.Parameters`, by the same methods."""

    def __init__(self, parameters, chosen):
        self.model = parameters.model
        self.parameters = parameters
        self.chosen = chosen
        self._all = parameters.get()

    def get(self):
        """Return the numbers that move."""
        return self.parameters.get()[self.chosen]

    def set(self, values):
        """Replace them in the model."""
        numbers = self._all.copy()
        numbers[self.chosen] = values
        self.parameters.set(numbers)

    def vjp(self, X, v):
        """Return derivatives by them, see :meth:`Parameters.vjp`."""
        return self.parameters.vjp(X, v)[self.chosen]

    def vjp_gradient(self, X, U):
        """Return derivatives by them, see :meth:`Parameters.vjp_gradient`."""
        return self.parameters.vjp_gradient(X, U)[self.chosen]

    def vjp_input(self, X, v):
        """Return derivatives by X."""
        return self.parameters.vjp_input(X, v)


def choose(parameters, wanted):
    """Return the positions of the numbers that are wanted, and what they are called.

    `wanted` are positions or names, one or two; None means all, if they are no more.
    """
    names = _names(parameters)
    if wanted is None:
        wanted = range(len(names))
        if len(wanted) > _MOST:
            raise ValueError(
                f"The model has {len(names)} numbers and a picture has room for two. "
                f"Choose one or two by parameters=; they are {_listed(names)}."
            )
    elif isinstance(wanted, str | Integral):
        wanted = [wanted]
    positions = [_position(one, names) for one in wanted]
    if not 1 <= len(set(positions)) == len(positions) <= _MOST:
        raise ValueError(
            f"parameters={list(wanted)!r} names {len(set(positions))} different "
            "numbers; expected one or two, each once."
        )
    return positions, [names[position] for position in positions]


def _position(one, names):
    if isinstance(one, str) and names.count(one) == 1:
        return names.index(one)
    whole = isinstance(one, Integral) and not isinstance(one, bool | np.bool_)
    if whole and -len(names) <= one < len(names):
        return int(one) % len(names)
    raise ValueError(
        f"The model has no parameter {one!r}. Give a position from 0 to "
        f"{len(names) - 1}, or a name: {_listed(names)}."
    )


def _names(parameters):
    """Return what each number is called: after its column, or its position."""
    n_numbers, model = len(parameters.get()), parameters.model
    *_, last = model_steps(model)
    if not is_linear(last) or parameters.n_outputs > 1:
        return [f"parameter {position}" for position in range(n_numbers)]
    n_columns = np.shape(last.coef_)[-1]
    columns = getattr(model, "feature_names_in_", None)
    if columns is None:
        columns = [f"coefficient {column}" for column in range(n_columns)]
    return [*map(str, columns), "intercept"][:n_numbers]


def _listed(names, most=12):
    """Return the names as text, without the last of very many."""
    rest = len(names) - most
    shown = ", ".join(map(repr, names[:most]))
    return shown if rest <= 0 else f"{shown} and {rest} more"
