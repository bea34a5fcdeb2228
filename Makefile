# Every target makes the virtual environment it needs under .venv, and makes it
# anew only when pyproject.toml or its constraints have changed.

PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: demo style test check disturbed oldest mutants fuzz crash mlflow package docs browse bench bench-gpu redflag clean help

# A failed recipe leaves no stamp, so an unfinished environment is never used.
.venv/%/.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'skperf needs Python 3.11 or newer, and "$(PYTHON)" is not:' \
	    'name one, as in make PYTHON=python3.11 $(MAKECMDGOALS)' >&2; exit 1; }
	@echo 'Making .venv/$* (a minute or two, once)'
	@rm -rf .venv/$*
	@$(PYTHON) -m venv .venv/$*
	@$(INSTALL) setuptools
	@$(INSTALL) --no-build-isolation -e '.[$(EXTRAS)]'
	@touch $@

INSTALL = .venv/$*/bin/python -m pip install --quiet --disable-pip-version-check \
    --constraint $(CONSTRAINTS)
CONSTRAINTS = constraints.txt

.venv/demo/.stamp: EXTRAS = plot,progress
.venv/test/.stamp: EXTRAS = test,llm
.venv/oldest/.stamp: EXTRAS = test,llm
.venv/oldest/.stamp: CONSTRAINTS = constraints-oldest.txt
.venv/oldest/.stamp: constraints-oldest.txt
.venv/package/.stamp: EXTRAS = package
.venv/docs/.stamp: EXTRAS = docs,llm
.venv/bench/.stamp: EXTRAS = bench
.venv/mlflow/.stamp: EXTRAS = mlflow
.venv/mlflow/.stamp: CONSTRAINTS = constraints-mlflow.txt
.venv/mlflow/.stamp: constraints-mlflow.txt

demo: export MPLBACKEND = Agg
demo: .venv/demo/.stamp  ## Run the credit study: a table, a verdict, a picture
	.venv/demo/bin/python examples/first_steps/plot_credit_study.py

# pytest runs two processes, so each gets one thread. "Quick" is all that takes seconds
# and needs no data of others, among it every contract.
PYTEST = -m pytest -n 2 --dist worksteal
QUICK = -m "not benchmark and not slow and not download"
test check disturbed oldest mutants fuzz: export MPLBACKEND = Agg
test check disturbed oldest mutants fuzz crash: export OMP_NUM_THREADS = 1
test check disturbed mutants fuzz: export SCIPY_ARRAY_API = 1

style: .venv/test/.stamp
	.venv/test/bin/ruff check
	.venv/test/bin/ruff format --check
	.venv/test/bin/lint-imports --no-logo
	.venv/test/bin/mypy skperf

test: style  ## Check style, layers and types, run the quick tests
	.venv/test/bin/python $(PYTEST) $(QUICK)

check: style  ## Run all tests, on real data too, and a few mutants
	.venv/test/bin/python $(PYTEST) --hypothesis-profile whole
	.venv/test/bin/python tests/mutation/run.py --fixed tests/mutation/fixed.txt --share 1

disturbed: .venv/test/.stamp  ## Run the quick tests as on another processor
	.venv/test/bin/python $(PYTEST) $(QUICK) --disturb tests

oldest: .venv/oldest/.stamp  ## Run the quick tests with the oldest versions
	.venv/oldest/bin/python $(PYTEST) $(QUICK) tests

SEED = 0
N = 200
mutants: .venv/test/.stamp  ## Break N lines drawn by SEED, and see whether a test fails
	.venv/test/bin/python tests/mutation/run.py --seed $(SEED) --number $(N)

fuzz: .venv/test/.stamp  ## Try what nobody thought of: ten thousand examples
	.venv/test/bin/python -m pytest -p no:randomly --hypothesis-profile fuzz tests/fuzz

KILLS = 200
WHERE = folder
crash: .venv/test/.stamp  ## Kill a monthly job KILLS times: what is lost? Or WHERE=bucket
	.venv/test/bin/python tests/retraining/store/crash.py $(KILLS) $(WHERE)

mlflow: .venv/mlflow/.stamp  ## Try the recipe for MLflow in an environment of its own
	.venv/mlflow/bin/python -m pytest -q -c /dev/null --noconftest -p no:cacheprovider \
	    --rootdir tests/mlflow tests/mlflow

# The installed package must not see the clone, so Python is told to stay away from it.
package: .venv/package/.stamp  ## Build wheel and sdist, install each, try it
	rm -rf dist
	.venv/package/bin/python -m build --no-isolation
	for file in dist/*; do \
	    rm -rf .venv/installed && $(PYTHON) -m venv .venv/installed && \
	    .venv/installed/bin/python -m pip install --quiet --disable-pip-version-check \
	        --constraint constraints.txt $$file && \
	    .venv/installed/bin/python -P -W ignore .ci/smoke.py || exit 1; \
	done

# Pages of names that are gone would fail the build, so the API pages are made anew.
docs: export OMP_NUM_THREADS = 1
docs: .venv/docs/.stamp  ## Build the documentation in docs/_build/html
	rm -rf docs/api/generated
	.venv/docs/bin/python -m sphinx -W --keep-going -b html docs docs/_build/html
	.venv/docs/bin/python $(SITE) $(patsubst %,docs/checks/test_%.py,$(READ))

browse:  ## Look at every built page and a report in a browser, as on a desk and a phone
	.venv/docs/bin/python $(SITE) docs/checks/test_browser.py docs/checks/test_report.py

SITE = -m pytest -n 2 --dist worksteal -q -c /dev/null -p no:cacheprovider --rootdir docs/checks
READ = api gallery home links pasted

bench: export OMP_NUM_THREADS = 1
bench: .venv/bench/.stamp  ## Time skperf against other ways: ratios, half an hour
	.venv/bench/bin/python -m pytest -m benchmark --benchmark-timer=time.process_time \
	    --benchmark-columns=min,rounds tests/benchmarks

# Where this Python has all that is needed, such as a torch for its GPU, it is used.
bench-gpu:  ## Time red flags on a GPU: ratios, four minutes
	@if $(PYTHON) -c 'import skperf.llm'; then python=$(PYTHON); \
	    else $(MAKE) .venv/test/.stamp && python=.venv/test/bin/python; fi && \
	    $$python tests/benchmarks/red_flag_gpu.py $(ARGS)

redflag: export OMP_NUM_THREADS = 1
redflag: .venv/test/.stamp  ## Judge the red flag on a real language model, half an hour
	.venv/test/bin/python docs/reproduction/red_flag_report.py $(ARGS)

clean:  ## Remove the environments and everything that was built
	rm -rf .venv build dist skperf.egg-info htmlcov .coverage
	rm -rf examples/build docs/_build docs/api/generated docs/api/backreferences docs/auto_examples
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile
