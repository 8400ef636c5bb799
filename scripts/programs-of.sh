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
    # Each function was a package of its own until 0.1.0; since then they are the programs of one package.
    packages=() programs=()
    if [ -d "$source/crates/functions/src/bin" ]; then
        packages=(-p landbridge-functions)
        for file in "$source"/crates/functions/src/bin/*.rs; do programs+=("$(basename "$file" .rs)"); done
    else
        for folder in "$source"/crates/functions/*/; do
            program=landbridge-$(basename "$folder")
            packages+=(-p "$program")
            programs+=("$program")
        done
    fi
    echo "building the functions of $1 (once; some minutes)" >&2
    (cd "$source" && CARGO_TARGET_DIR=$place/target "${CARGO:-cargo}" build --locked "${packages[@]}" >&2)
    mkdir -p "$functions.unfinished"
    for program in "${programs[@]}"; do cp "$place/target/debug/$program" "$functions.unfinished/"; done
    # Renamed at the end, so that an interrupted run is repeated.
    mv "$functions.unfinished" "$functions"
fi
echo "$functions"
