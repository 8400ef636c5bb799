"""The tables that the models read: the business, the receipts and a GA4 export, a few rows each.

The columns and their types are the real ones, from sources.yml and from the export's schema; a
column that a row does not name is NULL.
"""

import json
from pathlib import Path

from googlesql import SUFFIX

ROOT = Path(__file__).resolve().parents[2]
# The schema of GA4's export, as the local cloud writes it.
GA4_SCHEMA = ROOT / "crates/local/database/src/sample/ga4/schema.json"
TYPES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}

CREATORS = [
    {"id": 1, "tier": "gold", "active": True, "created_at": "2026-10-01 00:00:00+00",
     "email": "a@example.com", "account_no": "token-1"},
    {"id": 2, "tier": "silver", "active": True, "created_at": "2026-10-02 00:00:00+00"},
    {"id": 3, "tier": "bronze", "active": False, "created_at": "2026-10-03 00:00:00+00"},
]  # fmt: skip
PARTNERS = [
    {"id": 10, "name": "Hotel", "country": "KR", "terms": '{"days": 3}', "tags": ["hotel"]},
    {"id": 11, "name": "Flight", "country": "JP", "terms": "not JSON"},
]
LINKS = [
    {"id": 100, "creator_id": 1, "partner_id": 10, "created_at": "2026-10-05 00:00:00+00"},
    {"id": 101, "creator_id": 1, "partner_id": 11, "created_at": "2026-10-06 00:00:00+00"},
    {"id": 102, "creator_id": 2, "partner_id": 10, "created_at": "2026-10-07 00:00:00+00"},
]
CLICKS = [{"id": 7, "link_id": 100, "clicked_at": "2026-11-18 23:30:00", "ip": "192.0.2.1"}]
BOOKINGS = [
    # 2026-11-18 in UTC and 2026-11-19 in Seoul.
    {"id": 1000, "link_id": 100, "partner_id": 10, "status": "confirmed", "amount": "100.50",
     "currency": "USD", "exchange_rate": 1385.25, "nights": 2,
     "booked_at": "2026-11-18 16:00:00+00", "traveller_email": "t@example.com"},
    {"id": 1001, "link_id": 101, "partner_id": 11, "status": "cancelled", "amount": "20000",
     "currency": "KRW", "exchange_rate": 1.0, "nights": 1, "booked_at": "2026-11-19 01:00:00+00"},
    {"id": 1002, "link_id": 100, "partner_id": 10, "status": "confirmed", "amount": "10",
     "currency": "USD", "exchange_rate": 1385.25, "nights": 1,
     "booked_at": "2026-11-19 02:00:00+00"},
]  # fmt: skip
PAYOUTS = [
    {"id": 50, "creator_id": 1, "month": "2026-10-01", "amount": "30", "currency": "USD",
     "paid_at": "2026-11-10 20:00:00+00", "account_no": "token-1"},
    {"id": 51, "creator_id": 1, "month": "2026-11-01", "amount": "40", "currency": "USD"},
]  # fmt: skip
COUPONS = [{"id": 1, "partner_id": 10, "code": "TRIP1", "percent": 10, "valid_until": "2026-12-31"}]
RECEIPTS = [
    {"source": "shop", "source_table": "public.creators", "table_name": "creators", "day": day,
     "state": state, "rows_footer": 3, "rows_table": rows, "recorded_at": f"{day} 02:30:00+00",
     "snapshot_at": f"{day} 01:00:00+00"}
    for day, state, rows in [("2026-11-19", "published", 3), ("2026-11-20", "held", None)]
]  # fmt: skip


def event(day, second, name, visitor, session=None, user=None, table=None, **more):
    """An event of GA4. `day` is the property's day, `table` the suffix of its table."""
    params = [{"key": "page_location", "value": {"string_value": more.pop("page", None)}}]
    if session is not None:
        key = "int_value" if isinstance(session, int) else "string_value"
        params.append({"key": "ga_session_id", "value": {key: session}})
    for key, value in more.pop("params", {}).items():
        params.append({"key": key, "value": {"int_value": value}})
    # The days of the sample begin at midnight in Seoul, nine hours before UTC's.
    midnight = {"20261117": 1794841200, "20261118": 1794927600, "20261119": 1795014000,
                "20261120": 1795100400}[day]  # fmt: skip
    return {
        "event_date": day,
        "event_timestamp": (midnight + second) * 1_000_000,
        "event_name": name,
        "event_params": params,
        "user_id": user,
        "user_pseudo_id": visitor,
        "device": {"category": "mobile", "mobile_model_name": "Pixel"},
        "geo": {"country": "South Korea", "city": "Seoul"},
        SUFFIX: table or day,
        **more,
    }


NEWSLETTER = {
    "session_traffic_source_last_click": {
        "manual_campaign": {"source": "newsletter", "medium": "email", "campaign_name": "autumn"}
    }
}
ADS = {
    "session_traffic_source_last_click": {
        "google_ads_campaign": {"customer_id": "1", "campaign_name": "brand"}
    }
}

