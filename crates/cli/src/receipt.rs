//! `landbridge receipt`: shows the receipts of a day.

use clap::Args;
use landbridge_cli_support::args::{ConfigArgs, Output, OutputArgs};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_aws::Aws;
use landbridge_core::audit::{Outcome, Verdict};
use landbridge_core::calendar::Day;
use landbridge_core::config::{CLASS_NONE, Config};
use landbridge_core::protection::has_expired;
use landbridge_core::receipt::Receipt;
use landbridge_core::types::ColumnType;
use landbridge_ledger::Ledger;
use landbridge_ledger::read::receipts;
use landbridge_ledger::records::{HISTORY, HistoryRecord};
use serde::Serialize;

use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::receipt_chain::{self, Trust};
use crate::render::{self, bytes, grouped, left, right};
use landbridge_cli_support::receipts::{count, notes, prefix, summary};

/// Show the receipts of a day, from the ledger in S3
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge receipt 2026-11-21
  landbridge receipt 2026-11-21 --table creators
  landbridge receipt 2026-11-21 --output json
  landbridge receipt 2026-11-21 --verify
  landbridge receipt 2026-11-21 --verify --public-key receipts.pem
  landbridge receipt 2026-11-21 --verify --recorded-key

With `--verify`, the command says whether the receipts of the day are those that were published, by the chain of
days and its signatures (`proof.sign`). The public key comes from KMS, or from a file in PEM that you kept. With
`--recorded-key`, it comes from the ledger: then compare the SHA-256 that is printed with one that you kept, because
a person who can write to the ledger can also write a key there.

Exit codes of `--verify`: 0 proven; 1 something was changed, with its name; 4 nothing was changed, and no
signature proves it.

Credentials and region come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env")]
pub(crate) struct ReceiptArgs {
    /// The day in the configured time zone, for example 2026-11-21
    pub(crate) day: Day,
    /// Show only this table, in full: its name in BigQuery or in the source
    #[arg(long)]
    pub(crate) table: Option<String>,
    /// Say whether the receipts are those that were published
    #[arg(long, conflicts_with = "table")]
    pub(crate) verify: bool,
    /// The public key of `proof.sign` in PEM. Without it, KMS is asked
    #[arg(long, value_name = "FILE", requires = "verify")]
    pub(crate) public_key: Option<PathBuf>,
    /// Take the public key from the ledger, and ask neither KMS nor for a file
    #[arg(long, requires = "verify", conflicts_with = "public_key")]
    pub(crate) recorded_key: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Runs the command.
pub(crate) async fn run(args: ReceiptArgs) -> Result {
    let config = args.config.read()?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    if args.verify {
        let trust = match args.public_key.as_deref() {
            Some(path) => Trust::File(path),
            None if args.recorded_key => Trust::Recorded,
            None => Trust::Kms,
        };
        return receipt_chain::run(&config, &aws, args.day, trust, args.output.format).await;
    }
    let mut receipts = read(&config, &aws, args.day).await?;
    if receipts.is_empty() {
        return Err(Failure::Failed(format!(
            "there are no receipts of {} in {}: no table of `{}` has been loaded for that day; see `landbridge status`",
            args.day,
            location(&config, args.day),
            config.source.name
        )));
    }
    if let Some(requested) = &args.table {
        let tables: Vec<String> =
            receipts.iter().map(|receipt| receipt.source_table.clone()).collect();
        receipts
            .retain(|receipt| receipt.table == *requested || receipt.source_table == *requested);
        if receipts.is_empty() {
            return Err(Failure::Usage(format!(
                "there is no receipt of the table `{requested}` for {}. There are: {}",
                args.day,
                tables.join(", ")
            )));
        }
    }
    let audits = match &args.table {
        Some(_) => audits(&config, &aws, args.day, &receipts).await?,
        None => Vec::new(),
    };
    let found = Found {
        audits,
        histories: histories(&config, &aws, args.day).await?,
        expired: expired(&config, args.day)?,
        zone: zone(&config)?,
    };
    found.show(&receipts, args.output.format, args.table.is_some())
}

/// What is shown beside the receipts.
struct Found {
    /// The verdicts of each receipt's audits, for one table.
    audits: Vec<Vec<Verdict>>,
    histories: Vec<HistoryRecord>,
    /// Tables of the source whose histories do not keep the day any more.
    expired: BTreeSet<String>,
    zone: TimeZone,
}

impl Found {
    fn show(&self, receipts: &[Receipt], format: Output, of_one_table: bool) -> Result {
        let with_audits = || receipts.iter().zip(&self.audits);
        match (format, of_one_table) {
            (Output::Json, false) => render::json(&receipts),
            (Output::Json, true) => {
                let audited = with_audits().map(|(receipt, audits)| Audited {
                    receipt,
                    audits,
                    history: self.of_table(receipt).next(),
                });
                render::json(&audited.collect::<Vec<_>>())
            }
            (Output::Text, true) => with_audits().try_for_each(|(receipt, audits)| {
                render::print(&in_full(receipt, &self.zone))?;
                print_unless_empty(&self.history_lines(self.of_table(receipt)))?;
                render::print(&verdict_table(audits))
            }),
            (Output::Text, false) => {
                render::print(&summary(receipts, 0))?;
                render::print(&snapshot_line(receipts, &self.zone))?;
                render::print(notes(receipts, 0, Paint::stdout()).trim_end())?;
                print_unless_empty(&self.history_lines(self.histories.iter()))
            }
        }
    }

