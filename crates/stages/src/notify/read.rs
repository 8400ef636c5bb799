//! The facts of a tick: alerts, notices, finished days, and requests to close incidents.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};
use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::incident::{Channel, DayFacts, Facts, IncidentState, NoticeSeen, Observation};
use landbridge_core::receipt::ReceiptState;
use landbridge_ledger::records::{
    self, ALERTS, Alert, CLOSURES, DAY, INCIDENT_STATE, NOTICES, Notice, RUNNING,
};
use landbridge_ledger::{DayLedger, ReceiptSummary};

use crate::{Context, Tick};

/// Records read at once.
const AT_ONCE: usize = 16;
/// The days before today whose alerts are read by every tick: a day may end late.
const DAYS_BEFORE: usize = 2;
/// The days that a tick reads after a pause. Older alerts are out of date.
const MAX_DAYS: usize = 45;
/// The finished days that a tick reads, with today.
const FINISHED_DAYS: usize = 4;

/// Reads what `state` does not know yet. Updates the versions of notices in it.
///
/// # Errors
/// Any ledger error.
pub(super) async fn facts(
    context: &Context,
    state: &mut IncidentState,
    channels: &[Channel],
    tick: Tick,
) -> Result<Facts> {
    let today = context.calendar.day_of(tick.now);
    let mut observations = notices(context, state, today, tick).await?;
    for day in days_with_alerts(context, state, today).await? {
        observations.extend(alerts(context, state, day).await?);
    }
    let days = finished_days(context, state, &observations, today).await?;
    let ledger = context.ledger.source();
    let running = ledger.value(&RUNNING).await?;
    let place = ledger.location(INCIDENT_STATE.path());
    Ok(Facts {
        now: tick.now,
        today,
        is_past_deadline: tick.now >= context.deadline(today).start(),
        is_owed: running.is_some_and(|it| it.since <= context.calendar.export_hour(today).start()),
        observations,
        days,
        closures: closures(context, state).await?,
        channels: channels.to_vec(),
        source: context.config.source.name.clone(),
        concerns: context.contract.concerns(),
        zone: context.calendar.zone().clone(),
        records_at: place.trim_end_matches(INCIDENT_STATE.path()).to_owned(),
    })
}

/// The days whose alerts may be new: the newest ones, every day since the last tick, and those that an
/// operator requested again.
async fn days_with_alerts(
    context: &Context,
    state: &IncidentState,
    today: Day,
) -> Result<BTreeSet<Day>> {
    let newest = || std::iter::successors(Some(today), |day| day.before());
    let mut days: BTreeSet<Day> = match state.through {
        // Before the first tick there were no incidents.
        None => BTreeSet::from([today]),
        Some(through) => {
            let since = newest().take(MAX_DAYS).filter(|day| *day >= through);
            newest().take(DAYS_BEFORE + 1).chain(since).collect()
        }
    };
    let oldest = newest().nth(MAX_DAYS).unwrap_or(today);
    let requested = context.ledger.source().redo_days().await?;
    days.extend(requested.into_keys().filter(|day| (oldest..=today).contains(day)));
    Ok(days)
}

async fn alerts(context: &Context, state: &IncidentState, day: Day) -> Result<Vec<Observation>> {
    let ledger = context.ledger(day);
    let none = BTreeSet::new();
    let seen = state.seen.get(&day).unwrap_or(&none);
    let names = ledger.etags(ALERTS).await?.into_keys().filter(|name| !seen.contains(name));
    let ledger = &ledger;
    futures::stream::iter(names.collect::<Vec<_>>())
        .map(|name| async move {
            let Some(alert) = ledger.value(&records::alert(&name)).await? else { return Ok(None) };
            Ok(Some(of_alert(context, name, day, alert).await?))
        })
        .buffered(AT_ONCE)
        .try_filter_map(async |found| Ok(found))
        .try_collect()
        .await
}

async fn of_alert(
    context: &Context,
    record: String,
    day: Day,
    alert: Alert,
) -> Result<Observation> {
    let Alert { problem, table, redo, raised_at } = alert;
    let rows_of = match table.as_str() {
        "" => None,
        table => {
            let claim = context.ledger.source().value(&records::claim(table)).await?;
            claim.and_then(|claim| claim.loaded).and_then(|rows| rows.newest_day())
        }
    };
    // `2`, or `2026-11-21/2 2026-11-20/1` of a tick that worked on several requests.
    let numbers = redo.split_whitespace().filter_map(|it| it.rsplit('/').next()?.parse().ok());
    Ok(Observation {
        record,
        day,
        at: raised_at,
        redo: numbers.max().unwrap_or_default(),
        table,
        problem,
        rows_of,
        is_notice: false,
    })
}

