"""The GitHub Action `contract-check`, run in a repository of an application."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from composite import Run
from conftest import ROOT

ACTION = ROOT / ".github/actions/contract-check"
SARIF = json.loads((Path(__file__).parent / "schemas/sarif-schema-2.1.0.json").read_text())

# A pull request: columns that nothing says anything about, and changes that would hold the table.
MIGRATION = """\
-- Friday, 18:00
ALTER TABLE members
  ADD COLUMN hp_no character varying(20) DEFAULT 'secret-7',
  ADD COLUMN jumin_no char(14);
ALTER TABLE public.members ALTER COLUMN joined TYPE bigint USING 0, RENAME COLUMN acct_no TO account_number;
CREATE TABLE visits (id bigint PRIMARY KEY, member_id bigint REFERENCES members (id), client_ip inet);
"""


def run(application: Path, tmp_path: Path, landbridge: str, **inputs: str) -> Run:
    temporary = tmp_path / "runner"
    temporary.mkdir(exist_ok=True)
    given = {name.replace("_", "-"): it for name, it in inputs.items()}
    return Run(ACTION, application, temporary, {"command": landbridge, **given})


def test_the_metadata_has_what_github_requires():
    # GitHub documentation, "Metadata syntax reference": what is marked as required.
    metadata = yaml.safe_load((ACTION / "action.yml").read_text())
    assert set(metadata) <= {"name", "author", "description", "inputs", "outputs", "runs", "branding"}
    assert metadata["name"] and metadata["description"]
    for name, it in [*metadata["inputs"].items(), *metadata["outputs"].items()]:
        assert re.fullmatch(r"[A-Za-z_][\w-]*", name) and it["description"], name
    assert all(isinstance(it["default"], str) for it in metadata["inputs"].values()), "defaults are strings"
    assert all(it["value"] for it in metadata["outputs"].values()), "outputs of a composite action have a value"
    assert metadata["runs"]["using"] == "composite"
    ids = {step.get("id") for step in metadata["runs"]["steps"]}
    for step in metadata["runs"]["steps"]:
        assert ("run" in step) != ("uses" in step), step
        assert "shell" in step or "uses" in step, "a `run` step of a composite action names its shell"
    for it in metadata["outputs"].values():
        assert re.search(r"steps\.([\w-]+)\.outputs", it["value"])[1] in ids


def test_a_change_that_needs_no_verdict_passes(application, tmp_path, landbridge):
    (application / "db/migrations/0001.sql").write_text("CREATE INDEX i ON members (joined);\n")
    done = run(application, tmp_path, landbridge, dump="db/schema.sql", migrations="db/migrations")
    assert done.code == 0, done.out + done.err
    assert "::" not in done.out
    assert done.ran == ["Check the contract"], "a given command is not built again"
    log = json.loads((application / done.outputs["sarif"]).read_text())
    jsonschema.Draft4Validator(SARIF).validate(log)
    assert log["runs"][0]["results"] == []


def test_what_was_not_read_is_said(application, tmp_path, landbridge):
    (application / "db/migrations/0001.sql").write_text("CREATE INDEX i ON members (joined);\n")
    (application / "db/migrations/0002.py").write_text("op.add_column()\n")
    done = run(application, tmp_path, landbridge, dump="db/schema.sql", migrations="db/migrations")
    assert done.code == 0, done.out + done.err
    assert "::notice::not read: db/migrations/0002.py: no file of SQL" in done.out, done.out
    log = json.loads((application / done.outputs["sarif"]).read_text())
    jsonschema.Draft4Validator(SARIF).validate(log)
    notes = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert any("0002.py" in it["message"]["text"] for it in notes), notes


def test_a_pull_request_is_annotated_line_by_line(application, tmp_path, landbridge):
    (application / "db/migrations/0042 friday.sql").write_text(MIGRATION)
    done = run(application, tmp_path, landbridge, dump="db/schema.sql", migrations="db/migrations/0042 friday.sql")
    assert done.code == 1, done.out + done.err
    annotations = [line for line in done.out.splitlines() if line.startswith("::")]
    where = "file=db/migrations/0042 friday.sql,line="
    found = {line.split("::")[1].replace(where, ""): line for line in annotations}
    assert set(found) == {
        "error 3,title=Landbridge%3A new-column",
        "error 4,title=Landbridge%3A new-column",
        "error 5,title=Landbridge%3A new-column",
        "error 5,title=Landbridge%3A type-holds-table",
        "error 5,title=Landbridge%3A transformed-column-gone",
        "error 6,title=Landbridge%3A new-column",
    }, done.out
    phone = found["error 3,title=Landbridge%3A new-column"]
    for part in [
        "column `hp_no` of `public.members` has no verdict",
        "lands masked for everyone",
        "phone numbers",
        "class: phone",
        "group:pii-readers@example.com",
    ]:
        assert part in phone, (part, phone)
    number = found["error 4,title=Landbridge%3A new-column"]
    assert "stays in AWS" in number and "transform: drop" in number, number
    renamed = found["error 5,title=Landbridge%3A transformed-column-gone"]
    assert "renamed to `account_number`" in renamed, renamed
    log = json.loads((application / done.outputs["sarif"]).read_text())
    jsonschema.Draft4Validator(SARIF).validate(log)
    results = log["runs"][0]["results"]
    assert len(results) == 8, results
    uris = {it["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for it in results}
    assert uris == {"db/migrations/0042%20friday.sql"}
    prints = [it["partialFingerprints"]["landbridge/v1"] for it in results]
    assert len(set(prints)) == len(prints), prints
    assert "secret-7" not in done.out + done.err + json.dumps(log), "a value of a file is in an output"


def test_without_a_dump_the_contract_is_the_start(application, tmp_path, landbridge):
    (application / "db/migrations/V2__b.sql").write_text("ALTER TABLE members ADD note text;")
    (application / "db/migrations/V10__c.sql").write_text("ALTER TABLE members DROP COLUMN note;")
    (application / "db/migrations/V3__d.down.sql").write_text("DROP TABLE members;")
    done = run(application, tmp_path, landbridge, migrations="db/migrations")
    assert done.code == 0, done.out + done.err


def test_a_statement_that_cannot_be_read_is_an_error_or_allowed(application, tmp_path, landbridge):
    path = application / "db/migrations/0001.sql"
    path.write_text("\nDO $$ BEGIN EXECUTE 'ALTER TABLE members ADD a text'; END $$;")
    done = run(application, tmp_path, landbridge, migrations="db/migrations")
    assert done.code == 1
    assert "::error file=db/migrations/0001.sql,line=2,title=Landbridge%3A unread-statement::" in done.out
    done = run(application, tmp_path, landbridge, migrations="db/migrations", allow_unread="true")
    assert done.code == 0 and "::warning file=db/migrations/0001.sql,line=2" in done.out, done.out


@pytest.mark.parametrize("path", ['$(touch owned).sql', '"; touch owned; #.sql', "`touch owned`.sql"])
def test_a_path_is_no_code(application, tmp_path, landbridge, path):
    (application / path).write_text("ALTER TABLE members ADD note text;")
    done = run(application, tmp_path, landbridge, migrations=path)
    assert done.code == 1 and "new-column" in done.out, done.out + done.err
    assert not (application / "owned").exists()


def test_an_invalid_contract_is_named(application, tmp_path, landbridge):
    (application / "contract.yaml").write_text("version: 1\ntables: nothing\n")
    done = run(application, tmp_path, landbridge, migrations="db")
    assert done.code == 2 and "contract.yaml:2" in done.err, done.err
