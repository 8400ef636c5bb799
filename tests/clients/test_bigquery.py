"""google-cloud-bigquery: tagged tables, loads, masked queries, refused callers."""

import base64
import datetime
import decimal
import hashlib

import pytest
from google.api_core.exceptions import BadRequest, Conflict, Forbidden, NotFound, PreconditionFailed
from google.cloud import bigquery
from google.cloud.bigquery import PolicyTagList, SchemaField

from conftest import variable

DATASET = "library"
BUCKET = "people-landing"

# The rows of both Parquet files, which the Rust test writes; the second day has one more row.
PEOPLE = [
    (1, "홍길동", "hong@example.com", decimal.Decimal("1234.50"), "2026-01-01T15:00:00.123456+00:00"),
    (2, "Ann Lee", "ann@example.org", decimal.Decimal("-0.01"), "1969-12-31T23:59:59+00:00"),
    (3, None, None, None, None),
]
NEWCOMER = (4, "김철수", "kim@example.net", decimal.Decimal("7.00"), "2026-01-02T00:00:00+00:00")


def tag(name):
    return variable(f"LOCAL_TAG_{name.upper()}")


def tagged(name):
    return PolicyTagList(names=[tag(name)])


SCHEMA = [
    SchemaField("id", "INTEGER", mode="NULLABLE"),
    SchemaField("name", "STRING", policy_tags=tagged("name"), description="as on the passport"),
    SchemaField("email", "STRING", policy_tags=tagged("email")),
    SchemaField("amount", "NUMERIC"),
    SchemaField("at", "TIMESTAMP"),
]


def rows(people):
    when = lambda text: text and datetime.datetime.fromisoformat(text)
    return [(*person[:4], when(person[4])) for person in people]


def tags_of(table):
    return {field.name: list(field.policy_tags.names) for field in table.schema if field.policy_tags}


@pytest.fixture(scope="module")
def loader(bigquery_as):
    client = bigquery_as("loader")
    dataset = bigquery.Dataset(f"{client.project}.{DATASET}")
    dataset.location = variable("LOCAL_LOCATION")
    client.create_dataset(dataset)
    with pytest.raises(Conflict):
        client.create_dataset(dataset)
    assert DATASET in [it.dataset_id for it in client.list_datasets()]
    return client


@pytest.fixture(scope="module")
def files(storage_as):
    bucket = storage_as("owner").create_bucket(BUCKET, location=variable("LOCAL_LOCATION"))
    for day in ("day1", "day2"):
        bucket.blob(f"{day}/part-00000.parquet").upload_from_filename(variable(f"LOCAL_PARQUET_{day.upper()}"))
    return lambda day: f"gs://{BUCKET}/{day}/*.parquet"


def load(client, table, uri, job_id, disposition="WRITE_TRUNCATE_DATA", schema=SCHEMA):
    config = bigquery.LoadJobConfig(
        source_format="PARQUET",
        schema=schema,
        write_disposition=disposition,
        decimal_target_types=["NUMERIC", "BIGNUMERIC", "STRING"],
    )
    return client.load_table_from_uri(uri, table, job_id=job_id, job_config=config)


@pytest.fixture(scope="module")
def people(loader, files):
    """A table that got its policy tags before its data."""
    name = f"{loader.project}.{DATASET}.people"
    made = loader.create_table(bigquery.Table(name, schema=SCHEMA))
    assert tags_of(made) == {"name": [tag("name")], "email": [tag("email")]}
    assert load(loader, name, files("day1"), "people-day1-a1").result().output_rows == 3
    return name


def test_a_load_replaces_rows_and_keeps_tags(loader, files, people):
    job = load(loader, people, files("day2"), "people-day2-a1").result()
    assert (job.output_rows, job.input_files, job.state) == (4, 1, "DONE")
    table = loader.get_table(people)
    assert table.num_rows == 4
    assert tags_of(table) == {"name": [tag("name")], "email": [tag("email")]}
    assert table.schema[1].description == "as on the passport"
    load(loader, people, files("day1"), "people-day1-a2").result()
    assert loader.get_table(people).num_rows == 3


def test_a_job_id_is_used_once(loader, files, people):
    with pytest.raises(Conflict) as caught:
        load(loader, people, files("day2"), "people-day1-a1")
    assert caught.value.errors[0]["reason"] == "duplicate"
    done = loader.get_job("people-day1-a1")
    assert (done.state, done.output_rows, done.error_result) == ("DONE", 3, None)
    with pytest.raises(NotFound):
        loader.get_job("people-day1-a9")


def test_a_plain_truncation_loses_the_tags(loader, files):
    name = f"{loader.project}.{DATASET}.careless"
    loader.create_table(bigquery.Table(name, schema=SCHEMA))
    load(loader, name, files("day1"), "careless-a1", "WRITE_TRUNCATE", schema=[]).result()
    assert tags_of(loader.get_table(name)) == {}
    # With a schema that has tags, the table has them afterwards.
    load(loader, name, files("day1"), "careless-a2", "WRITE_TRUNCATE").result()
    assert tags_of(loader.get_table(name)) == {"name": [tag("name")], "email": [tag("email")]}


