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

RUNTIME_C := $(sort $(wildcard mpk/csrc/*.c mpk/csrc/probe/*.c))
NATIVE := $(shell find mpk/csrc -name '*.[chS]') mpk/_build.py
PACKAGES := mpk pseudoptr llvm_pass audit experiments
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

# One worker a CPU. A file's tests share programs that take minutes to build, so they stay on one of them, and
# the files come in their order: those that build much are not the last.
PARALLEL := --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: test-rust
test-rust: need-rust
	cargo test --workspace --quiet

.PHONY: test-python
test-python: $(VENV)/.native
	pytest $(PARALLEL)

# What the virtual machine runs is built outside: emulation would take far longer over
# it, and GALEED_TESTS_COMPILE=0 makes a test fail that would have to compile there.
PKU_QUICK := pku and \
  (strict or full or scanner_alone or (test_keys_native or test_mpk_call) and gcc or test_harden or test_galeed_rust)
.PHONY: pku-programs
pku-programs: setup
	cargo test --workspace --no-run --quiet
	galeed-lab run demo --backend mprotect
	pytest --setup-only --quiet -k pku $(PKU_TESTS) >build/pku-programs.log || { tail -50 build/pku-programs.log >&2; exit 1; }

PKU_TESTS ?= tests
.PHONY: test-pku
test-pku: pku-programs ## All pku tests in a virtual machine whose CPU has protection keys (slow)
	GALEED_TESTS_COMPILE=0 tests/pkuvm/run --timeout 7200 -- \
	  sh -c 'pytest -p no:cacheprovider $(PARALLEL) -k pku $(PKU_TESTS) && cargo test --workspace --offline --quiet'

.PHONY: test-pku-quick
test-pku-quick: pku-programs ## There: demo, attacks on hardened programs, virtual keys, calls, hardening, Rust
	GALEED_TESTS_COMPILE=0 tests/pkuvm/run --timeout 3600 -- \
	  sh -c 'galeed-lab run demo --no-build --backend pku --output /tmp/demo && pytest -p no:cacheprovider $(PARALLEL) -k "$(PKU_QUICK)" tests/attacks tests/integration'

# SWEEP="--record --jobs 4": --record writes what was judged to experiments/csmith/recorded.json.
.PHONY: sweep
sweep: setup ## Compare 2,000 of Csmith's programs, rewritten and not (hours; goes on where it was stopped)
	python -m experiments.csmith.experiment $(SWEEP)

.PHONY: libraries
libraries: setup ## Time real libraries, rewritten and not (cargo fetches them; half an hour)
	galeed-lab run libraries

.PHONY: suites
suites: setup ## Real libraries' own test suites under galeed-cc (apt-get fetches them; slow)
	galeed-lab run suites

.PHONY: crates
crates: setup ## Crates' own tests under cargo galeed: flate2, rusqlite, bzip2, lz4, libdeflater (half an hour)
	galeed-lab run crates

# Crates are fetched once; after that it needs no network.
.PHONY: audit-eval
audit-eval: setup ## Precision and recall of galeed-audit on buggy and fixed halves (cargo fetches crates; half an hour)
	galeed-lab run audit
	cp build/audit/EVALUATION.md audit/docs/EVALUATION.md

# FUZZ="--seed 2 --seconds 3600 --corpus build/ir"; a finding is said with its trial's number, and kept.
FUZZ ?= --seconds 600
.PHONY: fuzz
fuzz: setup ## Generated and damaged modules through the line model, the passes and galeed-opt (ten minutes each)
	python -m tests.fuzzing lines --rewrite $(FUZZ)
	python -m tests.fuzzing broken $(FUZZ)

# CORPUS="--jobs 4 --retry"; goes on where it was stopped.
.PHONY: audit-corpus
audit-corpus: setup ## Audit 61 crates with C or C++ code, each with time, memory and findings (hours)
	python -m experiments.audit_corpus.fetch experiments/audit_corpus/crates.txt || true
	galeed-audit corpus experiments/audit_corpus/crates.txt --out build/audit-corpus $(CORPUS) || [ $$? = 1 ]
	python -m experiments.audit_corpus.page build/audit-corpus audit/docs/CORPUS.md experiments/audit_corpus/crates.txt

.PHONY: audit-speed
audit-speed: setup ## Time the audit: E rules over a library of 100 MB, rusqlite with its SQLite (minutes)
	python -m experiments.audit_corpus.speed build/audit-speed rusqlite==0.40.2

# FUZZ_TARGETS="rust config" FUZZ_SECONDS=3600; what is learnt stays in build/audit-fuzz.
FUZZ_SECONDS ?= 300
.PHONY: audit-fuzz
audit-fuzz: setup ## Coverage-guided fuzzing of what the audit reads (atheris; five minutes for each of nine targets)
	pip install --quiet -e '.[fuzz]'
	python -m tests.fuzzing.audit $(FUZZ_TARGETS) --seconds $(FUZZ_SECONDS)

.PHONY: endurance
endurance: setup ## A million gate crossings, ten thousand domains, storms of signals and forks (slow)
	GALEED_ENDURANCE=1 pytest tests/integration/test_mpk_endurance.py

# In a target folder of its own: every crate is compiled anew for the flag.
.PHONY: loom
loom: need-rust ## The table's code in every interleaving and reordering that the memory model allows (loom)
	RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=build/loom cargo test --release --quiet --package galeed --test loom

.PHONY: churn
churn: need-rust ## A day's lends, 900 million, on one object: handles and memory stay bounded (minutes)
	cargo test --release --quiet --package galeed --test table -- --ignored

.PHONY: check
check: setup check-python check-layers check-rust check-c check-length ## Formatting, lint, types, layers, C warnings, file lengths

.PHONY: check-python
check-python: $(VENV)/.native
	ruff check
	ruff format --check
	mypy

.PHONY: check-layers
check-layers: $(VENV)/.native
	lint-imports --no-cache

.PHONY: check-rust
check-rust: need-rust
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo clippy --package galeed --no-default-features --quiet -- -D warnings

# All C is clean under both compilers that may build it; a compiler takes a folder's files at once.
C_WARNINGS := -std=gnu11 -O2 -Wall -Wextra -Werror -Impk/csrc -fsyntax-only
TESTS_C := $(sort $(wildcard tests/native/*/*.c mpk/examples/*.c))
ATTACKS_C := $(sort $(wildcard tests/attacks/*.c tests/attacks/*/*.c))
.PHONY: check-c
check-c: $(VENV)/.native
	@zig=$$(python -c 'import os, ziglang; print(os.path.dirname(ziglang.__file__))'); \
	clang() { "$$zig/zig" clang --target="$$(uname -m)-linux-gnu" -resource-dir "$$zig/lib" "$$@"; }; \
	compilers="gcc clang"; \
	command -v gcc >/dev/null || { compilers=clang; echo "gcc is not in PATH: C is checked with clang only" >&2; }; \
	for compiler in $$compilers; do \
	  $$compiler $(C_WARNINGS) $(RUNTIME_C) && \
	  $$compiler $(C_WARNINGS) -Itests/native/core $(TESTS_C) && \
	  $$compiler $(C_WARNINGS) -D_GNU_SOURCE -Itests/attacks $(ATTACKS_C) || \
	    { echo "C is not clean under $$compiler" >&2; exit 1; }; \
	done; echo "C: $(words $(RUNTIME_C) $(TESTS_C) $(ATTACKS_C)) files clean under $$compilers"

