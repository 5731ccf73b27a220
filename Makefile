# make run    everything, from an empty machine to numbers
# make test   lint and tests; what CI runs
# make soak   SCHEDULES=200 random orders of arrival; runs at once and killed: three hours
# make bench  what a build costs, beside other ways; at MESSAGES="1000000 5000000"
# make compare BASE=main  whether every public number is what it was at that commit
# make up | down | reset | psql | docs | status | lint
#
# The real work is in `.venv/bin/brickworks --help`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help venv run test soak bench compare lint up down reset psql docs summary status

BRICKWORKS := .venv/bin/brickworks

# An activated other environment must not lead anything astray.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

# Tests and lint know one database only: their own.
OWN_DATABASE := env -u BRICKWORKS_DB_HOST -u BRICKWORKS_DB_PORT \
	-u BRICKWORKS_DB_USER -u BRICKWORKS_DB_PASSWORD -u BRICKWORKS_DB_NAME

help:
	@sed -n 's/^# \(make\)/\1/p' Makefile

venv:
	@PYTHON='$(PYTHON)' .ci/make_venv

run: venv
	@$(BRICKWORKS) run

up down psql docs summary status: venv
	@$(BRICKWORKS) $@

# Whoever types `make reset` has been asked enough.
reset: venv
	@$(BRICKWORKS) reset --yes

# Each process has a server of its own.
test: lint
	$(OWN_DATABASE) .venv/bin/pytest --numprocesses logical --maxprocesses 4 --dist loadfile

SCHEDULES ?= 200
SEED := $(or $(SEED),$(shell date +%s))

# With the same SEED and SCHEDULES it tries the same once more, as far as that hangs on
# chance: of runs at once, no two meet at the same moments.
soak: venv
	@echo 'Again: make soak SCHEDULES=$(SCHEDULES) SEED=$(SEED)'
	BRICKWORKS_SOAK_SEED=$(SEED) $(OWN_DATABASE) .venv/bin/pytest -v -m slow
	BRICKWORKS_SOAK_SEED=$(SEED) BRICKWORKS_SCHEDULES=$(SCHEDULES) $(OWN_DATABASE) \
		.venv/bin/pytest --hypothesis-seed=$(SEED) tests/pytest \
		-k 'any_order or any_message or change_of_day_changes or units_do_not_matter'

MESSAGES ?= 1000000 5000000
BENCH ?=

# On a throw-away server; the report goes to .local/bench. BENCH=--help tells the rest.
bench: venv
	$(OWN_DATABASE) .venv/bin/python -m bench $(MESSAGES) $(BENCH)

COMPARE ?=

# From the same messages, on a throw-away server. COMPARE=--help tells the rest.
compare: venv
	@$(OWN_DATABASE) .venv/bin/python -m bench.compare $(BASE) $(COMPARE)

lint: venv profiles.yml
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/sqlfluff lint models tests $(wildcard analyses)
	$(OWN_DATABASE) .venv/bin/dbt --quiet --warn-error parse --no-partial-parse --project-dir . --profiles-dir .
	.venv/bin/dbt-bouncer --config-file dbt-bouncer.yml

profiles.yml:
	@cp profiles.example.yml profiles.yml
