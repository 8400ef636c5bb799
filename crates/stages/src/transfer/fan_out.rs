//! Hands the objects of a large day to workers (`transfer.fan_out`). The rules are in `landbridge_core::fan_out`;
//! [`super::worker`] is the other side.
//!
//! The record of what was sent is written after the messages: a tick that dies in between sends them again, and a
//! worker that finds an object recorded deletes its message. A queue that cannot be used costs time and never a day:
//! the tick then carries its objects itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use landbridge_aws::queue::{MOST_AT_ONCE, Queue};
use landbridge_core::calendar::Day;
use landbridge_core::fan_out::{Decision, Handed, ItemMessage, Left, asks_queue, decide};
use landbridge_core::plan::Problem;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{self, HANDED};
use landbridge_ledger::{DayLedger, Recorded};

use super::Work;
use super::fairness::in_turns;
use crate::alert::{self, Subject};
use crate::plan::transfer_fingerprint;
use crate::{Context, Tick};

/// Calls of the queue at once: each sends ten messages and takes some 20 ms.
const SENDS_AT_ONCE: usize = 16;
/// No message is sent in the last part of a tick, so that what was sent is recorded.
const SPARE: Duration = Duration::from_secs(15);
/// Tables that are named in alerts of one tick.
const MOST_NAMES: usize = 20;

/// What workers have after a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HandedOver {
    /// Objects that this tick handed over.
    pub(super) sent: usize,
    /// Objects that workers had before.
    pub(super) waiting: usize,
}

impl HandedOver {
    pub(super) fn all(self) -> usize {
        self.sent + self.waiting
    }
}

/// What becomes of a table's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Sent,
    Own,
    Waiting,
}

/// The tables of some work: the names of their plans by their names in BigQuery, and what is left of each.
struct Tables {
    plans: BTreeMap<String, String>,
    left: Vec<Left>,
}

impl Tables {
    fn of(work: &[Work]) -> Self {
        let mut tables: BTreeMap<String, Left> = BTreeMap::new();
        for it in work {
            if !tables.contains_key(&it.table.table) {
                let left = Left { table: it.table.record_name(), items: 0, bytes: 0 };
                tables.insert(it.table.table.clone(), left);
            }
            if let Some(left) = tables.get_mut(&it.table.table) {
                left.items += 1;
                left.bytes += it.bytes;
            }
        }
        let plans = tables.iter().map(|(table, left)| (table.clone(), left.table.clone()));
        Self { plans: plans.collect(), left: tables.into_values().collect() }
    }

    /// What becomes of each table, by its name in BigQuery.
    fn places(&self, decision: &Decision) -> BTreeMap<&str, Place> {
        let mut by_plan: BTreeMap<&str, Place> = BTreeMap::new();
        for (tables, place) in [
            (&decision.send, Place::Sent),
            (&decision.carry, Place::Own),
            (&decision.wait, Place::Waiting),
        ] {
            by_plan.extend(tables.iter().map(|table| (table.as_str(), place)));
        }
        let place = |plan: &String| by_plan.get(plan.as_str()).copied().unwrap_or(Place::Own);
        self.plans.iter().map(|(table, plan)| (table.as_str(), place(plan))).collect()
    }
}

