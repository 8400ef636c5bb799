"""Terraform, the AWS provider, moto and the stand-in for Google's provider.

scripts/terraform-for-tests.sh finds or installs them and says where they are.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3
import google_provider
import google_schema
import pytest
from botocore.config import Config

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
REGION = "ap-northeast-2"
ACCOUNT = "123456789012"
FUNCTIONS = ("snapshot", "export", "transfer", "load")
# Terraform may wait for the machine's other tests.
PATIENCE_SECONDS = 420


def variable(name):
    value = os.environ.get(name)
    assert value, f"{name} is not set: run these tests by `cargo test -p landbridge-tests terraform`"
    return value


def mirrored(folder):
    """A configuration of Terraform by which it takes providers from the mirror."""
    path = folder / "terraformrc"
    mirror = variable("LANDBRIDGE_TERRAFORM_MIRROR")
    path.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
    return str(path)


class Terraform:
    """Terraform in one folder."""

    def __init__(self, folder, variables):
        self.folder = folder
        self.variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "TF_IN_AUTOMATION": "1"}
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
            timeout=PATIENCE_SECONDS,
        )
        said = done.stdout + done.stderr
        assert done.returncode == expect, f"{' '.join(arguments)} ended with {done.returncode}:\n{said}"
        return said


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """What Terraform reads, copied: it writes beside its files."""
    tree = tmp_path_factory.mktemp("terraform")
    for name in ("terraform", "infra"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return tree


@pytest.fixture(scope="session")
def google(tmp_path_factory):
    """The stand-in for Google's provider with the schemas of the types that the modules use."""
    from_files = (ROOT / "terraform").glob("modules/gcp/*.tf")
    types = {name for path in from_files for name in google_schema.types_in(path.read_text())}
    schemas, version = google_schema.read(variable("LANDBRIDGE_GOOGLE_BINDINGS"), types)
    assert types <= set(schemas), f"the provider {version} has no {types - set(schemas)}"
    server, variables = google_provider.serve(schemas, tmp_path_factory.mktemp("google") / "socket")
    yield variables
    server.stop(None)


class Moto:
    """A running moto and what asks it."""

    def __init__(self, url, log):
        self.url, self.log = url, log

    def client(self, service, credentials=None):
        """A client as the account's administrator, or with the credentials of a role."""
        given = credentials or {
            "AccessKeyId": "tests",
            "SecretAccessKey": "of-no-value",
            "SessionToken": None,
        }
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def enforce(self, on):
        """Whether IAM counts."""
        body, kind = (b"0" if on else b"inf"), {"Content-Type": "text/plain"}
        request = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", data=body, headers=kind, method="POST"
        )
        urllib.request.urlopen(request, timeout=30).read()

    def denied(self):
        """What was refused so far, one line each."""
        return [line for line in self.log.read_text().splitlines() if line.startswith("DENIED ")]

    def assume(self, arn):
        return self.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")["Credentials"]


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("w") as out:
        command = [sys.executable, HERE / "moto_server.py", "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        for _ in range(600):
            time.sleep(0.1)
            found = [line for line in log.read_text().splitlines() if "Running on " in line]
            assert process.poll() is None, log.read_text()
            if found:
                break
        yield Moto(found[0].partition("Running on ")[2].strip(), log)
    finally:
        process.kill()
        process.wait()
        if os.environ.get("LANDBRIDGE_KEEP_LOG"):
            shutil.copy(log, os.environ["LANDBRIDGE_KEEP_LOG"])


class Deployed:
    """The aws module, applied."""

    def __init__(self, terraform, moto, files):
        self.terraform, self.moto, self.files = terraform, moto, files
        self.outputs = json.loads(terraform.run("output", "-json", "module"))

    def role(self, name):
        """The ARN of a function's role, of the export's or of the scheduler's."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/landbridge-shop-"
        return arn + {"export-role": "rds-export"}.get(name, name)


@pytest.fixture(scope="session")
def deployed(tree, moto):
    """The module over moto, with packages that hold nothing."""
    root, packages = tree / "root", tree / "packages"
    shutil.copytree(HERE / "moto", root)
    packages.mkdir()
    for name in FUNCTIONS:
        with zipfile.ZipFile(packages / f"{name}.zip", "w") as package:
            package.writestr("bootstrap", f"not {name}")
    files = {name: tree / name for name in ("landbridge.yaml", "contract.yaml")}
    for name, path in files.items():
        shutil.copy(ROOT / "terraform/examples/complete" / name, path)
    mirror = mirrored(tree)
    terraform = Terraform(
        root,
        {
            "TF_CLI_CONFIG_FILE": mirror,
            "TF_VAR_endpoint": moto.url,
            "TF_VAR_config_file": str(files["landbridge.yaml"]),
            "TF_VAR_contract_file": str(files["contract.yaml"]),
            "TF_VAR_package_dir": str(packages),
        },
    )
    terraform.run("init", "-input=false", "-no-color")
    terraform.run("apply", "-auto-approve", "-input=false", "-no-color", "-parallelism=20")
    return Deployed(terraform, moto, files)