    /// How the history of the receipt's table has the day.
    fn of_table<'a>(&'a self, receipt: &'a Receipt) -> impl Iterator<Item = &'a HistoryRecord> {
        self.histories.iter().filter(|it| it.source_table == receipt.source_table)
    }

    /// One line for each history, and its notes.
    fn history_lines<'a>(&self, histories: impl Iterator<Item = &'a HistoryRecord>) -> String {
        let mut text = String::new();
        for history in histories {
            let HistoryRecord { source_table, table, partition, rows, problem, .. } = history;
            let _ = match (rows, problem) {
                (_, Some(problem)) => {
                    writeln!(text, "history of {source_table}: {partition} is not kept: {problem}")
                }
                (Some(rows), None) => writeln!(
                    text,
                    "history of {source_table}: {partition} {} in {table}, {} rows{}",
                    if self.expired.contains(source_table) {
                        "was kept, and has expired,"
                    } else {
                        "is kept"
                    },
                    grouped(*rows),
                    history
                        .objects_of
                        .map_or_else(String::new, |day| format!(", unchanged since {day}")),
                ),
                (None, None) => Ok(()),
            };
            for note in &history.notes {
                let _ = writeln!(text, "  {note}");
            }
        }
        text
    }
}

/// A receipt with the verdicts of its table's audits.
#[derive(Debug, Serialize)]
struct Audited<'a> {
    #[serde(flatten)]
    receipt: &'a Receipt,
    audits: &'a [Verdict],
    /// How the history of the table has the rows of the day, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a HistoryRecord>,
}

/// The tables whose histories are too short for the day: BigQuery has deleted its partition.
fn expired(config: &Config, day: Day) -> Result<BTreeSet<String>> {
    let now = Clock::from_env()?.now();
    let over = config.histories().filter(|(_, history)| has_expired(day, history.days, now));
    Ok(over.map(|(source_table, _)| source_table.to_owned()).collect())
}

/// How the histories of tables have the rows of the day, by table.
async fn histories(config: &Config, aws: &Aws, day: Day) -> Result<Vec<HistoryRecord>> {
    let ledger = Ledger::for_operator(aws.s3.clone(), config).day(day);
    let mut all: Vec<HistoryRecord> = ledger.read_all(HISTORY).await?;
    all.sort_by(|one, other| one.source_table.cmp(&other.source_table));
    Ok(all)
}

fn print_unless_empty(text: &str) -> Result {
    if text.is_empty() { Ok(()) } else { render::print(text) }
}

/// The verdicts of the newest audit of each receipt's table; none if it was not audited.
async fn audits(
    config: &Config,
    aws: &Aws,
    day: Day,
    receipts: &[Receipt],
) -> Result<Vec<Vec<Verdict>>> {
    let ledger = Ledger::for_operator(aws.s3.clone(), config).day(day);
    let mut all = Vec::new();
    for receipt in receipts {
        all.push(receipts::verdicts(&ledger, &receipt.table).await?);
    }
    Ok(all)
}

/// The verdicts, one line each; says so if there are none.
fn verdict_table(verdicts: &[Verdict]) -> String {
    if verdicts.is_empty() {
        return "\nno audit of this table is recorded for the day".to_owned();
    }
    let columns = [left("audit"), left("column"), left("verdict"), left("")];
    let rows = verdicts.iter().map(|it| {
        let outcome = match it.outcome {
            Outcome::Found => "found",
            Outcome::Passed => "passed",
            Outcome::Waits => "waits",
            Outcome::NotVisible => "not visible",
            Outcome::NotKnown => "not known",
        };
        let column = it.column.clone().unwrap_or_default();
        vec![it.check.name().to_owned(), column, outcome.to_owned(), it.text.clone()]
    });
    format!("\n{}", render::table(&columns, rows.collect(), 0))
}

