"""boto3 and the RDS API: instance, snapshots, tags, export, refused calls."""

import time

import boto3
import pytest
from botocore.exceptions import ClientError

from conftest import variable

# A virtual minute passes in milliseconds, so a waiter need not sleep for half a minute.
SOON = {"Delay": 0.05, "MaxAttempts": 600}


def refused(call, **arguments):
    """The HTTP status and the error code of a refused call."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.fixture(scope="module")
def instance(rds):
    made = rds.create_db_instance(
        DBInstanceIdentifier="books",
        DBInstanceClass="db.t4g.medium",
        Engine="postgres",
        DBName="books",
        MasterUsername="admin",
        MasterUserPassword="not-a-secret",
        AllocatedStorage=20,
        Tags=[{"Key": "team", "Value": "data"}],
    )["DBInstance"]
    assert made["DBInstanceIdentifier"] == "books"
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="books", WaiterConfig=SOON)
    return made


def available(rds, name):
    """Waits until a snapshot is available and describes it."""
    rds.get_waiter("db_snapshot_available").wait(DBSnapshotIdentifier=name, WaiterConfig=SOON)
    return rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]


def test_an_instance_is_described(rds, instance):
    described = rds.describe_db_instances(DBInstanceIdentifier="books")["DBInstances"][0]
    assert described["DBInstanceStatus"] == "available"
    assert described["Engine"] == "postgres"
    assert described["DBInstanceArn"] == instance["DBInstanceArn"]
    assert described["TagList"] == [{"Key": "team", "Value": "data"}]
    assert refused(rds.describe_db_instances, DBInstanceIdentifier="no-such-instance") == (404, "DBInstanceNotFound")
    again = {"DBInstanceIdentifier": "books", "DBInstanceClass": "db.t4g.medium", "Engine": "postgres"}
    assert refused(rds.create_db_instance, **again) == (400, "DBInstanceAlreadyExists")


def test_a_snapshot_with_tags_is_created_listed_and_deleted(rds, instance):
    tags = [{"Key": "landbridge:hour", "Value": "2026-01-01T16:00:00Z"}, {"Key": "이름", "Value": "책"}]
    made = rds.create_db_snapshot(DBSnapshotIdentifier="first", DBInstanceIdentifier="books", Tags=tags)
    assert made["DBSnapshot"]["Status"] == "creating"
    available(rds, "first")

    listed = rds.describe_db_snapshots(DBInstanceIdentifier="books", SnapshotType="manual")["DBSnapshots"]
    [first] = [it for it in listed if it["DBSnapshotIdentifier"] == "first"]
    assert first["Status"] == "available" and first["PercentProgress"] == 100
    assert first["SnapshotCreateTime"].year >= 2026
    by_key = lambda it: it["Key"]
    assert sorted(first["TagList"], key=by_key) == sorted(tags, key=by_key)

    arn = first["DBSnapshotArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "landbridge:keep", "Value": ""}])
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["이름"])
    keys = {tag["Key"] for tag in rds.list_tags_for_resource(ResourceName=arn)["TagList"]}
    assert keys == {"landbridge:hour", "landbridge:keep"}

    assert rds.delete_db_snapshot(DBSnapshotIdentifier="first")["DBSnapshot"]["Status"] == "deleted"
    gone = {"DBSnapshotIdentifier": "first"}
    assert refused(rds.describe_db_snapshots, **gone) == (404, "DBSnapshotNotFound")
    assert refused(rds.delete_db_snapshot, **gone) == (404, "DBSnapshotNotFound")


@pytest.mark.parametrize("name", ["1st", "-a", "a-", "a--b", "a_b", "a" * 256])
def test_a_bad_name_is_refused(rds, instance, name):
    arguments = {"DBSnapshotIdentifier": name, "DBInstanceIdentifier": "books"}
    assert refused(rds.create_db_snapshot, **arguments) == (400, "InvalidParameterValue")


def test_quota_pages_and_existing_names(rds, instance):
    quota = int(variable("LOCAL_SNAPSHOT_QUOTA"))
    names = [f"filler-{number:02}" for number in range(quota)]
    for name in names:
        rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier="books")
    taken = {"DBSnapshotIdentifier": names[0], "DBInstanceIdentifier": "books"}
    assert refused(rds.create_db_snapshot, **taken) == (400, "DBSnapshotAlreadyExists")
    one_more = {"DBSnapshotIdentifier": "one-too-many", "DBInstanceIdentifier": "books"}
    assert refused(rds.create_db_snapshot, **one_more) == (400, "SnapshotQuotaExceeded")

    # 20 is the smallest page size of RDS, and the quota here is larger.
    pages = list(rds.get_paginator("describe_db_snapshots").paginate(PaginationConfig={"PageSize": 20}))
    assert [len(page["DBSnapshots"]) for page in pages] == [20, quota - 20]
    assert [it["DBSnapshotIdentifier"] for page in pages for it in page["DBSnapshots"]] == names

    for name in names:
        available(rds, name)
        rds.delete_db_snapshot(DBSnapshotIdentifier=name)
    assert rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []


def test_an_export_is_started_polled_and_found_in_s3(rds, s3, instance):
    bucket = "books-exports"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    rds.create_db_snapshot(DBSnapshotIdentifier="to-export", DBInstanceIdentifier="books")
    source = available(rds, "to-export")
    task = {
        "ExportTaskIdentifier": "books-20260102",
        "SourceArn": source["DBSnapshotArn"],
        "S3BucketName": bucket,
        "S3Prefix": "exports",
        "IamRoleArn": variable("LOCAL_EXPORT_ROLE"),
        "KmsKeyId": variable("LOCAL_EXPORT_KEY"),
    }
    for change, answer in [
        ({"IamRoleArn": "arn:aws:iam::000000000000:role/missing"}, (404, "IamRoleNotFound")),
        ({"KmsKeyId": "00000000-0000-0000-0000-000000000000"}, (400, "KMSKeyNotAccessibleFault")),
        ({"S3BucketName": "no-such-bucket"}, (400, "InvalidS3BucketFault")),
        ({"SourceArn": source["DBSnapshotArn"] + "-not"}, (404, "DBSnapshotNotFound")),
        ({"ExportOnly": ["books.public.nothing"]}, (400, "InvalidExportOnly")),
        ({"ExportTaskIdentifier": "a--b"}, (400, "InvalidParameterValue")),
    ]:
        assert refused(rds.start_export_task, **{**task, **change}) == answer, change
    unknown = {"ExportTaskIdentifier": "unknown"}
    assert refused(rds.describe_export_tasks, **unknown) == (404, "ExportTaskNotFound")

    assert rds.start_export_task(**task)["Status"] == "STARTING"
    assert refused(rds.start_export_task, **task) == (400, "ExportTaskAlreadyExists")
    # The task goes on without its snapshot.
    rds.delete_db_snapshot(DBSnapshotIdentifier="to-export")

    # boto3 has no waiter for export tasks, so the test polls.
    seen = follow(rds, task["ExportTaskIdentifier"])
    assert [status for status, _ in seen][-1] == "COMPLETE"
    assert {status for status, _ in seen} <= {"STARTING", "IN_PROGRESS", "COMPLETE"}
    percents = [percent for _, percent in seen]
    assert percents == sorted(percents) and percents[-1] == 100

    keys = [it["Key"] for it in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    root = "exports/books-20260102/"
    assert f"{root}export_info_books-20260102.json" in keys
    assert f"{root}books/public.greetings/1/_SUCCESS" in keys
    [parquet] = [key for key in keys if key.endswith(".gz.parquet")]
    body = s3.get_object(Bucket=bucket, Key=parquet)["Body"].read()
    assert body[:4] == b"PAR1" == body[-4:]


def follow(rds, name):
    """Polls an export task until it ends and returns its states."""
    seen = []
    for _ in range(600):
        [task] = rds.describe_export_tasks(ExportTaskIdentifier=name)["ExportTasks"]
        state = (task["Status"], task["PercentProgress"])
        if not seen or seen[-1] != state:
            seen.append(state)
        if task["Status"] in ("COMPLETE", "FAILED", "CANCELED"):
            return seen
        time.sleep(0.02)
    raise AssertionError(f"the export does not end: {seen}")


def test_a_wrong_secret_is_refused(rds, wrong_secret_client):
    assert refused(wrong_secret_client("rds").describe_db_snapshots) == (403, "SignatureDoesNotMatch")
    unknown = boto3.client("rds", aws_access_key_id="UNKNOWN", aws_secret_access_key="x")
    status, _ = refused(unknown.describe_db_snapshots)
    assert status == 403
