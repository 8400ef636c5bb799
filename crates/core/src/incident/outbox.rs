//! Messages on their way. A message is *claimed* in the record before it is sent, and leaves the record
//! after its answer. So a crash loses none: a tick that finds a claim older than [`LEASE`] knows that
//! the message may have arrived, sends it once more and says so. Two ticks at once do not send one message
//! twice, because only one of them can write the claim.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::{Channel, IncidentState};

/// How long a claim excludes other ticks: longer than a tick may take between a claim and the end of its
/// request. (`notify` begins a request at most a minute after its claim, and a request ends after ten
/// seconds.)
pub const LEASE: SignedDuration = SignedDuration::from_secs(150);
/// The delay after the first failed attempt; it doubles up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: SignedDuration = SignedDuration::from_mins(1);
/// A channel that is broken for days is tried twice an hour.
const MAX_BACKOFF: SignedDuration = SignedDuration::from_mins(30);

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// An incident opened.
    Opened,
    /// An open incident changed.
    Changed,
    /// An incident ended, or a person closed it.
    Resolved,
    /// The daily line.
    Line,
}

impl MessageKind {
    /// Its name, as in the record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Changed => "changed",
            Self::Resolved => "resolved",
            Self::Line => "line",
        }
    }
}

/// Which tick sends a message, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// When it claimed it.
    pub at: Timestamp,
    /// The tick: different for every tick, because an equal record counts as written.
    pub by: String,
}

/// A message for one channel that has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same for all channels and all attempts: a receiver can recognise a repeat.
    pub id: String,
    /// Where it goes.
    pub channel: Channel,
    /// What it is about.
    pub kind: MessageKind,
    /// The incident; `None` for the daily line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<u32>,
    /// What it says.
    pub content: Content,
    /// When it was put here.
    pub at: Timestamp,
    /// The tick that sends it, or that died while it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Whether an earlier attempt may have arrived: its answer is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeat: bool,
    /// Failed attempts.
    #[serde(default)]
    pub attempts: u32,
    /// Not to be sent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Why the last attempt failed, without any secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the receiver of a message said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has the message; with the id of the thread, if it has threads.
    Delivered {
        /// `ts` of Slack.
        thread: Option<String>,
    },
    /// It does not have the message.
    Refused {
        /// Why.
        why: String,
        /// How long to wait, if it said so.
        retry_after: Option<SignedDuration>,
    },
    /// The message may have arrived: no answer came, or one that does not say.
    Unknown {
        /// Why.
        why: String,
    },
}

/// The next message of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// None that can be sent now.
    Nothing,
    /// This one, at this place of the outbox.
    Send(usize),
}

impl IncidentState {
    /// Adds a message, unless its channel has it. A change that follows a change which no attempt was made
    /// to send becomes one with it.
    pub(super) fn push_message(
        &mut self,
        channel: Channel,
        kind: MessageKind,
        incident: Option<u32>,
        id: &str,
        content: Content,
        at: Timestamp,
    ) {
        if self.outbox.iter().any(|it| it.channel == channel && it.id == id) {
            return;
        }
        let last = self.outbox.iter_mut().rfind(|it| it.channel == channel);
        if let Some(last) = last
            && kind == MessageKind::Changed
            && (last.kind, last.incident) == (kind, incident)
            && last.claim.is_none()
            && last.attempts == 0
        {
            last.content.add(content);
            return;
        }
        self.outbox.push(Message {
            id: id.to_owned(),
            channel,
            kind,
            incident,
            content,
            at,
            claim: None,
            repeat: false,
            attempts: 0,
            not_before: None,
            error: None,
        });
    }

    /// The next message of a channel: its oldest one, so that messages arrive in order, unless it waits or
    /// another tick sends it now.
    pub fn next(&self, channel: Channel, now: Timestamp) -> Next {
        let Some(place) = self.outbox.iter().position(|it| it.channel == channel) else {
            return Next::Nothing;
        };
        let message = &self.outbox[place];
        let waits = message.not_before.is_some_and(|until| until > now);
        let is_claimed = message.claim.as_ref().is_some_and(|it| now.duration_since(it.at) < LEASE);
        if waits || is_claimed { Next::Nothing } else { Next::Send(place) }
    }

    /// Claims the message at a place of the outbox, before it is sent. Returns what is to be sent.
    pub fn claim(&mut self, place: usize, claim: Claim) -> Option<Message> {
        let message = self.outbox.get_mut(place)?;
        // The tick that claimed it did not record an answer.
        message.repeat |= message.claim.is_some();
        message.claim = Some(claim);
        Some(message.clone())
    }

    /// Takes the answer to a message that was sent. One that another tick has claimed since stays, unless it
    /// was delivered.
    pub fn answer(&mut self, sent: &Message, answer: &Answer, now: Timestamp) {
        let is_it = |it: &Message| it.id == sent.id && it.channel == sent.channel;
        let Some(place) = self.outbox.iter().position(is_it) else { return };
        if let Answer::Delivered { thread } = answer {
            self.outbox.remove(place);
            self.delivered(sent, thread.as_deref(), now);
            return;
        }
        let message = &mut self.outbox[place];
        if message.claim != sent.claim {
            return;
        }
        message.claim = None;
        message.attempts += 1;
        let doublings = message.attempts.saturating_sub(1).min(10);
        let backoff = (FIRST_BACKOFF * 2_i32.pow(doublings)).min(MAX_BACKOFF);
        let (why, wait) = match answer {
            Answer::Refused { why, retry_after } => (why, retry_after.unwrap_or(backoff)),
            Answer::Unknown { why } => {
                message.repeat = true;
                (why, backoff)
            }
            Answer::Delivered { .. } => return,
        };
        message.error = Some(why.clone());
        message.not_before = now.checked_add(wait).ok();
    }

    fn delivered(&mut self, sent: &Message, thread: Option<&str>, now: Timestamp) {
        if sent.kind == MessageKind::Line {
            let is_line = |it: &Message| it.kind == MessageKind::Line && it.id == sent.id;
            if !self.outbox.iter().any(is_line) {
                self.line_delivered_at = self.line_delivered_at.max(Some(now));
            }
        }
        let incident = sent.incident.and_then(|number| self.incidents.get_mut(&number));
        if let (Some(incident), Some(thread)) = (incident, thread) {
            // The first answer counts: a repeat of the first message begins no other thread.
            incident.threads.entry(sent.channel).or_insert_with(|| thread.to_owned());
        }
    }

    /// The thread that a message belongs to, if its channel has one.
    pub fn thread_of(&self, message: &Message) -> Option<&str> {
        let incident = self.incidents.get(&message.incident?)?;
        if message.kind == MessageKind::Opened {
            return None;
        }
        incident.threads.get(&message.channel).map(String::as_str)
    }

    /// Drops messages of channels that are not configured any more. Returns how many.
    pub fn drop_channels_except(&mut self, channels: &[Channel]) -> usize {
        let before = self.outbox.len();
        self.outbox.retain(|it| channels.contains(&it.channel));
        before - self.outbox.len()
    }

    /// Full minutes that the oldest message has waited; 0 without any.
    pub fn minutes_waiting(&self, now: Timestamp) -> i64 {
        let oldest = self.outbox.iter().map(|it| it.at).min();
        oldest.map_or(0, |oldest| now.duration_since(oldest).as_mins().max(0))
    }
}
