# make demo    reconstruct a simulated scan that arrives over a socket; images in out/demo
#              SCAN=name or path takes a real scan instead
# make watch   a smaller scan, on a page in the browser until Ctrl-C
# make test    what proves it; ARGS="-k phase" goes to pytest. .ci/run also kills and installs
# make check   the inner loop, within a minute: style, types, imports and the quick tests
# make bench   the benchmarks, as ratios within one run
# make compare COMMIT=...  whole jobs of this checkout and of another commit in turn, 20 pairs
# make bench-qsm  QSM against truth, into docs/measurements/qsm.md
# make bench-faults  trials of every kind of fault, into docs/explanation/reliability.md, within an
#              hour on two processors; ARGS="--only A1 C14 --scale 0.05" runs a part
# make lint    style, types and the rules of dependence
# make docs    the site, in docs/_build
# make smoke   the wheel in a new environment of PYTHON
# make clean   remove what these targets made

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo watch ready test check bench compare bench-qsm bench-faults lint docs smoke clean
.DELETE_ON_ERROR:

demo: .venv/.product
	$(BIN)/python scripts/demo.py --output out/demo $(if $(SCAN),--scan "$(SCAN)")

watch: .venv/.product
	$(BIN)/python scripts/demo.py --watch --output out/watch $(if $(SCAN),--scan "$(SCAN)")

# Of make test and make check, which run beside other work; .ci/run has all processors.
THREADS ?= 1

# A file's tests stay together: they share its scans and services.
TWO := -n 2 --dist loadfile

ready: .venv/.test
	scripts/install-debian-tools.sh
	scripts/install-node-tools.sh

test: ready
	STREAMRECON_THREADS=$(THREADS) $(BIN)/python -m pytest $(TWO) -m "not long" $(ARGS)

# Functions of arrays and bytes; what starts a service, draws a scan or reads a real one is in make test.
QUICK := $(addprefix tests/,mrd phase recon maps stream storage output) \
  $(addprefix tests/test_,fourier.py xml.py words.py assertions.py)

check: lint
	STREAMRECON_THREADS=$(THREADS) $(BIN)/python -m pytest -q $(TWO) \
	  -m "not long and not slow and not shared" $(QUICK) $(ARGS)

# Phantoms, or BART, and minutes of their own.
APART := benchmarks/bench_qsm.py benchmarks/bench_parallel.py benchmarks/bench_faults.py \
  benchmarks/bench_memory.py benchmarks/bench_given_field.py

bench: .venv/.test
	@set -e; for file in $(filter-out $(APART),$(wildcard benchmarks/bench_*.py)); do \
	  echo "== $$file"; $(BIN)/python $$file; done

compare: .venv/.test
	$(BIN)/python benchmarks/compare.py $(COMMIT)

# Makes the phantoms where they are not there yet, then the tables of docs/measurements/qsm.md; takes long.
PHANTOMS ?= build/phantoms
MAKE_PHANTOM ?= ../shared/tools/head_phantom.py

bench-qsm: .venv/.test
	$(INSTALL) -e '.[qsm]'
	scripts/make_phantoms.sh $(BIN)/python "$(MAKE_PHANTOM)" "$(PHANTOMS)"
	( $(BIN)/python benchmarks/bench_qsm_goals.py "$(PHANTOMS)" && \
	  $(BIN)/python benchmarks/bench_qsm.py "$(PHANTOMS)" && \
	  $(BIN)/python benchmarks/bench_qsm_classes.py "$(PHANTOMS)" && \
	  $(BIN)/python benchmarks/bench_qsm_limits.py "$(PHANTOMS)" && \
	  $(BIN)/python benchmarks/bench_given_field.py ) | \
	  $(BIN)/python scripts/fill_tables.py docs/measurements/qsm.md --some

TRIALS := tests:tests/faults:tests/endtoend:tests/gadgets:tests/dicom:tests/server:tests/mrd:tests/output:tests/storage

bench-faults: .venv/.test
	PYTHONPATH=$(TRIALS) STREAMRECON_THREADS=1 $(BIN)/python benchmarks/bench_faults.py \
	  --write docs/explanation/reliability.md $(ARGS)

lint: .venv/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.docs
	$(BIN)/python scripts/write_reference.py docs/reference/generated
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build

smoke:
	scripts/smoke.sh $(PYTHON)

clean:
	rm -rf .venv out build dist docs/_build docs/reference/generated *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
	  .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# One stamp per set of packages, so that a second call installs nothing.

.venv/.product: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) -e '.[web]'
	touch $@

.venv/.test: .venv/.product
	$(INSTALL) -e '.[test]'
	touch $@

.venv/.lint: .venv/.test
	$(INSTALL) -e '.[test,lint]'
	touch $@

.venv/.docs: .venv/.product
	$(INSTALL) -e '.[docs]'
	touch $@
