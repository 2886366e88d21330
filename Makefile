# Thaw Studio.  make run: the studio at http://localhost:8501    make test: lint, types and every test
# The rest: make lint, make bench, make clean.  Choose a Python with PYTHON=..., a port with PORT=...

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check --constraint .constraints.txt
PORT ?= 8501

.PHONY: run test lint bench clean

run: $(VENV)/installed
	@$(VENV)/bin/thaw ui --port $(PORT)

test: lint
	@$(PY) tests/chromium.py
	$(PY) -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed-test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright --pythonpath $(PY)

bench: $(VENV)/installed-test
	$(PY) -m pytest tests/bench --override-ini=python_files='bench_*.py' --override-ini=python_functions='bench_*' --capture=no --timeout=0

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis

# A stamp a set of packages: installed again only when what is asked for has changed.
$(VENV)/installed: pyproject.toml .constraints.txt | $(PY)
	@echo "Installing the studio. The first time this takes some minutes."
	@$(PIP) --editable .
	@touch $@

$(VENV)/installed-test: pyproject.toml .constraints.txt | $(PY)
	@echo "Installing the studio and what its tests need. The first time this takes some minutes."
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/installed

$(PY):
	@sh .ci/make-venv $(VENV)
