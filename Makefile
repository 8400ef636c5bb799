# Needs: a Rust toolchain (1.95 or newer), a C compiler, make. See README.md.

CARGO ?= cargo
# Extra options for `make demo`: make demo DEMO="--days 1 --scale 0.1"
DEMO ?=
# Cargo's build directory.
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Extra options for `make explore`: make explore EXPLORE="--seed 7 --histories 1"
EXPLORE ?=
# The processors that `make package` builds for.
PROCESSORS ?= arm64 x86_64
# How many starts of each function `make bench` measures.
STARTS ?= 40
# How many runs of each tool `make bench` computes the median of.
RUNS ?= 5
# How many tables `make bench-tables` has.
TABLES ?= 1000
# Extra options for `make simulate`: make simulate SIMULATE="--tables 200 --files 400 --only 10tb-after"
SIMULATE ?=
# Extra options for `make bench-rclone`.
RCLONE ?=
# The level of GZIP of the files that `make bench-bytes` makes.
LEVEL ?= 6
# Extra options for `make bench-source`: make bench-source SOURCE="--rows 1000000"
SOURCE ?=

# How many seeds `make compare-sql` draws; each gives some 2,400 expressions.
SEEDS ?= 10
# The first of them: another number draws other expressions.
FIRST ?= 1
# Extra options for `make mutants`: make mutants MUTANTS="-f crates/parquet/src/rewrite/copy.rs -- --lib"
# docs/testing.md has more of them.
MUTANTS ?=

# Folders with more Parquet files for `make sweep-parquet`.
SWEEP ?=

.DEFAULT_GOAL := help
.PHONY: help demo rehearse test explore explore-incidents crash turned chaos compare-sql upgrade-test lint fmt bench bench-functions bench-rewrite bench-judge bench-source bench-rclone bench-bytes bench-console screenshots bench-tables simulate sweep-parquet mutants try-publish package try-packages release schemas claims train-personal clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

demo: ## simulate three days on this machine: snapshot, export, transfer, load, masked query
	$(CARGO) build --workspace --bins
	$(TARGET)/debug/landbridge demo $(DEMO)

rehearse: ## run the commands of docs/deploy.md on this machine: init, terraform apply, a published day
	scripts/rehearse-deploy.sh

test: ## install what the tests need, build, run all tests
	scripts/test.sh

explore: ## draw 20,000 histories of contracts, ticks and crashes; fail if somebody can read a hidden value
	$(CARGO) bench --profile explore --workspace --bench explore -- $(EXPLORE)

explore-incidents: ## draw 500 histories of incidents and crashes; fail if a message is lost, or arrives twice without a reason
	LANDBRIDGE_HISTORIES=500 $(CARGO) nextest run --workspace --no-capture -E 'test(/^incidents::histories/)'

crash: ## disturb each external call of a day, by a crash and by a lost answer; the end must be the same (45 minutes)
	$(CARGO) build --workspace --bins
	LANDBRIDGE_CRASH_STEP=1 LANDBRIDGE_DELTA_CRASHES=100000 $(CARGO) nextest run --workspace --no-capture -E 'test(/^crash::|^delta::.*crash/)'

turned: ## turn each claim about Google around while all others are probed (5 minutes); `make test` takes a sample
	LANDBRIDGE_TURNED=all $(CARGO) nextest run --workspace --no-capture -E 'test(/^google::a_claim_that_is_turned/)'

chaos: ## inject all silent faults of docs/chaos.md, and compare what sees them with the document
	$(CARGO) build --workspace --bins
	LANDBRIDGE_CHAOS=all $(CARGO) nextest run --workspace --no-capture -E 'test(/^chaos::/)'

compare-sql: ## compare the local warehouse's SQL with Google's engine on SEEDS times as many expressions as the tests do
	scripts/models-for-tests.sh
	LANDBRIDGE_REQUIRE_MODELS=1 COMPARE_SEEDS=$(SEEDS) COMPARE_FIRST_SEED=$(FIRST) $(CARGO) nextest run --workspace --success-output immediate -E 'test(/^googlesql::/)'

upgrade-test: ## run the upgrade tests with the functions of an earlier version: make upgrade-test FROM=v0.1.0
	$(CARGO) build --workspace --bins
	functions=$$(scripts/programs-of.sh "$(FROM)") && LANDBRIDGE_UPGRADE_FROM=$$functions $(CARGO) nextest run --workspace -E 'test(/^upgrade::/)'

lint: ## check formatting, clippy (warnings are errors), docs/claims.md, the workflows and unused dependencies
	scripts/claims.py --check
	scripts/check-workflows.sh
	scripts/check-dependencies.sh
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

fmt: ## format all Rust code
	$(CARGO) fmt --all

bench: bench-functions bench-rewrite bench-source ## run the benchmarks: Lambda binaries, rewriting Parquet, reading a source

bench-functions:
	$(CARGO) build --release -p landbridge-functions
	@# The benchmark only starts the release binaries and measures time, so the development
	@# profile is enough and the local cloud is not built a second time.
	$(CARGO) bench --profile dev -p landbridge-tests --bench functions -- --starts $(STARTS)

bench-rewrite:
	scripts/python-for-bench.sh
	$(TARGET)/python/bin/python benches/rewrite.py --runs $(RUNS) --dir $(TARGET)/bench \
		"$$($(CARGO) bench --quiet -p landbridge-parquet --bench rewrite)"

