#!/bin/sh
# Installs what `make bench` needs in addition to the tests' Python (target/python):
# benches/requirements.txt, into target/bench/python. It is a separate folder because two versions of
# DuckDB cannot share one environment; the benchmark adds it where needed. Safe to repeat.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
wanted=$root/benches/requirements.txt
place=$target/bench/python

"$root/scripts/python-for-tests.sh"
if [ ! -x "$target/python/bin/python" ]; then
    echo "make bench-rewrite needs python3: a Python script compares the tools" >&2
    exit 1
fi
if cmp -s "$wanted" "$place/stamp"; then
    exit 0
fi
rm -rf "$place"
mkdir -p "$place"
"$target/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$place" -r "$wanted"
# Written last, so that an interrupted run is repeated.
cp "$wanted" "$place/stamp"
