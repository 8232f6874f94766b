# Two commands on a fresh machine: `make demo` and `make test`. Both install all that they need
# into .venv; nothing is installed on the host.
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The tests start this program hundreds of times: compiled once, not at each start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-real test-openstack lint bench install clean

install: $(READY)

$(READY): pyproject.toml requirements.txt
	python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: $(READY)
	$(BIN)/smoketest demo

test: $(READY)
	$(BIN)/python -m pytest -m "not real" -n 4 --dist loadfile --no-loadscope-reorder

test-real: $(READY)
	$(BIN)/python -m pytest -m real -v -rP --durations=25

# Root, Debian's packages that `smoketest doctor` names, and half an hour of two idle cores.
test-openstack: $(READY)
	$(BIN)/python -m pytest -m real -s -v tests/real/test_openstack.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy orchestrator
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.shape.limits

bench: $(READY)
	$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
