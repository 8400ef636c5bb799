#!/usr/bin/env bash
# Reads the names of the tests that are about to run from standard input, and fails unless they
# include every name in tests/expected.txt. Otherwise a test file that is no longer included, or an
# ignored test, would look like a passed test.
set -euo pipefail
cd "$(dirname "$0")/.."
listed=$(mktemp)
trap 'rm -f "$listed"' EXIT
# nextest prints `binary-id test::name`, cargo test only the name.
sed 's/.* //' >"$listed"
missing=0
while read -r name; do
    case $name in '' | '#'*) continue ;; esac
    if ! grep -qxF -- "$name" "$listed"; then
        echo "expected test is missing from this run: $name (see tests/expected.txt)" >&2
        missing=1
    fi
done <tests/expected.txt
exit $missing
