//! Random histories: problems come, join and end, ticks run one after another or two at once, die at any
//! call, and the receiver refuses, drops or answers. No message is lost, and no more messages arrive twice than
//! answers were lost.
//!
//! The ticks run in this process, with the real clients against the local S3. `make explore-incidents` draws
//! 500 histories, the suite a few.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use landbridge_core::calendar::Day;
use landbridge_core::config::{self, Config};
use landbridge_core::incident::IncidentState;
use landbridge_core::plan::Problem;
use landbridge_core::{ErrorKind, ids::short_hash};
use landbridge_ledger::records::{self, Alert, DAY, DayRecord, INCIDENT_STATE};
use landbridge_local::{LocalCloud, LocalCloudOptions};
use landbridge_local_database::{Engine, MemoryDatabase};
use landbridge_local_wire::{Admission, ArrivedCall, CallObserver, Delivery};
use landbridge_stages::{Context, Tick, notify};
use landbridge_tests::context::context;
use landbridge_tests::explore::rng::Rng;
use tempfile::TempDir;

use super::receiver::{Behaviour, Receiver};
use super::{KEY, TOKEN};
use crate::support::{at, root};

/// Histories in the suite; `LANDBRIDGE_HISTORIES` sets another number.
const HISTORIES: u64 = 12;
/// Ticks of a history.
const TICKS: usize = 12;
/// The causes of problems.
const CAUSES: [&str; 3] =
    ["a column changed its type", "the rows differ", "an object has other content"];

/// Stops a tick at one of its calls: the call, or its answer, never comes back.
#[derive(Default)]
struct Stopper {
    /// Calls until the one at which the tick stops; negative: none.
    left: AtomicI64,
}

impl Stopper {
    fn stops(&self) -> bool {
        self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

impl CallObserver for Stopper {
    fn before(&self, _: ArrivedCall) -> BoxFuture<'static, Admission> {
        match self.stops() {
            true => futures::future::pending().boxed(),
            false => async { Admission::Proceed }.boxed(),
        }
    }

    fn after(&self, _: ArrivedCall, _: u16) -> BoxFuture<'static, Delivery> {
        match self.stops() {
            true => futures::future::pending().boxed(),
            false => async { Delivery::Send }.boxed(),
        }
    }
}

struct World {
    cloud: LocalCloud,
    _dir: TempDir,
    base: Config,
    context: Context,
    receiver: Receiver,
    stopper: Arc<Stopper>,
    now: Timestamp,
}

impl World {
    async fn start() -> Self {
        let dir = TempDir::new().expect("a directory");
        let text = std::fs::read_to_string(root().join("examples/demo/landbridge.yaml")).unwrap();
        let text = format!(
            "{text}\nalerts:\n  webhook: {{ url: landbridge/shop/hook, key: landbridge/shop/hook-key }}\n"
        );
        std::fs::write(dir.path().join("landbridge.yaml"), &text).expect("a file");
        std::fs::write(dir.path().join("contract.yaml"), "version: 1\ntables: {}\n").unwrap();
        let base = config::parse("landbridge.yaml", &text).expect("a configuration");
        let source = Arc::new(MemoryDatabase::new(Engine::postgres("16.4"), "shop"));
        let start = at("2026-11-20T17:00:00Z");
        let path = dir.path().join("landbridge.yaml");
        let mut options = LocalCloudOptions::new(dir.path().join("cloud"), path, source, start);
        options.schedules_dir = root().join("infra/schedules");
        let cloud = LocalCloud::start(options).await.expect("a cloud");
        let receiver = Receiver::start().await;
        cloud.aws().put_secret("landbridge/shop/hook", &format!("{}/hook", receiver.url));
        cloud.aws().put_secret("landbridge/shop/hook-key", KEY);
        cloud.aws().put_secret("landbridge/shop/slack-token", TOKEN);
        let stopper = Arc::new(Stopper { left: AtomicI64::new(-1) });
        let context = context(&cloud, &base, "explorer").await;
        Self { cloud, _dir: dir, base, context, receiver, stopper, now: start }
    }

