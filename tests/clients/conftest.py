"""Third-party clients against a local cloud.

The Rust test `clients` starts the cloud and sets the variables read here. Each client reads its
endpoint from its own variable. Virtual time advances automatically, so that a boto3 waiter sees a
snapshot become available.
"""

import os

import boto3
import pytest
from botocore.config import Config
from google.cloud import bigquery, storage
from google.oauth2.credentials import Credentials

# No retries: a retry would hide the first response, which the tests check.
ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


def variable(name):
    value = os.environ.get(name)
    assert value, f"{name} is not set: run these tests by `cargo test -p landbridge-tests clients`"
    return value


@pytest.fixture(scope="session")
def rds():
    return boto3.client("rds", config=ONCE)


@pytest.fixture(scope="session")
def s3():
    return boto3.client("s3", config=ONCE)


@pytest.fixture(scope="session")
def secrets():
    return boto3.client("secretsmanager", config=ONCE)


@pytest.fixture(scope="session")
def sqs():
    return boto3.client("sqs", config=ONCE)


@pytest.fixture(scope="session")
def wrong_secret_client():
    """Clients with the right access key and a wrong secret."""

    def client(service):
        return boto3.client(
            service,
            config=ONCE,
            aws_access_key_id=variable("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key="another-secret",
        )

    return client


def token_of(person):
    """The credentials of `loader`, `analyst`, `pii_reader` or `stranger`."""
    return Credentials(token=variable(f"LOCAL_TOKEN_{person.upper()}"))


@pytest.fixture(scope="session")
def storage_as():
    def client(person):
        return storage.Client(project=variable("LOCAL_PROJECT"), credentials=token_of(person))

    return client


@pytest.fixture(scope="session")
def bigquery_as():
    def client(person):
        return bigquery.Client(project=variable("LOCAL_PROJECT"), credentials=token_of(person))

    return client
