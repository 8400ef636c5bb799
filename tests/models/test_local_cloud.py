"""`dbt build` on the local cloud, against the demo's business and its GA4 export.

Every number of the web models is computed here a second time, from the rows of the export, without SQL.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import Forbidden
from google.cloud import bigquery
from google.oauth2.credentials import Credentials

from conftest import ROOT, dbt

GA4 = "analytics_250794857"
MODELS = [
    "bookings_daily", "data_health", "ga4_events", "ga4_sessions", "payouts_daily", "stg_bookings",
    "stg_clicks", "stg_coupons", "stg_creators", "stg_links", "stg_partners", "stg_payouts",
    "user_journey", "users",
]  # fmt: skip


def client(token):
    """A client of the local BigQuery, as one of its users."""
    return bigquery.Client(
        project=os.environ["GOOGLE_CLOUD_PROJECT"],
        location="asia-northeast3",
        credentials=Credentials(token),
        client_options=ClientOptions(api_endpoint=os.environ["BIGQUERY_EMULATOR_HOST"]),
    )


@pytest.fixture(scope="session")
def warehouse():
    """Rows of a query as the models' account, which sees masks only."""
    models = client("local-models")
    return lambda sql: [dict(row) for row in models.query_and_wait(sql)]


@pytest.fixture(scope="session")
def google():
    """Changes of the export, as Google makes them."""
    account = client("local-ga4-export")
    return lambda sql: list(account.query_and_wait(sql))


@pytest.fixture(scope="session")
def today(warehouse):
    # The day of the intraday table: the local cloud's clock may have passed midnight.
    rows = warehouse(f"SELECT table_id FROM {GA4}.__TABLES__ WHERE table_id LIKE 'events_intraday_%'")
    return datetime.strptime(rows[0]["table_id"][-8:], "%Y%m%d").date()


@pytest.fixture(scope="session")
def run(today, tmp_path_factory):
    """Runs dbt as the models' account. The day is fixed, so that midnight does not change it."""
    target = tmp_path_factory.mktemp("dbt")
    os.environ["LANDBRIDGE_TOKEN"] = "local-models"

    def run(*arguments, **variables):
        return dbt(target, *arguments, variables={"ga4_today": str(today), **variables})

    run.target = target
    return run


@pytest.fixture(scope="session")
def old_day(google, today):
    """An old day in the export, which no later run reads."""
    old, source = suffix(today, 9), suffix(today, 3)
    google(
        f"CREATE TABLE {GA4}.events_{old} AS SELECT * REPLACE ('{old}' AS event_date,"
        f" event_timestamp - 6 * 86400000000 AS event_timestamp, CONCAT(user_pseudo_id, '.old') AS user_pseudo_id)"
        f" FROM {GA4}.events_{source}"
    )
    return old


@pytest.fixture(scope="session")
def ran_without_dbt(run, old_day):
    """`landbridge models run` of what dbt compiled, before dbt builds the same."""
    result = run("compile", "--full-refresh")
    assert result.returncode == 0, result.stdout
    return landbridge("models", "run", run.target / "manifest.json", "--output", "json")


@pytest.fixture(scope="session")
def built(run, ran_without_dbt):
    result = run("build", "--full-refresh")
    assert result.returncode == 0, result.stdout
    return result.stdout


def landbridge(*arguments):
    command = [os.environ["LANDBRIDGE_CLI"], *arguments, "--data-dir", os.environ["LANDBRIDGE_DATA_DIR"],
               "--config", ROOT / "examples/demo/landbridge.yaml"]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False)


def suffix(today, days):
    return (today - timedelta(days=days)).strftime("%Y%m%d")


# ---- The same numbers, without SQL -----------------------------------------------------------------


def param(event, name):
    """A parameter as text, whichever type the site sent."""
    for each in event["event_params"]:
        if each["key"] == name:
            value = each["value"]
            if value["string_value"] is not None:
                return value["string_value"]
            return None if value["int_value"] is None else str(value["int_value"])
    return None


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


def exported(warehouse):
    """All events that count: a day's own table, or its intraday table as long as there is no other."""
    rows = warehouse(f"SELECT _TABLE_SUFFIX AS name, TO_JSON_STRING(t) AS text FROM {GA4}.`events_*` AS t")
    daily = {row["name"] for row in rows if re.fullmatch("[0-9]{8}", row["name"])}
    events = []
    for row in rows:
        kind, _, day = row["name"].rpartition("_")
        if kind == "" or (kind == "intraday" and day not in daily):
            events.append(json.loads(row["text"]))
    return events


