"""The managed policies for on-call engineers: they allow the command's calls and no others."""

import json
import os
import subprocess

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, REGION, ROOT, variable
from iam import render
from rights import BUCKET, DAY, HOUR, RDS, SNAPSHOT

CONFIG = ROOT / "terraform/examples/complete/landbridge.yaml"
RESTORED = [{"Key": "landbridge:restored-from", "Value": "x"}]
ON_CALL = ["operator", "operator-restore"]
DRILL = [{"Key": "landbridge:drill", "Value": "shop"}]


@pytest.fixture(scope="session")
def operator(deployed, role_sessions):
    """Sessions of roles: with `operator` and `operator-restore`; with `operator-swap` too; and to recover rows."""
    moto = deployed.moto
    moto.enforce(False)
    iam, arns = moto.client("iam"), deployed.outputs["operator_policy_arns"]
    sessions = {}
    roles = {
        "oncall": ON_CALL,
        "oncall-swap": [*ON_CALL, "operator-swap"],
        "oncall-recover": ["operator", "operator-recover"],
    }
    for name, policies in roles.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        for policy in policies:
            iam.attach_role_policy(RoleName=name, PolicyArn=arns[policy])
        sessions[name] = moto.assume(f"arn:aws:iam::{ACCOUNT}:role/{name}")
    # A drill of ours, one that only has the name, and a restored database.
    for name, tags in [
        ("shop-prod-drill", DRILL + RESTORED),
        ("payroll-drill", DRILL),
        ("shop-prod-drill-2", []),
        ("shop-of-the-day", RESTORED),
        ("shop-staging", []),
    ]:
        moto.database(name, tags)
    moto.enforce(True)
    return sessions


def landbridge(deployed, credentials, *arguments, expect=0):
    """Runs the command with a session's credentials."""
    variables = {
        "PATH": os.environ["PATH"],
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
        "AWS_ENDPOINT_URL": deployed.moto.url,
    }
    command = [variable("LANDBRIDGE_CLI"), *arguments, "--config", CONFIG]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)
    output = done.stdout + done.stderr
    assert done.returncode == expect, f"{arguments} ended with {done.returncode}:\n{output}\n" + "\n".join(
        deployed.moto.denied()[-3:]
    )
    return output


def test_the_policies_are_attached_to_no_one(deployed, role_sessions):
    deployed.moto.enforce(False)
    iam = deployed.moto.client("iam")
    for name, arn in deployed.outputs["operator_policy_arns"].items():
        policy = iam.get_policy(PolicyArn=arn)["Policy"]
        assert policy["AttachmentCount"] == 0, arn
        version = policy["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        values = {
            "partition": "aws",
            "region": REGION,
            "account": ACCOUNT,
            "source": "shop",
            "source_id": "shop-prod",
            "bucket": BUCKET,
            "export_path": "exports/",
            "ledger_prefix": "ledger",
            "key_arn": deployed.outputs["key_arn"],
        }
        assert document["Document"] == render((ROOT / f"infra/policies/{name}.json").read_text(), values)
    deployed.moto.enforce(True)


def test_the_runbook_works_with_the_operator_policy(deployed, operator):
    """The commands of docs/runbooks/restore.md without the policy `operator-swap`."""
    oncall = operator["oncall"]
    assert SNAPSHOT in landbridge(deployed, oncall, "snapshots")
    assert "shop-prod" in landbridge(deployed, oncall, "status")
    assert "is pinned" in landbridge(deployed, oncall, "pin", SNAPSHOT, "--why", "incident")
    assert "is not pinned" in landbridge(deployed, oncall, "unpin", SNAPSHOT)
    plan = landbridge(
        deployed, oncall, "restore", "--snapshot", SNAPSHOT, "--as", "shop-restored", "--dry-run"
    )
    assert "shop-restored" in plan
    # moto's database accepts no connection: exit code 4 is "restored, but it does not answer".
    landbridge(
        deployed, oncall, "restore", "--snapshot", SNAPSHOT, "--as", "shop-restored", "--yes", expect=4
    )
    restored = deployed.moto.client("rds", oncall).describe_db_instances(DBInstanceIdentifier="shop-restored")
    tags = {it["Key"]: it["Value"] for it in restored["DBInstances"][0]["TagList"]}
    assert tags["landbridge:restored-from"] == SNAPSHOT
    # The fixture created one.
    assert "no drill database of shop-prod exists" in landbridge(deployed, oncall, "drill", "--clean-up")
    left = deployed.moto.client("rds", oncall).describe_db_instances()["DBInstances"]
    assert "shop-prod-drill" not in {it["DBInstanceIdentifier"] for it in left}


