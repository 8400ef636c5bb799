"""The views of `landbridge_ops` and the queries of docs/ops.md, in Google's own engine.

The rows and the results come from the local warehouse: both engines must say the same.
"""

import json
import os
import re
from pathlib import Path

import pytest

from googlesql import Engine, type_name
from warehouse import select, type_of

DATASET = json.loads(Path(os.environ["LANDBRIDGE_OPS"]).read_text())
OPS = "shop-analytics.landbridge_ops"


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    for name, table in DATASET["tables"].items():
        engine.tables[name] = engine.query(select(table["fields"], table["rows"]))
    for name, view in DATASET["views"].items():
        engine.tables[f"{OPS}.{name}"] = engine.query(view["query"])
    return engine


def in_order(rows):
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


@pytest.mark.parametrize("name", DATASET["views"])
def test_a_view_has_the_same_columns_and_rows(engine, name):
    view = DATASET["views"][name]
    columns = [(column, type_name(type_)) for column, type_ in engine.query(view["query"]).columns]
    assert columns == [(field["name"], type_of(field)) for field in view["fields"]]
    assert view["rows"]
    assert in_order(engine.shown(view["query"])) == in_order(view["rows"])


@pytest.mark.parametrize("number", range(len(DATASET["queries"])))
def test_a_documented_query_has_the_same_rows(engine, number):
    query = DATASET["queries"][number]
    sql = re.sub(r"\blandbridge_ops\.(\w+)", rf"`{OPS}.\1`", query["sql"])
    assert query["rows"]
    assert in_order(engine.shown(sql)) == in_order(query["rows"])
