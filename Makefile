# Needs make and Python ≥ 3.11 (with venv). `make` alone lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes

PORT ?= 8000
MQTT_PORT ?= 1883
BENCH ?=
ROUNDS ?= 100
SEED ?= 1
DATABASE ?= postgres
FAULTS ?= kills
MESSAGES ?= 10000
DIALECT_MESSAGES ?= 1000000
PACE ?= 20

# Stamps say what is installed; `make setup` with nothing changed only compares their times.
BASE := $(VENV)/.base.stamp
DEV := $(VENV)/.dev.stamp
NODE := node_modules/.stamp
ASYNCAPI := $(VENV)/asyncapi/.stamp
PAGES := devices/web/frontend/dist/manifest.json
BYTECODE := $(VENV)/.bytecode.stamp
CODE := bench bridge causeway causeway_client config devices mqtt_gateway runtime manage.py

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(BASE) $(NODE) $(PAGES) $(BYTECODE) ## Make .venv with the pinned dependencies, fetch the front-end packages, build the pages

.PHONY: demo
demo: setup ## Everything in one process with a simulated fleet (PORT=8000 MQTT_PORT=1883)
	@PORT=$(PORT) MQTT_PORT=$(MQTT_PORT) exec $(BIN)/python manage.py demo

.PHONY: pages
pages: setup ## Build the pages anew at each change of their sources (beside a server with DEBUG=true)
	@$(WITH_NODE) npm run --silent watch

.PHONY: packages
packages: setup $(DEV) ## Build the clients for programs elsewhere into dist/: a wheel for Python, a tarball for npm
	@$(BIN)/python -m scripts.build_packages

.PHONY: test
test: prerequisites ## Lint, types and the whole test suite
	@MAKE=$(MAKE_COMMAND) $(BIN)/python -m tests.everything $(ARGS)

.PHONY: prerequisites
prerequisites: | $(BIN)/python ## Install what the tests need (root on Debian), or say what that is
	@$(BIN)/python -m tests.prerequisites

.PHONY: tools
tools: $(DEV) $(ASYNCAPI)

.PHONY: pytest
pytest: $(if $(ARGS),,prerequisites) setup tools ## The test suite alone (ARGS="tests/unit -k twin")
	@$(BIN)/python -m tests.lanes $(ARGS)

.PHONY: jstest
jstest: setup ## The unit tests of the browser's modules alone
	@$(WITH_NODE) npm run --silent test

.PHONY: pictures
pictures: prerequisites setup tools ## Keep new pictures of the pages that look otherwise now, for review (tests/browser/pictures)
	@CAUSEWAY_PICTURES=new $(BIN)/python -m pytest -q tests/browser/test_pictures.py

.PHONY: lint
lint: setup $(DEV) ## ruff, mypy --strict, import-linter, tsc --strict
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "unformatted files: run 'make format'" >&2; exit 1; }
	@DEBUG=true $(BIN)/mypy
	@DEBUG=true $(BIN)/lint-imports --no-logo
	@$(WITH_NODE) npm run --silent check

.PHONY: format
format: $(DEV) ## Format the code, sort imports, mend what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: bench
bench: setup $(DEV) ## Benchmarks side by side: table and JSON, 22 minutes (BENCH=--full: 75; BENCH=--help)
	@$(BIN)/python -m bench $(BENCH)

.PHONY: faults
faults: setup $(DEV) ## Kill things under load, many times (ROUNDS=100 SEED=1 DATABASE=sqlite FAULTS=all|field|handlers), or FAULTS=long
ifeq ($(FAULTS),long)
	@CAUSEWAY_LONG_TESTS=1 $(BIN)/python -m pytest -s tests/faults/test_overload.py tests/faults/test_absence.py \
		tests/faults/test_field.py tests/faults/test_sqlite.py tests/faults/test_postgres.py tests/faults/test_handler_rounds.py \
		tests/faults/test_pages.py tests/integration
