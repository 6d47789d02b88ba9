# Two commands on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
# Each does its own set-up in .venv; nothing else on the machine is touched.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    ?= runs/demo

.PHONY: help demo demo-24 test test-all lint format bench docs clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      run the whole road on 100 languages (about 5 minutes on 2 cores)"
	@echo "make demo-24   the same on 24 languages (about a minute)"
	@echo "make test      the tests; make test-all adds the slow ones"
	@echo "make lint      ruff and mypy --strict"
	@echo "make bench     speed and memory beside the tools a user would pick"
	@echo "make docs      regenerate the reference pages"

# --- set-up ----------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Panlect needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

# torch goes first: alone and exactly pinned, pip takes the build that suits the machine.
$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.core
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# --- the main job ----------------------------------------------------------------------------------

demo: $(VENV)/.core
	$(BIN)/panlect run configs/demo.yaml --out $(RUN)

demo-24: $(VENV)/.core
	$(BIN)/panlect run configs/demo-24.yaml --out runs/demo-24

# --- the habits ------------------------------------------------------------------------------------

test: $(VENV)/.dev
	$(BIN)/python -m pytest

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -m 'slow or not slow'

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev
	$(BIN)/python docs/reference.py

bench: $(VENV)/.dev
	@for file in bench/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV) runs .mypy_cache .pytest_cache .ruff_cache .hypothesis
