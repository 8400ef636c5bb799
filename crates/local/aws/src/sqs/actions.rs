//! The actions of SQS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use s3s::crypto::{Checksum as _, Md5};
use serde_json::{Map, Value, json};

use super::Faults;
use super::error::SqsError;
use super::queue::{MAX_IN_FLIGHT, Queue, QueueCounts, QueueMessage, QueueSettings};
use crate::account::Account;

/// Bytes of a message, and of all messages of a batch (API reference, `SendMessageBatch`).
const MAX_BYTES: usize = 1_048_576;
/// Entries of a batch, and messages of one receive.
const MAX_ENTRIES: usize = 10;
/// The longest visibility timeout: 12 hours.
const MAX_VISIBILITY: i64 = 43_200;
/// Seconds between two purges of a queue.
const PURGE_SECONDS: i64 = 60;

/// The queues of an account.
pub(crate) struct Sqs {
    pub(super) account: Arc<Account>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: BTreeMap<String, Queue>,
    faults: Faults,
    last_id: u64,
}

impl State {
    /// A message id in the form of SQS. Ids are counted, so that two runs are comparable.
    fn next_id(&mut self) -> String {
        self.last_id += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.last_id)
    }

    /// The queue that a URL or a name means.
    fn queue(&mut self, url: &str) -> Result<&mut Queue, SqsError> {
        self.queues.get_mut(name_in(url)).ok_or_else(SqsError::no_queue)
    }

    /// Sends one message; it may be lost. Returns its id.
    fn send(&mut self, url: &str, entry: &Entry<'_>, now: Timestamp) -> Result<String, SqsError> {
        let id = self.next_id();
        let queue = self.queues.get_mut(name_in(url)).ok_or_else(SqsError::no_queue)?;
        let delay = entry.delay.unwrap_or(queue.settings.delay_seconds);
        if self.faults.lose > 0 {
            self.faults.lose -= 1;
        } else {
            let attributes = entry.attributes.cloned();
            queue.send(id.clone(), entry.body.to_owned(), attributes, delay, now);
        }
        Ok(id)
    }

    fn receive(
        &mut self,
        url: &str,
        most: usize,
        visibility: Option<i64>,
        now: Timestamp,
    ) -> Result<Vec<QueueMessage>, SqsError> {
        let twice = self.faults.deliver_twice;
        let queue = self.queue(url)?;
        if queue.counts(now).in_flight >= MAX_IN_FLIGHT {
            let code = "OverLimit";
            return Err(SqsError::plain(code, "too many messages are in flight"));
        }
        let visibility = visibility.unwrap_or(queue.settings.visibility_seconds);
        let (received, dead) =
            queue.receive(most.min(MAX_ENTRIES), if twice { 0 } else { visibility }, now);
        if let Some((name, _)) = queue.settings.dead_letters.clone()
            && let Some(queue) = self.queues.get_mut(&name)
        {
            for (id, body, attributes) in dead {
                queue.send(id, body, attributes, 0, now);
            }
        }
        Ok(received)
    }
}

/// A message to send.
struct Entry<'a> {
    body: &'a str,
    delay: Option<i64>,
    attributes: Option<&'a Value>,
}

