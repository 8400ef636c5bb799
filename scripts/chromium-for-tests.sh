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

. "$(dirname "$0")/apt-packages.sh"
# The fonts are for screenshots: Korean text would be boxes.
apt_packages chromium fonts-inter fonts-noto-cjk || missing
present || missing
