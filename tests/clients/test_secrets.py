"""boto3 and the Secrets Manager API: versions, stages, refused calls."""

import pytest
from botocore.exceptions import ClientError


def refused(call, **arguments):
    """The error code of a refused call; the HTTP status is always 400."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Message"]
    return response["Error"]["Code"]


def test_a_secret_has_versions(secrets):
    made = secrets.create_secret(Name="library/key", SecretString="first", Description="of a library")
    assert made["ARN"].startswith("arn:aws:secretsmanager:ap-northeast-2:000000000000:secret:library/key-")
    second = secrets.put_secret_value(SecretId="library/key", SecretString="second")
    assert second["VersionStages"] == ["AWSCURRENT"]
    for name in ("library/key", made["ARN"], made["ARN"][:-7]):
        assert secrets.get_secret_value(SecretId=name)["SecretString"] == "second"
    previous = secrets.get_secret_value(SecretId="library/key", VersionStage="AWSPREVIOUS")
    assert (previous["SecretString"], previous["VersionId"]) == ("first", made["VersionId"])
    by_id = secrets.get_secret_value(SecretId="library/key", VersionId=second["VersionId"])
    assert by_id["SecretString"] == "second"
    described = secrets.describe_secret(SecretId="library/key")
    assert described["Description"] == "of a library"
    assert described["VersionIdsToStages"] == {
        made["VersionId"]: ["AWSPREVIOUS"],
        second["VersionId"]: ["AWSCURRENT"],
    }
    secrets.put_secret_value(SecretId="library/key", SecretString="third", VersionStages=["AWSPENDING"])
    assert secrets.get_secret_value(SecretId="library/key")["SecretString"] == "second"


def test_a_binary_secret_is_read_as_bytes(secrets):
    secrets.create_secret(Name="library/bytes", SecretBinary=b"\x00\xff")
    answer = secrets.get_secret_value(SecretId="library/bytes")
    assert answer["SecretBinary"] == b"\x00\xff"
    assert "SecretString" not in answer


def test_a_repeated_call_changes_nothing(secrets):
    call = {"Name": "library/once", "SecretString": "one", "ClientRequestToken": "0" * 32}
    first = secrets.create_secret(**call)
    assert secrets.create_secret(**call)["VersionId"] == first["VersionId"]
    other = {**call, "SecretString": "two"}
    assert refused(secrets.create_secret, **other) == "ResourceExistsException"


def test_refusals(secrets, wrong_secret_client):
    assert refused(secrets.get_secret_value, SecretId="nothing") == "ResourceNotFoundException"
    assert refused(secrets.put_secret_value, SecretId="nothing", SecretString="x") == "ResourceNotFoundException"
    assert refused(secrets.create_secret, Name="two words") == "InvalidParameterException"
    secrets.create_secret(Name="library/empty")
    assert refused(secrets.get_secret_value, SecretId="library/empty") == "ResourceNotFoundException"
    assert refused(secrets.put_secret_value, SecretId="library/empty") == "InvalidRequestException"
    stranger = wrong_secret_client("secretsmanager")
    assert refused(stranger.get_secret_value, SecretId="library/empty") == "InvalidSignatureException"
