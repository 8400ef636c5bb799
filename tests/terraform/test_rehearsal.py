"""The commands of docs/deploy.md work: rehearse.py runs them."""

import subprocess
import sys

from rehearse import ROOT, blocks
from servers import HERE

# Generous, because Terraform may have to wait for other tests on the machine.
TIMEOUT_SECONDS = 700


def test_the_page_has_its_commands():
    """The page is parsed correctly; a block that the parser missed would not be tested."""
    found = list(blocks((ROOT / "docs/deploy.md").read_text()))
    text = "".join(block for _, block, why in found if not why)
    for command in (
        "init --dir",
        "check",
        "doctor --before-apply",
        "terraform init",
        "terraform apply plan",
        "key create",
        "aws lambda invoke",
        "terraform destroy",
        "receipt",
        "bq query",
    ):
        assert command in text, command
    assert [why.split(":")[0] for _, _, why in found if why] == [
        "it reads your database",
        "it takes minutes; the rehearsal uses the programs of step 1",
        "it needs a project of yours",
    ]


def test_the_commands_of_the_page_lead_to_a_published_day():
    done = subprocess.run(
        [sys.executable, HERE / "rehearse.py"], capture_output=True, text=True, timeout=TIMEOUT_SECONDS
    )
    output = done.stdout
    assert done.returncode == 0, output + done.stderr
    # In this order: each text proves one step.
    at = 0
    for text in (
        "wrote terraform/examples/mine/main.tf",
        "contract.yaml: good",
        " 0 bad, ",
        "Apply complete!",
        "No changes.",
        "with a key of 32 random bytes",
        "created, 0 deleted",
        "schedules running          landbridge-shop-",
        "transfer: 1 of 1 objects transferred",
        "tables published 1, held 0",
        "creators  published",
        "Queried as three readers:",
        "is still in use",
    ):
        at = output.find(text, at)
        assert at >= 0, f"{text!r} is missing, or not in order, in:\n{output}"
    analyst, reader = output.partition("  analyst:")[2].split("  pii-reader:")
    assert "haeun@example.net" not in analyst and "XXXXX@example.net" in analyst
    assert "haeun@example.net" in reader
    # The module grants nothing to a person whom no class names.
    assert "Access Denied: Project shop-analytics" in reader
    # No reader sees a tokenised value in plain text or an unclassified column.
    assert "110-222-333333" not in output and "calls at night" not in output
    assert "tok1_" in analyst
