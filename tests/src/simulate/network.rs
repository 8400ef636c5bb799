//! How long each call takes, and counting it. A call waits for the processor of its function, then for the answer of the
//! cloud, then for its bytes, which share the rate of the function with the others.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use landbridge_local_google::LocalGoogle;
use landbridge_local_wire::{Admission, ArrivedCall, CallObserver, Delivery};
use serde::Serialize;

use super::clock::seconds;
use super::model::{self, Modelled};

/// What the token of a function begins with: its calls to Google are known by it.
pub const TOKEN: &str = "simulate-";

/// A kind of calls that have one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// S3: a write or a listing.
    S3Write,
    /// S3: a read.
    S3Read,
    /// Cloud Storage: a write or a listing.
    StorageWrite,
    /// Cloud Storage: a read.
    StorageRead,
    /// BigQuery.
    Bigquery,
    /// SQS.
    Queue,
    /// Secrets Manager.
    Secret,
    /// Any other service.
    Other,
}

impl Operation {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::S3Write,
        Self::S3Read,
        Self::StorageWrite,
        Self::StorageRead,
        Self::Bigquery,
        Self::Queue,
        Self::Secret,
        Self::Other,
    ];

    /// The kind of a call. A `GET` of a bucket itself is a listing.
    fn of(server: &str, request: &str) -> Self {
        let (method, path) = request.split_once(' ').unwrap_or_default();
        let reads = matches!(method, "GET" | "HEAD");
        match server {
            "s3" if reads && path.trim_matches('/').contains('/') => Self::S3Read,
            "s3" => Self::S3Write,
            "storage" if reads && !path.ends_with("/o") => Self::StorageRead,
            "storage" => Self::StorageWrite,
            "bigquery" => Self::Bigquery,
            "sqs" => Self::Queue,
            "secrets" => Self::Secret,
            _ => Self::Other,
        }
    }

    fn latency(self) -> Modelled {
        match self {
            Self::S3Write | Self::S3Read => model::S3,
            Self::StorageWrite | Self::StorageRead => model::STORAGE,
            Self::Bigquery => model::BIGQUERY,
            Self::Queue | Self::Secret | Self::Other => model::AWS,
        }
    }
}

/// Calls of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Calls that were made.
    pub made: u64,
    /// Calls that files of the modelled size need in addition, because they are read in more pieces.
    pub scaled: u64,
}

impl Count {
    /// Both together.
    pub fn all(self) -> u64 {
        self.made + self.scaled
    }
}

/// What was counted since [`Network::begin`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Traffic {
    /// Calls by function and kind.
    pub calls: BTreeMap<String, BTreeMap<Operation, Count>>,
    /// Modelled bytes that were sent to Cloud Storage.
    pub sent_bytes: f64,
    /// Files that were sent.
    pub sent_files: u64,
    /// Modelled bytes that were read to compare files of two days.
    pub compared_bytes: f64,
}

impl Traffic {
    /// Calls of this kind, of all functions.
    pub fn of(&self, operation: Operation) -> Count {
        let of_kind = self.calls.values().filter_map(|calls| calls.get(&operation));
        of_kind.fold(Count::default(), |sum, it| Count {
            made: sum.made + it.made,
            scaled: sum.scaled + it.scaled,
        })
    }

    /// Calls of a function, of all kinds.
    pub fn of_function(&self, function: &str) -> u64 {
        let calls = self.calls.get(function);
        calls.map_or(0, |calls| calls.values().map(|it| it.made).sum())
    }
}

/// What files are modelled.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The modelled bytes of a file.
    pub bytes: f64,
    /// Whether columns are compressed again.
    pub recompress: bool,
    /// The day, as it is in the names of today's exported files.
    pub day: String,
}

/// A running function.
struct Function {
    memory_mb: u32,
    processor_free: Instant,
    bytes_free: Instant,
}

#[derive(Default)]
struct State {
    on: bool,
    files: Files,
    memory_mb: HashMap<String, u32>,
    functions: HashMap<String, Function>,
    waits: HashMap<u64, Instant>,
    traffic: Traffic,
}

/// What the size of a modelled file adds to a call.
#[derive(Clone, Copy, Default)]
struct Bytes {
    /// Seconds of a function with a whole processor.
    seconds: f64,
    /// Reads of S3 in addition to those that are made, because the file is read in pieces.
    reads: u64,
    /// How many calls follow one another, at least.
    rounds: f64,
    sent: f64,
    compared: f64,
}

/// The network between the functions and the clouds.
pub struct Network {
    state: Mutex<State>,
    google: LocalGoogle,
}

