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

. "$(dirname "$0")/apt-packages.sh"
# Do not create Debian's default cluster: the tests create their own.
if command -v apt-get >/dev/null 2>&1 && [ "$as_root" != none ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    $as_root mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
apt_packages postgresql || missing
present || missing