EVENTS = [
    # Begins before midnight and ends after it; logs in on the way.
    event("20261117", 86_300, "session_start", "v1", 900, page="https://www.example/", **ADS),
    event("20261118", 100, "page_view", "v1", 900, user="1",
          page="https://www.example/links?email=a@example.com", params={"ga_session_number": 3}),
    # The user changes within a session.
    event("20261118", 5_000, "session_start", "shared", 901, user="1", **NEWSLETTER),
    event("20261118", 5_100, "page_view", "shared", 901, user="2",
          page="https://www.example/login"),
    # The shared computer without a login: no user.
    event("20261119", 10, "page_view", "shared", 902),
    # A text as session id, and an anonymous session of a visitor who is always user 1.
    event("20261119", 20, "page_view", "v2", "s-903", user="1",
          collected_traffic_source={"manual_source": "blog", "manual_medium": "referral"}),
    event("20261119", 30, "page_view", "v2", 904, params={"engagement_time_msec": 1500}),
    event("20261119", 40, "purchase", "v2", 904, params={"link_id": 100},
          ecommerce={"transaction_id": "1000", "purchase_revenue": 100.5}),
    # No consent: no visitor, no session.
    event("20261119", 50, "page_view", None),
    # user_id of no user, an address, and an address in the path.
    event("20261119", 60, "page_view", "v3", 905, user="999"),
    event("20261119", 70, "page_view", "v4", 906, user="a@example.com",
          page="https://www.example/u/a@example.com/x"),
    # Late: in the table of the next day.
    event("20261119", 80, "link_click", "v1", 907, user="1", table="20261120"),
    event("20261120", 10, "page_view", "v1", 908, user="1"),
    # The day's table is there, so its intraday table is not read again.
    event("20261120", 10, "page_view", "v1", 908, user="1", table="intraday_20261120"),
    # Other tables of the dataset.
    event("20261119", 90, "page_view", "v9", 909, table="fresh_20261119"),
]  # fmt: skip


def add_sources(engine, manifest, events=None):
    """Adds the tables of all sources of a manifest."""
    rows = {
        "creators": CREATORS, "partners": PARTNERS, "links": LINKS, "clicks": CLICKS,
        "bookings": BOOKINGS, "payouts": PAYOUTS, "coupons": COUPONS, "receipts": RECEIPTS,
    }  # fmt: skip
    for source in manifest["sources"].values():
        name = source["relation_name"].replace("`", "")
        if source["source_name"] == "ga4":
            fields = json.loads(GA4_SCHEMA.read_text()) + [{"name": SUFFIX, "type": "STRING"}]
            table_rows = EVENTS if events is None else events
        else:
            fields = [field_of(column) for column in source["columns"].values()]
            table_rows = rows[source["name"]]
        engine.tables[name] = engine.query(select(fields, table_rows))


def field_of(column):
    """A column of sources.yml as a field of a BigQuery schema."""
    ty = column["data_type"].upper()
    if ty.startswith("ARRAY<"):
        return {"name": column["name"], "type": ty[len("ARRAY<") : -1], "mode": "REPEATED"}
    return {"name": column["name"], "type": ty}


def type_of(field):
    """The GoogleSQL type of a field."""
    if field["type"] == "RECORD":
        inner = ", ".join(f"{each['name']} {type_of(each)}" for each in field["fields"])
        ty = f"STRUCT<{inner}>"
    else:
        ty = TYPES.get(field["type"], field["type"])
    return f"ARRAY<{ty}>" if field.get("mode") == "REPEATED" else ty


def literal(field, value):
    """A value of a field as an expression of its type."""
    if field.get("mode") == "REPEATED":
        one = {**field, "mode": "NULLABLE"}
        return f"{type_of(field)}[{', '.join(literal(one, each) for each in value or [])}]"
    if value is None:
        return f"CAST(NULL AS {type_of(field)})"
    if field["type"] == "RECORD":
        unknown = set(value) - {each["name"] for each in field["fields"]}
        assert not unknown, f"{field['name']} has no {unknown}"
        inner = ", ".join(literal(each, value.get(each["name"])) for each in field["fields"])
        return f"{type_of(field)}({inner})"
    return f"CAST({json.dumps(value)} AS {type_of(field)})"


def select(fields, rows):
    """A query whose result are these rows, without a row if there is none."""
    unknown = {key for row in rows for key in row} - {field["name"] for field in fields}
    assert not unknown, f"no columns {unknown}"
    texts = [
        "SELECT " + ", ".join(f"{literal(field, row.get(field['name']))} AS `{field['name']}`" for field in fields)
        for row in rows or [{}]
    ]
    limit = "" if rows else " LIMIT 0"
    return " UNION ALL ".join(texts) + limit
