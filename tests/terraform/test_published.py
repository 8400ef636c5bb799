"""Publishes a day with the deployed roles: AWS is moto with IAM enforced, Google is the local cloud,
which has moto verify every signed request before it issues a token. Runs after test_aws.py, whose
ticks exported and planned the day."""

import json
import subprocess
from datetime import datetime

import google.auth.aws
import google.auth.exceptions
import google.auth.transport.requests
import pytest
from conftest import REGION, run, variable
from rights import BUCKET, DAY


def protect(deployed, role_sessions, google, at):
    """One protection pass."""
    answer = run(deployed, role_sessions, "protect", at=at, google=google)
    assert answer.ok, answer
    return answer


def test_transfer_and_load_publish_the_day(deployed, role_sessions, local_google):
    before = deployed.moto.denied()
    endpoints = local_google.endpoints
    protect(deployed, role_sessions, endpoints, "2026-01-01T17:05:00Z")
    transferred = run(deployed, role_sessions, "transfer", at="2026-01-01T17:05:00Z", google=endpoints)
    assert transferred.ok and transferred.payload["progress"] == "done", transferred
    for minute in ("10", "15", "20"):
        loaded = run(deployed, role_sessions, "load", at=f"2026-01-01T17:{minute}:00Z", google=endpoints)
        assert loaded.ok, loaded
        if loaded.payload["progress"] == "done":
            break
    assert loaded.payload["progress"] == "done", loaded
    protect(deployed, role_sessions, endpoints, "2026-01-01T17:25:00Z")
    assert deployed.moto.denied() == before
    s3 = deployed.moto.client("s3", role_sessions["load"])
    record = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{DAY}day.json")["Body"].read())
    assert record["published"] and (record["tables"], record["rows"]) == (1, 3), record


def test_the_contract_is_in_force_and_compared_again_on_the_next_day(deployed, role_sessions, local_google):
    moto, endpoints = deployed.moto, local_google.endpoints
    s3 = moto.client("s3", role_sessions["load"])
    record = json.loads(s3.get_object(Bucket=BUCKET, Key="ledger/shop/contract.json")["Body"].read())
    variables = moto.client("lambda").get_function_configuration
    moto.enforce(False)
    at = variables(FunctionName="landbridge-shop-protect")["Environment"]["Variables"]["LANDBRIDGE_DEPLOYED_AT"]
    moto.enforce(True)
    number = datetime.fromisoformat(at).timestamp() * 1000
    assert record["applied"] and record["number"] == number, (record, at)
    # Within the day the pass reads one record and stops.
    answer = protect(deployed, role_sessions, endpoints, "2026-01-01T18:00:00Z")
    assert answer.payload["progress"] == "idle", answer
    # On the next day it reads every table and its claim; without that right it is refused.
    moto.enforce(False)
    iam, role = moto.client("iam"), {"RoleName": "landbridge-shop-protect", "PolicyName": "protect"}
    complete = iam.get_role_policy(**role)["PolicyDocument"]
    less = [it for it in complete["Statement"] if it["Sid"] != "ReadClaimsReceiptsAndDays"]
    assert len(less) == len(complete["Statement"]) - 1
    iam.put_role_policy(**role, PolicyDocument=json.dumps(complete | {"Statement": less}))
    before = len(moto.denied())
    moto.enforce(True)
    refused = run(deployed, role_sessions, "protect", at="2026-01-02T18:00:00Z", google=endpoints)
    assert not refused.ok and "DENIED s3:GetObject on" in "\n".join(moto.denied()[before:]), refused
    moto.enforce(False)
    iam.put_role_policy(**role, PolicyDocument=json.dumps(complete))
    moto.enforce(True)
    before = moto.denied()
    answer = protect(deployed, role_sessions, endpoints, "2026-01-02T18:05:00Z")
    assert answer.payload["progress"] == "done" and "1 tables" in answer.payload["message"], answer
    assert moto.denied() == before


def test_the_rows_are_in_bigquery_and_masked(local_google, deployed):
    command = [variable("LANDBRIDGE_CLI"), "query", "--as", "analyst", "--output", "json"]
    command += ["--data-dir", local_google.data_dir]
    command += ["SELECT id, email, note FROM creators ORDER BY id LIMIT 1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    row = {"id": 1, "email": "XXXXX@example.net", "note": None}
    assert done.returncode == 0 and json.loads(done.stdout)["rows"] == [row], done


def token(local_google, credentials):
    """The token that Google's own library gets for these credentials."""

    class Supplier(google.auth.aws.AwsSecurityCredentialsSupplier):
        def get_aws_security_credentials(self, context, request):
            return google.auth.aws.AwsSecurityCredentials(
                credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
            )

        def get_aws_region(self, context, request):
            return REGION

    account = json.loads(local_google.variables["LANDBRIDGE_GCP_CREDENTIALS"])
    credentials_of_google = google.auth.aws.Credentials(
        audience=account["audience"],
        subject_token_type=account["subject_token_type"],
        token_url=account["token_url"],
        aws_security_credentials_supplier=Supplier(),
        scopes=["https://www.googleapis.com/auth/cloud-platform"],
    )
    credentials_of_google.refresh(google.auth.transport.requests.Request())
    return credentials_of_google.token


@pytest.mark.parametrize("role", ["transfer", "load", "protect"])
def test_three_roles_get_a_token(local_google, role_sessions, role):
    assert token(local_google, role_sessions[role])


@pytest.mark.parametrize("role", ["snapshot", "export", "export-role", "scheduler"])
def test_other_roles_get_no_token(local_google, role_sessions, role):
    with pytest.raises(google.auth.exceptions.GoogleAuthError, match="attribute condition"):
        token(local_google, role_sessions[role])


def test_a_forged_signature_gets_no_token(local_google, role_sessions):
    with pytest.raises(google.auth.exceptions.GoogleAuthError, match="SignatureDoesNotMatch"):
        token(local_google, role_sessions["transfer"] | {"SecretAccessKey": "another-secret"})
