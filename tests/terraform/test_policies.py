"""infra/policies at the longest names, and what the key's statements allow."""

import re

import pytest
from iam import allowed, render
from test_documents import KINDS, POLICIES, VALUES

# The longest values that `landbridge check` and AWS accept; prefixes have no limit of ours and are long here.
LONGEST = {
    "partition": "aws-cn",
    "region": "ap-northeast-2",
    "account": "123456789012",
    "source": "s" * 20,
    "source_id": "i" * 63,
    "database": "cluster",
    "snapshot": "cluster-snapshot",
    "snapshot_call": "DBClusterSnapshot",
    "bucket": "b" * 63,
    "audit_bucket": "landbridge-" + "s" * 20 + "-audit-123456789012",
    "export_path": "e" * 100 + "/",
    "ledger_prefix": "l" * 100,
    "config_prefix": "landbridge-config/" + "s" * 20,
    "export_role_arn": "arn:aws-cn:iam::123456789012:role/" + "r" * 64,
    "token_key_arn": "arn:aws-cn:secretsmanager:ap-northeast-2:123456789012:secret:" + "t" * 256,
    "proof_key_arn": "arn:aws-cn:secretsmanager:ap-northeast-2:123456789012:secret:" + "p" * 256,
}
KEY = "arn:aws-cn:kms:ap-northeast-2:123456789012:key/mrk-" + "0" * 32
LONGEST["alert_secret_arn"] = LONGEST["token_key_arn"]
LONGEST["alert_topic_arn"] = "arn:aws-cn:sns:ap-northeast-2:123456789012:" + "a" * 256
LONGEST |= dict.fromkeys(("key_arn", "sign_key_arn", "token_kms_key_arn", "proof_kms_key_arn", "source_key_arn"), KEY)
# Without white space (AWS Identity and Access Management, "IAM and AWS STS quotas").
MANAGED, INLINE_OF_A_ROLE, TRUST = 6144, 10240, 2048
RESOURCES = ("audit-bucket", "bucket", "key", "sign-key", "sign-verify", "topic", "queue", "items-queue", "failed-items-queue")
ON_ONE_ROLE = {
    "snapshot": ["snapshot", "source-key"],
    "export": ["export", "source-key"],
    "transfer": ["transfer", "transfer-fan-out", "transfer-token-key", "proof-key"],
    "transfer-item": ["transfer-item", "transfer-token-key", "proof-key"],
    "load": ["load", "sign"],
    "protect": ["protect"],
    "views": ["views"],
    # Slack's webhook or token, and URL and key of a webhook.
    "notify": ["notify", *["notify-secret"] * 3, "notify-topic"],
    "export-role": ["export-role"],
    "scheduler": ["scheduler"],
}


def size(name):
    text = (POLICIES / f"{name}.json").read_text()
    render(text, LONGEST)
    for key, value in LONGEST.items():
        text = text.replace(f"${{{key}}}", value)
    return len(re.sub(r"\s", "", text))


@pytest.mark.parametrize("name", sorted(path.stem for path in POLICIES.glob("operator*.json")))
def test_a_managed_policy_fits_at_the_longest_names(name):
    assert size(name) <= MANAGED


@pytest.mark.parametrize("role", ON_ONE_ROLE)
def test_the_policies_of_a_role_fit_at_the_longest_names(role):
    assert sum(size(name) for name in ON_ONE_ROLE[role]) <= INLINE_OF_A_ROLE


def test_every_document_is_measured():
    measured = {name for names in ON_ONE_ROLE.values() for name in names}
    others = {path.stem for path in POLICIES.glob("*.json")} - measured
    trusts = {name for name in others if name.startswith("trust-")}
    assert all(size(name) <= TRUST for name in trusts)
    # Policies of a bucket, a key, a topic and a queue may have 20 KB, 32 KB, 30 KB and 8 KB.
    assert all(size(name) <= 8192 for name in RESOURCES)
    operators = {name for name in others if name.startswith("operator")}
    assert others - trusts - operators == set(RESOURCES)


