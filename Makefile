# Every target runs the set-up that it needs. From another folder: make -C path/to/this/folder target
# A second stack: WAYPOST_PORT_BASE=9000 make up
# The stack in containers: make up TARGET=compose; also demo, down, status, logs

.DEFAULT_GOAL := help
.PHONY: help setup browser check test test-faults guides planted mutants simulate attacks faults upgrade demo up dev restart promote down status logs fmt reference lock bench check-speed
.NOTPARALLEL:

export PYTHONPATH := $(CURDIR):$(CURDIR)/shared
# Compiled modules are kept, so that a process starts a second sooner.
unexport PYTHONDONTWRITEBYTECODE

TARGET ?= native
ifeq ($(TARGET),native)
STACK := .venv/bin/python -m infra.stack
else ifeq ($(TARGET),compose)
STACK := .venv/bin/python -m infra.containers
SETUP := --packages-alone
else
$(error TARGET is "$(TARGET)"; it is native or compose)
endif

help: ## prints these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## installs Python packages, Java, Maven, Kafka, Zipkin; instant when complete
	@PYTHON='$(PYTHON)' sh infra/setup/start.sh $(SETUP)

browser: ## installs what make setup does, and a Chromium for the tests of pages; part of make test
	@PYTHON='$(PYTHON)' sh infra/setup/start.sh $(SETUP) --browser

check: setup ## checks format, lint, types, imports, schemas, reference, prose, container files
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	bin/waypost schemas check
	.venv/bin/python -m infra.reference check
	.venv/bin/python -m infra.prose
	.venv/bin/hadolint infra/containers/Dockerfile
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml

# More workers than a small machine has cores: half of the time of a test is waiting.
WORKERS ?= 4
test: browser ## runs the tests on real Kafka and PostgreSQL; ARGS="-k invoice" selects
	.venv/bin/python -m pytest --numprocesses=$(WORKERS) $(ARGS)

test-faults: setup ## runs the tests that kill, freeze and disconnect processes and servers, clusters included; ARGS="-k relay" selects
	.venv/bin/python -m pytest --numprocesses=$(WORKERS) tests/faults $(ARGS)

guides: setup ## follows each guide of docs/guide in a copy of the project; ARGS="-k add-a-job" selects
	.venv/bin/python -m pytest --numprocesses=$(WORKERS) tests/guides/followed $(ARGS)

planted: setup ## plants known bugs, one at a time, and checks that the tests find each; NAME=delete-before-the-ack selects
	@.venv/bin/python -m tests.planted $(NAME)

# SECURE=1 encrypts all connections, SECURE=0 ends that; without it a stack starts as the last time.
SECURITY = $(if $(SECURE),$(if $(filter 0,$(SECURE)),--no-secure,--secure))

demo: setup ## runs the story from sign-up to the paid invoice, step by step; SECURE=1
	@$(STACK) demo $(SECURITY)

up: setup ## starts all components that do not run; ONLY="users-api" limits it to this one and its dependencies; BROKERS=3, STANDBY=1, SECURE=1
	@$(STACK) up $(if $(BROKERS),--brokers $(BROKERS)) $(if $(STANDBY),--standby $(STANDBY)) $(SECURITY) $(foreach part,$(ONLY),--only $(part))

dev: setup ## starts everything, then restarts the processes that a saved file affects
	@$(STACK) dev $(foreach part,$(ONLY),--only $(part))

restart: setup ## restarts NAME=billing-worker, or a whole service: NAME=billing
	@$(STACK) restart $(or $(NAME),$(error name a component or a service: make restart NAME=billing-worker))

promote: setup ## makes the standby of PostgreSQL the primary, as after a crash of the primary
	@$(STACK) promote

down: setup ## stops everything; data stays in .waypost
	@$(STACK) down

status: setup ## shows running components, uptime, ports and pages
	@$(STACK) status

logs: setup ## shows all logs, or those of NAME=billing-worker
	@$(STACK) logs $(NAME)

fmt: setup ## formats, and applies the automatic fixes of the linter
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

reference: setup ## writes docs/reference from the code
	.venv/bin/python -m infra.reference write

lock: setup ## resolves the requirements; UPGRADE=--upgrade selects newer versions
	@for name in requirements requirements-dev infra/setup/requirements; do \
		echo "$$name.txt"; \
		.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
			--no-emit-index-url --no-emit-find-links $(UPGRADE) $$name.in -o $$name.txt || exit 1; \
	done

mutants: setup ## mutates the toolkit in MUTANTS places, one at a time, and checks that a test finds each; SEED=7 selects others
	@.venv/bin/python -m tests.mutation $(if $(MUTANTS),--mutants $(MUTANTS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

SCHEDULES ?= 1000
simulate: setup ## runs the engine on memory ports under SCHEDULES seeds of faults; SEED=7 sets the first, REPLAY=7 prints one
	@.venv/bin/python -m tests.simulation $(if $(REPLAY),--replay $(REPLAY),--schedules $(SCHEDULES) $(if $(SEED),--seed $(SEED)))

attacks: setup ## attacks every route, operation, table and role: REQUESTS=50000 CASES=100000 STATEMENTS=1000000; SEED=7
	@.venv/bin/python -m tests.security $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(CASES),--cases $(CASES)) $(if $(STATEMENTS),--statements $(STATEMENTS)) $(if $(SEED),--seed $(SEED))

KILLS ?= 20
faults: setup ## runs a separate stack under load with KILLS random kills and other faults, then checks every promise; SEED=7 repeats one; BROKERS=3, STANDBY=1
	@.venv/bin/python -m tests.faults.storm --kills $(KILLS) $(if $(BROKERS),--brokers $(BROKERS)) $(if $(STANDBY),--standby $(STANDBY)) $(if $(SEED),--seed $(SEED))

upgrade: setup ## replaces the release FROM=<commit> by this checkout under load, process by process, then checks every promise; SEED=7
	@.venv/bin/python -m tests.faults.storm --from $(or $(FROM),$(error name a commit of an earlier release: make upgrade FROM=HEAD~10)) $(if $(SEED),--seed $(SEED))

bench: setup ## runs every benchmark beside its peers, or ROW=B1; GROWTH=1 shows how the cost grows
	@.venv/bin/python -m bench $(ROW) $(if $(GROWTH),--growth $(GROWTH))

check-speed: setup ## compares the CPU time per unit of B1 to B6 with the stored figures; WRITE=1 stores new ones
	@.venv/bin/python -m bench.speed $(ROW) $(if $(WRITE),--write)