def source_of(event):
    """The session's own source, or the one of the page's address where attribution is not exported."""
    session = event["session_traffic_source_last_click"] or {}
    if (session.get("google_ads_campaign") or {}).get("customer_id"):
        return "google"
    manual = (session.get("manual_campaign") or {}).get("source")
    return manual or (event["collected_traffic_source"] or {}).get("manual_source")


def expected_sessions(events, users):
    """Sessions by their key: first day, events, page views, last user, users, bookings, source."""
    grouped = defaultdict(list)
    for event in events:
        session, visitor = param(event, "ga_session_id"), event["user_pseudo_id"]
        if session is not None and visitor is not None:
            grouped[hashed(f"{visitor}/{session}")].append(event)
    sessions = {}
    for key, found in grouped.items():
        found.sort(key=lambda it: it["event_timestamp"])
        known = [
            int(it["user_id"]) for it in found if (it["user_id"] or "").isdigit() and int(it["user_id"]) in users
        ]
        sources = [source for it in found if (source := source_of(it))]
        sessions[key] = {
            "session_date": datetime.strptime(min(it["event_date"] for it in found), "%Y%m%d").date(),
            "visitor": found[0]["user_pseudo_id"],
            "events": len(found),
            "page_views": sum(it["event_name"] == "page_view" for it in found),
            "user_key": known[-1] if known else None,
            "users": len(set(known)),
            "bookings": len({b for it in found if (b := (it["ecommerce"] or {}).get("transaction_id"))}),
            "source": sources[0] if sources else "(direct)",
        }
    return sessions


def users_of(warehouse):
    return {row["id"] for row in warehouse("SELECT id FROM shop.creators")}


def compare_sessions(warehouse, events=None):
    expected = expected_sessions(events or exported(warehouse), users_of(warehouse))
    rows = warehouse("SELECT * FROM shop_models.ga4_sessions")
    assert len({row["session_key"] for row in rows}) == len(rows)
    found = {row["session_key"]: row for row in rows}
    assert found.keys() == expected.keys()
    for key, session in expected.items():
        for column in session.keys() - {"visitor"}:
            assert found[key][column] == session[column], (column, session, found[key])
    return expected


# ---- Tests ----------------------------------------------------------------------------------------


def test_dbt_builds_every_model_and_every_test_passes(built, warehouse):
    assert re.search(r"Done\. PASS=\d+ WARN=0 ERROR=0 SKIP=0", built), built
    tables = {row["table_name"] for row in warehouse(
        "SELECT table_name FROM shop_models.INFORMATION_SCHEMA.TABLES")}  # fmt: skip
    assert tables == set(MODELS)


def test_models_run_makes_the_tables_that_dbt_makes(ran_without_dbt, built, warehouse):
    report = json.loads(ran_without_dbt.stdout)
    assert ran_without_dbt.returncode == 0 and report["ok"], ran_without_dbt
    rows = {each["model"].rpartition(".")[2]: each["rows"] for each in report["models"]}
    order = list(rows)
    assert order.index("stg_links") < order.index("users") < order.index("user_journey")
    assert order.index("ga4_events") < order.index("ga4_sessions") < order.index("user_journey")
    built_rows = {
        model: warehouse(f"SELECT COUNT(*) AS n FROM shop_models.{model}")[0]["n"] for model in MODELS
    }
    assert rows == built_rows
    # dbt's summary counts models and tests; a model is one.
    passed = int(re.search(r"Done\. PASS=(\d+)", built)[1])
    assert len(report["assertions"]) == passed - len(MODELS), report["assertions"]
    assert {each["outcome"] for each in report["assertions"]} == {"pass"}, report["assertions"]
    assert report["dropped"] == []


