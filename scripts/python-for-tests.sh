#!/bin/sh
# Some tests drive the local cloud with clients that others wrote (boto3, Google's
# Python libraries), the functions against a server that others wrote (moto), and read what is
# rewritten with readers that others wrote (DuckDB, pyarrow).
# This puts them into a Python environment of its own, target/python. Harmless to
# repeat: it does nothing while the requirements files stay as they are.
#
# Without Python 3 it says so loudly and ends well; the tests then say so too.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
place=${CARGO_TARGET_DIR:-$root/target}/python

loudly() {
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
    loudly "there is no python3 on PATH" "Install Python 3.10 or newer, with its venv module."
    exit 0
fi

set -- "$root/tests/clients/requirements.txt" "$root/tests/moto/requirements.txt" "$root/tests/parquet/requirements.txt"
wanted=$({ python3 -c 'import sys; print(sys.version, sys.executable)'; cat "$@"; } | cksum)
if [ -x "$place/bin/python" ] && [ "$(cat "$place/stamp" 2>/dev/null)" = "$wanted" ]; then
    echo "the tests' Python is ready in $place"
    exit 0
fi

rm -rf "$place"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    loudly "$(python3 --version) is too old" "Install Python 3.10 or newer, with its venv module."
    exit 0
fi
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    # Debian keeps the module apart.
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        echo "installing Debian's python3-venv"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv; } >/dev/null || true
    fi
fi
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    loudly "python3 has no venv module" "Debian, Ubuntu: apt-get install python3-venv"
    exit 0
fi

echo "making the tests' Python in $place (once; some 20 s)"
python3 -m venv "$place"
if ! "$place/bin/python" -m pip install --quiet --disable-pip-version-check -r "$1" -r "$2" -r "$3"; then
    rm -rf "$place"
    loudly "pip could not install the requirements" "Is PyPI reachable? $1, $2 and $3 name them."
    exit 1
fi
# Last, so that a run that broke off is repeated.
printf '%s\n' "$wanted" >"$place/stamp"
echo "the tests' Python is ready in $place"
