#!/bin/sh
# The tests start a temporary MariaDB server. This script checks that its programs
# (mariadb-install-db, mariadbd) are installed: it looks where the tests look, installs Debian's
# packages with apt-get if they are missing, or prints what to install. Safe to repeat.
set -eu

present() {
    for program in mariadb-install-db mariadbd my_print_defaults; do
        PATH=$PATH:/usr/sbin command -v $program >/dev/null 2>&1 || return 1
    done
    echo "found MariaDB's server programs: $(PATH=$PATH:/usr/sbin command -v mariadbd)"
}

missing() {
    cat >&2 <<'TEXT'
MariaDB's server programs (mariadb-install-db, mariadbd, my_print_defaults) are missing.
Install them with
  Debian, Ubuntu   apt-get install mariadb-server-core mariadb-client-core
  Fedora           dnf install mariadb-server
  Alpine           apk add mariadb
  macOS            brew install mariadb
TEXT
    exit 1
}

present && exit 0

. "$(dirname "$0")/apt-packages.sh"
# The core packages contain only the programs; no service is configured or started. The client package
# contains my_print_defaults, which mariadb-install-db calls.
apt_packages mariadb-server-core mariadb-client-core || missing
present || missing
