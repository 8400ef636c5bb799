//! The report of one day, as JSON and as text.

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

use super::deploy::{self, Deployment};
use super::incident::Incident;
use super::published;
use super::sample::{MaskingCheck, Sample, UnlistedColumn};
use crate::query::cell_text;

/// The maximum number of characters of a value: enough to recognise a hash by its beginning.
const MAX_VALUE_CHARS: usize = 22;
/// The maximum number of failed ticks that are listed.
const MAX_LISTED_FAILED_TICKS: usize = 5;

/// The report of one day.
#[derive(Serialize)]
pub(super) struct DayReport {
    /// The day.
    pub(super) day: Day,
    /// The number of the day, starting at 1.
    pub(super) number: u16,
    /// The number of days of this run.
    pub(super) of_days: u16,
    /// The statistics of the simulation.
    pub(super) stats: DayStats,
    /// When each step happened; `None` without receipts.
    pub(super) times: Option<Times>,
    /// The receipts, sorted by table.
    pub(super) receipts: Vec<Receipt>,
    /// The queries, with the result of each user.
    pub(super) samples: Vec<Sample>,
    /// The columns that the contract does not name, and how many of their values each user can read.
    pub(super) unlisted_columns: Vec<MaskingCheck>,
    /// The contracts that were deployed on this day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) deployments: Vec<Deployment>,
    /// The incident of this day, with its messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incident: Option<Incident>,
    /// The failed ticks: time, function and reason.
    pub(super) failed_ticks: Vec<String>,
}

/// Statistics of the simulation of a day.
#[derive(Serialize)]
pub(super) struct DayStats {
    /// The number of ticks that were due.
    pub(super) ticks: usize,
    /// The number of invocations, including retries.
    pub(super) invocations: usize,
    /// The number of ticks whose last attempt failed.
    pub(super) given_up: usize,
    /// The duration of the simulation, in real seconds.
    pub(super) seconds: f64,
    /// The number of snapshots that exist at the end of the day.
    pub(super) snapshots: usize,
}

/// The times of the steps: `HH:MM` in the zone of the calendar. For each step the time of the first
/// table, and for `published` the time of the last one.
#[derive(Serialize)]
pub(super) struct Times {
    snapshot: Option<String>,
    export_started: Option<String>,
    export_ended: Option<String>,
    planned: Option<String>,
    published: Option<String>,
}

/// The times of a day, from its receipts; `None` if there are none.
pub(super) fn times(receipts: &[Receipt], zone: &TimeZone) -> Option<Times> {
    let clock = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
    let first = |time: fn(&Receipt) -> Option<Timestamp>| receipts.iter().filter_map(time).min();
    let last_recorded = receipts.iter().map(|receipt| receipt.recorded_at).max()?;
    Some(Times {
        snapshot: first(|receipt| receipt.snapshot_at).map(clock),
        export_started: first(|receipt| receipt.export_started_at).map(clock),
        export_ended: first(|receipt| receipt.export_ended_at).map(clock),
        planned: first(|receipt| receipt.planned_at).map(clock),
        published: Some(clock(last_recorded)),
    })
}

