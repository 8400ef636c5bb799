//! Queues of Amazon SQS: messages are sent, counted and given back. Lambda receives and deletes them.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use landbridge_core::Result;

use crate::error::failed;

/// Messages of one call (SQS API reference, `SendMessageBatch`).
pub const MOST_AT_ONCE: usize = 10;

/// The SQS client.
#[derive(Clone, Debug)]
pub struct Queues {
    client: Client,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    name: String,
    url: String,
}

/// How many messages a queue has. All numbers are approximate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that were received and are not deleted.
    pub in_flight: u64,
}

/// The settings of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueSettings {
    /// Seconds in which a received message is hidden.
    pub visibility_seconds: u64,
    /// Whether messages that fail too often go to another queue.
    pub has_dead_letters: bool,
    /// Whether messages are encrypted at rest.
    pub is_encrypted: bool,
}

impl QueueDepth {
    /// All of them.
    pub fn all(self) -> u64 {
        self.waiting + self.in_flight
    }
}

impl Queues {
    /// Wraps an SDK client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The queue of this account with this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](landbridge_core::ErrorKind::NotFound) if it does not exist,
    /// [`ErrorKind::Denied`](landbridge_core::ErrorKind::Denied) without `sqs:GetQueueUrl`; any other SQS error.
    pub async fn find(&self, name: &str) -> Result<Queue> {
        let answer = self.client.get_queue_url().queue_name(name).send().await;
        let answer = answer.map_err(|error| failed("a queue cannot be found", name, error))?;
        let url = answer.queue_url.unwrap_or_default();
        Ok(Queue { client: self.client.clone(), name: name.to_owned(), url })
    }
}

impl Queue {
    /// Sends up to [`MOST_AT_ONCE`] messages in one call. Returns whether all of them were accepted: SQS may refuse
    /// single ones. Not idempotent: after a lost answer, the SDK sends them again, so a message can be in the queue
    /// twice.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`](landbridge_core::ErrorKind::Denied) without `sqs:SendMessage`; any other SQS error.
    pub async fn send(&self, bodies: &[String]) -> Result<bool> {
        let entries = bodies.iter().enumerate().filter_map(|(number, body)| {
            let entry = SendMessageBatchRequestEntry::builder();
            // Id and text are set, so there is an entry.
            entry.id(number.to_string()).message_body(body).build().ok()
        });
        let call = self.client.send_message_batch().queue_url(&self.url);
        let answer = call.set_entries(Some(entries.collect())).send().await;
        let answer =
            answer.map_err(|error| failed("messages cannot be sent", &self.name, error))?;
        Ok(answer.successful().len() == bodies.len())
    }

    /// How many messages it has. "The metrics may not achieve consistency until at least 1 minute after the producers
    /// stop sending messages" (SQS API reference, `GetQueueAttributes`).
    ///
    /// # Errors
    /// [`ErrorKind::Denied`](landbridge_core::ErrorKind::Denied) without `sqs:GetQueueAttributes`; any other SQS error.
    pub async fn depth(&self) -> Result<QueueDepth> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let call = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await;
        let answer = answer.map_err(|error| failed("a queue cannot be read", &self.name, error))?;
        let [waiting, delayed, in_flight] = names.map(|name| {
            let text = answer.attributes().and_then(|all| all.get(&name));
            text.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default()
        });
        Ok(QueueDepth { waiting: waiting + delayed, in_flight })
    }

    /// Its settings.
    ///
    /// # Errors
    /// As [`Self::depth`].
    pub async fn settings(&self) -> Result<QueueSettings> {
        let names = [
            QueueAttributeName::VisibilityTimeout,
            QueueAttributeName::RedrivePolicy,
            QueueAttributeName::SqsManagedSseEnabled,
            QueueAttributeName::KmsMasterKeyId,
        ];
        let call = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await;
        let answer = answer.map_err(|error| failed("a queue cannot be read", &self.name, error))?;
        let text = |name| answer.attributes().and_then(|all| all.get(&name)).map(String::as_str);
        let visible = text(QueueAttributeName::VisibilityTimeout);
        Ok(QueueSettings {
            visibility_seconds: visible.and_then(|it| it.parse().ok()).unwrap_or_default(),
            has_dead_letters: text(QueueAttributeName::RedrivePolicy).is_some(),
            is_encrypted: text(QueueAttributeName::KmsMasterKeyId).is_some()
                || text(QueueAttributeName::SqsManagedSseEnabled) == Some("true"),
        })
    }

    /// Hides a received message for `seconds`: it is received again after that. Idempotent.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`](landbridge_core::ErrorKind::Denied) without `sqs:ChangeMessageVisibility`; an error if
    /// the message is not in flight any more; any other SQS error.
    pub async fn hide(&self, receipt: &str, seconds: u32) -> Result<()> {
        let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
        let call = self.client.change_message_visibility().queue_url(&self.url);
        let answer = call.receipt_handle(receipt).visibility_timeout(seconds).send().await;
        answer.map_err(|error| failed("a message cannot be given back", &self.name, error))?;
        Ok(())
    }
}
