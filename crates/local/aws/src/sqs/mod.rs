//! Amazon SQS: standard queues with visibility timeouts, dead-letter queues and retention, on the virtual clock.
//!
//! | module | responsibility |
//! |---|---|
//! | [`queue`] | one queue: its messages, and which of them can be received |
//! | [`actions`] | the actions of the API, for single messages and for batches |
//! | [`serve`] | the JSON protocol 1.0, target `AmazonSQS` |
//! | [`error`] | error codes, in both forms that clients read |
//!
//! Facts: the service model of SQS (version 2012-11-05) and the API reference. A message may be delivered more than
//! once, and counts of messages are approximate: [`Faults`] makes both happen.

mod actions;
mod error;
mod queue;
mod serve;

pub(crate) use actions::Sqs;
pub use queue::{QueueCounts, QueueMessage, QueueSettings};
pub(crate) use serve::SqsServer;

/// What goes wrong with queues.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// So many of the next messages are accepted and lost.
    pub(crate) lose: usize,
    /// Whether a received message can be received again at once: a queue delivers at least once.
    pub(crate) deliver_twice: bool,
    /// Whether every call is refused.
    pub(crate) denied: bool,
    /// Whether no message is counted: counts are approximate.
    pub(crate) counts_nothing: bool,
}
