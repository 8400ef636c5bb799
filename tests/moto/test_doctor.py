"""The checks of `landbridge doctor` for roles, keys and schedules, against moto's IAM, KMS,
Scheduler and Lambda.

The test creates an account as Terraform does, from infra/policies and infra/schedules. Then each
test breaks one resource, and exactly the line of that resource must report it.
"""

import base64
import http.server
import io
import json
import os
import string
import subprocess
import threading
import urllib.request
import zipfile
from pathlib import Path

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ROOT = Path(__file__).parents[2]
REGION, ACCOUNT, OTHER = "ap-northeast-2", "123456789012", "210987654321"
FUNCTIONS = ("snapshot", "export", "transfer", "load", "protect", "views")
ROLE = "shop-rds-export"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
GROUP = "landbridge-shop"
LINES = {
    "export role trust",
    "export role permissions",
    "export key",
    "export key rotation",
    "export key permissions",
    *(f"schedule of {function}" for function in FUNCTIONS),
    "function memory",
}
# Lines that are always bad, because this account has no database, no bucket and no secret.
ALWAYS_BAD = {"source", "snapshot quota", "export bucket", "token key"}
# The permissions that the caller needs for these lines.
RIGHTS = {
    "iam": ["GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies", "GetPolicy"]
    + ["GetPolicyVersion"],
    "kms": ["DescribeKey", "GetKeyRotationStatus", "GetKeyPolicy", "ListGrants"],
    "scheduler": ["GetSchedule"],
    "lambda": ["GetFunctionConfiguration"],
}


class Account:
    """The deployed resources, and clients to change them."""

    def __init__(self, url, folder):
        self.url, self.folder = url, folder
        self.iam, self.kms, self.scheduler, self.functions = (self.client(it) for it in RIGHTS)
        self.control("reset")
        # AWS has these as defaults, moto does not.
        symmetric = {"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}
        self.key = self.kms.create_key(**symmetric)["KeyMetadata"]
        self.kms.enable_key_rotation(KeyId=self.arn)
        self.values = {"partition": "aws", "region": REGION, "account": ACCOUNT, "source": "shop"}
        self.values |= {"source_id": "shop-prod"}
        self.values |= {"bucket": "shop-exports", "export_path": "exports/", "ledger_prefix": "ledger"}
        self.values |= {"config_prefix": "config", "export_role_arn": ROLE_ARN, "key_arn": self.arn}
        self.values |= {"database": "db", "snapshot": "snapshot", "snapshot_call": "DBSnapshot"}
        self.key_policy("key")
        self.role(ROLE, "trust-export", "export-role")
        for function in ("export", "transfer"):
            self.role(f"{GROUP}-{function}", "trust-function", function)
        self.hours = {"zone": "Asia/Seoul", "export_hour": 1, "transfer_from_hour": 2, "deadline_hour": 4}
        self.scheduler.create_schedule_group(Name=GROUP)
        for function in FUNCTIONS:
            self.scheduler.create_schedule(**self.schedule(function))
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as file:
            file.writestr("bootstrap", "nothing")
        for function in FUNCTIONS:
            self.functions.create_function(
                FunctionName=f"{GROUP}-{function}",
                Role=f"arn:aws:iam::{ACCOUNT}:role/{GROUP}-transfer",
                Runtime="provided.al2023",
                Handler="bootstrap",
                Code={"ZipFile": code.getvalue()},
                MemorySize=1769 if function == "transfer" else 128,
            )
        self.configure("key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", self.arn.rpartition(":")[2])

    @property
    def arn(self):
        return self.key["Arn"]

    def client(self, service, region=REGION):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id="tests",
            aws_secret_access_key="of-no-value",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def control(self, what, body=b""):
        """Calls moto's control API."""
        kind = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.url}/moto-api/{what}", body, kind, method="POST")
        urllib.request.urlopen(request, timeout=30).read()

    def document(self, name):
        """A document of infra/policies with its variables replaced."""
        text = (ROOT / f"infra/policies/{name}.json").read_text()
        return json.loads(string.Template(text).substitute(self.values))

    def role(self, name, trust, policy):
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(self.document(trust)))
        self.allow(name, self.document(policy))

    def allow(self, role, document):
        self.iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(document))

    def trust(self, change):
        document = self.document("trust-export")
        change(document["Statement"][0])
        self.iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(document))

    def key_policy(self, given):
        document = self.document(given) if isinstance(given, str) else given
        self.kms.put_key_policy(KeyId=self.arn, PolicyName="default", Policy=json.dumps(document))

    def schedule(self, function, **other):
        text = (ROOT / f"infra/schedules/{function}.json").read_text()
        file = json.loads(string.Template(text).substitute(self.hours))
        target = {
            "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{GROUP}-{function}",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{GROUP}-scheduler",
            "Input": json.dumps(file["input"]),
        } | other.pop("target", {})
        return {
            "Name": function,
            "GroupName": GROUP,
            "ScheduleExpression": file["expression"],
            "ScheduleExpressionTimezone": file["zone"],
            "State": "ENABLED",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
        } | other

    def reschedule(self, function, **other):
        self.scheduler.update_schedule(**self.schedule(function, **other))

    def configure(self, old, new):
        """Writes the demo's configuration with one text replaced by another."""
        text = (ROOT / "examples/demo/landbridge.yaml").read_text()
        assert old in text
        (self.folder / "landbridge.yaml").write_text(text.replace(old, new))

    def configure_more(self, old, new):
        """Replaces a text of the configuration as it is."""
        file = self.folder / "landbridge.yaml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def doctor(self, *more, **variables):
        """Runs the command and returns every line by check: state, finding, advice."""
        files = {name: self.folder / name for name in ("landbridge.yaml", "contract.yaml")}
        files["contract.yaml"].write_text((ROOT / "examples/demo/contract.yaml").read_text())
        command = [os.environ["LANDBRIDGE_CLI"], "doctor", "--output", "json", *more]
        command += ["--config", files["landbridge.yaml"], "--contract", files["contract.yaml"]]
        environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "of-no-value",
            "AWS_EC2_METADATA_DISABLED": "true",
            # There is no Google here, so no token is requested.
            "LANDBRIDGE_GCP_CREDENTIALS": "nothing",
        } | variables
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
        lines = json.loads(done.stdout)["lines"]
        return {
            it["check"]: (it["state"], it["found"], it.get("advice", ""))
            for it in lines
            if it["area"] != "google"
        }


