# tox builds and runs the environments; make installs tox, and uv for it.
PYTHON ?= python3
TOX := .tools/bin/tox
# tox also finds the Pythons that pyenv installed. They come first: it takes a
# second to find that a program of pyenv has no selected version.
PYENV_ROOT ?= $(HOME)/.pyenv
PYTHONS := $(wildcard $(PYENV_ROOT)/versions/3.*/bin)
empty :=
FIRST := $(subst $(empty) $(empty),,$(PYTHONS:=:))
RUN_TOX := PATH="$(FIRST)$$PATH:$(CURDIR)/.tools/bin" $(TOX)

.PHONY: help demo demo-environments test pythons coverage bench faults load soak fuzz mutation audit docs dist latest screenshot clean

help:
	@echo 'make demo        Show the plugin on a real cloud on this machine (KEEP=1 keeps the cloud running)'
	@echo 'make test        Run everything that CI checks'
	@echo 'make pythons     Run the tests that require no cloud on every installed Python'
	@echo 'make coverage    List the lines and branches that these tests do not cover'
	@echo 'make bench       Compare this plugin with the other clients, as ratios'
	@echo 'make fuzz        Send 20,000 random malformed responses and texts to the plugin'
	@echo 'make mutation    Change the code, one place at a time, to check its tests'
	@echo 'make audit       Search for known vulnerabilities of the dependencies'
	@echo 'make faults      Cause faults in a real cloud, one at a time'
	@echo 'make load        Measure time and memory with up to a million entries'
	@echo 'make soak        Run commands for two hours on 300 simulated nodes with random faults'
	@echo 'make docs        Build the manual in doc/build/html'
	@echo 'make dist        Build an sdist and a wheel, install them in an empty environment, run the demo'
	@echo 'make latest      Run the tests with the newest version of every dependency'
	@echo 'make screenshot  Draw the picture of a report in the manual, with Chromium'
	@echo 'make clean       Remove all files that these commands create'

# The output of the preparation is shown only if it fails. The trap makes the
# shell wait after Ctrl-C, so that nothing is still running when make ends.
demo:
	@echo 'Preparing the environments (a few minutes the first time)…' >&2
	@trap 'exit 130' INT; mkdir -p .tox; \
	$(MAKE) --no-print-directory demo-environments >.tox/demo.log 2>&1 \
	|| { code=$$?; cat .tox/demo.log >&2; exit $$code; }
	@$(RUN_TOX) run -qq --colored no --skip-pkg-install -e demo -x testenv:demo.commands_pre=

demo-environments: $(TOX)
	$(RUN_TOX) run --notest --skip-missing-interpreters false -e cloud,demo

# Two environments at a time. The output of an environment is shown only if it
# fails. The services' environments are among them, so that functional need not
# build them.
test: $(TOX)
	$(RUN_TOX) run-parallel --parallel 2 --parallel-no-spinner -x testenv:functional.commands_pre=

bench faults load soak fuzz mutation audit docs latest screenshot: $(TOX)
	$(RUN_TOX) run --quiet -e $@

pythons: $(TOX)
	$(RUN_TOX) run --skip-missing-interpreters true -e py311,py312,py313,py314

coverage: $(TOX)
	$(RUN_TOX) run --quiet -e branches

# This also runs the demo from the wheel; `make test` does not.
dist: $(TOX)
	$(RUN_TOX) run --quiet --notest -e cloud
	$(RUN_TOX) run --quiet -e dist -- --demo

$(TOX): constraints/test.txt
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet -c constraints/test.txt tox uv
	@touch $(TOX)

clean:
	rm -rf .tools .tox .eggs mutants build dist doc/build *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
