# The short names for what people type; the work is done by the scripts in .ci/.

.DEFAULT_GOAL := help
.PHONY: help test lint fmt test-rust test-python test-node test-examples conformance matrix fuzz features quickstart demo-eras demo-governed demo-dynamic demo-teams prepare engine images api-docs servers signatures gateway-image bench bench-bindings deny clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: ## everything: installs and starts what is missing, lints, then the tests of all three languages
	.ci/prepare
	.ci/lint
	$(MAKE) --no-print-directory engine images servers signatures
	# Engine, images and SDKs are there now, so a test that would skip for want of them fails instead.
	MCP_GATEWAY_TEST=docker .ci/test-rust
	MCP_GATEWAY_TEST=docker .ci/test-python
	MCP_GATEWAY_TEST=docker .ci/test-node
	.ci/api-docs --no-rust
	.ci/test-examples
	.ci/conformance
	.ci/matrix
	.ci/fuzz

lint: ## format, clippy, docs, dependency guard, scripts
	.ci/lint

fmt: ## format the Rust sources
	cargo fmt --all

test-rust: ## only the Rust tests
	.ci/test-rust

test-python: ## only the Python binding: build, ruff, mypy, pytest
	.ci/test-python

test-node: ## only the Node binding: build, tsc, node --test
	.ci/test-node

test-examples: ## only the examples
	.ci/test-examples

conformance: ## the official conformance suite, through the gateway (see docs/conformance.md)
	.ci/conformance

matrix: ## every official SDK as a client, servers of every kind behind one gateway
	.ci/matrix

fuzz: ## every fuzz target for 10 seconds, or SECONDS= (see docs/testing.md)
	.ci/fuzz $(SECONDS)

api-docs: ## the API reference of all three languages, in target/api
	.ci/api-docs

features: ## the core with each feature alone (a few minutes; not part of `make test`)
	.ci/features

quickstart: ## the example that shows the main job
	cargo run --example quickstart

demo-eras: engine images servers ## a client of the newest era, a server of the older one in a container, a question between them
	.ci/demo-eras

demo-governed: engine images servers signatures ## a session that is decided, confirmed, redacted, kept to listed hosts, verified and recorded
	.ci/demo-governed

demo-dynamic: engine images servers ## an agent that finds a server, adds it with the operator's consent, and calls it
	.ci/demo-dynamic

demo-teams: engine images signatures ## a profile that one home pushes into a registry and another one pulls, and a client that gets it
	.ci/demo-teams

prepare: ## the packages and Rust components that the checks need
	.ci/prepare

engine: ## a container engine that answers (installs and starts one when root)
	.ci/docker-up

images: engine ## the images of the test servers
	.ci/images

servers: ## the same servers and the official SDKs on this host, under target/test-servers
	mcp-gateway-core/tests/servers/local/install

signatures: ## a registry and cosign, under target/test-signatures (unpacked from Debian's archive)
	mcp-gateway-core/tests/servers/signatures/install

gateway-image: ## an image of the gateway itself (BASE=, IMAGE=)
	.ci/gateway-image

bench: ## the end-to-end benchmark (see docs/benchmarks.md)
	.ci/bench

bench-bindings: ## calls from Python and Node, and gateways opened and closed 10,000 times (after test-python, test-node)
	.ci/bench-bindings

deny: ## licences, advisories, duplicates of the dependencies (needs cargo-deny)
	@cargo deny --version >/dev/null 2>&1 || { echo "please run: cargo install --locked cargo-deny" >&2; exit 1; }
	cargo deny check

clean: ## everything that was built, the test images too
	cargo clean
	-docker images --quiet --filter 'reference=mcp-gateway-test/*' | xargs --no-run-if-empty docker rmi --force
