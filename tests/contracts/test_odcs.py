"""The Open Data Contract Standard: what is exported is valid by the standard's own schema, and comes back."""

import json
import subprocess
from pathlib import Path

import jsonschema
import yaml
from conftest import ROOT

SCHEMA = json.loads((Path(__file__).parent / "schemas/odcs-json-schema-v3.1.0.json").read_text())


def run(landbridge, directory, *arguments):
    return subprocess.run([landbridge, "contract", *arguments], cwd=directory, capture_output=True, text=True, timeout=60)


def test_the_export_is_valid_and_comes_back(application, landbridge):
    for name in ["landbridge.yaml", "contract.yaml"]:
        (application / name).write_text((ROOT / "examples/demo" / name).read_text())
    exported = run(landbridge, application, "export", "--version", "1.4.0")
    assert exported.returncode == 0, exported.stderr
    document = json.loads(exported.stdout)
    jsonschema.Draft201909Validator(SCHEMA).validate(document)
    assert len(document["schema"]) == 7 and document["version"] == "1.4.0"
    # As another tool would write it again: YAML, other order.
    (application / "a.odcs.yaml").write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=True))
    imported = run(landbridge, application, "import", "a.odcs.yaml")
    assert imported.returncode == 0 and imported.stderr == "", imported.stderr
    before = yaml.safe_load((application / "contract.yaml").read_text())
    assert yaml.safe_load(imported.stdout) == before


def test_a_wrong_document_would_be_refused_by_the_schema(application, landbridge):
    document = json.loads(run(landbridge, application, "export").stdout)
    del document["id"]
    assert list(jsonschema.Draft201909Validator(SCHEMA).iter_errors(document)), "the schema checks nothing"


def test_an_example_of_the_standard_is_imported_with_what_is_lost(application, landbridge):
    (application / "b.odcs.yaml").write_text(
        """\
apiVersion: v3.1.0
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
version: 1.1.0
status: active
team: { members: [] }
schema:
  - name: tbl
    quality: []
    properties:
      - { name: txn_ref_dt, logicalType: date, physicalType: date, classification: public }
      - { name: rcvr_id, primaryKey: true, logicalType: string, physicalType: varchar(18), classification: email }
"""
    )
    imported = run(landbridge, application, "import", "b.odcs.yaml")
    assert imported.returncode == 0, imported.stderr
    columns = yaml.safe_load(imported.stdout)["tables"]["public.tbl"]["columns"]
    assert columns["txn_ref_dt"] == {"source": "date", "type": "DATE", "class": "unclassified"}
    assert columns["rcvr_id"]["class"] == "email"
    for lost in ["`team`", "`quality`", "`primaryKey`", "classification: public", "`public` is assumed"]:
        assert lost in imported.stderr, (lost, imported.stderr)
