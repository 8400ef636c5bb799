"""The files of models/ml.

Google's analyser of GoogleSQL knows CREATE MODEL, but no function of BigQuery ML, and no engine here trains.
So the statement that trains is analysed as a whole, and the queries that the functions read are analysed and
run: their columns are those that the model was trained with, and none has a class.
"""

import re

import pytest
from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_node_kind_pb2 as kinds

from googlesql import SUFFIX  # noqa: F401  (the engine's catalog)
from test_models import laundered
from warehouse import ROOT

FOLDER = ROOT / "models" / "ml"
FILES = sorted(path.stem for path in FOLDER.glob("*.sql"))
# Functions that read a query in parentheses.
READ = re.compile(r"(?:AI|ML)\.[A-Z_]+\((?:\s*MODEL\s+[`\w.-]+,)?\s*\(", re.S)


def text_of(name):
    return (FOLDER / f"{name}.sql").read_text()


def input_of(sql):
    """The query that a function reads, or that a model learns from; `None` if there is none."""
    if "CREATE OR REPLACE MODEL" in sql:
        return re.split(r"^\) AS$", sql, flags=re.M)[1]
    found = READ.search(sql)
    if not found:
        return None
    start = at = found.end()
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(sql[at], 0)
        at += 1
    return sql[start : at - 1]


def test_the_files_are_those_that_the_page_explains():
    assert FILES == ["booking_propensity", "booking_propensity_evaluate", "booking_propensity_predict",
                     "link_topics", "payouts_forecast"]  # fmt: skip
    page = (ROOT / "docs" / "machine-learning.md").read_text()
    for name in FILES:
        assert f"../models/ml/{name}.sql" in page, name


@pytest.mark.parametrize("name", FILES)
def test_what_a_model_reads_is_googlesql_runs_and_has_no_class(run, name):
    sql = input_of(text_of(name))
    if sql is None:
        assert name == "booking_propensity_evaluate"
        return
    rows = run.engine.query(sql).rows
    assert rows or name == "booking_propensity", name
    assert not laundered(run.engine, run.manifest, sql)
    assert "email" not in sql and "account" not in sql


def test_the_statement_that_trains_is_googlesql(run):
    run.engine.language.supported_statement_kinds.extend(
        [kinds.RESOLVED_CREATE_MODEL_STMT, kinds.RESOLVED_QUERY_STMT]
    )
    statement = run.engine.analyze(text_of("booking_propensity"))
    assert "resolved_create_model_stmt_node" in str(statement)
    with pytest.raises(Exception, match="Unrecognized name: email"):
        run.engine.analyze(text_of("booking_propensity").replace("users.tier,", "users.tier, email,"))


def test_a_prediction_has_the_features_of_the_training(run):
    def columns(name):
        return dict(run.engine.query(input_of(text_of(name))).columns)

    trained, predicted = columns("booking_propensity"), columns("booking_propensity_predict")
    assert trained.keys() - {"is_booked"} == predicted.keys() - {"user_key"}
    for feature in trained.keys() - {"is_booked"}:
        assert trained[feature] == predicted[feature], feature
