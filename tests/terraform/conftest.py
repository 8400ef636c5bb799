"""Fixtures: Terraform, the AWS provider, moto and the stand-in for Google's provider.

scripts/terraform-for-tests.sh finds or installs them and sets the variables that name them.
"""

import json
import os
import shutil
import subprocess
import zipfile

import pytest
from servers import (
    ACCOUNT,
    NO_GOOGLE,
    CONTRACT,
    FUNCTIONS,
    HERE,
    REGION,
    ROOT,
    SOURCE_KEY,
    attached,
    google_side,
    mirrored,
    moto_server,
    provider_of_aws,
    provider_of_google,
    tick,
    variable,
)

# Generous, because Terraform may have to wait for other tests on the machine.
TIMEOUT_SECONDS = 420
# The export hour: 01:00 in Seoul.
HOUR = "2026-01-01T16:00:00Z"
# 32 zero bytes, so not a secret.
TOKEN_KEY = "landbridge-token-key-v1:" + "A" * 43 + "="


# So many lines before the error are shown. Where output is cut off, its cause must still be there.
LINES_OF_OUTPUT = 40


def cause(stdout, stderr):
    """What Terraform printed, errors first, without the plan that it prints before them."""
    lines = stdout.splitlines()
    at = next((number for number, line in enumerate(lines) if "Error:" in line), len(lines))
    errors, before = lines[at:], lines[:at]
    left_out = [f"({len(before) - LINES_OF_OUTPUT} lines left out)"] if len(before) > LINES_OF_OUTPUT else []
    return "\n".join([stderr, *errors, "", "Before that:", *left_out, *before[-LINES_OF_OUTPUT:]])


class Terraform:
    """Terraform in one folder."""

    def __init__(self, folder, variables):
        self.folder = folder
        self.variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "TF_IN_AUTOMATION": "1", "GOGC": "400"}
        self.variables |= {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": "/dev/null"} | variables

    def run(self, *arguments, expect=0):
        """Runs a command and returns what it printed."""
        command = [variable("LANDBRIDGE_TERRAFORM"), *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        output = done.stdout + done.stderr
        assert done.returncode == expect, (
            f"{' '.join(arguments)} ended with {done.returncode}:\n{cause(done.stdout, done.stderr)}"
        )
        return output


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """A copy of the files that Terraform reads, because Terraform writes next to them."""
    tree = tmp_path_factory.mktemp("terraform")
    for name in ("terraform", "infra"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return tree


@pytest.fixture(scope="session")
def google(tmp_path_factory):
    """The variables with which Terraform finds the stand-in for Google's provider."""
    with provider_of_google(tmp_path_factory.mktemp("google")) as variables:
        yield variables


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """The variables with which Terraform finds a running provider aws."""
    with provider_of_aws(tmp_path_factory.mktemp("aws")) as variables:
        yield variables


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    with moto_server(tmp_path_factory.mktemp("moto")) as moto:
        yield moto


@pytest.fixture(scope="session")
def local_google(moto, tmp_path_factory):
    """Cloud Storage, BigQuery and the token service, on the loopback interface."""
    config = ROOT / "terraform/examples/complete/landbridge.yaml"
    with google_side(moto, config, tmp_path_factory.mktemp("google"), "2026-01-02") as google:
        yield google


class Deployed:
    """The aws module, applied."""

    def __init__(self, terraform, moto, files):
        self.terraform, self.moto, self.files = terraform, moto, files
        self.outputs = json.loads(terraform.run("output", "-json", "module"))

    def role(self, name):
        """The ARN of the role of a function, of the export or of the scheduler."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/landbridge-shop-"
        return arn + {"export-role": "rds-export"}.get(name, name)


@pytest.fixture(scope="session")
def deployed(tree, moto, local_google, aws):
    """The module, applied to moto, with empty packages and the local Google's names."""
    root, packages = tree / "root", tree / "packages"
    shutil.copytree(HERE / "moto", root)
    packages.mkdir()
    for name in FUNCTIONS:
        with zipfile.ZipFile(packages / f"{name}.zip", "w") as package:
            package.writestr("bootstrap", f"not {name}")
    files = {name: tree / name for name in ("landbridge.yaml", "contract.yaml")}
    shutil.copy(ROOT / "terraform/examples/complete/landbridge.yaml", files["landbridge.yaml"])
    files["contract.yaml"].write_text(CONTRACT)
    mirror = mirrored(tree)
    terraform = Terraform(
        root,
        aws
        | {
            "TF_CLI_CONFIG_FILE": mirror,
            "TF_VAR_endpoint": moto.url,
            "TF_VAR_config_file": str(files["landbridge.yaml"]),
            "TF_VAR_contract_file": str(files["contract.yaml"]),
            "TF_VAR_package_dir": str(packages),
            "TF_VAR_google_credentials": local_google.variables["LANDBRIDGE_GCP_CREDENTIALS"],
            "TF_VAR_source_kms_key_arn": SOURCE_KEY,
            "TF_VAR_policy_tags": local_google.variables["LANDBRIDGE_POLICY_TAGS"],
        },
    )
    terraform.run("init", "-input=false", "-no-color")
    terraform.run("apply", "-auto-approve", "-input=false", "-no-color", "-parallelism=20")
    return Deployed(terraform, moto, files)


@pytest.fixture(scope="session")
def role_sessions(deployed):
    """Creates the database, returns the credentials of each role, and enforces IAM from local_google on."""
    moto = deployed.moto
    rds = moto.client("rds")
    moto.database("shop-prod")
    moto.database("payroll")
    our_tag = [{"Key": "landbridge:source", "Value": "shop"}]
    for name, source, tags in [
        ("before-the-migration", "shop-prod", []),
        ("payroll-2025", "payroll", our_tag),
        ("landbridge-shop-by-a-person", "shop-prod", []),
        (
            "landbridge-shop-20251225t1600z",
            "shop-prod",
            [*our_tag, {"Key": "landbridge:keep", "Value": "audit"}],
        ),
        ("landbridge-shop-20251224t1600z", "shop-prod", our_tag),
    ]:
        rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier=source, Tags=tags)
    moto.client("s3").create_bucket(
        Bucket="payroll-files", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    moto.client("iam").create_role(RoleName="administrator", AssumeRolePolicyDocument="{}")
    moto.client("secretsmanager").create_secret(Name="payroll/password", SecretString="not-a-secret")
    moto.client("secretsmanager").put_secret_value(
        SecretId="landbridge/shop/token-key", SecretString=TOKEN_KEY
    )
    roles = {name: moto.assume(deployed.role(name)) for name in (*FUNCTIONS, "export-role", "scheduler")}
    moto.enforce(True)
    yield roles
    moto.enforce(False)


def run(deployed, role_sessions, name, at=HOUR, google=NO_GOOGLE):
    """Runs one tick of a function's binary with its role and the variables that Terraform set.

    `google` contains the endpoints of Google.
    """
    return tick(deployed.moto, role_sessions[name], name, at, google)