/// Hands over what is too much for this function. Returns the work that the tick does itself, and what workers have.
/// Without `transfer.fan_out`, that is all of the work, and nothing is read.
///
/// # Errors
/// Any ledger error. An error of the queue is reported, and its objects stay with the tick.
pub(super) async fn hand_over(
    context: &Context,
    (ledger, day): (&DayLedger, Day),
    work: Vec<Work>,
    tick: Tick,
) -> Result<(Vec<Work>, HandedOver)> {
    let Some(settings) = &context.config.transfer.fan_out else {
        return Ok((work, HandedOver::default()));
    };
    // What is only measured takes no worker: nothing of it is sent.
    let (measured, work): (Vec<_>, Vec<_>) = work.into_iter().partition(|it| it.measure);
    let work = in_turns(work);
    let tables = Tables::of(&work);
    let recorded = ledger.get(&HANDED).await?;
    let mut handed = recorded.as_ref().map(|it| it.value.clone());
    let mut queue = None;
    let in_queue = match asks_queue(handed.as_ref(), &tables.left) {
        true => depth(context, ledger, &mut queue, tick).await?,
        false => 0,
    };
    look(handed.as_mut(), &tables.left, tick);
    let mut decision = decide(settings, handed.as_ref(), &tables.left, in_queue, tick.clock);
    report_lost(context, (ledger, day), &decision, (&work, &tables), tick).await?;
    if !decision.send.is_empty() {
        let places = tables.places(&decision);
        let to_send = work.iter().filter(|it| places[it.table.table.as_str()] == Place::Sent);
        let to_send: Vec<&Work> = to_send.collect();
        let sent = send(context, (&mut queue, day), (&to_send, &tables), tick).await;
        if let Some(error) = &sent.error {
            report_queue(context, ledger, error, tick).await?;
        }
        // What was not sent is carried here, as far as there is time.
        let (unsent, complete): (Vec<_>, Vec<_>) =
            std::mem::take(&mut decision.send).into_iter().partition(|it| sent.lacks.contains(it));
        decision.carry.extend(unsent);
        decision.send.clone_from(&complete);
        if sent.messages > 0 {
            let handed = handed.get_or_insert_default();
            handed.sent += sent.messages;
            (handed.sent_at, handed.moved_at) = (tick.clock, tick.clock);
            complete.into_iter().for_each(|table| *handed.tables.entry(table).or_default() += 1);
            look(Some(handed), &tables.left, tick);
        }
    }
    record(ledger, recorded, handed).await?;
    let places = tables.places(&decision);
    let of = |place| work.iter().filter(|it| places[it.table.table.as_str()] == place).count();
    let over = HandedOver { sent: of(Place::Sent), waiting: of(Place::Waiting) };
    if over.all() > 0 {
        let (sent, waiting) = (over.sent, over.waiting);
        tracing::info!(day = %day, sent, waiting, in_queue, "objects handed to workers");
    }
    let own = work.into_iter().filter(|it| places[it.table.table.as_str()] == Place::Own);
    Ok((own.chain(measured).collect(), over))
}

/// Records that every object is recorded. Without `transfer.fan_out`, nothing is read.
///
/// # Errors
/// Any ledger error.
pub(super) async fn finish(context: &Context, ledger: &DayLedger, tick: Tick) -> Result<()> {
    if context.config.transfer.fan_out.is_none() {
        return Ok(());
    }
    let recorded = ledger.get(&HANDED).await?;
    let mut handed = recorded.as_ref().map(|it| it.value.clone());
    look(handed.as_mut(), &[], tick);
    record(ledger, recorded, handed).await
}

/// Notes how many of the objects that were handed over are left.
fn look(handed: Option<&mut Handed>, left: &[Left], tick: Tick) {
    let Some(handed) = handed else { return };
    let with_workers = left.iter().filter(|it| handed.tables.contains_key(&it.table));
    let count: u64 = with_workers.map(|it| it.items).sum();
    if count != handed.left {
        (handed.left, handed.moved_at) = (count, tick.clock);
    }
}

/// Writes the record if it changed. Another tick may have been faster: what it recorded counts, and the messages that
/// only this tick knows of are sent once more at worst.
async fn record(
    ledger: &DayLedger,
    recorded: Option<Recorded<Handed>>,
    handed: Option<Handed>,
) -> Result<()> {
    match (recorded, handed) {
        (_, None) => {}
        (None, Some(handed)) => {
            let _ = ledger.create(&HANDED, &handed).await?;
        }
        (Some(recorded), Some(handed)) if recorded.value != handed => {
            let _ = ledger.replace(&HANDED, &recorded.etag, &handed).await?;
        }
        (Some(_), Some(_)) => {}
    }
    Ok(())
}

/// The queue, found by the first call.
async fn found<'a>(context: &Context, queue: &'a mut Option<Queue>) -> Result<&'a Queue> {
    if queue.is_none() {
        *queue = Some(context.aws.queues.find(&context.config.items_queue()).await?);
    }
    queue.as_ref().ok_or_else(|| Error::new(ErrorKind::Transient, "a queue cannot be found", ""))
}

/// The messages of the queue. If it cannot be asked now, it counts as not empty, and after a while the tick carries the
/// objects; if it cannot be asked at all, it counts as empty.
async fn depth(
    context: &Context,
    ledger: &DayLedger,
    queue: &mut Option<Queue>,
    tick: Tick,
) -> Result<u64> {
    let asked = async { Ok::<_, Error>(found(context, queue).await?.depth().await?.all()) };
    match asked.await {
        Ok(messages) => Ok(messages),
        Err(error) => {
            report_queue(context, ledger, &error, tick).await?;
            Ok(u64::from(error.kind().is_transient()))
        }
    }
}

/// What was sent.
#[derive(Debug, Default)]
struct Sent {
    messages: u64,
    /// The plans of which not every message was accepted.
    lacks: BTreeSet<String>,
    error: Option<Error>,
}

