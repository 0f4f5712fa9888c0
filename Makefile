# Everything that a developer does here. `make help` lists it. No target needs anything installed by hand beyond Rust, Python, Node and a C compiler; where
# this is not root on Debian, PostgreSQL, PgBouncer and chromium too.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The demonstration takes real conversations where they lie beside the project, else the sample of our own.
CONVERSATIONS := $(firstword $(wildcard ../shared/data/airline-conversations.jsonl) examples/data/library-conversations.jsonl)

CARGO := cargo
WASM := --target wasm32-unknown-unknown --no-default-features

.PHONY: help
help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 18

.PHONY: demo
demo: ## The main job on real input: save, resume, list, export, import, compare; results in target/demo
	@$(CARGO) build --quiet --release --package convostore-examples
	@target/release/demo run $(CONVERSATIONS) target/demo

.PHONY: test
test: report-new test-rust test-reliability test-python test-npm test-page ## Every test, in all languages, browser included
	@scripts/reliability-table
	@echo "all tests passed"

.PHONY: test-rust
test-rust: lint wasm-check ## Rust: unit, scenarios, contract, model, doctests, examples
	scripts/postgres.sh $(CARGO) test --all-features --quiet --no-fail-fast
	scripts/postgres.sh --pgbouncer $(CARGO) test --all-features --quiet --package convostore --test postgres
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps --all-features --package convostore

.PHONY: report-new
report-new:
	mkdir -p target/reliability
	rm -f target/reliability/report.jsonl

.PHONY: test-reliability
test-reliability: ## That nothing acknowledged is lost: kills, power cuts, faults, damage; results in target/reliability/report.jsonl
	scripts/postgres.sh $(CARGO) test --quiet --profile proof --package reliability -- --test-threads=1

.PHONY: lint
lint: ## Formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --workspace --all-targets --all-features -- -D warnings

.PHONY: wasm-check
wasm-check: ## The core builds for the browser without a C compiler, and no SQLite is in that build
	rustup target add wasm32-unknown-unknown
	CC=false CLANG=false $(CARGO) build --quiet --package convostore --target wasm32-unknown-unknown
	@if $(CARGO) tree --package convostore --target wasm32-unknown-unknown --edges normal,build | grep -E 'rusqlite|libsqlite3'; then \
		echo "SQLite is in the wasm build"; exit 1; fi

.PHONY: test-python
test-python: ## Python: builds the wheel, installs it into an empty environment, tests that
	bindings-python/test.sh

.PHONY: test-npm
test-npm: demo ## npm: packs the package, installs it into an empty folder, tests that in Node and in a browser
	bindings-wasm/test.sh

.PHONY: test-page
test-page: demo ## The history page: builds it with the packed npm package, tests it in a browser; pictures in target/page
	examples/browser/test.sh

.PHONY: page
page: ## The history page, built and served on a port of this machine
	@examples/browser/test.sh serve

.PHONY: bench
bench: bench-new bench-rust bench-postgres bench-python bench-npm ## Ratios against others, in turns, in all languages; results in target/bench/results.jsonl, drawn in bench.svg there
	@$(CARGO) run --quiet --release --package convostore-bench --bin convostore-bench -- --draw target/bench/bench.svg

.PHONY: bench-quick
bench-quick: ## … the same in under three minutes once all is built: enough to see what changed, not to quote
	$(MAKE) --no-print-directory bench QUICK=--quick

.PHONY: bench-large
bench-large: ## … Rust: a thousand to ten million messages, a million sessions, a file of 1 GB, on PostgreSQL too; takes 9 GB of disk and long
	nice $(CARGO) run --quiet --release --package convostore-bench --bin convostore-bench -- --large
	nice scripts/postgres.sh $(CARGO) run --quiet --release --package convostore-bench --bin postgres-bench -- --large 10000000

.PHONY: bench-new
bench-new:
	mkdir -p target/bench
	rm -f target/bench/results.jsonl

.PHONY: bench-rust
bench-rust: ## … Rust: raw rusqlite
	$(CARGO) run --quiet --release --package convostore-bench --bin convostore-bench -- $(QUICK)

.PHONY: bench-postgres
bench-postgres: ## … Rust on PostgreSQL: raw tokio-postgres
	scripts/postgres.sh $(CARGO) run --quiet --release --package convostore-bench --bin postgres-bench -- $(QUICK)

.PHONY: bench-python
bench-python: ## … Python: sqlite3, raw rusqlite, openai-agents, langchain, SQLAlchemy, langgraph, google-adk; on PostgreSQL psycopg, langgraph, google-adk
	bindings-python/bench/run.sh $(QUICK)

.PHONY: bench-npm
bench-npm: ## … Node: Maps, MemorySession, sql.js, sqlite-wasm, better-sqlite3
	bindings-wasm/bench/run.sh $(QUICK)

.PHONY: check-all
check-all: mutants coverage ## Slow and networked gates: licences and sources, counted instructions, every set of features, a long model test, coverage, mutants (hours)
	test -x target/tools/bin/cargo-deny || $(CARGO) install --quiet --locked --root target/tools cargo-deny@0.20.2
	test -x target/tools/bin/cargo-hack || $(CARGO) install --quiet --locked --root target/tools cargo-hack@0.6.46
	scripts/instructions.sh
	target/tools/bin/cargo-deny --all-features check bans licenses sources
	target/tools/bin/cargo-hack hack check --quiet --package convostore --feature-powerset
	CONVOSTORE_MODEL_OPERATIONS=1000000 $(CARGO) test --release --package conformance --test model -- --nocapture

# Without PostgreSQL: no line of what is changed runs there alone. SHARD=0/20 tries a twentieth.
.PHONY: mutants
mutants: ## That the tests see changes in the rules, the operations and the archive: at least 90 % of them
	test -x target/tools/bin/cargo-mutants || $(CARGO) install --quiet --locked --root target/tools cargo-mutants@27.1.0
	CONVOSTORE_SKIP_POSTGRES=1 CONVOSTORE_MODEL_OPERATIONS=4000 target/tools/bin/cargo-mutants mutants \
		--output target $(if $(SHARD),--sharding round-robin --shard $(SHARD)) || test $$? -eq 2
	scripts/mutants_caught.py target/mutants.out/outcomes.json 90

.PHONY: coverage
coverage: ## Which lines and branches of the core its tests run, by folder
	scripts/coverage.sh

.PHONY: soak
soak: ## The long tests that nothing acknowledged is lost, for HOURS hours (default 1); how far each came in target/reliability/soak.jsonl
	scripts/soak.sh $(or $(HOURS),1)

.PHONY: clean
clean: ## Removes what was built
	$(CARGO) clean
