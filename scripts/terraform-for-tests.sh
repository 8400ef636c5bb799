#!/usr/bin/env bash
# The tests in tests/terraform need Terraform, the AWS provider, checkov, and the bindings from
# which the schema of the Google provider is read. This finds the first two (they come only from
# HashiCorp) and installs the others from PyPI into target/terraform. Harmless to repeat.
#
#   LANDBRIDGE_TERRAFORM          the program; default: `terraform` on PATH
#   LANDBRIDGE_TERRAFORM_MIRROR   a folder with the AWS provider, as `terraform providers mirror`
#                                 makes one; default: the first of the usual places that has it,
#                                 else one is made if the registry can be reached
#   LANDBRIDGE_SKIP_TERRAFORM=1   leave these tests out; said loudly
#
# Writes what the tests need as NAME=VALUE lines into target/terraform/env.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
place=${CARGO_TARGET_DIR:-$root/target}/terraform
# The provider's version is in this package's README: 8.7.0.
bindings=cdktn-provider-google==21.1.0
checkov=checkov==3.3.30
provider=5.100.0

missing() {
    echo "the Terraform tests cannot run: $1" >&2
    echo "$2, or leave them out with LANDBRIDGE_SKIP_TERRAFORM=1" >&2
    exit 3 # scripts/test.sh leaves them out then, and says so
}

if [ "${LANDBRIDGE_SKIP_TERRAFORM:-}" = 1 ]; then
    rm -f "$place/env"
    echo "================================================================================" >&2
    echo "  LANDBRIDGE_SKIP_TERRAFORM=1: nothing of terraform/ and infra/policies is tested." >&2
    echo "================================================================================" >&2
    exit 0
fi

if ! command -v python3 >/dev/null 2>&1; then
    echo "no python3: the tests of terraform/ will not run (scripts/python-for-tests.sh says what to install)" >&2
    exit 0
fi

program=${LANDBRIDGE_TERRAFORM:-$(command -v terraform || true)}
[ -n "$program" ] && [ -x "$program" ] ||
    missing "there is no terraform on PATH" "install Terraform 1.9 or newer (https://developer.hashicorp.com/terraform/install)"

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
        echo "fetching the AWS provider $provider into $mirror (once; some 150 MB)"
        asked=$(mktemp -d)
        printf 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws", version = "%s" }\n  }\n}\n' "$provider" >"$asked/main.tf"
        (cd "$asked" && TF_CLI_CONFIG_FILE=/dev/null "$program" providers mirror "$mirror") ||
            missing "the AWS provider $provider is neither here nor to be had" \
                "set LANDBRIDGE_TERRAFORM_MIRROR to a folder that \`terraform providers mirror\` made"
        rm -rf "$asked"
    fi
fi

wanted=$(printf '%s\n' "$bindings" "$checkov" "$(python3 -c 'import sys; print(sys.version, sys.executable)')" | cksum)
if [ "$(cat "$place/stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "making $place (once; some 60 s): checkov and the bindings of the Google provider"
    rm -rf "$place/checkov" "$place/bindings" "$place/stamp"
    # checkov asks for versions of boto3 and others that the other tests do not.
    python3 -m venv "$place/checkov"
    pip=("$place/checkov/bin/python" -m pip --quiet --disable-pip-version-check)
    "${pip[@]}" install "$checkov" && "${pip[@]}" download --no-deps -d "$place/bindings" "$bindings" ||
        missing "pip could not install $checkov and $bindings" "see whether PyPI can be reached"
    # Last, so that a run that broke off is repeated.
    printf '%s\n' "$wanted" >"$place/stamp"
fi

cat >"$place/env" <<ENV
LANDBRIDGE_TERRAFORM=$program
LANDBRIDGE_TERRAFORM_MIRROR=$mirror
LANDBRIDGE_CHECKOV=$place/checkov/bin/checkov
LANDBRIDGE_GOOGLE_BINDINGS=$(ls "$place"/bindings/*.whl)
ENV
echo "Terraform's tests are ready: $(TF_CLI_CONFIG_FILE=/dev/null "$program" version | head -n 1), AWS provider in $mirror"
