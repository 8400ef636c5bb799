//! The rows of `incidents`. A tick compares each incident that has not ended, and each new one, with what was sent, and
//! records the rows of those that differ before it appends them.

use landbridge_core::Result;
use landbridge_core::ids::{JobId, OpsRows, short_hash};
use landbridge_core::incident::{Incident, IncidentState};
use landbridge_core::ops::{OpsTable, rows};
use landbridge_ledger::SourceLedger;
use landbridge_ledger::records::{self, INCIDENT_STATE, OpsRecord, SentIncidents};

use super::append::{Appended, Rows};
use super::update;
use crate::{Context, Tick};

/// Jobs of one batch, over all ticks. After them, the batch gets another number: rows of incidents are nowhere else.
const MAX_JOBS: u32 = 30;
/// Incidents that one tick looks at, at most: the first tick can find incidents of years.
const MAX_INCIDENTS: u32 = 200;

/// Appends the rows of incidents that changed. Nothing without `alerts` in the configuration.
///
/// # Errors
/// Any error of the ledger, Cloud Storage or BigQuery.
pub(super) async fn append_changed(
    context: &Context,
    record: &OpsRecord,
    tick: Tick,
) -> Result<()> {
    if context.config.alerts.is_none() {
        return Ok(());
    }
    let ledger = context.ledger.source();
    let mut sent = record.incidents.clone();
    if sent.pending.is_none() {
        let Some(next) = next_batch(context, &ledger, &sent, tick).await? else { return Ok(()) };
        let (before, after) = (&sent, &next);
        // Only if no other tick has recorded a batch meanwhile: then that one counts.
        update(&ledger, |record| {
            if record.incidents == *before {
                record.incidents = after.clone();
            }
        })
        .await?;
        let recorded = ledger.value(&records::OPS).await?.unwrap_or_default();
        sent = recorded.incidents;
    }
    let Some(lines) = &sent.pending else { return Ok(()) };
    let appended = append(context, sent.batches, lines, tick).await?;
    let (before, mut after) = (&sent, sent.clone());
    match appended {
        Appended::By(_) => after.pending = None,
        Appended::GaveUp => after.batches += 1,
    }
    update(&ledger, |record| {
        if record.incidents == *before {
            record.incidents = after.clone();
        }
    })
    .await
}

/// What is recorded of the incidents after the next batch; `None` if nothing changed.
async fn next_batch(
    context: &Context,
    ledger: &SourceLedger,
    sent: &SentIncidents,
    tick: Tick,
) -> Result<Option<SentIncidents>> {
    let state = ledger.value(&INCIDENT_STATE).await?.unwrap_or_default();
    let mut next = sent.clone();
    let mut lines = String::new();
    next.through = state.newest.min(sent.through.saturating_add(MAX_INCIDENTS)).max(sent.through);
    let new = sent.through + 1..=next.through;
    for number in sent.open.keys().copied().chain(new) {
        let Some(incident) = find(ledger, &state, number).await? else {
            // A person deleted its record.
            next.open.remove(&number);
            continue;
        };
        let line = rows::incident(&context.config.source.name, &incident, tick.now);
        let digest = digest(context, &incident);
        if sent.open.get(&number) != Some(&digest) {
            lines.push_str(&line);
        }
        match incident.ended_at() {
            Some(_) => next.open.remove(&number),
            None => next.open.insert(number, digest),
        };
    }
    if !lines.is_empty() {
        next.batches += 1;
        next.pending = Some(lines);
    }
    Ok((next != *sent).then_some(next))
}

/// What of an incident is in its row, without the time of the tick.
fn digest(context: &Context, incident: &Incident) -> String {
    let line = rows::incident(&context.config.source.name, incident, incident.opened_at);
    short_hash(&line)
}

/// An incident: in the state, or, after it ended, in a record of its own. `notify` writes that record before it takes
/// the incident out of the state, so an incident is in one of the two at any time.
async fn find(
    ledger: &SourceLedger,
    state: &IncidentState,
    number: u32,
) -> Result<Option<Incident>> {
    match state.incidents.get(&number) {
        Some(incident) => Ok(Some(incident.clone())),
        None => ledger.value(&records::incident(number)).await,
    }
}

async fn append(context: &Context, number: usize, lines: &str, tick: Tick) -> Result<Appended> {
    let source = &context.config.source.name;
    let table = OpsTable::Incidents;
    let rows = OpsRows { table: table.name(), day: None, batch: number, lines };
    let id = |attempt| JobId::for_ops_rows(source, &rows, attempt);
    let rows = Rows {
        table,
        file: format!("{source}/incidents/{number:05}-{}.json", short_hash(lines)),
        lines,
        id: &id,
        new_jobs: 1,
        max_jobs: MAX_JOBS,
    };
    rows.append(context, tick).await
}
