# One word per task; `make help` prints this list.
.DEFAULT_GOAL := help
PYTHON ?= python3
HOST ?= http://127.0.0.1:5000
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help install dev run test test-all screenshots bench bench-install bench-services load soak check format services translations verify lock clean

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 23

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
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile

verify: dev ## the slow proofs: wheel, every page in a browser, schemathesis, `soak` in short
	$(BIN)/python -m pytest -m slow

soak: dev ## kill, stop, fill and hang up for an hour, and tell what was lost (ARGS="stops --short")
	$(BIN)/python -m tests.soak $(ARGS)

test-all: dev ## the suite on every supported Python that is found
	@tools/test-all

$(BENCH)/.done: requirements-bench.lock pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-bench.lock
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

bench-install: $(BENCH)/.done ## make .venv-bench with the peers and load generators

bench: bench-install ## measure, side by side with Flask and FastAPI (ARGS="storm --rounds 3")
	$(BENCH)/bin/python -m benchmarks $(ARGS)

load: bench-install ## locust's web page against a running server (HOST=, ARGS="--headless -u 50")
	$(BENCH)/bin/locust --locustfile benchmarks/load/locustfile.py --host $(HOST) $(ARGS)

bench-services: ## install the load generator (a Debian package; as root or with sudo)
	@tools/services wrk

screenshots: dev ## take the pictures in docs/images again (needs chromium)
	$(BIN)/python -m tests.browser.screenshots

check: dev ## format, lint, types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: dev ## mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

services: ## install the servers that tests need (Debian packages; as root or with sudo)
	@tools/services

translations: dev ## add the texts that are new to the catalogues
	$(BIN)/python -m quartapp.web.texts

lock: dev ## compile the lock files again, for all supported Pythons
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --all-extras --group dev pyproject.toml --output-file requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --constraint requirements-dev.lock pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --constraint requirements-dev.lock --group bench pyproject.toml --output-file requirements-bench.lock

clean: ## remove .venv and caches (instance/ stays)
	rm -rf $(VENV) $(BENCH) .mypy_cache .ruff_cache .pytest_cache build dist
