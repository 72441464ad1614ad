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
	$(BIN)/pytest -m "not slow" -n 2 --dist worksteal

test-all: lint  ## all tests
	$(BIN)/pytest -n 2 --dist worksteal

.PHONY: test-ops-parity
test-ops-parity: .venv-parity/.built  ## build mmcv with its extension and compare every op: half an hour on 2 busy cores
	PYTHONPATH=.:tests/support .venv-parity/bin/python -m ops_parity docs/ops_parity.json

# An environment of its own in front of .venv's packages; --ignore-installed leaves .venv's mmcv where it is.
.venv-parity/.built: .venv/.runtime requirements.txt
	$(BIN)/python -m venv --clear .venv-parity
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> "$$(.venv-parity/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/runtime.pth"
	.venv-parity/bin/python -m pip install --quiet --ignore-installed "setuptools>=80" wheel packaging ninja psutil
	PATH="$$PWD/.venv-parity/bin:$$PATH" .venv-parity/bin/python -m pip install --no-build-isolation --no-cache-dir \
		--no-deps --ignore-installed --no-binary onedl-mmcv "$$(grep '^onedl-mmcv==' requirements.txt)"
	@touch $@

clean:  ## remove .venv and caches; data and work_dirs stay
	rm -rf .venv .venv-parity .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/.runtime: requirements.txt requirements/overrides.txt tools/install.sh
	@PYTHON="$(PYTHON)" sh tools/install.sh requirements.txt
	@touch $@

.venv/.dev: .venv/.runtime requirements/dev.txt
	@PYTHON="$(PYTHON)" sh tools/install.sh requirements/dev.txt
	@touch $@