@pytest.fixture
def account(tmp_path):
    account = Account(os.environ["LANDBRIDGE_MOTO"], tmp_path)
    yield account
    account.control("reset-auth", b"inf")


def not_good(lines):
    return {check: line for check, line in lines.items() if check in LINES and line[0] != "good"}


def test_resources_as_terraform_creates_them_are_good(account):
    lines = account.doctor()
    assert LINES <= set(lines)
    assert not not_good(lines)
    assert lines["export role trust"][1] == f"export.rds.amazonaws.com may assume {ROLE}"
    assert lines["export role permissions"][1].endswith("shop-exports/exports/landbridge-shop-*")
    assert lines["export key"][1] == f"{account.arn} is enabled, symmetric"
    assert lines["schedule of export"][1] == "cron(0/10 1-4 * * ? *) in Asia/Seoul"
    account.kms.create_alias(AliasName="alias/landbridge-shop", TargetKeyId=account.key["KeyId"])
    account.configure("key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "alias/landbridge-shop")
    by_alias = account.doctor()
    assert not not_good(by_alias)
    assert by_alias["export key"] == lines["export key"]


def for_objects_only(document, action):
    """The document, with a condition that S3's requests fulfil only without a bucket key."""
    for statement in document["Statement"]:
        if action in statement["Action"]:
            context = {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::*/exports/*"}
            statement["Condition"] = statement.get("Condition", {}) | {"StringLike": context}
    return document


def without(document, action):
    for statement in document["Statement"]:
        statement["Action"] = [it for it in statement["Action"] if it != action]
    document["Statement"] = [it for it in document["Statement"] if it["Action"]]
    return document


def for_bucket(account, bucket):
    account.values["bucket"] = bucket
    return account.document("export-role")


def narrowed(account, source_account):
    account.trust(lambda it: it["Condition"]["StringEquals"].update({"aws:SourceAccount": source_account}))


def denied(account):
    document = account.document("trust-export")
    deny = document["Statement"][0] | {"Sid": "Never", "Effect": "Deny"}
    document["Statement"].append(deny)
    account.iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(document))


def other_key(account, **kind):
    account.configure(
        "key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        account.kms.create_key(**kind)["KeyMetadata"]["Arn"].rpartition(":")[2],
    )


def key_of_another_region(account):
    arn = account.client("kms", "us-east-1").create_key()["KeyMetadata"]["Arn"]
    account.configure("arn:aws:kms:ap-northeast-2:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", arn)


def no_delegation(account):
    """A key whose policy names an administrator and delegates nothing to IAM."""
    document = account.document("key")
    document["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/administrator"}
    account.key_policy(document)


# The change, the line that reports it, part of the finding, part of the advice. Lines that depend on
# the broken resource are not checked; all others stay good.
WRONG = [
    (
        lambda it: it.trust(lambda one: one.update(Principal={"Service": "lambda.amazonaws.com"})),
        "export role trust",
        "the trust policy of shop-rds-export does not allow export.rds.amazonaws.com to assume it",
        "allow sts:AssumeRole for the service export.rds.amazonaws.com",
    ),
    (
        lambda it: it.trust(lambda one: one.update(Action="sts:TagSession")),
        "export role trust",
        "does not allow export.rds.amazonaws.com",
        "allow sts:AssumeRole",
    ),
    (
        lambda it: narrowed(it, OTHER),
        "export role trust",
        f"only if aws:SourceAccount is {OTHER}, but exports run in {ACCOUNT}",
        f"name {ACCOUNT}",
    ),
    (denied, "export role trust", "denies it to export.rds.amazonaws.com in Never", "remove that statement"),
    (
        lambda it: it.iam.delete_role_policy(RoleName=ROLE, PolicyName="own") and it.iam.delete_role(RoleName=ROLE),
        "export role trust",
        "there is no role shop-rds-export",
        "terraform apply",
    ),
    (
        lambda it: it.allow(ROLE, without(it.document("export-role"), "s3:PutObject*")),
        "export role permissions",
        "may not s3:PutObject* on arn:aws:s3:::shop-exports/exports/landbridge-shop-*",
        "allow it in the role's policies",
    ),
    (
        lambda it: it.allow(ROLE, without(it.document("export-role"), "s3:GetBucketLocation")),
        "export role permissions",
        "may not s3:GetBucketLocation on arn:aws:s3:::shop-exports",
        "allow it",
    ),
    (
        lambda it: it.allow(ROLE, for_bucket(it, "shop-other")),
        "export role permissions",
        "s3:ListBucket on arn:aws:s3:::shop-exports",
        "allow it",
    ),
    (
        lambda it: it.kms.disable_key(KeyId=it.key["KeyId"]),
        "export key",
        "is Disabled",
        "aws kms enable-key --key-id",
    ),
    (
        lambda it: it.kms.schedule_key_deletion(KeyId=it.key["KeyId"], PendingWindowInDays=7),
        "export key",
        "is PendingDeletion",
        "aws kms cancel-key-deletion",
    ),
    (
        lambda it: other_key(it, KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256"),
        "export key",
        "is for SIGN_VERIFY with ECC_NIST_P256",
        "SYMMETRIC_DEFAULT",
    ),
    (
        lambda it: it.configure("key/0a1b2c3d", "key/00000000"),
        "export key",
        "there is no key",
        "correct export.kms_key",
    ),
    (key_of_another_region, "landbridge.yaml", "1 error", "landbridge check"),
    (
        no_delegation,
        "export key permissions",
        "do not allow landbridge-shop-export kms:CreateGrant",
        "delegate to IAM there",
    ),
    (
        lambda it: it.allow("landbridge-shop-export", without(it.document("export"), "kms:CreateGrant")),
        "export key permissions",
        "do not allow landbridge-shop-export kms:CreateGrant",
        "allow it in the role's",
    ),
    (
        lambda it: it.allow(
            "landbridge-shop-export", without(it.document("export"), "kms:GenerateDataKey")
        ),
        "export key permissions",
        "do not allow landbridge-shop-export kms:GenerateDataKey",
        "allow it in the role's",
    ),
    (
        lambda it: it.allow(ROLE, without(it.document("export-role"), "kms:Encrypt")),
        "export key permissions",
        "do not allow shop-rds-export kms:Encrypt",
        "allow it in the role's",
    ),
    (
        lambda it: it.allow("landbridge-shop-transfer", without(it.document("transfer"), "kms:Decrypt")),
        "export key permissions",
        "do not allow landbridge-shop-transfer kms:Decrypt",
        "allow it in the role's",
    ),
    (
        # With a bucket key, S3 names the bucket and no object.
        lambda it: it.allow(
            "landbridge-shop-transfer", for_objects_only(it.document("transfer"), "kms:Decrypt")
        ),
        "export key permissions",
        "do not allow landbridge-shop-transfer kms:Decrypt",
        "allow it in the role's",
    ),
    (
        lambda it: it.reschedule("load", State="DISABLED"),
        "schedule of load",
        "its state is DISABLED",
        "terraform apply -var enabled=true",
    ),
    (
        lambda it: it.reschedule("export", ScheduleExpression="cron(0 5 * * ? *)"),
        "schedule of export",
        "its expression is cron(0 5 * * ? *), the file has cron(0/10 1-4 * * ? *)",
        "terraform apply",
    ),
    (
        lambda it: it.reschedule("snapshot", ScheduleExpressionTimezone="Asia/Seoul"),
        "schedule of snapshot",
        "its time zone is Asia/Seoul, the file has UTC",
        "terraform apply",
    ),
    (
        lambda it: it.reschedule(
            "transfer", target={"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{GROUP}-transfer-old"}
        ),
        "schedule of transfer",
        "landbridge-shop-transfer-old, not arn:aws:lambda:",
        "terraform apply",
    ),
    (
        lambda it: it.reschedule(
            "load", target={"Input": '{"scheduled_time":"\\u003caws.scheduler.scheduled-time\\u003e"}'}
        ),
        "schedule of load",
        "its event is",
        "terraform apply",
    ),
    (
        lambda it: it.scheduler.delete_schedule(GroupName=GROUP, Name="load"),
        "schedule of load",
        "there is no schedule landbridge-shop/load",
        "terraform apply",
    ),
]


@pytest.mark.parametrize(("wrong", "check", "found", "advice"), WRONG)
def test_one_broken_resource_gives_one_bad_line(account, wrong, check, found, advice):
    wrong(account)
    lines = account.doctor()
    assert {name for name, line in lines.items() if line[0] == "bad"} - ALWAYS_BAD == {check}, lines
    assert found in lines[check][1] and advice in lines[check][2], lines[check]


SIGNING = {"signing key", "signing key permissions", "signing key of the chain"}
P256 = {"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P256"}


def signed(account, **kind):
    """An account whose days are signed, as Terraform makes it: a key, its policy, and the role of the load."""
    key = account.kms.create_key(**(kind or P256))["KeyMetadata"]
    policy = json.dumps(account.document("sign-key"))
    account.kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy)
    account.values["sign_key_arn"] = key["Arn"]
    account.role(f"{GROUP}-load", "trust-function", "sign")
    file = account.folder / "landbridge.yaml"
    file.write_text(file.read_text() + f"proof: {{ key: proof-key, sign: \"{key['Arn']}\" }}\n")
    return key


def record(account, public_key, number=3):
    """A signature in the ledger, of which only number and keys are read here."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket="shop-exports", CreateBucketConfiguration={"LocationConstraint": REGION})
    value = {"number": number, "key": "arn:of-the-record", "public_key": public_key}
    value |= {"algorithm": "ECDSA_SHA_256", "signature": "AA=="}
    name = f"ledger/shop/signatures/{number:08}.json"
    s3.put_object(Bucket="shop-exports", Key=name, Body=json.dumps(value).encode())


def public_key(account, key):
    return base64.b64encode(account.kms.get_public_key(KeyId=key["KeyId"])["PublicKey"]).decode()


def signing(account, *more):
    lines = account.doctor(*more)
    assert SIGNING <= set(lines), lines
    return {check: lines[check] for check in SIGNING}


def test_without_a_signing_key_nothing_is_said_of_it(account):
    assert not SIGNING & set(account.doctor())


def test_a_signing_key_as_terraform_creates_it_is_good(account):
    key = signed(account)
    lines = signing(account)
    assert lines["signing key"] == ("good", f"{key['Arn']} is enabled, ECC_NIST_P256", "")
    assert lines["signing key permissions"][0] == "good", lines
    assert lines["signing key of the chain"][0] == "unchecked", lines
    record(account, public_key(account, key))
    lines = signing(account)
    assert {line[0] for line in lines.values()} == {"good"}, lines
    assert lines["signing key of the chain"][1].startswith("link 3, the newest that is signed")


WRONG_SIGNING = [
    (
        lambda it, key: it.kms.disable_key(KeyId=key["KeyId"]),
        "signing key",
        "is Disabled",
        "aws kms enable-key --key-id",
    ),
    (
        lambda it, key: it.kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7),
        "signing key",
        "is PendingDeletion",
        "aws kms cancel-key-deletion",
    ),
    (
        lambda it, key: it.configure_more(key["Arn"], key["Arn"].replace(key["KeyId"][:8], "00000000")),
        "signing key",
        "there is no key",
        "correct proof.sign",
    ),
    (
        lambda it, key: it.allow(f"{GROUP}-load", without(it.document("sign"), "kms:Sign")),
        "signing key permissions",
        "do not allow landbridge-shop-load kms:Sign",
        "allow it in the role's",
    ),
    (
        lambda it, key: it.allow(f"{GROUP}-load", without(it.document("sign"), "kms:GetPublicKey")),
        "signing key permissions",
        "do not allow landbridge-shop-load kms:GetPublicKey",
        "allow it in the role's",
    ),
    (
        lambda it, key: it.allow(f"{GROUP}-load", with_algorithm(it, "ECDSA_SHA_384")),
        "signing key permissions",
        "kms:Sign unless kms:SigningAlgorithm",
        "allow it in the role's",
    ),
    (
        lambda it, key: record(it, public_key(it, it.kms.create_key(**P256)["KeyMetadata"])),
        "signing key of the chain",
        "link 3, the newest that is signed, was signed with another key, arn:of-the-record",
        "landbridge receipt DAY --verify",
    ),
]


def with_algorithm(account, algorithm):
    document = account.document("sign")
    document["Statement"][0]["Condition"]["StringEquals"]["kms:SigningAlgorithm"] = algorithm
    return document


@pytest.mark.parametrize(("wrong", "check", "found", "advice"), WRONG_SIGNING)
def test_one_fault_of_the_signing_key_gives_one_bad_line(account, wrong, check, found, advice):
    key = signed(account)
    wrong(account, key)
    lines = signing(account)
    assert {name for name, line in lines.items() if line[0] == "bad"} == {check}, lines
    assert found in lines[check][1] and advice in lines[check][2], lines[check]


def test_a_key_of_another_kind_does_not_sign_days(account):
    for kind, spec in (
        ({"KeyUsage": "SIGN_VERIFY", "KeySpec": "RSA_2048"}, "RSA_2048"),
        ({"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}, "SYMMETRIC_DEFAULT"),
    ):
        key = account.kms.create_key(**kind)["KeyMetadata"]
        account.configure("version: 1", f"version: 1\nproof: {{ key: proof-key, sign: \"{key['Arn']}\" }}")
        state, found, advice = signing(account)["signing key"]
        assert state == "bad" and f"with {spec}, and days are signed with ECDSA_SHA_256" in found, found
        assert "--key-spec ECC_NIST_P256" in advice, advice


def test_permissions_granted_in_other_ways_are_found(account):
    """Ways that AWS allows and Terraform does not use: an attached policy, a key policy, a grant."""
    document = json.dumps(account.document("export-role"))
    policy = account.iam.create_policy(PolicyName="exports", PolicyDocument=document)["Policy"]["Arn"]
    account.iam.attach_role_policy(RoleName=ROLE, PolicyArn=policy)
    account.iam.delete_role_policy(RoleName=ROLE, PolicyName="own")
    no_delegation(account)
    assert set(not_good(account.doctor())) == {"export key permissions"}
    named = account.document("key")
    named["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{GROUP}-export"}
    account.key_policy(named)
    found = not_good(account.doctor())["export key permissions"]
    missing = "the policies of key and role do not allow landbridge-shop-transfer kms:Decrypt, "
    assert found[1].startswith(missing + f"{ROLE} kms:CreateGrant, {ROLE} kms:DescribeKey, {ROLE} kms:Decrypt")
    transfer = f"arn:aws:iam::{ACCOUNT}:role/{GROUP}-transfer"
    account.kms.create_grant(KeyId=account.arn, GranteePrincipal=transfer, Operations=["Decrypt"])
    all_of_rds = ["CreateGrant", "DescribeKey", "Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom"]
    all_of_rds += ["GenerateDataKeyWithoutPlaintext", "ReEncryptTo"]
    account.kms.create_grant(KeyId=account.arn, GranteePrincipal=ROLE_ARN, Operations=all_of_rds)
    assert not not_good(account.doctor())


def test_a_function_with_too_little_memory_for_the_contract_is_a_warning(account):
    state, found, _ = account.doctor()["function memory"]
    assert state == "good" and "transfer 1769 MB, load 128 MB" in found, found
    account.functions.update_function_configuration(FunctionName=f"{GROUP}-transfer", MemorySize=128)
    state, found, advice = account.doctor()["function memory"]
    assert state == "warning" and "transfer 128 MB" in found, found
    assert "memory_mb = { transfer = 256 }" in advice, advice
    account.functions.delete_function(FunctionName=f"{GROUP}-load")
    state, found, advice = account.doctor()["function memory"]
    assert state == "bad" and f"there is no function {GROUP}-load" in found, found


def test_queue_and_workers_are_checked_with_fan_out_alone(account):
    assert not {"workers", "queue of objects"} & set(account.doctor())
    account.configure_more("transfer:\n", "transfer:\n  fan_out: { workers: 7 }\n")
    lines = account.doctor("--before-apply")
    assert [lines[it][0] for it in ("queue of objects", "workers")] == ["unchecked"] * 2, lines
    state, found, _ = account.doctor()["queue of objects"]
    assert (state, found) == ("bad", "there is no queue landbridge-shop-items")

    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("bootstrap", "nothing")
    account.functions.create_function(
        FunctionName=f"{GROUP}-transfer-item",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{GROUP}-transfer",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Code={"ZipFile": code.getvalue()},
        MemorySize=1769,
        Timeout=285,
    )
    sqs = account.client("sqs")
    sqs.create_queue(QueueName=f"{GROUP}-items-failed")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{GROUP}-items"
    policy = json.dumps({"deadLetterTargetArn": f"{arn}-failed", "maxReceiveCount": 12})
    attributes = {"VisibilityTimeout": "1710", "SqsManagedSseEnabled": "true", "RedrivePolicy": policy}
    url = sqs.create_queue(QueueName=f"{GROUP}-items", Attributes=attributes)["QueueUrl"]
    state, found, _ = account.doctor()["workers"]
    assert state == "bad" and "no event source mapping starts landbridge-shop-transfer-item" in found, found
    mapping = account.functions.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName=f"{GROUP}-transfer-item",
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 7},
    )
    lines = account.doctor()
    assert lines["queue of objects"][:2] == (
        "good",
        "visibility timeout 1710 s, encrypted, with a queue of failed messages",
    )
    assert lines["workers"][:2] == ("good", "at most 7 at once")
    assert "transfer-item 1769 MB" in lines["function memory"][1], lines["function memory"]

    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "300"})
    account.functions.update_event_source_mapping(
        UUID=mapping["UUID"], FunctionName=f"{GROUP}-transfer-item", Enabled=False
    )
    lines = account.doctor()
    assert lines["queue of objects"][0] == "bad" and "is 300 s, less than 6 times" in lines["queue of objects"][1]
    assert lines["workers"][0] == "bad" and "so the transfer carries all objects itself" in lines["workers"][1]


def test_conditions_that_are_not_evaluated_are_reported(account):
    account.trust(lambda it: it.update(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:rds:*"}}))
    account.kms.disable_key_rotation(KeyId=account.arn)
    limited = account.document("export-role")
    limited["Statement"][0]["Condition"] = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    account.allow(ROLE, limited)
    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    account.iam.put_role_permissions_boundary(RoleName=f"{GROUP}-transfer", PermissionsBoundary=boundary)
    lines = not_good(account.doctor())
    assert {check: line[0] for check, line in lines.items()} == {
        "export role trust": "unchecked",
        "export role permissions": "unchecked",
        "export key rotation": "unchecked",
        "export key permissions": "unchecked",
    }
    assert f"permissions boundary {boundary} of {GROUP}-transfer" in lines["export key permissions"][1]
    assert "Assume has a condition on aws:SourceArn" in lines["export role trust"][1]
    assert "WriteExport has a condition on aws:SourceIp" in lines["export role permissions"][1]
    assert "enable-key-rotation" in lines["export key rotation"][2]


def test_a_source_under_a_key_of_its_own_needs_rights_on_it(account):
    key = account.kms.create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT")["KeyMetadata"]["Arn"]
    account.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(account.document("key")))
    account.client("rds").create_db_instance(
        DBInstanceIdentifier="shop-prod",
        DBInstanceClass="db.t4g.medium",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="owner",
        MasterUserPassword="of-no-value",
        StorageEncrypted=True,
        KmsKeyId=key,
    )
    account.role(f"{GROUP}-snapshot", "trust-function", "snapshot")
    state, found, advice = account.doctor()["source key"]
    assert state == "bad" and f"{GROUP}-snapshot kms:CreateGrant" in found, found
    assert f'source_kms_key_arn = "{key}"' in advice
    account.values["source_key_arn"] = key
    for function in ("snapshot", "export"):
        document = json.dumps(account.document("source-key"))
        account.iam.put_role_policy(RoleName=f"{GROUP}-{function}", PolicyName="source-key", PolicyDocument=document)
    lines = account.doctor()
    assert lines["source key"][:2] == ("good", "snapshot and export may use it through RDS")
    assert not not_good(lines)


def test_before_apply_terraforms_resources_may_be_missing(account):
    account.control("reset")
    account.configure("key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "alias/landbridge-shop")
    before = not_good(account.doctor("--before-apply"))
    assert set(before) == LINES
    assert {line[0] for line in before.values()} == {"unchecked"}
    assert "terraform apply" in before["export key"][1]
    after = account.doctor()
    missing = {check for check in LINES if after[check][0] == "bad"}
    assert missing == LINES - {"export role permissions", "export key rotation", "export key permissions"}
    # Terraform does not create a key that is named by its own ARN.
    account.configure("shop-exports", "shop-exports")
    assert account.doctor("--before-apply")["export key"][0] == "bad"


def test_a_missing_permission_of_the_caller_is_named_and_no_line_is_bad(account):
    """Here moto enforces IAM and verifies the signatures of the calls."""
    user = "operator"
    account.iam.create_user(UserName=user)
    key = account.iam.create_access_key(UserName=user)["AccessKey"]
    mine = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    everything = [f"{service}:{call}" for service, calls in RIGHTS.items() for call in calls]
    elsewhere = ["rds:*", "s3:*", "secretsmanager:*"]
    # moto refuses every signature of GetSchedule and GetFunctionConfiguration, botocore's as well: see below, and
    # the next test.
    schedules = {f"schedule of {function}" for function in FUNCTIONS} | {"function memory"}

    def with_rights(actions):
        account.control("reset-auth", b"inf")
        statement = {"Effect": "Allow", "Action": actions + elsewhere, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        account.iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=document)
        account.control("reset-auth", b"0")
        lines = not_good(account.doctor(**mine))
        return {check: line for check, line in lines.items() if check not in schedules}

    assert not with_rights(everything)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        given = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        own = boto3.client("lambda", endpoint_url=account.url, region_name=REGION, **given)
        own.get_function_configuration(FunctionName=f"{GROUP}-load")
    for right, checks in {
        "iam:GetRole": {"export role trust", "export role permissions", "export key permissions"},
        "iam:ListRolePolicies": {"export role permissions", "export key permissions"},
        "iam:GetRolePolicy": {"export role permissions", "export key permissions"},
        "iam:ListAttachedRolePolicies": {"export role permissions", "export key permissions"},
        "kms:DescribeKey": {"export key", "export key rotation", "export key permissions"},
        "kms:GetKeyRotationStatus": {"export key rotation"},
        "kms:GetKeyPolicy": {"export key permissions"},
    }.items():
        lines = with_rights([it for it in everything if it != right])
        assert {check: line[0] for check, line in lines.items()} == dict.fromkeys(checks, "unchecked"), right
        named = [line for line in lines.values() if line[1] == f"these credentials lack {right}"]
        assert named and all(line[2].startswith("aws ") for line in named), (right, lines)


class Scheduler:
    """An EventBridge Scheduler that verifies signatures with botocore and returns given answers."""

    def __init__(self, *answers):
        self.answers, self.wrong, self.asked = list(answers), [], []
        me = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                me.asked.append(self.path)
                if not me.signed(self):
                    me.wrong.append(self.path)
                status, kind, body = me.answers.pop(0) if len(me.answers) > 1 else me.answers[0]
                self.send_response(status)
                self.send_header("x-amzn-ErrorType", kind)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def signed(self, handler):
        given = handler.headers["Authorization"]
        names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        request = AWSRequest("GET", f"{self.url}{handler.path}", {it: handler.headers[it] for it in names})
        request.context["timestamp"] = handler.headers["x-amz-date"]
        signer = SigV4Auth(Credentials("tests", "of-no-value"), "scheduler", REGION)
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        return "host" in names and given.endswith(f"Signature={signature}")


def test_a_busy_scheduler_is_retried_once_and_refusals_are_distinguished(account):
    found = account.scheduler.get_schedule(GroupName=GROUP, Name="export")
    found = json.dumps({key: found[key] for key in ("State", "ScheduleExpression", "Target")})
    check = "schedule of export"
    busy = (429, "ThrottlingException", "{}")
    each = len(FUNCTIONS)
    for answers, state, finding, requests in (
        ([busy, (200, "", found)], "bad", "its time zone is UTC, the file has Asia/Seoul", each + 1),
        ([busy], "bad", "scheduler:GetSchedule (ThrottlingException, HTTP 429)", 2 * each),
        ([(500, "", "")], "bad", "scheduler:GetSchedule (HTTP 500)", 2 * each),
        ([(403, "AccessDeniedException:http://x/", "{}")], "unchecked", "lack scheduler:GetSchedule", each),
        ([(403, "InvalidSignatureException", "{}")], "bad", "InvalidSignatureException", each),
        ([(404, "ResourceNotFoundException", "{}")], "bad", "there is no schedule", each),
        ([(200, "", "<html>")], "bad", "is not JSON", each),
    ):
        scheduler = Scheduler(*answers)
        lines = account.doctor(AWS_ENDPOINT_URL_SCHEDULER=scheduler.url)
        assert len(scheduler.asked) == requests and not scheduler.wrong, (answers, scheduler.asked)
        assert lines[check][0] == state and finding in lines[check][1], lines[check]
        assert "of-no-value" not in str(lines)
        scheduler.server.shutdown()
