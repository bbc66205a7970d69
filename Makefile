PY := .venv/bin/python

check: ## lint, types, layers
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	$(PY) -m pytest tests/unit tests/architecture

.PHONY: check
