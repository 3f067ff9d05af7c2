# Each target does all the set-up it needs, in .venv, reused when it is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# make demo SHORT=1: the same path on little data in few steps; no figures.
SHORT ?=
PYTEST_OPTIONS ?=
# Tests of one file share what is costly to make: they stay together.
PARALLEL := -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

# Threads that wait by spinning slow each other down on a shared machine.
export OMP_WAIT_POLICY := passive

.PHONY: demo docs test test-browser test-ray test-wheel lint upstream \
	upstream-check clean

demo: $(VENV)/.ready
	$(BIN)/python recipes/demo.py --output results/demo $(if $(SHORT),--short)

test: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint -c .yamllint.yaml --no-warnings hparams docs recipes
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_OPTIONS)
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_OPTIONS) tests/with_speechbrain \
		explainable_seg/training/brain.py \
		explainable_seg/training/loop.py \
		explainable_seg/training/run.py

# All public names, with their docstrings: results/reference/index.html
docs: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[docs]'
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet \
		docs/reference results/reference

# The pages in Chromium, which must be there: apt-get install chromium
test-browser: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[browser]'
	$(BIN)/python -m pytest -m browser tests/browser $(PYTEST_OPTIONS)

# A cluster of two workers on this machine, one of which is killed: minutes.
test-ray: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[ray]'
	$(BIN)/python -m pytest -m ray tests/ray

# The release is built, installed elsewhere and run without a network: minutes.
test-wheel: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[release]'
	$(BIN)/python -m pytest -m wheel tests/release

lint: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The contribution to SpeechBrain, into a clone: SPEECHBRAIN=/path/to/clone
UPSTREAM = PYTHONPATH=recipes:tests/data_prep $(BIN)/python -m

upstream: $(VENV)/.ready
	$(UPSTREAM) upstream.lay_out "$(SPEECHBRAIN)"

upstream-check: upstream
	$(UPSTREAM) upstream.check "$(SPEECHBRAIN)"

$(VENV)/.ready: setup.py constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed: \
	make PYTHON=/path/to/python3" if sys.version_info < (3, 10) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--editable '.[minibroadcast,train,dev]'
	touch $@

clean:
	rm -rf results/demo results/minibroadcast data/minibroadcast \
		results/reference docs/reference/rooms