/// The name in the URL of a queue, its last part.
fn name_in(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

pub(super) fn md5(text: &str) -> String {
    let mut sum = Md5::new();
    sum.update(text.as_bytes());
    hex::encode(sum.finalize())
}

impl Sqs {
    pub(crate) fn new(account: Arc<Account>) -> Self {
        Self { account, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
    }

    /// Creates a queue, or changes the settings of one that exists.
    pub(crate) fn create(&self, name: &str, settings: QueueSettings) {
        let now = self.account.now();
        let mut state = self.state();
        match state.queues.get_mut(name) {
            Some(queue) => queue.settings = settings,
            None => {
                state.queues.insert(name.to_owned(), Queue::new(settings, now));
            }
        }
    }

    pub(crate) fn counts(&self, name: &str) -> Option<QueueCounts> {
        let now = self.account.now();
        self.state().queues.get_mut(name).map(|queue| queue.counts(now))
    }

    pub(crate) fn bodies(&self, name: &str) -> Vec<String> {
        self.state().queues.get(name).map(Queue::bodies).unwrap_or_default()
    }

    pub(crate) fn purge(&self, name: &str) {
        let now = self.account.now();
        if let Some(queue) = self.state().queues.get_mut(name) {
            queue.purge(now);
        }
    }

    pub(crate) fn show_all(&self, name: &str) {
        let now = self.account.now();
        if let Some(queue) = self.state().queues.get_mut(name) {
            queue.show_all(now);
        }
    }

    /// Receives messages as the pollers of Lambda do. None if there is no such queue.
    pub(crate) fn receive(&self, name: &str, most: usize) -> Vec<QueueMessage> {
        let now = self.account.now();
        self.state().receive(name, most, None, now).unwrap_or_default()
    }

    /// Sends a message, as a client does.
    pub(crate) fn put(&self, name: &str, body: &str) {
        let now = self.account.now();
        let entry = Entry { body, delay: None, attributes: None };
        if let Err(error) = self.state().send(name, &entry, now) {
            tracing::debug!(code = error.code, "no such queue");
        }
    }

    pub(crate) fn delete(&self, name: &str, receipt: &str) {
        if let Ok(queue) = self.state().queue(name) {
            queue.delete(receipt);
        }
    }

    fn url(&self, host: &str, name: &str) -> String {
        format!("http://{host}/{}/{name}", self.account.options.account)
    }

    fn arn(&self, name: &str) -> String {
        let options = &self.account.options;
        format!("arn:aws:sqs:{}:{}:{name}", options.region, options.account)
    }

    /// Performs an action. `host` is that of the request, for the URLs of queues.
    pub(super) fn perform(
        &self,
        action: &str,
        parameters: &Value,
        host: &str,
    ) -> Result<Value, SqsError> {
        let now = self.account.now();
        let mut state = self.state();
        if state.faults.denied {
            return Err(SqsError::access_denied(action));
        }
        let text = |name: &str| parameters.get(name).and_then(Value::as_str);
        let missing = |name: &str| {
            SqsError::plain(
                "MissingParameter",
                format!("The request must contain the parameter {name}."),
            )
        };
        match action {
            "CreateQueue" => {
                let name = text("QueueName").ok_or_else(|| missing("QueueName"))?;
                self.create_by_call(&mut state, name, parameters, now)?;
                return Ok(json!({ "QueueUrl": self.url(host, name) }));
            }
            "GetQueueUrl" => {
                let name = text("QueueName").ok_or_else(|| missing("QueueName"))?;
                state.queue(name)?;
                return Ok(json!({ "QueueUrl": self.url(host, name) }));
            }
            _ => {}
        }
        let url = text("QueueUrl").ok_or_else(|| missing("QueueUrl"))?;
        self.perform_on(&mut state, (action, url), parameters, now)
    }

    /// Performs an action on a queue.
    fn perform_on(
        &self,
        state: &mut State,
        (action, url): (&str, &str),
        parameters: &Value,
        now: Timestamp,
    ) -> Result<Value, SqsError> {
        match action {
            "SendMessage" => send_one(state, url, parameters, now),
            "ReceiveMessage" => receive(state, url, parameters, now, &self.account),
            "DeleteMessage" => {
                let receipt = parameters.get("ReceiptHandle").and_then(Value::as_str);
                let queue = state.queue(url)?;
                let deleted = receipt.and_then(|receipt| queue.delete(receipt));
                deleted.map(|()| json!({})).ok_or_else(SqsError::invalid_handle)
            }
            "ChangeMessageVisibility" => {
                change_visibility(state.queue(url)?, parameters, now).map(|()| json!({}))
            }
            "SendMessageBatch" => send_batch(state, url, parameters, now),
            "DeleteMessageBatch" => {
                let queue = state.queue(url)?;
                batch(parameters, |entry| {
                    let receipt = entry.get("ReceiptHandle").and_then(Value::as_str);
                    let deleted = receipt.and_then(|receipt| queue.delete(receipt));
                    deleted.map(|()| Map::new()).ok_or_else(SqsError::invalid_handle)
                })
            }
            "ChangeMessageVisibilityBatch" => {
                let queue = state.queue(url)?;
                batch(parameters, |entry| change_visibility(queue, entry, now).map(|()| Map::new()))
            }
            "GetQueueAttributes" => {
                let attributes = self.attributes(state, url, now)?;
                selected(parameters, attributes)
            }
            "PurgeQueue" => {
                let queue = state.queue(url)?;
                let is_recent = |at: Timestamp| now.duration_since(at).as_secs() < PURGE_SECONDS;
                if queue.purged_at.is_some_and(is_recent) {
                    let code = "PurgeQueueInProgress";
                    return Err(SqsError::plain(
                        code,
                        "Only one PurgeQueue is allowed every 60 seconds.",
                    ));
                }
                queue.purge(now);
                Ok(json!({}))
            }
            _ => Err(SqsError::plain("UnsupportedOperation", "This operation is not known here.")),
        }
    }

    fn create_by_call(
        &self,
        state: &mut State,
        name: &str,
        parameters: &Value,
        now: Timestamp,
    ) -> Result<(), SqsError> {
        let is_name = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
        if name.is_empty() || name.len() > 80 || !name.chars().all(is_name) {
            return Err(SqsError::invalid_value(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
            ));
        }
        let mut settings = QueueSettings { encrypted: true, ..QueueSettings::default() };
        let given = parameters.get("Attributes").and_then(Value::as_object);
        for (key, value) in given.into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let number = || value.parse().map_err(|_| SqsError::invalid_value(key.clone()));
            match key.as_str() {
                "VisibilityTimeout" => settings.visibility_seconds = number()?,
                "MessageRetentionPeriod" => settings.retention_seconds = number()?,
                "DelaySeconds" => settings.delay_seconds = number()?,
                "SqsManagedSseEnabled" => settings.encrypted = value == "true",
                "RedrivePolicy" => settings.dead_letters = Some(redrive(value)?),
                _ => return Err(SqsError::invalid_attribute(key)),
            }
        }
        match state.queues.get(name) {
            Some(queue) if queue.settings != settings => Err(SqsError::name_exists()),
            Some(_) => Ok(()),
            None => {
                state.queues.insert(name.to_owned(), Queue::new(settings, now));
                Ok(())
            }
        }
    }

    fn attributes(
        &self,
        state: &mut State,
        url: &str,
        now: Timestamp,
    ) -> Result<BTreeMap<&'static str, String>, SqsError> {
        let counts_nothing = state.faults.counts_nothing;
        let queue = state.queue(url)?;
        let counts = if counts_nothing { QueueCounts::default() } else { queue.counts(now) };
        let settings = &queue.settings;
        let created = queue.created_at.as_second().to_string();
        let mut all = BTreeMap::from([
            ("ApproximateNumberOfMessages", counts.visible.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
            ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
            ("CreatedTimestamp", created.clone()),
            ("LastModifiedTimestamp", created),
            ("VisibilityTimeout", settings.visibility_seconds.to_string()),
            ("MessageRetentionPeriod", settings.retention_seconds.to_string()),
            ("DelaySeconds", settings.delay_seconds.to_string()),
            ("MaximumMessageSize", MAX_BYTES.to_string()),
            ("ReceiveMessageWaitTimeSeconds", "0".to_owned()),
            ("SqsManagedSseEnabled", settings.encrypted.to_string()),
            ("QueueArn", self.arn(name_in(url))),
        ]);
        if let Some((name, most)) = &settings.dead_letters {
            let policy = json!({ "deadLetterTargetArn": self.arn(name), "maxReceiveCount": most });
            all.insert("RedrivePolicy", policy.to_string());
        }
        Ok(all)
    }
}

/// The name of the dead-letter queue and the number of receives in a redrive policy.
fn redrive(text: &str) -> Result<(String, u32), SqsError> {
    let invalid = || SqsError::invalid_value("Value for parameter RedrivePolicy is invalid.");
    let policy: Value = serde_json::from_str(text).map_err(|_| invalid())?;
    let arn = policy["deadLetterTargetArn"].as_str().ok_or_else(invalid)?;
    // A number, or the text of one.
    let most = match &policy["maxReceiveCount"] {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    let most = most.and_then(|it| u32::try_from(it).ok()).filter(|it| (1..=1000).contains(it));
    Ok((arn.rsplit(':').next().unwrap_or_default().to_owned(), most.ok_or_else(invalid)?))
}

/// The attributes that a caller asks for: none by default, all with `All`.
fn selected(
    parameters: &Value,
    attributes: BTreeMap<&'static str, String>,
) -> Result<Value, SqsError> {
    let asked = parameters.get("AttributeNames").and_then(Value::as_array);
    let asked: Vec<&str> = asked.into_iter().flatten().filter_map(Value::as_str).collect();
    let known = |name: &str| {
        ["All", "RedrivePolicy", "KmsMasterKeyId"].contains(&name) || attributes.contains_key(name)
    };
    if let Some(unknown) = asked.iter().find(|name| !known(name)) {
        return Err(SqsError::invalid_attribute(unknown));
    }
    let all = asked.contains(&"All");
    let selected = attributes.iter().filter(|(name, _)| all || asked.contains(name));
    let selected: Map<String, Value> =
        selected.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    Ok(json!({ "Attributes": selected }))
}

fn send_one(
    state: &mut State,
    url: &str,
    parameters: &Value,
    now: Timestamp,
) -> Result<Value, SqsError> {
    state.queue(url)?;
    let entry = entry(parameters)?;
    if entry.body.len() > MAX_BYTES {
        return Err(SqsError::invalid_value("One or more parameters are invalid."));
    }
    let id = state.send(url, &entry, now)?;
    Ok(json!({ "MessageId": id, "MD5OfMessageBody": md5(entry.body) }))
}

fn entry(parameters: &Value) -> Result<Entry<'_>, SqsError> {
    let body = parameters.get("MessageBody").and_then(Value::as_str);
    let body = body.filter(|body| !body.is_empty()).ok_or_else(|| {
        let text = "The request must contain the parameter MessageBody.";
        SqsError::plain("MissingParameter", text)
    })?;
    let delay = parameters.get("DelaySeconds").and_then(Value::as_i64);
    if delay.is_some_and(|delay| !(0..=900).contains(&delay)) {
        return Err(SqsError::invalid_value("DelaySeconds must be between 0 and 900."));
    }
    Ok(Entry { body, delay, attributes: parameters.get("MessageAttributes") })
}

fn send_batch(
    state: &mut State,
    url: &str,
    parameters: &Value,
    now: Timestamp,
) -> Result<Value, SqsError> {
    state.queue(url)?;
    let entries = entries(parameters)?;
    let bytes = |it: &Value| it.get("MessageBody").and_then(Value::as_str).map_or(0, str::len);
    if entries.iter().map(bytes).sum::<usize>() > MAX_BYTES {
        return Err(SqsError::batch("BatchRequestTooLong"));
    }
    batch(parameters, |given| {
        let entry = entry(given)?;
        let id = state.send(url, &entry, now)?;
        let sent = json!({ "MessageId": id, "MD5OfMessageBody": md5(entry.body) });
        Ok(sent.as_object().cloned().unwrap_or_default())
    })
}

/// The entries of a batch, if the batch is a valid one.
fn entries(parameters: &Value) -> Result<&Vec<Value>, SqsError> {
    let none = || SqsError::batch("EmptyBatchRequest");
    let entries = parameters.get("Entries").and_then(Value::as_array).ok_or_else(none)?;
    match entries.len() {
        0 => return Err(none()),
        1..=MAX_ENTRIES => {}
        _ => return Err(SqsError::batch("TooManyEntriesInBatchRequest")),
    }
    let is_id = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    let ids: Vec<&str> =
        entries.iter().map(|it| it.get("Id").and_then(Value::as_str).unwrap_or_default()).collect();
    if ids.iter().any(|id| id.is_empty() || id.len() > 80 || !id.chars().all(is_id)) {
        return Err(SqsError::batch("InvalidBatchEntryId"));
    }
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        return Err(SqsError::batch("BatchEntryIdsNotDistinct"));
    }
    Ok(entries)
}

