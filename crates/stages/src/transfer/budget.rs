//! Which objects a tick may start, so that each ends before Lambda ends the process: Lambda gives no
//! warning, and what was transferred of an object that is cut off is lost.
//!
//! The rate is measured within the tick, because it depends on the memory of the function, on what is done
//! to the columns, and on both clouds. All objects in transfer share one processor, so what counts is the sum
//! of their bytes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use landbridge_core::config::Recompression;
use tokio::sync::Notify;

use crate::Tick;

/// Bytes per second before anything is measured: low for a whole processor (1,769 MB of memory, AWS Lambda
/// Developer Guide) that decodes and tokenises every column.
const ASSUMED_RATE: f64 = 10.0 * 1024.0 * 1024.0;
/// The same if copied columns are compressed again, by ZSTD at a high level.
const ASSUMED_RATE_OF_COMPRESSION: f64 = 5.0 * 1024.0 * 1024.0;
/// The rate is measured only after this time: the first requests to both clouds take longer.
const MEASURED_AFTER: Duration = Duration::from_secs(5);
/// The part of the remaining time that may be planned. The rest is for rates that drop.
const PLANNED_SHARE: f64 = 0.7;
/// The part of a tick that counts as all of it.
const WHOLE_SHARE: f64 = 0.8;
/// No object is started later than this before the end, however small it is.
const LEAST_TIME: Duration = Duration::from_secs(10);

/// The bytes and times of a tick's objects.
pub(super) struct Budget {
    started: Instant,
    /// Whether the tick had most of its time left then: planning a large day can take long.
    has_whole_tick: bool,
    until: Instant,
    state: Mutex<State>,
    /// Notifies the objects that wait for another one to end.
    ended: Notify,
}

#[derive(Clone, Copy, Debug)]
struct State {
    assumed_rate: f64,
    done: u64,
    in_transfer: u64,
    /// Whether an object was started at all.
    any: bool,
}

impl Budget {
    pub(super) fn new(tick: Tick, recompress: Recompression) -> Self {
        let started = Instant::now();
        let left = tick.until.saturating_duration_since(started);
        let whole = tick.until.saturating_duration_since(tick.started);
        let has_whole_tick = left >= whole.mul_f64(WHOLE_SHARE);
        let assumed_rate = match recompress {
            Recompression::Off => ASSUMED_RATE,
            Recompression::Auto => ASSUMED_RATE_OF_COMPRESSION,
        };
        let state = Mutex::new(State::new(assumed_rate));
        Self { started, has_whole_tick, until: tick.until, state, ended: Notify::new() }
    }

    /// The end of the tick.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// Whether an object of `bytes` may be started now. If so, it counts as started. The first one of
    /// the tick may be larger than a tick can transfer.
    pub(super) fn start(&self, bytes: u64) -> Option<Start> {
        let now = Instant::now();
        let (elapsed, left) = (now - self.started, self.until.saturating_duration_since(now));
        let start = self.with(|state| state.start(bytes, elapsed, left))?;
        Some(if self.has_whole_tick { start } else { Start::Normal })
    }

    /// The same, and if it may not be started now, again whenever another object ends: the assumed rate is low, and a measured
    /// one can allow it. `None` once no object is in transfer.
    pub(super) async fn start_in_turn(&self, bytes: u64) -> Option<Start> {
        loop {
            // Registered before the state is read, so that no end is missed.
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            if let Some(start) = self.start(bytes) {
                return Some(start);
            }
            let waits = self.with(|state| state.in_transfer > 0);
            let end = tokio::time::timeout_at(self.until.into(), ended);
            if !waits || end.await.is_err() {
                return None;
            }
        }
    }

    /// An object has ended, successfully or not.
    pub(super) fn end(&self, bytes: u64, done: bool) {
        self.with(|state| {
            state.in_transfer = state.in_transfer.saturating_sub(bytes);
            state.done += if done { bytes } else { 0 };
        });
        self.ended.notify_waiters();
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How an object was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It ends in time at the present rate; or the tick has little time left, and the next one has more.
    Normal,
    /// Nothing else was started in this tick, so it has the whole of it. If that is not enough, it never is.
    WholeTick,
}

impl State {
    fn new(assumed_rate: f64) -> Self {
        Self { assumed_rate, done: 0, in_transfer: 0, any: false }
    }

    fn start(&mut self, bytes: u64, elapsed: Duration, left: Duration) -> Option<Start> {
        if left < LEAST_TIME {
            return None;
        }
        let wanted = (self.in_transfer + bytes) as f64;
        let fits = wanted <= self.rate(elapsed) * left.as_secs_f64() * PLANNED_SHARE;
        let start = match (fits, self.any) {
            (true, _) => Start::Normal,
            (false, false) => Start::WholeTick,
            (false, true) => return None,
        };
        self.in_transfer += bytes;
        self.any = true;
        Some(start)
    }

