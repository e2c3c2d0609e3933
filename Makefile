# Everything runs in a virtual environment made here. Needed: Python 3.11 or newer, make and a C compiler.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

.PHONY: demo check test lint types docs benchmark clean

demo: $(INSTALLED)  ## two synthetic corpora, source-only against DIDAN, a report
	rm -rf didan-demo
	$(BIN)/didan demo --out didan-demo

check: lint types  ## while editing: style, types, and the tests that neither train nor start programs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -q -m "not slow" tests

test: lint types docs  ## everything CI checks
	# Two workers on two cores: threads of their own would only get in each other's way.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --cov=didan --cov-branch --cov-report=term:skip-covered

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

docs: $(INSTALLED)  ## the site, in build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

benchmark: $(INSTALLED)  ## speed and memory, as ratios
	$(BIN)/python -m benchmarks.all --record results/speed/record.json
	$(BIN)/python -m benchmarks.frontends
	$(BIN)/python -m benchmarks.inference
	$(BIN)/python -m benchmarks.serving --record results/live/serving.json
	$(BIN)/python -m benchmarks.streaming --record results/live/streaming.json

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,docs,dev]'
	touch $@

clean:
	rm -rf $(VENV) didan-demo .mypy_cache .pytest_cache .ruff_cache .coverage
