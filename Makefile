# `make demo`: from a fresh clone to a checked submission. `make test`: lint and the fast tests.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo lint test test-all clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: .venv/.runtime  ## make .venv and install requirements.txt, without a compiler

setup-dev: .venv/.dev  ## the same with what lint and tests need

demo: .venv/.runtime  ## drawn photos, training, test, submission and its check: about 4 minutes on 2 cores
	@$(BIN)/python tools/demo.py

lint: .venv/.dev  ## ruff, format check, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint  ## lint and the fast tests
	$(BIN)/pytest -m "not slow" -n 2

test-all: lint  ## all tests
	$(BIN)/pytest -n 2

clean:  ## remove .venv and caches; data and work_dirs stay
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/.runtime: requirements.txt requirements/overrides.txt tools/install.sh
	@PYTHON="$(PYTHON)" sh tools/install.sh requirements.txt
	@touch $@

.venv/.dev: .venv/.runtime requirements/dev.txt
	@PYTHON="$(PYTHON)" sh tools/install.sh requirements/dev.txt
	@touch $@
