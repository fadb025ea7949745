# make lab: open the course in JupyterLab. make test: run every test. Both set up .venv first.
PYTHON ?= python3
VENV ?= .venv
LAB_ARGS ?=
TEST_ARGS ?=

.PHONY: lab test

lab: $(VENV)/.installed
	$(VENV)/bin/jupyter lab $(LAB_ARGS) README.md

# One thread each for the two workers: on two cores more only wait for each other.
test: export OMP_NUM_THREADS = 1
test: $(VENV)/.installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal $(TEST_ARGS)
	NMA_SEQ2SEQ_DATA=simulated $(VENV)/bin/python -m pytest -n 2 --dist loadfile \
		--nbval-lax --nbval-cell-timeout=300 --nbval-current-env $(TEST_ARGS) solutions tutorials

# The stamp is made last, so an interrupted set-up starts anew.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --constraint constraints.txt --editable '.[test]'
	touch $@