# Long files hide their structure. Generated locks and licences are nobody's prose.
.PHONY: check-length
# galeed.h is made of the Rust sources: nobody reads it for its length.
check-length:
	@git ls-files -z -- '*.py' '*.pyi' '*.c' '*.h' '*.S' '*.rs' '*.sh' Makefile ':!pseudoptr/include/galeed.h' | xargs -0 wc -l | \
	  awk '$$2 != "total" && $$1 > 400 { print $$2 ": " $$1 " lines; 400 is the limit"; long = 1 } END { exit long }' >&2

.PHONY: clean
clean: ## Remove everything that was built, .venv too
	rm -rf $(VENV) build dist target *.egg-info mpk/_native*.so .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

include mpk/library.mk

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

# Installing builds the native part too; after that only this follows its sources.
$(VENV)/.native: $(NATIVE) $(VENV)/.installed
	@if [ -z "$$(find $(NATIVE) -newer $(VENV)/.installed)" ] && compgen -G 'mpk/_native*.so' >/dev/null; then :; else \
	  echo "== native runtime"; $(BIN)/python -W ignore setup.py --quiet build_ext --inplace; \
	fi
	@$(BIN)/python -m compileall -q $(PACKAGES)  # galeed-cc starts for each file, also where Python may write no caches
	@touch $@
