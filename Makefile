# School: run it, test it, check it, serve it. `make help` tells what there is.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 2
THREADS ?= 4

BIN := .venv/bin
RUNTIME := .venv/installed
DEVELOPMENT := .venv/installed-dev
COLLECTED := var/collected
TYPES := .mypy_cache/models
MANAGE := $(BIN)/python manage.py
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
PYTEST := $(BIN)/pytest -q -n 2 --dist loadgroup
POSTGRES := $(BIN)/python -m tests.with_postgres
# Each connection takes a file descriptor, so the server gets as many as the system allows.
SERVER := ulimit -n $$(ulimit -Hn); exec $(BIN)/granian --interface asginl --host $(HOST) --port $(PORT) --workers $(WORKERS) \
	--backpressure 2000 --workers-kill-timeout 30 --respawn-failed-workers --no-ws school.asgi:application

export PORT THREADS

.PHONY: help run test coverage test-all newest check format messages migrate serve clean
.DEFAULT_GOAL := help

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile
	@echo "Variables: PYTHON=$(PYTHON) HOST=$(HOST) PORT=$(PORT) WORKERS=$(WORKERS) THREADS=$(THREADS)"

run: export HTTPS = off
run: migrate $(COLLECTED) ## Serve a demo school on this machine
	@# Several servers can share a port, and would answer by turns.
	@if $(BIN)/python -c "import socket; socket.create_connection(('$(HOST)', $(PORT)), 1)" 2>/dev/null; then \
		echo "Something answers on port $(PORT) already. Take another one: make run PORT=8001" >&2; exit 1; fi
	@$(MANAGE) demo
	@$(SERVER)

test: $(DEVELOPMENT) ## Run the tests on SQLite, and those without pages on PostgreSQL too
	$(PYTEST)
	$(POSTGRES) $(PYTEST) -m "not slow and not browser and not page"

coverage: $(DEVELOPMENT) ## Run the tests without a browser on PostgreSQL, and say which lines they leave out
	@rm -f .coverage .coverage.*
	$(POSTGRES) $(PYTEST) -m "not slow and not browser" --cov --cov-report= --cov-fail-under=0
	$(BIN)/coverage report

test-all: export SCHOOL_MODEL_RUNS = 200
test-all: export SCHOOL_ODD_REQUESTS = 100
test-all: export SCHOOL_SEEDS = 5
test-all: $(DEVELOPMENT) ## Run all tests in their long forms, on both databases: an hour
	$(PYTEST) -m ""
	SCHOOL_ANSWER_DELAY=0.4 $(PYTEST) -m "browser and not slow"
	$(POSTGRES) $(PYTEST) -m ""

newest: ## Run the tests with the newest Python and Django, where they are installed
	@.ci/newest

check: export HTTPS = on
check: export HSTS_PRELOAD = on
check: export ALLOWED_HOSTS = school.example
check: export SECRET_KEY = this-key-is-only-for-the-checks-and-signs-nothing-0123456789
check: $(DEVELOPMENT) $(TYPES) ## Check style, types, templates, imports, migrations, settings and the API's schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/djlint templates --lint --check --quiet
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check
	@# The unique constraint of the ignored migration follows from the one that it replaces, and its index blocks nobody.
	$(POSTGRES) $(MANAGE) lintmigrations --settings tests.settings --include-apps accounts courses students \
		--no-cache --quiet ok ignore --warnings-as-errors --exclude-migration-test RUNPYTHON_MODEL_VARIABLE_NAME \
		--ignore-name 0012_sections_are_unique
	$(MANAGE) check --deploy --fail-level WARNING
	$(MANAGE) spectacular --validate --fail-on-warn --file /dev/null

format: $(DEVELOPMENT) ## Put the code into the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint templates --reformat --quiet

messages: $(DEVELOPMENT) ## Bring the words of each language in locale/ up to date
	@$(BIN)/python -m tests.messages

migrate: $(RUNTIME) ## Bring the database up to date
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) createcachetable --verbosity 0

serve: $(COLLECTED) ## Serve in production: DATABASE_URL, SECRET_KEY and ALLOWED_HOSTS come from the environment
	@$(SERVER)

clean: ## Remove what was made, but not the data in var/
	rm -rf .venv .venv-newest .pgbouncer var/static $(COLLECTED) .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed, and $(PYTHON) is not. Name another: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements.txt
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.txt
	$(PIP) -r requirements-dev.txt
	@touch $@

# The plugin for Django reads the models. mypy does not know that, and keeps stale types of them.
$(TYPES): $(DEVELOPMENT) $(wildcard */models.py */*/models.py */settings.py)
	@rm -rf .mypy_cache && mkdir .mypy_cache && touch $@

$(COLLECTED): $(RUNTIME) $(shell find static)
	$(MANAGE) collectstatic --no-input --clear --ignore redoc --verbosity 0
	@touch $@
