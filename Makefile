# `make help` lists the targets. Each does all the set-up it needs; a second run starts work at once.
SHELL := /bin/bash
PYTHON ?= python3
.DEFAULT_GOAL := help

# Files whose change needs a new colcon build; Python sources are linked, not copied.
BUILD_INPUTS := $(shell find src sim launch config -path 'launch/policy*/*' -o -name package.xml -o -name setup.py -o -name setup.cfg \
  -o -name CMakeLists.txt -o -name '*.msg' -o -name '*.srv' -o -name '*.launch.py' -o -name '*.yaml' -o -name '*.xml')
IN_ENV := source env.sh &&
STARTED := $(shell date +%s)

.PHONY: help setup play policy demo test test-long bench experiments twin conformance docs lint lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install Debian packages, the virtual environment, ROS 2; build. FRANKY=WHEEL: see docs/hardware.md; TORCH=cpu or cuda
	@$(PYTHON) setup/install.py $(if $(FRANKY),--franky '$(FRANKY)') $(if $(TORCH),--torch '$(TORCH)')
	@$(MAKE) --no-print-directory install/.built

install/.built: $(BUILD_INPUTS) .venv/.installed
	@$(IN_ENV) colcon build --symlink-install --event-handlers console_direct- desktop_notification- \
	  --base-paths src sim launch
	@touch $@

play: setup ## a small trained policy acts in the simulator, live on a page at 127.0.0.1
	@$(IN_ENV) irevla play

policy: setup ## make the shipped policy again from seed 0, with its card (ten minutes): launch/policy
	@$(IN_ENV) python -m irevla_bringup.play.policy --run runs/policy --output launch/policy

demo: setup ## demonstrations, stages 0, 1 and 2, evaluation after each, all over ROS; report in runs/demo
	@$(IN_ENV) python -m irevla_bringup.demo --output runs/demo --started $(STARTED)

test: setup ## run the tests of every package; prints the time of each
	@$(IN_ENV) setup/run_tests.sh 'not long'

test-long: setup ## run the tests that take minutes each, such as set-up beside a system ROS 2
	@$(IN_ENV) setup/run_tests.sh long

bench: setup ## measure the goals of docs/benchmarks.md; writes benchmarks/results
	@$(IN_ENV) python setup/side_environment.py peers
	@$(IN_ENV) python benchmarks/run.py

experiments: setup ## the paper's comparisons, small (hours; continues after a stop); docs/results/experiments.json
	@$(IN_ENV) python benchmarks/experiments/run.py

twin: setup ## the paper's real-robot experiment on the simulated Panda (hours, in real time; continues after a stop); docs/results/twin.json
	@$(IN_ENV) python benchmarks/experiments/twin.py

conformance: ## the real LeRobot and 24 families of VLMs (Python 3.12; 6 GB once); docs/results/conformance.json
	@$(PYTHON) setup/conformance.py
	@env -u PYTHONPATH -u LD_LIBRARY_PATH .conformance/bin/python benchmarks/conformance/run.py

docs: setup ## build the site of docs/, with a reference made from the sources, in .docs/site (Python 3.11 or newer)
	@$(IN_ENV) python setup/docs.py

lint: setup ## check style and types
	@$(IN_ENV) ruff check . && ruff format --check . && mypy

lock: setup ## resolve setup/*.in again into the lock files
	@$(IN_ENV) setup/lock.sh

clean: ## remove what was built and installed (runs/ stays)
	rm -rf .venv .conformance .docs .peers .franka-sim build install log
