//! A worker: carries the objects that messages of the queue name, by the same code as the transfer's own tick.
//!
//! A message is an order to look, not a fact. What is true is in the ledger: the day must still be open, the plan must
//! be the one that the message names and the one that this contract makes, and the object must not be recorded. In every
//! other case there is nothing to do, and the message is deleted: a message may arrive twice, a day late, or for a plan
//! that a redo replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use landbridge_core::calendar::Day;
use landbridge_core::config::KeptColumns;
use landbridge_core::fan_out::{ItemMessage, pause_seconds};
use landbridge_core::plan::{Problem, TablePlan};
use landbridge_core::{Error, Result};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, EXPORT};

use super::budget::Budget;
use super::item::ItemOutcome;
use super::proof::Shared;
use super::slots::Slots;
use super::text_columns::{Decision, Reads};
use super::{Work, do_in_time, source_bytes, text_columns, transfer_again};
use crate::plan::transfer_fingerprint;
use crate::redo::Requests;
use crate::{Context, Tick, late};

/// A message as a worker receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id, by which a failure is reported.
    pub id: String,
    /// What gives it back to the queue.
    pub receipt: String,
    /// The text.
    pub body: String,
    /// How often it was received, this time included.
    pub receives: u32,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Lambda deletes it.
    Done,
    /// There was no time for it: another worker takes it at once.
    NotStarted,
    /// It is tried again after a pause.
    Again,
}

/// Carries the objects that the messages name, as far as time allows. Returns the ids of the messages that are not done;
/// they are in the queue again, after a pause that doubles with each receive. Idempotent, as a tick of the transfer.
///
/// # Errors
/// Any ledger error that concerns all messages, and other errors of [`Context`]: none of them is done then.
pub async fn carry(context: &Context, messages: &[Message], tick: Tick) -> Result<Vec<String>> {
    let mut days: BTreeMap<Day, Vec<(&Message, ItemMessage)>> = BTreeMap::new();
    let mut fates: Vec<(&Message, Fate)> = Vec::new();
    for message in messages {
        match ItemMessage::parse(&message.body) {
            Some(item) => days.entry(item.day).or_default().push((message, item)),
            None => {
                tracing::warn!(message = message.id, "a message names no object");
                fates.push((message, Fate::Again));
            }
        }
    }
    let today = context.calendar.day_of(tick.now);
    let requests = &Requests::read(context).await?;
    let own = late::open_day(context, today).await?;
    let again = requests.open_days(today, own);
    for (day, items) in days {
        if day == own || again.contains(&day) {
            let context = &*requests.context_of(context, day).await?;
            fates.extend(Box::pin(carry_day(context, day, items, tick)).await?);
        } else {
            tracing::info!(day = %day, messages = items.len(), "messages of a day that is over");
            fates.extend(items.into_iter().map(|(message, _)| (message, Fate::Done)));
        }
    }
    give_back(context, &fates).await;
    let failed = fates.iter().filter(|(_, fate)| *fate != Fate::Done);
    Ok(failed.map(|(message, _)| message.id.clone()).collect())
}

/// Gives messages back to the queue earlier than its visibility timeout would. If that fails, they come back later.
pub async fn give_all_back(context: &Context, messages: &[Message]) {
    let fates: Vec<_> = messages.iter().map(|message| (message, Fate::Again)).collect();
    give_back(context, &fates).await;
}

