#!/usr/bin/env bash
# Runs the commands of docs/deploy.md on this machine, without an account: see "Rehearse it without an
# account" there. Safe to repeat; it writes only to target/ and to a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}

scripts/python-for-tests.sh
scripts/terraform-for-tests.sh
[ -e "$target/terraform/env" ] && [ -x "$target/python/bin/python" ] || {
    echo "the rehearsal needs Terraform and Python; the messages above say what to install" >&2
    exit 1
}
"${CARGO:-cargo}" build --workspace --bins

set -a
. "$target/terraform/env"
set +a
export LANDBRIDGE_CLI=$target/debug/landbridge LANDBRIDGE_FUNCTIONS=$target/debug
exec "$target/python/bin/python" tests/terraform/rehearse.py
