//! Letting virtual time pass: every tick that comes due is invoked, in order.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use landbridge_local_wire::Clock;

use crate::error::LocalError;
use crate::runtime::{Functions, InvocationOutcome};
use crate::scheduler::{Scheduler, Tick, hours};

/// What a display of progress may show while time passes.
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// A full hour (UTC) is reached; its ticks come next.
    Hour(Timestamp),
    /// A tick is handed to its function.
    Started {
        /// Which tick.
        tick: Tick,
        /// 1 for the first attempt.
        attempt: u32,
    },
    /// The function is done with it, well or not.
    Finished {
        /// Which tick.
        tick: Tick,
        /// 1 for the first attempt.
        attempt: u32,
        /// How it ended.
        outcome: InvocationOutcome,
        /// How long it took, of real time.
        took: Duration,
    },
}

/// What happened while time passed.
#[derive(Clone, Debug, Default)]
pub struct RunSummary {
    /// How many ticks came due.
    pub ticks: usize,
    /// How many invocations they took, retries included.
    pub invocations: usize,
    /// Ticks whose last attempt failed as well, with that failure.
    pub given_up: Vec<(Tick, InvocationOutcome)>,
}

/// A scheduler, its functions and the clock.
pub struct TickRunner {
    scheduler: Scheduler,
    functions: Functions,
    clock: Clock,
    /// Up to when ticks have been considered; the clock may be ahead of it.
    considered: Mutex<Timestamp>,
    retries: Option<u32>,
}

impl TickRunner {
    /// A runner whose first tick may fall on the clock's present minute. `retries`
    /// overrides what the schedules say.
    pub fn new(
        scheduler: Scheduler,
        functions: Functions,
        clock: Clock,
        retries: Option<u32>,
    ) -> Self {
        let considered = clock.now().checked_sub(1.second()).unwrap_or(Timestamp::MIN);
        Self { scheduler, functions, clock, considered: Mutex::new(considered), retries }
    }

    /// The schedules.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Moves virtual time on to `until`, minute by minute where something is due. Each
    /// tick is invoked at its minute and waited for; one that fails is repeated at
    /// once with the same event (Lambda would wait a minute or two), as often as its
    /// schedule says, and then given up: the run goes on, as it would in the cloud.
    ///
    /// Ticks that were due before the clock's present (somebody moved it) are
    /// invoked late. A time that has been reached already does nothing.
    ///
    /// # Errors
    /// Only when a function cannot be started at all.
    pub async fn run_until(
        &self,
        until: Timestamp,
        observer: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> Result<RunSummary, LocalError> {
        let mut summary = RunSummary::default();
        let from = self.considered();
        let mut hours = hours(from, until).into_iter().peekable();
        for tick in self.scheduler.due(from, until) {
            while let Some(hour) = hours.next_if(|hour| *hour <= tick.scheduled_time) {
                self.clock.advance_to(hour);
                observer(&RunEvent::Hour(hour));
            }
            self.clock.advance_to(tick.scheduled_time);
            summary.ticks += 1;
            let (invocations, outcome) = self.attempt(&tick, observer).await?;
            summary.invocations += invocations;
            // Noted per minute's tick only once the minute is over: a run that is cut short
            // by an error starts again with the ticks of the same minute, which is harmless.
            self.consider(tick.scheduled_time.checked_sub(1.second()).unwrap_or(from));
            if !outcome.is_response() {
                summary.given_up.push((tick, outcome));
            }
        }
        for hour in hours {
            self.clock.advance_to(hour);
            observer(&RunEvent::Hour(hour));
        }
        self.clock.advance_to(until);
        self.consider(until);
        Ok(summary)
    }

    /// Moves time on to `until` with no tick at all, as if the scheduler had been down.
    /// Ticks due in between never come.
    pub fn skip_until(&self, until: Timestamp) {
        self.clock.advance_to(until);
        self.consider(until);
    }

    async fn attempt(
        &self,
        tick: &Tick,
        observer: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> Result<(usize, InvocationOutcome), LocalError> {
        let attempts = 1 + self.retries.unwrap_or(tick.retries);
        let mut attempt = 1;
        loop {
            observer(&RunEvent::Started { tick: tick.clone(), attempt });
            let start = Instant::now();
            let outcome = self.functions.invoke(&tick.function, &tick.payload).await?;
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

    fn considered(&self) -> Timestamp {
        *self.considered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn consider(&self, at: Timestamp) {
        let mut considered = self.considered.lock().unwrap_or_else(PoisonError::into_inner);
        *considered = (*considered).max(at);
    }
}
