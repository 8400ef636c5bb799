#!/usr/bin/env bash
# Every test, on a machine with no more than a Rust toolchain: installs what some tests
# need as far as it may, builds the function binaries (the tests run them as processes),
# and runs everything with cargo-nextest where it is installed, with cargo test elsewhere.
#
#   LANDBRIDGE_REQUIRE_PYTHON=0   tests that need Python may be left out although there is one
#   LANDBRIDGE_REQUIRE_POSTGRES=1   PostgreSQL 14, 16 and 17 must be tested as well
#   LANDBRIDGE_SKIP_TERRAFORM=1     the tests of terraform/ are left out
#   LANDBRIDGE_REQUIRE_TERRAFORM=1  they must run: without Terraform nothing is tested
#   LANDBRIDGE_CRASH_STEP=5       the crash test tries every fifth call only
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}

if "$cargo" fmt --version >/dev/null 2>&1; then
    "$cargo" fmt --all --check
else
    echo "rustfmt is not installed: the format is not checked" >&2
fi

scripts/postgres-for-tests.sh
scripts/postgres-versions-for-tests.sh
scripts/mariadb-for-tests.sh
scripts/python-for-tests.sh
# No package registry has Terraform or its AWS provider: without them these tests are left out,
# unless LANDBRIDGE_REQUIRE_TERRAFORM=1 says that they must run.
scripts/terraform-for-tests.sh || {
    [ $? = 3 ] && [ "${LANDBRIDGE_REQUIRE_TERRAFORM:-}" != 1 ] || exit 1
    export LANDBRIDGE_SKIP_TERRAFORM=1
    scripts/terraform-for-tests.sh
}
# Where there is a Python, a test that needs it and does not find it fails.
if [ -z "${LANDBRIDGE_REQUIRE_PYTHON:-}" ] && command -v python3 >/dev/null 2>&1; then
    export LANDBRIDGE_REQUIRE_PYTHON=1
fi

"$cargo" build --workspace --bins

# Again where it is seen: the first notice is far above by now.
if [ ! -e "${CARGO_TARGET_DIR:-target}/python/stamp" ]; then
    echo "================================================================================" >&2
    echo "  NO PYTHON: the tests in clients:: and moto:: do nothing and prove nothing here." >&2
    echo "================================================================================" >&2
fi

if "$cargo" nextest --version >/dev/null 2>&1; then
    "$cargo" nextest list --workspace --message-format oneline | scripts/expected-tests.sh
    exec "$cargo" nextest run --workspace
fi
{ "$cargo" test --workspace --quiet -- --list --format terse; } | sed -n 's/: test$//p' | scripts/expected-tests.sh
exec "$cargo" test --workspace -- --show-output
