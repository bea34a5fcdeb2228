# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Track a minimizer with MLflow: what was set, the record, the verdict, the model."""

import mlflow
import numpy as np
import skops.io


def trusted_types(minimizer, others=()):
    """Return the types in a minimizer that may be loaded again: skperf's own.

    Types of other packages are named by an error, until they are in `others`.
    """
    unknown = skops.io.get_untrusted_types(data=skops.io.dumps(minimizer))
    return [kind for kind in unknown if kind.startswith("skperf.") or kind in others]


def track(minimizer, name="minimizer", others=()):
    """Log a fitted minimizer to the active run, and return what MLflow knows of it."""
    # it would record each training inside as a run of the inner estimator
    mlflow.sklearn.autolog(disable=True)
    params = minimizer.get_params(deep=True)
    mlflow.log_params({key: str(value)[:500] for key, value in params.items()})
    for column, values in minimizer.history_.items():
        for step in np.flatnonzero(np.isfinite(values)):
            mlflow.log_metric(column, float(values[step]), step=int(step) + 1)
    mlflow.set_tag("diagnosis", minimizer.diagnosis_)
    return mlflow.sklearn.log_model(
        minimizer,
        name=name,
        serialization_format="skops",
        skops_trusted_types=trusted_types(minimizer, others),
    )