    /// The next history has a ledger of its own.
    async fn next_history(&mut self, number: u64) {
        self.base.ledger.prefix = format!("ledger-{number}");
        self.context = context(&self.cloud, &self.base, "explorer").await;
        self.cloud.calls().set_observer(self.stopper.clone());
        self.now = at("2026-11-20T17:00:00Z");
    }

    fn today(&self) -> Day {
        self.context.calendar.day_of(self.now)
    }

    /// One table meets a cause, as `alert::raise` records it.
    async fn problem(&self, cause: usize, table: usize) {
        let name = format!("orders_{table}");
        let problem = Problem::new(ErrorKind::Held, CAUSES[cause], format!("shop.{name}"));
        let fingerprint = short_hash(&format!("{}\n{}\n{name}", problem.kind, problem.what));
        let alert = Alert { problem, table: name, redo: String::new(), raised_at: self.now };
        let ledger = self.context.ledger.day(self.today());
        ledger.create(&records::alert(&fingerprint), &alert).await.expect("a record");
    }

    async fn publish(&self) {
        let record = DayRecord {
            published: true,
            tables: 9,
            rows: 9,
            held: Vec::new(),
            skipped: Vec::new(),
            gaps: Vec::new(),
            finished_at: self.now,
            redo: 0,
        };
        self.context.ledger.day(self.today()).set(&DAY, &record).await.expect("a record");
    }

    /// Runs one tick, or two at once. With `stop_at`, everything dies at this call.
    async fn tick(&self, two: bool, stop_at: Option<i64>) -> bool {
        self.stopper.left.store(stop_at.unwrap_or(-1), Ordering::SeqCst);
        let one = || {
            let (context, now) = (self.context.clone(), self.now);
            tokio::spawn(async move {
                notify::tick(&context, Tick::new(now, Duration::from_secs(60))).await
            })
        };
        let mut tasks = vec![one()];
        if two {
            tasks.push(one());
        }
        let aborts: Vec<_> = tasks.iter().map(|task| task.abort_handle()).collect();
        let all = futures::future::join_all(tasks);
        let died = tokio::select! {
            _ = all => false,
            () = self.until_stopped(stop_at.is_some()) => true,
        };
        aborts.iter().for_each(tokio::task::AbortHandle::abort);
        self.stopper.left.store(-1, Ordering::SeqCst);
        died
    }

