//! Incidents: what the other stages reported, as one message per cause, and a line a day.
//!
//! The other stages write alerts and notices into the ledger and never wait for a receiver. This stage
//! reads them, decides with [`IncidentState::apply`] what opens, changes and ends, and delivers the messages.
//! All of its state is one record, `incidents.json`, which is replaced under the condition that it is the
//! version that was read.
//!
//! What happens if the process dies, by place:
//!
//! | after | the next tick |
//! |---|---|
//! | reading | reads again |
//! | the record with new messages | sends them |
//! | the claim of a message, before or after it was sent | sends it again after [`LEASE`](landbridge_core::incident::LEASE), marked as a repeat: it cannot know |
//! | the answer, before its record | the same |
//! | the record of the answer | goes on with the next message |
//!
//! | module | responsibility |
//! |---|---|
//! | here | one tick: incidents, then messages |
//! | `read` | the facts of a tick |
//! | `send` | one message to one channel, and what its answer means |

mod read;
mod send;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use landbridge_core::config::AlertsConfig;
use landbridge_core::incident::{Channel, Claim, IncidentState, Message, Next};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{self, INCIDENT_STATE};
use landbridge_ledger::{Recorded, SourceLedger, Written};

use crate::{Context, Progress, Tick, TickOutcome};

/// How often the record is read and replaced until no other tick is faster.
const MAX_READS: usize = 10;
/// A message is begun only with this much time left: its request, and the record of its answer.
const SEND_TIME: Duration = Duration::from_secs(20);
/// A request begins at most this long after its claim. With the limit of a request, it is shorter than
/// the lease of a claim.
const CLAIM_TIME: Duration = Duration::from_secs(60);
/// Slack takes one message a second and channel (its documentation, "Rate limits").
const PAUSE: Duration = Duration::from_millis(1_100);
/// Messages for one channel in one tick.
const MAX_MESSAGES: usize = 30;

/// Runs one tick. Idempotent: a second tick finds nothing new, and messages leave the record when they are
/// delivered.
///
/// # Errors
/// Any ledger error. A channel that refuses a message is no error of the tick: the message stays, and the
/// log says how long it has waited.
pub async fn tick(context: &Context, tick: Tick) -> Result<TickOutcome> {
    let Some(alerts) = &context.config.alerts else {
        return Ok(TickOutcome::new(Progress::Idle, "landbridge.yaml has no alerts"));
    };
    let channels = alerts.channels();
    let ledger = context.ledger.source();
    let recorded = update(context, &ledger, &channels, tick).await?;
    let mut courier = Courier { context, alerts, ledger: &ledger, tick, recorded, delivered: 0 };
    for channel in channels {
        courier.deliver(channel).await?;
    }
    let delivered = courier.delivered;
    let state = courier.recorded.map(|it| it.value).unwrap_or_default();
    report(&state, delivered, now_of(tick));
    let open = state.incidents.values().filter(|it| it.is_open()).count();
    let waiting = state.outbox.len();
    let message =
        format!("{open} incidents open; messages delivered {delivered}, waiting {waiting}");
    let progress = match (waiting, delivered) {
        (0, 0) => Progress::Idle,
        (0, _) => Progress::Done,
        _ => Progress::Waiting,
    };
    Ok(TickOutcome::new(progress, message))
}

/// Takes the facts into the record, and moves incidents that are over to records of their own. Returns the
/// record; `None` if there is nothing to record yet.
async fn update(
    context: &Context,
    ledger: &SourceLedger,
    channels: &[Channel],
    tick: Tick,
) -> Result<Option<Recorded<IncidentState>>> {
    for _ in 0..MAX_READS {
        let recorded = ledger.get(&INCIDENT_STATE).await?;
        let mut state = recorded.as_ref().map(|it| it.value.clone()).unwrap_or_default();
        let facts = read::facts(context, &mut state, channels, tick).await?;
        state.apply(&facts);
        let dropped = state.drop_channels_except(channels);
        if dropped > 0 {
            tracing::warn!(dropped, "messages of a channel that alerts does not name any more");
        }
        for number in state.finished() {
            let Some(incident) = state.incidents.get(&number) else { continue };
            // Before it leaves the state: a crash in between writes it again.
            ledger.set(&records::incident(number), incident).await?;
            state.incidents.remove(&number);
        }
        if recorded.as_ref().is_some_and(|it| it.value == state) {
            return Ok(recorded);
        }
        if write(ledger, recorded.as_ref(), &state).await? == Written::Yes {
            return ledger.get(&INCIDENT_STATE).await;
        }
    }
    Err(overtaken())
}

