"""Several databases in one landbridge.yaml: the plan of the aws module for each, and for a file with one database."""

import re

import pytest
import yaml
from conftest import ROOT, Terraform, mirrored

EXAMPLE = ROOT / "examples/two-databases"


@pytest.fixture(scope="module")
def module(tree, aws):
    terraform = Terraform(tree / "terraform/modules/aws", aws | {"TF_CLI_CONFIG_FILE": mirrored(tree)})
    terraform.run("init", "-input=false", "-no-color")
    return terraform


def test_the_plan_passes_the_modules_tests(module):
    output = module.run("test", "-no-color")
    assert " 0 failed" in output and "skip" not in output, output
    text = (module.folder / "tests/plan.tftest.hcl").read_text()
    assert output.count("... pass") == text.count('\nrun "') + 1, output


def test_a_database_that_reaches_another_fails_the_plan(module):
    """The test of the plan fails if the policies name what all databases share instead of the database's own."""
    path = module.folder / "locals.tf"
    good = path.read_text()
    right = "source   = local.config.source.name"
    right = right if right in good else re.search(r"source +=\s+local\.config\.source\.name", good).group()
    try:
        path.write_text(good.replace(right, "source = local.file.source.name"))
        output = module.run("test", "-no-color", expect=1)
        assert 'run "another_database_has_functions_and_rights_of_its_own"... fail' in output, output
    finally:
        path.write_text(good)


def test_the_example_of_terraform_is_the_example():
    """Both examples describe the same deployment; only the paths of the schemas differ."""
    other = ROOT / "terraform/examples/two-databases"
    for name in ("landbridge.yaml", "contracts/shop.yaml", "contracts/billing.yaml"):
        one, two = (yaml.safe_load((folder / name).read_text()) for folder in (EXAMPLE, other))
        assert one == two, name
