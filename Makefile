# Everything a person does with this repository. `make` lists it.
.DEFAULT_GOAL := help
.PHONY: help run dev check test lint fmt openapi bench tools

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: tools-build ## build and serve on 127.0.0.1:3000, with the database in parlor.db
	cargo run --release --locked -- serve

dev: ## serve a debug build, which builds faster
	cargo run --locked -- serve

check: ## the quick part of the tests: format, lints, unit tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --lib --bins --locked

test: tools ## everything: format, lints, documentation, all tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	cargo test --workspace --locked

lint: ## only the lints
	cargo clippy --workspace --all-targets --locked -- -D warnings

fmt: ## format the sources
	cargo fmt --all

openapi: ## write openapi/openapi.json anew
	cargo run --locked --quiet -- openapi > openapi/openapi.json

bench: tools-build ## measure against a tutorial server; takes some minutes
	cargo bench --locked --bench parlor

tools: ## install what building and testing need
	@./tools.sh cc strace curl prlimit

.PHONY: tools-build
tools-build:
	@./tools.sh cc
