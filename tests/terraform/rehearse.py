"""Runs the commands of docs/deploy.md on this machine, against moto for AWS and the local cloud for
Google, until the first day is published. `make rehearse` starts it.

The differences from a real deployment; the output names each where it occurs:
- a block after `<!-- not rehearsed: … -->` is skipped, with the reason;
- `aws lambda invoke` starts the function's binary with the variables and the role from Terraform;
- moto does not write exports, so this program writes them, with the permissions of RDS's role;
- Google's provider is in no package registry: a stand-in with its schema makes its calls (google_resources.py) to the
  local cloud, whose project has nothing at first but two enabled APIs. Of the module's outputs, only the
  address of the token service is replaced;
- `bq` queries the local cloud.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path

from google_cloud import GoogleCloud
from servers import (
    ACCOUNT,
    ADMINISTRATOR,
    COLUMNS,
    CONTRACT,
    FUNCTIONS,
    REGION,
    ROOT,
    ROWS,
    Moto,
    google_side,
    mirrored,
    moto_server,
    provider_of_google,
    tick,
    variable,
    write_export,
)

# The day of the page's `landbridge receipt`, and its export hour: 01:00 in Seoul.
DAY, HOUR = "2026-11-21", "2026-11-20T16:00:00Z"
EXPORT = "landbridge-shop-20261121-a1"
# The maximum of output lines that are printed per command: the last ones.
SHOWN = 45
# Lines that Terraform prints for each of many resources.
EACH = re.compile(r"^[\w.\[\]\"@-]+: (Refreshing|Reading|Read |Creat|Modif|Destr|Still )")


class Failed(Exception):
    """A step did not have the result that the page describes."""


def say(text=""):
    print(text, flush=True)


def blocks(page):
    """The shell blocks of the steps and of "Undoing": heading, text, the reason for skipping it or None."""
    steps, later = page.split("\n## 1. ", 1)[1].split("\n## Changing it later", 1)
    steps += "\n## Undoing" + later.split("\n## Undoing", 1)[1].split("\n## ", 1)[0]
    heading = None
    pattern = r"^## ([^\n]+)$|^(?:<!-- not rehearsed: ([^\n]+) -->\n)?```sh\n(.*?)^```$"
    for found in re.finditer(pattern, "## 1. " + steps, re.M | re.S):
        heading = found.group(1) or heading
        if found.group(3):
            yield heading, found.group(3), found.group(2)


class Shell:
    """A shell that keeps its folder and its variables from one block to the next."""

    def __init__(self, folder, place, variables):
        self.state, self.place, self.variables = folder / "shell", place, variables
        self.state.write_text("")

    def run(self, block, ends_with=0):
        """Runs a block unchanged, prints it with shortened output, and returns the complete output."""
        script = f"cd '{self.place}'\n. '{self.state}'\nset -v\n{block}\nset +v\n"
        script += (
            f"pwd > '{self.state}.place'; declare -p landbridge now > '{self.state}' 2>/dev/null || true\n"
        )
        done = subprocess.run(
            ["bash", "-e", self.written(script)],
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        show(done.stdout, block)
        if done.returncode != ends_with:
            raise Failed(f"the block ended with exit code {done.returncode}")
        if done.returncode == 0:
            self.place = Path(f"{self.state}.place").read_text().strip()
        return done.stdout

    def written(self, script):
        path = Path(f"{self.state}.sh")
        path.write_text(script)
        return path


def show(output, block):
    """Prints the commands, each followed by the last lines of its output."""
    commands = [line for line in block.splitlines() if line.strip()]
    lines = []

    def flush():
        left = len(lines) - SHOWN
        for line in lines if left <= 0 else [f"… {left} lines …", *lines[left:]]:
            say(f"    {line}")
        lines.clear()

    for line in output.splitlines():
        if commands and line == commands[0]:
            flush()
            say(f"  $ {commands.pop(0)}")
        elif line not in ("", "set +v") and not EACH.match(line):
            lines.append(line)
    flush()


class Rehearsal:
    """A copy of the checkout, and the two clouds."""

    def __init__(self, folder, moto, provider, cloud):
        self.folder, self.moto, self.cloud = folder, moto, cloud
        self.copy = folder / "landbridge"
        self.deployment = self.copy / "terraform/examples/mine"
        self.shell = Shell(
            folder,
            self.copy,
            {
                "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
                "HOME": str(folder),
                "LANDBRIDGE_FUNCTIONS": variable("LANDBRIDGE_FUNCTIONS"),
                "LANDBRIDGE_CLI": variable("LANDBRIDGE_CLI"),
                "AWS_ENDPOINT_URL": moto.url,
                "AWS_REGION": REGION,
                "AWS_ACCESS_KEY_ID": ADMINISTRATOR["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": ADMINISTRATOR["SecretAccessKey"],
                "TF_CLI_CONFIG_FILE": mirrored(folder),
                "TF_CLI_ARGS": "-no-color",
                # No person confirms, so Terraform must not ask.
                "TF_CLI_ARGS_apply": "-auto-approve",
                "TF_CLI_ARGS_destroy": "-auto-approve",
                "TF_IN_AUTOMATION": "1",
                "CHECKPOINT_DISABLE": "1",
            }
            | provider,
        )

    def prepare(self):
        """Copies the checkout, creates the account's database, and replaces some commands."""
        ignore = shutil.ignore_patterns(".terraform*", "*.tfstate*", "mine", "__pycache__")
        for name in ("terraform", "infra"):
            shutil.copytree(ROOT / name, self.copy / name, ignore=ignore)
        packages = self.copy / "target/lambda/arm64"
        packages.mkdir(parents=True)
        for name in FUNCTIONS:
            with zipfile.ZipFile(packages / f"{name}.zip", "w") as package:
                package.writestr("bootstrap", f"in place of {name}")
        (self.copy / "target/debug").symlink_to(Path(variable("LANDBRIDGE_CLI")).parent)
        (self.folder / "bin").mkdir()
        for name, script in {
            "terraform": f'exec "{variable("LANDBRIDGE_TERRAFORM")}" "$@"',
            "cargo": "echo built already",
            "aws": f'exec "{sys.executable}" "{__file__}" as-aws "$@"',
            "bq": f'exec "{sys.executable}" "{__file__}" as-bq "$@"',
        }.items():
            path = self.folder / "bin" / name
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        self.moto.database("shop-prod")

    def edit(self):
        """Makes the changes that a person makes in the files from `init`."""
        assert "\n  token_key: " in (self.deployment / "landbridge.yaml").read_text()
        (self.deployment / "contract.yaml").write_text(CONTRACT)
        say("  (edited: contract.yaml names one table)")

    def connect(self, google):
        """Connects the shell and the module gcp to the local Google."""
        self.google = google
        self.cloud.connect(google.variables)
        names = ("GCS_ENDPOINT", "BIGQUERY_ENDPOINT", "DATACATALOG_ENDPOINT")
        more = {f"LANDBRIDGE_{name}": google.variables[f"LANDBRIDGE_{name}"] for name in names}
        more |= {
            # The person who deploys is the project's owner.
            "LANDBRIDGE_GCP_TOKEN": google.variables["LANDBRIDGE_TOKEN_ADMINISTRATOR"],
            "REHEARSAL_GOOGLE": str(google.data_dir),
            "REHEARSAL_ENDPOINTS": json.dumps(google.endpoints),
        }
        self.shell.variables |= more
        token_url = json.loads(google.variables["LANDBRIDGE_GCP_CREDENTIALS"])["token_url"]
        outputs = {
            "credentials": f'${{jsonencode(merge(jsondecode(module.applied.credentials), {{ token_url = "{token_url}" }}))}}',
            "policy_tags": "${module.applied.policy_tags}",
            "datasets": "${module.applied.datasets}",
        }
        module = self.folder / "gcp"
        module.mkdir()
        inputs = {"config_file": {"type": "string"}, "aws_role_arns": {"type": "map(string)"}}
        # A fresh project: only the two APIs are on that the page enables with gcloud.
        applied = {name: f"${{var.{name}}}" for name in inputs} | {"source": str(self.copy / "terraform/modules/gcp")}
        text = {"variable": inputs, "module": {"applied": applied}}
        text["output"] = {name: {"value": value} for name, value in outputs.items()}
        (module / "main.tf.json").write_text(json.dumps(text))
        (self.deployment / "rehearsal_override.tf").write_text(
            # moto requires path-style bucket URLs.
            'provider "aws" {\n  s3_use_path_style = true\n}\n\n'
            f'module "gcp" {{\n  source = "{module}"\n}}\n'
        )
        say("  (rehearsal_override.tf gives the module gcp the address of the local token service)")

    def second_plan(self):
        say("  (a second plan changes nothing:)")
        if "No changes." not in self.shell.run("terraform plan -detailed-exitcode -var enabled=false\n"):
            raise Failed("the second plan is not empty")

    def day(self):
        """Runs the ticks that the schedules start from the export hour until the day is published."""
        say("  (a day passes; the ticks of the functions by their schedules:)")
        role = f"arn:aws:iam::{ACCOUNT}:role/landbridge-shop-"
        sessions = {name: self.moto.assume(role + name) for name in (*FUNCTIONS, "rds-export")}
        before = self.moto.denied()

        def start(name, at):
            answer = tick(self.moto, sessions[name], name, at, self.google.endpoints)
            message = answer.payload.get("message") or answer.payload.get("errorMessage")
            say(f"    {at} {name}: {message}")
            if not answer.ok:
                raise Failed(str(answer))
            return answer.payload["progress"]

        start("snapshot", HOUR)
        start("export", "2026-11-20T16:00:00Z")
        self.moto.enforce(False)
        key = self.moto.client("kms").describe_key(KeyId="alias/landbridge-shop")["KeyMetadata"]["Arn"]
        self.moto.enforce(True)
        s3 = self.moto.client("s3", sessions["rds-export"])
        write_export(s3, key, f"shop-exports-{ACCOUNT}", EXPORT, COLUMNS, ROWS)
        say("    RDS writes the export: 3 rows of public.creators")
        start("export", "2026-11-20T16:20:00Z")
        start("transfer", "2026-11-20T17:00:00Z")
        start("protect", "2026-11-20T17:00:00Z")
        for minute in ("05", "10", "15"):
            if start("load", f"2026-11-20T17:{minute}:00Z") == "done":
                break
        start("protect", "2026-11-20T17:20:00Z")
        if self.moto.denied() != before:
            raise Failed("\n".join(self.moto.denied()))
        self.moto.enforce(False)

    def ask(self):
        """Queries the table as three readers; the masks are those of the configuration."""
        say("\nQueried as three readers:")
        sql = "SELECT id, name, email, account_no, note FROM creators ORDER BY id"
        for who in ("analyst", "pii-reader", "stranger"):
            done = subprocess.run(
                [variable("LANDBRIDGE_CLI"), "query", "--as", who, "--data-dir", self.google.data_dir, sql],
                capture_output=True,
                text=True,
                timeout=60,
            )
            say(f"  {who}:")
            for line in (done.stdout + done.stderr).splitlines():
                say(f"    {line}")

    def walk(self, page, google):
        """Runs every block, with a person's actions in between."""
        last = None
        for heading, block, why in blocks(page):
            if heading != last:
                last = heading
                say(f"\n## {heading}")
            if why:
                say(f"  (skipped: {why})")
                continue
            if " receipt " in block:
                self.day()
            # As the page describes, destroying stops at buckets and datasets that still contain data.
            output = self.shell.run(block, ends_with=1 if "terraform destroy" in block else 0)
            stops = ("BucketNotEmpty", "is still in use", "without `force_destroy` set to true")
            expected = sum(output.count(it) for it in stops)
            if "terraform destroy" in block and output.count("Error: ") != expected:
                raise Failed("terraform destroy stopped at another resource than buckets and datasets with data")
            if "terraform destroy" in block and self.cloud.protection() != self.protected:
                raise Failed("terraform destroy changed what protects the tables")
            if "terraform apply -var enabled=false" in block and ", 0 destroyed" not in output:
                raise Failed("`-var enabled=false` destroyed a resource")
            if " init --dir " in block:
                self.edit()
                self.connect(google(self.deployment / "landbridge.yaml"))
            if "terraform apply plan" in block:
                self.second_plan()
                self.protected = self.cloud.protection()
            if " receipt " in block:
                if "published" not in output:
                    raise Failed("the day is not published")
                self.ask()


def as_aws(arguments):
    """`aws lambda invoke`, because moto does not run functions."""
    given = dict(zip(arguments, arguments[1:], strict=False))
    if arguments[:2] != ["lambda", "invoke"]:
        sys.exit(f"aws {' '.join(arguments[:2])} is not rehearsed")
    name = given["--function-name"].removeprefix("landbridge-shop-")
    moto = Moto(os.environ["AWS_ENDPOINT_URL"], None)
    credentials = moto.assume(f"arn:aws:iam::{ACCOUNT}:role/landbridge-shop-{name}")
    at = json.loads(given["--payload"])["scheduled_time"]
    answer = tick(moto, credentials, name, at, json.loads(os.environ["REHEARSAL_ENDPOINTS"]))
    moto.enforce(False)
    print(json.dumps(answer.payload))
    sys.exit(0 if answer.ok else 1)


def as_bq(arguments):
    """`bq query`, as an analyst who may read receipts."""
    command = ["query", "--as", "analyst", "--data-dir", os.environ["REHEARSAL_GOOGLE"], arguments[-1]]
    os.execv(os.environ["LANDBRIDGE_CLI"], ["landbridge", *command])


def main():
    page = (ROOT / "docs/deploy.md").read_text()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="landbridge-rehearsal-")))
        moto = stack.enter_context(moto_server(folder))
        cloud = GoogleCloud()
        provider = stack.enter_context(provider_of_google(folder, cloud))
        rehearsal = Rehearsal(folder, moto, provider, cloud)
        rehearsal.prepare()
        say("Running docs/deploy.md on this machine: AWS is moto, with IAM enforced; Google is the local cloud.")
        try:
            rehearsal.walk(page, lambda config: stack.enter_context(google_side(moto, config, folder, DAY, empty=True)))
        except Failed as failed:
            sys.exit(f"\nthe rehearsal stopped: {failed}")
    say("\nThe rehearsal is complete. No process is left running, and the checkout is unchanged.")


if __name__ == "__main__":
    actions = {"as-aws": as_aws, "as-bq": as_bq}
    if len(sys.argv) > 1:
        actions[sys.argv[1]](sys.argv[2:])
    else:
        main()
