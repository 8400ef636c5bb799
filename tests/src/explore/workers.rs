//! The workers of a history: they take messages from the queue as Lambda does, in this process.

use landbridge_local_aws::{LocalAws, QueueMessage, QueueSettings};
use landbridge_stages::transfer::worker::{self, Message};
use landbridge_stages::{Context, Progress, Tick, TickOutcome};

/// The queue of the workers.
const QUEUE: &str = "landbridge-shop-items";
/// Batches of one invocation of the workers: more than a history's tables need.
const BATCHES: usize = 4;

/// Creates the queue. What a dead worker had comes back soon: a history is short.
pub(super) fn create_queue(aws: &LocalAws) {
    let settings = QueueSettings { visibility_seconds: 120, ..QueueSettings::default() };
    aws.create_queue(QUEUE, settings);
}

/// Takes batches from the queue and deletes what is done, as Lambda does.
pub(super) async fn work(
    context: &Context,
    tick: Tick,
    aws: &LocalAws,
) -> landbridge_core::Result<TickOutcome> {
    for _ in 0..BATCHES {
        let batch = aws.receive_from_queue(QUEUE, 2);
        let message = |it: &QueueMessage| Message {
            id: it.id.clone(),
            receipt: it.receipt.clone(),
            body: it.body.clone(),
            receives: it.receives,
        };
        let messages: Vec<Message> = batch.iter().map(message).collect();
        if messages.is_empty() {
            break;
        }
        let failed = worker::carry(context, &messages, tick).await?;
        for message in messages.iter().filter(|message| !failed.contains(&message.id)) {
            aws.delete_from_queue(QUEUE, &message.receipt);
        }
    }
    Ok(TickOutcome { progress: Progress::Done, message: String::new() })
}
