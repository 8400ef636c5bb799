//! Lambda's event source mapping of a queue: receives messages in batches, invokes the function with each, and deletes
//! what the function does not report as failed.
//!
//! Source: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS" and "Handling errors for an SQS event source in
//! Lambda" (partial batch responses), and the service model (`ScalingConfig`).

use std::collections::BTreeSet;

use futures::StreamExt;
use landbridge_core::config::Config;
use landbridge_core::fan_out::MAX_RECEIVES;
use landbridge_local_aws::{LocalAws, QueueMessage, QueueSettings};
use landbridge_local_wire::Clock;
use serde_json::{Value, json};

use crate::error::LocalError;
use crate::runtime::{Functions, InvocationOutcome};

/// `batch_size` of `terraform/modules/aws/fan_out.tf`.
const BATCH_SIZE: usize = 10;
/// Six times the default timeout of the function, as in `terraform/modules/aws/fan_out.tf`.
const VISIBILITY_SECONDS: i64 = 6 * 285;
/// Seconds for which a message is kept, and a message that failed.
const RETENTION_SECONDS: (i64, i64) = (86_400, 1_209_600);
/// Processes at once, whatever the configuration allows: all of them run on this machine.
const MOST_AT_ONCE: usize = 4;

/// What a mapping did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Invocations of the function.
    pub invocations: usize,
    /// Messages that were deleted.
    pub deleted: usize,
    /// Messages that the function reported as failed, or that were in a batch whose invocation failed.
    pub failed: usize,
}

/// The mapping of the queue of objects to the worker function.
pub struct EventSource {
    aws: LocalAws,
    functions: Functions,
    clock: Clock,
    queue: String,
    function: String,
    at_once: usize,
    enabled: std::sync::atomic::AtomicBool,
}

impl EventSource {
    /// Creates the queues that Terraform creates with `transfer.fan_out`, and the mapping to the worker `function`.
    /// `None` without it.
    pub(crate) fn create(
        config: &Config,
        function: String,
        aws: &LocalAws,
        functions: &Functions,
        clock: &Clock,
    ) -> Option<Self> {
        let settings = config.transfer.fan_out.as_ref()?;
        let (queue, failed) = (config.items_queue(), config.failed_items_queue());
        let defaults = QueueSettings::default;
        aws.create_queue(
            &failed,
            QueueSettings { retention_seconds: RETENTION_SECONDS.1, ..defaults() },
        );
        let settings_of_queue = QueueSettings {
            visibility_seconds: VISIBILITY_SECONDS,
            retention_seconds: RETENTION_SECONDS.0,
            dead_letters: Some((failed, MAX_RECEIVES)),
            ..defaults()
        };
        aws.create_queue(&queue, settings_of_queue);
        Some(Self {
            aws: aws.clone(),
            functions: functions.clone(),
            clock: clock.clone(),
            queue,
            function,
            at_once: usize::from(settings.workers).min(MOST_AT_ONCE),
            enabled: true.into(),
        })
    }

    /// Disables the mapping, or enables it again.
    pub fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, std::sync::atomic::Ordering::SeqCst);
    }

    /// Invokes the function until the queue has no visible message. No virtual time passes. A batch of which the
    /// function dies, or answers something else than its failures, stays in the queue and is hidden.
    ///
    /// # Errors
    /// The program of the function cannot be started.
    pub async fn drain(&self) -> Result<Drained, LocalError> {
        let mut drained = Drained::default();
        while self.enabled.load(std::sync::atomic::Ordering::SeqCst) {
            let batches: Vec<Vec<QueueMessage>> = (0..self.at_once)
                .map(|_| self.aws.receive_from_queue(&self.queue, BATCH_SIZE))
                .filter(|batch| !batch.is_empty())
                .collect();
            if batches.is_empty() {
                break;
            }
            let mut running = futures::stream::iter(batches)
                .map(|batch| self.invoke(batch))
                .buffer_unordered(self.at_once);
            while let Some(done) = running.next().await {
                let done = done?;
                drained.invocations += done.invocations;
                drained.deleted += done.deleted;
                drained.failed += done.failed;
            }
        }
        Ok(drained)
    }

    async fn invoke(&self, batch: Vec<QueueMessage>) -> Result<Drained, LocalError> {
        let options = self.aws.options();
        let (region, account) = (&options.region, &options.account);
        let arn = format!("arn:aws:sqs:{region}:{account}:{}", self.queue);
        let records: Vec<Value> =
            batch.iter().map(|message| message.as_lambda_record(&arn, region, account)).collect();
        // The field that AWS does not send is the virtual time, which a process cannot read from its machine's clock.
        let event = json!({ "Records": records, "current_time": self.clock.now().to_string() });
        let outcome = self.functions.invoke(&self.function, &event).await?;
        let failed = failed_messages(&outcome, &batch);
        for message in batch.iter().filter(|message| !failed.contains(message.id.as_str())) {
            self.aws.delete_from_queue(&self.queue, &message.receipt);
        }
        Ok(Drained { invocations: 1, deleted: batch.len() - failed.len(), failed: failed.len() })
    }
}

/// The ids of the messages of a batch that stay in the queue: those in `batchItemFailures`; all of them if the invocation
/// failed, or if the answer has another form or an unknown id. An answer without failures is a success.
fn failed_messages<'a>(
    outcome: &InvocationOutcome,
    batch: &'a [QueueMessage],
) -> BTreeSet<&'a str> {
    let all = || batch.iter().map(|message| message.id.as_str()).collect();
    let InvocationOutcome::Response(answer) = outcome else { return all() };
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return BTreeSet::new(),
        Some(Value::Array(failures)) => failures,
        Some(_) => return all(),
    };
    let find = |failure: &Value| {
        let id = failure.get("itemIdentifier")?.as_str()?;
        batch.iter().map(|message| message.id.as_str()).find(|it| *it == id)
    };
    failures.iter().map(find).collect::<Option<BTreeSet<&str>>>().unwrap_or_else(all)
}
