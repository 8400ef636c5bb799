#!/bin/sh
# Finds dependencies in the manifests that no code uses.
set -eu
cd "$(dirname "$0")/.."
place=${CARGO_TARGET_DIR:-$PWD/target}/lint/dependencies
wanted=0.9.2
if [ "$(cat "$place/stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "building cargo-machete $wanted in $place (once; two minutes)"
    # A target directory of its own: the flags and features of the workspace would be built a second time otherwise.
    CARGO_TARGET_DIR=$place/target "${CARGO:-cargo}" install --quiet --locked --force --root "$place" "cargo-machete@$wanted"
    rm -rf "$place/target"
    printf '%s\n' "$wanted" >"$place/stamp"
fi
# With the metadata of the packages, because the name of a package and the name in `use` may differ.
"$place/bin/cargo-machete" --with-metadata --skip-target-dir .
