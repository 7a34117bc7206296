# Each target installs what it needs into .venv; a Python of 3.10 or later is looked for, or
# named: make test PYTHON=/path/to/python3.12
PYTHON ?= $(firstword $(foreach name,python3 python3.15 python3.14 python3.13 python3.12 python3.11 python3.10 python,\
	$(shell $(name) -c 'import sys; sys.version_info >= (3, 10) and print("$(name)")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := tests/tools/constraints.txt

# All the tests, with a process a core; or those that ARGS names, in one process, which starts
# at once: make test ARGS='tests/token -x'
PYTEST = -m pytest $(or $(ARGS),-n auto)

# What a person has set for other things: where pip installs, what Python and pytest load.
unexport PIP_PREFIX PIP_ROOT PIP_TARGET PIP_USER PIP_REQUIRE_VIRTUALENV
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONOPTIMIZE PYTHONSTARTUP PYTHONWARNINGS
unexport PYTEST_ADDOPTS PYTEST_PLUGINS PYTEST_DISABLE_PLUGIN_AUTOLOAD

.PHONY: help demo test test-lowest test-all test-anywhere lint bench load live pictures tools clean

help:
	@echo "make demo           the main job, shown on the embedded sandbox"
	@echo "make test           all tests; some: make test ARGS='tests/token -x'"
	@echo "make lint           ruff, mypy, basedpyright, the distribution"
	@echo "make test-lowest    all tests with the oldest supported releases"
	@echo "make test-all       all tests with each supported Python on this machine"
	@echo "make test-anywhere  demo and tests in a fresh clone, among somebody's settings"
	@echo "make load           20,000 requests from 16 threads"
	@echo "make bench          what a signed request costs; writes docs/bench.md"
	@echo "make live           asks the real Vonage what is not documented"
	@echo "make pictures       docs/http.svg and docs/check.svg"
	@echo "make tools          the tools of docs/tools.md, as far as they can be installed"
	@echo "make clean          removes what make has installed"

demo: $(VENV)/installed
	@$(BIN)/python tests/tools/demo.py

test: $(VENV)/installed-tests
	$(BIN)/python $(PYTEST)

# The same suite with the oldest releases that pyproject.toml admits.
test-lowest: $(VENV)-lowest/installed-tests
	$(VENV)-lowest/bin/python $(PYTEST)

# The suite on every Python that the package is for, as far as this machine has them.
test-all:
	@for version in 3.10 3.11 3.12 3.13 3.14 3.15; do \
		if "python$$version" -c "" 2>/dev/null; then \
			echo "Python $$version:"; \
			$(MAKE) --no-print-directory test PYTHON="python$$version" VENV=".venv-$$version" || exit 1; \
			ran="$$ran $$version"; \
		else missing="$$missing $$version"; fi; \
	done; \
	test -n "$$ran" || { echo "No supported Python was found." >&2; exit 1; }; \
	echo "The suite passed on Python$$ran. Not on this machine:$${missing:- none}."

# demo and test in a fresh clone, on a machine full of somebody else's settings.
test-anywhere:
	$(PYTHON) tests/tools/anywhere.py --at-once

lint: $(VENV)/installed-tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	MYPYPATH=$(VENV)/downloads/niquests $(BIN)/mypy --strict --follow-imports=silent tests/tools/typed_user.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/basedpyright --level error
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/basedpyright --verifytypes requests_nexmo_jwt --ignoreexternal
	rm -rf $(VENV)/dist && $(BIN)/python -m build --no-isolation --outdir $(VENV)/dist . >/dev/null
	$(BIN)/twine check --strict $(VENV)/dist/*
	$(BIN)/check-wheel-contents $(VENV)/dist

bench: $(VENV)/installed-tests $(VENV)/installed-peers
	@PYTHONPATH=tests $(BIN)/python tests/tools/bench.py

# docs/http.svg and docs/check.svg: what the two commands print today.
pictures: $(VENV)/installed
	@$(BIN)/python tests/tools/pictures.py

# What docs/tools.md says, with each tool in an environment of its own; takes minutes, needs a network.
tools: $(VENV)/installed-tests
	@$(BIN)/python tests/tools/other_tools.py

load: $(VENV)/installed-tests
	@$(BIN)/python tests/tools/load.py

# Asks the real Vonage, with your credentials, what no public source says; never in CI.
# Options: make live LIVE="--pause 2 --output answers.json"
live: $(VENV)/installed
	@$(BIN)/python tests/tools/live.py $(LIVE)

clean:
	rm -rf $(VENV) $(VENV)-* dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

PIP = -m pip --disable-pip-version-check
INSTALL = $(PIP) install --quiet

$(VENV)/installed: pyproject.toml
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
		{ echo "make: no Python 3.10 or later; name one: make PYTHON=..." >&2; exit 1; }
	@echo "Installing the package and HTTPie into $(VENV): once, about 15 seconds ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(INSTALL) --editable '.[httpie]'
	@touch $@

$(VENV)/installed-tests: $(VENV)/installed pyproject.toml tests/tools/downloads.txt $(CONSTRAINTS)
	@echo "Installing what the tests need into $(VENV): once, about a minute ..."
	@$(BIN)/python $(INSTALL) --upgrade 'pip>=25.1'
	@$(BIN)/python $(INSTALL) --group test --group lint \
		--editable '.[httpie]' --constraint $(CONSTRAINTS)
	@$(call DOWNLOAD,$(VENV),$(CONSTRAINTS))
	@touch $@

$(VENV)-lowest/installed-tests: $(VENV)/installed pyproject.toml tests/tools/downloads.txt tests/tools/lowest.txt
	@echo "Installing the oldest releases into $(VENV)-lowest: once, about a minute ..."
	@test -x $(VENV)-lowest/bin/python || $(PYTHON) -m venv $(VENV)-lowest
	@$(VENV)-lowest/bin/python $(INSTALL) --upgrade 'pip>=25.1'
	@$(VENV)-lowest/bin/python $(INSTALL) --editable '.[httpie]' --group test \
		--constraint tests/tools/lowest.txt
	@$(call DOWNLOAD,$(VENV)-lowest,tests/tools/lowest.txt)
	@touch $@

# What make bench compares this package with. A peer that cannot be installed is named here and by
# its row, and tried again next time; @... is left out where there is no npm.
$(VENV)/installed-peers: $(VENV)/installed tests/tools/peers.txt
	@echo "Installing what make bench compares with into $(VENV)/peers: once, about half a minute ..."
	@failed=; for peer in . $$(grep -v '^#' tests/tools/peers.txt); do \
		case $$peer in \
			.) $(call PEER,peers,--editable .) ;; \
			@*) ! command -v npm >/dev/null || npm install --silent --no-audit --no-fund \
				--prefix $(VENV)/peers/node --cache $(VENV)/peers/npm-cache $$peer >/dev/null ;; \
			httpie-*) $(call PEER,peers/$$peer,httpie $$peer) ;; \
			*) $(call PEER,peers,$$peer) ;; \
		esac || { failed=yes; echo "make: cannot install $$peer; its rows will say so." >&2; }; \
	done; test -n "$$failed" || touch $@

PEER = { test -x $(VENV)/$(1)/bin/python || $(BIN)/python -m venv $(VENV)/$(1); } && \
	$(VENV)/$(1)/bin/python $(INSTALL) $(2)

# Everything that a test installs, so that no test needs a network: wheels, an HTTPie without this
# package, niquests in a folder of its own (it replaces urllib3), httpie-auth-store in another (it
# would slow down each http of the tests), and where there is npm, jose.
define DOWNLOAD
	rm -rf $(1)/downloads && \
	$(1)/bin/python $(PIP) download --quiet --dest $(1)/downloads/wheels --requirement tests/tools/downloads.txt --constraint $(2) && \
	$(1)/bin/python -m venv $(1)/downloads/httpie && \
	$(1)/downloads/httpie/bin/python $(INSTALL) --no-index --find-links $(1)/downloads/wheels httpie && \
	$(1)/bin/python $(INSTALL) --no-index --find-links $(1)/downloads/wheels --target $(1)/downloads/niquests niquests && \
	$(1)/bin/python $(INSTALL) --no-index --find-links $(1)/downloads/wheels --target $(1)/downloads/auth-store \
		httpie-auth-store && \
	{ ! command -v npm >/dev/null || npm install --silent --no-audit --no-fund --prefix $(1)/downloads \
		--cache $(1)/downloads/npm-cache jose@5 >/dev/null || echo "make: npm cannot install jose; one test is skipped." >&2; }
endef