/// The snapshot from which a day was exported, and the command that restores it.
fn snapshot_line(receipts: &[Receipt], zone: &TimeZone) -> String {
    // The receipt of a table that the export lacks has no time.
    let named = receipts.iter().filter(|it| !it.snapshot.is_empty());
    let Some(receipt) = named.max_by_key(|it| it.snapshot_at) else {
        return String::new();
    };
    let at = receipt.snapshot_at.map(|at| at.to_zoned(zone.clone()).strftime(" of %F %H:%M %Z"));
    format!(
        "from {}{}; restore it: landbridge restore --from-receipt {} --as NAME",
        receipt.snapshot,
        at.map_or(String::new(), |at| at.to_string()),
        receipt.day
    )
}

/// The snapshot that the receipts of a day name.
///
/// # Errors
/// `Failed` if there are no receipts or they name more than one snapshot; any ledger error.
pub(crate) async fn snapshot_of(config: &Config, aws: &Aws, day: Day) -> Result<String> {
    let receipts = read(config, aws, day).await?;
    let snapshots: std::collections::BTreeSet<String> = receipts
        .into_iter()
        .map(|receipt| receipt.snapshot)
        .filter(|snapshot| !snapshot.is_empty())
        .collect();
    let names: Vec<&str> = snapshots.iter().map(String::as_str).collect();
    match names.as_slice() {
        [snapshot] => Ok((*snapshot).to_owned()),
        [] => Err(Failure::Failed(format!(
            "there are no receipts of {day} in {}; choose a time with --at",
            location(config, day)
        ))),
        several => Err(Failure::Failed(format!(
            "the tables of {day} come from more than one snapshot: {}; choose one with --snapshot",
            several.join(", ")
        ))),
    }
}

/// Reads the receipts of a day, sorted by table.
pub(crate) async fn read(config: &Config, aws: &Aws, day: Day) -> Result<Vec<Receipt>> {
    let ledger = Ledger::for_operator(aws.s3.clone(), config).day(day);
    Ok(receipts::of_day(&ledger).await?)
}

/// The place of a day's receipts in S3.
fn location(config: &Config, day: Day) -> String {
    format!("s3://{}/{}", config.export.bucket, prefix(config, day))
}

/// The configured time zone.
pub(crate) fn zone(config: &Config) -> Result<TimeZone> {
    config.schedule.time_zone().map_err(|error| Failure::Usage(error.to_string()))
}

/// A receipt in full: its values, its notes, its columns.
fn in_full(receipt: &Receipt, zone: &TimeZone) -> String {
    let mut text = String::new();
    for (name, value) in values(receipt, zone) {
        let _ = writeln!(text, "{name:<11} {value}");
    }
    text.push_str(&notes(std::slice::from_ref(receipt), 0, Paint::stdout()));
    text.push('\n');
    text + &column_table(receipt)
}

fn values(receipt: &Receipt, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let time = |at: Option<Timestamp>| {
        at.map_or_else(
            || "–".to_owned(),
            |at| at.to_zoned(zone.clone()).strftime("%F %H:%M:%S %Z").to_string(),
        )
    };
    let load_time = receipt.load_ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms"));
    let rows = format!(
        "{} in files, {} planned, {} loaded, {} in the table",
        grouped(receipt.rows_footer),
        grouped(receipt.rows_planned),
        count(receipt.rows_loaded),
        count(receipt.rows_table)
    );
    let dropped = match receipt.dropped_columns.as_slice() {
        [] => "–".to_owned(),
        dropped => dropped.join(", "),
    };
    vec![
        ("table", receipt.table.clone()),
        ("source", receipt.source_table.clone()),
        ("day", receipt.day.to_string()),
        ("state", receipt.state.name().to_owned()),
        ("snapshot", format!("{}, taken {}", receipt.snapshot, time(receipt.snapshot_at))),
        ("export", receipt.export.clone()),
        ("  started", time(receipt.export_started_at)),
        ("  ended", time(receipt.export_ended_at)),
        ("files", files_text(receipt)),
        ("planned", time(receipt.planned_at)),
        ("rows", rows),
        ("load job", format!("{}, {load_time}", receipt.job.as_deref().unwrap_or("–"))),
        ("recorded", time(Some(receipt.recorded_at))),
        ("dropped", dropped),
    ]
}

