//! How many tables are at work at once. A table whose load job runs waits without a slot: the jobs of
//! hundreds of tables run at the same time, while `load.concurrency` limits the calls.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::IN_FLIGHT;
use crate::Context;

/// Records that are read or written at once: as many as tables are loaded at once.
pub(super) fn at_once(context: &Context) -> usize {
    usize::from(context.config.load.concurrency).max(1)
}

/// The slots of one tick.
pub(super) struct Slots {
    slots: Arc<Semaphore>,
    in_flight: usize,
}

impl Slots {
    /// As many slots as `load.concurrency`. With 1, the tables are loaded one after the other, each with
    /// its job.
    pub(super) fn new(context: &Context) -> Self {
        let slots = at_once(context);
        let in_flight = if slots == 1 { 1 } else { IN_FLIGHT.max(slots) };
        Self { slots: Arc::new(Semaphore::new(slots)), in_flight }
    }

    /// How many tables are loaded at once, with those that wait for their jobs.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Waits for a slot. Those that waited first get it first.
    pub(super) async fn take(&self) -> Slot {
        let slot = Slot { slots: self.slots.clone(), permit: Mutex::default() };
        slot.acquire().await;
        slot
    }
}

/// The slot of one table.
pub(super) struct Slot {
    slots: Arc<Semaphore>,
    permit: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Slot {
    /// Gives the slot to another table while `wait` runs, and then waits for one again.
    pub(super) async fn release_during<T>(&self, wait: impl Future<Output = T>) -> T {
        self.set(None);
        let result = wait.await;
        self.acquire().await;
        result
    }

    async fn acquire(&self) {
        // The semaphore is never closed, so there is always a permit.
        let permit = self.slots.clone().acquire_owned().await.ok();
        self.set(permit);
    }

    fn set(&self, permit: Option<OwnedSemaphorePermit>) {
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = permit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slot_is_free_while_its_table_waits_and_taken_again_afterwards() {
        let slots = Slots { slots: Arc::new(Semaphore::new(1)), in_flight: 2 };
        let first = slots.take().await;
        assert_eq!(slots.slots.available_permits(), 0);
        let other = first
            .release_during(async {
                let other = slots.take().await;
                assert_eq!(slots.slots.available_permits(), 0);
                drop(other);
                slots.slots.available_permits()
            })
            .await;
        assert_eq!(other, 1);
        assert_eq!(slots.slots.available_permits(), 0);
        drop(first);
        assert_eq!(slots.slots.available_permits(), 1);
    }
}
