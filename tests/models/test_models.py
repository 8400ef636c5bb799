"""Each model runs on the sample, says what its description says, and reads no column with a class."""

import json
import re

import pytest

from conftest import Run, dbt, name_of
from googlesql import SUFFIX, scanned_columns
from warehouse import EVENTS


def class_of_columns(manifest):
    """The class and the transform of each column of the business's tables."""
    return {
        (name_of(source), name): column["config"]["meta"]
        for source in manifest["sources"].values()
        if source["source_name"] != "ga4"
        for name, column in source["columns"].items()
    }


def laundered(engine, manifest, sql):
    """The columns with a class or a transform that a query reads."""
    metas = class_of_columns(manifest)
    return {
        (table, column)
        for table, column in scanned_columns(engine.analyze(sql))
        if (meta := metas.get((table, column))) and (meta["class"] != "none" or "transform" in meta)
    }


def test_every_model_runs_and_none_reads_a_column_with_a_class(run):
    for node in run.models:
        found = laundered(run.engine, run.manifest, node["compiled_code"])
        assert not found, f"{node['name']} copies {found} into a table without policy tags"
    names = sorted(node["name"] for node in run.models)
    assert names == [
        "bookings_daily", "data_health", "ga4_events", "ga4_sessions", "payouts_daily",
        "stg_bookings", "stg_clicks", "stg_coupons", "stg_creators", "stg_links", "stg_partners",
        "stg_payouts", "user_journey", "users",
    ]  # fmt: skip


def test_a_model_with_an_address_or_a_token_is_found(run):
    creators = "`shop-analytics`.`shop`.`creators`"
    for sql, column in [
        (f"SELECT id FROM {creators} WHERE email = 'x'", "email"),
        (f"SELECT id, account_no FROM {creators}", "account_no"),
        (f"SELECT COUNT(DISTINCT phone) AS n FROM {creators}", "phone"),
    ]:
        found = laundered(run.engine, run.manifest, sql)
        assert found == {("shop-analytics.shop.creators", column)}
    every = laundered(run.engine, run.manifest, f"SELECT * FROM {creators}")
    assert {column for _, column in every} == {
        "account_no", "birth_date", "email", "name", "name_en", "phone"
    }  # fmt: skip


def test_bookings_are_on_the_day_of_the_business_and_in_won(run):
    rows = run.rows(
        "SELECT booking_date, partner_country, status, currency, bookings, nights, amount,"
        " amount_krw FROM {bookings_daily} ORDER BY status"
    )
    assert [list(row.values()) for row in rows] == [
        ["2026-11-19", "JP", "cancelled", "KRW", 1, 1, 20000, 20000],
        ["2026-11-19", "KR", "confirmed", "USD", 2, 3, "110.5", 153071],
    ]


def test_only_paid_payouts_have_a_day(run):
    rows = run.rows("SELECT paid_date, currency, payouts, creators, amount FROM {payouts_daily}")
    assert [list(row.values()) for row in rows] == [["2026-11-11", "USD", 1, 1, 30]]


def test_data_health_shows_the_newest_receipt_of_a_table(run):
    rows = run.rows("SELECT table_name, state, data_day, is_complete FROM {data_health}")
    assert [list(row.values()) for row in rows] == [["creators", "held", "2026-11-20", None]]


def test_no_text_of_the_export_that_names_a_person_is_in_a_model(run):
    for name in ["ga4_events", "ga4_sessions", "user_journey"]:
        text = json.dumps(run.rows(f"SELECT * FROM {{{name}}}"))
        for secret in ["example.com", "Seoul", "Pixel", '"v1"', "?email"]:
            assert secret not in text, f"{name} contains {secret}"


def test_each_event_is_there_once_and_others_tables_are_not_read(run):
    rows = run.rows(
        "SELECT event_date, COUNT(*) AS events, COUNTIF(is_intraday) AS intraday"
        " FROM {ga4_events} GROUP BY event_date ORDER BY event_date"
    )
    assert [list(row.values()) for row in rows] == [
        ["2026-11-17", 1, 0], ["2026-11-18", 3, 0], ["2026-11-19", 8, 0], ["2026-11-20", 1, 0],
    ]  # fmt: skip


def test_an_intraday_table_is_read_until_the_days_table_exists(manifest):
    events = [each for each in EVENTS if each[SUFFIX] != "20261120"]
    run = Run(manifest, events)
    rows = run.rows("SELECT is_intraday FROM {ga4_events} WHERE event_date = '2026-11-20'")
    assert rows == [{"is_intraday": True}]


def test_user_ids_become_keys_of_known_users_only(run):
    rows = run.rows("SELECT DISTINCT user_key FROM {ga4_events} ORDER BY user_key")
    assert [row["user_key"] for row in rows] == [None, 1, 2]


def sessions(run, columns):
    return [
        list(row.values())
        for row in run.rows(f"SELECT {columns} FROM {{ga4_sessions}} ORDER BY started_at")
    ]


