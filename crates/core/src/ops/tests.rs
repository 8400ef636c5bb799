use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::views::ops_views;
use super::{OpsTable, rows};
use crate::audit::{Check, Outcome, Verdict};
use crate::config::AuditLevel;
use crate::incident::{Cause, Event, Incident, Life, Member};
use crate::plan::DayPlan;
use crate::receipt::{ProofWay, Receipt, ReceiptColumn, ReceiptState};
use crate::rewrite::Misfit;
use crate::types::BigQueryType;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn receipt(state: ReceiptState) -> Receipt {
    let plan = DayPlan {
        source: "shop".to_owned(),
        day: "2026-11-21".parse().expect("a day"),
        snapshot: String::new(),
        export: String::new(),
        planned_at: at("2026-11-20T17:00:00Z"),
        tables: Vec::new(),
        skipped: Vec::new(),
        warnings: Vec::new(),
    };
    let mut receipt = Receipt::new(&plan, "public.people", state, at("2026-11-20T17:10:00Z"));
    receipt.table = "people".to_owned();
    receipt.rows_table = Some(3);
    receipt
}

fn column() -> ReceiptColumn {
    ReceiptColumn {
        name: "birth".to_owned(),
        source_column: Some("Birth".to_owned()),
        source: "date".to_owned(),
        ty: BigQueryType::Date,
        class: "birth".to_owned(),
        repeated: false,
        action: String::new(),
        nulls: Some(1),
        misfits: BTreeMap::from([(Misfit::ZeroDate, 2), (Misfit::Malformed, 1)]),
        min: Some("1931-05-04".to_owned()),
        max: Some("2008-01-02".to_owned()),
        tag_read_back: true,
        proof: Some(ProofWay::ThroughMask),
    }
}

fn incident() -> Incident {
    let member = |table: &str, ended: Option<&str>| Member {
        name: table.to_owned(),
        context: format!("{table}: names"),
        action: String::new(),
        day: "2026-11-21".parse().expect("a day"),
        at: at("2026-11-20T17:10:00Z"),
        redo: 0,
        rows_of: None,
        table: table.to_owned(),
        notice: None,
        ended_at: ended.map(at),
    };
    let members = [member("people", None), member("orders", Some("2026-11-20T18:00:00Z"))];
    Incident {
        number: 7,
        cause: Cause { kind: "Held".to_owned(), what: "a table is held".to_owned() },
        day: "2026-11-21".parse().expect("a day"),
        opened_at: at("2026-11-20T17:12:00Z"),
        life: Life::Open,
        members: members.map(|it| (it.name.clone(), it)).into(),
        events: vec![Event { at: at("2026-11-20T17:12:00Z"), text: "opened".to_owned() }],
        late: None,
        threads: BTreeMap::new(),
        effect: String::new(),
        command: String::new(),
    }
}

