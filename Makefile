# Two commands do everything on a machine that has Python 3.11 or newer, git and make:
#   make demo    a fleet of two motes comes to life   (make demo ARGS="--for 20 --json")
#   make test    every check that CI runs
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo bench fuzz home-assistant kill-one prove soak leaks survive test lint types unit requirements picture pictures clean help

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

demo: $(VENV)/.run ## run the main job; options go in ARGS="…"
	@$(BIN)/ironmote demo $(ARGS)

test: lint types unit ## what CI runs

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

# Most tests wait for processes of their own, so there are more of them at a time than cores. On a busy machine one of
# them may wait too little: what fails is run once more, and what then passes is listed (R) all the same.
WORKERS ?= 5
unit: $(VENV)/.dev
	@sh tools/system-packages.sh mosquitto postgres chromium chromedriver
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --reruns 1 $(ARGS)

# Counts and seeds are the caller's: make fuzz FUZZ_GATEWAY=5000000 FUZZ_SEED=7
FUZZ_GATEWAY ?= 1000000
FUZZ_MOTE    ?= 100000
FUZZ_LINK    ?= 200000
FUZZ_SEED    ?= 20261121
fuzz: $(VENV)/.dev ## throw a million malformed messages at the gateway, 100,000 at a mote, 200,000 streams at its link
	$(BIN)/python host_tests/fuzz_gateway.py $(FUZZ_GATEWAY) $(FUZZ_SEED)
	$(BIN)/micropython -X heapsize=128k tests/device/fuzz_mote.py $(FUZZ_MOTE) $(FUZZ_SEED)
	$(BIN)/python host_tests/fuzz_link.py $(FUZZ_LINK) $(FUZZ_SEED)

# make soak ARGS="--minutes 60 --seed 7": what became of every reading, by channel and fault.
soak: $(VENV)/.dev ## run motes through random faults of every kind and account for every reading
	@sh tools/system-packages.sh mosquitto
	@$(BIN)/python host_tests/soak.py $(ARGS)

prove: $(VENV)/.dev ## what is too long for make test: rights at every node of a cluster, plans for every chip
	@$(BIN)/pytest -q host_tests/prove_cluster.py host_tests/prove_plans.py

# Each is killed at any instant while both store what motes send: what was sent, stored, lost and repeated.
KILLS ?= 40
kill-one: $(VENV)/.dev ## kill one of two gateways with one PostgreSQL, again and again, and count
	@sh tools/system-packages.sh mosquitto postgres
	@KILLS=$(KILLS) $(BIN)/pytest -q -s host_tests/test_two_gateways_share_a_postgres.py -k killed

# make survive ARGS="--kills 50 --seed 7": what was sent, stored once, lost and repeated.
survive: $(VENV)/.dev ## kill a gateway 200 times while motes send, and account for every record
	@sh tools/system-packages.sh mosquitto
	@$(BIN)/python host_tests/survive.py $(ARGS)

# It is large (400 MB), and another Python's: not for every test. PYTHON has to be 3.11 or 3.12.
HOME_ASSISTANT := build/home-assistant
home-assistant: $(VENV)/.dev ## have Home Assistant itself find what the gateway announces, show and command it
	@sh tools/system-packages.sh mosquitto
	@test -x $(HOME_ASSISTANT)/bin/python || $(PYTHON) -m venv $(HOME_ASSISTANT)
	@$(HOME_ASSISTANT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-home-assistant.txt
	HOME_ASSISTANT_PYTHON=$(HOME_ASSISTANT)/bin/python $(BIN)/pytest -q host_tests/prove_home_assistant.py $(ARGS)

leaks: $(VENV)/.dev ## watch every command for secrets where none may be; make test watches nearly all of them
	@sh tools/system-packages.sh mosquitto
	LEAKS_ALL=1 $(BIN)/pytest host_tests/test_no_command_leaks_a_secret.py

bench: $(VENV)/.dev ## measure: every table of benchmarks/
	@sh tools/system-packages.sh mosquitto
	@for b in benchmarks/*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

requirements: $(VENV)/.dev ## pin the dependencies anew, with hashes
	sh tools/pin-requirements.sh $(BIN)

picture: $(VENV)/.run ## make the README's picture from a real run
	$(BIN)/ironmote demo --for 25 --attack --picture docs/demo.svg

pictures: $(VENV)/.dev ## make the dashboard's pictures from a real run in a real browser
	@sh tools/system-packages.sh chromium chromedriver
	$(BIN)/python host_tests/dashboard_pictures.py docs

clean: ## remove what make and the checks made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made quietly: with `make demo ARGS=--json` stdout belongs to the program.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("ironmote needs Python 3.11 or newer; set PYTHON=python3.x" if sys.version_info < (3, 11) else 0)'
	@echo "making $(VENV) …" >&2
	@$(PYTHON) -m venv $(VENV) >&2 || { echo "python3 cannot make a virtual environment; on Debian: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.run: requirements.txt pyproject.toml $(VENV)/bin/python
	@echo "installing ironmote into $(VENV) …" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . >&2
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "installing the checks into $(VENV) …" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt >&2
	@touch $@
