# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Methods that are called in a way that reads well and means something else."""

from functools import wraps
from inspect import signature


def called_with(advice):
    """Decorate a method to say what it takes, where the arguments do not fit.

    Parameters
    ----------
    advice : str
        What to do, added to Python's own words.
    """

    def decorate(method):
        @wraps(method)
        def checked(self, *args, **kwargs):
            try:
                signature(method).bind(self, *args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{method.__name__}: {error}. {advice}") from error
            return method(self, *args, **kwargs)

        return checked

    return decorate


def called_on_instance(advice):
    """Decorate a method to say so where it is called on the class.

    Parameters
    ----------
    advice : str
        How an instance comes about.
    """

    def decorate(method):
        @wraps(method)
        def checked(*args, **kwargs):
            if not args or not hasattr(args[0], method.__name__):
                raise TypeError(
                    f"{method.__name__} was called on the class; expected an instance, "
                    f"whose parameters the file does not hold. {advice}"
                )
            return method(*args, **kwargs)

        return checked

    return decorate
