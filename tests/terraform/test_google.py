"""The gcp module and the complete example against the schema of Google's provider."""

import json
import re
import shutil

import google_rules
import pytest
import yaml
from conftest import ROOT, Terraform


@pytest.fixture(scope="session")
def module(tree, google):
    terraform = Terraform(tree / "terraform/modules/gcp", google)
    terraform.run("init", "-input=false", "-no-color")
    return terraform


def test_the_module_is_valid(module):
    assert "The configuration is valid" in module.run("validate", "-no-color")


def test_destroy_deletes_the_tables_before_what_protects_them(module):
    """Terraform destroys in the reverse order of dependencies, and stops at a dataset that has tables."""
    edges = module.run("graph")
    for protection in (
        "google_data_catalog_taxonomy.this",
        "google_data_catalog_policy_tag.class",
        "google_bigquery_datapolicy_data_policy.class",
        "google_bigquery_datapolicy_data_policy_iam_binding.masked_readers",
        "google_data_catalog_policy_tag_iam_binding.readers",
        "google_data_catalog_taxonomy_iam_member.tagger",
        "google_data_catalog_taxonomy_iam_member.existing_tagger",
        "google_logging_project_sink.audit",
        "google_monitoring_alert_policy.protection_changed",
    ):
        assert depends(edges, "google_bigquery_dataset.this", protection), f"{protection}\n{edges}"


def test_nothing_calls_an_api_before_the_apis_are_on(module):
    """A fresh project: no data source asks Google while Terraform plans, and every resource waits."""
    text = "".join(path.read_text() for path in sorted(module.folder.glob("*.tf")))
    assert set(re.findall(r'^data "(\w+)"', text, re.M)) == {"google_iam_policy"}, "it is computed locally"
    edges = module.run("graph")
    for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', text, re.M):
        if kind != "google_project_service":
            assert depends(edges, f"{kind}.{name}", "google_project_service.this"), f"{kind}.{name}\n{edges}"


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


def name_of(section, key, length):
    """A name of this length, or of the greatest length that `landbridge check` accepts."""
    schema = json.loads((ROOT / "schemas/landbridge.schema.json").read_text())["$defs"]
    return ("a" * 1024)[: length or schema[section]["properties"][key]["maxLength"]]


def with_names(folder, longest):
    """The example's `landbridge.yaml` with the shortest or longest names that it may have."""
    config = yaml.safe_load((folder / "../../examples/complete/landbridge.yaml").read_text())
    # Class names have no schema of their own: at most 30 characters (`class-name` in core::yaml::format).
    class_name = "a" * (30 if longest else 1)
    config["source"]["name"] = name_of("SourceConfig", "name", None if longest else 1)
    # A project's id has at most 30 characters (Google's documentation).
    config["warehouse"]["project"] = "a" * (30 if longest else 6)
    config["warehouse"]["dataset"] = name_of("WarehouseConfig", "dataset", None if longest else 1)
    # A name without dots has at most 63 characters (Google's documentation).
    config["transfer"]["bucket"] = name_of("TransferConfig", "bucket", 63 if longest else 3)
    config["pii"]["classes"][class_name] = config["pii"]["classes"].pop("name")
    (folder / "names.yaml").write_text(yaml.safe_dump(config))
    source = config["source"]["name"]
    arns = {it: f"arn:aws:iam::123456789012:role/landbridge-{source}-{it}" for it in ("transfer", "load", "protect", "views")}
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests/names.tftest.hcl").write_text(
        # The mock invents no address.
        'mock_provider "google" {\n  mock_resource "google_service_account" {\n    defaults = {\n'
        '      email  = "models@p.iam.gserviceaccount.com"\n'
        '      member = "serviceAccount:models@p.iam.gserviceaccount.com"\n    }\n  }\n}\n'
        f'variables {{\n  config_file = "./names.yaml"\n  aws_role_arns = {json.dumps(arns)}\n}}\n'
        'run "names" {\n  command = plan\n}\nrun "created" {}\n'
    )


