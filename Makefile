# One word per task; `make help` prints this list.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help install dev run test test-all bench check format services verify lock clean

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: $(VENV)/.run ## make .venv with what running needs
dev: $(VENV)/.dev ## add what testing and checking need

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes --no-deps -r requirements.lock
	$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(PIP) --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

run: install ## serve on http://127.0.0.1:5000 with demo rows (Ctrl-C ends it)
	@exec $(BIN)/quartapp serve

test: dev ## the whole suite, on SQLite and on MariaDB where it is installed
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

verify: dev ## the slow proofs: the wheel in an empty environment
	$(BIN)/python -m pytest -m slow

test-all: dev ## the suite on every supported Python that is found
	@tools/test-all

bench: dev ## measure, side by side with others
	$(BIN)/python -m benchmarks.jwt_required

check: dev ## format, lint, types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: dev ## mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

services: ## install the servers that tests need (Debian packages; as root or with sudo)
	@tools/services

lock: dev ## compile both lock files again, for all supported Pythons
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --all-extras --group dev pyproject.toml --output-file requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --constraint requirements-dev.lock pyproject.toml --output-file requirements.lock

clean: ## remove .venv and caches (instance/ stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
