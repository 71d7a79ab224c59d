# Gramme's commands. The first of them makes the environment in .venv from requirements.lock.

PYTHON ?= python3.11
PYTEST_ARGS ?= -m "not crash and not root"
PARALLEL ?= -n 3 --dist loadfile
STAMP := .venv/.made

.PHONY: run test chaos chaos-nightly setup lint audit lock clean

run: setup
	@.venv/bin/gramme run $(ARGS)

# Three processes, each with servers of its own; PARALLEL= runs one test after the other.
test: setup
	@.venv/bin/pytest $(PARALLEL) $(PYTEST_ARGS)

# Kills, freezes, cuts and fills everything under load and looks at every invariant; as root full disks too.
CHAOS := -m crash tests/crash -q --durations=20 $(shell [ "$$(id -u)" != 0 ] || echo --root)
KILLS ?= 10
FAULTS ?= 1
ROUNDS ?= 40

chaos: setup
	@.venv/bin/pytest $(CHAOS) --kills $(KILLS) --faults $(FAULTS) $(ARGS)

# A night of it: a fresh market and another seed in each round, 1,000 kills of each process and 200 of every other fault.
chaos-nightly: setup
	@for round in $$(seq 1 $(ROUNDS)); do echo "== round $$round of $(ROUNDS)"; \
	  .venv/bin/pytest $(CHAOS) --kills 25 --faults 5 $(ARGS) || exit 1; done

setup: $(STAMP)

lint: setup
	.venv/bin/ruff check .
	.venv/bin/mypy

audit: setup
	@.venv/bin/gramme audit

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Gramme needs $(PYTHON): install it, or say PYTHON=... with one of version 3.11 or newer."; exit 1; }
	@echo "Making the environment in .venv; the first time this takes about a minute."
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@.venv/bin/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

# Resolves pyproject.toml anew; take the oldest Python that is supported, so that backports are pinned too.
lock: setup
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/pip install --quiet pip-tools
	{ echo '# Exact versions of everything that `make setup` installs, with the hashes of their files. Made by `make lock`.'; \
	  .venv-lock/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --no-header --no-annotate --strip-extras --extra dev --allow-unsafe --output-file - pyproject.toml \
	  | grep -v '^# The following'; } > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -r .venv-lock

clean:
	rm -rf .venv .venv-lock build gramme.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
