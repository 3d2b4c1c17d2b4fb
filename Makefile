# tox holds the environments; make only sees to it that tox is there.
PYTHON ?= python3
TOX := .tools/bin/tox
# Pythons that pyenv keeps are found as well as those on the PATH.
PYENV_ROOT ?= $(HOME)/.pyenv
PYTHONS := $(wildcard $(PYENV_ROOT)/versions/*/bin)
empty :=
export PATH := $(PATH):$(subst $(empty) $(empty),:,$(PYTHONS))

.PHONY: help demo test pythons coverage bench faults load fuzz mutation audit docs dist latest screenshot clean

help:
	@echo 'make demo    the plugin on a real cloud on this machine (KEEP=1 leaves it up)'
	@echo 'make test    everything that CI checks'
	@echo 'make pythons  the tests that need no cloud, on every Python here'
	@echo 'make coverage  what unit and cli tests leave out, branches included'
	@echo 'make bench   ours against the other clients, as ratios'
	@echo 'make fuzz    20,000 lies of a node, others each time'
	@echo 'make mutation  code broken on purpose: do the tests notice?'
	@echo 'make audit   known flaws in what this stands on'
	@echo 'make faults  faults on a real cloud, one at a time'
	@echo 'make load    a million entries: time and memory'
	@echo 'make docs    the manual, in doc/build/html'
	@echo 'make dist    an sdist and a wheel, tried in an empty environment, the demo included'
	@echo 'make latest  the tests with the newest of everything'
	@echo 'make screenshot  the picture of a report in the manual, with Chromium'
	@echo 'make clean   remove what all of these made'

demo: $(TOX)
	@$(TOX) run --quiet -e demo

# Two at a time; what an environment prints is shown when it fails.
test: $(TOX)
	$(TOX) run-parallel --parallel 2 --parallel-no-spinner

bench faults load fuzz mutation audit docs latest screenshot: $(TOX)
	$(TOX) run --quiet -e $@

pythons: $(TOX)
	$(TOX) run --skip-missing-interpreters true -e py311,py312,py313,py314

coverage: $(TOX)
	$(TOX) run --quiet -e branches

# With the demo, run from the wheel; `make test` goes without.
dist: $(TOX)
	$(TOX) run --quiet --notest -e cloud
	$(TOX) run --quiet -e dist -- --demo

$(TOX): constraints/test.txt
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet -c constraints/test.txt tox
	@touch $(TOX)

clean:
	rm -rf .tools .tox .eggs mutants build dist doc/build *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
