#!/usr/bin/env bash
# Runs all tests on a machine that has only a Rust toolchain: installs what some tests need where it
# can, builds the function binaries (the tests run them as processes), and runs everything with
# cargo-nextest if it is installed, otherwise with cargo test.
#
#   LANDBRIDGE_REQUIRE_PYTHON=0     tests that need Python may be skipped, even if Python is installed
#   LANDBRIDGE_REQUIRE_POSTGRES=1   fail if PostgreSQL 14, 16 and 17 cannot be tested
#   LANDBRIDGE_REQUIRE_CHROMIUM=1   fail if the console cannot be tested in a browser (the default, if Chromium is there)
#   LANDBRIDGE_SKIP_TERRAFORM=1     skip the tests of terraform/
#   LANDBRIDGE_REQUIRE_TERRAFORM=1  fail if the tests of terraform/ cannot run
#   LANDBRIDGE_UPGRADE_FROM=DIR     the upgrade tests begin with the functions in DIR (make upgrade-test)
#   LANDBRIDGE_CRASH_STEP=1         the crash test disturbs every external call, not every twelfth
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}

if "$cargo" fmt --version >/dev/null 2>&1; then
    "$cargo" fmt --all --check
else
    echo "rustfmt is not installed: formatting is not checked" >&2
fi
if python3 -c 'import tomllib' 2>/dev/null; then
    scripts/claims.py --check
else
    echo "Python 3.11 is not installed: docs/claims.md is not checked" >&2
fi

scripts/postgres-for-tests.sh
scripts/postgres-versions-for-tests.sh
scripts/mariadb-for-tests.sh
scripts/chromium-for-tests.sh
scripts/python-for-tests.sh
scripts/models-for-tests.sh
# No package registry offers Terraform or its AWS provider: without them these tests are skipped,
# unless LANDBRIDGE_REQUIRE_TERRAFORM=1.
scripts/terraform-for-tests.sh || {
    [ $? = 3 ] && [ "${LANDBRIDGE_REQUIRE_TERRAFORM:-}" != 1 ] || exit 1
    export LANDBRIDGE_SKIP_TERRAFORM=1
    scripts/terraform-for-tests.sh
}
# If Python is installed, a test that needs it and does not find its environment fails.
if [ -z "${LANDBRIDGE_REQUIRE_PYTHON:-}" ] && command -v python3 >/dev/null 2>&1; then
    export LANDBRIDGE_REQUIRE_PYTHON=1
fi

if [ -z "${LANDBRIDGE_REQUIRE_CHROMIUM:-}" ] && command -v chromium >/dev/null 2>&1; then
    export LANDBRIDGE_REQUIRE_CHROMIUM=1
fi

if [ -z "${LANDBRIDGE_REQUIRE_MODELS:-}" ] && [ -e "${CARGO_TARGET_DIR:-target}/models/stamp" ]; then
    export LANDBRIDGE_REQUIRE_MODELS=1
fi

"$cargo" build --workspace --bins

# Repeat the warning here, because the first one has scrolled away.
if [ ! -e "${CARGO_TARGET_DIR:-target}/python/stamp" ]; then
    echo "================================================================================" >&2
    echo "  NO PYTHON: the tests in clients:: and moto:: are NOT RUN and prove nothing." >&2
    echo "================================================================================" >&2
fi
if [ ! -e "${CARGO_TARGET_DIR:-target}/models/stamp" ]; then
    echo "================================================================================" >&2
    echo "  NO DBT: the tests in models:: and dbt:: are NOT RUN and prove nothing." >&2
    echo "================================================================================" >&2
fi

if ! command -v chromium >/dev/null 2>&1; then
    echo "================================================================================" >&2
    echo "  NO CHROMIUM: the tests in console:: are NOT RUN and prove nothing." >&2
    echo "================================================================================" >&2
fi

# The examples in documentation and in crates/parquet/README.md, which nextest does not run. With
# --workspace, because another selection of crates would compile the dependencies with other features.
"$cargo" test --workspace --doc --quiet

if "$cargo" nextest --version >/dev/null 2>&1; then
    "$cargo" nextest list --workspace --message-format oneline | scripts/expected-tests.sh
    # One thread more than processors, because some tests wait: for Terraform, for example.
    exec "$cargo" nextest run --workspace --test-threads "$(($(getconf _NPROCESSORS_ONLN) + 1))"
fi
{ "$cargo" test --workspace --quiet -- --list --format terse; } | sed -n 's/: test$//p' | scripts/expected-tests.sh
exec "$cargo" test --workspace -- --show-output
