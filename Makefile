# Everything a person does with this repository. `make` lists it.
.DEFAULT_GOAL := help
.PHONY: help run dev check test rust databases build sqlite lines postgres mariadb outages clients pages browser lint docs fmt openapi folding emoji deny bench measure tools

# The folder in which `tools.sh` puts what Debian has too old.
export PATH := $(CURDIR)/target/tools/node_modules/node/bin:$(PATH)
# Tests wait more than they work.
export RUST_TEST_THREADS ?= 6
# Tests that start a PostgreSQL or a MariaDB themselves, and those of what only a SQLite file does.
NO_SERVERS := --skip database_server::
NO_FILES := --skip sqlite_file::
# Tests of what is the same whichever database there is: connections, requests that are refused before one is asked, the
# log, the command line's words, and who may do what. They run once, on SQLite.
SAME_EVERYWHERE := $(addprefix --skip ,server:: requests:: limits:: promises::slow_reader promises::drain identity::matrix \
	identity::frames identity::guessed_accounts identity::guessed_rooms identity::open_mode identity::signers program::bench_bar program::command_line program::documents program::folding \
	program::identity_recipes program::log program::parts program::readme program::refused_values program::tokens)
# What holds whichever way a client comes. Over HTTP/2 all streams of a client share a connection, and its window: one that
# stops sixteen streams and goes on with others is no client that there is.
LINES := promises::scenario promises::join promises::slow_reader promises::drain
TARGET := $(or $(CARGO_TARGET_DIR),target)
# The server, of the same crates as the tests. With an example among what is built, the features that the tests
# need of them are counted in, as for `cargo test`; without it a third of the tree would be compiled again. The
# documentation is made of the library and the examples for the same reason.
BUILD := cargo build --locked --bins --example follow

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build and serve on 127.0.0.1:3000, with the database in parlor.db
	@./tools.sh cc
	@echo "building; the first time takes some minutes"
	cargo run --release --locked -- serve

dev: ## serve a debug build, which builds faster
	@./tools.sh cc
	cargo run --locked -- serve

check: ## the quick part: format, lints, the pages without a browser, Rust tests on SQLite
	@MAKE="$(MAKE)" tests/parts.sh lint pages sqlite

test: ## everything: format, lints, documentation, all tests; installs what it misses
	@MAKE="$(MAKE)" tests/parts.sh tools lint pages docs build sqlite lines postgres mariadb outages clients browser

rust: ## the Rust tests, on SQLite, PostgreSQL and MariaDB
	@MAKE="$(MAKE)" tests/parts.sh build sqlite postgres mariadb outages

databases: ## the integration tests on PostgreSQL and MariaDB, and those of outages
	@MAKE="$(MAKE)" tests/parts.sh build postgres mariadb outages

build: ## build what the tests need, so that no part of them has to
	@./tools.sh cc
	cargo test --workspace --locked --no-run

sqlite: ## the Rust tests, on SQLite, with all logged and looked through for secrets
	@./tools.sh cc curl openssl strace prlimit sqlite3 nginx caddy haproxy
	TEST_LOG=trace cargo test --workspace --locked -- $(NO_SERVERS)

postgres: ## the integration tests on PostgreSQL
	@./tools.sh cc curl nginx caddy haproxy postgres
	tests/databases/run.sh postgres cargo test --locked --test integration -- $(NO_FILES) $(NO_SERVERS) $(SAME_EVERYWHERE)

mariadb: ## the integration tests on MariaDB
	@./tools.sh cc curl nginx caddy haproxy mariadb
	tests/databases/run.sh mariadb cargo test --locked --test integration -- $(NO_FILES) $(NO_SERVERS) $(SAME_EVERYWHERE)

lines: ## the promises of streams over TLS with HTTP/2, and over a Unix socket
	@./tools.sh cc
	TEST_LINE=tls cargo test --locked --test integration -- $(LINES) --skip what_stopped_readers_miss
	TEST_LINE=unix cargo test --locked --test integration -- $(LINES)

outages: ## what happens when a database server goes away, falls silent or is somebody else's
	@./tools.sh cc curl postgres mariadb
	cargo test --locked --lib --test integration -- database_server::

clients: ## clients that others wrote, the linter of the OpenAPI document, schemathesis
	@./tools.sh cc curl python venv node
	$(BUILD)
	tests/clients/run.sh $(TARGET)/debug/parlor

pages: ## types and lints of the pages, and their tests that need no browser
	@./tools.sh node
	tests/pages/run.sh

browser: ## the pages, in Chromium
	@./tools.sh cc node nginx openssl chromium
	$(BUILD)
	tests/browser/run.sh $(TARGET)/debug/parlor

lint: ## format and lints
	@./tools.sh cc
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

docs: ## the documentation of the code
	@./tools.sh cc
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --lib --examples --locked

fmt: ## format the sources
	cargo fmt --all

openapi: ## write openapi/openapi.json again
	@$(BUILD) --quiet
	$(TARGET)/debug/parlor openapi > openapi/openapi.json

folding: ## write again by what the page compares names, after the rule has changed
	PARLOR_WRITE_FOLDING=1 cargo test --locked --test integration -- the_pages_fold_names

emoji: ## fetch the emoji of the page again from npm
	@./tools.sh node
	static/emoji/update.sh

deny: ## licences, bans and sources of all dependencies; installs cargo-deny if it is missing
	@./tools.sh cc
	@command -v cargo-deny >/dev/null || { echo "installing cargo-deny"; cargo install --locked cargo-deny; }
	cargo deny check bans licenses sources

bench: ## measure against a tutorial server; takes some minutes
	@./tools.sh cc
	cargo bench --locked --bench parlor

measure: ## measure the page of a room in Chromium; takes some minutes
	@./tools.sh cc node chromium
	cargo build --release --locked
	tests/browser/run.sh --measure $(TARGET)/release/parlor

tools: ## install what building and testing need
	@./tools.sh cc curl strace prlimit sqlite3 nginx caddy haproxy postgres mariadb python venv node openssl chromium
