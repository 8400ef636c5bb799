//! What the audits of a table mean for it: a finding is said, or holds the table. The transfer stage has recorded the
//! verdicts; the levels come from the configuration now.

use landbridge_core::audit::{Check, Outcome, Trend, TrendDay, Verdict};
use landbridge_core::calendar::Day;
use landbridge_core::config::AuditLevel;
use landbridge_core::plan::{Problem, TablePlan};
use landbridge_core::receipt::{Note, NoteCode, Receipt};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::Written;
use landbridge_ledger::records::{self, AuditRecord};

use super::TableLoad;
use crate::alert;
use crate::audits::not_made;

/// How often the record of earlier days is replaced if another tick replaces it at the same time.
const MAX_TRIES: usize = 4;
/// What a person can do about a finding that does not hold the table.
const REMEDY: &str = "compare the table with its source; the rows are published. `audits` in landbridge.yaml sets what a check does";

/// What the audits of a table say.
pub(super) enum TableAudits {
    /// The transfer has not audited the table yet, and no person must act.
    Waits,
    /// The table is held.
    Blocked(Problem),
    /// The table is published, with these findings.
    Publishes(Findings),
}

/// The findings of a table that is published.
#[derive(Default)]
pub(super) struct Findings {
    /// With the checks of level `block` that could not be made, if a person accepted that.
    found: Vec<Verdict>,
    /// Whether some of them block the table, and a person accepted them.
    accepted: bool,
    /// The figures of the day; `None` if the table is not audited.
    figures: Option<TrendDay>,
}

impl Findings {
    /// Whether this check found something.
    pub(super) fn has(&self, check: Check) -> bool {
        self.found.iter().any(|it| it.check == check)
    }
}

/// Reads what the audits of a table say.
///
/// # Errors
/// Any ledger error.
pub(super) async fn read(load: &TableLoad<'_>) -> Result<TableAudits> {
    let (config, table) = (&load.context.config, load.table);
    if !config.audits.audits(&table.source_table) {
        return Ok(TableAudits::Publishes(Findings::default()));
    }
    let Some(record) = load.ledger.value(&records::audit(table)).await? else {
        let why = load.ledger.value(&records::unaudited(table)).await?;
        return Ok(why.map_or(TableAudits::Waits, TableAudits::Blocked));
    };
    let AuditRecord { figures, verdicts, .. } = record;
    let level = |verdict: &Verdict| config.audits.level(&table.source_table, verdict.check);
    // What is not known cannot pass a check that may block the table.
    let is_finding = |it: &Verdict| match it.outcome {
        Outcome::Found => level(it) != AuditLevel::Off,
        Outcome::NotKnown => level(it) == AuditLevel::Block,
        Outcome::Passed | Outcome::Waits | Outcome::NotVisible => false,
    };
    let found: Vec<Verdict> = verdicts.into_iter().filter(is_finding).collect();
    let blocking: Vec<&Verdict> =
        found.iter().filter(|it| level(it) == AuditLevel::Block).collect();
    let accepted = accepts(load).await?;
    if !blocking.is_empty() && !accepted {
        return Ok(TableAudits::Blocked(blocked(load.day.day, table, &blocking)));
    }
    let accepted = accepted && !blocking.is_empty();
    Ok(TableAudits::Publishes(Findings { found, accepted, figures: Some(figures) }))
}

/// Whether the request that the rows answer accepts findings that block the table. A backfill wants no rows in the table, so it
/// accepts them only for a table that has newer rows and keeps them.
async fn accepts(load: &TableLoad<'_>) -> Result<bool> {
    let (redo, number) = (&load.context.redo, load.table.redo);
    if !redo.accepts_audits(number) || !redo.is_backfill(number) {
        return Ok(redo.accepts_audits(number));
    }
    let claim = load.ledger.source().value(&records::claim(&load.table.table)).await?;
    Ok(claim.is_some_and(|claim| claim.day > load.day.day))
}

/// Why a table is held. Several findings are one problem, and count before checks that could not be made.
fn blocked(day: Day, table: &TablePlan, blocking: &[&Verdict]) -> Problem {
    let found: Vec<&Verdict> =
        blocking.iter().copied().filter(|it| it.outcome == Outcome::Found).collect();
    let Some(first) = found.first() else { return not_made(day, table, blocking) };
    let context = format!("{}: {}", table.table, sentence(found.iter().copied()));
    let mut problem = Problem::new(ErrorKind::Held, first.check.finding(), context);
    let table = &table.source_table;
    problem.action = format!(
        "an audit blocks the table: correct the source and run `landbridge redo {day} --table {table} --export`, or publish these rows with `landbridge redo {day} --table {table} --accept-audits`"
    );
    problem
}

fn sentence<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> String {
    verdicts.map(ToString::to_string).collect::<Vec<String>>().join("; ")
}

/// Says the findings of a published table in its receipt and in one notice, and keeps the figures of the day for
/// later days. Idempotent. The figures are kept before the receipt is written: a tick that ends in between does both
/// again.
///
/// # Errors
/// Any ledger error.
pub(super) async fn report(
    load: &TableLoad<'_>,
    findings: &Findings,
    receipt: &mut Receipt,
) -> Result<()> {
    let accepted = if findings.accepted { ", accepted by an operator" } else { "" };
    for verdict in &findings.found {
        let text = format!("audit `{}`{accepted}: {verdict}", verdict.check);
        receipt.notes.push(match &verdict.column {
            Some(column) => Note::of_column(NoteCode::AuditFinding, column, text),
            None => Note::new(NoteCode::AuditFinding, text),
        });
    }
    if let Some(first) = findings.found.first().filter(|_| !findings.accepted) {
        let context = format!("{}: {}", load.table.table, sentence(findings.found.iter()));
        let problem = Problem::notice(first.check.finding(), context, REMEDY);
        // Without counts: the same finding on the next day is not reported again.
        let what = |it: &Verdict| format!("{} {}", it.check, it.column.as_deref().unwrap_or(""));
        let what: Vec<String> = findings.found.iter().map(what).collect();
        let key = format!("audit\n{}\n{}", load.table.table, what.join("\n"));
        alert::notice(&load.ledger.source(), &problem, &key, load.day.day).await?;
    }
    match &findings.figures {
        Some(figures) => keep(load, figures).await,
        None => Ok(()),
    }
}

/// Adds the figures of the day to the record of the table's days.
async fn keep(load: &TableLoad<'_>, figures: &TrendDay) -> Result<()> {
    let name = records::trend(&load.table.table);
    let ledger = load.ledger.source();
    for _ in 0..MAX_TRIES {
        let earlier = match ledger.get(&name).await {
            Ok(earlier) => earlier,
            // The day is published all the same. The transfer has said so, and the audits wait for days.
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                tracing::warn!(table = load.table.table, %error, "the figures of a day are not kept");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let written = match earlier {
            None => ledger.create(&name, &Trend::default().with(figures.clone())).await?,
            Some(earlier) => {
                let next = earlier.value.with(figures.clone());
                if next == earlier.value {
                    return Ok(());
                }
                ledger.replace(&name, &earlier.etag, &next).await?
            }
        };
        if written == Written::Yes {
            return Ok(());
        }
    }
    Err(Error::new(
        ErrorKind::Transient,
        "other ticks replace the record of a table's days all the time",
        name.to_string(),
    ))
}
