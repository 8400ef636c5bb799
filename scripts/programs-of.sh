#!/usr/bin/env bash
# Builds the functions of an earlier version from its own sources, and prints the folder that contains them:
# scripts/programs-of.sh v0.2.0. Builds once for each commit, in target/earlier.
set -euo pipefail
cd "$(dirname "$0")/.."
place=${CARGO_TARGET_DIR:-$PWD/target}/earlier
[ -n "${1:-}" ] || { echo "programs-of: give a tag or a commit, for example: scripts/programs-of.sh v0.2.0" >&2; exit 1; }
commit=$(git rev-parse --quiet --verify "$1^{commit}") || {
    echo "programs-of: this repository has no $1; run 'git fetch --tags'" >&2
    exit 1
}
functions=$place/$commit
if [ ! -d "$functions" ]; then
    source=$(mktemp -d)
    trap 'rm -rf "$source"' EXIT
    git archive "$commit" | tar -x -C "$source"
    packages=()
    for folder in "$source"/crates/functions/*/; do packages+=(-p "landbridge-$(basename "$folder")"); done
    echo "building the functions of $1 (once; some minutes)" >&2
    (cd "$source" && CARGO_TARGET_DIR=$place/target "${CARGO:-cargo}" build --locked "${packages[@]}" >&2)
    mkdir -p "$functions.unfinished"
    for folder in "$source"/crates/functions/*/; do cp "$place/target/debug/landbridge-$(basename "$folder")" "$functions.unfinished/"; done
    # Renamed at the end, so that an interrupted run is repeated.
    mv "$functions.unfinished" "$functions"
fi
echo "$functions"
