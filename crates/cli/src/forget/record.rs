//! The records of what was forgotten, in the ledger.

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::forget::{Forgotten, concerning};
use landbridge_ledger::records::{FORGOTTEN, forgotten};
use landbridge_ledger::{Ledger, Written};
use ring::hmac;

use super::Command;
use super::plan::Plan;
use crate::failure::{Failure, Result};

/// Where the record is, for a person.
pub(super) fn place(ledger: &Ledger, number: u32) -> String {
    ledger.source().location(forgotten(number).path())
}

/// The keyed hash of the key; `None` if landbridge.yaml has no `proof`. Without the key of the hash, small numbers could be tried.
///
/// # Errors
/// If the secret cannot be read.
pub(super) async fn key_hash(command: &Command) -> Result<Option<String>> {
    let Some(proof) = &command.config.proof else { return Ok(None) };
    let secret = command.aws.secrets.get(&proof.key).await.map_err(super::with_rights)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
    let args = &command.args;
    let name = &command.config.source.name;
    let text = ["landbridge forgotten", name, &args.table, &args.key.column, &args.key.value];
    // Lengths keep the parts apart.
    let parts: String = text.iter().map(|it| format!("{}:{it}", it.len())).collect();
    let tag = hmac::sign(&key, parts.as_bytes());
    Ok(Some(tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// The record of this command: one that an interrupted command of the same key began, or a new one. It is written before anything
/// is removed. Without a hash, a record does not show its key, so the record is new, and one that was interrupted
/// stays without an end.
///
/// # Errors
/// Any ledger error.
pub(super) async fn begin(command: &Command, plan: &Plan) -> Result<Forgotten> {
    let key_hash = key_hash(command).await?;
    let args = &command.args;
    for _ in 0..ATTEMPTS {
        let all = all(&command.ledger).await?;
        let is_this = |it: &&Forgotten| {
            it.finished_at.is_none()
                && it.source_table == plan.source_table
                && it.column == args.key.column
                && key_hash.is_some()
                && it.key_hash == key_hash
        };
        if let Some(open) = all.iter().find(is_this) {
            // The source may have had the rows again since: the newer export counts.
            let newer = plan.absent_on > open.absent_on;
            let absent_at = if newer { plan.absent_at } else { open.absent_at };
            let absent_on = open.absent_on.max(plan.absent_on);
            return Ok(Forgotten { absent_on, absent_at, ..open.clone() });
        }
        let number = all.iter().map(|it| it.number).max().unwrap_or_default() + 1;
        let record = Forgotten {
            number,
            source_table: plan.source_table.clone(),
            column: args.key.column.clone(),
            key_hash: key_hash.clone(),
            reason: args.reason.clone(),
            begun_at: command.now,
            absent_on: plan.absent_on,
            absent_at: plan.absent_at,
            files: plan.files.iter().map(|it| it.key.clone()).collect(),
            landed: plan.landed.len() as u64,
            figures: plan.figures.len() as u64,
            warehouse_rows: plan.warehouse_rows
                + plan.other_tables.iter().map(|it| it.rows).sum::<u64>(),
            remains: Vec::new(),
            finished_at: None,
        };
        let written = command.ledger.source().create(&forgotten(number), &record).await?;
        if written == Written::Yes {
            return Ok(record);
        }
    }
    Err(busy())
}

/// Writes the end of the record. Another command of the same key may have written it.
///
/// # Errors
/// Any ledger error.
pub(super) async fn end(command: &Command, done: &Forgotten) -> Result<Forgotten> {
    let name = forgotten(done.number);
    let source = command.ledger.source();
    for _ in 0..ATTEMPTS {
        let Some(found) = source.get(&name).await? else { return Err(busy()) };
        if found.value.finished_at.is_some() {
            return Ok(found.value);
        }
        let mut merged = done.clone();
        if found.value.absent_on > merged.absent_on {
            (merged.absent_on, merged.absent_at) = (found.value.absent_on, found.value.absent_at);
        }
        merged.files.extend(found.value.files.iter().cloned());
        merged.landed = merged.landed.max(found.value.landed);
        merged.warehouse_rows = merged.warehouse_rows.max(found.value.warehouse_rows);
        if source.replace(&name, &found.etag, &merged).await? == Written::Yes {
            return Ok(merged);
        }
    }
    Err(busy())
}

/// How often a record is read again because another command wrote it.
const ATTEMPTS: u32 = 5;

fn busy() -> Failure {
    Failure::Failed(
        "other commands write the same record at this moment; run the command again: it goes on where it stopped"
            .to_owned(),
    )
}

/// All records.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn all(ledger: &Ledger) -> Result<Vec<Forgotten>> {
    Ok(ledger.source().read_all(FORGOTTEN).await?)
}

/// What an operator must know before rows of an older day come back: one sentence, if rows of the table, or of any, were forgotten
/// since.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn of_day(
    ledger: &Ledger,
    table: Option<&str>,
    day: Day,
) -> Result<Option<String>> {
    let records = all(ledger).await?;
    let is_older = |it: &Forgotten| day < it.absent_on;
    Ok(sentence(&concerning(&records, table, is_older), &day.to_string()))
}

/// As [`of_day`], before the database of this time comes back.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn at(ledger: &Ledger, time: Option<Timestamp>) -> Result<Option<String>> {
    let Some(time) = time else { return Ok(None) };
    let records = all(ledger).await?;
    let is_older = |it: &Forgotten| it.absent_at.is_none_or(|absent| time < absent);
    Ok(sentence(&concerning(&records, None, is_older), &time.to_string()))
}

fn sentence(found: &[&Forgotten], since: &str) -> Option<String> {
    let places: Vec<String> = found
        .iter()
        .map(|it| format!("{FORGOTTEN}/{:08}.json ({})", it.number, it.source_table))
        .collect();
    (!places.is_empty()).then(|| {
        format!(
            "rows were forgotten with `landbridge forget`, and the rows of {since} have them still: {}. Delete them again wherever these rows go",
            places.join(", ")
        )
    })
}