/// The notices whose records changed since the last tick: new ones, and those that still apply today.
async fn notices(
    context: &Context,
    state: &mut IncidentState,
    today: Day,
    tick: Tick,
) -> Result<Vec<Observation>> {
    let ledger = context.ledger.source();
    let etags = ledger.etags(NOTICES).await?;
    state.notices.retain(|name, _| etags.contains_key(name));
    let is_new = |(name, etag): &(String, String)| {
        state.notices.get(name).is_none_or(|seen| seen.etag != *etag)
    };
    let changed: Vec<(String, String)> = etags.into_iter().filter(is_new).collect();
    let ledger = &ledger;
    let read: Vec<Option<(String, String, Notice)>> = futures::stream::iter(changed)
        .map(|(name, etag)| async move {
            let notice = ledger.value(&records::notice(&name)).await?;
            Ok::<_, landbridge_core::Error>(notice.map(|notice| (name, etag, notice)))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let is_first = state.through.is_none();
    let mut observations = Vec::new();
    for (name, etag, notice) in read.into_iter().flatten() {
        state.notices.insert(name.clone(), NoticeSeen { etag, last: notice.last });
        // The first tick finds the notices of years.
        let applies = notice.last >= today.before().unwrap_or(today);
        if is_first && !applies {
            continue;
        }
        observations.push(Observation {
            record: name,
            day: notice.last,
            at: tick.now,
            table: String::new(),
            redo: 0,
            problem: notice.problem,
            rows_of: None,
            is_notice: true,
        });
    }
    Ok(observations)
}

/// The newest finished days, and the days of problems.
async fn finished_days(
    context: &Context,
    state: &IncidentState,
    observations: &[Observation],
    today: Day,
) -> Result<BTreeMap<Day, DayFacts>> {
    let newest = std::iter::successors(Some(today), |day| day.before()).take(FINISHED_DAYS);
    let held = state.incidents.values().flat_map(|it| it.holding().map(|member| member.day));
    let observed = observations.iter().map(|it| it.day);
    let days: BTreeSet<Day> = newest.chain(held).chain(observed).collect();
    let mut finished = BTreeMap::new();
    for day in days {
        if let Some(facts) = of_day(&context.ledger(day)).await? {
            finished.insert(day, facts);
        }
    }
    Ok(finished)
}

async fn of_day(ledger: &DayLedger) -> Result<Option<DayFacts>> {
    let Some(record) = ledger.value(&DAY).await? else { return Ok(None) };
    let mut facts = DayFacts {
        published: record.published,
        tables: record.tables,
        finished_at: record.finished_at,
        redo: record.redo,
        without_rows: BTreeSet::new(),
        with_rows: BTreeSet::new(),
    };
    if record.published && record.gaps.is_empty() {
        return Ok(Some(facts));
    }
    let names = |receipt: &ReceiptSummary| [receipt.source_table.clone(), receipt.table.clone()];
    for receipt in ledger.receipt_summaries_read_only(AT_ONCE).await?.values() {
        let lacks = match receipt.state {
            ReceiptState::Published | ReceiptState::Superseded => false,
            ReceiptState::Skipped => receipt.has_problem,
            ReceiptState::Held | ReceiptState::Missing => true,
        };
        let of_state = if lacks { &mut facts.without_rows } else { &mut facts.with_rows };
        of_state.extend(names(receipt).into_iter().filter(|name| !name.is_empty()));
    }
    Ok(Some(facts))
}

/// The requests to close an incident that is open.
async fn closures(
    context: &Context,
    state: &IncidentState,
) -> Result<Vec<landbridge_core::incident::Closure>> {
    let ledger = context.ledger.source();
    let mut closures = Vec::new();
    for name in ledger.etags(CLOSURES).await?.into_keys() {
        let Ok(number) = name.parse::<u32>() else { continue };
        if state.incidents.get(&number).is_some_and(|it| it.is_open()) {
            closures.extend(ledger.value(&records::closure(number)).await?);
        }
    }
    // What the record says of its number counts only where its name agrees.
    closures.retain(|it| state.incidents.contains_key(&it.number));
    Ok(closures)
}
