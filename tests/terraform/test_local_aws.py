"""What the local cloud has of AWS besides schedules is what the aws module makes: the queues of transfer.fan_out, and the encryption
and the public access block of the bucket. Each difference is named, on whichever side a value changes.

Both accounts are read by the same calls. Alarms, rights, and how long S3 keeps objects have no counterpart: the local cloud has
none of them, and the tests of the module's account look at each.
"""

import json

import boto3
import pytest
from botocore.config import Config
from rights import BUCKET
from servers import google_side

QUEUES = ("landbridge-shop-items", "landbridge-shop-items-failed")
QUEUE_SETTINGS = (
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "SqsManagedSseEnabled",
    "RedrivePolicy",
)
TARGETS = ["-target=module.aws.aws_sqs_queue.items", "-target=module.aws.aws_sqs_queue.failed_items"]
APPLY = ("apply", "-auto-approve", "-input=false", "-no-color", "-refresh=false", *TARGETS)


def queue(sqs, name):
    """The settings of a queue; its dead letters by the name of their queue."""
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    found = {it: found.get(it) for it in QUEUE_SETTINGS}
    if found["RedrivePolicy"]:
        redrive = json.loads(found["RedrivePolicy"])
        found["RedrivePolicy"] = (redrive["deadLetterTargetArn"].rpartition(":")[2], int(redrive["maxReceiveCount"]))
    return found


def described(client):
    """An account: place and setting → value. `client` makes a client of a service."""
    s3 = client("s3")
    found = {(name, key): value for name in QUEUES for key, value in queue(client("sqs"), name).items()}
    [rule] = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    found["bucket", "algorithm"] = rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    found["bucket", "bucket key"] = rule["BucketKeyEnabled"]
    blocks = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    return found | {("bucket", name): value for name, value in blocks.items()}


def differences(ours, theirs):
    return [f"{' '.join(it)}: {ours[it]}, {theirs[it]}" for it in sorted(ours.keys()) if ours[it] != theirs[it]]


@pytest.fixture(scope="module")
def accounts(deployed, tmp_path_factory):
    """Makers of clients: of a local cloud with transfer.fan_out, and of the module's account, which gets the queues for these tests."""
    config, folder = deployed.files["landbridge.yaml"], tmp_path_factory.mktemp("fan-out")
    text = config.read_text()
    config.write_text(text.replace("transfer:\n", "transfer:\n  fan_out: { workers: 7 }\n", 1))
    own = folder / "landbridge.yaml"
    own.write_text(config.read_text())
    (folder / "contract.yaml").write_text(deployed.files["contract.yaml"].read_text())
    deployed.moto.enforce(False)
    try:
        deployed.terraform.run(*APPLY)
        with google_side(deployed.moto, own, folder, "2026-01-02") as cloud:
            given = cloud.variables

            def local(service):
                return boto3.client(
                    service,
                    endpoint_url=given[f"AWS_ENDPOINT_URL_{service.upper()}"],
                    region_name=given["AWS_REGION"],
                    aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
                    config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
                )

            yield local, deployed.moto.client
    finally:
        config.write_text(text)
        deployed.terraform.run(*APPLY)
        deployed.moto.enforce(True)


def test_queues_and_bucket_are_as_the_module_makes_them(accounts):
    local, module = accounts
    found = differences(described(local), described(module))
    assert not found, "\n".join(found)


def test_one_value_that_differs_is_named(accounts):
    """On the module's side by calls of SQS and S3; on the local one, each value in turn."""
    local, module = accounts
    ours, theirs = described(local), described(module)
    for place, name in ours:
        other = ours | {(place, name): "another value"}
        assert differences(other, theirs) == [f"{place} {name}: another value, {theirs[place, name]}"]
    sqs, s3 = module("sqs"), module("s3")
    url = sqs.get_queue_url(QueueName=QUEUES[0])["QueueUrl"]
    redrive = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"])
    for name, value, before in [
        ("VisibilityTimeout", "60", theirs[QUEUES[0], "VisibilityTimeout"]),
        ("MessageRetentionPeriod", "3600", theirs[QUEUES[0], "MessageRetentionPeriod"]),
        ("RedrivePolicy", json.dumps(redrive | {"maxReceiveCount": 3}), json.dumps(redrive)),
    ]:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: value})
        found = differences(ours, described(module))
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: before})
        assert len(found) == 1 and found[0].startswith(f"{QUEUES[0]} {name}: "), found
    rule = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]
    without_key = {"Rules": [rule["Rules"][0] | {"BucketKeyEnabled": False}]}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=without_key)
    found = differences(ours, described(module))
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=rule)
    assert found == ["bucket bucket key: True, False"], found
    blocks = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    open_one = blocks | {"RestrictPublicBuckets": False}
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=open_one)
    found = differences(ours, described(module))
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=blocks)
    assert found == ["bucket RestrictPublicBuckets: True, False"], found
    assert not differences(ours, described(module))
