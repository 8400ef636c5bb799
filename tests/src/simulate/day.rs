//! The ticks and workers of one day, from the end of its export until it is published, or until a limit.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use landbridge_local_aws::QueueMessage;
use landbridge_local_wire::Clock;
use landbridge_stages::transfer::worker::{self, Message};
use landbridge_stages::{Context, Progress, Tick, TickOutcome};
use serde::Serialize;

use super::clock::{minutes_since, seconds};
use super::model;
use super::network::{Files, Traffic};
use super::world::{QUEUE, World};

/// How often the clock of the clouds follows, and the end of jobs is looked for.
const STEP: Duration = Duration::from_millis(250);
/// How long Lambda's poller waits for messages; in reality it is woken.
const POLL: Duration = Duration::from_secs(1);

/// One tick.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TickLine {
    /// Minutes since the export's end.
    pub minute: f64,
    /// The function.
    pub function: &'static str,
    /// Seconds, with its start.
    pub seconds: f64,
    /// Calls.
    pub calls: u64,
    /// What it answered, or why it ended.
    pub outcome: String,
}

/// Starts and time of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Use {
    /// Starts.
    pub starts: u64,
    /// Seconds of all starts.
    pub seconds: f64,
    /// Its memory, in MB.
    pub memory_mb: u32,
}

/// A day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayRun {
    /// Minutes from the export's end until the day was published; `None`: not within the limit.
    pub published: Option<f64>,
    /// The limit, in minutes.
    pub limit: f64,
    /// The ticks.
    pub ticks: Vec<TickLine>,
    /// The functions.
    pub functions: BTreeMap<&'static str, Use>,
    /// Calls and bytes.
    pub traffic: Traffic,
    /// Tables by what became of them.
    pub outcomes: BTreeMap<&'static str, usize>,
}

/// What the tasks of a day share.
struct Shared {
    stop: AtomicBool,
    uses: Mutex<BTreeMap<&'static str, Use>>,
}

