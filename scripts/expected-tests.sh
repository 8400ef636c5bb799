#!/usr/bin/env bash
# Reads the names of the tests that are about to run and fails unless every name of
# tests/expected.txt is among them: a test file that nobody includes any more, or a test that
# somebody ignored, must not pass for a test that passed.
set -euo pipefail
cd "$(dirname "$0")/.."
there=$(mktemp)
trap 'rm -f "$there"' EXIT
# nextest writes `binary-id test::name`, cargo test the name alone.
sed 's/.* //' >"$there"
missing=0
while read -r name; do
    case $name in '' | '#'*) continue ;; esac
    if ! grep -qxF -- "$name" "$there"; then
        echo "an expected test would not run: $name" >&2
        missing=1
    fi
done <tests/expected.txt
exit $missing
