# `make demo` and `make test` need nothing but Python 3.11 or newer: they make their own environment in .venv.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint docs wheel bench decoder viewer-assets native conformance golden-aarch64 golden-generic clean

demo: $(VENV)/.demo
	$(RUN) -m benchmarks.demo

# with kernels that all processes share, compiled first; in the order that tests/conftest.py gives files
test: $(VENV)/.test viewer-assets
	$(RUN) -m voxz warm
	$(RUN) -m pytest -n logical --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

docs: export NO_MKDOCS_2_WARNING = 1
docs: $(VENV)/.docs
	$(RUN) -m mkdocs build --strict --quiet
	@echo "build/site/index.html"

# carries the decoder for pages
wheel: $(VENV)/.test viewer-assets
	$(RUN) -m build --wheel

bench: $(VENV)/.demo
	@test -n "$(DATA)" || { echo "make bench DATA=folder with .nii.gz files"; exit 2; }
	$(RUN) -m benchmarks lossless $(DATA)

# the decoder in C: libraries and the command build/decoder/voxz-decode, and the JavaScript package build/decoder/js;
# by the C compiler of this machine, or by zig, which builds the package in any case
decoder: $(VENV)/.zig
	$(MAKE) --no-print-directory -C decoder all js ZIG="$(abspath $(RUN)) -m ziglang" \
	  $(if $(shell command -v $(CC)),,CC="$(abspath $(RUN)) -m ziglang cc" AR="$(abspath $(RUN)) -m ziglang ar")

# the decoder for the pages of the viewer: JavaScript and WebAssembly, with vector instructions and without
ASSETS := src/voxz/viewer/assets
viewer-assets: $(VENV)/.zig
	$(MAKE) --no-print-directory -C decoder js ZIG="$(abspath $(RUN)) -m ziglang"
	mkdir -p $(ASSETS)
	cp build/decoder/js/voxz.js build/decoder/js/voxz.wasm build/decoder/js/voxz-plain.wasm $(ASSETS)

# the decoder for VOXZ_DECODER=c, into this checkout, for this very processor where the compiler knows how to say that
TUNED = $(shell $(CC) -march=native -x c -c -o /dev/null /dev/null 2>/dev/null && echo -march=native)
native:
	$(MAKE) --no-print-directory -C decoder all OUT=../build/native CFLAGS="-O3 $(TUNED)"
	cp build/native/libvoxz.so src/voxz/codecs/

# every golden file, decoded by this package and by the decoder in C: a table, and one line
conformance: decoder $(VENV)/.test
	$(RUN) -m benchmarks.conformance

# every golden file, decoded on an emulated aarch64 by kernels compiled for it (Debian or Ubuntu; installs what it needs)
golden-aarch64:
	PYTHON=$(PYTHON) .ci/golden-aarch64

# the same with kernels compiled for any x86-64 instead of this one
golden-generic: export NUMBA_CPU_NAME = generic
golden-generic: export VOXZ_CACHE_DIR = build/kernels-generic
golden-generic: $(VENV)/.test
	$(RUN) benchmarks/golden.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e '.[bench]'
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -c constraints.txt -e '.[test]'
	touch $@

$(VENV)/.zig: | $(VENV)/bin/python
	$(PIP) 'ziglang>=0.13' || { echo "zig, the compiler for WebAssembly, is not to be had: connect to PyPI, or put a wheel of ziglang where pip finds it (PIP_FIND_LINKS); 'make native' needs none"; exit 2; }
	touch $@

$(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) build dist
