# Headwater. `make` alone prints help. Everything is installed into .venv and .uv, nothing elsewhere.
SHELL := /bin/sh
.DEFAULT_GOAL := help

UV_VERSION := 0.13.8
PYTHON ?= $(shell command -v python3.11 2>/dev/null || command -v python3)
# A uv on the PATH is used as it is; else one is installed into .uv from the package registry.
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON := $(PYTHON)
# Where the system keeps certificates, trust those: a company's own proxy is among them.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= true
endif

# What is started often is compiled once, also where the environment would have it otherwise.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
SYNCED := .venv/.synced
SOURCES := src tests benchmarks tools

.PHONY: help setup demo serve test test-long readers screenshots lint format check docs bench clean

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(SYNCED) ## Install everything from the lock file into .venv

$(SYNCED): uv.lock pyproject.toml | $(filter .uv/bin/uv,$(UV))
	$(UV) sync --locked --quiet
	@touch $@

.uv/bin/uv:
	@$(PYTHON) -m venv .uv || { \
	  echo "error: $(PYTHON) cannot make a virtual environment"; \
	  echo "hint: on Debian: apt-get install python3.11-venv; or name another Python: make PYTHON=python3"; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

demo: $(SYNCED) ## Run the main job on a sample Confluence, and ask it three questions
	$(BIN)/headwater demo

serve: $(SYNCED) ## Run the API with a worker in the same process
	$(BIN)/headwater serve

test: $(SYNCED) ## Run the tests: random sequences, then the others with branch coverage
	$(BIN)/pytest -n 2 --dist worksteal -m "untraced and not long"
	$(BIN)/pytest -n 2 --dist worksteal --cov --cov-report=term --cov-fail-under=90 -m "not untraced and not long"

test-long: $(SYNCED) ## Run the long tests too: more examples, larger spaces
	$(BIN)/pytest -m "long or not long" --hypothesis-profile=long

readers: .readers/.installed ## Install LangChain and LlamaIndex, which a long test has read our records

.readers/.installed: tests/pinecone/readers/requirements.txt | $(filter .uv/bin/uv,$(UV))
	$(UV) venv --quiet --allow-existing .readers
	$(UV) pip install --quiet --python .readers/bin/python -r $<
	@touch $@

screenshots: $(SYNCED) ## Take the pictures of the console that the docs show (needs chromium)
	$(BIN)/python -m tests.browser.screenshots

lint: $(SYNCED) ## Run ruff, mypy, import-linter and check the lock file
	$(BIN)/ruff format --check --quiet $(SOURCES)
	$(BIN)/ruff check --quiet $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(UV) lock --check --quiet

format: $(SYNCED) ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --quiet --fix $(SOURCES)
	$(BIN)/ruff format --quiet $(SOURCES)

check: lint test ## What CI runs: lint, then the tests

docs: $(SYNCED) ## Build the documentation as a site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

bench: $(SYNCED) ## Run the benchmarks and print their tables
	@for script in benchmarks/*.py; do \
	  name=$$(basename $$script .py); echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

clean: ## Remove what was installed and built
	rm -rf site .venv .uv .readers .ruff_cache .mypy_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