def test_the_names_of_roles_and_functions_fit():
    """64 characters each (AWS Lambda, Amazon EventBridge Scheduler and IAM quotas)."""
    longest = f"landbridge-{'s' * 20}-"
    assert len(LONGEST["audit_bucket"]) <= 63
    assert all(len(longest + name) <= 64 for name in [*ON_ONE_ROLE, "operator-restore", "operator-recover", "operator-forget", "operator-swap"])


USES = ["Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom"]
USES += ["ReEncryptTo", "DescribeKey"]
RDS, S3 = ({"kms:ViaService": f"{service}.ap-northeast-2.amazonaws.com"} for service in ("rds", "s3"))
GRANT = {"kms:GrantIsForAWSResource": "true"}


def may(documents, action, key, context):
    rendered = [render((POLICIES / f"{name}.json").read_text(), VALUES | KINDS[0]) for name in documents]
    return allowed(rendered, f"kms:{action}", VALUES[key], context)


@pytest.mark.parametrize("action", USES)
def test_export_and_the_role_of_rds_may_use_the_export_key(action):
    assert may(["export"], action, "key_arn", RDS)
    # RDS's role calls KMS through S3 or itself: only RDS can assume it.
    assert all(may(["export-role"], action, "key_arn", context) for context in ({}, RDS, S3))
    assert not may(["export-role"], action, "source_key_arn", {})
    if action != "DescribeKey":
        assert not may(["export"], action, "key_arn", {}), "not without RDS"
    assert not may(["snapshot", "load", "protect"], action, "key_arn", RDS)


@pytest.mark.parametrize("action", USES)
def test_snapshot_and_export_may_use_a_key_of_the_source_through_rds(action):
    for name in ("snapshot", "export"):
        assert may([name, "source-key"], action, "source_key_arn", RDS)
        assert not may([name, "source-key"], action, "source_key_arn", {})
        assert not may([name], action, "source_key_arn", RDS), "only if the source has such a key"


def test_grants_go_to_aws_only():
    assert may(["export"], "CreateGrant", "key_arn", RDS | GRANT)
    assert may(["export-role"], "CreateGrant", "key_arn", GRANT)
    assert may(["source-key"], "CreateGrant", "source_key_arn", RDS | GRANT)
    assert not may(["export"], "CreateGrant", "key_arn", RDS)
    assert not may(["export-role"], "CreateGrant", "key_arn", {})
    assert not may(["source-key"], "CreateGrant", "source_key_arn", RDS)


@pytest.mark.parametrize("document, key", [("transfer-token-key", "token"), ("proof-key", "proof")])
def test_a_secret_may_have_a_key_of_its_own(document, key):
    through = {"kms:ViaService": "secretsmanager.ap-northeast-2.amazonaws.com"}
    assert may([document], "Decrypt", f"{key}_kms_key_arn", through)
    assert not may([document], "Decrypt", f"{key}_kms_key_arn", {})


def test_only_load_signs_and_only_with_the_key_of_days():
    signing = {"kms:SigningAlgorithm": "ECDSA_SHA_256"}
    assert may(["sign"], "Sign", "sign_key_arn", signing)
    assert not may(["sign"], "Sign", "sign_key_arn", {"kms:SigningAlgorithm": "ECDSA_SHA_512"})
    assert not may(["sign"], "Sign", "key_arn", signing)
    functions = ["snapshot", "export", "transfer", "load", "protect", "views", "notify"]
    assert not may(functions, "Sign", "sign_key_arn", signing), "only with a document of its own"
    for document in ("sign", "sign-verify"):
        assert may([document], "GetPublicKey", "sign_key_arn", {})
        assert not may([document], "GetPublicKey", "key_arn", {})
    assert not may(["sign-verify"], "Sign", "sign_key_arn", signing)


def test_the_proof_key_opens_no_token_key():
    text = (POLICIES / "proof-key.json").read_text()
    rendered = [render(text, VALUES | KINDS[0])]
    read = "secretsmanager:GetSecretValue"
    assert allowed(rendered, read, VALUES["proof_key_arn"], {})
    assert not allowed(rendered, read, VALUES["token_key_arn"], {})


def test_no_policy_has_a_condition_on_the_encryption_context():
    """With a bucket key the context is the bucket, without it the object: a condition on one refuses the other."""
    for path in POLICIES.glob("*.json"):
        assert "kms:EncryptionContext" not in path.read_text(), path.name
