"""What a release contains, and what the aws module accepts of it."""

import hashlib
import json
import os
import re
import shutil
import subprocess

import pytest
import yaml
from conftest import Terraform
from servers import CONTRACT, FUNCTIONS, HERE, ROOT, SOURCE_KEY, mirrored, variable

RELEASE = "v9.9.9"
CREDENTIALS = json.dumps({"type": "external_account", "audience": "//iam.googleapis.com/none"})
TAG = "projects/shop-analytics/locations/asia-northeast3/taxonomies/1/policyTags/"


def packages(folder):
    """The packages of a release, as scripts/release.sh lays them out."""
    folder.mkdir()
    lines = []
    for name in FUNCTIONS:
        content = b"a package of " + name.encode()
        (folder / f"{name}.zip").write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}.zip\n")
    (folder / "SHA256SUMS").write_text("".join(lines))
    (folder / "RELEASE").write_text(f"{RELEASE} arm64\n")
    return folder


@pytest.fixture(scope="module")
def module(tree, moto, aws, tmp_path_factory):
    """The aws module with the release's packages; a plan reads the account only."""
    place = tmp_path_factory.mktemp("release")
    root = tree / "of-a-release"
    shutil.copytree(HERE / "moto", root)
    (place / "contract.yaml").write_text(CONTRACT)
    config = ROOT / "terraform/examples/complete/landbridge.yaml"
    classes = yaml.safe_load(config.read_text())["pii"]["classes"]
    tags = {name: f"{TAG}{number}" for number, name in enumerate([*classes, "unclassified"])}
    inputs = aws | {
        "TF_CLI_CONFIG_FILE": mirrored(place),
        "TF_VAR_endpoint": moto.url,
        "TF_VAR_config_file": str(config),
        "TF_VAR_contract_file": str(place / "contract.yaml"),
        "TF_VAR_package_dir": str(packages(place / "lambda")),
        "TF_VAR_release": RELEASE,
        "TF_VAR_google_credentials": CREDENTIALS,
        "TF_VAR_source_kms_key_arn": SOURCE_KEY,
        "TF_VAR_policy_tags": json.dumps(tags),
    }
    terraform = Terraform(root, inputs)
    terraform.run("init", "-input=false", "-no-color")
    return terraform, place / "lambda"


def plan(terraform, expect=0, **inputs):
    terraform.variables |= {f"TF_VAR_{name}": value for name, value in inputs.items()}
    output = terraform.run("plan", "-input=false", "-no-color", expect=expect)
    return " ".join(output.replace("│", "").split())


def test_the_packages_of_a_release_are_planned(module):
    terraform, _ = module
    assert "Plan: " in plan(terraform)


def test_another_release_is_refused(module):
    terraform, folder = module
    output = plan(terraform, expect=1, release="v9.9.10")
    assert f"the packages of {RELEASE} arm64, and release is v9.9.10 for arm64" in output
    assert "landbridge-v9.9.10-lambda-arm64.tar.gz" in output
    (folder / "RELEASE").rename(folder / "gone")
    try:
        assert "no packages of a release" in plan(terraform, expect=1, release=RELEASE)
    finally:
        (folder / "gone").rename(folder / "RELEASE")


def test_a_package_with_another_checksum_is_refused(module):
    terraform, folder = module
    # A byte more, a package that is missing, and one that the list does not contain.
    with (folder / "load.zip").open("ab") as file:
        file.write(b".")
    (folder / "export.zip").unlink()
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(it for it in sums.read_text().splitlines(True) if "transfer.zip" not in it))
    output = plan(terraform, expect=1, release=RELEASE)
    refused = re.findall(r"/(\w+)\.zip is missing or is not the package of the release", output)
    assert sorted(refused) == ["export", "load", "transfer"], output


def test_what_init_writes_outside_the_checkout_is_valid_and_planned_in_both_clouds(tree, google, moto, tmp_path):
    """`landbridge init` in an empty directory, with the modules of a checkout elsewhere.

    Terraform uses a relative path in place. The repository of an absolute one it copies, once per module and with
    the build results: that filled a disk.
    """
    (tree / "target").mkdir(exist_ok=True)
    (tree / "target/result").touch()
    folder = tmp_path / "infrastructure"
    folder.mkdir()
    command = [variable("LANDBRIDGE_CLI"), "init", "--no-look", "--region", "us-east-1"]
    command += ["--source", "orders-prod", "--kind", "cluster", "--account", "123456789012"]
    command += ["--project", "orders-analytics", "--masked-reader", "group:analysts@example.com"]
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    refused = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2 and "not of a published release" in refused.stderr, refused
    assert not list(folder.iterdir())
    command += ["--modules", tree / "terraform/modules", "--output", "json"]
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    account = {"AWS_ENDPOINT_URL": moto.url, "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "of-no-value"}
    account["TF_VAR_package_dir"] = str(packages(tmp_path / "lambda"))
    terraform = Terraform(folder, google | account | {"TF_CLI_CONFIG_FILE": mirrored(tmp_path)})
    terraform.run("fmt", "-check", "-diff")
    terraform.run("init", "-input=false", "-no-color")
    assert "The configuration is valid" in terraform.run("validate", "-no-color")
    assert not list(folder.rglob("result")), "Terraform copied the build results"
    # The modules also read `infra` of the checkout, which only a plan shows.
    assert "Plan: " in terraform.run("plan", "-input=false", "-no-color")
    # The steps that it prints run here, as far as they need no cloud.
    check = next(step for step in json.loads(done.stdout)["next"] if step.startswith("landbridge check"))
    program = str(variable("LANDBRIDGE_CLI"))
    words = [program, *check.split()[1:]]
    done = subprocess.run(words, cwd=folder, env=clean, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
