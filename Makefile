# Every target makes the virtual environment it needs under .venv, and makes it
# anew only when pyproject.toml or constraints.txt has changed.

PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: demo test docs bench redflag clean help

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
    --constraint constraints.txt

.venv/demo/.stamp: EXTRAS = plot,progress
.venv/test/.stamp: EXTRAS = test,llm
.venv/docs/.stamp: EXTRAS = docs,llm
.venv/bench/.stamp: EXTRAS = bench
.venv/redflag/.stamp: EXTRAS = llm

demo: export MPLBACKEND = Agg
demo: .venv/demo/.stamp  ## Run the credit study: a table, a verdict, a picture
	.venv/demo/bin/python examples/plot_credit_study.py

# pytest runs two processes, so each gets one thread.
test: export MPLBACKEND = Agg
test: export OMP_NUM_THREADS = 1
test: export SCIPY_ARRAY_API = 1
test: .venv/test/.stamp  ## Check style, layers and types, run tests and doctests
	.venv/test/bin/ruff check
	.venv/test/bin/ruff format --check
	.venv/test/bin/lint-imports --no-logo
	.venv/test/bin/mypy skperf
	.venv/test/bin/python -m pytest -n 2 --dist worksteal

# Pages of names that are gone would fail the build, so the API pages are made anew.
docs: export OMP_NUM_THREADS = 1
docs: .venv/docs/.stamp  ## Build the documentation in docs/_build/html
	rm -rf docs/api/generated
	.venv/docs/bin/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: export OMP_NUM_THREADS = 1
bench: .venv/bench/.stamp  ## Time skperf against other ways: ratios, half an hour
	.venv/bench/bin/python -m pytest -m benchmark --benchmark-timer=time.process_time \
	    --benchmark-columns=min,rounds tests/benchmarks

redflag: export OMP_NUM_THREADS = 1
redflag: .venv/redflag/.stamp  ## Judge the red flag on a real language model, half an hour
	.venv/redflag/bin/python docs/reproduction/red_flag_report.py

clean:  ## Remove the environments and everything that was built
	rm -rf .venv build dist skperf.egg-info htmlcov .coverage
	rm -rf examples/build docs/_build docs/api/generated docs/api/backreferences docs/auto_examples
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile
