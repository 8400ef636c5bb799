"""The two clouds on this machine: moto for AWS, the Google side of a local cloud, and the stand-in
for Google's provider. The tests and the rehearsal use them.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import boto3
import google_provider
import google_schema
import pyarrow
import pyarrow.parquet
from botocore.config import Config
from lambda_runtime import invoke

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
REGION = "ap-northeast-2"
ACCOUNT = "123456789012"
# The source is encrypted with a key of its own.
SOURCE_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
FUNCTIONS = ("snapshot", "export", "transfer", "load", "protect", "views")
# Google does not answer: no program listens on port 9.
CLOSED_PORT = "http://127.0.0.1:9"
NO_GOOGLE = {"LANDBRIDGE_GCS_ENDPOINT": CLOSED_PORT, "LANDBRIDGE_BIGQUERY_ENDPOINT": CLOSED_PORT}
ADMINISTRATOR = {"AccessKeyId": "tests", "SecretAccessKey": "of-no-value", "SessionToken": None}

# The table `public.creators`: its part of the contract, the source's types, and its rows.
CONTRACT = """\
version: 1
tables:
  "public.creators":
    columns:
      id: { source: bigint, type: INT64, class: none }
      name: { source: text, type: STRING, class: name }
      email: { source: text, type: STRING, class: email }
      account_no: { source: text, type: STRING, class: none, transform: tokenise, token_domain: account }
"""
COLUMNS = {"id": "bigint", "name": "text", "email": "text", "account_no": "text", "note": "text"}
ROWS = pyarrow.table(
    {
        "id": [1, 2, 3],
        "name": ["이하은", "Ann Lee", "Kim Min-jun"],
        "email": ["haeun@example.net", "ann@example.org", "minjun@example.com"],
        "account_no": ["110-222-333333", "110-222-444444", "110-222-555555"],
        # Not in the contract, so it is unclassified.
        "note": ["calls at night", None, "moved"],
    }
)


def variable(name):
    value = os.environ.get(name)
    assert value, f"{name} is not set: run these tests by `cargo test -p landbridge-tests terraform`"
    return value


def mirrored(folder):
    """A Terraform configuration that reads providers from the mirror."""
    path = folder / "terraformrc"
    mirror = variable("LANDBRIDGE_TERRAFORM_MIRROR")
    path.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
    return str(path)


@contextmanager
def provider_of_google(folder, cloud=None, edition="google", module="gcp"):
    """Starts the stand-in for Google's provider with the schemas of the types that a module uses.
    `cloud` is the project that it calls (google_cloud.py); default: none, for what makes no call.
    """
    from_files = (ROOT / "terraform").glob(f"modules/{module}/*.tf")
    types = {name for path in from_files for name in google_schema.types_in(path.read_text())}
    bindings = {"google": "LANDBRIDGE_GOOGLE_BINDINGS", "google-beta": "LANDBRIDGE_GOOGLE_BETA_BINDINGS"}
    schemas, version = google_schema.read(variable(bindings[edition]), types)
    assert types <= set(schemas), f"the provider {version} has no {types - set(schemas)}"
    server, variables = google_provider.serve(schemas, folder / "socket", cloud, edition)
    yield variables
    server.stop(None)


@contextmanager
def provider_of_aws(folder):
    """Starts the provider aws once, for all commands of a test: its start takes longer than a plan, and Terraform
    starts it several times per command. Yields the variable with which Terraform finds it.
    """
    files = Path(variable("LANDBRIDGE_TERRAFORM_MIRROR")).glob("**/hashicorp/aws/**/terraform-provider-aws_*")
    program, log = next(iter(files)), folder / "provider-aws"
    with log.open("w") as out:
        # Nothing of the machine's settings for AWS. Most of its processor time was spent on collecting garbage.
        settings = {"HOME": str(folder), "GOGC": "400", "GOMEMLIMIT": "2GiB"}
        process = subprocess.Popen([program, "-debug"], stdout=out, stderr=out, env=settings)
    try:
        for _ in range(600):
            time.sleep(0.1)
            found = re.search(r"TF_REATTACH_PROVIDERS='(.+)'", log.read_text())
            assert process.poll() is None, log.read_text()
            if found:
                break
        yield {"TF_REATTACH_PROVIDERS": found.group(1)}
    finally:
        process.kill()
        process.wait()


def attached(*variables):
    """The variables of several running providers as those of one Terraform."""
    found = [json.loads(it["TF_REATTACH_PROVIDERS"]) for it in variables]
    return {"TF_REATTACH_PROVIDERS": json.dumps({name: it for one in found for name, it in one.items()})}


class Moto:
    """A running moto and its clients."""

    def __init__(self, url, log):
        self.url, self.log = url, log

    def client(self, service, credentials=None):
        """A client as the account's administrator, or with the credentials of a role."""
        given = credentials or ADMINISTRATOR
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def enforce(self, on):
        """Switches the enforcement of IAM on or off."""
        body, kind = (b"0" if on else b"inf"), {"Content-Type": "text/plain"}
        request = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", data=body, headers=kind, method="POST"
        )
        urllib.request.urlopen(request, timeout=30).read()

    def denied(self):
        """The calls that were denied so far, one line each."""
        return [line for line in self.log.read_text().splitlines() if line.startswith("DENIED ")]

    def assume(self, arn):
        return self.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")["Credentials"]

    def database(self, name, tags=()):
        """Creates a database in the account."""
        self.client("rds").create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t3.micro",
            Engine="postgres",
            MasterUsername="admin",
            MasterUserPassword="not-a-secret",
            AllocatedStorage=20,
            Tags=list(tags),
        )


