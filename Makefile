# make help lists what there is. Everything runs in .venv, which `make setup` makes from the lock.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
export PYTHON

# What the demo trains on and how long: three minutes on two cores. The emulated Cortex-M55, which takes
# longest, is left out. A clip of 390 is a quarter of a point and the network is young, so int8 may lose
# 3 points; the gate of 0.3 points is not judged on fewer than 400.
DEMO_DIR ?= demo
DEMO_WORDS ?= lamp,music,stop
DEMO_EPOCHS ?= 8
DEMO_FLAGS ?= --boards=host,cortex-m4 --max_clips=390 --error_clips=50 --max_drop=3

# More arguments for pytest: make test ARGS="-k frontend -x"
ARGS ?=

# Processes that run tests; 0 is this one alone, as a debugger needs it. Files stay whole, since their
# tests share what is dear; tests/conftest.py says which files begin.
WORKERS ?= auto
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist=loadfile --no-loadscope-reorder

# The environment by itself: `make lock` works where uv is not installed yet.
UV ?= $(if $(wildcard .venv/bin/uv),.venv/bin/uv,uv)

.PHONY: help setup demo test test-all firmware-test android-tools lint format lock upgrade clean

help: ## this list
	@echo "make TARGET, where TARGET is:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "PYTHON=/path/to/python3.11 chooses the interpreter (3.10, 3.11 or 3.12)."

setup: ## make .venv from requirements.lock (instant when it is up to date)
	@tools/setup.sh

demo: setup ## synthesize a few words, run the whole chain on them, say where the result is
	@[[ -d "$(DEMO_DIR)/words" ]] || \
	  $(PY) -m pipelines.synthesize --words="$(DEMO_WORDS)" --out="$(DEMO_DIR)/words"
	@$(PY) -m pipelines.run --data_dir="$(DEMO_DIR)/words" --task=words --words="$(DEMO_WORDS)" \
	  --tau=1 --epochs="$(DEMO_EPOCHS)" $(DEMO_FLAGS) --run_dir="$(DEMO_DIR)/run"
	@echo
	@$(PY) tools/demo_summary.py "$(DEMO_DIR)/run"

test: setup ## run the tests, but for those marked slow
	@$(PYTEST) -m "not slow" $(ARGS)

test-all: setup ## run all tests
	@$(PYTEST) $(ARGS)

firmware-test: setup ## run the tests of exported C on emulated boards
	@$(PY) -m firmware_export.boards.toolchain
	@$(PYTEST) -m firmware $(ARGS)

# C of this project; exported C is checked by tests/firmware_export/c_style_test.py.
C_SOURCES = find edge_tf firmware_export tests -name '*.[ch]' -o -name '*.cc'

lint: setup ## ruff, ruff's format, clang-format, mypy
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(C_SOURCES) | xargs .venv/bin/clang-format --dry-run -Werror
	@$(PY) -m mypy

format: setup ## let ruff and clang-format put sources in order
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(C_SOURCES) | xargs .venv/bin/clang-format -i

android-tools: setup ## MediaPipe in .venv-mediapipe and a Kotlin compiler, for the tests of Android
	@tools/android_tools.sh

# Hashes are the public registry's: configuration of this machine and its local files are left out.
COMPILE_ANY := env -u UV_FIND_LINKS -u UV_INDEX -u UV_INDEX_URL -u UV_DEFAULT_INDEX -u UV_EXTRA_INDEX_URL \
  $(UV) pip compile --universal --python-version 3.10 --generate-hashes --no-annotate \
  --no-python-downloads --custom-compile-command "make lock" --quiet
COMPILE := $(COMPILE_ANY) pyproject.toml --output-file requirements.lock \
  --extra synthesis --extra tflm --extra dev
COMPILE_MEDIAPIPE := $(COMPILE_ANY) --group mediapipe --output-file requirements-mediapipe.lock

lock: ## bring requirements.lock in line with pyproject.toml, keeping versions where it can
	@$(COMPILE)
	@$(COMPILE_MEDIAPIPE)

upgrade: ## the same, taking the newest versions that pyproject.toml allows
	@$(COMPILE) --upgrade
	@$(COMPILE_MEDIAPIPE) --upgrade

clean: ## remove .venv, caches and the demo
	@rm -rf .venv .venv-mediapipe tools/kotlin/node_modules build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis "$(DEMO_DIR)/words" "$(DEMO_DIR)/run"
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
