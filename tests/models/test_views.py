"""The friendly views of the demo, in Google's own engine: the SQL that was written on the local cloud.

A view must be GoogleSQL with the columns and types that BigQuery's answer contains, and run whatever is in
the columns: a masked reader's values are hashes, empty texts and NULL, and a time can be the last one.
"""

import json
import os
import re
from pathlib import Path

import pytest
from googlesql import Engine, type_name
from warehouse import TYPES, select

# Tables and views, each with the fields of its schema, and the views' queries.
WAREHOUSE = json.loads(Path(os.environ["LANDBRIDGE_VIEWS"]).read_text())
HASH = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
FIRST = {"TIMESTAMP": "0001-01-01 00:00:00+00", "STRING": "", "DATE": "0001-01-01"}
LAST = {"TIMESTAMP": "9999-12-31 23:59:59.999999+00", "STRING": HASH, "DATE": "9999-12-31"}


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    for name, fields in WAREHOUSE["tables"].items():
        single = [field for field in fields if field.get("mode") != "REPEATED"]
        rows = [{field["name"]: row.get(field["type"]) for field in single} for row in (FIRST, LAST)]
        engine.tables[name] = engine.query(select(fields, [*rows, {}]))
    return engine


def as_bigquery_reads(query):
    """The query with the alias that BigQuery gives a table without one: the last part of its path.

    The engine takes the whole quoted path as one name, BigQuery takes it apart.
    """
    return re.sub(r"FROM (`[^`]+\.([^`.]+)`)(?! AS )", r"FROM \1 AS `\2`", query)


def field_type(field):
    name = TYPES.get(field["type"], field["type"])
    return f"ARRAY<{name}>" if field.get("mode") == "REPEATED" else name


@pytest.mark.parametrize("name", WAREHOUSE["views"])
def test_a_view_is_googlesql_and_runs_for_every_value(engine, name):
    view = WAREHOUSE["views"][name]
    result = engine.query(as_bigquery_reads(view["query"]))
    columns = [(column, type_name(type_)) for column, type_ in result.columns]
    assert columns == [(field["name"], field_type(field)) for field in view["fields"]]
    tables = len(WAREHOUSE["tables"])
    assert len(result.rows) == (tables if name == "_freshness" else 3)


def test_some_views_parse_json_and_have_local_times():
    texts = [view["query"] for view in WAREHOUSE["views"].values()]
    for function in ["SAFE.PARSE_JSON", "SAFE.DATETIME"]:
        assert any(function in text for text in texts)
