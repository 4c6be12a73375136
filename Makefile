# The suite's habits, one word each; `make help` lists them.
.DEFAULT_GOAL := run-platform
.PHONY: help install test lint types try-pythons try-image bench-store bench-monitor bench-forecast bench-response-time bench-link-traffic bench-dashboard bench-serving demo
.PHONY: run-platform stop-platform test-platform run-api stop-api build-api run-jupyter stop-jupyter run-all stop-all
.PHONY: status install-cron remove-cron remove-env remove-all

python := .venv/bin/python
test_tools := .venv/bin/pytest

# Processes of this machine, or containers with RUNTIME=docker. OS, which the first system asked for, is not needed.
ifeq ($(RUNTIME),docker)
launcher := ./deploy/compose.sh
tester := ./deploy/compose.sh test
build_api := ./deploy/compose.sh build
needed :=
else
launcher := $(python) -m ml_core.launcher
tester := $(python) -m anomaly_api.tester
build_api := $(python) -m ml_core.launcher prepare anomaly_api
needed := $(python)
endif

run-platform: $(needed) ## Start the platform in the background and print its addresses (the default); RUNTIME=docker for containers
	@$(launcher) start

stop-platform: $(needed) ## Stop what run-platform has started, and nothing else
	@$(launcher) stop

test-platform: $(needed) ## Ask for 1,000 anomaly predictions; N=5000 or ALL=1 for more, ARGS="--per-second 0" at full speed
	@$(tester) $(if $(ALL),--all,$(if $(N),--requests $(N))) $(ARGS)

run-api: $(needed) ## Start the anomaly API alone
	@$(launcher) start anomaly_api

stop-api: $(needed) ## Stop the anomaly API
	@$(launcher) stop anomaly_api

build-api: $(needed) ## Train the anomaly API's model if there is none; with RUNTIME=docker build the image
	@$(build_api)

run-jupyter: $(needed) ## Start JupyterLab with the notebook of the training set (after ./install.sh --notebook)
	@$(launcher) start jupyter

stop-jupyter: $(needed) ## Stop JupyterLab
	@$(launcher) stop jupyter

run-all: $(needed) ## Start the platform and JupyterLab
	@$(launcher) start
	@$(launcher) start jupyter

stop-all: $(needed) ## Stop the platform and JupyterLab
	@$(launcher) stop --all

status: $(needed) ## Show what runs
	@$(launcher) status

install-cron: $(python) ## Have cron call all jobs, by a block of lines in your crontab; shown first, FLAGS="--yes" does not ask
	@$(python) -m ml_core.jobs install-cron $(FLAGS) $(ARGS)

remove-cron: $(python) ## Take these lines out of your crontab, shown first; FLAGS as above
	@$(python) -m ml_core.jobs remove-cron $(FLAGS) $(ARGS)

remove-env: ## Remove the Python environments that install.sh has made, and caches
	@./deploy/remove.sh env

remove-all: ## Remove what the platform has left: logs, servers, containers; data only after asking
	@./deploy/remove.sh all $(FLAGS)

demo: $(python) ## Fill the store with a month of demo models, their truths, checks and alerts; ARGS="--yes" does not ask
	@$(python) -m ml_monitor demo $(ARGS)

install: ## Install what is needed, after asking; FLAGS="--yes --dev" as of ./install.sh --help
	@./install.sh $(FLAGS)

# More workers than two cores: many tests wait for servers.
WORKERS ?= 3

# Where an environment forbids Python to keep compiled files, each worker and process would compile every test anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(python) $(test_tools) ## Run all tests (after ./install.sh --dev); ARGS="-k words" chooses some
	$(python) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

lint: $(python) $(test_tools) ## Check style, form, types and the import contracts
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy
	.venv/bin/lint-imports

types: $(python) $(test_tools) ## Check types alone
	$(python) -m mypy

bench-store: $(python) $(test_tools) ## Measure the store beside its controls, as root; ARGS="--quick" or parts by name
	@$(python) -m benchmarks.store $(ARGS)

bench-monitor: $(python) $(test_tools) ## Measure the monitor beside Evidently and NannyML, which it installs under var/; ARGS as above
	@$(python) -m benchmarks.monitor $(ARGS)

bench-dashboard: $(python) $(test_tools) ## Measure pages, charts, the client and many models, each beside its control; ARGS as above
	@$(python) -m benchmarks.dashboard $(ARGS)

bench-serving: $(python) $(test_tools) ## Measure the anomaly app beside scikit-learn and a Flask that says hello; ARGS as above
	@$(python) -m benchmarks.serving $(ARGS)

bench-forecast: $(python) $(test_tools) ## Score the forecasts beside AutoARIMA's on ${SHARED:-../shared}; ARGS as above
	@$(python) -m benchmarks.forecast $(ARGS)

bench-response-time: $(python) $(test_tools) ## Score the six models beside naive forecasts and AutoARIMA's; ARGS as above
	@$(python) -m benchmarks.response_time $(ARGS)

bench-link-traffic: $(python) $(test_tools) ## Measure link traffic's training and forecasts beside Keras and naive ones; ARGS as above
	@$(python) -m benchmarks.link_traffic $(ARGS)

# A version is tried in a clone of what is committed, so that nothing of this folder helps it along. The inner make is
# not $(MAKE): make would run that line even with -n.
try-pythons: ## Install and test the committed tree with each of Python 3.11, 3.12 and 3.13 that is here
	@mkdir -p var/try; tried=0; failed=0; \
	for version in 3.11 3.12 3.13; do \
	    found=; folder=var/try/$$version; log=var/try/$$version.log; began=$$(date +%s); \
	    for candidate in "python$$version" "$${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version".*/bin/"python$$version"; do \
	        if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then found=$$candidate; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then echo "Python $$version: not found here, not tried"; continue; fi; \
	    tried=$$((tried + 1)); result=passed; rm -rf "$$folder"; \
	    (git clone --quiet . "$$folder" && cd "$$folder" && PYTHON="$$found" ./install.sh --yes --dev && make test) \
	        >"$$log" 2>&1 </dev/null || { result=FAILED; failed=$$((failed + 1)); }; \
	    echo "Python $$version: $$result in $$(($$(date +%s) - began)) s, see $$log"; \
	done; \
	[ "$$tried" -gt 0 ] && [ "$$failed" -eq 0 ]

try-image: ## Build the image on a Debian made here, and try it, as root with buildah and debootstrap; takes minutes
	@./deploy/try-image.sh

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='	' read -r target text; do \
	    printf '  make %-14s %s\n' "$$target" "$$text"; done

$(python):
	@echo "there is no .venv here: run ./install.sh first" >&2; exit 1

$(test_tools): | $(python)
	@echo "the test tools are not installed: run ./install.sh --dev first" >&2; exit 1