async fn give_back(context: &Context, fates: &[(&Message, Fate)]) {
    let open: Vec<_> = fates.iter().filter(|(_, fate)| *fate != Fate::Done).collect();
    if open.is_empty() {
        return;
    }
    let given_back = async {
        let queue = context.aws.queues.find(&context.config.items_queue()).await?;
        for (message, fate) in open {
            let seconds =
                if *fate == Fate::NotStarted { 0 } else { pause_seconds(message.receives) };
            queue.hide(&message.receipt, seconds).await?;
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = given_back.await {
        tracing::warn!(%error, "messages come back only after the visibility timeout");
    }
}

/// Carries the objects of one open day.
async fn carry_day<'a>(
    context: &Context,
    day: Day,
    items: Vec<(&'a Message, ItemMessage)>,
    tick: Tick,
) -> Result<Vec<(&'a Message, Fate)>> {
    let ledger = &context.ledger(day);
    let export = ledger.value(&EXPORT).await?;
    let is_usable = export.is_some_and(|it| it.complete && it.redo >= context.redo.export());
    let mut fates = Vec::new();
    let mut work = Vec::new();
    let mut plans = Plans::default();
    for (message, item) in items {
        let found = match is_usable {
            true => plans.work_of(context, ledger, &item).await,
            false => Ok(None),
        };
        match found {
            Ok(Some(found)) => work.push((message, found)),
            Ok(None) => {
                tracing::info!(
                    day = %day, table = item.table, object = item.object,
                    "nothing to do: the object is recorded, or another plan took the place of this one"
                );
                fates.push((message, Fate::Done));
            }
            Err(error) => {
                tracing::warn!(kind = error.kind().name(), %error, "a message was not processed");
                fates.push((message, Fate::Again));
            }
        }
    }
    let is_late = tick.now >= context.deadline(day).start();
    let shared = &Shared::new(day, is_late);
    let budget = &Budget::new(tick, context.config.transfer.recompress);
    let proof = context.config.proof.as_ref();
    let figures = proof.is_some_and(|proof| proof.kept != KeptColumns::Never);
    let slots = &Slots::new(&context.config.transfer, figures);
    let mut results = futures::stream::iter(work)
        .map(|(message, work)| async move {
            let _slot = slots.take(work.bytes).await;
            let done = match budget.start_in_turn(work.bytes).await {
                Some(start) => {
                    let done =
                        do_in_time(context, ledger, tick, budget, (&work, start), shared).await;
                    budget.end(work.bytes, matches!(done, Ok(Some(ItemOutcome::Recorded))));
                    done
                }
                None => Ok(None),
            };
            (message, work.table, done)
        })
        .buffer_unordered(slots.in_flight());
    while let Some((message, table, done)) = results.next().await {
        fates.push((message, fate(ledger, &table, done, tick).await?));
    }
    drop(results);
    shared.report(context).await?;
    Ok(fates)
}

/// What follows from the transfer of an object: as in a tick of the transfer, a problem that holds the table is recorded
/// for the load stage.
async fn fate(
    ledger: &DayLedger,
    table: &TablePlan,
    done: Result<Option<ItemOutcome>>,
    tick: Tick,
) -> Result<Fate> {
    let held = match done {
        Ok(None) => return Ok(Fate::NotStarted),
        Ok(Some(ItemOutcome::Recorded)) => return Ok(Fate::Done),
        Ok(Some(ItemOutcome::OtherContent(difference))) => {
            transfer_again(ledger, tick, table, difference).await?
        }
        Err(error) if error.kind().holds_table() => Some(error),
        Err(error) => {
            tracing::warn!(kind = error.kind().name(), %error, "an object was not transferred");
            return Ok(Fate::Again);
        }
    };
    if let Some(error) = held {
        ledger.set(&records::failure(table), &Problem::from(&error)).await?;
    }
    // The transfer's next tick decides about the table; a message would only repeat the problem.
    Ok(Fate::Done)
}

/// The plans of a batch's messages, each read once.
#[derive(Default)]
struct Plans(BTreeMap<String, Option<Arc<TablePlan>>>);

impl Plans {
    /// The work that a message asks for; `None` if there is nothing to do.
    async fn work_of(
        &mut self,
        context: &Context,
        ledger: &DayLedger,
        message: &ItemMessage,
    ) -> Result<Option<Work>> {
        let table = message.table_name();
        if !self.0.contains_key(table) {
            let plan = ledger.value(&records::table_plan(table)).await?;
            self.0.insert(table.to_owned(), plan.map(Arc::new));
        }
        let Some(Some(plan)) = self.0.get(table) else { return Ok(None) };
        let item = plan.items.iter().find(|item| item.number == message.object);
        let Some(item) = item.filter(|_| plan.record_name() == message.table) else {
            return Ok(None);
        };
        // Another contract asks for another transfer: the plan is made again, under new names.
        if transfer_fingerprint(context, &plan.source_table) != message.fingerprint {
            return Ok(None);
        }
        if ledger.value(&records::item(plan, item.number)).await?.is_some() {
            return Ok(None);
        }
        let reads = &Reads::new(1);
        let Decision::Decided(text) = text_columns::decide(ledger, plan, reads).await? else {
            return Ok(None);
        };
        let bytes = source_bytes(plan).get(message.object).copied().unwrap_or_default();
        let (table, item) = (plan.clone(), item.clone());
        let (text, measure) = (Some(Arc::new(text)), false);
        Ok(Some(Work { bytes, table, item, text, measure }))
    }
}
