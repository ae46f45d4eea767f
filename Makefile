# `make demo` or `make test` on a fresh clone do their own set-up; run again, they start at once.
# LANE=current has environments of its own with the newest TensorFlow, one for each Python; LANE_PYTHON=3.13 names one.
LANE = pinned
LANE_PYTHON =
ifeq ($(LANE),current)
VENV = .venv-current$(LANE_PYTHON:%=-%)
LOCK = current
else ifeq ($(LANE),pinned)
VENV = .venv
LOCK = library
else
$(error Expected LANE=pinned or LANE=current. Received LANE=$(LANE))
endif
PYTHON = $(VENV)/bin/python
READY = $(VENV)/.ready
READY_PIPELINE = .venv/.ready-pipeline
READY_DOCS = .venv-docs/.ready

.PHONY: help setup setup-pipeline demo pipeline reproduce test test-quick test-slow test-lanes bench figures docs docs-check lint format package locks clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

setup: $(READY)  ## find or get Python 3.10, make .venv, install the locked packages (LANE=current, which test takes as well: the newest TensorFlow)

demo: $(READY)  ## train LooC and MoCo on the generated set and write runs/demo/report.html (an interrupted one goes on, a finished one is moved aside)
	@if [ -e runs/demo/report.html ] || { [ -e runs/demo ] && [ ! -e runs/demo/demo.json ]; }; then \
		mv runs/demo "runs/demo-$$(date -r runs/demo +%Y%m%d-%H%M%S)"; \
	fi
	@$(VENV)/bin/looc demo --out runs/demo

setup-pipeline: $(READY_PIPELINE)  ## the same with TFX, which the pipeline and its tests need

pipeline: $(READY_PIPELINE)  ## run the TFX pipeline on the generated set into runs/pipeline and ask the pushed model
	@.venv/bin/looc pipeline run --config factors/looc --data factors --root runs/pipeline --set training.steps=600
	@.venv/bin/looc pipeline serve-check runs/pipeline

reproduce: $(READY)  ## make every table of the paper on the generated set with one seed, into runs/reproduce; goes on where it stopped
	@$(VENV)/bin/looc reproduce all --seeds 1 --out runs/reproduce

test: $(READY)  ## the default tests, in two processes
	@$(PYTHON) -m pytest -m "not slow" --numprocesses 2

QUICK = augment losses objectives methods models test_config.py test_optim.py test_spaces.py test_views.py test_batches.py \
	test_train.py test_checkpoints.py test_export.py test_keras2.py
test-quick: $(READY)  ## their core alone: configs, views, networks, losses, methods, a training, an export
	@$(PYTHON) -m pytest -m "not slow" --numprocesses 2 $(addprefix tests/,$(QUICK))

test-slow: $(READY)  ## whatever takes longer: more than a second, or minutes of training
	@$(PYTHON) -m pytest -m slow --numprocesses 2 --ignore tests/slow
	@$(PYTHON) -m pytest -m slow tests/slow

test-lanes: $(READY)  ## what the pinned lane writes the current one reads, and the other way round; set both up first
	@$(PYTHON) -m pytest tests/slow/test_lanes.py

bench: $(READY)  ## measure speed and size, one table; wants a quiet machine
	@$(PYTHON) -m benchmarks

figures: $(READY)  ## draw the views of each method for docs/methods.md again
	@$(PYTHON) scripts/figures.py

docs: $(READY_DOCS)  ## build the documentation site into runs/site; an environment of its own, .venv-docs
	@NO_MKDOCS_2_WARNING=true .venv-docs/bin/mkdocs build --strict --quiet

docs-check: docs $(READY)  ## and look at every page of it in Chromium, where there is one
	@$(PYTHON) -m pytest tests/test_site_in_a_browser.py
	@echo "The site is in runs/site. Look at it: python3 -m http.server --directory runs/site"

lint: $(READY)  ## ruff (rules and layout) and mypy
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy looc_tf pipeline benchmarks

format: $(READY)  ## let ruff lay out the code
	@$(PYTHON) -m ruff check --fix-only --quiet .
	@$(PYTHON) -m ruff format .

package: $(READY)  ## build dist/, install the wheel alone into an empty environment and try it there
	@$(PYTHON) scripts/package.py

locks:  ## resolve requirements/*.in again; needs uv on the PATH
	requirements/resolve

clean:  ## remove the environment and everything that is generated, but not runs/
	rm -rf .venv .venv-docs .venv-current* .bootstrap build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): PART = $(LOCK) $(LANE_PYTHON)
$(READY): setup.py requirements/$(LOCK).lock scripts/bootstrap.py
	@$(bootstrap)

$(READY_PIPELINE): PART = pipeline
$(READY_PIPELINE): setup.py requirements/pipeline.lock scripts/bootstrap.py
	@$(bootstrap)

$(READY_DOCS): PART = docs
$(READY_DOCS): requirements/docs.lock scripts/bootstrap.py
	@$(bootstrap)

define bootstrap
for python in python3 python python3.12 python3.11 python3.10 python3.9 /usr/bin/python3; do \
		if $$python -c "import sys; sys.exit(sys.version_info < (3, 6))" 2>/dev/null; then \
			exec $$python scripts/bootstrap.py $(PART); \
		fi; \
	done; \
	echo "looc: no working Python was found. Install any Python 3 and run make again." >&2; exit 2
endef
