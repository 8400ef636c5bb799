"""The gcp module and the complete example against the schema of Google's provider."""

import re
import shutil

import pytest
from conftest import Terraform


@pytest.fixture(scope="session")
def module(tree, google):
    terraform = Terraform(tree / "terraform/modules/gcp", google)
    terraform.run("init", "-input=false", "-no-color")
    return terraform


def test_the_module_is_valid(module):
    assert "The configuration is valid" in module.run("validate", "-no-color")


def test_destroy_deletes_the_tables_before_the_tags_that_protect_them(module):
    """Terraform destroys in the reverse order of dependencies."""
    edges = module.run("graph")
    for tags in ("google_data_catalog_policy_tag.class", "google_data_catalog_taxonomy.this"):
        assert depends(edges, "google_bigquery_dataset.this", tags), edges


def depends(edges, first, second):
    """Whether `first` depends on `second` in the output of `terraform graph`, directly or not."""
    found = re.findall(r'"(?:\[root\] )?([^"]+)" -> "(?:\[root\] )?([^"]+)"', edges)
    seen, pending = set(), [first]
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            pending += [to for of, to in found if of.removesuffix(" (expand)") == node.removesuffix(" (expand)")]
    return any(node.removesuffix(" (expand)") == second for node in seen)


def test_the_plan_passes_the_modules_tests(module):
    output = module.run("test", "-no-color")
    assert " 0 failed" in output and "skip" not in output, output
    # One line per `run` of tests/*.tftest.hcl, and one for each file.
    written = sum(
        path.read_text().count('\nrun "') for path in (module.folder / "tests").glob("*.tftest.hcl")
    )
    assert output.count("... pass") == written + 1, output


@pytest.mark.parametrize(
    ("file", "right", "wrong", "message"),
    [
        (
            "landing.tf",
            "uniform_bucket_level_access =",
            "uniform_bucket_level_acces =",
            'An argument named "uniform_bucket_level_acces" is not expected here',
        ),
        (
            "masking.tf",
            "  policy_tag       =",
            "  policy_tag_name  =",
            'An argument named "policy_tag_name" is not expected here',
        ),
        (
            "masking.tf",
            '  data_policy_type = "DATA_MASKING_POLICY"\n',
            "",
            'The argument "data_policy_type" is required',
        ),
        ("federation.tf", "  aws {\n", "  amazon {\n", 'Blocks of type "amazon" are not expected here'),
    ],
)
def test_a_wrong_attribute_is_refused(tree, google, tmp_path, file, right, wrong, message):
    copy = tmp_path / "terraform"
    shutil.copytree(tree / "terraform", copy, ignore=shutil.ignore_patterns(".terraform*"))
    path = copy / "modules/gcp" / file
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong))
    terraform = Terraform(path.parent, google)
    terraform.run("init", "-input=false", "-no-color")
    assert message in terraform.run("validate", "-no-color", expect=1).replace("\n", " ").replace("│ ", "")


@pytest.mark.parametrize(
    ("file", "right", "wrong", "run"),
    [
        (
            "federation.tf",
            "assumed-role/${role}/')\"",
            "assumed-role/${role}')\"",
            "only_three_roles_of_one_account_are_trusted",
        ),
        (
            "masking.tf",
            "predefined_expression = each.value.mask",
            'predefined_expression = "SHA256"',
            "every_class_has_a_tag_and_its_mask",
        ),
        ("landing.tf", '"enforced"', '"inherited"', "nothing_is_public"),
        (
            "landing.tf",
            "members = [for function in binding.value.functions : local.principals[function]]",
            'members = concat(["projectViewer:p"], [for it in binding.value.functions : local.principals[it]])',
            "the_landing_bucket_has_only_our_members",
        ),
        (
            "landing.tf",
            "policy_data = data.google_iam_policy.landing.policy_data",
            'policy_data = "{}"',
            "the_landing_bucket_has_only_our_members",
        ),
        (
            "warehouse.tf",
            'description = "Attach policy tags to existing tables; no access to rows, no jobs"\n  permissions = [',
            'description = "x"\n  permissions = [\n    "bigquery.tables.getData",',
            "the_protection_pass_can_only_tag",
        ),
        (
            "alert.tf",
            'in ["load", "protect"] :',
            'in ["load", "protect", "transfer"] :',
            "an_alert_reports_changes_that_the_functions_did_not_make",
        ),
    ],
)
def test_a_security_hole_fails_the_plan(tree, google, tmp_path, file, right, wrong, run):
    copy = tmp_path / "terraform"
    shutil.copytree(tree / "terraform", copy, ignore=shutil.ignore_patterns(".terraform*"))
    path = copy / "modules/gcp" / file
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong))
    terraform = Terraform(path.parent, google)
    terraform.run("init", "-input=false", "-no-color")
    assert f'run "{run}"... fail' in terraform.run("test", "-no-color", expect=1)
