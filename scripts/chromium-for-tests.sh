#!/bin/sh
# The tests of the console drive a real browser. This script checks that Chromium is installed, installs Debian's package
# with apt-get if it is missing, or prints what to install. Safe to repeat.
#
# Without Chromium, it prints a visible warning and succeeds; the tests then print a warning too, and fail with
# LANDBRIDGE_REQUIRE_CHROMIUM=1.
set -eu

present() {
    program=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || return 1
    echo "found Chromium: $program"
}

missing() {
    cat >&2 <<'TEXT'
================================================================================
  NO CHROMIUM FOR THE TESTS: the tests in console:: will NOT run.
  Install it with
    Debian           apt-get install chromium fonts-inter fonts-noto-cjk
    Fedora           dnf install chromium
    Alpine           apk add chromium
================================================================================
TEXT
    exit 0
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

# The fonts are for screenshots: Korean text would be boxes.
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq || missing
$as_root apt-get install -y -qq --no-install-recommends chromium fonts-inter fonts-noto-cjk >/dev/null || missing
present || missing
