# Every target does its own set-up: `make demo` or `make test` is all that a fresh clone needs.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint caffe networks bench soak proto
# Of `make soak`: half of the time for each of its two parts, after the tests that kill.
SECONDS ?= 3600
# Tests that kill a process at every line of what writes files.
KILLED = tests/staging/test_renames.py tests/data/test_killed_build.py \
	tests/cli/test_commands_at_once.py

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY)  ## Make .venv with all dependencies and the project in editable mode

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[all,dev]'
	@touch $@

demo: $(READY)  ## Run the main job on a small real example
	$(BIN)/python examples/demo.py

test: $(READY)  ## Run the tests, with Caffe if `make caffe` has built one
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

lint: $(READY)  ## Check style, types, import rules, spelling and generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python tools/proto/compile.py --check
	$(BIN)/python tools/docs/layers.py --check
	$(BIN)/python tools/docs/findings.py --check
	$(BIN)/python tools/docs/workspace.py --check
	$(BIN)/python tools/docs/setting_types.py --check

caffe: $(READY)  ## Build a CPU Caffe with pycaffe in the user's cache, once (minutes)
	PYTHON=$(BIN)/python tools/caffe/build.sh

networks: $(READY)  ## Run every command on every network and write docs/networks.md (minutes)
	$(BIN)/python tools/networks/page.py

bench: $(READY)  ## Measure speed against references (half an hour; needs `make caffe`)
	@for file in benchmarks/*.py; do \
		echo "== $$file"; $(BIN)/python "$$file" || exit; \
	done

soak: $(READY)  ## Kill, fail and fuzz for SECONDS (an hour; needs strace)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[soak]'
	SSDH_KILL_STEP=1 timeout $$(($(SECONDS) / 2)) $(BIN)/python -m pytest -q $(KILLED); [ $$? != 1 ]
	$(BIN)/python tools/faults/run.py --seconds $$(($(SECONDS) / 2))
	$(BIN)/python tools/fuzz/run.py --seconds $$(($(SECONDS) / 2)) --seed 1

proto: $(READY)  ## Compile the .proto file to descriptors and type stubs
	$(BIN)/python tools/proto/compile.py
