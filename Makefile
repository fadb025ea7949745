## make lab               open the course in JupyterLab
## make test              run the tests; these two set up .venv first
PYTHON ?= python3
VENV ?= .venv
LAB_ARGS ?=
TEST_ARGS ?=
NAMES ?=
DATA ?=
ARGS ?=

# How notebooks are run: on the simulated session, and with one thread for each of two workers,
# since on two cores more only wait for each other.
NBVAL = OMP_NUM_THREADS=1 NMA_SEQ2SEQ_DATA=simulated
NBVAL_ARGS = pytest -n 2 --dist loadfile --nbval-lax --nbval-cell-timeout=300 --nbval-current-env

BENCHMARKS = bench-latents bench-load bench-model bench-notebooks bench-twin

.PHONY: help lab test mypy test-class test-colab test-binder build check-notebooks $(BENCHMARKS)

help:
	@sed -n 's/^## //p' Makefile

lab: $(VENV)/.installed
	$(VENV)/bin/jupyter lab $(LAB_ARGS) README.md

test: export OMP_NUM_THREADS = 1
test: $(VENV)/.installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/python -m pytest -n 2 --maxschedchunk 1 -m "not slow" $(TEST_ARGS)
	$(NBVAL) $(VENV)/bin/python -m $(NBVAL_ARGS) $(TEST_ARGS) solutions tutorials

## make mypy              check the package's types
mypy: $(VENV)/.installed
	$(VENV)/bin/mypy

## make build NAMES=05    notebooks from solutions/*.py, 05 or all; ARGS=--force runs also what is
##                        as it was
build: $(VENV)/.installed
	$(VENV)/bin/python -m tools.build $(NAMES) $(ARGS)

## make check-notebooks   what in the notebooks is not as the sources have it
check-notebooks: $(VENV)/.installed
	$(VENV)/bin/python -m tools.build --check $(NAMES)

## make bench-model       what the course claims, measured; DATA=FILE has recorded sessions. And
##                        bench-latents, bench-load, bench-notebooks, bench-twin; ARGS=--help
$(BENCHMARKS): bench-%: $(VENV)/.installed
	$(VENV)/bin/python -m benchmarks.$* $(if $(DATA),--data "$(DATA)") $(ARGS)

## make test-class        grade a class that does everything wrong, and run every tutorial on wrong
##                        answers all along
test-class: export OMP_NUM_THREADS = 1
test-class: $(VENV)/.installed
	$(VENV)/bin/python -m pytest -n 2 --maxschedchunk 1 -m slow

## make test-colab        the course in an environment like Colab's: installing it changes no
##                        version there, and every notebook runs
test-colab: $(VENV)/.installed
	$(PYTHON) -m venv --clear .venv-colab
	.venv-colab/bin/python -m pip install --requirement tests/colab.txt
	.venv-colab/bin/python -m pip freeze > .venv-colab/before
	rm -rf build/wheel
	$(VENV)/bin/python -m pip wheel --no-deps --wheel-dir build/wheel .
	.venv-colab/bin/python -m pip install build/wheel/*.whl
	.venv-colab/bin/python -m pip freeze > .venv-colab/after
	@! grep --invert-match --line-regexp --fixed-strings --file .venv-colab/after \
		.venv-colab/before || { echo "Installing the course changes these versions."; exit 1; }
	.venv-colab/bin/python -m pytest tests/test_widgets.py
	$(NBVAL) .venv-colab/bin/python -m $(NBVAL_ARGS) solutions tutorials

## make test-binder       what Binder builds, without Docker: its files are read, followed in a
##                        fresh environment, and every tutorial runs in what the gigabyte of memory
##                        leaves beside JupyterLab (90 MB)
test-binder: $(VENV)/.installed
	$(PYTHON) -m venv --clear .venv-binder
	.venv-binder/bin/python -m pip install jupyterlab jupyter-repo2docker
	.venv-binder/bin/jupyter-repo2docker --no-build --debug . > .venv-binder/Dockerfile 2>&1
	grep --quiet postBuild .venv-binder/Dockerfile
	PIP_RETRIES=1 .venv-binder/bin/python -m pip install --requirement binder/requirements.txt
	PATH="$(CURDIR)/.venv-binder/bin:$$PATH" binder/postBuild
	cd .venv-binder && bin/nma-seq2seq grade ../tutorials --memory 900 --timeout 300

# The stamp is made last, so an interrupted set-up starts anew.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --constraint constraints.txt --editable '.[test]'
	touch $@
