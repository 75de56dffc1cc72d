# Every target sets up what it needs: .venv from pyproject.toml and constraints.txt, models from their snapshots.
# PYTHON=... names the Python to build .venv with; PORT=... moves the service.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup models serve up down test docker-test sbom lint format train evaluate bench clean

VENV_PYTHON := .venv/bin/python
export PYTHON

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

setup: ## make .venv, or bring it up to date
	@sh deploy/setup.sh

models: setup ## make the TorchScript files of model_repository that are missing or made from other snapshots
	@$(VENV_PYTHON) -m deploy.models

serve: ## start Redis, the engine, workers and the API on http://127.0.0.1:8000 (PORT=... moves it); Ctrl-C ends all
	@python=$$(sh deploy/find_python.sh) && "$$python" -m deploy.preflight
	@sh deploy/setup.sh
	@exec $(VENV_PYTHON) -m deploy.serve

up: ## start the service in Docker containers and print an address (PROFILES=observability adds Prometheus and Grafana)
	@python=$$(sh deploy/find_python.sh) && "$$python" -m deploy.compose up

down: ## stop those containers; the volumes stay
	@python=$$(sh deploy/find_python.sh) && "$$python" -m deploy.compose down

test: setup ## run all tests on all cores, against a real Triton core and in a browser too (ARGS="tests/service -k decode" picks some)
	@$(VENV_PYTHON) -m tests.contract.fetch_triton
	@$(VENV_PYTHON) -m tests.service.proxies.fetch_nginx
	@$(VENV_PYTHON) -m tests.service.web.fetch_chromium
	@$(VENV_PYTHON) -m tests.deploy.fetch_tools
	@$(VENV_PYTHON) -m pytest -n auto --dist worksteal $(ARGS)

docker-test: setup ## build the images, bring them up, break them and look at them; ten minutes, needs root (CONTRIBUTING.md)
	@$(VENV_PYTHON) -m tests.docker $(ARGS)

sbom: ## list every package in the images as CycloneDX, into var/sbom
	@python=$$(sh deploy/find_python.sh) && "$$python" -m deploy.sbom

lint: setup ## check format, style, types and the import contracts
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: setup ## bring the code into the format that `make lint` checks
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

train: setup ## train: make train RECIPE=lafin_demo DATA=folder RUN=folder
	@$(VENV_PYTHON) -m training.train $(RECIPE) --data "$(DATA)" --run "$(RUN)" $(ARGS)

evaluate: setup ## measure a model: make evaluate ARGS="--help" lists what it takes
	@$(VENV_PYTHON) -m training.evaluate $(ARGS)

bench: models ## measure forward, engine and whole service in one run (ARGS="--requests 2000")
	@$(VENV_PYTHON) -m tests.bench $(ARGS)

clean: ## remove .venv, caches, made models and fetched test tools; never snapshots, runs or var
	rm -rf .venv .triton .nginx .tools build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf model_repository/*/1
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
