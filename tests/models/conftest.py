"""The models, compiled by dbt, and their tables with Google's GoogleSQL engine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from googlesql import Engine
from warehouse import add_sources

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "models" / "dbt"
# The newest day of the sample export, so that no result depends on the clock.
TODAY = "2026-11-20"


def dbt(target, *arguments, variables=None):
    """Runs a command of dbt in the project, without a warehouse."""
    command = [
        str(Path(sys.executable).with_name("dbt")), "--no-version-check", "--no-use-colors",
        *arguments,
        "--project-dir", PROJECT, "--profiles-dir", PROJECT, "--target", "local",
        "--target-path", target, "--log-path", target,
        "--vars", json.dumps({"ga4_today": TODAY, **(variables or {})}),
    ]  # fmt: skip
    environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def compiled(target, **variables):
    """The manifest of the project. Compiling asks no warehouse."""
    result = dbt(
        target, "compile", "--no-introspect", "--no-populate-cache", variables=variables
    )
    assert result.returncode == 0, result.stdout
    return json.loads((Path(target) / "manifest.json").read_text())


def models_in_order(manifest):
    """The models, each after the models that it reads."""
    models = {
        name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"
    }
    done = {}
    while len(done) < len(models):
        ready = [
            name for name, node in models.items()
            if name not in done
            and all(on in done for on in node["depends_on"]["nodes"] if on in models)
        ]  # fmt: skip
        assert ready, "the models form a cycle"
        done.update((name, models[name]) for name in sorted(ready))
    return list(done.values())


def name_of(node):
    """`project.dataset.table` of a model or a source."""
    return node["relation_name"].replace("`", "")


class Run:
    """All tables after a full run of the models on the sample."""

    def __init__(self, manifest, events=None):
        self.manifest = manifest
        self.engine = Engine()
        self.models = models_in_order(manifest)
        add_sources(self.engine, manifest, events)
        for node in self.models:
            self.engine.tables[name_of(node)] = self.engine.query(node["compiled_code"])

    def model(self, name):
        return next(node for node in self.models if node["name"] == name)

    def rows(self, sql):
        """Rows of a query whose `{name}` are models."""
        names = {node["name"]: node["relation_name"] for node in self.models}
        return self.engine.shown(sql.format(**names))


@pytest.fixture(scope="session")
def manifest(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("full"), ga4_incremental=False)


@pytest.fixture(scope="session")
def incremental(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("incremental"), ga4_incremental=True)


@pytest.fixture(scope="session")
def run(manifest):
    return Run(manifest)
