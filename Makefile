# Needs: a Rust toolchain (1.95 or newer), a C compiler, make. See README.md.

CARGO ?= cargo
# What `make demo` is given besides: make demo DEMO="--days 1 --scale 0.1"
DEMO ?=
# Where cargo builds.
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Processors that `make package` builds for.
PROCESSORS ?= arm64 x86_64
# Starts of each function that `make bench` measures.
STARTS ?= 40
# Runs of each contestant that `make bench` takes the median of.
RUNS ?= 5

# What the third part of `make bench` is given besides: make bench-source SOURCE="--rows 1000000"
SOURCE ?=

.DEFAULT_GOAL := help
.PHONY: help demo rehearse test lint fmt bench bench-functions bench-rewrite bench-source package try-packages schemas clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

demo: ## run three days on this machine: snapshot, export, transfer, load, masked query
	$(CARGO) build --workspace --bins
	$(TARGET)/debug/landbridge demo $(DEMO)

rehearse: ## deploy on this machine by docs/deploy.md: init, terraform apply, a published day
	scripts/rehearse-deploy.sh

test: ## install what the tests need, build, run every test
	scripts/test.sh

lint: ## clippy, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

fmt: ## format all code
	$(CARGO) fmt --all

bench: bench-functions bench-rewrite bench-source ## the Lambda binaries; rewriting and reading a source, beside others

bench-functions:
	$(CARGO) build --release -p landbridge-snapshot -p landbridge-export -p landbridge-transfer -p landbridge-load
	@# The bench only starts the release binaries and looks at a clock: built as for
	@# development, it needs no second build of the local cloud.
	$(CARGO) bench --profile dev -p landbridge-tests --bench functions -- --starts $(STARTS)

bench-rewrite:
	scripts/python-for-bench.sh
	$(TARGET)/python/bin/python benches/rewrite.py --runs $(RUNS) --dir $(TARGET)/bench \
		"$$($(CARGO) bench --quiet -p landbridge-parquet --bench rewrite)"

bench-source:
	scripts/postgres-for-tests.sh
	$(CARGO) build --profile bench -p landbridge-local-database --example source
	test -x $(TARGET)/peers/bin/python || python3 -m venv $(TARGET)/peers
	$(TARGET)/peers/bin/pip install --quiet -r benches/source-requirements.txt
	$(TARGET)/peers/bin/python benches/source.py $(TARGET)/release/examples/source $(SOURCE)

package: ## the functions' zips for Lambda, in target/lambda
	scripts/package.sh $(PROCESSORS)

try-packages: ## a day of the demo with the packaged functions; the other processor's under QEMU
	$(CARGO) build --workspace --bins
	scripts/try-packages.sh $(PROCESSORS)

schemas: ## write schemas/*.json anew from the types
	UPDATE_SCHEMAS=1 $(CARGO) test -p landbridge-core the_schemas_are_current

clean: ## remove everything that was built, and the demo's files
	$(CARGO) clean
	rm -rf .landbridge
