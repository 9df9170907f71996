# Two commands on a fresh machine: `make demo` and `make test`. Needs Python 3.11+, pip and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CORE   := $(VENV)/.core
DEV    := $(VENV)/.dev
WEB    := $(VENV)/.web
DEEP   := $(VENV)/.deep
SHOWN  := $(patsubst %,build/%,$(wildcard examples/*.ipynb))  # the examples with what they show

.DELETE_ON_ERROR:

.PHONY: demo serve browser test test-deep test-wheel soak check schema docs notebooks bench bench-small clean

demo: $(CORE)  ## map water, land cover and ice of samples and say where the reports are
	$(BIN)/obriy demo

serve: $(WEB)  ## open the page on this machine
	$(BIN)/obriy serve

browser:  ## what tests of the page look with, where it is missing and can be installed
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } || \
	  echo "no browser: the tests of the page will skip"
	@mkdir -p $(VENV)/axe; ls $(VENV)/axe/*.tgz >/dev/null 2>&1 || ! command -v npm >/dev/null || \
	  npm pack --silent --pack-destination $(VENV)/axe axe-core@4 || echo "no axe-core: its test will skip"

test: $(DEV)  ## every test but those of the extra `deep`
	$(BIN)/python -m pytest -q -n auto

test-deep: $(DEEP)  ## those of the extra `deep` (torch: some gigabytes)
	$(BIN)/python -m pytest -q tests/test_nets.py tests/test_deep_*.py

test-wheel: $(DEV)  ## build the wheel, install it into an environment of its own, run it there
	$(BIN)/python -m pytest -q tests/wheel.py

soak: $(DEV)  ## a season over a network that fails in every way; some minutes
	$(BIN)/python -m tests.soak

check: $(DEV)  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

schema: $(CORE)  ## write docs/result.schema.json from the code
	$(BIN)/python -m obriy.runs.result_file > docs/result.schema.json

docs: $(DEV) $(SHOWN)  ## the documentation as a site, into site/; runs examples not run yet; fails on a broken link
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

notebooks: $(DEV)  ## run the examples, all of them; build/examples/ keeps what they show, `make docs` prints it
	$(BIN)/python -m pytest -q tests/test_notebook.py -k example

build/examples/%.ipynb: examples/%.ipynb | $(DEV)
	$(BIN)/python -m pytest -q "tests/test_notebook.py::test_example_notebooks_run[$*]"

bench: $(DEV)  ## measure; nothing is asserted
	$(BIN)/python benchmarks/ratios.py
	$(BIN)/python benchmarks/series.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/cluster.py
	$(BIN)/python benchmarks/mosaic.py
	$(BIN)/python benchmarks/full_tile.py
	$(BIN)/python benchmarks/listing.py
	$(BIN)/python benchmarks/water_methods.py
	$(BIN)/python benchmarks/area_error.py quick
	PYTHONPATH=. $(BIN)/python benchmarks/page.py

bench-small: $(DEV)  ## jobs against their floor on a small tile: prints ratios
	$(BIN)/python benchmarks/ratios.py --small

clean:
	rm -rf $(VENV) obriy-demo build site

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(CORE): pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(WEB): pyproject.toml $(CORE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[web]'
	touch $@

$(DEV): pyproject.toml $(CORE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(DEEP): pyproject.toml $(CORE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,deep]'
	touch $@
