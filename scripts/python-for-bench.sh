#!/bin/sh
# What `make bench` needs beside the tests' Python (target/python): benches/requirements.txt, put
# into target/bench/python. The script adds it where it is needed, since two DuckDBs cannot share
# one environment. Harmless to repeat.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
wanted=$root/benches/requirements.txt
place=$target/bench/python

"$root/scripts/python-for-tests.sh"
if [ ! -x "$target/python/bin/python" ]; then
    echo "rewriting is compared with others by a Python script: it needs python3" >&2
    exit 1
fi
if cmp -s "$wanted" "$place/stamp"; then
    exit 0
fi
rm -rf "$place"
mkdir -p "$place"
"$target/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$place" -r "$wanted"
# Last, so that a run that broke off is repeated.
cp "$wanted" "$place/stamp"
