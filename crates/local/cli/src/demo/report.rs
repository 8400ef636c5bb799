//! What is told of a day.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_cli_support::paint::Paint;
use landbridge_cli_support::receipts::{notes, summary};
use landbridge_cli_support::render::{self, bytes, counted, grouped, left, shortened};
use landbridge_core::calendar::Day;
use landbridge_core::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use landbridge_core::contract::Contract;
use landbridge_core::receipt::{Receipt, ReceiptState};
use serde::Serialize;

use super::sample::{Proof, Sample, Unnamed, fields};
use super::{published, tables};

/// Characters of a value that are shown: a hash is recognised by its beginning.
const SHOWN: usize = 22;
/// Ticks that went wrong which are told one by one.
const TROUBLES: usize = 5;

/// Everything of one day.
#[derive(Serialize)]
pub(super) struct DayReport {
    /// Which day.
    pub(super) day: Day,
    /// Its number, from 1.
    pub(super) number: u16,
    /// How many there are.
    pub(super) of: u16,
    /// How it passed.
    pub(super) passed: Passed,
    /// When what was done, on the wall clock of the zone.
    pub(super) times: Option<Times>,
    /// The receipts.
    pub(super) receipts: Vec<Receipt>,
    /// Queries and what each asker got.
    pub(super) samples: Vec<Sample>,
    /// Columns that the contract doesn't name, and who can read them.
    pub(super) unnamed: Vec<Proof>,
    /// Ticks that went wrong.
    pub(super) troubles: Vec<String>,
}

/// How a day passed.
#[derive(Serialize)]
pub(super) struct Passed {
    /// Ticks that came due.
    pub(super) ticks: usize,
    /// Invocations they took.
    pub(super) invocations: usize,
    /// Ticks whose last attempt failed.
    pub(super) given_up: usize,
    /// Seconds it took in truth.
    pub(super) seconds: f64,
    /// Snapshots there are at its end.
    pub(super) snapshots: usize,
}

/// When what was done: `HH:MM` in the zone, of the first table to begin and the last to end.
#[derive(Serialize)]
pub(super) struct Times {
    snapshot: Option<String>,
    export_started: Option<String>,
    export_ended: Option<String>,
    planned: Option<String>,
    settled: Option<String>,
}

/// The times of a day, from its receipts.
pub(super) fn times(receipts: &[Receipt], zone: &TimeZone) -> Option<Times> {
    let clock = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
    let first = |of: fn(&Receipt) -> Option<Timestamp>| receipts.iter().filter_map(of).min();
    let settled = receipts.iter().map(|receipt| receipt.recorded_at).max()?;
    Some(Times {
        snapshot: first(|receipt| receipt.snapshot_at).map(clock),
        export_started: first(|receipt| receipt.export_started_at).map(clock),
        export_ended: first(|receipt| receipt.export_ended_at).map(clock),
        planned: first(|receipt| receipt.planned_at).map(clock),
        settled: Some(clock(settled)),
    })
}

/// Columns that landed tagged `unclassified` because the contract doesn't name them.
pub(super) fn unnamed(receipts: &[Receipt], contract: &Contract) -> Vec<Unnamed> {
    let mut found = Vec::new();
    for receipt in published(receipts) {
        let named = contract.tables.get(&receipt.source_table).map(|table| &table.columns);
        for column in &receipt.columns {
            let is_named = named.is_some_and(|columns| columns.contains_key(&column.name));
            if !is_named && column.class == CLASS_UNCLASSIFIED {
                found.push(Unnamed {
                    source_table: receipt.source_table.clone(),
                    table: receipt.table.clone(),
                    column: column.name.clone(),
                    source_type: column.source.clone(),
                    ty: column.ty.to_string(),
                    rows: receipt.rows_table.unwrap_or(0),
                });
            }
        }
    }
    found
}

impl DayReport {
    /// What should not be: each as a part of a sentence.
    pub(super) fn faults(&self, real: bool) -> Vec<String> {
        let day = self.day;
        let mut faults = Vec::new();
        if self.receipts.is_empty() {
            faults.push(format!("{day} has no receipts"));
        }
        let held = self.receipts.iter().filter(|receipt| receipt.state == ReceiptState::Held);
        let held: Vec<&str> = held.map(|receipt| receipt.source_table.as_str()).collect();
        if !held.is_empty() {
            faults.push(format!("{day} holds {} back: {}", tables(held.len()), held.join(", ")));
        }
        if self.passed.given_up > 0 {
            faults.push(format!("{day} gave up {}", counted(self.passed.given_up, "tick")));
        }
        for receipt in published(&self.receipts).filter(|receipt| !adds_up(receipt)) {
            faults.push(format!("{day}, {}: the receipt does not add up", receipt.source_table));
        }
        if self.samples.iter().any(Sample::leaks) {
            faults.push(format!("{day}: a stranger read a tagged column"));
        }
        if !real && self.samples.iter().any(Sample::is_plain) {
            faults.push(format!("{day}: the analyst saw personal data plain"));
        }
        for proof in self.unnamed.iter().filter(|proof| !proof.masked()) {
            let Unnamed { source_table, column, .. } = &proof.column;
            faults.push(format!(
                "{column} of {source_table} can be read although no contract names it"
            ));
        }
        faults
    }

