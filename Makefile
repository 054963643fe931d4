# Every command of the repository. Python 3.11 or newer and make are enough; `make` alone lists them.
SHELL := /bin/sh
.SHELLFLAGS := -ec
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
EXTRAS := gateway auth users notifications mailbox compiling local dev
# The newest Python that is here; PYTHON=python3.12 make up takes that one.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; break; fi; done)
# A stamp is named after what it stands for, so that changed pins are installed and a mere checkout is not.
checksum = $(shell cat requirements/$(1).txt pyproject.toml | cksum | cut -d' ' -f1)
DEV := $(VENV)/.dev-$(call checksum,dev)
# What development installs holds what `make up` needs.
LOCAL := $(or $(wildcard $(DEV)),$(VENV)/.local-$(call checksum,local))
TESTS ?= tests
WORKERS ?= 3
SHOTS ?= .data/screenshots
# What a run of all tests reaches at least, in percent of lines and branches: all code, and what decides on
# tokens and sessions.
COVERED := 90
TOKEN_CODE_COVERED := 100
TOKEN_CODE := gateway/tokens.py gateway/policies/access.py gateway/receipts.py shared/contracts/tokens.py $(addprefix shared/chassis/,access.py \
	access_tokens.py sealing.py service_tokens.py signing_keys.py token_form.py verified_tokens.py) $(addprefix services/auth/, \
	sessions/access_tokens.py sessions/receipts.py sessions/refresh_tokens.py sessions/refreshing.py \
	sessions/organizations.py sessions/revocations.py sessions/sessions.py \
	sign_in/mfa_tickets.py store/sessions.py routes/sessions.py signing_keys/key_pairs.py signing_keys/rotation.py \
	signing_keys/keyring.py store/signing_keys.py)
comma := ,
joined = $(subst $() ,$(comma),$(strip $(1)))

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

.PHONY: up
up: $(LOCAL) ## Run everything on this machine, without Docker, until Ctrl-C
	@exec $(BIN)/doorward up

.PHONY: migrate
migrate: $(LOCAL) ## Bring the databases to the newest schema (those of a running `make up`, or as set)
	$(BIN)/doorward migrate

.PHONY: env
env: ## Write a .env with fresh secrets for Docker Compose in production
	@$(PYTHON) -m deploy.env_file

.PHONY: test
test: $(DEV) ## Run all tests, with floors of coverage (TESTS=tests/auth: some, without; WORKERS=0: in turns)
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report= $(TESTS)
ifeq ($(TESTS),tests)
	$(floors)
else
	@$(BIN)/coverage report
endif

# Tests start hundreds of processes: an environment that says otherwise would have each compile everything again.
test retest: export PYTHONDONTWRITEBYTECODE :=

.PHONY: retest
retest: $(DEV) ## Run what failed in the last `make test` again, one after the other, with its floors of coverage
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none --cov --cov-append --cov-report= tests
	$(floors)

define floors
@echo "All code: at least $(COVERED) % of lines and branches"
@$(BIN)/coverage report --fail-under=$(COVERED)
@echo "Code of tokens and sessions: $(TOKEN_CODE_COVERED) % of lines and branches"
@$(BIN)/coverage report --fail-under=$(TOKEN_CODE_COVERED) --include=$(call joined,$(TOKEN_CODE))
endef

.PHONY: check
check: lint typecheck imports ## Format, lint, types and import rules

.PHONY: lint
lint: $(DEV) ## Format and lint rules, without changing anything
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

.PHONY: format
format: $(DEV) ## Format the code and repair what can be
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: typecheck
typecheck: $(DEV) ## Types, strictly
	$(BIN)/mypy

.PHONY: imports
imports: $(DEV) ## Who may import whom, and whether each dependency is declared
	$(BIN)/lint-imports

.PHONY: bench
bench: $(DEV) ## Run all benchmarks for a short time each; those below run one of them whole
	$(BIN)/python -m bench.gateway --rounds 1 --seconds 2
	$(BIN)/python -m bench.auth --quick
	$(BIN)/python -m bench.users --quick
	$(BIN)/python -m bench.notifications --quick

.PHONY: bench-gateway
bench-gateway: $(DEV) ## Compare the gateway with others
	$(BIN)/python -m bench.gateway

.PHONY: bench-auth
bench-auth: $(DEV) ## Compare auth with others
	$(BIN)/python -m bench.auth

.PHONY: bench-users
bench-users: $(DEV) ## Compare users with Django REST framework
	$(BIN)/python -m bench.users

.PHONY: bench-notifications
bench-notifications: $(DEV) ## Compare a worker with a bare smtplib loop
	$(BIN)/python -m bench.notifications

.PHONY: requirements
requirements: $(DEV) ## Renew the pinned requirements from pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@for extra in $(EXTRAS); do echo "requirements/$$extra.txt"; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-header --extra $$extra pyproject.toml --output-file requirements/$$extra.txt; done

.PHONY: install
install: $(DEV) ## Install everything that development needs into .venv

.PHONY: screenshots
screenshots: $(DEV) ## Take pictures of every page and mail, and check them with axe-core (SHOTS=folder)
	PYTHONPATH=testkit $(BIN)/python -m tests.screenshots $(SHOTS)

.PHONY: time-kit
time-kit: $(DEV) ## Start and stop the test kit three times and print how long it took
	PYTHONPATH=testkit $(BIN)/python -m tests.testkit.ready

.PHONY: time-mistakes
time-mistakes: $(DEV) ## Make every mistake of the table of settings and print what is said, and after how long
	$(BIN)/python -m tests.deploy.mistakes

.PHONY: first-hour
first-hour: $(DEV) ## Do what three newcomers do, each from an empty machine, as the pages say (two minutes each)
	$(BIN)/python -m tests.system.first_hour

.PHONY: clean
clean: ## Remove .venv and what tools leave behind; the data in .data stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# The environment. Every step may be killed and is then done again: its stamp comes last.
$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "Doorward needs Python 3.11 or newer; set PYTHON to where it is." >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.dev-%: $(VENV)/.created
	$(call install,dev)

$(VENV)/.local-%: $(VENV)/.created
	$(call install,local)

define install
@echo "Installing requirements/$(1).txt: a minute or two, once, and again when it changes"
@# The file is complete, so pip need not resolve anything: an older pip would take a newer release for a `name[extra]`.
@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements/$(1).txt
@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
@rm -f $(VENV)/.dev-* $(VENV)/.local-*
@touch $@
endef
