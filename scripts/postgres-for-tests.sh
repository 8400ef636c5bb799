#!/bin/sh
# The tests start a temporary PostgreSQL server. This script checks that its programs (initdb,
# postgres) are installed: it looks where the tests look, installs Debian's package with apt-get if
# they are missing, or prints what to install. Safe to repeat.
set -eu

present() {
    for folder in /usr/lib/postgresql/*/bin $(printf '%s' "$PATH" | tr ':' ' '); do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            echo "found PostgreSQL's server programs in $folder"
            return 0
        fi
    done
    return 1
}

missing() {
    cat >&2 <<'TEXT'
PostgreSQL's server programs (initdb, postgres) are missing. Install them with
  Debian, Ubuntu   apt-get install postgresql
  Fedora           dnf install postgresql-server
  Alpine           apk add postgresql
  macOS            brew install postgresql@17    (and put its bin folder on PATH)
TEXT
    exit 1
}

present && exit 0

command -v apt-get >/dev/null 2>&1 || missing
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
else
    missing
fi

# Do not create Debian's default cluster: the tests create their own.
$as_root mkdir -p /etc/postgresql-common
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq || missing
$as_root apt-get install -y -qq --no-install-recommends postgresql >/dev/null || missing
present || missing
