# Each target is a few commands that anyone could type. `make run` and `make test` need nothing but Debian 12
# with Rust 1.94, Node 20 and Python 3; scripts/setup.sh adds the rest.
.PHONY: run test check e2e api-check bench bench-chat bench-sfu faults fuzz types client build unit
.DEFAULT_GOAL := run
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
DENY := $(shell cargo deny --version >/dev/null 2>&1 && echo yes)
CLIENT_SOURCES := $(shell find client-web -type f -not -path '*/node_modules/*' -not -path '*/.svelte-kit/*' -not -path '*/build/*' 2>/dev/null)
CLIENT_BUILT := client-web/node_modules/.built
TARGET := $(or $(CARGO_TARGET_DIR),target)
# One set of artefacts serves the tests and the browsers.
BUILD := cargo build --locked --workspace --bins --tests

# Starts a server with demo rooms and people; prints its address.
run:
	@scripts/setup.sh run
	@$(MAKE) --no-print-directory client
	@cargo build --locked --quiet --package server --bin parta
	@exec $(TARGET)/debug/parta serve --demo --data ./data

# The whole suite: client, Rust, browsers.
test:
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory client
	cd client-web && npm test
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory e2e

# The Rust tests beside a private PostgreSQL and Redis.
unit: build
ifeq ($(NEXTEST),yes)
	scripts/with-services.sh cargo nextest run --locked --workspace
else
	scripts/with-services.sh cargo test --locked --workspace --bins --tests
endif
	cargo test --locked --workspace --doc --quiet
	$(TARGET)/debug/parta-load faults --short --json

# Real browsers against the real server.
e2e: build
	cd e2e && npm test

# The interface of bots beside its own description, asked by Schemathesis: everything allowed, and much that is not.
api-check:
	@scripts/setup.sh api
	@$(MAKE) --no-print-directory build
	cd e2e && node api-check.mjs

check:
	@scripts/setup.sh test
	cargo fmt --check
	cd client-web && npm run check
	cd e2e && npm run check
	@$(MAKE) --no-print-directory client
	cargo clippy --locked --workspace --bins --tests -- -D warnings
	cargo test --locked --quiet --workspace --test typescript_types_are_fresh --test house_rules
ifeq ($(DENY),yes)
	cargo deny --locked check
else
	@echo 'cargo-deny is not installed: licences and banned crates were not checked'
endif

# Load, speed and kills; each run prints its figures as JSON.
bench: client
	cargo build --locked --release --package server --package loadtest --bins
	$(TARGET)/release/parta-load chat --spawn
	$(TARGET)/release/parta-load sfu --spawn
	$(TARGET)/release/parta-load kill

# Chat on many connections, then beside ejabberd; docs/BENCHMARKS.md says what the figures mean.
bench-chat: client
	cargo build --locked --release --package server --package loadtest --bins
	$(TARGET)/release/parta-load chat --spawn --idle 10000 --json
	$(TARGET)/release/parta-load chat --spawn --storm 5000 --json
	scripts/with-ejabberd.sh $(TARGET)/release/parta-load beside --json

# Lessons beside Janus, a line of JSON for each; docs/BENCHMARKS.md says what the figures mean. Each lesson has a Janus of
# its own, so that its memory can be told.
bench-sfu: client
	cargo build --locked --release --package server --package loadtest --bins
	for scenario in 1-to-100 10x10 30x30; do \
		scripts/with-janus.sh $(TARGET)/release/parta-load sfu-beside --scenario $$scenario --json; \
	done

# Servers, databases and networks fail while people write; every history is compared. Only a debug build has the points
# at which a server can be made to die.
faults: build
	$(TARGET)/debug/parta-load faults --json

# Invented input: each target of fuzz/fuzz_targets for so many seconds, and none after the first that fails. Needs
# cargo-fuzz and a C++ compiler. Guided by coverage on stable Rust; only the sanitizers, which find what `unsafe` code
# does wrong, want nightly. What fails lies in fuzz/artifacts; what reached new code is kept and begins the next run.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
FUZZ_BUILT := $(abspath $(TARGET))/fuzz
fuzz:
	@cargo fuzz --version >/dev/null 2>&1 || { echo 'fuzz: cargo-fuzz is missing: cargo install --locked cargo-fuzz' >&2; exit 1; }
	cargo fuzz build --sanitizer none --target-dir $(FUZZ_BUILT)
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZ_BUILT)/corpus/$$target; \
		cargo fuzz run --sanitizer none --target-dir $(FUZZ_BUILT) \
			$$target $(FUZZ_BUILT)/corpus/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
			$$([ ! -f fuzz/dict/$$target.dict ] || echo -dict=fuzz/dict/$$target.dict); \
	done

# Writes anew what is made from the Rust code and committed: the client's wire types, the example settings, the
# recordings for the sync law.
types:
	UPDATE=1 cargo test --locked --quiet --workspace --test typescript_types_are_fresh
	UPDATE=1 cargo test --locked --quiet --package server --lib the_committed_example_and_schema_are_fresh
	UPDATE=1 cargo test --locked --quiet --package server --test server sync_law

# The web client, which the server's binary carries.
client: $(CLIENT_BUILT)

$(CLIENT_BUILT): $(CLIENT_SOURCES)
	@scripts/setup.sh run
	cd client-web && npm run build
	@touch $@

build: $(CLIENT_BUILT)
	$(BUILD)