impl Network {
    /// A network without latency that counts nothing, until [`Self::begin`].
    pub fn new(google: LocalGoogle) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), google })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the memory of the functions whose names begin with `function`, in MB.
    pub fn set_memory(&self, function: &str, memory_mb: u32) {
        self.state().memory_mb.insert(function.to_owned(), memory_mb);
    }

    /// Every call has a latency from now on and is counted.
    pub fn begin(&self, files: Files) {
        let mut state = self.state();
        (state.on, state.files, state.traffic) = (true, files, Traffic::default());
        state.functions.clear();
    }

    /// No call has a latency from now on. Returns what was counted.
    pub fn end(&self) -> Traffic {
        let mut state = self.state();
        state.on = false;
        std::mem::take(&mut state.traffic)
    }

    /// A function begins an invocation: what an earlier one had not ended when its time was over takes no time any more.
    pub fn begin_invocation(&self, function: &str) {
        self.state().functions.remove(function);
    }

    /// What was counted so far.
    pub fn calls_of(&self, function: &str) -> u64 {
        self.state().traffic.of_function(function)
    }

    /// A call has arrived: decides when it ends.
    fn arrive(&self, call: &ArrivedCall) {
        let mut state = self.state();
        if !state.on {
            return;
        }
        let operation = Operation::of(call.server, &call.request);
        let caller = caller(call);
        let bytes = bytes_of(&state.files, operation, call);
        let counts = state.traffic.calls.entry(group(&caller).to_owned()).or_default();
        counts.entry(operation).or_default().made += 1;
        counts.entry(Operation::S3Read).or_default().scaled += bytes.reads;
        state.traffic.sent_bytes += bytes.sent;
        state.traffic.sent_files += u64::from(bytes.sent > 0.0);
        state.traffic.compared_bytes += bytes.compared;
        let now = Instant::now();
        let memory = state.memory_mb.get(group(&caller)).copied();
        let memory_mb = memory.unwrap_or(model::WHOLE_PROCESSOR_MB);
        let function = state.functions.entry(caller).or_insert(Function {
            memory_mb,
            processor_free: now,
            bytes_free: now,
        });
        let done = function.done(now, operation, bytes);
        state.waits.insert(call.id, done);
        if operation == Operation::Bigquery
            && call.request.starts_with("POST")
            && call.request.ends_with("/jobs")
        {
            self.google.hold_next_job();
        }
    }
}

impl Function {
    /// When a call ends that arrives now.
    fn done(&mut self, now: Instant, operation: Operation, bytes: Bytes) -> Instant {
        let whole = f64::from(model::WHOLE_PROCESSOR_MB);
        // More memory gives more processors, which one event loop does not use.
        let slower = (whole / f64::from(self.memory_mb)).max(1.0);
        let latency = seconds(operation.latency().value / 1_000.0 * bytes.rounds.max(1.0));
        let processor = seconds(model::CALL.value / 1_000.0 * slower * (1.0 + bytes.reads as f64));
        self.processor_free = self.processor_free.max(now) + processor;
        let answered = self.processor_free + latency;
        if bytes.seconds == 0.0 {
            return answered;
        }
        self.bytes_free =
            self.bytes_free.max(self.processor_free) + seconds(bytes.seconds * slower);
        answered.max(self.bytes_free)
    }
}

/// The bytes of a modelled file that a call stands for. Footers and records are as large as they are.
fn bytes_of(files: &Files, operation: Operation, call: &ArrivedCall) -> Bytes {
    let pieces = (files.bytes / model::READ_BYTES).ceil().max(1.0);
    let per_second = model::RATE.value * 1024.0 * 1024.0;
    let is_export = call.request.contains("/exports/") && call.request.ends_with(".parquet");
    let has_body = call
        .headers
        .get("content-length")
        .and_then(|it| it.to_str().ok()?.parse::<u64>().ok())
        .is_some_and(|length| length > 0);
    match operation {
        // Only a comparison reads a file of an earlier day; it reads today's at the same time.
        Operation::S3Read
            if is_export
                && !call.request.contains(&files.day)
                && call.request.starts_with("GET") =>
        {
            let compared = 2.0 * files.bytes;
            let (reads, seconds) = ((2.0 * (pieces - 1.0)) as u64, compared / per_second);
            Bytes { seconds, reads, rounds: pieces, compared, ..Bytes::default() }
        }
        Operation::StorageWrite if call.request.contains("/upload/") && has_body => {
            let (share, seconds) = match files.recompress {
                true => {
                    let content = files.bytes * model::CONTENT.value;
                    (model::SENT.value, content / (model::COMPRESSION.value * 1024.0 * 1024.0))
                }
                false => (1.0, files.bytes / per_second),
            };
            let (reads, sent) = ((pieces - 1.0) as u64, files.bytes * share);
            Bytes { seconds, reads, sent, rounds: 1.0, ..Bytes::default() }
        }
        _ => Bytes::default(),
    }
}

/// The function that makes a call.
fn caller(call: &ArrivedCall) -> String {
    let header = |name: &str| call.headers.get(name).and_then(|it| it.to_str().ok());
    let of_aws =
        header("user-agent").and_then(|it| it.split(' ').find_map(|it| it.strip_prefix("app/")));
    let bearer = header("authorization").and_then(|it| it.strip_prefix("Bearer "));
    let of_google = bearer.and_then(|it| it.strip_prefix(TOKEN));
    of_aws.or(of_google).unwrap_or("unknown").to_owned()
}

/// The functions of which this is one: `transfer-item-07` is of `transfer-item`.
pub fn group(function: &str) -> &str {
    function.trim_end_matches(|it: char| it.is_ascii_digit()).trim_end_matches('-')
}

/// The network as an observer of the local cloud.
pub struct Watch(pub Arc<Network>);

impl CallObserver for Watch {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        self.0.arrive(&call);
        async { Admission::Proceed }.boxed()
    }

    fn after(&self, call: ArrivedCall, _: u16) -> BoxFuture<'static, Delivery> {
        let until = self.0.state().waits.remove(&call.id);
        async move {
            if let Some(until) = until {
                let left = until.saturating_duration_since(Instant::now());
                if left > Duration::ZERO {
                    tokio::time::sleep(left).await;
                }
            }
            Delivery::Send
        }
        .boxed()
    }
}