/// Sends a message for each object, in the order of the work.
async fn send(
    context: &Context,
    (queue, day): (&mut Option<Queue>, Day),
    (work, tables): (&[&Work], &Tables),
    tick: Tick,
) -> Sent {
    let queue = match found(context, queue).await {
        Ok(queue) => queue,
        Err(error) => {
            let lacks = work.iter().map(|it| tables.plans[&it.table.table].clone()).collect();
            return Sent { messages: 0, lacks, error: Some(error) };
        }
    };
    let mut prints: BTreeMap<&str, String> = BTreeMap::new();
    for it in work {
        let source = it.table.source_table.as_str();
        prints.entry(source).or_insert_with(|| transfer_fingerprint(context, source));
    }
    let message = |it: &&Work| ItemMessage {
        day,
        table: tables.plans[&it.table.table].clone(),
        fingerprint: prints[it.table.source_table.as_str()].clone(),
        object: it.item.number,
    };
    let (sent, stopped) = (Mutex::new(Sent::default()), AtomicBool::new(false));
    let (sent, stopped, message) = (&sent, &stopped, &message);
    let chunks = work.chunks(MOST_AT_ONCE).map(<[&Work]>::to_vec);
    futures::stream::iter(chunks)
        .for_each_concurrent(SENDS_AT_ONCE, |chunk| async move {
            let messages: Vec<ItemMessage> = chunk.iter().map(message).collect();
            let bodies: Vec<String> = messages.iter().map(ItemMessage::body).collect();
            let result = match tick.has(SPARE) && !stopped.load(Ordering::Relaxed) {
                true => queue.send(&bodies).await,
                false => Ok(false),
            };
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(true) => sent.messages += messages.len() as u64,
                other => {
                    sent.lacks.extend(messages.into_iter().map(|it| it.table));
                    if let Err(error) = other {
                        stopped.store(true, Ordering::Relaxed);
                        sent.error.get_or_insert(error);
                    }
                }
            }
        })
        .await;
    std::mem::take(&mut *sent.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Reports that the queue cannot be used: each time in the log, and once a day as an alert if it does not pass by
/// itself.
async fn report_queue(
    context: &Context,
    ledger: &DayLedger,
    error: &Error,
    tick: Tick,
) -> Result<()> {
    tracing::warn!(kind = error.kind().name(), %error, "the queue of workers cannot be used");
    if error.kind().is_transient() {
        return Ok(());
    }
    let problem = Problem::new(
        error.kind(),
        "the queue of workers cannot be used, so the transfer carries all objects itself",
        error.to_string(),
    );
    let problem = Problem {
        action: "apply Terraform's module aws with this landbridge.yaml, then `landbridge doctor`; or remove transfer.fan_out".to_owned(),
        ..problem
    };
    let subject = Subject::of_redo("transfer", context.redo.newest());
    alert::raise(ledger, &problem, &subject, tick.now).await
}

/// Reports workers that do not run, and the tables whose objects do not arrive. A table that is held for another reason
/// has its own report.
async fn report_lost(
    context: &Context,
    (ledger, day): (&DayLedger, Day),
    decision: &Decision,
    (work, tables): (&[Work], &Tables),
    tick: Tick,
) -> Result<()> {
    let failed = context.config.failed_items_queue();
    if decision.stalled {
        let problem = Problem::new(
            ErrorKind::Config,
            "workers do not take objects from the queue, so the transfer carries them itself",
            format!("{day}: {} tables wait", decision.carry.len()),
        );
        let problem = Problem {
            action: "see the log of the function transfer-item and the state of its event source mapping: `landbridge doctor`".to_owned(),
            ..problem
        };
        let subject = Subject::of_redo("transfer", context.redo.newest());
        alert::raise(ledger, &problem, &subject, tick.now).await?;
    }
    for name in decision.lost.iter().take(MOST_NAMES) {
        let is_of = |it: &&Work| tables.plans.get(&it.table.table) == Some(name);
        let objects: Vec<&Work> = work.iter().filter(is_of).collect();
        let Some(first) = objects.first() else { continue };
        if ledger.value(&records::failure(&first.table)).await?.is_some() {
            continue;
        }
        let problem = Problem::new(
            ErrorKind::Transient,
            "objects of a table were handed to workers twice and did not arrive; the transfer carries them in the end",
            format!("{}: {} objects of {day}", first.table.table, objects.len()),
        );
        let problem = Problem {
            action: format!(
                "nothing if the day is published in time; otherwise see the log of the function transfer-item, and the messages in the queue {failed}"
            ),
            ..problem
        };
        let subject = Subject::of_redo(&first.table.table, first.table.redo);
        alert::raise(ledger, &problem, &subject, tick.now).await?;
    }
    Ok(())
}
