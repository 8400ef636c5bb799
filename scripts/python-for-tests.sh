#!/bin/sh
# Some tests use software written by others: clients of the local cloud (boto3, Google's Python
# libraries), a server for the functions (moto), readers of rewritten Parquet files (DuckDB,
# pyarrow), and a driver of Chromium (Playwright). This script installs them into their own Python environment, target/python. Safe to
# repeat: it does nothing while the requirements files are unchanged.
#
# Without Python 3, it prints a visible warning and succeeds; the tests then print a warning too.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
place=${CARGO_TARGET_DIR:-$root/target}/python

warn() {
    cat >&2 <<TEXT
================================================================================
  NO PYTHON FOR THE TESTS: $1
  The tests with boto3, Google's Python clients, moto, DuckDB and pyarrow will NOT run.
  $2
================================================================================
TEXT
}

if ! command -v python3 >/dev/null 2>&1; then
    rm -rf "$place"
    warn "python3 is not on PATH" "Install Python 3.10 or newer, with its venv module."
    exit 0
fi

set -- "$root/tests/clients/requirements.txt" "$root/tests/moto/requirements.txt" "$root/tests/parquet/requirements.txt" "$root/tests/console/requirements.txt"
wanted=$({ python3 -c 'import sys; print(sys.version, sys.executable)'; cat "$@"; } | cksum)
if [ -x "$place/bin/python" ] && [ "$(cat "$place/stamp" 2>/dev/null)" = "$wanted" ]; then
    echo "the tests' Python environment is ready in $place"
    exit 0
fi

rm -rf "$place"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    warn "$(python3 --version) is too old" "Install Python 3.10 or newer, with its venv module."
    exit 0
fi
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    # Debian packages the module separately.
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        echo "installing Debian's python3-venv"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv; } >/dev/null || true
    fi
fi
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    warn "python3 has no venv module" "Debian, Ubuntu: apt-get install python3-venv"
    exit 0
fi

echo "creating the tests' Python environment in $place (once; about 20 s)"
python3 -m venv "$place"
if ! "$place/bin/python" -m pip install --quiet --disable-pip-version-check -r "$1" -r "$2" -r "$3" -r "$4"; then
    rm -rf "$place"
    warn "pip could not install the requirements" "Check that PyPI is reachable. The requirements are in $1, $2, $3 and $4."
    exit 1
fi
# Written last, so that an interrupted run is repeated.
printf '%s\n' "$wanted" >"$place/stamp"
echo "the tests' Python environment is ready in $place"