def test_a_point_in_time_restore_and_a_drills_clean_up_are_allowed(deployed, operator):
    """Without this test, AccessDenied in the tests below would prove nothing."""
    rds = deployed.moto.client("rds", operator["oncall"])
    rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="shop-prod",
        TargetDBInstanceIdentifier="shop-restored-1437",
        UseLatestRestorableTime=True,
        Tags=RESTORED + DRILL,
    )
    rds.modify_db_instance(DBInstanceIdentifier="shop-of-the-day", BackupRetentionPeriod=3)


def test_a_swap_needs_the_second_policy(deployed, operator):
    swap = ("restore", "--as", "shop-restored", "--swap", "--yes")
    assert "HTTP 403" in landbridge(deployed, operator["oncall"], *swap, expect=3)
    landbridge(deployed, operator["oncall-swap"], *swap)
    landbridge(deployed, operator["oncall-swap"], *swap, "--undo")


def test_exports_are_read_with_the_policy_to_recover(deployed, operator):
    """`landbridge recover` reads an export and records the reason; others on call cannot read one."""
    exported = {"Bucket": BUCKET, "Key": "exports/landbridge-shop-20260102-a1/shop/public.orders/1/a.parquet"}
    deployed.moto.enforce(False)
    deployed.moto.client("s3").put_object(**exported, Body=b"rows")
    deployed.moto.enforce(True)
    s3 = deployed.moto.client("s3", operator["oncall-recover"])
    assert s3.get_object(**exported)["Body"].read() == b"rows"
    s3.put_object(Bucket=BUCKET, Key="ledger/shop/recoveries/20260102T010000Z-1.json", Body=b"{}")
    others = deployed.moto.client("s3", operator["oncall"])
    for client, call, given in [
        (others, "get_object", exported),
        (others, "put_object", {"Bucket": BUCKET, "Key": "ledger/shop/recoveries/x.json", "Body": b""}),
        (s3, "put_object", exported | {"Body": b""}),
        (s3, "delete_object", {"Bucket": BUCKET, "Key": "ledger/shop/recoveries/20260102T010000Z-1.json"}),
        (s3, "get_object", {"Bucket": BUCKET, "Key": "exports/landbridge-payroll-20260102-a1/x.parquet"}),
    ]:
        with pytest.raises(ClientError) as refused:
            getattr(client, call)(**given)
        assert refused.value.response["Error"]["Code"] == "AccessDenied", refused.value


def test_the_policy_to_recover_reaches_only_its_own_copy(deployed, operator):
    """`recover --from restore` restores and deletes `shop-prod-recover`, and no other database."""
    rds = deployed.moto.client("rds", operator["oncall-recover"])
    copy = {"DBSnapshotIdentifier": SNAPSHOT, "Tags": RESTORED + DRILL}
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="shop-prod-recover", **copy)
    rds.delete_db_instance(DBInstanceIdentifier="shop-prod-recover", SkipFinalSnapshot=True)
    for call, given in [
        ("restore_db_instance_from_db_snapshot", {"DBInstanceIdentifier": "shop-prod-copy", **copy}),
        (
            "restore_db_instance_from_db_snapshot",
            {"DBInstanceIdentifier": "shop-prod-recover", "DBSnapshotIdentifier": SNAPSHOT, "Tags": RESTORED},
        ),
        ("delete_db_instance", {"DBInstanceIdentifier": "shop-prod-drill", "SkipFinalSnapshot": True}),
        ("delete_db_instance", {"DBInstanceIdentifier": "shop-prod", "SkipFinalSnapshot": True}),
    ]:
        with pytest.raises(ClientError) as refused:
            getattr(rds, call)(**given)
        assert refused.value.response["Error"]["Code"] == "AccessDenied", refused.value


