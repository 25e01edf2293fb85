# Everything the project does from a fresh clone. Needs Python 3.11+, make and the package registries.
.DEFAULT_GOAL := help
.PHONY: help demo serve test check format bench lock clean

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
PYTEST_ARGS ?=

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.runtime ## the main job on real data: data, AutoML, responsible AI, registry, endpoint, score
	$(BIN)/python examples/main_job.py

serve: $(VENV)/.runtime ## MLflow server with the studio, and an agent
	$(BIN)/mlflow-studio up

test: $(VENV)/.dev system ## all tests
	$(BIN)/pytest $(PYTEST_ARGS)

check: $(VENV)/.dev ## lint, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code into the house style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## every figure we claim, measured beside its peer
	$(BIN)/python benchmarks/run_all.py

lock: $(UV) ## resolve the requirements anew
	$(UV) pip compile requirements/bootstrap.in --universal --generate-hashes --python-version 3.11 \
	  --custom-compile-command "make lock" -o requirements/bootstrap.txt --quiet
	$(UV) pip compile pyproject.toml --all-extras --universal --generate-hashes --python-version 3.11 \
	  --custom-compile-command "make lock" -c requirements/constraints.in -o requirements/runtime.txt --quiet
	$(UV) pip compile pyproject.toml --all-extras --group checking --group test --universal --generate-hashes \
	  --python-version 3.11 --custom-compile-command "make lock" -c requirements/runtime.txt -o requirements/dev.txt --quiet

clean: ## remove what these targets made, but never a workspace
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(UV): requirements/bootstrap.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r $<
	@touch $@

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml $(UV)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $<
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $<
	@touch $@

# The browser and the database that tests drive. Without root, tests that lack them say so.
.PHONY: system
system:
	@missing=""; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$$missing postgresql"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	elif [ -n "$$missing" ]; then echo "Not installed, tests that need them are skipped:$$missing"; fi
