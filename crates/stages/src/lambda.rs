//! Running a stage as a Lambda function.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
pub use lambda_runtime::Error as RuntimeError;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use landbridge_core::plan::Problem;
use landbridge_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::alert::{self, Subject};
pub use crate::context::Files;
use crate::redo::Requests;
use crate::transfer::worker::{self, Message};
use crate::{Context, Tick, TickOutcome};

/// The event that EventBridge Scheduler sends. It contains the scheduled time, so a late tick
/// still works on its own day.
#[derive(Clone, Debug, Deserialize)]
struct Event {
    /// The database, where the configuration has several.
    #[serde(default)]
    database: Option<String>,
    /// `<aws.scheduler.scheduled-time>`.
    scheduled_time: Timestamp,
    /// The time at which the tick runs, where it is not that of this machine: the clock of the local
    /// cloud is virtual. Scheduler does not send it.
    #[serde(default)]
    current_time: Option<Timestamp>,
}

/// Time reserved before Lambda's own deadline, to record what was done.
const MARGIN: Duration = Duration::from_secs(5);

/// From this delay on, a start is late: Scheduler starts a function within a minute, and Lambda delays further a
/// start that it throttled, or repeats one that failed or ran out of time (AWS Lambda Developer Guide, "How Lambda
/// handles errors and retries with asynchronous invocation").
const LATE_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// After this delay, no schedule's event is delivered any more (`infra/schedules`): a person starts an older day.
const LATE_UNTIL: SignedDuration = SignedDuration::from_mins(60);

/// Minutes by which Lambda delayed a start, if they are so many that the start counts as bad in the metric
/// `bad_starts` (`infra/alarms.json`).
fn late_minutes(scheduled: Timestamp, now: Timestamp) -> Option<i64> {
    let late = now.duration_since(scheduled);
    (LATE_AFTER..=LATE_UNTIL).contains(&late).then(|| late.as_mins())
}

/// Runs `stage` as the function of this process until Lambda ends it.
///
/// The context is built by the first invocation and kept. If that fails, the invocation returns the
/// reason, and the next one tries again: the cause may have been a moment's fault of the network.
///
/// # Errors
/// When the Lambda Runtime API cannot be reached.
pub async fn run<F>(name: &'static str, files: Files, stage: F) -> Result<(), lambda_runtime::Error>
where
    F: AsyncFn(&Context, Tick) -> Result<TickOutcome>,
{
    init_log();
    let contexts = Contexts::new(name, files);
    let (contexts, stage) = (&contexts, &stage);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        handle(contexts, stage, event).await.map_err(|error| Diagnostic {
            error_type: error.kind().name().to_owned(),
            error_message: error.sentence(),
        })
    }))
    .await
}

/// Writes the log as JSON lines.
fn init_log() {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("LANDBRIDGE_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("landbridge=info,warn")),
        )
        .with_target(false)
        .without_time()
        .init();
}

/// The contexts of the process, one for each database for which it was started. The first start for a database
/// builds its context.
struct Contexts {
    stage: &'static str,
    files: Files,
    all: Mutex<BTreeMap<Option<String>, Arc<Context>>>,
}

impl Contexts {
    fn new(stage: &'static str, files: Files) -> Self {
        Self { stage, files, all: Mutex::new(BTreeMap::new()) }
    }

    /// The context of the database that an event names; without a name, see [`Context::from_env`].
    async fn of(&self, database: Option<String>) -> Result<Arc<Context>> {
        // Lambda starts a process for one event after the other, so nothing waits here.
        let mut all = self.all.lock().await;
        if let Some(context) = all.get(&database) {
            return Ok(context.clone());
        }
        let built = Context::from_env(self.files, database.as_deref()).await;
        let context = Arc::new(built.inspect_err(|error| {
            tracing::error!(
                stage = self.stage,
                database,
                kind = error.kind().name(),
                bad_start = "failed",
                "{}",
                error.sentence()
            );
        })?);
        all.insert(database, context.clone());
        Ok(context)
    }
}

/// The time until shortly before Lambda ends the process at `deadline`, in milliseconds since 1970.
fn time_left(deadline: u64) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(deadline).saturating_sub(now).saturating_sub(MARGIN)
}

async fn handle<F>(
    contexts: &Contexts,
    stage: &F,
    event: LambdaEvent<serde_json::Value>,
) -> Result<TickOutcome>
where
    F: AsyncFn(&Context, Tick) -> Result<TickOutcome>,
{
    let name = contexts.stage;
    let deadline = event.context.deadline;
    let event: Event = serde_json::from_value(event.payload).map_err(|_| {
        let error = Error::new(
            ErrorKind::Config,
            "the event of the invocation is not the one of the schedule",
            "expected {\"scheduled_time\": \"2026-11-20T16:00:00Z\"}",
        );
        tracing::warn!(
            stage = name,
            kind = error.kind().name(),
            bad_start = "failed",
            "{}",
            error.sentence()
        );
        error
    })?;
    let context = &*contexts.of(event.database).await?;
    let left = time_left(deadline);
    let clock = event.current_time.unwrap_or_else(Timestamp::now);
    if let Some(minutes) = late_minutes(event.scheduled_time, clock) {
        tracing::warn!(
            stage = name,
            bad_start = "late",
            minutes,
            "started late: Lambda throttled the start, or repeats one that failed"
        );
    }
    let tick = Tick::at(event.scheduled_time, clock, left);
    // Boxed: the stage's future is deeply nested; its layout is then computed only once.
    match Box::pin(stage(context, tick)).await {
        Ok(outcome) => {
            tracing::info!(stage = name, now = %event.scheduled_time, progress = ?outcome.progress, "{}", outcome.message);
            Ok(outcome)
        }
        Err(error) => {
            report(name, context, &error, event.scheduled_time).await;
            Err(error)
        }
    }
}