SNAPSHOT_OF = {"DBSnapshotIdentifier": SNAPSHOT, "Tags": RESTORED}
MUST_NOT = [
    # Databases: only drills may be deleted or changed, by name and tag.
    ("delete_db_instance", {"DBInstanceIdentifier": "shop-prod", "SkipFinalSnapshot": True}),
    ("delete_db_instance", {"DBInstanceIdentifier": "payroll", "SkipFinalSnapshot": True}),
    ("delete_db_instance", {"DBInstanceIdentifier": "payroll-drill", "SkipFinalSnapshot": True}),
    ("delete_db_instance", {"DBInstanceIdentifier": "shop-prod-drill-2", "SkipFinalSnapshot": True}),
    ("delete_db_instance", {"DBInstanceIdentifier": "shop-of-the-day", "SkipFinalSnapshot": True}),
    ("modify_db_instance", {"DBInstanceIdentifier": "shop-prod", "MasterUserPassword": "another-one"}),
    ("modify_db_instance", {"DBInstanceIdentifier": "payroll", "MasterUserPassword": "another-one"}),
    ("modify_db_instance", {"DBInstanceIdentifier": "shop-staging", "MasterUserPassword": "another-one"}),
    ("add_tags_to_resource", {"ResourceName": f"{RDS}:db:shop-prod", "Tags": RESTORED + DRILL}),
    ("add_tags_to_resource", {"ResourceName": f"{RDS}:db:payroll", "Tags": RESTORED + DRILL}),
    ("add_tags_to_resource", {"ResourceName": f"{RDS}:db:shop-prod-drill-2", "Tags": DRILL}),
    # Another source's data, a name that does not begin with the source's, or a missing tag.
    (
        "restore_db_instance_from_db_snapshot",
        {"DBInstanceIdentifier": "shop-x", "DBSnapshotIdentifier": "payroll-2025", "Tags": RESTORED},
    ),
    ("restore_db_instance_from_db_snapshot", SNAPSHOT_OF | {"DBInstanceIdentifier": "payroll-new"}),
    (
        "restore_db_instance_from_db_snapshot",
        {"DBInstanceIdentifier": "shop-x", "DBSnapshotIdentifier": SNAPSHOT},
    ),
    (
        "restore_db_instance_to_point_in_time",
        {
            "SourceDBInstanceIdentifier": "payroll",
            "TargetDBInstanceIdentifier": "shop-x",
            "UseLatestRestorableTime": True,
            "Tags": RESTORED,
        },
    ),
    # Snapshots may only be pinned.
    ("delete_db_snapshot", {"DBSnapshotIdentifier": SNAPSHOT}),
    (
        "add_tags_to_resource",
        {
            "ResourceName": f"{RDS}:snapshot:{SNAPSHOT}",
            "Tags": [{"Key": "landbridge:source", "Value": "other"}],
        },
    ),
    (
        "remove_tags_from_resource",
        {"ResourceName": f"{RDS}:snapshot:{SNAPSHOT}", "TagKeys": ["landbridge:source"]},
    ),
    (
        "add_tags_to_resource",
        {
            "ResourceName": f"{RDS}:snapshot:payroll-2025",
            "Tags": [{"Key": "landbridge:keep", "Value": "x"}],
        },
    ),
]


@pytest.mark.parametrize(
    ("call", "given"), MUST_NOT, ids=[f"{it[0]}-{number}" for number, it in enumerate(MUST_NOT)]
)
def test_the_operator_must_not(deployed, operator, call, given):
    with pytest.raises(ClientError) as refused:
        getattr(deployed.moto.client("rds", operator["oncall"]), call)(**given)
    assert refused.value.response["Error"]["Code"] == "AccessDenied", refused.value


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("get_object", {"Key": "exports/x.parquet"}),
        ("get_object", {"Key": "ledger/payroll/2026-01-02/export.json"}),
        ("put_object", {"Key": f"{DAY}export.json", "Body": b""}),
        ("put_object", {"Key": "ledger/payroll/redo/2026-01-02/001.json", "Body": b""}),
        ("delete_object", {"Key": f"{DAY}export.json"}),
    ],
)
def test_the_operator_reads_no_export_and_changes_no_record(deployed, operator, call, given):
    with pytest.raises(ClientError) as refused:
        getattr(deployed.moto.client("s3", operator["oncall"]), call)(Bucket=BUCKET, **given)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, refused.value


def test_the_operator_requests_a_redo_and_sees_which_objects_an_export_has(deployed, operator):
    s3 = deployed.moto.client("s3", operator["oncall"])
    # Not the name of a day, so the functions take no notice of it.
    s3.put_object(Bucket=BUCKET, Key="ledger/shop/redo/by-a-test.json", Body=b"{}")
    s3.list_objects_v2(Bucket=BUCKET, Prefix="exports/landbridge-shop-20260102-a1/")
    with pytest.raises(ClientError):
        s3.list_objects_v2(Bucket=BUCKET, Prefix="exports/landbridge-payroll-")


def test_the_operator_reads_the_ledger(deployed, operator):
    record = deployed.moto.client("s3", operator["oncall"]).get_object(Bucket=BUCKET, Key=f"{DAY}export.json")
    assert HOUR and json.loads(record["Body"].read())
