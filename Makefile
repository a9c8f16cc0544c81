# make run    the window, or without a display just a SOCKS5 port; behind it a mixnet on this machine
# make test   everything that must be green before a commit
# Every target prepares .venv first; `make setup PYTHON=python3.13` chooses the interpreter.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
LOCK_FLAGS := --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

# Two cores are busy with four processes of tests, since many tests wait; `make test WORKERS=0` runs one after another.
# Each process gets its tests one by one: the longest come first (tests/conftest.py), thousands of short ones at the end.
WORKERS ?= 4
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --dist load --maxschedchunk 1

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The tests start hundreds of interpreters; where the environment forbids compiled modules, each would spend two thirds
# of its start on compiling the same ones again. They are kept in the virtual environment.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX ?= $(CURDIR)/$(VENV)/pycache

.DEFAULT_GOAL := help
.PHONY: help setup run test all-tests unit simulation integration apps interop vectors lint format trace bench privacy screenshots docs translations lock clean

help:
	@echo "make run | test | unit | simulation | integration | apps | interop | vectors | lint | format | trace | bench | privacy | screenshots | docs | translations | lock | setup | clean"

setup: $(STAMP)

$(STAMP): requirements/dev.txt pyproject.toml
	@packaging/system-packages.sh $(PYTHON)
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

run: setup
	$(BIN)/nymconnect gui

test: setup
	$(MAKE) --jobs 2 lint all-tests

all-tests: setup
	$(PYTEST) tests/integration tests/simulation tests/unit

unit: setup
	$(PYTEST) tests/unit

# The whole client in virtual time, for minutes of it: numbers that no single part can show.
simulation: setup
	$(PYTEST) tests/simulation

integration: setup
	$(PYTEST) tests/integration

# Wallets, browsers and other programs through the proxy; those that are not installed are skipped. As root it also
# watches that nothing goes around the proxy. About eight minutes, six of which a session is silent.
apps: setup
	$(BIN)/pytest tests/apps

# Builds Rust clients from published crates, about 600 of them, and lets them talk to our network.
interop: setup
	$(MAKE) --directory tests/interop

# Prints the golden vectors again from the published crates, about 700 of them. tests/vectors/PROVENANCE.md says how.
vectors: setup
	$(MAKE) --directory tests/vectors

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

# The files that 1,000 bytes pass in a real run, compared to the table of the document.
trace: setup
	$(BIN)/python -m benchmarks.proxy.packets_way --check docs/architecture.md

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python benchmarks/run_all.py

# A short form of everything in benchmarks/privacy, about fifteen minutes; as root, it looks at the wire, too.
privacy: setup
	$(BIN)/python benchmarks/privacy/all.py

# The window in every state, as Xvfb shows it, which must be installed; two minutes.
screenshots: setup
	$(BIN)/python packaging/screenshots.py

docs: setup
	$(BIN)/python -m nymconnect_proxy.settings.manual > docs/configuration.md

# Collects the texts of the window; says which have no translation yet.
translations: setup
	$(BIN)/python packaging/translations.py

# Resolves anew for every system and every Python that pyproject.toml allows; the only target that needs uv.
lock: setup
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile $(LOCK_FLAGS) pyproject.toml --output-file requirements/runtime.txt
	$(BIN)/uv pip compile $(LOCK_FLAGS) pyproject.toml --extra gui --group dev --output-file requirements/dev.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