    /// Bytes per second of this tick. Of the objects in transfer, half counts as done.
    fn rate(&self, elapsed: Duration) -> f64 {
        if elapsed < MEASURED_AFTER || self.done == 0 {
            return self.assumed_rate;
        }
        (self.done as f64 + self.in_transfer as f64 / 2.0) / elapsed.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn start(state: &mut State, mib: u64, elapsed: u64, left: u64) -> Option<Start> {
        state.start(mib * MIB, Duration::from_secs(elapsed), Duration::from_secs(left))
    }

    #[test]
    fn objects_are_started_only_if_all_of_them_end_in_time() {
        let mut state = State::new(ASSUMED_RATE);
        // 280 s at 10 MiB/s, of which 70 % are planned: 1,960 MiB.
        for (mib, expected) in [
            (1024, Some(Start::Normal)),
            (900, Some(Start::Normal)),
            (100, None),
            (30, Some(Start::Normal)),
        ] {
            assert_eq!(start(&mut state, mib, 0, 280), expected, "{mib} MiB");
        }
    }

    #[test]
    fn a_slow_function_starts_less_and_a_fast_one_more() {
        // 100 MiB in 20 s are 5 MiB/s; in 260 s, of which 70 % are planned, 910 MiB.
        let slow = State { done: 100 * MIB, any: true, ..State::new(ASSUMED_RATE) };
        assert_eq!(start(&mut slow.clone(), 900, 20, 260), Some(Start::Normal));
        assert_eq!(start(&mut slow.clone(), 920, 20, 260), None);
        // With 60 s left, 210 MiB.
        assert_eq!(start(&mut slow.clone(), 1, 20, 60), Some(Start::Normal));
        assert_eq!(start(&mut slow.clone(), 220, 20, 60), None);
        let fast = State { done: 2048 * MIB, any: true, ..State::new(ASSUMED_RATE) };
        assert_eq!(start(&mut fast.clone(), 4096, 20, 60), Some(Start::Normal));
    }

    #[test]
    fn the_first_object_may_be_larger_than_a_tick_and_then_has_it_alone() {
        let mut state = State::new(ASSUMED_RATE);
        assert_eq!(start(&mut state, 100_000, 0, 280), Some(Start::WholeTick));
        assert_eq!(start(&mut state, 100, 0, 280), None);
        // Not at the end of a tick, when even a small one might not end.
        assert_eq!(start(&mut State::new(ASSUMED_RATE), 1, 275, 9), None);
    }

    /// Four parts of a file of 2 GiB: the assumed rate allows three at once, and the fourth once one of them has shown the real rate.
    #[tokio::test]
    async fn an_object_that_does_not_fit_waits_for_the_end_of_another() {
        let tick = Tick::new(jiff::Timestamp::UNIX_EPOCH, Duration::from_secs(280));
        let mut budget = Budget::new(tick, Recompression::Off);
        for _ in 0..3 {
            assert_eq!(budget.start_in_turn(512 * MIB).await, Some(Start::Normal));
        }
        let mut fourth = Box::pin(budget.start_in_turn(512 * MIB));
        assert!(futures::poll!(&mut fourth).is_pending());
        drop(fourth);
        // As if six seconds had passed.
        budget.started -= Duration::from_secs(6);
        let fourth = budget.start_in_turn(900 * MIB);
        let end = async { budget.end(512 * MIB, true) };
        assert_eq!(tokio::join!(fourth, end).0, Some(Start::Normal));
        // When nothing is in transfer, it is for the next tick.
        let slow = Budget::new(tick, Recompression::Off);
        assert_eq!(slow.start_in_turn(100 * MIB).await, Some(Start::Normal));
        let end = async { slow.end(100 * MIB, false) };
        assert_eq!(tokio::join!(slow.start_in_turn(9000 * MIB), end).0, None);
    }

    #[test]
    fn only_a_tick_with_most_of_its_time_says_that_an_object_is_too_large() {
        let tick = |spent: u64| {
            let mut tick = Tick::new(jiff::Timestamp::UNIX_EPOCH, Duration::from_secs(280));
            tick.started -= Duration::from_secs(spent);
            tick.until -= Duration::from_secs(spent);
            tick
        };
        assert_eq!(
            Budget::new(tick(20), Recompression::Auto).start(100_000 * MIB),
            Some(Start::WholeTick)
        );
        // The plan of the day took the rest.
        assert_eq!(
            Budget::new(tick(200), Recompression::Auto).start(100_000 * MIB),
            Some(Start::Normal)
        );
    }
}
