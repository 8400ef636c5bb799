//! Requests to do a day again (`landbridge redo`): which days they open, and what the ticks of such a day
//! compare.
//!
//! A request changes no record of its day. Its number becomes part of what the stages compare anyway: of a
//! table's transfer fingerprint, so the transfer plans the table again under new names; of the rows in its
//! claim, so the load replaces them; of its receipt, so an earlier one does not count. Every step is
//! therefore repeated as on any day, and a crash or a second tick changes nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use landbridge_core::calendar::Day;
use landbridge_core::plan::Problem;
use landbridge_core::redo::RedoDone;
use landbridge_core::{ErrorKind, Result};
use landbridge_ledger::records::{self, redo_done};
use landbridge_ledger::{DayLedger, RedoDays};

use crate::alert::{self, Subject};
use crate::{Context, Progress, Tick, TickOutcome, late};

/// The requests of a source, by day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(RedoDays);

impl Requests {
    /// Reads which requests there are. One listing, however many days there are.
    ///
    /// # Errors
    /// Any ledger error.
    pub(crate) async fn read(context: &Context) -> Result<Self> {
        Ok(Self(context.ledger.source().redo_days().await?))
    }

    /// The days before `today` with a request that has not ended, the newest first: its rows supersede
    /// the rows of the older days. Without `other`, on which the tick works anyway.
    pub(crate) fn open_days(&self, today: Day, other: Day) -> Vec<Day> {
        let is_open = |day: &Day| self.0[day].values().any(|has_ended| !has_ended);
        let days = self.0.keys().copied().rev();
        days.filter(|day| *day < today && *day != other).filter(is_open).collect()
    }

    /// The days with a request, the oldest first.
    pub(crate) fn days(&self) -> impl Iterator<Item = Day> {
        self.0.keys().copied()
    }

    /// The requests that have not ended, such as `2026-11-21/2`; empty without any.
    pub(crate) fn open(&self) -> String {
        let of_day = |(day, numbers): (&Day, &BTreeMap<u32, bool>)| {
            let open = numbers.iter().filter(|(_, has_ended)| !**has_ended);
            open.map(|(number, _)| format!("{day}/{number}")).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_day).collect::<Vec<_>>().join(" ")
    }

    /// The context of a tick that works on `day`: it knows the requests for that day.
    ///
    /// # Errors
    /// Any ledger error.
    pub(crate) async fn context_of<'a>(
        &self,
        context: &'a Context,
        day: Day,
    ) -> Result<Cow<'a, Context>> {
        if !self.0.contains_key(&day) {
            return Ok(Cow::Borrowed(context));
        }
        let redo = context.ledger.source().redo_of(day, &self.0).await?;
        Ok(Cow::Owned(Context { redo, ..context.clone() }))
    }
}

/// Runs a tick of a stage that works on days: `own` on the day on which the tick works (the second of the two,
/// the first is today), then `again` on each day with a request that has not ended.
///
/// # Errors
/// As [`join`]; any ledger error.
pub(crate) async fn run_days(
    context: &Context,
    tick: Tick,
    own: impl AsyncFnOnce(&Requests, (Day, Day)) -> Result<TickOutcome>,
    again: impl AsyncFn(&Requests, Day) -> Result<TickOutcome>,
) -> Result<TickOutcome> {
    let today = context.calendar.day_of(tick.now);
    let requests = &Requests::read(context).await?;
    let day = late::open_day(context, today).await?;
    let mut outcome = own(requests, (today, day)).await;
    for other in requests.open_days(today, day) {
        // Boxed, as the stages' own futures are deeply nested.
        let redone = Box::pin(again(requests, other)).await;
        outcome = join(outcome, other, redone);
    }
    outcome
}

/// The outcome of a tick that also worked on a day that is done again. What is wrong with the tick's own
/// day counts more; what is wrong with the other one is logged then.
pub(crate) fn join(
    own: Result<TickOutcome>,
    day: Day,
    redone: Result<TickOutcome>,
) -> Result<TickOutcome> {
    match (own, redone) {
        (Ok(mut own), Ok(redone)) => {
            if own.progress == Progress::Done && redone.progress != Progress::Done {
                own.progress = Progress::Partial;
            }
            own.message = format!("{}; redo of {day}: {}", own.message, redone.message);
            Ok(own)
        }
        (Ok(_), Err(error)) => Err(error),
        (Err(own), Ok(_)) => Err(own),
        (Err(own), Err(error)) => {
            tracing::warn!(day = %day, kind = error.kind().name(), %error, "a redo failed");
            Err(own)
        }
    }
}

/// Records that the requests of the day are done. Idempotent.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn finish(context: &Context, day: Day, tick: Tick) -> Result<()> {
    end(context, day, tick, None).await
}

/// Records that the requests of the day cannot be done, and raises an alert. The receipts and rows from
/// before them count on. Idempotent.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn refuse(
    context: &Context,
    ledger: &DayLedger,
    day: Day,
    tick: Tick,
    why: &str,
) -> Result<()> {
    let place = records::redo(day, context.redo.newest());
    let problem = Problem::new(
        ErrorKind::Held,
        "a day cannot be done again; its tables keep their rows",
        format!("{day}: {why}"),
    );
    // Before the record: a crash in between repeats the alert rather than losing it.
    alert::raise(ledger, &problem, &Subject::new(place.path()), tick.now).await?;
    end(context, day, tick, Some(why.to_owned())).await
}

async fn end(context: &Context, day: Day, tick: Tick, refused: Option<String>) -> Result<()> {
    let done = RedoDone { finished_at: tick.now, refused };
    for number in context.redo.open() {
        // Another tick may have recorded it with its own time.
        let _ = context.ledger.source().create(&redo_done(day, *number), &done).await?;
    }
    Ok(())
}
