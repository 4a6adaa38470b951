# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
SOURCES := pyproject.toml constraints.txt

.PHONY: demo test lint types check-tests clean

demo: $(VENV)/.installed
	$(BIN)/handeye run "grab the red cup"

test: $(VENV)/.installed-dev lint types check-tests

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The type check runs on the installed wheel: what users get, in the layout that they get.
types: $(VENV)/.installed-dev
	rm -rf build/wheel build/typecheck build/lib
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w build/wheel .
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target build/typecheck build/wheel/*.whl
	cd build/typecheck && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p handeye

check-tests: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python $(SOURCES)
	@echo "Installing handeye into $(VENV): once, a few minutes."
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the development tools."
	$(PIP) "setuptools>=77" wheel -e ".[dev]"
	@touch $@

clean:
	rm -rf build dist *.egg-info src/*.egg-info .mypy_cache .ruff_cache .pytest_cache
