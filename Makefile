# The suite's habits, one word each; `make help` lists them.
.DEFAULT_GOAL := run-platform
.PHONY: help install test lint types run-platform stop-platform status try-pythons bench-store bench-monitor bench-serving

python := .venv/bin/python
test_tools := .venv/bin/pytest

run-platform: $(python) ## Start the platform in the background and print its addresses (the default)
	@$(python) -m ml_core.launcher start

stop-platform: $(python) ## Stop what run-platform has started, and nothing else
	@$(python) -m ml_core.launcher stop

status: $(python) ## Show which apps run
	@$(python) -m ml_core.launcher status

install: ## Install what is needed, after asking; FLAGS="--yes --dev" as of ./install.sh --help
	@./install.sh $(FLAGS)

# More workers than two cores: many tests wait for servers.
WORKERS ?= 3

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

bench-serving: $(python) $(test_tools) ## Measure the anomaly app beside scikit-learn and a Flask that says hello; ARGS as above
	@$(python) -m benchmarks.serving $(ARGS)

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

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='	' read -r target text; do \
	    printf '  make %-14s %s\n' "$$target" "$$text"; done

$(python):
	@echo "there is no .venv here: run ./install.sh first" >&2; exit 1

$(test_tools): | $(python)
	@echo "the test tools are not installed: run ./install.sh --dev first" >&2; exit 1