impl Shared {
    fn add(&self, function: &'static str, memory_mb: u32, elapsed: Duration) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let it = uses.entry(function).or_default();
        it.starts += 1;
        it.seconds += elapsed.as_secs_f64();
        it.memory_mb = memory_mb;
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

/// Runs the day whose export is complete. `files` are the modelled ones.
pub async fn run(world: &World, files: Files, limit: Duration) -> DayRun {
    let shared = &Shared { stop: AtomicBool::new(false), uses: Mutex::default() };
    let mut contexts = Vec::new();
    for number in 0..world.settings.workers.unwrap_or(0) {
        let name = format!("transfer-item-{number:03}");
        let context = world.context(&name, true).await;
        contexts.push((name, context));
    }
    let workers = contexts.iter().map(|(name, context)| work(world, context, name, shared));
    let begin = Instant::now();
    world.network.begin(files);
    let ((ticks, published), (), (), _) = tokio::join!(
        ticks(world, begin, limit, shared),
        follow(world.cloud.clock(), begin, shared),
        release_jobs(world, shared),
        futures::future::join_all(workers)
    );
    let traffic = world.network.end();
    let functions = shared.uses.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let limit = limit.as_secs_f64() / 60.0;
    DayRun { published, limit, ticks, functions, traffic, outcomes: world.outcomes().await }
}

/// Starts `transfer` and `load` by their schedule, until the day is published. Returns the ticks, and the minute.
async fn ticks(
    world: &World,
    begin: Instant,
    limit: Duration,
    shared: &Shared,
) -> (Vec<TickLine>, Option<f64>) {
    let (transfer, load) =
        (world.context("transfer", true).await, world.context("load", true).await);
    let (mut ticks, mut published, mut at) = (Vec::new(), None, Duration::ZERO);
    while at < limit && published.is_none() {
        tokio::time::sleep_until((begin + at).into()).await;
        let (carried, loaded) = tokio::join!(
            tick(world, &transfer, "transfer", begin, shared),
            tick(world, &load, "load", begin, shared)
        );
        published = loaded.1.then(|| loaded.0.minute + loaded.0.seconds / 60.0);
        ticks.extend([carried.0, loaded.0]);
        at += Duration::from_secs(60 * model::SCHEDULE_MINUTES);
    }
    shared.stop.store(true, Ordering::Relaxed);
    (ticks, published)
}

/// The clock of the clouds follows the virtual one.
async fn follow(clock: &Clock, begin: Instant, shared: &Shared) {
    let start = clock.now();
    while shared.goes_on() {
        tokio::time::sleep(STEP).await;
        let elapsed = SignedDuration::try_from(begin.elapsed()).unwrap_or_default();
        clock.advance_to(start + elapsed);
    }
}

/// Ends each job of BigQuery after its modelled time.
async fn release_jobs(world: &World, shared: &Shared) {
    let google = world.cloud.google();
    let mut seen: HashMap<String, Instant> = HashMap::new();
    while shared.goes_on() {
        tokio::time::sleep(STEP).await;
        for job in google.held_jobs() {
            let since = *seen.entry(job.clone()).or_insert_with(Instant::now);
            if since.elapsed() >= seconds(model::LOAD_JOB.value) {
                let _ = google.release_job(&job).await;
                seen.remove(&job);
            }
        }
    }
}

/// One start of a stage. Returns its line, and whether its stage is done.
async fn tick(
    world: &World,
    context: &Context,
    function: &'static str,
    begin: Instant,
    shared: &Shared,
) -> (TickLine, bool) {
    let (started, calls) = (Instant::now(), world.network.calls_of(function));
    let minute = minutes_since(begin);
    world.network.begin_invocation(function);
    tokio::time::sleep(seconds(model::START.value)).await;
    let now = world.cloud.clock().now();
    let tick = Tick::new(now, Duration::from_secs(model::TIMEOUT_SECONDS - model::MARGIN_SECONDS));
    let stage = async {
        match function {
            "transfer" => landbridge_stages::transfer::tick(context, tick).boxed_local().await,
            _ => landbridge_stages::load::tick(context, tick).boxed_local().await,
        }
    };
    let timeout = Duration::from_secs(model::TIMEOUT_SECONDS);
    let outcome = tokio::time::timeout(timeout, stage).await;
    let memory = match function {
        "load" => world.settings.load_mb,
        _ => model::WHOLE_PROCESSOR_MB,
    };
    shared.add(function, memory, started.elapsed());
    let is_done = matches!(&outcome, Ok(Ok(TickOutcome { progress: Progress::Done, .. })));
    let outcome = match outcome {
        Ok(Ok(outcome)) => outcome.message,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "ended by its timeout".to_owned(),
    };
    let calls = world.network.calls_of(function) - calls;
    let seconds = started.elapsed().as_secs_f64();
    (TickLine { minute, function, seconds, calls, outcome }, is_done)
}

/// A worker, which takes messages from the queue as Lambda gives them to it.
async fn work(world: &World, context: &Context, name: &str, shared: &Shared) {
    let (aws, clock) = (world.cloud.aws(), world.cloud.clock());
    let mut is_new = true;
    while shared.goes_on() {
        let batch = aws.receive_from_queue(QUEUE, model::BATCH);
        if batch.is_empty() {
            tokio::time::sleep(POLL).await;
            continue;
        }
        let message = |it: QueueMessage| Message {
            id: it.id,
            receipt: it.receipt,
            body: it.body,
            receives: it.receives,
        };
        let messages: Vec<Message> = batch.into_iter().map(message).collect();
        let started = Instant::now();
        world.network.begin_invocation(name);
        if std::mem::take(&mut is_new) {
            tokio::time::sleep(seconds(model::START.value)).await;
        }
        let failed = carry(context, &messages, clock.now()).await;
        for message in messages.iter().filter(|it| !failed.contains(&it.id)) {
            aws.delete_from_queue(QUEUE, &message.receipt);
        }
        shared.add("transfer-item", model::WHOLE_PROCESSOR_MB, started.elapsed());
    }
}

/// Carries a batch. Returns the messages that stay in the queue: all of them after a failure.
async fn carry(context: &Context, messages: &[Message], now: Timestamp) -> Vec<String> {
    let budget = Duration::from_secs(model::TIMEOUT_SECONDS - model::MARGIN_SECONDS);
    let carried = worker::carry(context, messages, Tick::new(now, budget)).boxed_local();
    let timeout = Duration::from_secs(model::TIMEOUT_SECONDS);
    match tokio::time::timeout(timeout, carried).await {
        Ok(Ok(failed)) => failed,
        _ => messages.iter().map(|it| it.id.clone()).collect(),
    }
}