fn rows_of(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The columns of a row, in order.
fn names(lines: &str) -> Vec<String> {
    // `Value` may sort its keys; the line has them in order.
    let line = lines.lines().next().expect("a row");
    let keys: BTreeSet<String> =
        rows_of(line)[0].as_object().expect("a row").keys().cloned().collect();
    let place = |key: &String| line.find(&format!("\"{key}\":"));
    let mut keys: Vec<String> = keys.into_iter().collect();
    keys.sort_by_key(place);
    keys
}

fn verdict(check: Check, outcome: Outcome, text: &str) -> (AuditLevel, Verdict) {
    let column = (check == Check::Values).then(|| "state".to_owned());
    (AuditLevel::Warn, Verdict { check, column, outcome, text: text.to_owned() })
}

#[test]
fn every_row_has_the_columns_of_its_table() {
    let mut receipt = receipt(ReceiptState::Published);
    receipt.columns.push(column());
    let verdicts = [verdict(Check::Values, Outcome::Found, "3 values")];
    for (table, lines) in [
        (OpsTable::Columns, rows::columns(&receipt)),
        (OpsTable::Audits, rows::audits(&receipt, &verdicts, None)),
        (OpsTable::Incidents, rows::incident("shop", &incident(), at("2026-11-20T17:15:00Z"))),
    ] {
        let columns: Vec<String> = table.columns().into_iter().map(|it| it.name).collect();
        assert_eq!(names(&lines), columns, "{}", table.name());
    }
}

/// Of a column, the rows say how many values are NULL or did not fit, and nothing that depends on what a value is:
/// no bound, no reason that names a value, no count of a finding.
#[test]
fn rows_contain_no_figure_of_the_values() {
    let mut receipt = receipt(ReceiptState::Published);
    receipt.columns.push(column());
    let row = &rows_of(&rows::columns(&receipt))[0];
    assert_eq!(
        (&row["null_count"], &row["misfit_count"], &row["row_count"]),
        (&json!(1), &json!(3), &json!(3))
    );
    assert_eq!((&row["transform"], &row["proof"]), (&json!("copy"), &json!("through_mask")));
    let verdicts = [
        verdict(Check::Values, Outcome::Found, "41 values are not among the declared ones"),
        verdict(Check::Rows, Outcome::Waits, "3 of 7 earlier days are known"),
    ];
    let audits = rows::audits(&receipt, &verdicts, None);
    let text = row.to_string() + &audits;
    for figure in ["1931", "2008", "zero_date", "malformed", "41"] {
        assert!(!text.contains(figure), "{figure}: {text}");
    }
    assert!(text.contains(Check::Values.finding()) && text.contains("3 of 7"), "{text}");
}

#[test]
fn a_table_is_late_if_it_is_published_after_the_deadline() {
    let (due, late) = ("2026-11-20T19:00:00Z", "2026-11-20T20:00:00Z");
    let of = |state, recorded_at: &str, redo| {
        let receipt = Receipt { recorded_at: at(recorded_at), redo, ..receipt(state) };
        let rows = rows_of(&rows::audits(&receipt, &[], Some(at(due))));
        let outcome = |row: &Value| {
            assert_eq!((&row["check_name"], &row["level"]), (&json!("deadline"), &Value::Null));
            row["outcome"].as_str().expect("a text").to_owned()
        };
        rows.first().map(outcome)
    };
    for (state, recorded_at, redo, outcome) in [
        (ReceiptState::Published, due, 0, Some("passed")),
        (ReceiptState::Published, late, 0, Some("found")),
        (ReceiptState::Published, late, 1, Some("not_visible")),
        (ReceiptState::Held, due, 0, Some("waits")),
        (ReceiptState::Held, late, 0, Some("found")),
        (ReceiptState::Superseded, late, 0, None),
        (ReceiptState::Skipped, due, 0, None),
        (ReceiptState::Missing, late, 0, None),
    ] {
        assert_eq!(of(state, recorded_at, redo).as_deref(), outcome, "{state:?} {recorded_at}");
    }
}

#[test]
fn an_incident_names_its_tables_and_no_free_text() {
    let seen = at("2026-11-20T17:15:00Z");
    let open = &rows_of(&rows::incident("shop", &incident(), seen))[0];
    assert_eq!(open["tables"], json!(["orders", "people"]));
    assert_eq!(open["open_tables"], json!(["people"]));
    assert_eq!((&open["state"], &open["ended_at"]), (&json!("open"), &Value::Null));
    let life = Life::Closed { at: seen, reason: "minjun said so".to_owned() };
    let closed = rows::incident("shop", &Incident { life, ..incident() }, seen);
    assert!(closed.contains(r#""state":"closed""#) && !closed.contains("minjun"), "{closed}");
}

#[test]
fn a_view_describes_its_columns_and_reads_this_dataset() {
    let views = ops_views("analytics", "ops");
    assert_eq!(
        views.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        ["table_health", "freshness", "row_trend"]
    );
    for view in &views {
        assert!(view.query.starts_with("WITH ") && view.query.contains("`analytics.ops.receipts`"));
        assert!(!view.query.contains("{ops}") && !view.query.contains("-- "), "{}", view.query);
        assert!(view.description.starts_with("One row per table"), "{}", view.description);
        let (_, selected) = view.query.rsplit_once("\nSELECT\n").expect("the last SELECT");
        for column in &view.columns {
            let name = &column.name;
            let ends = [
                format!(".{name},\n"),
                format!(" {name},\n"),
                format!(".{name}\n"),
                format!(" {name}\n"),
            ];
            assert!(ends.iter().any(|end| selected.contains(end)), "{}: {name}", view.name);
        }
    }
    assert!(views[0].columns.len() == 13 && views[1].columns.len() == 9);
}

/// `UPDATE_DOCS=1` writes the tables of the page.
#[test]
fn the_documentation_has_the_same_columns() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ops.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let mut expected = page.clone();
    for table in [OpsTable::Columns, OpsTable::Audits, OpsTable::Incidents] {
        let mut text = "| column | type | content |\n|---|---|---|\n".to_owned();
        for field in table.fields() {
            let ty = match field.repeated {
                true => format!("ARRAY<{}>", field.ty),
                false => field.ty.to_string(),
            };
            text += &format!("| `{}` | {ty} | {} |\n", field.name, field.description);
        }
        expected = between(&expected, &format!("## `{}`\n", table.name()), &text);
    }
    for view in ops_views("p", "landbridge_ops") {
        let mut text = "| column | content |\n|---|---|\n".to_owned();
        for column in &view.columns {
            text += &format!("| `{}` | {} |\n", column.name, column.description);
        }
        expected = between(&expected, &format!("## `{}`\n", view.name), &text);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return std::fs::write(path, &expected).expect("the page");
    }
    assert!(page == expected, "docs/ops.md is out of date: run this test with UPDATE_DOCS=1");
}

/// The page with another first table after a heading.
fn between(page: &str, heading: &str, table: &str) -> String {
    let (before, rest) = page.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let start = rest.find("\n| column |").expect("a table") + 1;
    let end = rest[start..].find("\n\n").map_or(rest.len(), |end| start + end + 1);
    format!("{before}{heading}{}{table}{}", &rest[..start], &rest[end..])
}
