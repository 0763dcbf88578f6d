# Run `make help` for a list of commands.
#
# Needs Python 3.11 or newer, make, and the network for installing. Everything is installed into VENV,
# which .ci/environment.py creates, checks and repairs.

PYTHON ?= python3
VENV ?= .venv
ONLY ?=
COVERAGE ?=
# Tests of documents, types, layout and the logic of our own, which depend on no library's version; and
# those of the sandbox, which the tests of all other rooms send their requests to.
WITHOUT_LIBRARIES = architecture chaos contributing demo display docs fuzz orm sandbox secrecy sequences speed typing
WORKERS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
SEED ?= 1
ROOM ?=
NUMBER ?= 30
SIZE ?= 5000
DATA ?= :memory:
SITE ?=
# The time of the files in the archives of a release: that of the commit, or any, outside a repository.
EPOCH = $(or $(shell git log -1 --format=%ct 2>/dev/null),1767225600)

RUN = "$(VENV)/bin/python"
PYTEST = $(RUN) -m pytest --numprocesses $(WORKERS) --dist worksteal
ROOMS = $(notdir $(patsubst %/,%,$(dir $(wildcard tests/*/*.py))))
CHOSEN = $(if $(ONLY),$(if $(filter $(ONLY),$(ROOMS)),tests/$(ONLY),$(error tests has no room '$(ONLY)', only $(sort $(ROOMS)))))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: demo check test test-ci test-all costs lowest lint bench chaos mutants cassettes docs site package dist release-dry-run constraints audit clean help environment environment-for-the-audit environment-for-the-bench environment-for-the-constraints environment-for-the-demo environment-for-the-docs environment-for-packaging environment-with-the-lowest python
unexport BACKPACK_URL BACKPACK_TOKEN PYTHONPATH PYTHONHOME

demo: environment-for-the-demo ## run a tour of an account in a sandbox
	@$(RUN) docs/demo.py

check: lint ## check style, types and imports, and run the fast tests without sockets: less than a minute
	$(PYTEST) --quiet --offline -m "not network and not browser and not slow"

test: lint ## check style, types and imports, and run the fast tests; ONLY=orm runs those of one room
	$(PYTEST) $(COVERAGE) -m "not slow" $(CHOSEN)

test-ci: lint ## run all tests, with the same examples in every run, and measure the coverage of the fast ones
	$(PYTEST) --cov --check-costs

test-all: lint ## run all tests with coverage and new random examples, and long campaigns of faults and fuzzing
	TWO_WRITERS=200 $(PYTEST) --cov --new-seeds --timeout 3600
	$(RUN) -m tests.chaos --seed $$(date +%s) --size 20000
	$(RUN) -m tests.fuzz
	$(RUN) -m tests.sandbox.fuzz --seconds 600 --seed $$(date +%s)

costs: environment ## measure all tests, and write tests/slow.txt, which lists those that `make test` leaves out
	$(PYTEST) --quiet --write-costs

lowest environment-with-the-lowest: VENV = .venv-lowest
lowest: environment-with-the-lowest ## run the fast tests of the code with the lowest versions of the dependencies
	$(PYTEST) -m "not slow and not browser and not postgresql" \
	    $(foreach room,$(WITHOUT_LIBRARIES),--ignore tests/$(room))

lint: environment ## check style, types and imports
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	"$(VENV)/bin/lint-imports"

# Uses the newest Python on the machine.
bench: VENV = .venv-bench
bench: PYTHON = $(or $(shell .ci/python 3.13 2>/dev/null),python3)
bench: environment-for-the-bench ## measure speed against hand-written code and other libraries; ONLY=load runs a part
	@$(RUN) -m tests.benchmarks $(ONLY)

chaos: environment ## write 5,000 times and read under random faults; SEED=2 SIZE=5000 DATA=postgresql://…
	@$(RUN) -m tests.chaos --seed $(SEED) --size $(SIZE) --data "$(DATA)"

cassettes: environment ## record all cassettes again from the sandbox
	$(RUN) -m pytest tests/models --record

mutants: environment ## change the code at random, and list the changes that no fast test notices; ROOM=orm NUMBER=30 SEED=2
	@$(RUN) .ci/mutants.py "$(ROOM)" $(NUMBER) $(SEED) $(WORKERS) "not slow and not browser and not postgresql"

docs: site ## build the site, and run the code in the documentation
	$(RUN) -m pytest tests/docs
	@echo "open docs/_build/html/index.html"

site: environment-for-the-docs ## build the site into docs/_build/html, and look at it in a browser
	$(RUN) -m sphinx -b html -E -a -W --keep-going -q docs docs/_build/html
	$(PYTEST) --quiet $(SITE) tests/docs/built_site.py

package: dist environment-for-packaging ## build the archives of a release, check that they have all files, and test them: all of a release but the upload
	@$(RUN) .ci/package.py

dist: python ## build the archives of a release into dist, with nothing but pinned tools
	@rm -rf dist .venv-build
	@$(PYTHON) -m venv .venv-build
	@.venv-build/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: --requirement .ci/build.txt
	@.venv-build/bin/python -m build --quiet --no-isolation --sdist
	@SOURCE_DATE_EPOCH=$(EPOCH) .venv-build/bin/python .ci/reproducible.py dist/*.tar.gz
	@umask 022 && mkdir .venv-build/sources && tar -xzf dist/*.tar.gz -C .venv-build/sources --strip-components 1 && \
	    SOURCE_DATE_EPOCH=$(EPOCH) .venv-build/bin/python -m build --quiet --no-isolation --wheel --outdir dist .venv-build/sources

release-dry-run: ## do everything that the workflow `release` does but the upload; needs the network
	.ci/run
	$(MAKE) audit

constraints: VENV = .venv-constraints
constraints: environment-for-the-constraints ## choose the newest versions of all packages that `make environment` and CI install
	@$(RUN) .ci/constraints.py

audit: VENV = .venv-audit
audit: environment-for-the-audit ## look for known vulnerabilities; fails for packages that users install; needs the network
	@$(RUN) .ci/audit.py

clean: ## remove everything that the other commands have created
	@[ ! -e "$(VENV)/.backpack_orm.json" ] || rm -rf "$(VENV)"
	rm -rf .venv .venv-* build dist reports .bench .mutants *.egg-info
	rm -rf docs/_build docs/reference
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf .coverage .coverage.*
	@find backpack_orm tests docs .ci -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{printf "%-15s %s\n", $$1, $$2}'

environment: python
	@$(PYTHON) .ci/environment.py "$(VENV)" dev

environment-with-the-lowest: python
	@$(PYTHON) .ci/environment.py "$(VENV)" lowest

environment-for-the-docs: python
	@$(PYTHON) .ci/environment.py "$(VENV)" docs

environment-for-packaging: python
	@$(PYTHON) .ci/environment.py "$(VENV)" package

environment-for-the-audit: python
	@$(PYTHON) .ci/environment.py "$(VENV)" audit

environment-for-the-bench: python
	@$(PYTHON) .ci/environment.py "$(VENV)" bench

environment-for-the-constraints: python
	@$(PYTHON) .ci/environment.py "$(VENV)" constraints

environment-for-the-demo: python
	@$(PYTHON) .ci/environment.py "$(VENV)" demo

python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null || { \
	    echo "Python 3.11 or newer is needed. '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)" >&2; \
	    echo "Name another one, such as: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