/// The published columns that the contract does not name. They have the class `unclassified`.
pub(super) fn unlisted_columns(receipts: &[Receipt], contract: &Contract) -> Vec<UnlistedColumn> {
    let mut found = Vec::new();
    for receipt in published(receipts) {
        let listed = contract.tables.get(&receipt.source_table).map(|table| &table.columns);
        for column in &receipt.columns {
            let is_listed = listed.is_some_and(|columns| columns.contains_key(&column.name));
            if !is_listed && column.class == CLASS_UNCLASSIFIED {
                found.push(UnlistedColumn {
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
    /// What went wrong: each fault as a clause. An empty list means that the day succeeded.
    /// `real_database` is whether the source was given with `--source`.
    pub(super) fn faults(&self, real_database: bool) -> Vec<String> {
        let day = self.day;
        let mut faults = Vec::new();
        if self.receipts.is_empty() {
            faults.push(format!("{day}: no receipts exist"));
        }
        let held = self.receipts.iter().filter(|receipt| receipt.state == ReceiptState::Held);
        let held: Vec<&str> = held.map(|receipt| receipt.source_table.as_str()).collect();
        if !held.is_empty() {
            let count = counted(held.len(), "table");
            faults.push(format!("{day}: {count} held: {}", held.join(", ")));
        }
        if self.stats.given_up > 0 {
            let count = counted(self.stats.given_up, "tick");
            faults.push(format!("{day}: {count} failed after all retries"));
        }
        for receipt in published(&self.receipts).filter(|receipt| !is_complete(receipt)) {
            faults.push(format!(
                "{day}: the receipt of {} has different row counts, or a policy tag was not read back",
                receipt.source_table
            ));
        }
        if self.samples.iter().any(Sample::stranger_read_tagged_column) {
            faults.push(format!("{day}: the user stranger could read a tagged column"));
        }
        if !real_database && self.samples.iter().any(Sample::analyst_saw_plain_values) {
            faults.push(format!("{day}: the user analyst saw personal data unmasked"));
        }
        for fault in self.deployments.iter().filter_map(Deployment::fault) {
            faults.push(format!("{day}: {fault}"));
        }
        if let Some(fault) = self.incident.as_ref().and_then(Incident::fault) {
            faults.push(format!("{day}: {fault}"));
        }
        for check in self.unlisted_columns.iter().filter(|check| !check.is_masked()) {
            let UnlistedColumn { source_table, column, .. } = &check.column;
            faults.push(format!(
                "{day}: {column} of {source_table} is readable although the contract does not name it"
            ));
        }
        faults
    }

    /// The report as text.
    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        let title = format!("Day {} of {}: {}", self.number, self.of_days, self.day);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{}", paint.bold(&title));
        let _ = writeln!(text, "  {}", self.overview());
        for failed_tick in self.failed_ticks.iter().take(MAX_LISTED_FAILED_TICKS) {
            let _ = writeln!(text, "  {} {failed_tick}", paint.red("tick failed"));
        }
        if self.failed_ticks.len() > MAX_LISTED_FAILED_TICKS {
            let more = self.failed_ticks.len() - MAX_LISTED_FAILED_TICKS;
            let _ = writeln!(text, "  and {} more", counted(more, "failed tick"));
        }
        if !self.receipts.is_empty() {
            let _ = write!(text, "\n{}", summary(&self.receipts, 2));
            text.push_str(&notes(&self.receipts, 2, paint));
        }
        for sample in &self.samples {
            text.push_str(&sample_text(sample, paint));
        }
        for check in &self.unlisted_columns {
            text.push_str(&masking_check_text(check, paint));
        }
        if let Some(incident) = &self.incident {
            text.push_str(&incident.text(paint));
        }
        if !self.deployments.is_empty() {
            let heading = deploy::heading(&self.deployments);
            let _ = writeln!(text, "\n  {}", paint.dim(&heading));
            self.deployments.iter().for_each(|deployment| text.push_str(&deployment.text()));
        }
        text
    }

    /// Two lines: the times of the steps, and the statistics.
    fn overview(&self) -> String {
        let mut lines = Vec::new();
        if let Some(times) = &self.times {
            let steps = [
                ("snapshot", &times.snapshot),
                ("export", &times.export_started),
                ("complete", &times.export_ended),
                ("transfer", &times.planned),
                ("published", &times.published),
            ];
            let steps = steps
                .into_iter()
                .filter_map(|(step, at)| at.as_ref().map(|at| format!("{step} {at}")));
            lines.push(steps.collect::<Vec<_>>().join(" → "));
        }
        let rows = published(&self.receipts).map(|receipt| receipt.rows_planned).sum();
        let size = self.receipts.iter().map(|receipt| receipt.bytes).sum();
        lines.push(format!(
            "{} rows, {} of Parquet; {} kept; {} in {:.1} s",
            grouped(rows),
            bytes(size),
            counted(self.stats.snapshots, "snapshot"),
            counted(self.stats.ticks, "tick"),
            self.stats.seconds
        ));
        lines.join("\n  ")
    }
}

/// Whether the four row counts of a published table's receipt are equal and all its policy tags were
/// read back.
fn is_complete(receipt: &Receipt) -> bool {
    let rows = Some(receipt.rows_footer);
    let mut tagged = receipt.columns.iter().filter(|column| column.class != CLASS_NONE);
    Some(receipt.rows_planned) == rows
        && receipt.rows_loaded == rows
        && receipt.rows_table == rows
        && tagged.all(|column| column.tag_read_back)
}

/// The last question and its answers as text.
pub(super) fn web_question_text(sample: &Sample, paint: Paint) -> String {
    let title = "Which creators bring visitors who book? GA4 and the business in one query";
    format!("\n{}\n{}", paint.bold(title), sample_text(sample, paint))
}

/// What is wrong with the answers to the last question.
pub(super) fn fault_of_web_question(sample: &Sample) -> Option<&'static str> {
    if sample.stranger_read_tagged_column() {
        Some("the user stranger could read names and addresses joined with the GA4 export")
    } else if sample.is_empty() {
        Some("no event of the GA4 export belongs to a creator's link")
    } else if sample.analyst_saw_plain_values() {
        Some("the user analyst saw names and addresses unmasked, joined with the GA4 export")
    } else {
        None
    }
}

/// A sample as text: one table with the rows of all users, then BigQuery's message for each user
/// whose query was refused.
fn sample_text(sample: &Sample, paint: Paint) -> String {
    let mut text = format!("\n  {}\n", paint.dim(&sample.sql));
    if let Some(fields) = sample.fields() {
        let columns: Vec<render::Column> =
            [left("as")].into_iter().chain(fields.iter().map(|field| left(&field.name))).collect();
        let rows = sample.results.iter().flat_map(|result| {
            let rows = result.rows.iter().flat_map(|rows| &rows.rows);
            rows.map(|row| {
                let values = row.iter().map(|value| shortened(&cell_text(value), MAX_VALUE_CHARS));
                [result.user.to_owned()].into_iter().chain(values).collect()
            })
        });
        text.push_str(&render::table(&columns, rows.collect(), 2));
    }
    for result in &sample.results {
        if let Some(message) = &result.refused {
            let _ = writeln!(text, "  {}  {} {message}", result.user, paint.yellow("refused:"));
        }
    }
    text
}

/// The result of a [`MaskingCheck`] as text.
fn masking_check_text(check: &MaskingCheck, paint: Paint) -> String {
    let UnlistedColumn { source_table, column, rows, .. } = &check.column;
    let visible: Vec<String> = check
        .visible_values
        .iter()
        .map(|visible| match visible.values {
            Some(values) => format!("{} {}", visible.user, grouped(values)),
            None => format!("{} refused", visible.user),
        })
        .collect();
    let verdict =
        if check.is_masked() { paint.green("NULL for every user") } else { paint.red("READABLE") };
    format!(
        "\n  `{column}` of {source_table} is not in the contract: {verdict}.\n  {}\n  values visible \
         in {} rows: {}\n",
        paint.dim(&check.sql),
        grouped(*rows),
        visible.join(", ")
    )
}
