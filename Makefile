PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo check test chaos bench bench-alarms bench-verdicts format lock clean

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	touch $@

demo: $(VENV)/.ready  ## plays the recording of a trimmed service into a file that trimwatch follows
	$(BIN)/python -P -m detector.cli demo

check: $(VENV)/.ready  ## two minutes: format, lint, types, imports, unit, contract and rule tests
	$(BIN)/ruff format --check --quiet detector models tests
	$(BIN)/ruff check --quiet detector models tests
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n auto -m 'not chaos and not service' tests/unit tests/contract tests/rules

test: $(VENV)/.ready  ## everything but the benches
	$(BIN)/ruff format --check --quiet detector models tests
	$(BIN)/ruff check --quiet detector models tests
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n auto --dist loadgroup tests

chaos: $(VENV)/.ready  ## random histories of rotation, of brokers and members that die; a failing one is a lead, not yet a bug
	for round in $$(seq 100); do $(BIN)/pytest -m chaos tests/property || exit 1; done
	for round in $$(seq 10); do $(BIN)/pytest -m chaos -s tests/faults || exit 1; done

bench: $(VENV)/.ready  ## the figures of the README, ours and ripgrep's in one run
	$(BIN)/python -P -m tests.bench

bench-alarms: $(VENV)/.ready  ## false alarms and delays of the alarm models, false discoveries of the log patterns; minutes
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -P -m tests.bench.alarms
	$(BIN)/python -P -m tests.bench.patterns

bench-verdicts: $(VENV)/.ready  ## how honest the judge is on series with a known truth; a quarter of an hour
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -P -m tests.bench.verdicts

format: $(VENV)/.ready
	$(BIN)/ruff format detector models tests
	$(BIN)/ruff check --fix detector models tests

lock: $(VENV)/.ready  ## pins every dependency with its hashes
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock
	$(BIN)/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c requirements.lock -o deploy/requirements.lock

clean:
	rm -rf $(VENV) dist build
