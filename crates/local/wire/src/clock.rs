//! Virtual time: a day passes in seconds because only the scheduler advances the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// A clock that shows the same time until it is advanced. Clones share the time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// A clock that shows `at`, truncated to whole seconds.
    pub fn new(at: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(at.as_second())))
    }

    /// The current virtual time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Advances the clock to `at`. An earlier time has no effect: the clock never goes back.
    pub fn advance_to(&self, at: Timestamp) {
        self.0.fetch_max(at.as_second(), Ordering::SeqCst);
    }
}