@contextmanager
def moto_server(folder):
    log = folder / "log"
    with log.open("w") as out:
        command = [sys.executable, HERE / "moto_server.py", "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        for _ in range(600):
            time.sleep(0.1)
            found = [line for line in log.read_text().splitlines() if "Running on " in line]
            assert process.poll() is None, log.read_text()
            if found:
                break
        yield Moto(found[0].partition("Running on ")[2].strip(), log)
    finally:
        process.kill()
        process.wait()
        if os.environ.get("LANDBRIDGE_KEEP_LOG"):
            shutil.copy(log, os.environ["LANDBRIDGE_KEEP_LOG"])


class Google:
    """The Google side of a local cloud; it verifies signed requests with moto's STS."""

    def __init__(self, variables, data_dir):
        self.variables, self.data_dir = variables, data_dir
        # The endpoints of Google, in addition to the variables that Terraform sets.
        self.endpoints = {name: variables[name] for name in NO_GOOGLE}


@contextmanager
def google_side(moto, config, folder, start, empty=False, more=()):
    """Starts a local cloud for `config` on the day `start`. Without `moto` it verifies no signed request. `empty`:
    its Google project has nothing but enabled APIs. `more`: other options.
    """
    data_dir = folder / "cloud"
    command = [
        variable("LANDBRIDGE_CLI"),
        "local",
        "up",
        "--days",
        "0",
        "--scale",
        "0.01",
        "--output",
        "json",
    ]
    command += ["--start", start, "--data-dir", data_dir, "--config", config]
    command += ["--aws-sts", moto.url] if moto else []
    command += ["--empty-google"] if empty else []
    command += more
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        output = ""
        while not output.endswith("\n}\n"):
            line = process.stdout.readline()
            assert line, f"the local cloud ended: {output}"
            output += line
        yield Google(json.loads(output), data_dir)
    finally:
        process.terminate()
        process.wait(timeout=30)


def tick(moto, credentials, name, at, google):
    """Runs one tick of a function's binary as Lambda would: with the variables that Terraform set, its
    role's credentials, and IAM enforced. `google` contains the endpoints of Google.
    """
    moto.enforce(False)
    function = moto.client("lambda").get_function_configuration(FunctionName=f"landbridge-shop-{name}")
    moto.enforce(True)
    variables = function["Environment"]["Variables"] | {
        "AWS_REGION": REGION,
        "AWS_LAMBDA_FUNCTION_NAME": f"landbridge-shop-{name}",
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
        "AWS_ENDPOINT_URL": moto.url,
    }
    program = variable("LANDBRIDGE_FUNCTIONS") + f"/landbridge-{name}"
    # Without Google, too short to begin with an object: the function would retry until the deadline.
    seconds = 60 if google is NO_GOOGLE else function["Timeout"]
    return invoke(program, variables | google, {"scheduled_time": at, "current_time": at}, seconds)


def write_export(s3, key, bucket, export, columns, rows):
    """Writes an export of the table `public.creators` as RDS would; moto does not write it. `columns`
    are the source's types, `rows` is an Arrow table, `s3` should have the role of RDS.
    """
    file = io.BytesIO()
    pyarrow.parquet.write_table(rows, file, compression="gzip")
    exported = {"bigint": "int64"}
    mappings = [
        {
            "columnName": name,
            "originalType": kind,
            "expectedExportedType": exported.get(kind, "binary (UTF8)"),
        }
        for name, kind in columns.items()
    ]
    info = {"exportTaskIdentifier": export, "status": "COMPLETE", "percentProgress": 100}
    table = {"target": "shop.public.creators", "status": "COMPLETE", "sizeGB": 0.0}
    table["schemaMetadata"] = {"originalTypeMappings": mappings}
    for name, body in [
        (f"export_info_{export}.json", json.dumps(info)),
        (f"export_tables_info_{export}_from_1_to_1.json", json.dumps({"perTableStatus": [table]})),
        ("shop/public.creators/1/part-00000-0f0e-c000.gz.parquet", file.getvalue()),
        ("shop/public.creators/1/_SUCCESS", ""),
    ]:
        s3.put_object(
            Bucket=bucket,
            Key=f"exports/{export}/{name}",
            Body=body,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=key,
        )