    async fn until_stopped(&self, may_stop: bool) {
        while !may_stop || self.stopper.left.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn state(&self) -> IncidentState {
        let ledger = self.context.ledger.source();
        ledger.value(&INCIDENT_STATE).await.expect("a record").unwrap_or_default()
    }
}

/// What the receiver has of one history: how often each message arrived, by its id and title.
fn arrivals(world: &World, since: usize) -> BTreeMap<(String, String), usize> {
    let mut arrivals = BTreeMap::new();
    for request in world.receiver.since(since).iter().filter(|it| it.taken) {
        let id = request.body["id"].as_str().unwrap_or_default().to_owned();
        let kind = request.body["kind"].as_str().unwrap_or_default().to_owned();
        *arrivals.entry((id, kind)).or_default() += 1;
    }
    arrivals
}

/// One history. Returns how many answers, or records of answers, were lost, and how many messages arrived twice.
async fn history(world: &mut World, seed: u64) -> (usize, usize) {
    world.next_history(seed).await;
    let mut rng = Rng::new(seed);
    let since = world.receiver.count();
    let mut lost_answers = 0;
    for _ in 0..TICKS {
        for _ in 0..rng.below(3) {
            world.problem(rng.below(CAUSES.len()), rng.below(4)).await;
        }
        if rng.below(4) == 0 {
            world.publish().await;
        }
        let behaviour = match rng.below(8) {
            0 => Behaviour::Refuse(429),
            1 => Behaviour::Refuse(404),
            2 => Behaviour::TakeAndDrop,
            3 => Behaviour::TakeAndAnswer(503),
            _ => Behaviour::Take,
        };
        let before = world.receiver.count();
        world.receiver.then(&[behaviour]);
        let stop_at = (rng.below(3) == 0).then(|| 1 + rng.below(60) as i64);
        let died = world.tick(rng.below(3) == 0, stop_at).await;
        let after = world.receiver.count();
        world.receiver.forget_behaviours();
        let unknown = matches!(behaviour, Behaviour::TakeAndDrop | Behaviour::TakeAndAnswer(_));
        let sent = after > before;
        // A death counts only if something was sent: its answer was lost, or its record.
        lost_answers += usize::from(unknown && sent) + usize::from(died && sent);
        world.now += SignedDuration::from_mins([5, 5, 5, 30, 60 * 24][rng.below(5)]);
    }
    // Now all is well: everything that waits is delivered.
    world.publish().await;
    for _ in 0..6 {
        world.tick(false, None).await;
        world.now += SignedDuration::from_mins(35);
    }
    let state = world.state().await;
    assert!(state.outbox.is_empty(), "seed {seed}: {:#?}", state.outbox);
    let arrivals = arrivals(world, since);
    let repeats = arrivals.values().map(|count| count - 1).sum();
    check(world, &state, &arrivals, seed).await;
    (lost_answers, repeats)
}

/// Every incident has its first message and, if it is over, its last; every repeat after the first has a mark.
async fn check(
    world: &World,
    state: &IncidentState,
    arrivals: &BTreeMap<(String, String), usize>,
    seed: u64,
) {
    for number in 1..=state.newest {
        let of = |kind: &str| {
            let is_it = |(id, of_kind): &&(String, String)| {
                of_kind == kind && id.split('-').next() == Some(&number.to_string())
            };
            arrivals.keys().filter(is_it).count()
        };
        assert_eq!(of("opened"), 1, "seed {seed}, incident {number}: {arrivals:#?}");
        let is_over = !state.incidents.get(&number).is_some_and(|it| it.is_open());
        assert_eq!(of("resolved"), usize::from(is_over), "seed {seed}, {number}: {arrivals:#?}");
        let archived = world.context.ledger.source().value(&records::incident(number)).await;
        let is_kept = state.incidents.contains_key(&number) || archived.expect("S3").is_some();
        assert!(is_kept, "seed {seed}: incident {number} is nowhere");
    }
    // Each problem that was recorded is in an incident.
    for (day, seen) in &state.seen {
        let names = world.context.ledger.day(*day).etags(records::ALERTS).await.expect("S3");
        let lost: Vec<&String> = names.keys().filter(|it| !seen.contains(*it)).collect();
        assert!(lost.is_empty(), "seed {seed}, {day}: {lost:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_history_loses_a_message_and_repeats_are_lost_answers() {
    let count = std::env::var("LANDBRIDGE_HISTORIES").ok().and_then(|it| it.parse().ok());
    let histories = count.unwrap_or(HISTORIES);
    let started = std::time::Instant::now();
    let mut world = World::start().await;
    let (mut messages, mut all_lost, mut all_repeats) = (0, 0, 0);
    for seed in 1..=histories {
        let marked_before = world.receiver.count();
        let (lost, repeats) = history(&mut world, seed).await;
        assert!(repeats <= lost, "seed {seed}: {repeats} repeats, {lost} lost answers");
        let mut first = std::collections::BTreeSet::new();
        for request in world.receiver.since(marked_before).iter().filter(|it| it.taken) {
            let id = request.body["id"].to_string();
            assert!(first.insert(id) || request.is_marked(), "seed {seed}: a repeat has no mark");
        }
        all_lost += lost;
        all_repeats += repeats;
        messages += first.len();
    }
    println!(
        "{histories} histories: {messages} messages, {all_lost} lost answers, {all_repeats} repeats, {:.0} s",
        started.elapsed().as_secs_f64()
    );
    // The histories reach what they are for.
    assert!(all_lost > 0 && all_repeats > 0, "{all_lost} lost answers, {all_repeats} repeats");
}
