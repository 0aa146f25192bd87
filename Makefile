# The two commands of the README are `make demo` and `make test`; both set up .venv from the lock first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo test quick campaigns prove check chaos model bench ratios format lint types imports docs lock clean fuzz release-check

help:            ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 15

$(STAMP): requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gate: Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)   ## watch revisions be deployed at 0 %, probed, rejected and promoted (VERBOSE=1: word for word; SERVE=1: the record in a browser)
	@$(BIN)/python -m examples.demo $(if $(VERBOSE),--verbose) $(if $(SERVE),--serve)

# Many tests wait for processes: more workers than cores are faster, on small machines above all.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(max(6, os.cpu_count() or 1))')
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
test: $(STAMP)   ## all tests but those that try at length
	$(PYTEST) -m "not campaign"

quick: $(STAMP)  ## the tests of code that needs no process and no socket
	$(BIN)/python -m pytest -n auto -m "not campaign" tests/unit

campaigns: $(STAMP)  ## what is tried at length: every state, every interleaving, chaos, fuzzing, more examples
	$(PYTEST) -m campaign
	$(PYTEST) -m "not campaign" --hypothesis-profile=deep tests/property

prove: $(STAMP)  ## prove the shipped policy anew, after a change of it or of its schemas
	@$(BIN)/python -m examples.prove

check: $(STAMP) format lint types imports test campaigns  ## format, lint, types, import contracts, tests, campaigns

model: $(STAMP)  ## every interleaving of two gates, people and Cloud Run (some ten minutes)
	GATE_MODEL=whole $(BIN)/python -m pytest -q -n auto tests/model

ROUNDS ?= 500
chaos: $(STAMP)  ## gates killed, cut off and interfered with: make chaos [ROUNDS=500] [SEED=7]
	@$(BIN)/python -m tests.chaos --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

fuzz: ROUNDS := $(if $(filter command line,$(origin ROUNDS)),$(ROUNDS),300)
fuzz: $(STAMP)   ## servers that mean harm, against the probes: make fuzz [ROUNDS=300] [SEED=7]
	@$(BIN)/python -m tests.fuzz --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

format: $(STAMP)
	$(BIN)/ruff format --check .

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

SEEDS ?= 1
bench: $(STAMP)  ## decisions on labelled rollouts, beside peers: make bench [ONLY="sockets E4"] [SEEDS="1 2"]
	@$(BIN)/python -m benchmarks.bench --seeds $(SEEDS) $(if $(ONLY),--only $(ONLY))

ratios: $(STAMP) ## every benchmark of speed: peers in the same run, one table at the end
	@$(BIN)/python benchmarks/ratios.py $(ONLY)

release-check: $(STAMP)  ## the wheel alone, from the lock, as the Dockerfile has it: rollout and rollback
	GATE_RELEASE=1 $(BIN)/python -m pytest -q -m campaign tests/release

docs: $(STAMP)   ## write the tables of keys in docs/policy anew
	@$(BIN)/python -m docs.tables

LOCKED := uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: $(STAMP)   ## write the locks anew (needs uv); a build step that needs extras: make lock EXTRAS="latency suite"
	$(LOCKED) $(EXTRAS:%=--extra %) -o requirements.txt
	$(LOCKED) --all-extras --group dev -o requirements-dev.txt
	$(subst pyproject.toml,--group build -c requirements-dev.txt,$(LOCKED)) -o requirements-build.txt

clean:           ## remove what the commands above made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .gate-local
