#!/bin/sh
# The tests of models/ use dbt and Google's analyser of GoogleSQL. This script installs them into a
# Python environment of their own, target/models: their requirements differ from those of the other
# tests; and Dataform's command line from npm into target/models/node. Safe to repeat: it does
# nothing while the versions are unchanged.
#
# Without Python 3.10 to 3.13, or without npm, it prints a visible warning and succeeds; the tests
# then print a warning too.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
place=${CARGO_TARGET_DIR:-$root/target}/models
requirements=$root/tests/models/requirements.txt

warn() {
    cat >&2 <<TEXT
================================================================================
  NO DBT FOR THE TESTS: $1
  The tests of models/ will NOT run.
  $2
================================================================================
TEXT
}

dataform() {
    if ! command -v npm >/dev/null 2>&1; then
        rm -rf "$place/node"
        echo "NO NPM: the Dataform repository will NOT be compiled by the tests. Debian, Ubuntu: apt-get install npm" >&2
        return
    fi
    [ "$(cat "$place/node/stamp" 2>/dev/null)" = "$packages" ] && return
    rm -rf "$place/node"
    mkdir -p "$place/node"
    # Without install scripts: Dataform's command line needs none.
    if ! (cd "$place/node" && npm install --silent --no-audit --no-fund --ignore-scripts $packages >/dev/null); then
        rm -rf "$place/node"
        echo "npm could not install $packages: check that the npm registry is reachable" >&2
        exit 1
    fi
    printf '%s\n' "$packages" >"$place/node/stamp"
}

packages="@dataform/cli@3.0.69 @dataform/core@3.0.62"
# dbt-core 1.11 supports Python 3.10 to 3.13.
python=
for name in python3 python3.13 python3.12 python3.11 python3.10; do
    if command -v $name >/dev/null 2>&1 &&
        $name -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    rm -rf "$place"
    warn "no Python 3.10 to 3.13 with its venv module on PATH" "Debian, Ubuntu: apt-get install python3-venv"
    exit 0
fi

wanted=$({ $python -c 'import sys; print(sys.version, sys.executable)'; cat "$requirements"; } | cksum)
if [ -x "$place/bin/python" ] && [ "$(cat "$place/stamp" 2>/dev/null)" = "$wanted" ]; then
    dataform
    echo "dbt for the tests is ready in $place"
    exit 0
fi

rm -rf "$place"
echo "installing dbt and zetasql in $place (once; about 40 s)"
$python -m venv "$place"
if ! "$place/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"; then
    rm -rf "$place"
    warn "pip could not install $requirements" "Check that PyPI is reachable."
    exit 1
fi
# Compiles Google's engine once (15 s); the tests find the result beside this Python.
(cd "$root/tests/models" && PYTHONDONTWRITEBYTECODE=1 "$place/bin/python" -c 'import googlesql; googlesql.Engine()')
# Written last, so that an interrupted run is repeated.
printf '%s\n' "$wanted" >"$place/stamp"
dataform
echo "dbt for the tests is ready in $place"