else
	@$(BIN)/python -m tests.faults --rounds $(ROUNDS) --seed $(SEED) --database $(DATABASE) --faults $(FAULTS)
endif

.PHONY: fuzz
fuzz: setup $(DEV) ## Search for messages that become much more than they were, then send MESSAGES=10000, and DIALECT_MESSAGES=1000000 to the dialects (ROUNDS=100 SEED=1 PACE=20)
	@CAUSEWAY_FUZZ_ROUNDS=$(ROUNDS) CAUSEWAY_FUZZ_SEED=$(SEED) CAUSEWAY_HOSTILE_MESSAGES=$(MESSAGES) CAUSEWAY_HOSTILE_PACE=$(PACE) \
		CAUSEWAY_DIALECT_MESSAGES=$(DIALECT_MESSAGES) \
		$(BIN)/python -m pytest -s tests/integration/test_amplification.py tests/faults/test_hostile.py tests/faults/test_dialect_floods.py

# Locks must not tell where they were made: no index, no link directory, no header with the command line.
LOCK := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --universal --no-header \
	--python-version 3.11

.PHONY: lock
lock: ## Pin requirements/*.in with hashes (needs uv; UPGRADE=--upgrade for newer ones)
	@command -v uv >/dev/null || { echo "make lock needs uv (https://docs.astral.sh/uv/)" >&2; exit 1; }
	@for part in base dev node bench-mqttasgi; do $(LOCK) $(UPGRADE) requirements/$$part.in -o requirements/$$part.txt || exit 1; done

.PHONY: clean
clean: ## Remove .venv, node_modules, caches and var/ (the demo's database too)
	@rm -rf $(VENV) node_modules devices/web/frontend/dist var staticfiles build dist *.egg-info \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------------------------------- installed once

$(BIN)/python:
	@python=$$(scripts/find-python $(PYTHON)) && rm -rf $(VENV) && "$$python" -m venv $(VENV)

$(BASE): requirements/base.txt | $(BIN)/python
	@echo "installing Python packages"
	@$(PIP) -r requirements/base.txt
	@touch $@

$(DEV): requirements/dev.txt $(BASE)
	@echo "installing test and lint tools"
	@$(PIP) -r requirements/dev.txt
	@touch $@

# The system's npm if its Node.js is new enough, else the one from PyPI (requirements/node.txt), put into .venv/bin.
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
node_modules/.stamp: package.json package-lock.json $(BASE)
	@$(WITH_NODE) npm --version >/dev/null 2>&1 \
		&& $(WITH_NODE) node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || { \
		echo "installing Node.js and npm"; \
		$(PIP) -r requirements/node.txt && scripts/link-node $(BIN); }
	@echo "installing front-end packages"
	@$(WITH_NODE) npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

# AsyncAPI's own parser, which tests read our document with; 168 packages, so they are nobody's but the tests'.
$(ASYNCAPI): tests/asyncapi/package.json tests/asyncapi/package-lock.json $(NODE)
	@echo "installing AsyncAPI's parser"
	@mkdir -p $(@D) && cp tests/asyncapi/package.json tests/asyncapi/package-lock.json $(@D)
	@cd $(@D) && $(WITH_NODE) npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

# What the browser runs, made of its sources in less than a second.
$(PAGES): $(NODE) devices/web/frontend/build.mjs $(wildcard $(foreach one,* */* */*/*,devices/web/frontend/src/$(one)) devices/web/static/causeway/client/*)
	@echo "building the pages"
	@$(WITH_NODE) npm run --silent build

# Else each process compiles our modules at its start where PYTHONDONTWRITEBYTECODE is set, which takes 0.2 s.
$(BYTECODE): $(BASE) $(shell find $(CODE) -name '*.py' 2>/dev/null)
	@$(BIN)/python -m compileall -q $(CODE)
	@touch $@