def test_an_invalid_load_is_refused_completely(loader, files, people):
    text = [SchemaField(it.name, "TIMESTAMP" if it.name == "name" else it.field_type) for it in SCHEMA]
    other = f"{loader.project}.{DATASET}.other"
    loader.create_table(bigquery.Table(other, schema=text))
    with pytest.raises(BadRequest):
        load(loader, other, files("day1"), "other-a1", schema=text).result()
    assert loader.get_table(other).num_rows == 0
    more = [*SCHEMA, SchemaField("more", "STRING")]
    with pytest.raises(BadRequest, match="more"):
        load(loader, people, files("day2"), "people-more-a1", schema=more).result()
    with pytest.raises(NotFound):
        load(loader, people, f"gs://{BUCKET}/day9/*", "people-day9-a1").result()
    assert loader.get_table(people).num_rows == 3


def test_every_reader_sees_what_the_tags_allow(bigquery_as, people):
    ask = f"SELECT id, name, email, amount, `at` FROM `{people}` ORDER BY id"
    plain = [tuple(row) for row in bigquery_as("pii_reader").query(ask).result()]
    assert plain == rows(PEOPLE)

    hashed = lambda text: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    masked = [tuple(row) for row in bigquery_as("analyst").query_and_wait(ask)]
    assert masked == [
        (1, hashed("홍길동"), "XXXXX@example.com", *rows(PEOPLE)[0][3:]),
        (2, hashed("Ann Lee"), "XXXXX@example.org", *rows(PEOPLE)[1][3:]),
        (3, None, None, None, None),
    ]

    stranger = bigquery_as("stranger")
    for query in (ask, f"SELECT * FROM `{people}`", f"SELECT COUNT(email) FROM `{people}`"):
        with pytest.raises(Forbidden) as caught:
            stranger.query(query).result()
        said = str(caught.value)
        assert "Access Denied" in said or "Access denied" in said, said
        assert "User does not have permission to access policy tag" in said
        assert "people.name" in said or "people.email" in said
        assert "hong" not in said
    untagged = stranger.query(f"SELECT * EXCEPT (name, email) FROM `{people}` ORDER BY id").result()
    assert [field.name for field in untagged.schema] == ["id", "amount", "at"]
    assert [row.id for row in untagged] == [1, 2, 3]


def test_a_masked_column_cannot_be_searched_for_a_plain_value(bigquery_as, people):
    parameter = lambda value: bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter("email", "STRING", value)]
    )
    ask = f"SELECT COUNT(*) AS n FROM `{people}` WHERE email = @email"
    count = lambda who, value: next(iter(bigquery_as(who).query(ask, job_config=parameter(value)).result())).n
    assert count("pii_reader", "hong@example.com") == 1
    assert count("analyst", "hong@example.com") == 0
    assert count("analyst", "XXXXX@example.com") == 1


def test_a_schema_patch_keeps_the_tags(loader, bigquery_as, people):
    table = loader.get_table(people)
    stale = loader.get_table(people)
    # A patch without policy tags leaves them unchanged.
    silent = [SchemaField(it.name, it.field_type, description=it.description) for it in table.schema]
    table.schema = [*silent, SchemaField("born", "STRING", policy_tags=tagged("unclassified"))]
    patched = loader.update_table(table, ["schema"])
    wanted = {"name": [tag("name")], "email": [tag("email")], "born": [tag("unclassified")]}
    assert tags_of(patched) == wanted
    assert [row.born for row in bigquery_as("analyst").query(f"SELECT born FROM `{people}`").result()] == [None] * 3

    stale.description = "written with an old etag"
    with pytest.raises(PreconditionFailed):
        loader.update_table(stale, ["description"])
    for schema in ([*table.schema[:-1]], [SchemaField("id", "STRING"), *table.schema[1:]]):
        patched.schema = schema
        with pytest.raises(BadRequest):
            loader.update_table(patched, ["schema"])
    assert tags_of(loader.get_table(people)) == wanted


def test_listed_rows_have_pages_and_need_plain_access(bigquery_as, people):
    pick = [SchemaField("id", "INTEGER"), SchemaField("email", "STRING")]
    listed = bigquery_as("pii_reader").list_rows(people, selected_fields=pick, page_size=2)
    assert [[row.email for row in page] for page in listed.pages] == [
        ["hong@example.com", "ann@example.org"],
        [None],
    ]
    for who in ("analyst", "stranger"):
        with pytest.raises(Forbidden):
            list(bigquery_as(who).list_rows(people, selected_fields=pick))
    assert [row.id for row in bigquery_as("stranger").list_rows(people, selected_fields=pick[:1])] == [1, 2, 3]


def test_only_the_loader_may_write(bigquery_as, files, people):
    with pytest.raises(Forbidden):
        load(bigquery_as("analyst"), people, files("day1"), "analyst-a1").result()
    with pytest.raises(Forbidden):
        bigquery_as("analyst").create_table(bigquery.Table(f"{people}_copy", schema=SCHEMA))
    table = bigquery_as("analyst").get_table(people)
    table.description = "mine now"
    with pytest.raises(Forbidden):
        bigquery_as("analyst").update_table(table, ["description"])


def test_tables_are_listed_and_deleted(loader, people):
    assert "people" in [it.table_id for it in loader.list_tables(DATASET)]
    short = f"{loader.project}.{DATASET}.short_lived"
    loader.create_table(bigquery.Table(short, schema=SCHEMA[:1]))
    with pytest.raises(Conflict):
        loader.create_table(bigquery.Table(short, schema=SCHEMA[:1]))
    loader.delete_table(short)
    with pytest.raises(NotFound):
        loader.get_table(short)