@pytest.mark.parametrize("longest", [False, True], ids=["shortest", "longest"])
def test_google_accepts_every_name_at_its_shortest_and_longest(tree, google, tmp_path, longest):
    copy = tmp_path / "terraform"
    shutil.copytree(tree / "terraform", copy, ignore=shutil.ignore_patterns(".terraform*", "*.tftest.hcl"))
    folder = copy / "modules/gcp"
    with_names(folder, longest)
    terraform = Terraform(folder, google)
    terraform.run("init", "-input=false", "-no-color")
    assert "2 passed, 0 failed" in terraform.run("test", "-no-color")


def test_every_type_with_a_limited_value_is_used(tree):
    text = "".join(path.read_text() for path in (tree / "terraform/modules/gcp").glob("*.tf"))
    assert set(google_rules.RULES) <= set(re.findall(r'^resource "(google_\w+)"', text, re.M))


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
    ("file", "right", "wrong", "message"),
    [
        (
            "federation.tf",
            'workload_identity_pool_provider_id = "aws-lambda"',
            'workload_identity_pool_provider_id = "aws"',
            "workload_identity_pool_provider_id: 'aws' has 3 characters, not 4 to 32",
        ),
        (
            "federation.tf",
            "display_name              = local.name",
            'display_name              = "Landbridge for ${local.source} in AWS account ${local.aws_account}"',
            "not 1 to 32",
        ),
        (
            "masking.tf",
            '["FINE_GRAINED_ACCESS_CONTROL"]',
            '["FINE_GRAINED_ACCESS"]',
            "activated_policy_types: 'FINE_GRAINED_ACCESS' is not one of",
        ),
        (
            "warehouse.tf",
            '"${local.slug}_loader"',
            '"${local.name}-loader"',
            "role_id: 'landbridge-shop-loader' does not match",
        ),
        (
            "locals.tf",
            "landbridge_source = local.source",
            "landbridge_source = upper(local.source)",
            "has the value SHOP, which is not a label's value",
        ),
    ],
)
def test_a_value_that_google_refuses_fails_the_plan(tree, google, tmp_path, file, right, wrong, message):
    copy = tmp_path / "terraform"
    shutil.copytree(tree / "terraform", copy, ignore=shutil.ignore_patterns(".terraform*"))
    path = copy / "modules/gcp" / file
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong))
    # One run is enough: each makes the plan of the whole module.
    keep_only(path.parent / "tests/plan.tftest.hcl", "every_class_has_a_tag_and_its_mask")
    terraform = Terraform(path.parent, google)
    terraform.run("init", "-input=false", "-no-color")
    output = terraform.run("test", "-no-color", expect=1)
    assert message in re.sub(r"\s+", " ", output.replace("│", "")), output


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
            "warehouse.tf",
            "for_each = each.value.protected ? [] : each.value.loads",
            "for_each = each.value.loads",
            "each_function_has_its_own_rights",
        ),
        (
            "warehouse.tf",
            'loads = ["${it.prefix}load"]',
            "loads = local.loads",
            "two_databases_have_datasets_and_rights_of_their_own",
        ),
        (
            "alert.tf",
            "for function in local.taggers :",
            "for function in keys(local.all) :",
            "an_alert_reports_changes_that_the_functions_did_not_make",
        ),
    ],
)
def test_a_security_hole_fails_the_plan(tree, google, tmp_path, file, right, wrong, run):
    copy = tmp_path / "terraform"
    shutil.copytree(tree / "terraform", copy, ignore=shutil.ignore_patterns(".terraform*"))
    path = copy / "modules/gcp" / file
    keep_only(path.parent / "tests/plan.tftest.hcl", run)
    terraform = Terraform(path.parent, google)
    terraform.run("init", "-input=false", "-no-color")
    assert f'run "{run}"... pass' in terraform.run("test", "-no-color")
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong))
    assert f'run "{run}"... fail' in terraform.run("test", "-no-color", expect=1)


def keep_only(path, name):
    """Removes the runs that `name` does not need: all together take a quarter of a minute.

    A run that only plans may compare values that an applied one before it has made known.
    """
    head, *runs = re.split(r'^(?=run ")', path.read_text(), flags=re.MULTILINE)
    [at] = [number for number, text in enumerate(runs) if text.startswith(f'run "{name}" ')]
    planned = "command = plan" in runs[at]
    applied = [text for text in runs[:at] if planned and "command = plan" not in text]
    path.write_text(head + "".join([*applied[-1:], runs[at]]))
