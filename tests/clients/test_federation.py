"""google-auth's AWS credentials: a role signs, the local token service verifies the signature, and
the token gives access to Cloud Storage. Also boto3 with a role's temporary credentials."""

from datetime import datetime, timezone

import boto3
import pytest
from google.auth import aws
from google.auth.exceptions import OAuthError
from google.auth.transport.requests import Request
from google.cloud import storage

from conftest import ONCE, variable

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


def configuration(**changes):
    return {
        "type": "external_account",
        "audience": variable("LOCAL_AUDIENCE"),
        "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
        "token_url": variable("LOCAL_STS") + "/v1/token",
        "credential_source": {
            "environment_id": "aws1",
            "regional_cred_verification_url": "https://sts.{region}.amazonaws.com"
            "?Action=GetCallerIdentity&Version=2011-06-15",
        },
        **changes,
    }


@pytest.fixture
def credentials_of(monkeypatch):
    """Credentials from the environment, as Lambda provides them."""

    def credentials(role, secret=None, **changes):
        monkeypatch.setenv("AWS_REGION", variable("AWS_DEFAULT_REGION"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", variable(f"LOCAL_{role}_ACCESS_KEY"))
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret or variable(f"LOCAL_{role}_SECRET_KEY"))
        monkeypatch.setenv("AWS_SESSION_TOKEN", variable(f"LOCAL_{role}_SESSION_TOKEN"))
        return aws.Credentials.from_info(configuration(**changes), scopes=SCOPES)

    return credentials


def refused(credentials):
    with pytest.raises(OAuthError) as caught:
        credentials.refresh(Request())
    return caught.value.args[0]


def test_a_role_can_read_cloud_storage(credentials_of):
    credentials = credentials_of("TRANSFER")
    client = storage.Client(project=variable("LOCAL_PROJECT"), credentials=credentials)
    bucket = client.create_bucket("federated")
    bucket.blob("greeting").upload_from_string("hello")
    assert [blob.name for blob in client.list_blobs("federated")] == ["greeting"]
    assert credentials.token.startswith("ya29.")
    # google-auth stores it in UTC, without a zone.
    left = credentials.expiry - datetime.now(timezone.utc).replace(tzinfo=None)
    assert 3_000 < left.total_seconds() <= 3_600


def test_other_callers_are_refused(credentials_of):
    assert "rejected by the attribute condition" in refused(credentials_of("OTHER"))
    assert "SignatureDoesNotMatch" in refused(credentials_of("TRANSFER", secret="guessed"))
    audience = variable("LOCAL_AUDIENCE").replace("/aws", "/another")
    assert "invalid_target" in refused(credentials_of("TRANSFER", audience=audience))


def test_boto3_with_temporary_credentials():
    def client(token):
        return boto3.client(
            "s3",
            config=ONCE,
            aws_access_key_id=variable("LOCAL_TRANSFER_ACCESS_KEY"),
            aws_secret_access_key=variable("LOCAL_TRANSFER_SECRET_KEY"),
            aws_session_token=token,
        )

    client(variable("LOCAL_TRANSFER_SESSION_TOKEN")).list_buckets()
    for wrong in ("another", None):
        with pytest.raises(Exception, match="InvalidToken"):
            client(wrong).list_buckets()
