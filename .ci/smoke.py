# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What an installed skperf must do where nothing but its dependencies is there."""

from importlib.metadata import version
from importlib.resources import files

from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.utils.estimator_checks import check_estimator

import skperf
from skperf.metrics import performative_risk

installed = files("skperf")
assert "site-packages" in str(installed), f"not the installed one: {installed}"
assert skperf.__version__ == version("skperf")
assert installed.joinpath("py.typed").is_file()
assert list(installed.joinpath("datasets", "descr").iterdir())

X, y = make_classification(2000, random_state=0)
X, X_new, y, y_new = train_test_split(X, y, random_state=0)
shift = skperf.ResampleIfRejected(delta=0.6, strategic_features=[0, 3])
model = skperf.RepeatedRiskMinimizer(LogisticRegression(), shift).fit(X, y)
ordinary = LogisticRegression().fit(X, y)
print(f"Retraining {model.diagnosis_} after {model.n_iter_} rounds.")
for name, one in {"ordinary": ordinary, "stable": model}.items():
    risk = performative_risk(one, shift, X_new, y_new, random_state=0)
    print(f"  {name:8} model, people react: log loss {risk:.4f}")
assert model.converged_

minimizer = skperf.RepeatedRiskMinimizer(
    LogisticRegression(), skperf.ResampleIfRejected(0.5), max_iter=2, random_state=0
)
results = check_estimator(minimizer, on_skip=None)
print(f"scikit-learn's checks: {len(results)} run")
