# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Needed: Python 3.11 or newer, make, and the package registry.

PYTHON ?= python3
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES) --rerun-incomplete --quiet host reason rules --show-failed-logs

.PHONY: help setup demo base base-llava test test-slurm slurm-packages test-faults fuzz lint format bench generated lock \
  clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/:/' | column -t -s:

setup: .venv/.installed  ## create .venv with the pinned packages

.venv/.installed: envs/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than Python 3.11 -> make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "setting up .venv (once, about two minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## run the main job on the miniature world and print its AP / AF table
	@$(SNAKEMAKE)
	@$(BIN)/continual-vqa summary --metrics results/demo/metrics/metrics.parquet \
	  --summary results/demo/metrics/summary.parquet \
	  --figures results/demo/figures --tables results/demo/tables \
	  --gallery results/demo/gallery.html

test: setup lint slurm-packages  ## lint, then all tests
	@$(BIN)/python -m pytest -n $(CORES) --dist worksteal

slurm-packages:
	@sh tests/slurm/install.sh

test-slurm: setup slurm-packages  ## run the profile slurm on a real cluster of four nodes on this machine (root, apt)
	@SLURM_TESTS=all $(BIN)/python -m pytest tests/slurm

test-faults: setup  ## kill, fill, flip and lock a running study at random; ends with a table (long; some need root)
	@rm -f .faults.json
	@FAULT_TESTS=all FAULT_TABLE=.faults.json $(BIN)/python -m pytest tests/faults
	@PYTHONPATH=tests FAULT_TABLE=.faults.json $(BIN)/python -m faults.record  # a whole run goes to docs/faults.md

# Seconds of fuzzing, shared out over all readers; starting each adds some ten seconds.
SECONDS ?= 600
FUZZ := .venv-fuzz/bin/python

fuzz: setup .venv-fuzz/.installed  ## fuzz every reader of files of others (make fuzz SECONDS=600)
	@PYTHONPATH=src:tests $(FUZZ) -m fuzz.run --seconds $(SECONDS)

.venv-fuzz/.installed: envs/fuzz.in
	@test -x $(FUZZ) || $(BIN)/python -m venv .venv-fuzz
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
	  "$$($(FUZZ) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth"
	@$(FUZZ) -m pip install --quiet --disable-pip-version-check -r envs/fuzz.in || \
	  echo "atheris cannot be installed here: files are mutated without it (tests/fuzz/mutation.py)"
	@touch $@

lint: setup  ## ruff, snakefmt, snakemake --lint, pyright
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/ruff format --no-cache --check --quiet .
	@$(BIN)/snakefmt --check Snakefile workflow 2>/dev/null || { $(BIN)/snakefmt --diff Snakefile workflow; exit 1; }
	@$(BIN)/snakemake --lint
	@$(BIN)/basedpyright --level error

format: setup  ## put code into the project's form
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet . ; $(BIN)/snakefmt Snakefile workflow

base: setup  ## make the miniature's base model again (config/bases/miniature), about 15 minutes
	@$(SNAKEMAKE) --configfile config/base.yaml -- results/base/base/model.safetensors
	@mkdir -p config/bases/miniature
	@cp results/base/base/config.json results/base/base/tokenizer.json results/base/base/model.safetensors \
	  config/bases/miniature/

base-llava: setup  ## make the miniature's LLaVA again (config/bases/miniature-llava), about 15 minutes
	@$(SNAKEMAKE) --configfile config/base-llava.yaml -- results/base-llava/base/model.safetensors
	@mkdir -p config/bases/miniature-llava
	@cp results/base-llava/base/config.json results/base-llava/base/tokenizer.json \
	  results/base-llava/base/model.safetensors config/bases/miniature-llava/

bench: setup  ## measure against the peers, side by side
	@$(BIN)/python -m benchmarks

generated: setup  ## write the files that are made from the code: config, schema, docs
	@$(BIN)/continual-vqa schema

lock:  ## resolve the newest fitting versions into envs/requirements.lock
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python -m pip install --quiet -r envs/requirements.in
	@.venv-lock/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > envs/requirements.lock
	@rm -rf .venv-lock

clean:  ## remove what the demo made; keeps .venv
	rm -rf results/demo .snakemake
