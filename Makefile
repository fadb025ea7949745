## make lab               open the course in JupyterLab
## make test              run the tests; these two set up .venv first
PYTHON ?= python3
VENV ?= .venv
# Where an environment has its commands; on Windows, make runs in Git's bash.
bin = $(1)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN = $(call bin,$(VENV))
LAB_ARGS ?=
TEST_ARGS ?=
NAMES ?=
DATA ?=
ARGS ?=

# How notebooks are run: on the simulated session, and with one thread for each of two workers,
# since on two cores more only wait for each other.
NBVAL = OMP_NUM_THREADS=1 NMA_SEQ2SEQ_DATA=simulated
NBVAL_ARGS = pytest -n 2 --dist loadfile --nbval-lax --nbval-cell-timeout=300 --nbval-current-env

BENCHMARKS = bench-before bench-grading bench-known bench-latents bench-load bench-model \
	bench-notebooks bench-recipe bench-speed bench-spike_times bench-twin

.PHONY: help lab test quick verdicts mypy test-class test-floors test-colab test-binder build \
	check-notebooks site $(BENCHMARKS)

help:
	@sed -n 's/^## //p' Makefile

lab: $(VENV)/.installed
	$(BIN)/jupyter lab --ServerApp.root_dir=. $(LAB_ARGS) tutorials/01_data_exploration.ipynb

test: export OMP_NUM_THREADS = 1
test: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --maxschedchunk 1 -m "not slow" $(TEST_ARGS)
	$(NBVAL) $(BIN)/python -m $(NBVAL_ARGS) $(TEST_ARGS) solutions tutorials

## make quick             the linter and the tests of the data and the baselines: half a minute
QUICK = baselines dataset metrics region_maps session spike_times steinmetz
quick: export OMP_NUM_THREADS = 1
quick: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 $(QUICK:%=tests/test_%.py)

## make verdicts          how many answers the exercises' checks judge rightly; NAMES="5.1 5.3"
verdicts: export OMP_NUM_THREADS = 1
verdicts: $(VENV)/.installed
	$(BIN)/python -m tests.exercise_answers $(NAMES)

## make mypy              check the package's types
mypy: $(VENV)/.installed
	$(BIN)/mypy

## make build NAMES=05    notebooks from solutions/*.py, 05 or all; ARGS=--force runs also what is
##                        as it was
build: $(VENV)/.installed
	$(BIN)/python -m tools.build $(NAMES) $(ARGS)

## make check-notebooks   what in the notebooks is not as the sources have it
check-notebooks: $(VENV)/.installed
	$(BIN)/python -m tools.build --check $(NAMES)

## make site              the website in build/site; outputs are those of the built notebooks, and a
##                        warning or a link that leads nowhere is an error
site: $(VENV)/.site
	rm -rf docs/notebooks docs/generated docs/handouts build/site
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html docs build/site
	$(BIN)/python -m tools.links build/site

## make bench-model       what the course claims, measured; DATA=FILE has recorded sessions. And
##                        bench-before, bench-grading (a class on a busy machine), bench-known,
##                        bench-latents, bench-load, bench-notebooks, bench-recipe, bench-speed,
##                        bench-spike_times, bench-twin; ARGS=--help
$(BENCHMARKS): bench-%: $(VENV)/.installed
	$(BIN)/python -m benchmarks.$* $(if $(DATA),--data "$(DATA)") $(ARGS)

## make test-class        grade a class that does everything wrong, run every tutorial on wrong
##                        answers all along, and see on three simulated mice what "you should see"
test-class: export OMP_NUM_THREADS = 1
test-class: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --maxschedchunk 1 -m slow

## make test-floors       the tests, and one notebook, with the lowest versions that pyproject.toml
##                        allows; but torch as ever, since a second one is gigabytes
test-floors: export OMP_NUM_THREADS = 1
test-floors: $(VENV)/.installed
	$(PYTHON) -m venv --clear .venv-floors
	mkdir -p build
	$(BIN)/python -m tools.floors > build/floors.txt
	$(call bin,.venv-floors)/python -m pip install --constraint build/floors.txt --editable '.[test]'
	touch .venv-floors/.installed  # so that a test's own make leaves the versions as they are
	$(call bin,.venv-floors)/python -m pytest -n 2 --maxschedchunk 1 -m "not slow"
	$(NBVAL) $(call bin,.venv-floors)/python -m $(NBVAL_ARGS) solutions/05_poisson_loss.ipynb

## make test-colab        the course in an environment like Colab's: installing it changes no
##                        version there, and every notebook runs
test-colab: $(VENV)/.installed
	$(PYTHON) -m venv --clear .venv-colab
	$(call bin,.venv-colab)/python -m pip install --requirement tests/colab.txt
	$(call bin,.venv-colab)/python -m pip freeze > .venv-colab/before
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --no-deps --wheel-dir build/wheel .
	$(call bin,.venv-colab)/python -m pip install build/wheel/*.whl
	$(call bin,.venv-colab)/python -m pip freeze > .venv-colab/after
	@! grep --invert-match --line-regexp --fixed-strings --file .venv-colab/after \
		.venv-colab/before || { echo "Installing the course changes these versions."; exit 1; }
	$(call bin,.venv-colab)/python -m pytest tests/test_widgets.py
	$(NBVAL) $(call bin,.venv-colab)/python -m $(NBVAL_ARGS) solutions tutorials

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
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[test]'
	touch $@

$(VENV)/.site: $(VENV)/.installed
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[site]'
	touch $@
