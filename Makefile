# make install   .venv with discmri and everything the tests need; on Debian as root a screen too
# make runtime   .venv with discmri and what it needs to run, nothing more
# make demo      the same, and measure every sample phantom into demo-out/
# make test      linters, types, import layers and all tests
# make coverage  all tests, and what they cover (half as long again)
# make fuzz      damaged files, 2000 cases of each kind (CASES=… for another number)
# make bench     accuracy, speed and memory, printed as tables
# make ohif      what OHIF shows of the DICOM objects (needs npm and chromium)
# make docs      the documentation site into build/site, every link checked
# make pictures  remake the pictures in docs/ (needs Chromium; those of OHIF after make ohif)
# make lint      only the quick checks
# make weights   remake the segmenter's weights from nothing (hours)
# make lock      remake requirements.lock and requirements-runtime.lock (needs uv)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
STAMP := $(VENV)/.installed
# Bytecode is made when a module is first used: a third of the time and a fifth of the space.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps
SAMPLES := $(wildcard sample_phantoms/*/study)

# Debian packages that the viewer's tests need: a screen without a monitor, and what Qt links to.
SCREEN := xvfb libegl1 libgl1 libgl1-mesa-dri libxkbcommon-x11-0 libdbus-1-3 libxcb-cursor0 \
  libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 \
  libxcb-xinerama0 libxcb-xfixes0 libfontconfig1 libglib2.0-0
# An archive that the tests send results to.
ARCHIVE := orthanc orthanc-dicomweb
INSTALL := [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends

.PHONY: install runtime demo test coverage fuzz bench docs pictures ohif lint screen archive weights lock clean

install: $(STAMP) screen

runtime: $(RUNTIME)

$(RUNTIME): requirements-runtime.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "discmri needs Python 3.11 or newer; call make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "this Python cannot make virtual environments; install its venv package (Debian: python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements-runtime.lock
	$(PIP) -e .
	@touch $(RUNTIME)

$(STAMP): $(RUNTIME) requirements.lock
	$(PIP) --require-hashes -r requirements.lock
	@touch $(STAMP)

demo: $(RUNTIME)
	@for study in $(SAMPLES); do \
	  name=$$(basename $$(dirname $$study)); \
	  echo "== $$name"; \
	  $(BIN)/discmri measure $$study -o demo-out/$$name --overwrite || exit 1; \
	done
	@echo "open demo-out/*/report.html"

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell src tests training benchmarks *.md

screen:
	@command -v Xvfb >/dev/null && PATH="$$PATH:/sbin" ldconfig -p | grep -q libxcb-cursor || \
	{ $(INSTALL) $(SCREEN) >/dev/null; } || \
	echo "the viewer's tests will be skipped; they need: $(SCREEN)" >&2

archive:
	@PATH="$$PATH:/usr/sbin" command -v Orthanc >/dev/null || { $(INSTALL) $(ARCHIVE) >/dev/null; } || \
	echo "tests with an archive will be skipped; they need: $(ARCHIVE)" >&2

# Python 3.12 and newer can count lines at almost no cost (sysmon).
test: lint screen archive
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

coverage: install
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 12))'; \
	then export COVERAGE_CORE=sysmon; fi; \
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=; status=$$?; \
	$(BIN)/python -m tests.covered; exit $$status

fuzz: install
	DISCMRI_FUZZ=$(or $(CASES),2000) $(BIN)/pytest tests/study/test_damage.py

bench: install
	$(BIN)/python -m benchmarks

ohif: install
	@command -v chromium >/dev/null || { $(INSTALL) chromium >/dev/null; }
	mkdir -p build/ohif
	test -d build/ohif/package || { cd build/ohif && npm pack --silent @ohif/app@3.13.2 && tar xzf *.tgz; }
	OHIF=build/ohif/package/dist $(BIN)/pytest -m ohif tests/pacs

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

pictures: install screen
	$(BIN)/python docs/_site/pictures.py

weights: install
	$(BIN)/python -m pip install --quiet torch==2.13.0 onnx onnxscript
	$(BIN)/python -m training.train training/runs/weights

lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra dev \
	  --generate-hashes --no-header -o requirements.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --constraint requirements.lock \
	  --generate-hashes --no-header -o requirements-runtime.lock

clean:
	rm -rf $(VENV) demo-out discmri-out build dist
