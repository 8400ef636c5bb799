//! [`TickRunner`]: advances virtual time and invokes every tick that is due, in order.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use landbridge_local_wire::Clock;
use serde_json::Value;

use crate::error::LocalError;
use crate::event_source::{Drained, EventSource};
use crate::runtime::{Functions, InvocationOutcome};
use crate::scheduler::{Scheduler, Tick, hours};

/// An event of a run, for a progress display.
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// A full hour (UTC) has started; its ticks follow.
    Hour(Timestamp),
    /// The function of a tick is invoked.
    Started {
        /// The tick.
        tick: Tick,
        /// 1 for the first attempt.
        attempt: u32,
    },
    /// The invocation has ended, successfully or not.
    Finished {
        /// The tick.
        tick: Tick,
        /// 1 for the first attempt.
        attempt: u32,
        /// The outcome.
        outcome: InvocationOutcome,
        /// The duration in real time.
        took: Duration,
    },
}

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct RunSummary {
    /// The number of ticks that were due.
    pub ticks: usize,
    /// The number of invocations, including retries.
    pub invocations: usize,
    /// The ticks whose last attempt failed, with the outcome of that attempt.
    pub given_up: Vec<(Tick, InvocationOutcome)>,
}

/// Runs the ticks of a scheduler on a virtual clock.
pub struct TickRunner {
    scheduler: Scheduler,
    functions: Functions,
    clock: Clock,
    /// The time up to which ticks were invoked or skipped; the clock may be ahead of it.
    processed_until: Mutex<Timestamp>,
    retries: Option<u32>,
    event_sources: Vec<EventSource>,
}

impl TickRunner {
    /// Creates a runner whose first tick may be due in the current minute. `retries` overrides the
    /// retries of the schedules.
    pub fn new(
        scheduler: Scheduler,
        functions: Functions,
        clock: Clock,
        retries: Option<u32>,
    ) -> Self {
        let processed_until = clock.now().checked_sub(1.second()).unwrap_or(Timestamp::MIN);
        let processed_until = Mutex::new(processed_until);
        Self { scheduler, functions, clock, processed_until, retries, event_sources: Vec::new() }
    }

    /// The same runner with queues whose messages are processed after each tick.
    #[must_use]
    pub(crate) fn with_event_sources(mut self, event_sources: Vec<EventSource>) -> Self {
        self.event_sources = event_sources;
        self
    }

    /// The first mapping whose messages are processed after each tick.
    pub(crate) fn event_source(&self) -> Option<&EventSource> {
        self.event_sources.first()
    }

    /// Processes the messages of all queues, see [`EventSource::drain`].
    pub(crate) async fn drain(&self) -> Result<Drained, LocalError> {
        let mut all = Drained::default();
        for source in &self.event_sources {
            let drained = source.drain().await?;
            all.invocations += drained.invocations;
            all.deleted += drained.deleted;
            all.failed += drained.failed;
        }
        Ok(all)
    }

    /// The schedules.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Advances virtual time to `until` and invokes every tick at its minute, one after the other.
    /// A failed tick is retried immediately with the same event (Lambda would wait a minute or
    /// two), as often as its schedule defines, and then given up; the run continues, as in the
    /// cloud.
    ///
    /// Ticks that are overdue because the clock was advanced are invoked late. A time in the past
    /// has no effect.
    ///
    /// # Errors
    /// The program of a function cannot be started.
    pub async fn run_until(
        &self,
        until: Timestamp,
        observer: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> Result<RunSummary, LocalError> {
        let mut summary = RunSummary::default();
        let from = self.processed_until();
        let mut hours = hours(from, until).into_iter().peekable();
        for tick in self.scheduler.due(from, until) {
            while let Some(hour) = hours.next_if(|hour| *hour <= tick.scheduled_time) {
                self.clock.advance_to(hour);
                observer(&RunEvent::Hour(hour));
            }
            self.clock.advance_to(tick.scheduled_time);
            summary.ticks += 1;
            let (invocations, outcome) = self.invoke_with_retries(&tick, observer).await?;
            summary.invocations += invocations;
            summary.invocations += self.drain().await?.invocations;
            // Only earlier minutes count as processed: after an error, the next run repeats the
            // ticks of this minute, which is harmless.
            self.set_processed_until(tick.scheduled_time.checked_sub(1.second()).unwrap_or(from));
            if !outcome.is_response() {
                summary.given_up.push((tick, outcome));
            }
        }
        for hour in hours {
            self.clock.advance_to(hour);
            observer(&RunEvent::Hour(hour));
        }
        self.clock.advance_to(until);
        self.set_processed_until(until);
        Ok(summary)
    }

    /// Advances time to `until` without a tick, as if the scheduler was disabled. The ticks in
    /// between are lost.
    pub fn skip_until(&self, until: Timestamp) {
        self.clock.advance_to(until);
        self.set_processed_until(until);
    }

    /// Invokes a tick, with retries. Returns the number of invocations and the last outcome.
    async fn invoke_with_retries(
        &self,
        tick: &Tick,
        observer: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> Result<(usize, InvocationOutcome), LocalError> {
        let attempts = 1 + self.retries.unwrap_or(tick.retries);
        let mut attempt = 1;
        loop {
            observer(&RunEvent::Started { tick: tick.clone(), attempt });
            let start = Instant::now();
            let event = with_current_time(&tick.payload, self.clock.now());
            let outcome = self.functions.invoke(&tick.function, &event).await?;
            observer(&RunEvent::Finished {
                tick: tick.clone(),
                attempt,
                outcome: outcome.clone(),
                took: start.elapsed(),
            });
            if outcome.is_response() || attempt >= attempts {
                return Ok((usize::try_from(attempt).unwrap_or(usize::MAX), outcome));
            }
            attempt += 1;
        }
    }

    fn processed_until(&self) -> Timestamp {
        *self.processed_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_processed_until(&self, at: Timestamp) {
        let mut until = self.processed_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(at);
    }
}

/// The event of a tick with the virtual time at which it runs, which its process cannot read from its
/// machine's clock. Only the functions of Landbridge know the field.
pub(crate) fn with_current_time(event: &Value, now: Timestamp) -> Value {
    let mut event = event.clone();
    if event.get("scheduled_time").is_some() {
        event["current_time"] = now.to_string().into();
    }
    event
}