def test_sessions_have_numbers_or_texts_as_ids_and_begin_on_their_first_day(run):
    assert sessions(run, "session_date, events, user_key, users, source, medium, campaign") == [
        ["2026-11-17", 2, 1, 1, "google", "cpc", "brand"],
        ["2026-11-18", 2, 2, 2, "newsletter", "email", "autumn"],
        ["2026-11-19", 1, None, 0, "(direct)", "(none)", None],
        ["2026-11-19", 1, 1, 1, "blog", "referral", None],
        ["2026-11-19", 2, None, 0, "(direct)", "(none)", None],
        ["2026-11-19", 1, None, 0, "(direct)", "(none)", None],
        ["2026-11-19", 1, None, 0, "(direct)", "(none)", None],
        ["2026-11-19", 1, 1, 1, "(direct)", "(none)", None],
        ["2026-11-20", 1, 1, 1, "(direct)", "(none)", None],
    ]


def test_a_journey_joins_web_links_bookings_and_payouts(run):
    rows = run.rows(
        "SELECT user_key, sessions, anonymous_sessions, visitors, first_source, links, bookings,"
        " booked_krw, payouts, open_payouts, last_paid_date FROM {user_journey} ORDER BY user_key"
    )
    assert [list(row.values()) for row in rows] == [
        # Sessions 900, s-903, 904 (anonymous), 907 and 908; the shared computer's 902 is of nobody.
        [1, 5, 1, 2, "google", 2, 3, 173071, 1, 1, "2026-11-11"],
        [2, 1, 0, 1, "newsletter", 1, 0, None, 0, 0, None],
        [3, 0, 0, 0, None, 0, 0, None, 0, 0, None],
    ]


@pytest.mark.parametrize("model, day", [("ga4_events", "event_date"), ("ga4_sessions", "session_date")])
def test_a_later_run_writes_the_last_days_as_a_full_run_does(run, incremental, model, day):
    later = Run(run.manifest)
    node = next(node for node in incremental["nodes"].values() if node["name"] == model)
    fresh = later.engine.query(node["compiled_code"])
    name = name_of(node)
    later.engine.tables[f"{name}_new"] = fresh
    written = f"SELECT * FROM `{name}_new`"
    full = f"SELECT * FROM `{name}` WHERE {day} >= '2026-11-17'"
    key = lambda row: json.dumps(row, sort_keys=True)
    assert sorted(later.engine.shown(written), key=key) == sorted(later.engine.shown(full), key=key)


def test_a_session_of_the_day_before_is_not_written_again_as_a_new_one(incremental, run):
    """With today one day later, the session that begins on the 17th is not one of the 18th."""
    node = next(node for node in incremental["nodes"].values() if node["name"] == "ga4_sessions")
    sql = node["compiled_code"].replace("2026-11-20", "2026-11-21")
    assert sql != node["compiled_code"]
    run.engine.tables["later.run.sessions"] = run.engine.query(sql)
    rows = run.engine.shown("SELECT MIN(session_date) AS first, COUNT(*) AS n FROM `later.run.sessions`")
    assert rows == [{"first": "2026-11-18", "n": 8}]


def data_tests(manifest):
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]


def test_every_test_of_the_models_runs_and_only_the_address_fails(run):
    failing = set()
    for node in data_tests(run.manifest):
        if run.engine.query(node["compiled_code"]).rows:
            failing.add(node["name"])
    assert failing == {"ga4_user_id_is_no_address"}


def test_a_missing_day_and_a_second_row_of_a_key_are_found(run):
    failing = set()
    other = Run(run.manifest)
    events = other.model("ga4_events")
    other.engine.tables[name_of(events)] = other.engine.query(
        f"SELECT * FROM {events['relation_name']} WHERE event_date != '2026-11-18'"
    )
    users = other.model("users")
    other.engine.tables[name_of(users)] = other.engine.query(
        f"SELECT * FROM {users['relation_name']} UNION ALL SELECT * FROM {users['relation_name']}"
    )
    for node in data_tests(run.manifest):
        if other.engine.query(node["compiled_code"]).rows:
            failing.add(re.sub(r"_[0-9a-f]{10}$", "", node["name"]))
    assert failing == {
        "ga4_user_id_is_no_address", "ga4_events_has_every_day", "unique_users_user_key"
    }  # fmt: skip


@pytest.mark.parametrize("key, says", [
    ("email", "`creators.email` has class `email`"),
    ("account_no", "`creators.account_no` has class `none`, transform `tokenise`"),
    ("passport_no", "sources.yml has no column `passport_no`"),
])  # fmt: skip
def test_a_masked_tokenised_or_unknown_key_is_refused_and_another_named(tmp_path, key, says):
    arguments = ["compile", "--no-introspect", "--no-populate-cache", "--select", "ga4_events"]
    result = dbt(tmp_path, *arguments, variables={"ga4_incremental": False, "user_key": key})
    assert result.returncode != 0
    said = " ".join(result.stdout.split())
    assert says in said
    assert "user_key" in said.split(says)[1]
