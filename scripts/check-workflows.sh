#!/bin/sh
# Checks the files for GitHub Actions against the published schemas of their formats.
set -eu
cd "$(dirname "$0")/.."
place=${CARGO_TARGET_DIR:-$PWD/target}/lint
# Its package contains the schemas, so the check needs no network once it is installed.
wanted=check-jsonschema==0.39.0
if [ "$(cat "$place/stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "installing $wanted in $place (once)"
    rm -rf "$place"
    python3 -m venv "$place"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check "$wanted"
    printf '%s\n' "$wanted" >"$place/stamp"
fi
"$place/bin/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml
"$place/bin/check-jsonschema" --builtin-schema vendor.github-actions .github/actions/*/action.yml
# An action is named by its commit, with the version behind it.
if grep -rnE '^ *-? *uses: [^.]' .github | grep -vE 'uses: [^@ ]+@[0-9a-f]{40} # v[0-9]'; then
    echo "check-workflows: pin these actions by commit, as the others" >&2
    exit 1
fi
