#!/usr/bin/env bash
# The tests in tests/terraform need Terraform, the AWS provider, checkov, and the bindings that contain
# the schema of the Google provider. This script looks for the first two (only HashiCorp distributes
# them) and installs the others from PyPI into target/terraform. Safe to repeat.
#
#   LANDBRIDGE_TERRAFORM          the terraform program; default: `terraform` on PATH
#   LANDBRIDGE_TERRAFORM_MIRROR   a folder with the AWS provider, created by `terraform providers mirror`;
#                                 default: the first of the usual folders that has it, else a new
#                                 mirror if the registry is reachable
#   LANDBRIDGE_SKIP_TERRAFORM=1   skip these tests, with a visible warning
#
# Writes the variables that the tests need as NAME=VALUE lines to target/terraform/env.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
place=${CARGO_TARGET_DIR:-$root/target}/terraform
# This package's README states the provider's version: 8.7.0.
bindings=cdktn-provider-google==21.1.0
# The same of the beta edition, which has the schedules of Dataform.
beta_bindings=cdktn-provider-google-beta==21.1.0
checkov=checkov==3.3.30
provider=5.100.0

missing() {
    echo "the Terraform tests cannot run: $1" >&2
    echo "$2, or skip these tests with LANDBRIDGE_SKIP_TERRAFORM=1" >&2
    exit 3 # scripts/test.sh then skips these tests, with a warning
}

if [ "${LANDBRIDGE_SKIP_TERRAFORM:-}" = 1 ]; then
    rm -f "$place/env"
    echo "================================================================================" >&2
    echo "  LANDBRIDGE_SKIP_TERRAFORM=1: terraform/ and infra/policies are NOT TESTED." >&2
    echo "================================================================================" >&2
    exit 0
fi

if ! command -v python3 >/dev/null 2>&1; then
    echo "python3 is not installed: the tests of terraform/ will not run (scripts/python-for-tests.sh prints what to install)" >&2
    exit 0
fi

program=${LANDBRIDGE_TERRAFORM:-$(command -v terraform || true)}
[ -n "$program" ] && [ -x "$program" ] ||
    missing "terraform is not on PATH" "install Terraform 1.9 or newer (https://developer.hashicorp.com/terraform/install)"

mkdir -p "$place"
binaries() { find "$1" -path "*hashicorp/aws/*$provider*" -name 'terraform-provider-aws*' 2>/dev/null | head -n 1; }
mirror=${LANDBRIDGE_TERRAFORM_MIRROR:-}
if [ -z "$mirror" ]; then
    for usual in "${HOME:-/root}/.terraform.d/plugins" /usr/local/share/terraform/plugins /opt/tf-plugins; do
        if [ -n "$(binaries "$usual")" ]; then mirror=$usual && break; fi
    done
fi
if [ -z "$mirror" ] || [ -z "$(binaries "$mirror")" ]; then
    mirror=$place/mirror
    if [ -z "$(binaries "$mirror")" ]; then
        echo "downloading the AWS provider $provider into $mirror (once; about 150 MB)"
        asked=$(mktemp -d)
        printf 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws", version = "%s" }\n  }\n}\n' "$provider" >"$asked/main.tf"
        (cd "$asked" && TF_CLI_CONFIG_FILE=/dev/null "$program" providers mirror "$mirror") ||
            missing "the AWS provider $provider was not found and could not be downloaded" \
                "set LANDBRIDGE_TERRAFORM_MIRROR to a folder created by \`terraform providers mirror\`"
        rm -rf "$asked"
    fi
fi

wanted=$(printf '%s\n' "$bindings" "$checkov" "$(python3 -c 'import sys; print(sys.version, sys.executable)')" | cksum)
if [ "$(cat "$place/stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "installing checkov and the bindings of the Google provider in $place (once; about 60 s)"
    rm -rf "$place/checkov" "$place/bindings" "$place/stamp"
    # checkov has its own environment because it needs other versions of boto3 and more.
    python3 -m venv "$place/checkov"
    pip=("$place/checkov/bin/python" -m pip --quiet --disable-pip-version-check)
    "${pip[@]}" install "$checkov" && "${pip[@]}" download --no-deps -d "$place/bindings" "$bindings" ||
        missing "pip could not install $checkov and $bindings" "check that PyPI is reachable"
    # Written last, so that an interrupted run is repeated.
    printf '%s\n' "$wanted" >"$place/stamp"
fi

beta_wheel=$place/beta-bindings/${beta_bindings//-/_}-py3-none-any.whl
beta_wheel=${beta_wheel/==/-}
if [ ! -e "$beta_wheel" ]; then
    echo "downloading the bindings of the beta edition of the Google provider (once; 70 MB)"
    "$place/checkov/bin/python" -m pip --quiet --disable-pip-version-check download --no-deps -d "$place/beta-bindings" "$beta_bindings" ||
        missing "pip could not download $beta_bindings" "check that PyPI is reachable"
fi

cat >"$place/env" <<ENV
LANDBRIDGE_TERRAFORM=$program
LANDBRIDGE_TERRAFORM_MIRROR=$mirror
LANDBRIDGE_CHECKOV=$place/checkov/bin/checkov
LANDBRIDGE_GOOGLE_BINDINGS=$(ls "$place"/bindings/*.whl)
LANDBRIDGE_GOOGLE_BETA_BINDINGS=$beta_wheel
ENV
echo "the Terraform tests are ready: $(TF_CLI_CONFIG_FILE=/dev/null "$program" version | head -n 1), AWS provider in $mirror"
