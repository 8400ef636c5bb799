//! What the records, the alerts and `landbridge verify` say of a table. Nothing here knows the fault.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use landbridge_core::receipt::{NoteCode, Receipt, ReceiptState};
use landbridge_local::Principal::PiiReader;
use serde_json::Value;

use super::faults::Fault;
use super::tables::name;
use crate::command::{landbridge, output_text};
use crate::support::TestEnv;

/// When a fault was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum When {
    /// Before readers see it: the table keeps the rows of the day before.
    Before,
    /// Before the table is published, which it is.
    Warned,
    /// When readers can see it already.
    After,
    /// Not at all.
    Never,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::Warned => "before, and published",
            Self::After => "after",
            Self::Never => "–",
        })
    }
}

/// What was seen of a fault.
pub(super) struct Seen {
    pub(super) by: String,
    pub(super) when: When,
    pub(super) alerts: usize,
}

/// Alerts of all functions, as text.
pub(super) fn alerts(env: &TestEnv) -> Vec<String> {
    let functions = ["snapshot", "export", "transfer", "load", "protect"];
    functions.iter().flat_map(|it| env.alerts(it)).map(|it| it["fields"].to_string()).collect()
}

/// The incidents that opened, each as the text of its members.
pub(super) async fn incidents(env: &TestEnv) -> Vec<String> {
    let mut incidents = Vec::new();
    for (key, bytes) in env.ledger("incidents").await {
        let record: Value = serde_json::from_slice(&bytes).expect("a record");
        let members = |incident: &Value| format!("{}: {}", incident["cause"], incident["members"]);
        match key.ends_with("/incidents.json") {
            true => {
                let open = record["incidents"].as_object().expect("incidents");
                incidents.extend(open.values().map(members));
            }
            false => incidents.push(members(&record)),
        }
    }
    incidents
}

/// The incidents that name the table of a fault.
pub(super) fn naming<'a>(incidents: &'a [String], fault: &Fault) -> Vec<&'a String> {
    let table = name(fault.name);
    incidents.iter().filter(|it| words(it).contains(table.as_str())).collect()
}

/// What distinguishes the rows of a day from the rows of the day before, of every table in BigQuery.
pub(super) async fn contents(env: &TestEnv, faults: &[&Fault]) -> BTreeMap<String, String> {
    let mut counts = BTreeMap::new();
    for table in faults.iter().map(|it| name(it.name)) {
        let sql = format!(
            "SELECT CONCAT(COUNT(*), ' ', MIN(placed_at), ' ', MAX(placed_at)) FROM shop.{table}"
        );
        let rows = env.query(PiiReader, &sql).await.expect("a content");
        counts.insert(table, rows[0][0].clone());
    }
    counts
}

/// What was seen of each fault.
pub(super) async fn all(
    env: &TestEnv,
    faults: &[&Fault],
    (before, counts): (&BTreeMap<String, String>, &BTreeMap<String, String>),
) -> BTreeMap<&'static str, Seen> {
    let day = super::day(super::QUIET_DAYS);
    let receipts = env.receipts(&day).await;
    let differing = verify(env);
    let alerts = alerts(env);
    let audits = audits(env, &day).await;
    let mut seen = BTreeMap::new();
    for fault in faults {
        let table = name(fault.name);
        // A name may begin with another: `t_a` is no part of an alert about `t_ab`.
        let is_about = |alert: &&String| words(alert).contains(table.as_str());
        let about: Vec<&String> = alerts.iter().filter(is_about).collect();
        let receipt = receipts.get(&format!("public.{table}"));
        let keeps_rows = before.get(&table) == counts.get(&table);
        let (by, when) = of_receipt(receipt, audits.get(&table), keeps_rows)
            .or_else(|| of_alerts(&about))
            .or_else(|| {
                let column = differing.get(&table)?;
                Some((format!("`landbridge verify`: {column}"), When::After))
            })
            .unwrap_or((String::new(), When::Never));
        if about.len() > 1 {
            println!("`{}` has {} alerts: {about:#?}", fault.name, about.len());
        }
        seen.insert(fault.name, Seen { by, when, alerts: about.len() });
    }
    seen
}

