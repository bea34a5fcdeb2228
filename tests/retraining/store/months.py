# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A world outside, drawn by the number of the month, and a job that lives in it."""

import os
import sys

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skperf import AffineRiskMinimizer
from skperf.retraining import SnapshotStore

N_MONTHS = 8
JOBS = ["employed", "retired", "student"]


def applications(number, model=None, n_people=120):
    """Return what a month shows: people lower their debts as far as the model asks."""
    rng = np.random.default_rng(number)
    job = pd.Categorical(rng.choice(JOBS, n_people), categories=JOBS[::-1])
    X = pd.DataFrame({"debt": rng.normal(size=n_people), "job": job})
    X["late"] = rng.poisson(1.0, n_people)
    risk = X["debt"] + 0.3 * X["late"] + (X["job"] == "student")
    y = np.where(risk + rng.logistic(size=n_people) > 0.5, "default", "paid")
    if model is not None:
        places = list(model.classes_).index("default")
        X["debt"] -= 0.5 * model.predict_proba(X)[:, places]
    return X, y, rng.choice(10**6, n_people, replace=False) + 10**7 * number


def minimizer(store):
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["job"]),
        remainder="passthrough",
    )
    trees = GradientBoostingClassifier(n_estimators=8, subsample=0.5, random_state=0)
    model = make_pipeline(encode, trees)
    return AffineRiskMinimizer(model, pos_label="default", window=3, store=store)


def job(folder):
    """Live all months, from wherever a job before this one was killed."""
    store, newest = SnapshotStore(folder), None
    model = store.resume(default=minimizer(store))
    for number in range(N_MONTHS):
        period = f"2026-{number + 1:02}"
        if period in store.periods():
            continue
        seen = applications(number, model if hasattr(model, "estimator_") else None)
        X, y, persons = seen
        model.partial_fit(X, y, groups=persons, period=period)
        os.write(1, f"{period}\n".encode())  # it is acknowledged
        newest = number
    # another job may have lived the last month since this one has resumed
    return model if newest == N_MONTHS - 1 else store.resume()


if __name__ == "__main__":
    job(sys.argv[1])
    os.write(1, b"done\n")
