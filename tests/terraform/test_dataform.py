"""The dataform module against the schema of the beta edition of Google's provider."""

import re
import shutil

import pytest
from conftest import ROOT, Terraform
from servers import provider_of_google


@pytest.fixture(scope="session")
def beta(tmp_path_factory):
    """The variables with which Terraform finds the stand-in for the beta edition."""
    folder = tmp_path_factory.mktemp("beta")
    with provider_of_google(folder, edition="google-beta", module="dataform") as variables:
        yield variables


def copied(tree, tmp_path):
    copy = tmp_path / "terraform"
    shutil.copytree(tree / "terraform", copy, ignore=shutil.ignore_patterns(".terraform*"))
    return copy / "modules/dataform"


def test_the_module_is_valid_and_its_plan_passes_its_tests(tree, beta, tmp_path):
    folder = copied(tree, tmp_path)
    terraform = Terraform(folder, beta)
    terraform.run("init", "-input=false", "-no-color")
    assert "The configuration is valid" in terraform.run("validate", "-no-color")
    output = terraform.run("test", "-no-color")
    written = (folder / "tests/plan.tftest.hcl").read_text().count('\nrun "')
    assert " 0 failed" in output and output.count("... pass") == written + 1, output


@pytest.mark.parametrize(
    ("right", "wrong", "run"),
    [
        ("    service_account = var.service_account\n", "", "the_models_run_every_day"),
        ("  git_commitish = ", "  git_commit    = ", 'An argument named "git_commit" is not expected here'),
        ("^landbridge-[a-z0-9-]*models@", "^.*@", "another_account_is_refused"),
        ("time_zone     = local.zone", 'time_zone     = "UTC"', "the_models_run_every_day"),
    ],
)
def test_a_schedule_that_runs_as_another_account_or_at_another_time_fails(tree, beta, tmp_path, right, wrong, run):
    folder = copied(tree, tmp_path)
    text = (folder / "main.tf").read_text()
    assert right in text
    (folder / "main.tf").write_text(text.replace(right, wrong))
    terraform = Terraform(folder, beta)
    terraform.run("init", "-input=false", "-no-color")
    output = terraform.run("test", "-no-color", expect=1)
    assert run in re.sub(r"\s+", " ", output.replace("│", "")), output


def test_the_stable_provider_does_not_have_these_resources_yet():
    """When it has them, they belong in the gcp module, and this module can go."""
    with pytest.raises(AssertionError, match="google_dataform_repository_release_config"):
        with provider_of_google(ROOT, module="dataform"):
            pass