/// Acts on each entry of a batch. An entry that is refused is reported beside the others.
fn batch(
    parameters: &Value,
    mut act: impl FnMut(&Value) -> Result<Map<String, Value>, SqsError>,
) -> Result<Value, SqsError> {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries(parameters)? {
        let id = entry["Id"].clone();
        match act(entry) {
            Ok(mut done) => {
                done.insert("Id".to_owned(), id);
                successful.push(Value::Object(done));
            }
            Err(SqsError { query_code, message, .. }) => failed.push(
                json!({ "Id": id, "Code": query_code, "Message": message, "SenderFault": true }),
            ),
        }
    }
    Ok(json!({ "Successful": successful, "Failed": failed }))
}

fn change_visibility(
    queue: &mut Queue,
    parameters: &Value,
    now: Timestamp,
) -> Result<(), SqsError> {
    let receipt = parameters.get("ReceiptHandle").and_then(Value::as_str);
    let receipt = receipt.ok_or_else(SqsError::invalid_handle)?;
    let seconds = parameters.get("VisibilityTimeout").and_then(Value::as_i64);
    let seconds = seconds.filter(|it| (0..=MAX_VISIBILITY).contains(it));
    let seconds = seconds
        .ok_or_else(|| SqsError::invalid_value("VisibilityTimeout must be between 0 and 43200."))?;
    match queue.change_visibility(receipt, seconds, now) {
        Some(true) => Ok(()),
        Some(false) => Err(SqsError::not_in_flight()),
        None => Err(SqsError::invalid_handle()),
    }
}