/// The files of a receipt: how many bytes they have in S3, and how many of these left AWS.
fn files_text(receipt: &Receipt) -> String {
    let sent = receipt.bytes_sent.map_or_else(String::new, |it| format!(", {} sent", bytes(it)));
    format!("{}, {}{sent}", grouped(receipt.files), bytes(receipt.bytes))
}

fn column_table(receipt: &Receipt) -> String {
    // Few columns have bounds: only those whose contract has `bounds: true`.
    let bounds = receipt.columns.iter().any(|column| column.min.is_some() || column.max.is_some());
    // Few columns have another name than in the source.
    let renamed = receipt.columns.iter().any(|column| column.source_column.is_some());
    let mut columns = vec![
        left("column"),
        left("source type"),
        left("type"),
        left("transfer"),
        left("class"),
        left("tag"),
        right("nulls"),
    ];
    if renamed {
        columns.insert(1, left("in the source"));
    }
    if bounds {
        columns.extend([left("smallest"), left("largest")]);
    }
    let rows = receipt.columns.iter().map(|column| {
        let tag = match (column.class.as_str(), column.tag_read_back) {
            (CLASS_NONE, _) => "",
            (_, true) => "read back",
            (_, false) => "not read back",
        };
        let mut cells = vec![
            column.name.clone(),
            column.source.clone(),
            ColumnType { ty: column.ty, repeated: column.repeated }.to_string(),
            column.action.clone(),
            column.class.clone(),
            tag.to_owned(),
            count(column.nulls),
        ];
        if renamed {
            cells.insert(1, column.source_column().to_owned());
        }
        if bounds {
            let text = |bound: &Option<String>| bound.clone().unwrap_or_default();
            cells.extend([text(&column.min), text(&column.max)]);
        }
        cells
    });
    render::table(&columns, rows.collect(), 0)
}

#[cfg(test)]
mod tests {
    use landbridge_core::receipt::Note;

    use landbridge_core::receipt::NoteCode;

    use super::*;

    /// A receipt with notes whose texts contradict their codes.
    fn receipt() -> Receipt {
        let receipt = serde_json::json!({
            "source": "shop", "day": "2026-11-21", "source_table": "public.orders",
            "table": "orders", "state": "published", "snapshot": "s", "snapshot_at": null,
            "export": "e", "files": 1, "bytes": 1, "rows_footer": 1, "rows_planned": 1,
            "rows_loaded": 1, "rows_table": 1, "job": null, "columns": [], "notes": [],
            "problem": null, "export_started_at": null, "export_ended_at": null,
            "planned_at": null, "recorded_at": "2026-11-20T17:10:00Z", "load_ms": null
        });
        serde_json::from_value(receipt).expect("a receipt")
    }

    /// The first receipt by name is that of a table which was not exported.
    #[test]
    fn the_time_of_the_snapshot_is_in_any_receipt() {
        let missing = receipt();
        let mut loaded = receipt();
        loaded.snapshot_at = Some("2026-11-20T16:00:00Z".parse().expect("a time"));
        let line = snapshot_line(&[missing.clone(), loaded], &TimeZone::UTC);
        assert!(line.starts_with("from s of 2026-11-20 16:00 UTC;"), "{line}");
        assert!(snapshot_line(&[missing], &TimeZone::UTC).starts_with("from s; "));
    }

    #[test]
    fn bytes_before_and_after_are_beside_each_other() {
        let before = Receipt { files: 3, bytes: 5_000_000, ..receipt() };
        assert_eq!(files_text(&before), format!("3, {}", bytes(5_000_000)));
        let sent = Receipt { bytes_sent: Some(3_000_000), ..before };
        let expected = format!("3, {}, {} sent", bytes(5_000_000), bytes(3_000_000));
        assert_eq!(files_text(&sent), expected);
    }

    #[test]
    fn notes_are_grouped_by_code_and_not_by_text() {
        let mut receipt = receipt();
        receipt.notes = vec![
            Note::new(NoteCode::TableCreated, "any text"),
            Note::new(NoteCode::SchemaChanged, "schema: created with 3 columns"),
        ];
        assert_eq!(
            notes(&[receipt], 0, Paint::stdout()),
            "note orders: schema: created with 3 columns\nnote new tables in the warehouse: orders\n"
        );
    }
}
