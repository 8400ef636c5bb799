//! Handing the objects of a large day to workers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When the transfer hands objects to worker functions, and how many of these run at once. The objects of
/// a day below both limits are carried by the transfer itself, without a call of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FanOutConfig {
    /// More objects than this are handed over.
    #[schemars(range(min = 0, max = 10_000_000))]
    pub above_items: u32,
    /// More than this, in GiB of the export's files, is handed over.
    #[schemars(range(min = 0, max = 1_048_576))]
    pub above_gib: u32,
    /// Workers at once: the `MaximumConcurrency` of the queue's event source mapping, 2 to 1,000. Each one
    /// transfers up to `concurrency` objects.
    #[schemars(range(min = 2, max = 1000))]
    pub workers: u16,
}

impl FanOutConfig {
    /// The transfer carries so many objects within two of its ticks: each takes some 0.2 s of answers of both
    /// clouds, four at once.
    pub const ABOVE_ITEMS: u32 = 10_000;
    /// At 50 MiB/s (`docs/costs.md`) this takes 34 minutes, which a day has between 02:00 and 04:00; at the
    /// 10 MiB/s that is certain, it is too much for it.
    pub const ABOVE_GIB: u32 = 100;
    /// At 50 MiB/s each, 880 GiB an hour. A new AWS account may run ten functions at once, so as many as these are left
    /// for the others.
    pub const WORKERS: u16 = 5;
}

impl Default for FanOutConfig {
    fn default() -> Self {
        Self { above_items: Self::ABOVE_ITEMS, above_gib: Self::ABOVE_GIB, workers: Self::WORKERS }
    }
}
