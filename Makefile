# Everything runs in a private .venv that these targets make themselves, from hashed
# requirement files. Nothing else of the machine is used but Python >= 3.11, make and the package registries; the tests use
# node and Chromium besides, and skip loudly what they cannot show without.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CHROMIUM := /usr/bin/chromium
PIP    := $(BIN)/pip --disable-pip-version-check -q

RUN_STAMP := $(VENV)/.run
DEV_STAMP := $(VENV)/.dev

FAULTS := $(patsubst %,tests/acceptance/test_%.py,kill link_kill execute_kill faults_postgres faults_disk \
  workers postgres moving db)
DOCUMENT := tests/acceptance/test_schemathesis.py
AGREEMENT := tests/unit/wire/catalog/test_agreement.py

# The tests start the command hundreds of times: each process would compile the package anew where nothing may be kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install dev browser pooler system demo test lint types unit contract integration acceptance faults document bench simulate format lock clean

help:  ## List all targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "homegraph needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements/run.txt pyproject.toml | $(BIN)/python
	$(PIP) install --no-deps --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(RUN_STAMP)
	$(PIP) install --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

install: $(RUN_STAMP)  ## Set up only; afterwards .venv/bin/homegraph works

dev: $(DEV_STAMP)  ## Set up for development

browser:  ## Install Chromium for the tests (as root, by apt-get); whoever goes without is told so
	@test -x $(CHROMIUM) || { test "$$(id -u)" = 0 && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; } || \
	  echo "There is no $(CHROMIUM): linking in a browser is NOT tried here. \`make browser\` as root installs it."

pooler:  ## Install pgbouncer for the tests (as root, by apt-get); anybody else is told that they go without
	@command -v pgbouncer >/dev/null || test -x /usr/sbin/pgbouncer || if test "$$(id -u)" = 0; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends pgbouncer >/dev/null; \
	else \
	  echo "There is no pgbouncer: a pooler in front of PostgreSQL is NOT tried. \`make pooler\` as root installs it."; \
	fi

demo: $(RUN_STAMP)  ## Tell the story of Request Sync against a real server (ONCE=1 ends by itself)
	@$(BIN)/homegraph demo $(if $(ONCE),--once) $(ARGS)

system: browser
	@$(MAKE) --no-print-directory pooler  # after the browser: apt-get lets in one at a time

test:  ## Everything that must hold, in under ten minutes; three parts at a time
	@# The system's packages come while pip is busy.
	@$(MAKE) --no-print-directory -j2 $(DEV_STAMP) system
	@# What takes longest begins first, and waits for nothing: everything is installed by now.
	@$(MAKE) --no-print-directory -j3 -Otarget PREPARED=1 acceptance faults unit integration contract document types lint
	@$(BIN)/python -m tests.summary $(VENV)/junit

lint: $(DEV_STAMP)  ## Style, formatting, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(DEV_STAMP)  ## mypy, strict
	$(BIN)/mypy

unit: $(DEV_STAMP)  ## Pure rooms first: wire and graph must be covered to 100 % by their own tests
	@# Examples cover; what only looks for more of them runs unwatched, in half the time.
	$(BIN)/pytest tests/unit/wire tests/unit/graph tests/wire --ignore=$(AGREEMENT) -q --cov=homegraph.wire --cov=homegraph.graph --cov-branch --cov-fail-under=100 --cov-report=term --junitxml=$(VENV)/junit/pure.xml
	$(BIN)/pytest $(AGREEMENT) -q --junitxml=$(VENV)/junit/agreement.xml
	$(BIN)/pytest tests/unit tests/docs -q --ignore=tests/unit/wire --ignore=tests/unit/graph --junitxml=$(VENV)/junit/unit.xml

contract: $(DEV_STAMP) $(if $(PREPARED),,pooler)  ## The store contract, once per adapter
	$(BIN)/pytest tests/contract -q --junitxml=$(VENV)/junit/contract.xml

integration: $(DEV_STAMP)  ## A real server in the test's process, by real sockets
	$(BIN)/pytest tests/integration -q --junitxml=$(VENV)/junit/integration.xml

acceptance: $(DEV_STAMP) $(if $(PREPARED),,browser)  ## The command as a process: from outside, as a user would
	$(BIN)/pytest tests/acceptance $(patsubst %,--ignore=%,$(FAULTS) $(DOCUMENT)) -q --junitxml=$(VENV)/junit/acceptance.xml

faults: $(DEV_STAMP)  ## The same, when something dies: kill -9, full disks, databases that go away, many processes
	$(BIN)/pytest $(FAULTS) -q --junitxml=$(VENV)/junit/faults.xml

document: $(DEV_STAMP)  ## Thousands of calls that the OpenAPI document suggests
	$(BIN)/pytest $(DOCUMENT) -q --junitxml=$(VENV)/junit/document.xml

bench: $(DEV_STAMP)  ## Figures as ratios to a bare server measured in the same run
	$(BIN)/python -m bench $(or $(ARGS),--postgres)
	$(if $(ARGS),,$(BIN)/python -m bench.callers)
	$(if $(ARGS),,$(BIN)/python -m bench.checking)

simulate: $(DEV_STAMP)  ## What many homes would ask of many machines, from measured costs (ARGS="--run FILE")
	@$(BIN)/python -m bench.simulation $(ARGS)

format: $(DEV_STAMP)  ## Rewrite formatting and the fixable lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: | $(BIN)/python  ## Renew the hashed requirement files (names no host)
	$(PIP) install uv
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --group build pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --all-extras --group build --group dev pyproject.toml -o requirements/dev.txt

clean:  ## Remove what these targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .coverage dist