def test_models_run_fails_with_an_assertion_and_says_what_it_does_not_run(built, tmp_path, warehouse):
    target = {"database": os.environ["GOOGLE_CLOUD_PROJECT"], "schema": "shop_models"}
    graph = {
        "tables": [{"target": target | {"name": "asserted"}, "type": "table", "query": "SELECT id FROM shop.links"}],
        "assertions": [
            {"target": target | {"name": "none"}, "query": "SELECT id FROM shop_models.asserted WHERE id < 0 -- x"},
            {"target": target | {"name": "three"}, "query": "SELECT id FROM shop_models.asserted ORDER BY id LIMIT 3"},
            {"target": target | {"name": "wrong"}, "query": "SELECT nothing FROM shop_models.asserted"},
            {"target": target | {"name": "off"}, "query": "SELECT 1", "disabled": True},
        ],
    }
    path = tmp_path / "compiled.json"
    path.write_text(json.dumps(graph))
    result = landbridge("models", "run", path)
    assert result.returncode == 1 and "2 of 3 assertions failed" in result.stderr, result
    for line in ["3 assertions run, 1 passed", "shop_models.three: failed: 3 failures",
                 "shop_models.wrong: error: Unrecognized name", "shop_models.off: it is disabled"]:  # fmt: skip
        assert line in result.stdout, (line, result.stdout)
    report = json.loads(landbridge("models", "run", path, "--output", "json").stdout)
    assert not report["ok"] and [each["outcome"] for each in report["assertions"]] == ["pass", "fail", "error"]
    assert report["dropped"] == [{"name": "shop_models.off", "why": "it is disabled"}]
    warehouse("DROP TABLE shop_models.asserted")


def test_models_cost_is_what_a_refresh_reads(run, built, tmp_path, warehouse):
    def cost(*arguments):
        command = [os.environ["LANDBRIDGE_CLI"], "models", "cost", *arguments,
                   "--config", ROOT / "examples/demo/landbridge.yaml", "--output", "json"]  # fmt: skip
        variables = os.environ | {"LANDBRIDGE_GCP_TOKEN": "local-models"}
        variables["LANDBRIDGE_BIGQUERY_ENDPOINT"] = os.environ["BIGQUERY_EMULATOR_HOST"] + "/bigquery/v2"
        # A bare token is accepted only if no call can leave this machine.
        variables["LANDBRIDGE_GCS_ENDPOINT"] = os.environ["BIGQUERY_EMULATOR_HOST"]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)

    result = cost(run.target / "manifest.json", "--runs-per-day", "2")
    assert result.returncode == 0, result
    report = json.loads(result.stdout)
    reads = {each["name"].rpartition(".")[2]: each for each in report["queries"]}
    assert reads["stg_links"] | {"bytes": 0, "kind": "view"} == reads["stg_links"]
    assert {reads[name]["bytes"] for name in ("users", "user_journey")} == {10 << 20}, "the least of a query"
    assert report["bytes"] == sum(each["bytes"] for each in report["queries"])
    assert report["month"] == pytest.approx(report["bytes"] / 2**40 * 6.25 * 2 * 730 / 24)
    missing = tmp_path / "later.sql"
    missing.write_text("SELECT id FROM shop_models.not_made_yet")
    result = cost(missing)
    assert result.returncode == 1 and "run the models once" in result.stderr, result
    assert "not_made_yet" in json.loads(result.stdout)["queries"][0]["problem"], result.stdout


def test_models_run_runs_nothing_that_check_refuses(built, tmp_path, warehouse):
    good, bad, broken = (tmp_path / name for name in ["good_one.sql", "bad.sql", "broken.sql"])
    good.write_text("SELECT id FROM shop.links -- all")
    bad.write_text("SELECT id FROM `shop-analytics.others.secrets`")
    broken.write_text("SELECT nothing FROM shop_models.good_one")
    result = landbridge("models", "run", good, bad)
    assert result.returncode == 2 and "add it to warehouse.models.reads" in result.stderr, result
    names = "SELECT COUNT(*) AS n FROM shop_models.__TABLES__ WHERE table_id IN ('good_one', 'broken')"
    assert warehouse(names) == [{"n": 0}]
    result = landbridge("models", "run", broken, good)
    assert result.returncode == 1 and "Unrecognized name" in result.stderr, result
    assert "good_one.sql" in result.stdout and warehouse(names) == [{"n": 1}]
    warehouse("DROP TABLE shop_models.good_one")


def test_the_sources_are_fresh_by_their_receipts(built, run):
    result = run("source", "freshness")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("PASS freshness of shop.") == 7, result.stdout