async fn write(
    ledger: &SourceLedger,
    recorded: Option<&Recorded<IncidentState>>,
    state: &IncidentState,
) -> Result<Written> {
    match recorded {
        Some(recorded) => ledger.replace(&INCIDENT_STATE, &recorded.etag, state).await,
        None => ledger.create(&INCIDENT_STATE, state).await,
    }
}

fn overtaken() -> Error {
    Error::new(
        ErrorKind::Transient,
        "the record of the incidents is changed all the time",
        INCIDENT_STATE.path(),
    )
}

/// The time now: the tick's own, and how long it has run.
fn now_of(tick: Tick) -> Timestamp {
    let run = SignedDuration::try_from(tick.started.elapsed()).unwrap_or_default();
    tick.clock.checked_add(run).unwrap_or(tick.clock)
}

/// The two numbers from which CloudWatch makes metrics (`infra/alarms.json`).
fn report(state: &IncidentState, delivered: usize, now: Timestamp) {
    let hours_without_line =
        state.line_delivered_at.map(|at| now.duration_since(at).as_hours().max(0));
    let minutes_undelivered = state.minutes_waiting(now);
    tracing::info!(hours_without_line, minutes_undelivered, delivered, "messages about incidents");
}

/// Delivers messages of one tick.
struct Courier<'a> {
    context: &'a Context,
    alerts: &'a AlertsConfig,
    ledger: &'a SourceLedger,
    tick: Tick,
    recorded: Option<Recorded<IncidentState>>,
    delivered: usize,
}

impl Courier<'_> {
    /// Sends what waits for a channel, in order, until one message is not delivered.
    async fn deliver(&mut self, channel: Channel) -> Result<()> {
        for number in 0..MAX_MESSAGES {
            if !self.tick.has(SEND_TIME) {
                return Ok(());
            }
            let Some((message, thread, claimed)) = self.claim(channel).await? else {
                return Ok(());
            };
            if number > 0 && matches!(channel, Channel::SlackBot | Channel::SlackWebhook) {
                tokio::time::sleep(PAUSE).await;
            }
            if claimed.elapsed() > CLAIM_TIME {
                tracing::warn!(channel = channel.name(), "a claim took too long, nothing is sent");
                return Ok(());
            }
            let answer = send::send(self.context, self.alerts, &message, thread.as_deref()).await;
            if !self.record(&message, &answer).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Claims the next message of a channel in the record. Returns it with its thread.
    async fn claim(
        &mut self,
        channel: Channel,
    ) -> Result<Option<(Message, Option<String>, Instant)>> {
        for _ in 0..MAX_READS {
            let Some(recorded) = &self.recorded else { return Ok(None) };
            let claimed = Instant::now();
            let now = now_of(self.tick);
            let mut state = recorded.value.clone();
            let Next::Send(place) = state.next(channel, now) else { return Ok(None) };
            let claim = Claim { at: now, by: name_of_claim() };
            let Some(message) = state.claim(place, claim) else { return Ok(None) };
            let thread = state.thread_of(&message).map(str::to_owned);
            let written = self.ledger.replace(&INCIDENT_STATE, &recorded.etag, &state).await?;
            self.recorded = self.ledger.get(&INCIDENT_STATE).await?;
            if written == Written::Yes {
                return Ok(Some((message, thread, claimed)));
            }
        }
        Err(overtaken())
    }

    /// Records the answer. Returns whether the message was delivered.
    async fn record(&mut self, message: &Message, answer: &send::Answer) -> Result<bool> {
        use send::Answer::{Delivered, Refused, Unknown};
        let is_delivered = matches!(answer, Delivered { .. });
        match answer {
            Delivered { .. } => self.delivered += 1,
            Refused { why, .. } | Unknown { why } => {
                let channel = message.channel.name();
                tracing::warn!(channel, message = message.id, why, "a message was not delivered");
            }
        }
        for _ in 0..MAX_READS {
            let Some(recorded) = &self.recorded else { return Ok(is_delivered) };
            let mut state = recorded.value.clone();
            state.answer(message, answer, now_of(self.tick));
            let written = self.ledger.replace(&INCIDENT_STATE, &recorded.etag, &state).await?;
            self.recorded = self.ledger.get(&INCIDENT_STATE).await?;
            if written == Written::Yes {
                return Ok(is_delivered);
            }
        }
        Err(overtaken())
    }
}

/// Different for every claim. Nothing is derived from it, and it is no secret.
fn name_of_claim() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