bench-judge: ## the cost of judging the columns of text, beside the transfer of the same files
	$(CARGO) bench --profile bench -p landbridge-parquet --bench judge

bench-source:
	scripts/postgres-for-tests.sh
	$(CARGO) build --profile bench -p landbridge-local-database --example source
	test -x $(TARGET)/peers/bin/python || python3 -m venv $(TARGET)/peers
	$(TARGET)/peers/bin/pip install --quiet -r benches/source-requirements.txt
	$(TARGET)/peers/bin/python benches/source.py $(TARGET)/release/examples/source $(SOURCE)

bench-rclone: ## copy 70 files by the transfer and by rclone, on the same local servers: make bench-rclone RCLONE="--files 1 --kib 2097152"
	$(CARGO) build --profile bench -p landbridge-functions --bin landbridge-transfer
	$(CARGO) build --workspace --bins
	test -x $(TARGET)/peers/bin/python || python3 -m venv $(TARGET)/peers
	$(TARGET)/peers/bin/pip install --quiet -r benches/rclone-requirements.txt
	@# The servers and the other functions are those of the development profile, the same for both.
	mkdir -p $(TARGET)/bench/functions && cp $(TARGET)/debug/landbridge-snapshot $(TARGET)/debug/landbridge-export \
		$(TARGET)/release/landbridge-transfer $(TARGET)/bench/functions/
	$(CARGO) bench --profile dev -p landbridge-tests --bench rclone -- --rclone $(TARGET)/peers/bin/rclone \
		--functions $(TARGET)/bench/functions $(RCLONE)

bench-bytes: ## how many bytes of TPC-H leave AWS: make bench-bytes LEVEL=1
	scripts/python-for-tests.sh
	$(CARGO) build --workspace --bins
	test -x $(TARGET)/peers/bin/python || python3 -m venv $(TARGET)/peers
	$(TARGET)/peers/bin/pip install --quiet -r benches/squeeze-requirements.txt
	mkdir -p $(TARGET)/bench/tpch && cd $(TARGET)/bench/tpch && $(TARGET)/peers/bin/tpchgen-cli -s 0.1 --format=parquet
	$(TARGET)/python/bin/python benches/squeeze.py $(TARGET)/debug/landbridge $(TARGET)/bench/tpch --level $(LEVEL)

bench-console: ## measure the console's pages with 10,000 tables and a year of days
	$(CARGO) bench --profile dev -p landbridge-console --bench pages

screenshots: ## run the demo's days, open the console in Chromium, and write docs/images
	scripts/chromium-for-tests.sh
	scripts/python-for-tests.sh
	$(CARGO) build --workspace --bins
	$(TARGET)/python/bin/python tests/console/screenshots.py $(TARGET)/debug/landbridge docs/images

bench-tables: ## run one day of many small tables with 15 ms per call: make bench-tables TABLES=10000
	$(CARGO) build --workspace --bins
	$(CARGO) bench --profile dev -p landbridge-tests --bench tables -- --tables $(TABLES)

simulate: ## what a day of 10,000 tables and 10 TB takes and costs, and one of 3 GB, on a virtual clock (Linux)
	$(CARGO) bench --profile dev --workspace --bench simulate -- $(SIMULATE)

sweep-parquet: ## rewrite Parquet files of seven writers by six plans; two readers must agree with the sources (Spark needs Java)
	test -x $(TARGET)/sweep/bin/python || python3 -m venv $(TARGET)/sweep
	$(TARGET)/sweep/bin/pip install --quiet -r tests/parquet/sweep-requirements.txt
	$(CARGO) build -p landbridge-parquet --example by_plan
	$(TARGET)/sweep/bin/python tests/parquet/sweep.py $(TARGET)/debug/examples/by_plan $(SWEEP)

mutants: ## break core and parquet on purpose, and list what no test notices (hours; first `cargo install cargo-mutants`)
	$(CARGO) mutants -p landbridge-core -p landbridge-parquet --output $(TARGET) $(MUTANTS)

try-publish: ## package and build the two library crates as crates.io would, and upload nothing
	$(CARGO) publish --dry-run -p landbridge-core -p landbridge-parquet

package: ## build the functions' zips for Lambda, in target/lambda
	scripts/package.sh $(PROCESSORS)

try-packages: ## run one day of the demo with the packaged functions; the other processor's run under QEMU
	$(CARGO) build --workspace --bins
	scripts/try-packages.sh $(PROCESSORS)

release: ## build the files of a release in target/release-files; HEAD must have the tag: make release TAG=v0.1.0
	scripts/release.sh "$(TAG)"

schemas: ## regenerate schemas/*.json from the configuration types
	UPDATE_SCHEMAS=1 $(CARGO) test -p landbridge-core the_schemas_are_current

claims: ## write docs/claims.md from crates/local/cloud/claims.toml
	scripts/claims.py

# What the test writes and the script reads.
PERSONAL_TRAINING_SET = $(CURDIR)/target/personal-training.tsv

train-personal: ## train the model of contract propose, and write its weights (Python with scripts/train_personal.txt)
	PERSONAL_TRAINING_SET=$(PERSONAL_TRAINING_SET) $(CARGO) nextest run --workspace -E 'test(the_training_set_can_be_written)'
	python3 scripts/train_personal.py $(PERSONAL_TRAINING_SET)

clean: ## remove all build results, and the demo's files
	$(CARGO) clean
	rm -rf .landbridge
