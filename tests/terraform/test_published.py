"""Publishes a day with the deployed roles: AWS is moto with IAM enforced, Google is the local cloud,
which has moto verify every signed request before it issues a token. Runs after test_aws.py, whose
ticks exported and planned the day."""

import json
import subprocess

import google.auth.aws
import google.auth.exceptions
import google.auth.transport.requests
import pytest
from conftest import REGION, run, variable
from rights import BUCKET, DAY


def test_transfer_and_load_publish_the_day(deployed, world, here):
    before = deployed.moto.denied()
    carried = run(deployed, world, "transfer", at="2026-01-01T17:05:00Z", google=here.endpoints)
    assert carried.ok and carried.payload["progress"] == "done", carried
    for minute in ("10", "15", "20"):
        loaded = run(deployed, world, "load", at=f"2026-01-01T17:{minute}:00Z", google=here.endpoints)
        assert loaded.ok, loaded
        if loaded.payload["progress"] == "done":
            break
    assert loaded.payload["progress"] == "done", loaded
    assert deployed.moto.denied() == before
    s3 = deployed.moto.client("s3", world["load"])
    record = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{DAY}day.json")["Body"].read())
    assert record["published"] and (record["tables"], record["rows"]) == (1, 3), record


def test_the_rows_are_in_bigquery_and_masked(here, deployed):
    asked = [variable("LANDBRIDGE_CLI"), "query", "--as", "analyst", "--output", "json"]
    asked += ["--data-dir", here.data_dir, "SELECT id, email, note FROM creators ORDER BY id LIMIT 1"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and json.loads(done.stdout)["rows"] == [["1", "XXXXX@example.net", None]], (
        done
    )


def token(here, credentials):
    """The token that Google's own library gets for these credentials."""

    class Supplier(google.auth.aws.AwsSecurityCredentialsSupplier):
        def get_aws_security_credentials(self, context, request):
            return google.auth.aws.AwsSecurityCredentials(
                credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
            )

        def get_aws_region(self, context, request):
            return REGION

    account = json.loads(here.variables["LANDBRIDGE_GCP_CREDENTIALS"])
    asked = google.auth.aws.Credentials(
        audience=account["audience"],
        subject_token_type=account["subject_token_type"],
        token_url=account["token_url"],
        aws_security_credentials_supplier=Supplier(),
        scopes=["https://www.googleapis.com/auth/cloud-platform"],
    )
    asked.refresh(google.auth.transport.requests.Request())
    return asked.token


def test_transfer_and_load_get_a_token(here, world):
    assert token(here, world["transfer"]) and token(here, world["load"])


@pytest.mark.parametrize("role", ["snapshot", "export", "export-role", "scheduler"])
def test_other_roles_get_no_token(here, world, role):
    with pytest.raises(google.auth.exceptions.GoogleAuthError, match="attribute condition"):
        token(here, world[role])


def test_a_forged_signature_gets_no_token(here, world):
    with pytest.raises(google.auth.exceptions.GoogleAuthError, match="SignatureDoesNotMatch"):
        token(here, world["transfer"] | {"SecretAccessKey": "another-secret"})
