# Every command that people type. `make help` lists them.
#
# .venv is made once and kept current by stamps: .venv/.installed follows the
# dependencies, .venv/.native follows the C runtime.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

NATIVE := $(shell find mpk/csrc -name '*.[chS]') mpk/_build.py
PACKAGES := mpk pseudoptr llvm_pass experiments
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: need-rust $(VENV)/.native ## Make .venv and install everything into it

.PHONY: demo
demo: setup ## See a real CVE corrupt Rust's heap undefended, and be stopped defended
	galeed-lab run demo

.PHONY: bench
bench: setup ## Measure the project's figures; results in build/bench
	galeed-lab run bench

.PHONY: test
test: setup test-rust test-python ## Run all tests on both backends (skips are listed with reasons)

.PHONY: test-rust
test-rust: need-rust
	cargo test --workspace --quiet

.PHONY: test-python
test-python: $(VENV)/.native
	pytest

.PHONY: test-pku
test-pku: setup ## Run the tests in a virtual machine whose CPU has protection keys
	tests/pkuvm/run -- make test

.PHONY: check
check: setup ## Formatting, lint, types, layers, warnings as errors, file lengths
	@tests/house/check $(PACKAGES)

.PHONY: clean
clean: ## Remove everything that was built, .venv too
	rm -rf $(VENV) build dist target *.egg-info mpk/_native*.so .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- What the targets stand on ----------------------------------------------

.PHONY: need-rust
need-rust:
	@command -v cargo >/dev/null && command -v rustc >/dev/null || { \
	  echo "galeed: cargo and rustc are not in PATH; install Rust from https://rustup.rs and try again" >&2; exit 2; }

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "galeed: no $(PYTHON) in PATH; Python 3.11 or later is needed" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "galeed: $$($(PYTHON) --version) is too old; 3.11 or later is needed (make PYTHON=python3.12 ...)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "galeed: this Python cannot make virtual environments; on Debian: apt install python3-venv" >&2; exit 2; }
	@echo "== virtual environment: $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml setup.py | $(VENV)/bin/python
	@echo "== Python packages (about 250 MB the first time) and the native runtime"
	@$(BIN)/python -m pip install --disable-pip-version-check --editable '.[dev]'
	@touch $@

# After the first installation only the native part follows its sources.
$(VENV)/.native: $(NATIVE) $(VENV)/.installed
	@echo "== native runtime"
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@
