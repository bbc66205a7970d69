# Two commands matter: `make demo` and `make test`. Both set up all they need.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 3
.DEFAULT_GOAL := help

.PHONY: help setup engine image vllm demo test check bench clean

help: ## what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/installed ## install the package and its tools into .venv

.venv/installed: pyproject.toml scripts/setup-python.sh
	@PYTHON="$(PYTHON)" sh scripts/setup-python.sh
	@touch $@

engine: ## make a Docker engine answer
	@sh scripts/ensure-docker.sh

image: setup engine ## the image in which sandboxes run
	@$(BIN)/python scripts/build_image.py

vllm: setup ## vLLM for the processor in .venv-vllm, with which the tests serve a small model
	@sh scripts/setup-vllm.sh > /dev/null

demo: setup engine ## the main job on a sample repository
	@$(BIN)/cwm-agent demo

# One rerun: a busy machine may miss a deadline of the engine's or of a terminal's; the summary counts what was rerun.
test: image vllm ## everything, against the real engine
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --reruns 1

check: setup ## formatting, lint, types, layers and the quick tests
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/architecture tests/unit

bench: setup engine ## measure what we claim, beside its peers; writes benchmarks/results
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@$(BIN)/python -m benchmarks

clean: ## remove what was set up here
	rm -rf .venv .venv-vllm .venv-vllm.lock dist build