/// The event of an event source mapping of SQS (AWS Lambda Developer Guide, "Example Amazon SQS message event").
#[derive(Debug, Deserialize)]
struct QueueEvent {
    #[serde(rename = "Records")]
    records: Vec<QueueRecord>,
    /// As in [`Event`].
    #[serde(default)]
    current_time: Option<Timestamp>,
}

/// A message of a [`QueueEvent`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueRecord {
    message_id: String,
    receipt_handle: String,
    body: String,
    attributes: QueueAttributes,
    /// The ARN of the queue.
    #[serde(rename = "eventSourceARN", default)]
    queue: String,
}

/// The name of the source whose queue the messages are from ([`Config::items_queue`](landbridge_core::config::Config)).
/// All messages of an event are from one queue. `None` for a queue with another name, which says nothing.
fn source_of(records: &[QueueRecord]) -> Option<String> {
    let queue = records.first()?.queue.rsplit(':').next()?;
    let source = queue.strip_prefix("landbridge-")?.strip_suffix("-items")?;
    Some(source.to_owned())
}

/// What SQS says of a message. All values are text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueAttributes {
    approximate_receive_count: String,
}

/// Which messages are not done: Lambda deletes the others (`ReportBatchItemFailures`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchResponse {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

/// Runs the worker as the function of this process until Lambda ends it. Each invocation has a batch of messages, and
/// answers which of them are not done.
///
/// # Errors
/// When the Lambda Runtime API cannot be reached.
pub async fn run_worker(name: &'static str) -> Result<(), lambda_runtime::Error> {
    init_log();
    let contexts = Contexts::new(name, Files::Both);
    let contexts = &contexts;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        handle_messages(contexts, event).await.map_err(|error| Diagnostic {
            error_type: error.kind().name().to_owned(),
            error_message: error.sentence(),
        })
    }))
    .await
}

async fn handle_messages(
    contexts: &Contexts,
    event: LambdaEvent<serde_json::Value>,
) -> Result<BatchResponse> {
    let name = contexts.stage;
    let left = time_left(event.context.deadline);
    let event: QueueEvent = serde_json::from_value(event.payload).map_err(|_| {
        Error::new(
            ErrorKind::Config,
            "the event of the invocation is not that of a queue",
            "an event source mapping of SQS invokes this function",
        )
    })?;
    let context = &*contexts.of(source_of(&event.records)).await?;
    let now = event.current_time.unwrap_or_else(Timestamp::now);
    let message = |record: QueueRecord| Message {
        receives: record.attributes.approximate_receive_count.parse().unwrap_or(1),
        id: record.message_id,
        receipt: record.receipt_handle,
        body: record.body,
    };
    let messages: Vec<Message> = event.records.into_iter().map(message).collect();
    let tick = Tick::at(now, now, left);
    let failed = match Box::pin(worker::carry(context, &messages, tick)).await {
        Ok(failed) => failed,
        Err(error) => {
            report(name, context, &error, now).await;
            worker::give_all_back(context, &messages).await;
            messages.iter().map(|message| message.id.clone()).collect()
        }
    };
    tracing::info!(stage = name, now = %now, messages = messages.len(), failed = failed.len(), "messages processed");
    let failures = failed.into_iter().map(|id| ItemFailure { item_identifier: id });
    Ok(BatchResponse { batch_item_failures: failures.collect() })
}

/// Reports a failed tick: a warning each time and, unless the error is transient, an alert once a
/// day, and again while an operator has requested a day again. If the alert cannot be recorded in the ledger, it is repeated by every tick.
async fn report(name: &str, context: &Context, error: &Error, now: Timestamp) {
    let kind = error.kind();
    tracing::warn!(stage = name, kind = kind.name(), bad_start = "failed", "{}", error.sentence());
    if kind.is_transient() {
        return;
    }
    let ledger = context.ledger(context.calendar.day_of(now));
    // The ledger itself may be the cause: then only the alert of the day can be meant.
    let requests = Requests::read(context).await.unwrap_or_default();
    let subject = Subject::of_requests(name, requests.open());
    if let Err(second) = alert::raise(&ledger, &Problem::from(error), &subject, now).await {
        tracing::error!(stage = name, kind = kind.name(), ledger_error = %second, "{}", error.sentence());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_delay_of_lambda_is_late() {
        let scheduled: Timestamp = "2026-11-20T17:05:00Z".parse().expect("a time");
        let after =
            |seconds| late_minutes(scheduled, scheduled + SignedDuration::from_secs(seconds));
        // The clocks may differ, and Scheduler starts a function within a minute; a first repetition comes a minute later.
        for seconds in [-30, 0, 59, 125, 299] {
            assert_eq!(after(seconds), None, "{seconds}");
        }
        // A repetition of a tick of `transfer` that Lambda ended after 285 seconds, and a start that was throttled.
        assert_eq!(after(345), Some(5));
        assert_eq!(after(900), Some(15));
        assert_eq!(after(3_600), Some(60));
        // By hand, for an older day.
        assert_eq!(after(2 * 3_600), None);
        assert_eq!(after(-86_400), None);
    }
}
