# Each target installs what it needs into .venv; a Python of 3.10 or later is looked for, or
# named: make test PYTHON=/path/to/python3.12
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python3.10 python,\
	$(shell $(name) -c 'import sys; sys.version_info >= (3, 10) and print("$(name)")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-lowest lint bench load clean

demo: $(VENV)/installed
	@$(BIN)/python tests/demo.py

test: $(VENV)/installed-tests
	$(BIN)/python -m pytest -n auto

# The same suite with the oldest releases that pyproject.toml admits.
test-lowest: $(VENV)-lowest/installed-tests
	$(VENV)-lowest/bin/python -m pytest -n auto

lint: $(VENV)/installed-tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/installed-tests
	@$(BIN)/python tests/bench.py --quiet

load: $(VENV)/installed-tests
	@$(BIN)/python tests/load.py

clean:
	rm -rf $(VENV) $(VENV)-lowest dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

INSTALL = -m pip install --quiet --disable-pip-version-check

$(VENV)/installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.10 or later; name one: make PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) --editable '.[httpie]'
	@touch $@

$(VENV)/installed-tests: $(VENV)/installed tests/requirements.txt
	$(BIN)/python $(INSTALL) --requirement tests/requirements.txt
	@touch $@

$(VENV)-lowest/installed-tests: $(VENV)/installed tests/requirements.txt tests/lowest.txt
	@test -x $(VENV)-lowest/bin/python || $(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python $(INSTALL) --editable '.[httpie]' --requirement tests/requirements.txt \
		--constraint tests/lowest.txt
	@touch $@
