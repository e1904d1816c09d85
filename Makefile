# Two commands: `make demo` and `make test`. Without make, their lines are
#   python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[rms,postgres]'
#   .venv/bin/evenstock demo
# and, for the tests, '.[test]' and `.venv/bin/python -m pytest`.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e
PYTEST_ARGS ?=

.PHONY: help demo up test check bench clean
help:
	@echo "make demo    the main job on a small demo shop, from start to receipt"
	@echo "make up      server, UI, sandbox and deployments until Ctrl-C"
	@echo "make test    the test suite (PYTEST_ARGS='--seeds 200 --all-kills' for all of it)"
	@echo "make check   linter, formatter, types"
	@echo "make bench   the benchmarks"
	@echo "make clean   remove .venv and caches; .env and .evenstock stay"

demo: .venv/installed-demo
	$(BIN)/evenstock demo

up: .venv/installed-demo
	$(BIN)/evenstock up

test: .venv/installed-test
	$(BIN)/python -m pytest -n auto --dist loadgroup $(PYTEST_ARGS)

check: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/installed-test
	@set -e; found=; for file in benchmarks/bench_*.py; do \
	  if [ -f "$$file" ]; then found=1; echo "== $$file"; $(BIN)/python "$$file"; fi; \
	done; [ -n "$$found" ] || echo "There are no benchmarks yet."

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info

# An empty file per set of extras says that it is installed.
.venv/installed-demo: EXTRAS := rms,postgres
.venv/installed-test: EXTRAS := test
.venv/installed-dev: EXTRAS := dev,rms
.venv/installed-demo .venv/installed-test .venv/installed-dev: pyproject.toml constraints.txt | .venv/bin/pip
	@echo "Installing Evenstock with [$(EXTRAS)] into .venv (about a minute the first time)"
	@$(INSTALL) '.[$(EXTRAS)]'
	@touch $@

.venv/bin/pip:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Evenstock needs Python 3.11 or newer, and $(PYTHON) was not found. Name another one: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Evenstock needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) -V 2>&1`. Name another one: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: sudo apt install python3-venv" >&2; exit 2; }
	@$(PYTHON) -m venv .venv
