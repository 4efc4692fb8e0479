# Everything a person does with this repository. `make` lists it.
.DEFAULT_GOAL := help
.PHONY: help run dev check test rust databases outages clients browser lint fmt openapi emoji deny bench tools

# Where `tools.sh` puts what Debian has too old.
export PATH := $(CURDIR)/target/tools/node_modules/node/bin:$(PATH)
# Tests wait more than they work.
export RUST_TEST_THREADS ?= 6
# Tests that start a PostgreSQL or a MariaDB themselves, and those of what only a SQLite file does.
NO_SERVERS := --skip database_server::
NO_FILES := --skip sqlite_file::
TARGET := $(or $(CARGO_TARGET_DIR),target)

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build and serve on 127.0.0.1:3000, with the database in parlor.db
	@./tools.sh cc
	@echo "building; the first time takes some minutes"
	cargo run --release --locked -- serve

dev: ## serve a debug build, which builds faster
	@./tools.sh cc
	cargo run --locked -- serve

check: ## the quick part: format, lints, Rust tests on SQLite
	@./tools.sh cc curl strace prlimit sqlite3 nginx caddy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --locked -- $(NO_SERVERS)

test: ## everything: format, lints, documentation, all tests; installs what it misses
	@echo "== tools: what is missing is installed"
	@./tools.sh cc curl strace prlimit sqlite3 nginx caddy postgres mariadb python venv node chromium
	@echo "== format and lints"
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@echo "== documentation"
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	@$(MAKE) --no-print-directory rust clients browser
	@echo "== all passed"

rust: ## the Rust tests, on SQLite, PostgreSQL and MariaDB
	@echo "== Rust tests"
	cargo test --workspace --locked -- $(NO_SERVERS)
	@$(MAKE) --no-print-directory databases

databases: ## the integration tests on PostgreSQL and MariaDB, and those of outages
	@./tools.sh cc curl nginx caddy postgres mariadb
	@echo "== integration tests on PostgreSQL"
	tests/databases/run.sh postgres cargo test --locked --test integration -- $(NO_FILES) $(NO_SERVERS)
	@echo "== integration tests on MariaDB"
	tests/databases/run.sh mariadb cargo test --locked --test integration -- $(NO_FILES) $(NO_SERVERS)
	@$(MAKE) --no-print-directory outages

outages: ## what happens when a database server goes away, falls silent or is somebody else's
	@./tools.sh cc curl postgres mariadb
	@echo "== database servers that go away"
	cargo test --locked --test integration -- database_server::

clients: ## clients that others wrote, the linter of the OpenAPI document, schemathesis
	@echo "== clients that others wrote"
	cargo build --locked --bins --example follow
	tests/clients/run.sh $(TARGET)/debug/parlor

browser: ## the pages, in Chromium
	@echo "== the pages, in a browser"
	cargo build --locked
	tests/browser/run.sh $(TARGET)/debug/parlor

lint: ## only the lints
	cargo clippy --workspace --all-targets --locked -- -D warnings

fmt: ## format the sources
	cargo fmt --all

openapi: ## write openapi/openapi.json anew
	cargo run --locked --quiet -- openapi > openapi/openapi.json

emoji: ## take the emoji of the page anew from npm
	@./tools.sh node
	static/emoji/update.sh

deny: ## licences, bans and sources of all dependencies; installs cargo-deny if it is missing
	@./tools.sh cc
	@command -v cargo-deny >/dev/null || { echo "installing cargo-deny"; cargo install --locked cargo-deny; }
	cargo deny check bans licenses sources

bench: ## measure against a tutorial server; takes some minutes
	@./tools.sh cc
	cargo bench --locked --bench parlor

tools: ## install what building and testing need
	@./tools.sh cc curl strace prlimit sqlite3 nginx caddy postgres mariadb python venv node chromium
