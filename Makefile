# `make help` lists the targets. Everything runs in .venv, which `make setup` creates from the lock.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
export PYTHON

# The demo's wake word and length: minutes on two cores, so a young network, few synthetic voices, no hours of real
# speech, and no emulated Cortex-M55, which takes longest. Its clips are few, so the gate lets int8 lose 3 points.
DEMO_DIR ?= demo
DEMO_WORD ?= hey lamp
DEMO_FLAGS ?= --quick --takes=120 --epochs=4 --synthesizers=espeak --ambient=none --max_false_accepts=20 \
  --boards=host,cortex-m4 --max_clips=390 --error_clips=50 --max_drop=3

# Additional arguments for pytest: make test ARGS="-k frontend -x"
ARGS ?=

# Processes that run tests; 0: only this one, as a debugger needs. Files are not split, since their
# tests share expensive set-up; tests/conftest.py says which files start first.
WORKERS ?= auto
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist=loadfile --no-loadscope-reorder

# uv on PATH is the fallback, so that `make lock` works before uv is in .venv.
UV ?= $(if $(wildcard .venv/bin/uv),.venv/bin/uv,uv)

.PHONY: help setup demo test test-all firmware-test fuzz android-tools voices lint format lock upgrade clean

help: ## show this list
	@echo "make TARGET, where TARGET is:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "PYTHON=/path/to/python3.11 chooses the interpreter (3.10, 3.11 or 3.12)."

setup: ## create .venv from requirements.lock (instant if up to date)
	@tools/setup.sh

demo: setup ## make a wake word from its text in a small way (11 minutes of one core): takes, training, C, what it mishears
	@$(PY) -m pipelines.run --task=wake --words="$(DEMO_WORD)" $(DEMO_FLAGS) --run_dir="$(DEMO_DIR)/run"
	@echo
	@$(PY) tools/demo_summary.py "$(DEMO_DIR)/run"

test: setup ## run the tests except those marked slow, in parallel (WORKERS=0: in one process)
	@$(PYTEST) -m "not slow" $(ARGS)

test-all: setup ## run all tests
	@$(PYTEST) $(ARGS)

firmware-test: setup ## run the tests of exported C on emulated boards
	@$(PY) -m firmware_export.boards.toolchain
	@$(PYTEST) -m firmware $(ARGS)

# Goes on where the last run with this seed was stopped; finds are in fuzz/seed-SEED/finds.
MINUTES ?= 10
SEED ?= 1

fuzz: setup ## try mutated files, random networks and kills (MINUTES=10 SEED=1); fails if something is found
	@$(PY) -m fuzzing --minutes=$(MINUTES) --seed=$(SEED) $(ARGS)

# This project's C; tests/firmware_export/c_style_test.py checks exported C.
C_SOURCES = find edge_tf firmware_export fuzzing tests tools -name node_modules -prune -o \
  \( -name '*.[ch]' -o -name '*.cc' \) -print

lint: setup ## check with ruff, ruff format, clang-format and mypy
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(C_SOURCES) | xargs .venv/bin/clang-format --dry-run -Werror
	@$(PY) -m mypy

format: setup ## format the sources with ruff and clang-format
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(C_SOURCES) | xargs .venv/bin/clang-format -i

android-tools: setup ## install MediaPipe (in .venv-mediapipe) and a Kotlin compiler, for the Android tests
	@tools/android_tools.sh

voices: setup ## install neural voices (Kokoro), with which a wake word understands more people
	@tools/voices.sh

# Hashes must be the public registry's, so this machine's configuration and local files are ignored.
COMPILE_ANY := env -u UV_FIND_LINKS -u UV_INDEX -u UV_INDEX_URL -u UV_DEFAULT_INDEX -u UV_EXTRA_INDEX_URL \
  $(UV) pip compile --universal --python-version 3.10 --generate-hashes --no-annotate \
  --no-python-downloads --custom-compile-command "make lock" --quiet
COMPILE := $(COMPILE_ANY) pyproject.toml --output-file requirements.lock \
  --extra synthesis --extra tflm --extra dev
COMPILE_MEDIAPIPE := $(COMPILE_ANY) --group mediapipe --output-file requirements-mediapipe.lock
COMPILE_VOICES := $(COMPILE_ANY) --group voices --constraint requirements.lock --output-file requirements-voices.lock

lock: ## update requirements.lock from pyproject.toml, keeping versions where possible
	@$(COMPILE)
	@$(COMPILE_MEDIAPIPE)
	@$(COMPILE_VOICES)

upgrade: ## the same, with the newest versions that pyproject.toml allows
	@$(COMPILE) --upgrade
	@$(COMPILE_MEDIAPIPE) --upgrade
	@$(COMPILE_VOICES) --upgrade

clean: ## remove .venv, caches and the demo
	@rm -rf .venv .venv-mediapipe tools/kotlin/node_modules build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis "$(DEMO_DIR)/run"
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
