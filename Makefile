# make demo: from a fresh clone to a report. Needs Python >= 3.11 and the package index.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python
SNAKEMAKE := $(PY) -m snakemake
.DEFAULT_GOAL := help
.PHONY: help demo tiny test test-slurm chaos products reruns lint bench doctor clean-venv

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /\1|/' \
		| awk -F'|' '{printf "  make %-11s %s\n", $$1, $$2}'

.venv/.installed: requirements.lock
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo "galerne needs Python 3.11 or newer; found: $$($(or $(PYTHON),python3) -V 2>&1)." \
		"Name one with: make PYTHON=/path/to/python3 ..." >&2; exit 1; fi
	@echo "Setting up .venv: $$($(PYTHON) -V), the packages of requirements.lock (a few minutes, 2.5 GB)"
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	@$(PY) -c 'import torch' 2>/dev/null || { \
		echo "This torch needs CUDA libraries: installing them (5 GB; requirements.lock says how to avoid it)"; \
		$(PY) -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' requirements.lock)"; }
	@touch $@

demo: .venv/.installed  ## the whole pipeline on the default configuration, to results/report.html
	@echo "Running the pipeline on config/default.yaml; products go to results/"
	$(SNAKEMAKE)
	@echo "Report: $(CURDIR)/results/report.html"

tiny: .venv/.installed  ## the whole pipeline in minutes, to results-tiny/report.html
	@echo "Running the pipeline on config/tiny.yaml; products go to results-tiny/"
	$(SNAKEMAKE) --configfile config/tiny.yaml
	@echo "Report: $(CURDIR)/results-tiny/report.html"

test: .venv/.installed  ## every test but those of finished products
	@echo "Running the tests"
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile

products: tiny  ## tests of the products of the tiny run, and of some of what reruns when
	@echo "Testing the products in results-tiny/"
	GALERNE_PRODUCTS=results-tiny $(PY) -m pytest -q -m "not slow" tests/products

reruns: tiny  ## the same with every row of the table of what reruns when
	@echo "Testing every row of the table of reruns, and the products in results-tiny/"
	GALERNE_PRODUCTS=results-tiny $(PY) -m pytest -q tests/products

# Every test on a cluster; SLURM="slurm and not slow" leaves out those that wait for time limits.
SLURM ?= slurm
test-slurm: .venv/.installed  ## tests on a real Slurm cluster, started for them (root on Debian)
	@echo "Testing on Slurm clusters that are started for it"
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -m "$(SLURM)" -n 4 --dist loadfile tests/slurm

chaos: .venv/.installed  ## the tiny pipeline on such a cluster, something killed every few seconds
	@$(PY) -m tests.slurm.chaos $(CHAOS)

lint: .venv/.installed  ## style, import contracts, and the linter of the workflow
	@echo "Checking style, imports and workflow"
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/snakefmt --check Snakefile rules
	.venv/bin/lint-imports --no-cache
	$(SNAKEMAKE) --lint

bench: .venv/.installed  ## seconds and memory of the demo, and every speed comparison
	@echo "Comparing; rows go to results/bench.json"
	$(PY) -m bench results

doctor: .venv/.installed  ## what is missing for a run here; DOCTOR="--no-jobs --configfile ..."
	@$(PY) -m galerne.cluster.doctor $(DOCTOR)

clean-venv:  ## removes .venv
	rm -rf .venv
