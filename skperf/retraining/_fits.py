# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Fits that are listened to: an estimator says itself that it is not finished."""

import sys
import warnings
from functools import lru_cache

from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from skperf.retraining._weights import fit_with_weights
from skperf.shift import Sample


def fit_and_listen(
    model: BaseEstimator, sample: Sample, **fit_params: object
) -> list[warnings.WarningMessage]:
    """Fit `model` on a sample; return its ConvergenceWarnings.

    All warnings reach the user as if nobody had listened, after the fit. What somebody
    does with them, to ignore them or to raise, does not change the verdict.
    """
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", ConvergenceWarning)
        fit_with_weights(model, sample, **fit_params)
    for warning in heard:
        _tell(warning)
    return [w for w in heard if issubclass(w.category, ConvergenceWarning)]


def _tell(heard: warnings.WarningMessage) -> None:
    """Warn again, from the place and in the module where it was raised."""
    warnings.warn_explicit(
        heard.message,
        heard.category,
        heard.filename,
        heard.lineno,
        module=_module_of(heard.filename),
        source=heard.source,
    )


@lru_cache(maxsize=256)  # there are thousands of modules, and a warning in each fit
def _module_of(filename: str) -> str | None:
    """Return the name of the module in a file, which filters of warnings look at."""
    files = ((n, getattr(m, "__file__", None)) for n, m in [*sys.modules.items()])
    return next((name for name, file in files if file == filename), None)
