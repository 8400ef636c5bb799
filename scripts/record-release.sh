#!/usr/bin/env bash
# Records what a release leaves in both clouds, in tests/releases: two published days of its functions on the local
# cloud, and the state of its Terraform modules. Later versions are tested on it. Run it once, right after the tag:
#
#   scripts/record-release.sh v0.2.0 [FOLDER]
#
# FOLDER has the functions of the release; default: they are built from the tag. The modules are the ones in this
# checkout, so HEAD must be the tag's commit, or differ in nothing below terraform/ and infra/.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 1; }
name=${1#v}
cargo=${CARGO:-cargo}
git diff --quiet "$1" -- terraform/modules terraform/examples infra || {
    echo "record-release: terraform/ or infra/ differ from $1; check out $1 with 'git worktree add'" >&2
    exit 1
}
functions=${2:-$(scripts/programs-of.sh "$1")}
"$cargo" build --workspace --bins
target=${CARGO_TARGET_DIR:-$PWD/target}
export RECORD_RELEASE=$name
LANDBRIDGE_UPGRADE_FROM=$functions "$cargo" nextest run --workspace -E 'test(=upgrade::a_recording_restores_what_was_recorded)'
scripts/python-for-tests.sh
scripts/terraform-for-tests.sh
set -a
. "$target/terraform/env"
set +a
export LANDBRIDGE_CLI=$target/debug/landbridge LANDBRIDGE_FUNCTIONS=$target/debug
(cd tests/terraform && "$target/python/bin/python" -m pytest --color=no record_release.py)
echo "recorded in tests/releases/$name; commit it"
