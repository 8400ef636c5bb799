"""The modules, planned on the state that the recorded release left (tests/releases): an upgrade replaces and
destroys nothing that holds data, protects it or opens it.

scripts/record-release.sh makes a recording (record_release.py).
"""

import json
import shutil

import pytest
import yaml
from conftest import Terraform
from google_cloud import GoogleCloud
from servers import HERE, ROOT, SOURCE_KEY, CONTRACT, FUNCTIONS, mirrored, provider_of_google
from test_google_apply import Deployment

RELEASES = ROOT / "tests/releases"
# What an upgrade must never replace or destroy.
KEPT = {
    "gcp": {
        "google_bigquery_dataset",
        "google_bigquery_datapolicy_data_policy",
        "google_bigquery_datapolicy_data_policy_iam_binding",
        "google_data_catalog_policy_tag",
        "google_data_catalog_policy_tag_iam_binding",
        "google_data_catalog_taxonomy",
        "google_iam_workload_identity_pool",
        "google_iam_workload_identity_pool_provider",
        "google_logging_project_bucket_config",
        "google_storage_bucket",
        "google_storage_bucket_iam_policy",
    },
    "aws": {
        "aws_iam_role",
        "aws_kms_alias",
        "aws_kms_key",
        "aws_lambda_function",
        "aws_s3_bucket",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_secretsmanager_secret",
        "aws_sns_topic",
        "aws_sqs_queue",
    },
}


def recorded():
    """The folder of the newest recording."""
    return RELEASES / (RELEASES / "newest").read_text().strip()


def destroyed(terraform):
    """The resources that the plan destroys or replaces: type → addresses."""
    terraform.run("plan", "-input=false", "-no-color", "-refresh=false", "-out=planned")
    plan = json.loads(terraform.run("show", "-json", "planned"))
    found = {}
    for it in plan["resource_changes"]:
        if "delete" in it["change"]["actions"]:
            found.setdefault(it["type"], []).append(it["address"])
    return found


@pytest.fixture
def google_module(tree, tmp_path):
    """The gcp module in a folder with the configuration of the recording."""
    folder = tmp_path / "google"
    folder.mkdir()
    shutil.copytree(
        tree / "terraform/modules/gcp", folder / "gcp", ignore=shutil.ignore_patterns(".terraform*", "tests")
    )
    cloud = GoogleCloud()
    with provider_of_google(folder, cloud) as variables:
        yield Deployment(folder, variables, cloud, recorded() / "terraform.landbridge.yaml")


def test_on_google_cloud_an_upgrade_destroys_nothing_that_holds_or_protects_data(google_module):
    shutil.copy(recorded() / "google.state.json", google_module.folder / "terraform.tfstate")
    found = destroyed(google_module.terraform)
    assert not set(found) & KEPT["gcp"], found
    # The check sees a replacement: another location is one, of the tables' dataset among others.
    google_module.config["warehouse"]["location"] = "europe-west3"
    google_module.write()
    google_module.set(deletion_protection=False, tag_deletion_policy="DELETE")
    assert {"google_bigquery_dataset", "google_data_catalog_taxonomy", "google_storage_bucket"} <= set(
        destroyed(google_module.terraform)
    )


def test_on_aws_an_upgrade_destroys_nothing_that_holds_data_or_a_key(tree, moto, aws, tmp_path):
    state = json.loads((recorded() / "aws.state.json").read_text())
    root = tree / "upgraded"
    shutil.copytree(HERE / "moto", root)
    (root / "terraform.tfstate").write_text(json.dumps(state))
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in FUNCTIONS:
        (packages / f"{name}.zip").write_bytes(b"another version of " + name.encode())
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    config = yaml.safe_load((recorded() / "terraform.landbridge.yaml").read_text())
    (tmp_path / "landbridge.yaml").write_text(yaml.safe_dump(config))
    functions = [it for it in state["resources"] if it["type"] == "aws_lambda_function"]
    variables = functions[0]["instances"]
    load = next(it for it in variables if it["index_key"] == "load")["attributes"]["environment"][0]["variables"]
    tags = json.loads(load["LANDBRIDGE_POLICY_TAGS"])
    prefix = tags.pop("*", "")
    inputs = aws | {
        "TF_CLI_CONFIG_FILE": mirrored(tmp_path),
        "TF_VAR_endpoint": moto.url,
        "TF_VAR_config_file": str(tmp_path / "landbridge.yaml"),
        "TF_VAR_contract_file": str(tmp_path / "contract.yaml"),
        "TF_VAR_package_dir": str(packages),
        "TF_VAR_google_credentials": load["LANDBRIDGE_GCP_CREDENTIALS"],
        "TF_VAR_source_kms_key_arn": SOURCE_KEY,
        "TF_VAR_policy_tags": json.dumps({name: prefix + tag for name, tag in tags.items()}),
    }
    terraform = Terraform(root, inputs)
    terraform.run("init", "-input=false", "-no-color")
    found = destroyed(terraform)
    assert not set(found) & KEPT["aws"], found
    # The check sees a replacement: another name of the bucket is one.
    config["export"]["bucket"] += "-2"
    (tmp_path / "landbridge.yaml").write_text(yaml.safe_dump(config))
    assert "aws_s3_bucket" in destroyed(terraform)
