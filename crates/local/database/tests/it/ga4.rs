//! The GA4 export of the sample database.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use landbridge_local_database::SampleDatabase;
use landbridge_local_database::sample::GA4_SCHEMA;
use serde_json::Value;

use crate::support::{cells, table};

const FIRST: Date = date(2026, 11, 21);
const SCALE: f64 = 0.1;

fn rows_of(sample: &SampleDatabase, day: u64) -> BTreeMap<String, Vec<Value>> {
    let tables = sample.ga4_tables(day).into_iter();
    tables
        .map(|table| {
            let text = String::from_utf8(table.json_lines).expect("UTF-8");
            let rows = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
            (table.name, rows.collect())
        })
        .collect()
}

fn param<'a>(row: &'a Value, key: &str) -> Option<&'a Value> {
    let params = row["event_params"].as_array()?;
    params.iter().find(|it| it["key"] == key).map(|it| &it["value"])
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

#[test]
fn the_tables_are_those_that_google_has_on_a_day_and_grow_for_three_days() {
    let sample = SampleDatabase::new(FIRST, SCALE);
    let names: Vec<String> = rows_of(&sample, 0).into_keys().collect();
    assert_eq!(
        names,
        ["events_20261118", "events_20261119", "events_20261120", "events_intraday_20261121"]
    );
    assert_eq!(sample.ga4_deleted_table(0), "events_intraday_20261120");
    let of_first_day = |day| {
        let mut tables = rows_of(&sample, day);
        tables.remove("events_20261121").map(|rows| rows.len())
    };
    let sizes: Vec<Option<usize>> = (1..=4).map(of_first_day).collect();
    let [Some(first), Some(second), Some(third), None] = sizes[..] else { panic!("{sizes:?}") };
    assert!(first < second && second < third, "{sizes:?}");
    let intraday = &rows_of(&sample, 0)["events_intraday_20261121"];
    assert_eq!(intraday.len(), first);
    assert!(intraday.iter().all(|row| row.get("session_traffic_source_last_click").is_none()));
    for (name, rows) in rows_of(&sample, 3) {
        let suffix = &name[name.len() - 8..];
        assert!(rows.iter().all(|row| row["event_date"] == suffix), "{name}");
    }
}

#[test]
fn every_purchase_link_and_user_is_a_row_of_the_business() {
    let sample = SampleDatabase::new(FIRST, SCALE);
    let snapshot = sample.on_day(3);
    let table = |name| cells(snapshot.as_ref(), table(snapshot.as_ref(), name));
    let ids = |name| -> BTreeSet<String> {
        table(name).into_iter().map(|row| row[0].clone().expect("an id")).collect()
    };
    let bookings: BTreeMap<String, Vec<Option<String>>> =
        table("bookings").into_iter().map(|row| (row[0].clone().expect("an id"), row)).collect();
    let (links, creators) = (ids("links"), ids("creators"));
    let (mut purchases, mut missing) = (0, 0);
    for row in rows_of(&sample, 3).into_values().flatten() {
        if let Some(link) = param(&row, "link_id") {
            missing += usize::from(!links.contains(&link["int_value"].to_string()));
        }
        if let Some(user) = row["user_id"].as_str() {
            missing += usize::from(!creators.contains(user));
        }
        if row["event_name"] != "purchase" {
            continue;
        }
        let Some(booking) = bookings.get(text(&row["ecommerce"], "transaction_id")) else {
            // Deleted since, or made after the snapshot.
            missing += 1;
            continue;
        };
        purchases += 1;
        let amount = row["ecommerce"]["purchase_revenue"].as_f64().expect("a number");
        let cell = |at: usize| booking[at].clone().unwrap_or_default();
        assert_eq!(format!("{amount:.2}"), cell(7));
        assert_eq!(param(&row, "currency").expect("a currency")["string_value"], cell(8));
        assert_eq!(param(&row, "link_id").expect("a link")["int_value"].to_string(), cell(1));
    }
    assert!(purchases > 40, "{purchases}");
    // The business deletes one row in 211.
    assert!(missing < purchases, "{missing}");
}

#[test]
fn the_export_has_what_makes_sessions_hard() {
    let sample = SampleDatabase::new(FIRST, SCALE);
    let mut users: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut visitors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut dates: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut anonymous, mut texts, mut numbers) = (0, 0, 0);
    for row in rows_of(&sample, 3).into_values().flatten() {
        let Some(visitor) = row["user_pseudo_id"].as_str() else {
            assert!(param(&row, "ga_session_id").is_none());
            anonymous += 1;
            continue;
        };
        let session = param(&row, "ga_session_id").expect("a session");
        texts += usize::from(session.get("string_value").is_some());
        numbers += usize::from(session.get("int_value").is_some());
        let session = session.to_string();
        dates.entry(session.clone()).or_default().insert(text(&row, "event_date").to_owned());
        if let Some(user) = row["user_id"].as_str() {
            users.entry((visitor.to_owned(), session)).or_default().insert(user.to_owned());
            visitors.entry(user.to_owned()).or_default().insert(visitor.to_owned());
        }
    }
    assert!(anonymous > 0 && texts > 0 && numbers > 0, "{anonymous} {texts} {numbers}");
    assert!(users.values().any(|users| users.len() == 2), "a user who changes in a session");
    assert!(visitors["3"].len() >= 2, "a user on two domains");
    assert!(dates.values().any(|dates| dates.len() == 2), "a session that ends on the next day");
}

#[test]
fn the_schema_has_every_field_of_every_row() {
    fn check(fields: &Value, row: &Value, path: &str) {
        let fields = fields.as_array().expect("fields");
        for (name, value) in row.as_object().expect("a record") {
            let field = fields.iter().find(|it| it["name"] == *name);
            let field = field.unwrap_or_else(|| panic!("no field {path}.{name}"));
            if field["type"] == "RECORD" {
                let of = [value.clone()];
                let values = value.as_array().map_or(&of[..], Vec::as_slice);
                values.iter().for_each(|it| check(&field["fields"], it, name));
            }
        }
    }
    let schema: Value = serde_json::from_str(GA4_SCHEMA).expect("JSON");
    let sample = SampleDatabase::new(FIRST, 0.01);
    for row in rows_of(&sample, 2).into_values().flatten() {
        check(&schema, &row, "");
    }
}