/// The words of an alert that can be names of tables.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_').collect()
}

/// The checks that found something, by table.
async fn audits(env: &TestEnv, day: &str) -> BTreeMap<String, Vec<String>> {
    let mut audits = BTreeMap::new();
    for (key, bytes) in env.ledger(&format!("{day}/audits/")).await {
        let record: Value = serde_json::from_slice(&bytes).expect("a record");
        let file = key.rsplit('/').next().unwrap_or_default();
        let table = file.split('@').next().unwrap_or_default().to_owned();
        let verdicts = record["verdicts"].as_array().into_iter().flatten();
        let found = verdicts.filter(|it| it["outcome"] == "found");
        let mut checks: Vec<String> =
            found.map(|it| format!("`{}`", it["check"].as_str().unwrap_or_default())).collect();
        checks.dedup();
        audits.insert(table, checks);
    }
    audits
}

fn of_receipt(
    receipt: Option<&Receipt>,
    audits: Option<&Vec<String>>,
    keeps_rows: bool,
) -> Option<(String, When)> {
    let receipt = receipt?;
    let audits = audits.filter(|it| !it.is_empty());
    let held_when = if keeps_rows { When::Before } else { When::After };
    match (receipt.state, audits) {
        (ReceiptState::Held, Some(checks)) if is_audit(receipt) => {
            Some((format!("audit {}", checks.join(", ")), held_when))
        }
        (ReceiptState::Skipped, _) => {
            Some(("receipt: RDS did not export the table".to_owned(), held_when))
        }
        (ReceiptState::Held, _) => {
            let what = receipt.problem.as_ref().map(|it| it.what.clone()).unwrap_or_default();
            // The first clause; what to do about it follows.
            let what = what.split([',', ';']).next().unwrap_or_default();
            Some((format!("held: {what}"), held_when))
        }
        (ReceiptState::Missing, _) => {
            Some(("receipt: the table is not in the export".to_owned(), held_when))
        }
        (_, Some(checks)) => Some((format!("audit {}", checks.join(", ")), When::Warned)),
        _ => {
            let is_news = |code: NoteCode| {
                code.is_unclassified()
                    || matches!(code, NoteCode::ColumnNotInExport | NoteCode::PolicyTagRestored)
            };
            let note = receipt.notes.iter().find(|it| is_news(it.code))?;
            let code = serde_json::to_value(note.code).ok()?;
            let code = code.as_str().unwrap_or_default().to_owned();
            // A column without a class is masked for everyone.
            Some((format!("receipt: note `{code}`"), When::Warned))
        }
    }
}

fn is_audit(receipt: &Receipt) -> bool {
    receipt.problem.as_ref().is_some_and(|it| it.action.contains("an audit blocks the table"))
}

fn of_alerts(about: &[&String]) -> Option<(String, When)> {
    let fields: Value = serde_json::from_str(about.first()?).ok()?;
    Some((format!("alert: {}", fields["message"].as_str()?), When::After))
}

/// The tables in which `landbridge verify` finds a difference, with what differs.
fn verify(env: &TestEnv) -> BTreeMap<String, String> {
    let mut variables = env.operator_variables();
    variables.insert("LANDBRIDGE_GCP_TOKEN".into(), PiiReader.token().to_owned());
    let output = landbridge(&variables, &["verify", "--yes", "--output", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", output_text(&output)));
    let mut differing = BTreeMap::new();
    for table in report["tables"].as_array().expect("tables") {
        let columns = table["columns"].as_array().into_iter().flatten();
        let differs = |column: &&Value| column["verdict"]["differs"] != Value::Null;
        let named: Vec<String> = columns
            .filter(differs)
            .map(|it| format!("column {}", it["column"].to_string().replace('"', "`")))
            .collect();
        let exchanged = table["row_verdict"] == "differs";
        if !named.is_empty() || exchanged {
            let what = match named.len() {
                0 => "cells of rows".to_owned(),
                1 | 2 => named.join(", "),
                _ => "rows and columns".to_owned(),
            };
            differing.insert(table["table"].as_str().unwrap_or_default().to_owned(), what);
        }
    }
    differing
}
