//! Virtual time: a day passes in seconds because only the scheduler moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// A clock that stands still until somebody advances it. Clones share the time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// A clock that shows `at` (whole seconds; fractions are dropped).
    pub fn new(at: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(at.as_second())))
    }

    /// The time it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Moves the clock on to `at`; an earlier time leaves it alone, so time never goes back.
    pub fn advance_to(&self, at: Timestamp) {
        self.0.fetch_max(at.as_second(), Ordering::SeqCst);
    }
}