def test_events_and_sessions_are_those_of_the_export(built, warehouse):
    events = exported(warehouse)
    row = warehouse(
        "SELECT COUNT(*) AS events, COUNT(DISTINCT user_key) AS users, COUNT(DISTINCT booking_id) AS bookings,"
        " COUNTIF(session_key IS NULL) AS without_consent FROM shop_models.ga4_events"
    )[0]
    users = users_of(warehouse)
    assert row == {
        "events": len(events),
        "users": len({it["user_id"] for it in events if it["user_id"] and int(it["user_id"]) in users}),
        "bookings": len({b for it in events if (b := (it["ecommerce"] or {}).get("transaction_id"))}),
        "without_consent": sum(it["user_pseudo_id"] is None for it in events),
    }
    assert row["bookings"] > 0 and row["without_consent"] > 0
    sessions = compare_sessions(warehouse)
    assert any(each["users"] == 2 for each in sessions.values())
    assert any(each["source"] == "google" for each in sessions.values())


def test_a_journey_has_the_sessions_links_bookings_and_payouts_of_its_user(built, warehouse):
    users = users_of(warehouse)
    sessions = expected_sessions(exported(warehouse), users)
    # A visitor belongs to a user if all events with a login are of this one.
    logins = defaultdict(set)
    for event in exported(warehouse):
        if (event["user_id"] or "").isdigit() and int(event["user_id"]) in users and event["user_pseudo_id"]:
            logins[event["user_pseudo_id"]].add(int(event["user_id"]))
    journeys = {user: defaultdict(int) for user in users}
    visitors = defaultdict(set)
    for session in sessions.values():
        of = logins[session["visitor"]]
        user = session["user_key"] or (next(iter(of)) if len(of) == 1 else None)
        if user is not None:
            journeys[user]["sessions"] += 1
            journeys[user]["anonymous_sessions"] += session["user_key"] is None
            journeys[user]["page_views"] += session["page_views"]
            visitors[user].add(session["visitor"])
    links = {row["id"]: row["creator_id"] for row in warehouse("SELECT id, creator_id FROM shop.links")}
    for creator in links.values():
        if creator in users:
            journeys[creator]["links"] += 1
    for row in warehouse("SELECT link_id, ROUND(amount * CAST(exchange_rate AS NUMERIC)) AS krw FROM shop.bookings"):
        user = links.get(row["link_id"])
        if user in users:
            journeys[user]["bookings"] += 1
            journeys[user]["booked_krw"] += row["krw"]
    for row in warehouse("SELECT creator_id, paid_at IS NOT NULL AS paid FROM shop.payouts"):
        if row["creator_id"] in users:
            journeys[row["creator_id"]]["payouts" if row["paid"] else "open_payouts"] += 1
    rows = warehouse("SELECT * FROM shop_models.user_journey")
    assert {row["user_key"] for row in rows} == users
    for row in rows:
        expected = journeys[row["user_key"]]
        expected["visitors"] = len(visitors[row["user_key"]])
        for column in ["sessions", "anonymous_sessions", "visitors", "page_views", "links", "bookings",
                       "booked_krw", "payouts", "open_payouts"]:  # fmt: skip
            assert (row[column] or 0) == expected[column], (column, row, dict(expected))
    # The third creator has two domains, and visits without a login of the same visitor.
    assert next(row for row in rows if row["user_key"] == 3)["visitors"] >= 2
    assert any(row["anonymous_sessions"] for row in rows)


@pytest.mark.parametrize("model", MODELS)
def test_analysts_and_readers_see_the_same_in_a_model_and_others_are_refused(built, model):
    sql = f"SELECT TO_JSON_STRING(m) AS text FROM shop_models.{model} AS m ORDER BY text"
    analyst, reader = ([row.text for row in client(token).query_and_wait(sql)]
                       for token in ["local-analyst", "local-pii-reader"])  # fmt: skip
    assert analyst and analyst == reader
    with pytest.raises(Forbidden):
        client("local-stranger").query_and_wait(sql)


