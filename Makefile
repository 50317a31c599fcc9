# One word each for what is done to this project. A machine needs make, Python 3.11 or newer (with pip and venv), and a way to install packages.

SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
ARGS ?=
# Most tests wait for a server, a browser or a database, so more processes than cores help.
JOBS ?= 4

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv --quiet --system-certs
# Where uv finds no index (it does not read pip's settings), pip does the same, slower. Everything is compiled once: not every machine keeps what a
# start compiles, and the tests start hundreds of processes.
install = { $(UV) pip install --compile-bytecode --python $(BIN)/python $(1) || $(BIN)/pip install --quiet $(1); }
CHROMIUM := chromium chromium-browser google-chrome google-chrome-stable

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format bench screenshots browser lock clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

setup: $(VENV)/.ready-dev  ## build .venv with everything for developing, and .venv/bin/paymux in it
	@:

run: $(VENV)/.ready-run  ## start a demo shop and gateway on this machine
	@$(BIN)/paymux demo $(ARGS)

test: lint browser  ## lint, types, and all tests; ARGS="-k word" goes to pytest
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not browser" $(ARGS) || [ $$? = 5 ]
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m browser $(ARGS) || [ $$? = 5 ]

lint: setup  ## style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff . ; echo 'Not formatted: make format'; exit 1; }
	@$(BIN)/mypy

format: setup  ## put imports and format in order
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

bench: setup  ## measure throughput and latency
	@$(BIN)/python -m bench $(ARGS)

screenshots: setup browser  ## take pictures of the pages
	@$(BIN)/python -m tests.screenshots $(ARGS)

browser:
	@for name in $(CHROMIUM); do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo 'Installing Chromium for the tests of the pages'; \
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y chromium; } >$(VENV)/chromium.log 2>&1 \
			|| { tail -20 $(VENV)/chromium.log; echo 'Chromium could not be installed'; }; \
	else echo 'No Chromium here (looked for: $(CHROMIUM)): the tests of the pages will be skipped. Install it to run them.'; fi

lock: setup  ## pin the newest allowed versions, with hashes and without addresses
	@lock="$(UV) pip compile --upgrade --python-version 3.11 --python-platform linux --generate-hashes --no-emit-index-url --no-emit-find-links \
		--annotation-style line --custom-compile-command 'make lock'"; \
	eval "$$lock pyproject.toml --output-file requirements/run.txt" >/dev/null && \
	eval "$$lock pyproject.toml --group dev --constraint requirements/run.txt --output-file requirements/dev.txt" >/dev/null

clean:  ## remove what was built here (demo data in paymux-data stays)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@[ -n "$(PYTHON)" ] || { echo 'Python 3.11 or newer with pip and venv is needed (on Debian: apt-get install python3-venv)'; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	@touch $@

# Running needs less than developing; what developing needs contains it, version for version.
$(VENV)/.ready-run: $(VENV)/.made requirements/run.txt pyproject.toml
	@$(call install,--require-hashes -r requirements/run.txt)
	@$(call install,--no-deps --editable .)
	@$(BIN)/python -m compileall -q paymux
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.made requirements/dev.txt pyproject.toml
	@$(call install,--require-hashes -r requirements/dev.txt)
	@$(call install,--no-deps --editable .)
	@$(BIN)/python -m compileall -q paymux tests bench
	@touch $@ $(VENV)/.ready-run
