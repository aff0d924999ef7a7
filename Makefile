# Everything below sets itself up: Python 3.11 to 3.13 and make are all it takes.
PYTHON ?= python3
PACK ?= pack
OUT ?= runs/gpu
MINUTES ?= 9
SITE ?= site
BIN := .venv/bin
TESTS := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder
.DEFAULT_GOAL := help
.PHONY: help setup serve test test-long corpus fuzz soak cluster-test bench gpu-pack gpu gpu-rehearsal large trainings documents export-test web web-test lint format clean

help: ## show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,formats]'
	@touch $@

setup: .venv/.ready ## install everything into .venv

serve: .venv/.ready ## serve the page (HOST=… PORT=… change the address)
	exec env $(if $(HOST),DYNAMICNET_HOST=$(HOST)) $(if $(PORT),DYNAMICNET_PORT=$(PORT)) $(BIN)/python -m server

test: .venv/.ready ## run the tests but the long ones
	$(TESTS) --numprocesses 4

test-long: .venv/.ready ## run those that take seven seconds and more (minutes)
	$(TESTS) --numprocesses 3 -m long

fuzz: .venv/.ready ## send 50,000 pieces of nonsense while decoders die, and check the OpenAPI document (minutes)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python -m pytest -s -m slow tests/test_fuzz.py

corpus: .venv/.ready ## make picture files of every kind, and print how they come out
	$(BIN)/python tests/corpus.py

soak: .venv/.ready ## half an hour of 64 clients doing everything at once (SOAK_MINUTES=…)
	$(BIN)/python -m pytest -s -m slow tests/test_soak.py

cluster-test: .venv/.ready ## a Ray cluster on this machine, which loses a replica under load
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cluster]'
	$(BIN)/python -m pytest -s -m slow tests/test_cluster.py

bench: .venv/.ready ## measure ours beside its peers, in one table
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m bench

gpu-pack: .venv/.ready ## pack what make gpu needs from DATA=… into PACK=… (docs/gpu.md)
	$(BIN)/python -m gpu.pack $(DATA) $(PACK) $(if $(THERE),--there $(THERE))

gpu: ## where there is a GPU and no network: PIECE=tests, soak, bench or train, from PACK=… to OUT=…, in MINUTES=…
	$(PYTHON) -m gpu $(PIECE) --pack $(PACK) --out $(OUT) --minutes $(MINUTES) --more="$(MORE)"

gpu-rehearsal: .venv/.ready ## every piece of make gpu on the CPU, with sizes that measure nothing (minutes)
	$(BIN)/python -m pytest -s -m slow tests/test_gpu.py

large: .venv/.ready ## paint and mend a photograph of 24 megapixels through a server (MEGAPIXELS=…, a minute)
	$(BIN)/python -m pytest -s -m slow tests/test_large.py

trainings: .venv/.ready ## train and compare what takes too long for make test, very small (minutes)
	$(BIN)/python -m pytest -s -m slow tests/test_completion.py tests/test_distil.py tests/test_restoration_measured.py tests/test_training.py

export-test: .venv/.ready ## export every shipped model, and compare it in ONNX Runtime and OpenVINO (minutes)
	$(BIN)/python -m pytest -s -m slow tests/test_export.py

web/node_modules/.ready: web/package.json web/package-lock.json
	npm ci --prefix web --ignore-scripts --no-audit --no-fund
	@touch $@

web: .venv/.ready web/node_modules/.ready ## the page without a server, as files in SITE=… (MODELS='…')
	$(BIN)/python -m web $(SITE) $(MODELS)

web-test: .venv/.ready web/node_modules/.ready ## compare what that page shows with what the server does (minutes)
	$(BIN)/python -m pytest -s -m slow tests/test_web.py

documents: .venv/.ready ## do what docs/extending.md works through
	$(BIN)/python -m pytest -s -m slow tests/test_documents.py

lint: .venv/.ready ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.ready ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the environment and caches
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
