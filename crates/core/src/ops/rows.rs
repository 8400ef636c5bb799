//! The rows of the tables, as JSON lines for a load job.

use std::collections::BTreeSet;
use std::fmt::Write;

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::{Outcome, Verdict};
use crate::calendar::Day;
use crate::config::AuditLevel;
use crate::incident::Incident;
use crate::receipt::{ProofWay, Receipt, ReceiptColumn, ReceiptState};

/// The name of the check that compares a table with the deadline of its day.
pub const DEADLINE: &str = "deadline";

/// A row of `columns`.
#[derive(Serialize)]
struct ColumnRow<'a> {
    source: &'a str,
    day: Day,
    source_table: &'a str,
    table_name: &'a str,
    column_name: &'a str,
    source_column: &'a str,
    redo: u32,
    source_type: &'a str,
    bigquery_type: String,
    class: &'a str,
    transform: &'a str,
    proof: Option<ProofWay>,
    row_count: Option<u64>,
    null_count: Option<u64>,
    misfit_count: u64,
    tag_read_back: bool,
    recorded_at: Timestamp,
}

/// A row of `audits`.
#[derive(Serialize)]
struct AuditRow<'a> {
    source: &'a str,
    day: Day,
    source_table: &'a str,
    table_name: &'a str,
    redo: u32,
    check_name: &'a str,
    column_name: Option<&'a str>,
    outcome: Outcome,
    level: Option<AuditLevel>,
    detail: Option<&'a str>,
    state: ReceiptState,
    due_at: Option<Timestamp>,
    recorded_at: Timestamp,
}

/// A row of `incidents`.
#[derive(Serialize)]
struct IncidentRow<'a> {
    source: &'a str,
    incident: u32,
    state: &'a str,
    kind: &'a str,
    cause: &'a str,
    is_notice: bool,
    day: Day,
    opened_at: Timestamp,
    ended_at: Option<Timestamp>,
    late_day: Option<Day>,
    tables: BTreeSet<&'a str>,
    open_tables: BTreeSet<&'a str>,
    changes: usize,
    recorded_at: Timestamp,
}

/// Appends a row as one line. The rows above contain text, numbers and times only, which always have a JSON form.
fn push(lines: &mut String, row: &impl Serialize) {
    if let Ok(row) = serde_json::to_string(row) {
        let _ = writeln!(lines, "{row}");
    }
}

/// The rows of `columns` of a receipt: none of a table that is not published.
pub fn columns(receipt: &Receipt) -> String {
    let mut lines = String::new();
    for column in &receipt.columns {
        push(&mut lines, &column_row(receipt, column));
    }
    lines
}

fn column_row<'a>(receipt: &'a Receipt, column: &'a ReceiptColumn) -> ColumnRow<'a> {
    ColumnRow {
        source: &receipt.source,
        day: receipt.day,
        source_table: &receipt.source_table,
        table_name: &receipt.table,
        column_name: &column.name,
        source_column: column.source_column(),
        redo: receipt.redo,
        source_type: &column.source,
        bigquery_type: match column.repeated {
            true => format!("ARRAY<{}>", column.ty),
            false => column.ty.to_string(),
        },
        class: &column.class,
        transform: if column.action.is_empty() { "copy" } else { &column.action },
        proof: column.proof,
        row_count: receipt.rows_table,
        null_count: column.nulls,
        misfit_count: column.misfits.values().sum(),
        tag_read_back: column.tag_read_back,
        recorded_at: receipt.recorded_at,
    }
}

/// The rows of `audits` of a receipt: one per verdict with its level, and one for the deadline of a table that the
/// plan contains. The text of a finding is left out, because it can count values.
pub fn audits(
    receipt: &Receipt,
    verdicts: &[(AuditLevel, Verdict)],
    due_at: Option<Timestamp>,
) -> String {
    let row = |check_name, outcome| AuditRow {
        source: &receipt.source,
        day: receipt.day,
        source_table: &receipt.source_table,
        table_name: &receipt.table,
        redo: receipt.redo,
        check_name,
        column_name: None,
        outcome,
        level: None,
        detail: None,
        state: receipt.state,
        due_at,
        recorded_at: receipt.recorded_at,
    };
    let mut lines = String::new();
    for (level, verdict) in verdicts {
        let text = match verdict.outcome {
            Outcome::Found => verdict.check.finding(),
            _ => &verdict.text,
        };
        let detail = Some(text).filter(|it| !it.is_empty());
        let column_name = verdict.column.as_deref();
        let row = row(verdict.check.name(), verdict.outcome);
        push(&mut lines, &AuditRow { column_name, level: Some(*level), detail, ..row });
    }
    if let Some((outcome, detail)) = punctuality(receipt, due_at) {
        push(&mut lines, &AuditRow { detail, ..row(DEADLINE, outcome) });
    }
    lines
}

/// Whether a table was published by the deadline of its day; `None` if this cannot be said of it.
fn punctuality(
    receipt: &Receipt,
    due_at: Option<Timestamp>,
) -> Option<(Outcome, Option<&'static str>)> {
    let is_late = receipt.recorded_at > due_at?;
    match receipt.state {
        ReceiptState::Published | ReceiptState::Held if receipt.redo > 0 => {
            let why = "the day was done again, so the time of this receipt does not say it";
            Some((Outcome::NotVisible, Some(why)))
        }
        ReceiptState::Published if !is_late => Some((Outcome::Passed, None)),
        ReceiptState::Held if !is_late => Some((Outcome::Waits, None)),
        ReceiptState::Published => {
            Some((Outcome::Found, Some("the table was published after the deadline")))
        }
        ReceiptState::Held => {
            Some((Outcome::Found, Some("the table is not published by the deadline")))
        }
        ReceiptState::Skipped | ReceiptState::Missing | ReceiptState::Superseded => None,
    }
}

/// The row of `incidents` of an incident as a tick finds it. The person's reason for closing one is left out: it is
/// free text.
pub fn incident(source: &str, it: &Incident, recorded_at: Timestamp) -> String {
    let tables = it.members.values().map(|member| member.table.as_str());
    let open = it.holding().map(|member| member.table.as_str());
    let named = |name: &&str| !name.is_empty();
    let row = IncidentRow {
        source,
        incident: it.number,
        state: it.state(),
        kind: &it.cause.kind,
        cause: &it.cause.what,
        is_notice: it.cause.is_notice(),
        day: it.day,
        opened_at: it.opened_at,
        ended_at: it.ended_at(),
        late_day: it.late,
        tables: tables.filter(named).collect(),
        open_tables: open.filter(named).collect(),
        changes: it.events.len(),
        recorded_at,
    };
    let mut line = String::new();
    push(&mut line, &row);
    line
}
