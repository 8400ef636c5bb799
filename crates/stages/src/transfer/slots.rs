//! How many objects are in transfer at once: as many as configured, or as memory allows. Several small
//! objects share the place of one, because they need little memory and mostly wait for answers.

use landbridge_core::config::{Recompression, TransferConfig};
use landbridge_gcp::storage::UPLOAD_BUFFER;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Memory per object in transfer: the upload's buffer and its last part, two windows of the
/// source, and the pages that are being converted.
const MEMORY_PER_OBJECT: usize = 2 * UPLOAD_BUFFER + 16 * 1024 * 1024;
/// Additional memory per object with figures: the numbers of rows, and the pages of copied columns.
const MEMORY_OF_FIGURES: usize = ROW_MEMORY + 4 * 1024 * 1024;
/// Additional memory per object whose columns are compressed again: the tables of ZSTD, and the pages of a sample.
const MEMORY_OF_COMPRESSION: usize = 12 * 1024 * 1024;
/// The memory of the numbers of an object's rows.
pub(super) const ROW_MEMORY: usize = 16 * 1024 * 1024;
/// The size below which an object is small: its buffers, and the pages that are being converted, fit into a
/// part of that memory.
pub(super) const SMALL: u64 = 256 * 1024;
/// Small objects in the place of one.
pub(super) const SMALL_AT_ONCE: u32 = 8;

/// The places of one run.
pub(super) struct Slots {
    parts: Semaphore,
    /// The parts that a small object takes.
    small: u32,
    in_flight: usize,
}

impl Slots {
    /// With one place, objects are transferred one after the other. `figures`: whether figures of copied
    /// columns are computed.
    pub(super) fn new(settings: &TransferConfig, figures: bool) -> Self {
        let slots = concurrency(settings, figures);
        let parts = slots * SMALL_AT_ONCE as usize;
        let is_one = slots == 1;
        Self {
            parts: Semaphore::new(parts),
            small: if is_one { SMALL_AT_ONCE } else { 1 },
            in_flight: if is_one { 1 } else { parts },
        }
    }

    /// How many objects are in transfer, or wait for a place, at once.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Waits for a place for an object of `bytes`. Those that waited first get theirs first.
    pub(super) async fn take(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        let parts = if bytes < SMALL { self.small } else { SMALL_AT_ONCE };
        // The semaphore is never closed, so there is always a permit.
        self.parts.acquire_many(parts).await.ok()
    }
}

/// Objects in transfer at once: as many as configured, or as memory allows.
fn concurrency(settings: &TransferConfig, figures: bool) -> usize {
    let memory = settings.memory_mib as usize * 1024 * 1024;
    let compresses = settings.recompress == Recompression::Auto;
    let object = MEMORY_PER_OBJECT
        + if figures { MEMORY_OF_FIGURES } else { 0 }
        + if compresses { MEMORY_OF_COMPRESSION } else { 0 };
    usize::from(settings.concurrency).min(memory / object).max(1)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn settings(concurrency: u16, memory_mib: u32) -> TransferConfig {
        TransferConfig {
            bucket: String::new(),
            prefix: String::new(),
            concurrency,
            memory_mib,
            token_key: None,
            cross_border: None,
            cut_above_mib: TransferConfig::CUT_ABOVE_MIB,
            unchanged: landbridge_core::config::UnchangedTables::Carry,
            full_every: TransferConfig::FULL_EVERY,
            recompress: Recompression::Off,
            fan_out: None,
        }
    }

    #[test]
    fn memory_limits_the_concurrency() {
        for (configured, memory_mib, objects) in
            [(4, 128, 4), (64, 128, 4), (64, 32, 1), (1, 9216, 1), (64, 1024, 32)]
        {
            assert_eq!(concurrency(&settings(configured, memory_mib), false), objects);
        }
        // With figures, an object needs 52 MiB.
        assert_eq!(concurrency(&settings(64, 128), true), 2);
        // When columns are compressed again, 44 MiB, and 64 with figures.
        let compressing = |memory_mib| TransferConfig {
            recompress: Recompression::Auto,
            ..settings(64, memory_mib)
        };
        assert_eq!(concurrency(&compressing(176), false), 4);
        assert_eq!(concurrency(&compressing(128), true), 2);
    }

    #[tokio::test]
    async fn small_objects_share_the_place_of_one_unless_there_is_only_one() {
        for (places, of_size, at_once) in
            [(2, SMALL, 2), (2, SMALL - 1, 16), (1, SMALL - 1, 1), (1, SMALL, 1)]
        {
            let slots = Slots::new(&settings(places, 1024), false);
            let mut taken = Vec::new();
            while let Some(slot) = slots.take(of_size).now_or_never() {
                taken.push(slot);
            }
            assert_eq!(taken.len(), at_once, "{places} places, {of_size} bytes");
        }
    }
}
