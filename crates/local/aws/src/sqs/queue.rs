//! One queue: its messages, and which of them can be received at a time.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Messages that are received and not deleted (API reference, `ChangeMessageVisibility`).
pub(super) const MAX_IN_FLIGHT: usize = 120_000;

/// The settings of a queue. The defaults are the same as in `CreateQueue`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Seconds in which a received message cannot be received again.
    pub visibility_seconds: i64,
    /// Seconds after which a message is deleted.
    pub retention_seconds: i64,
    /// Seconds before a sent message can be received.
    pub delay_seconds: i64,
    /// The queue to which a message moves that was received `1` times: its name, and the number.
    pub dead_letters: Option<(String, u32)>,
    /// Whether SQS encrypts the messages with a key of its own.
    pub encrypted: bool,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            visibility_seconds: 30,
            retention_seconds: 345_600,
            delay_seconds: 0,
            dead_letters: None,
            encrypted: true,
        }
    }
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueMessage {
    /// Its id.
    pub id: String,
    /// What deletes it, or changes its visibility: another one for each time that it is received.
    pub receipt: String,
    /// The text.
    pub body: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it was received for the first time.
    pub first_received_at: Timestamp,
    /// How often it was received, this time included.
    pub receives: u32,
    /// Attributes that its sender gave it, as JSON.
    pub(super) attributes: Option<Value>,
}

/// How many messages a queue has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Messages that can be received.
    pub visible: usize,
    /// Messages that are received and not deleted.
    pub in_flight: usize,
    /// Messages that can be received later.
    pub delayed: usize,
}

/// A message of a queue.
#[derive(Clone, Debug)]
struct Stored {
    id: String,
    body: String,
    attributes: Option<Value>,
    sent_at: Timestamp,
    /// From when it can be received.
    visible_at: Timestamp,
    first_received_at: Option<Timestamp>,
    receives: u32,
}

impl Stored {
    fn is_in_flight(&self, now: Timestamp) -> bool {
        self.receives > 0 && self.visible_at > now
    }
}

/// A queue.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) settings: QueueSettings,
    pub(super) created_at: Timestamp,
    messages: Vec<Stored>,
    pub(super) purged_at: Option<Timestamp>,
}

/// The id, the body and the attributes of a message that was received too often.
pub(super) type DeadMessage = (String, String, Option<Value>);

impl Queue {
    pub(super) fn new(settings: QueueSettings, now: Timestamp) -> Self {
        Self { settings, created_at: now, messages: Vec::new(), purged_at: None }
    }

    pub(super) fn send(
        &mut self,
        id: String,
        body: String,
        attributes: Option<Value>,
        delay: i64,
        now: Timestamp,
    ) {
        self.messages.push(Stored {
            id,
            body,
            attributes,
            sent_at: now,
            visible_at: now + SignedDuration::from_secs(delay),
            first_received_at: None,
            receives: 0,
        });
    }

    /// Deletes what is older than the retention.
    fn expire(&mut self, now: Timestamp) {
        let kept = SignedDuration::from_secs(self.settings.retention_seconds);
        self.messages.retain(|message| now.duration_since(message.sent_at) < kept);
    }

    /// Receives up to `most` messages, the oldest first (a standard queue promises no order), and hides them for
    /// `visibility` seconds. Beside them, the messages that were received too often: they leave the queue.
    pub(super) fn receive(
        &mut self,
        most: usize,
        visibility: i64,
        now: Timestamp,
    ) -> (Vec<QueueMessage>, Vec<DeadMessage>) {
        self.expire(now);
        let most_receives = self.settings.dead_letters.as_ref().map_or(u32::MAX, |it| it.1);
        let (mut received, mut dead) = (Vec::new(), Vec::new());
        self.messages.retain_mut(|message| {
            if received.len() == most || message.visible_at > now {
                return true;
            }
            if message.receives >= most_receives {
                let body = std::mem::take(&mut message.body);
                dead.push((message.id.clone(), body, message.attributes.take()));
                return false;
            }
            message.receives += 1;
            message.visible_at = now + SignedDuration::from_secs(visibility);
            let first = *message.first_received_at.get_or_insert(now);
            received.push(QueueMessage {
                id: message.id.clone(),
                receipt: format!("{}#{}", message.id, message.receives),
                body: message.body.clone(),
                sent_at: message.sent_at,
                first_received_at: first,
                receives: message.receives,
                attributes: message.attributes.clone(),
            });
            true
        });
        (received, dead)
    }

    /// Deletes a message. An old receipt deletes nothing (API reference, `DeleteMessage`). `None`: it is no receipt.
    pub(super) fn delete(&mut self, receipt: &str) -> Option<()> {
        let (id, receives) = parse(receipt)?;
        self.messages.retain(|message| message.id != id || message.receives != receives);
        Some(())
    }

    /// Hides a message for `seconds` from now. `None`: it is no receipt. `Some(false)`: the message is not in flight.
    pub(super) fn change_visibility(
        &mut self,
        receipt: &str,
        seconds: i64,
        now: Timestamp,
    ) -> Option<bool> {
        let (id, receives) = parse(receipt)?;
        let message = self.messages.iter_mut().find(|message| message.id == id);
        let Some(message) = message.filter(|it| it.receives == receives && it.is_in_flight(now))
        else {
            return Some(false);
        };
        message.visible_at = now + SignedDuration::from_secs(seconds);
        Some(true)
    }

    pub(super) fn purge(&mut self, now: Timestamp) {
        self.messages.clear();
        self.purged_at = Some(now);
    }

    /// Makes every message visible, also those in flight: a standard queue may deliver a message twice.
    pub(super) fn show_all(&mut self, now: Timestamp) {
        for message in &mut self.messages {
            message.visible_at = now;
        }
    }

    pub(super) fn counts(&mut self, now: Timestamp) -> QueueCounts {
        self.expire(now);
        let mut counts = QueueCounts::default();
        for message in &self.messages {
            if message.is_in_flight(now) {
                counts.in_flight += 1;
            } else if message.visible_at > now {
                counts.delayed += 1;
            } else {
                counts.visible += 1;
            }
        }
        counts
    }

    /// The texts of all messages, the oldest first.
    pub(super) fn bodies(&self) -> Vec<String> {
        self.messages.iter().map(|message| message.body.clone()).collect()
    }
}

/// The id and the number of receives of a receipt.
fn parse(receipt: &str) -> Option<(&str, u32)> {
    let (id, receives) = receipt.split_once('#')?;
    Some((id, receives.parse().ok()?))
}