def test_a_later_run_writes_three_days_again_and_no_older_one(built, run, google, warehouse, today):
    before = exported(warehouse)
    late, gone, emptied, old = (suffix(today, days) for days in [3, 2, 1, 9])
    # An event arrives late; Google takes back a visitor, and all events of a day; an old day changes.
    google(
        f"INSERT INTO {GA4}.events_{late} SELECT * REPLACE ('late' AS user_pseudo_id, 'page_view' AS event_name)"
        f" FROM {GA4}.events_{late} WHERE user_pseudo_id IS NOT NULL ORDER BY event_timestamp LIMIT 1"
    )
    visitor = f"(SELECT MIN(user_pseudo_id) FROM {GA4}.events_{gone})"
    google(f"DELETE FROM {GA4}.events_{gone} WHERE user_pseudo_id = {visitor}")
    for day in [emptied, old]:
        google(f"DELETE FROM {GA4}.events_{day} WHERE TRUE")
    result = run("run", "--select", "ga4_events", "ga4_sessions", "user_journey")
    assert result.returncode == 0, result.stdout
    after = exported(warehouse)
    kept = after + [event for event in before if event["event_date"] == old]
    assert len(after) < len(kept) < len(before)
    assert not any(event["event_date"] == emptied for event in kept)
    compare_sessions(warehouse, kept)
    count = warehouse("SELECT COUNT(*) AS n FROM shop_models.ga4_events")[0]["n"]
    assert count == len(kept)
    # The same again changes nothing.
    events = "SELECT TO_JSON_STRING(e) AS text FROM shop_models.ga4_events AS e ORDER BY text"
    first = warehouse(events)
    assert run("run", "--select", "ga4_events").returncode == 0
    assert warehouse(events) == first


def test_an_address_in_user_id_stops_the_models_and_reaches_none(built, run, google, warehouse, today):
    day = suffix(today, 0)
    google(
        f"INSERT INTO {GA4}.events_intraday_{day} SELECT * REPLACE ('kim@example.com' AS user_id)"
        f" FROM {GA4}.events_intraday_{day} LIMIT 1"
    )
    result = run("build", "--select", "+ga4_events", "ga4_sessions")
    assert result.returncode != 0
    assert "FAIL 1 ga4_user_id_is_no_address" in result.stdout, result.stdout
    assert "SKIP relation shop_models.ga4_events" in result.stdout
    assert "kim@example.com" not in result.stdout
    google(f"DELETE FROM {GA4}.events_intraday_{day} WHERE user_id = 'kim@example.com'")


def test_a_model_that_cannot_run_is_red(built, run, warehouse):
    count = "SELECT COUNT(*) AS n FROM shop_models.ga4_sessions"
    before = warehouse(count)
    result = run("run", "--full-refresh", "--select", "ga4_sessions", ga4_first_day="2020-13-45")
    assert result.returncode != 0
    assert "ERROR=1" in result.stdout, result.stdout
    assert warehouse(count) == before, "the table of the run before stays"


# ---- bq ---------------------------------------------------------------------------------------------


def exported_variables():
    """What a shell has after `. local.env`."""
    file = Path(os.environ["LANDBRIDGE_DATA_DIR"]) / "local.env"
    return dict(re.findall(r"^export (\w+)='(.*)'$", file.read_text(), re.M))


def test_bq_finds_the_server_and_a_token_in_local_env():
    """As bq does it: the override is the root URL, to which the discovery document's path is added
    (Cloud SDK 2.1, platform/bq: OverrideEndpoint), and the token comes from a file."""
    variables = exported_variables()
    root = variables["CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY"]
    with urllib.request.urlopen(f"{root}$discovery/rest?version=v2") as response:
        document = json.load(response)
    jobs = document["resources"]["jobs"]["methods"]["list"]
    assert {"parentJobId", "minCreationTime", "maxCreationTime", "stateFilter"} <= set(jobs["parameters"])
    path = jobs["path"].replace("{projectId}", variables["CLOUDSDK_CORE_PROJECT"])
    token = Path(variables["CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"]).read_text()
    request = urllib.request.Request(
        f"{root}{document['servicePath']}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request) as response:
        assert json.load(response)["kind"] == "bigquery#jobList"


def test_bq_itself_queries_and_runs_scripts(tmp_path):
    """With the program, where it is installed; the test before stands for it elsewhere."""
    program = shutil.which("bq")
    if program is None:
        return
    variables = os.environ | exported_variables() | {"HOME": str(tmp_path), "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"}

    def bq(*arguments):
        command = [program, "--quiet", "--format=json", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    rows = bq("query", "--use_legacy_sql=false", "SELECT id, email FROM shop.creators ORDER BY id LIMIT 1")
    assert json.loads(rows)[0]["email"].startswith("XXXXX@"), "as the analyst, who sees masks"
    assert {each["id"].partition(":")[2] for each in json.loads(bq("ls"))} >= {"shop", "shop_views"}
    script = bq("query", "--use_legacy_sql=false", "DECLARE x INT64 DEFAULT 2; SELECT x AS n; SELECT x + 1 AS n")
    assert '"n":"2"' in script and '"n":"3"' in script, script
