# Two commands matter: `make run` shows the product, `make test` proves it. `make help` lists the rest.

PYTHON ?= python3
PY := .venv/bin/python
PIP_INSTALL := $(PY) -m pip install --require-hashes --quiet --quiet --disable-pip-version-check --no-input
UV_COMPILE := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header pyproject.toml
# Two at a time, each with a server of its own; one after the other on a server that is given.
SIDE_BY_SIDE := $(if $(DATABASE_URL),,-n 2 --dist loadfile --no-loadscope-reorder)
SAY := @printf '\n\033[1m%s\033[0m\n'

.PHONY: help run test check lock bench torture screens verify-data chromium redis
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

run: .venv/runtime.stamp ## everything in one terminal: web, workers, a sample store (PORT, POSTRIDER_DATA)
	@$(PY) manage.py up

test: check chromium redis ## every check and every test, on PostgreSQL and on SQLite
	$(SAY) "Tests on PostgreSQL"
	@$(PY) -m pytest -q $(SIDE_BY_SIDE)
	$(SAY) "Tests on SQLite"
	@POSTRIDER_TEST_DATABASE=sqlite $(PY) -m pytest -q $(SIDE_BY_SIDE) -m "not browser" --ignore tests/architecture

# What the checks keep (keys, an empty database) is no part of anybody's data.
check: export POSTRIDER_DATA := build/check
check: .venv/dev.stamp ## the checks without the tests: style, types, layers, migrations, production settings
	@mkdir -p build/check
	$(SAY) "Style"
	@$(PY) -m ruff check --quiet . && $(PY) -m ruff format --quiet --check . && echo "clean"
	$(SAY) "Types"
	@$(PY) -m mypy .
	$(SAY) "Layers"
	@.venv/bin/lint-imports --no-logo
	$(SAY) "Migrations"
	@$(PY) manage.py makemigrations --check --dry-run
	$(SAY) "Production settings"
	@POSTRIDER_PRODUCTION=1 POSTRIDER_ALLOWED_HOSTS=crm.example.com \
	SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
	POSTRIDER_FIELD_KEYS="$$($(PY) -c 'from cryptography.fernet import Fernet as F; print(F.generate_key().decode())')" \
	$(PY) manage.py check --deploy --fail-level WARNING

lock: .venv/dev.stamp ## pin the dependencies of pyproject.toml again
	@$(UV_COMPILE) -o requirements/runtime.lock $(UPGRADE)
	@$(UV_COMPILE) --extra dev -c requirements/runtime.lock -o requirements/dev.lock $(UPGRADE)
	@git --no-pager diff --stat -- requirements

bench: .venv/dev.stamp ## what the figures in benchmarks/README.md come from
	@$(PY) -m benchmarks

torture: .venv/dev.stamp ## kill workers, receiver and database at random, then balance the books (SECONDS, SEED, DATABASE)
	@for database in $(or $(DATABASE),postgres sqlite); do \
		$(PY) -m tests.torture --database $$database --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) || exit 1; \
	done

screens: .venv/dev.stamp chromium ## the pictures of the documents, anew, from a running product
	@$(PY) -m tests.screens

verify-data: .venv/runtime.stamp ## import the whole real data set and compare every count with the files (FOLDER)
	@$(PY) manage.py verify_data $(if $(FOLDER),"$(FOLDER)")

chromium: # The browser tests need one; they are skipped without.
	@for name in chromium chromium-browser google-chrome; do \
		if command -v $$name >/dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "There is no Chromium here: install it to run the browser tests too."; exit 0; \
	fi; \
	echo "Installing Chromium for the browser tests (once)"; \
	{ apt-get update && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends chromium; } >/dev/null 2>&1 </dev/null || \
		echo "Chromium could not be installed: the browser tests are skipped."

redis: # The tests of the Redis broker need one; they are skipped without.
	@if command -v redis-server >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "There is no redis-server here: install it to run its tests too."; exit 0; \
	fi; \
	echo "Installing redis-server for its tests (once)"; \
	{ apt-get update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
		apt-get install -y --no-install-recommends redis-server; } >/dev/null 2>&1 </dev/null || \
		echo "redis-server could not be installed: its tests are skipped."

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Postrider needs Python 3.11 or newer; point PYTHON at one: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "No virtual environment could be made; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

.venv/runtime.stamp: requirements/runtime.lock | .venv/bin/python
	@echo "Installing what Postrider needs (once)"
	@$(PIP_INSTALL) -r requirements/runtime.lock
	@touch $@

.venv/dev.stamp: requirements/dev.lock | .venv/bin/python
	@echo "Installing what the tests need (once)"
	@$(PIP_INSTALL) -r requirements/dev.lock
	@touch $@
