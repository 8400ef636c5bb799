"""google-cloud-bigquery: parameters, statements, views, destinations and uploads."""

import decimal
import io

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from conftest import variable

DATASET = "statements"


@pytest.fixture(scope="module")
def client(bigquery_as):
    client = bigquery_as("owner")
    dataset = bigquery.Dataset(f"{client.project}.{DATASET}")
    dataset.location = variable("LOCAL_LOCATION")
    client.create_dataset(dataset)
    config = bigquery.LoadJobConfig(
        source_format="CSV",
        skip_leading_rows=1,
        schema=[SchemaField("id", "INT64"), SchemaField("name", "STRING"), SchemaField("price", "NUMERIC")],
    )
    csv = b'id,name,price\n1,"a, b",1.50\n2,,\n'
    job = client.load_table_from_file(io.BytesIO(csv), f"{client.project}.{DATASET}.things", job_config=config)
    assert job.result().output_rows == 2
    return client


def values(rows):
    return [tuple(row.values()) for row in rows]


def test_parameters_of_every_scalar_type_keep_their_values(client):
    config = bigquery.QueryJobConfig(
        query_parameters=[
            bigquery.ScalarQueryParameter("n", "INT64", 2),
            bigquery.ScalarQueryParameter("f", "FLOAT64", 2.5),
            bigquery.ScalarQueryParameter("yes", "BOOL", True),
            bigquery.ScalarQueryParameter("text", "STRING", "it's"),
        ]
    )
    sql = f"SELECT id, @f AS f, @yes AS yes, @text AS text FROM {DATASET}.things WHERE id = @n"
    assert values(client.query(sql, config).result()) == [(2, 2.5, True, "it's")]


def test_an_uploaded_file_has_typed_rows(client):
    rows = client.query(f"SELECT * FROM {DATASET}.things ORDER BY id").result()
    assert values(rows) == [(1, "a, b", decimal.Decimal("1.5")), (2, "", None)]


def test_a_result_can_be_read_as_a_table_or_written_to_one(client):
    job = client.query(f"SELECT id FROM {DATASET}.things")
    job.result()
    assert client.get_table(job.destination).num_rows == 2
    name = f"{client.project}.{DATASET}.copied"
    config = bigquery.QueryJobConfig(destination=name)
    client.query(f"SELECT id FROM {DATASET}.things", config).result()
    assert client.get_table(name).num_rows == 2
    dry = client.query(f"SELECT id FROM {DATASET}.things", bigquery.QueryJobConfig(dry_run=True))
    assert (dry.total_bytes_processed, [field.name for field in dry.schema]) == (16, ["id"])


def test_statements_report_what_they_changed(client):
    client.query(f"CREATE TABLE {DATASET}.made AS SELECT 1 AS id, 'a' AS name").result()
    update = client.query(f"UPDATE {DATASET}.made SET name = 'b' WHERE id = 1")
    assert list(update.result()) == []
    assert (update.statement_type, update.num_dml_affected_rows) == ("UPDATE", 1)
    script = client.query(f"INSERT {DATASET}.made VALUES (2, 'c'); SELECT name FROM {DATASET}.made ORDER BY id;")
    assert values(script.result()) == [("b",), ("c",)]
    assert script.num_child_jobs == 2
    with pytest.raises(BadRequest, match="CREATE FUNCTION"):
        client.query(f"CREATE FUNCTION {DATASET}.f() AS (1)").result()


def test_a_view_is_created_and_queried(client):
    view = bigquery.Table(f"{client.project}.{DATASET}.ids")
    view.view_query = f"SELECT id FROM `{client.project}.{DATASET}.things`"
    made = client.create_table(view)
    assert (made.table_type, [field.name for field in made.schema]) == ("VIEW", ["id"])
    assert values(client.query(f"SELECT COUNT(*) AS n FROM {DATASET}.ids").result()) == [(2,)]