fn receive(
    state: &mut State,
    url: &str,
    parameters: &Value,
    now: Timestamp,
    account: &Account,
) -> Result<Value, SqsError> {
    let number = |name: &str| parameters.get(name).and_then(Value::as_i64);
    let most = number("MaxNumberOfMessages").unwrap_or(1);
    if !(1..=10).contains(&most) {
        return Err(SqsError::invalid_value("MaxNumberOfMessages must be between 1 and 10."));
    }
    let most = usize::try_from(most).unwrap_or(1);
    let received = state.receive(url, most, number("VisibilityTimeout"), now)?;
    let messages: Vec<Value> = received
        .iter()
        .map(|it| {
            let mut message = json!({
                "MessageId": it.id,
                "ReceiptHandle": it.receipt,
                "Body": it.body,
                "MD5OfBody": md5(&it.body),
                "Attributes": system_attributes(it, &account.options.account),
            });
            if let Some(attributes) = &it.attributes {
                message["MessageAttributes"] = attributes.clone();
            }
            message
        })
        .collect();
    Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) })
}

/// The attributes that SQS gives a received message. All values are text.
pub(super) fn system_attributes(message: &QueueMessage, account: &str) -> Value {
    json!({
        "ApproximateReceiveCount": message.receives.to_string(),
        "SentTimestamp": message.sent_at.as_millisecond().to_string(),
        "SenderId": account,
        "ApproximateFirstReceiveTimestamp": message.first_received_at.as_millisecond().to_string(),
    })
}

impl QueueMessage {
    /// The message as Lambda's event has it (Developer Guide, "Example Amazon SQS message event").
    pub fn as_lambda_record(&self, queue_arn: &str, region: &str, account: &str) -> Value {
        json!({
            "messageId": self.id,
            "receiptHandle": self.receipt,
            "body": self.body,
            "attributes": system_attributes(self, account),
            "messageAttributes": {},
            "md5OfBody": md5(&self.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": region,
        })
    }
}
