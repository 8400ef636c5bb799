"""The Dataform repository is the dbt project: current, compiled by Dataform, with the same results."""

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import TODAY, name_of
from warehouse import ROOT

NODE = Path(sys.prefix) / "node" / "node_modules"
REPOSITORY = ROOT / "models" / "dataform"


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def test_the_repository_is_current(tmp_path):
    result = subprocess.run(
        [sys.executable, ROOT / "models" / "to_dataform.py", tmp_path / "dataform"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert files_of(tmp_path / "dataform") == files_of(REPOSITORY), "run models/to_dataform.py"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The graph that `dataform compile` prints."""
    folder = tmp_path_factory.mktemp("dataform")
    shutil.copytree(REPOSITORY, folder, dirs_exist_ok=True)
    # The command line downloads the version in the settings; here it is installed already.
    settings = folder / "workflow_settings.yaml"
    text = settings.read_text()
    version = re.search(r"^dataformCoreVersion: (.+)$", text, re.M).group(1)
    settings.write_text(text.replace(f"dataformCoreVersion: {version}\n", ""))
    (folder / "package.json").write_text(json.dumps({"dependencies": {"@dataform/core": version}}))
    # Dataform's sandbox follows no links.
    shutil.copytree(NODE / "@dataform" / "core", folder / "node_modules" / "@dataform" / "core")
    program = NODE / "@dataform" / "cli" / "bundle.js"
    result = subprocess.run(
        ["node", program, "compile", "--json"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    graph = json.loads(result.stdout)
    assert not graph.get("graphErrors", {}).get("compilationErrors"), graph["graphErrors"]
    return graph


def full_name(target):
    return ".".join([target["database"], target["schema"], target["name"]])


def on_the_day(sql):
    """The query on the sample's newest day."""
    return sql.replace("CURRENT_DATE('Asia/Seoul')", f"DATE '{TODAY}'")


def test_dataform_compiles_the_models_and_they_give_the_rows_of_dbt(compiled, run):
    tables = {full_name(table["target"]): table for table in compiled["tables"]}
    assert set(tables) == {name_of(node) for node in run.models}
    key = lambda row: json.dumps(row, sort_keys=True)
    for name, table in tables.items():
        rows = run.engine.shown(on_the_day(table["query"]))
        of_dbt = run.engine.shown(f"SELECT * FROM `{name}`")
        assert sorted(rows, key=key) == sorted(of_dbt, key=key), name
    later = {name for name, table in tables.items() if "incrementalQuery" in table}
    assert later == {"shop-analytics.shop_models.ga4_events", "shop-analytics.shop_models.ga4_sessions"}
    for name in later:
        table = tables[name]
        assert table["incrementalStrategy"] == "INSERT_OVERWRITE"
        assert "INTERVAL 3 DAY" in table["incrementalQuery"]
        assert run.engine.query(on_the_day(table["incrementalQuery"])).rows


def test_the_assertions_find_what_dbts_tests_find(compiled, run):
    failing = set()
    for assertion in compiled["assertions"]:
        if run.engine.query(on_the_day(assertion["query"])).rows:
            failing.add(assertion["target"]["name"])
    assert failing == {"ga4_user_id_is_no_address"}
    assert len(compiled["assertions"]) > 20


def test_an_address_in_user_id_stops_the_web_models(compiled):
    events = next(table for table in compiled["tables"] if table["target"]["name"] == "ga4_events")
    on = {target["name"] for target in events["dependencyTargets"]}
    assert "ga4_user_id_is_no_address" in on


def test_each_declared_table_is_one_of_dbts_sources(compiled, manifest):
    declared = {full_name(each["target"]) for each in compiled["declarations"]}
    assert declared == {name_of(source) for source in manifest["sources"].values()}
    for each in compiled["tables"] + compiled["declarations"]:
        for column in each["actionDescriptor"].get("columns", []):
            about = column["description"]
            assert about[-1] in ".`" or each in compiled["declarations"], f"cut off: {about}"


def test_the_request_contains_every_file_of_the_repository():
    result = subprocess.run(
        [sys.executable, ROOT / "models" / "to_dataform.py", "--request"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    written = {
        name: base64.b64decode(operation["writeFile"]["contents"]).decode()
        for name, operation in json.loads(result.stdout)["fileOperations"].items()
    }
    assert written == files_of(REPOSITORY)