    /// All of it, for people.
    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        let title = format!("Day {} of {}: {}", self.number, self.of, self.day);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{}", paint.bold(&title));
        let _ = writeln!(text, "  {}", self.course());
        for trouble in self.troubles.iter().take(TROUBLES) {
            let _ = writeln!(text, "  {} {trouble}", paint.red("tick failed"));
        }
        if self.troubles.len() > TROUBLES {
            let more = self.troubles.len() - TROUBLES;
            let _ = writeln!(text, "  and {} more", counted(more, "failed tick"));
        }
        if !self.receipts.is_empty() {
            let _ = write!(text, "\n{}", summary(&self.receipts, 2));
            text.push_str(&notes(&self.receipts, 2, paint));
        }
        for sample in &self.samples {
            text.push_str(&answers(sample, paint));
        }
        for proof in &self.unnamed {
            text.push_str(&proved(proof, paint));
        }
        text
    }

    /// One or two sentences on how it went.
    fn course(&self) -> String {
        let mut parts = Vec::new();
        if let Some(times) = &self.times {
            let steps = [
                ("snapshot", &times.snapshot),
                ("export", &times.export_started),
                ("complete", &times.export_ended),
                ("transfer", &times.planned),
                ("published", &times.settled),
            ];
            let steps = steps
                .into_iter()
                .filter_map(|(step, at)| at.as_ref().map(|at| format!("{step} {at}")));
            parts.push(steps.collect::<Vec<_>>().join(" → "));
        }
        let rows = published(&self.receipts).map(|receipt| receipt.rows_planned).sum();
        let size = self.receipts.iter().map(|receipt| receipt.bytes).sum();
        parts.push(format!(
            "{} rows, {} of Parquet; {} kept; {} in {:.1} s",
            grouped(rows),
            bytes(size),
            counted(self.passed.snapshots, "snapshot"),
            counted(self.passed.ticks, "tick"),
            self.passed.seconds
        ));
        parts.join("\n  ")
    }
}

/// Whether what a published table's receipt says proves it.
fn adds_up(receipt: &Receipt) -> bool {
    let rows = Some(receipt.rows_footer);
    let mut tagged = receipt.columns.iter().filter(|column| column.class != CLASS_NONE);
    Some(receipt.rows_planned) == rows
        && receipt.rows_loaded == rows
        && receipt.rows_table == rows
        && tagged.all(|column| column.tag_read_back)
}

/// A sample as one table, the askers below each other; refusals in their own words.
fn answers(sample: &Sample, paint: Paint) -> String {
    let mut text = format!("\n  {}\n", paint.dim(&sample.sql));
    if let Some(fields) = fields(sample) {
        let columns: Vec<render::Column> =
            [left("as")].into_iter().chain(fields.iter().map(|field| left(&field.name))).collect();
        let rows = sample.answers.iter().flat_map(|answer| {
            let rows = answer.rows.iter().flat_map(|rows| &rows.rows);
            rows.map(|row| {
                let values = row.iter().map(|value| shortened(&crate::query::text(value), SHOWN));
                [answer.who.to_owned()].into_iter().chain(values).collect()
            })
        });
        text.push_str(&render::table(&columns, rows.collect(), 2));
    }
    for answer in &sample.answers {
        if let Some(refusal) = &answer.refused {
            let _ = writeln!(text, "  {}  {} {refusal}", answer.who, paint.yellow("refused:"));
        }
    }
    text
}

/// What is said of a column that no contract names.
fn proved(proof: &Proof, paint: Paint) -> String {
    let Unnamed { source_table, column, rows, .. } = &proof.column;
    let seen: Vec<String> = proof
        .seen
        .iter()
        .map(|seen| match seen.values {
            Some(values) => format!("{} {}", seen.who, grouped(values)),
            None => format!("{} refused", seen.who),
        })
        .collect();
    let verdict =
        if proof.masked() { paint.green("NULL for everyone") } else { paint.red("READABLE") };
    format!(
        "\n  `{column}` of {source_table} is not in the contract: {verdict}, whoever asks.\n  {}\n  \
         of {} rows: {}\n",
        paint.dim(&proof.sql),
        grouped(*rows),
        seen.join(", ")
    )
}
