//! A local cloud with a small source. The ticks run in this process, as tasks: an invocation dies
//! when its task is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use landbridge_core::calendar::Day;
use landbridge_core::config::{self, Config, FanOutConfig, UnchangedTables};
use landbridge_core::contract;
use landbridge_ledger::Ledger;
use landbridge_local::{LocalCloud, LocalCloudOptions, Principal};
use landbridge_local_aws::LocalAws;
use landbridge_local_database::{Engine, ExportQuirks, MemoryDatabase};
use landbridge_local_google::{Grants, Role};
use landbridge_stages::deployment::Deployment;
use landbridge_stages::{Context, Progress, Tick, TickOutcome};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::canary::{Origin, SourceType};
use super::gate::{Gate, Held, Stop, Watch};
use super::oracle::{DATASET, LANDING, OPS_DATASET, Oracle, Place};
use super::rows::Rows;
use super::terms::{CONFIG, Terms};
use super::workers;
use crate::context::context;

/// Midnight in Seoul on the first day.
pub const MIDNIGHT: &str = "2026-11-20T15:00:00Z";
/// The bucket of the exports and the ledger.
pub(super) const EXPORTS: &str = "shop-exports";
/// The token of the functions.
const TOKEN: &str = "explorer-functions";
/// The token of an administrator of the project.
const ADMIN: &str = "explorer-admin";
const TOKEN_KEY: &str = "landbridge-token-key-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// How long a tick may take, in real time.
const BUDGET: Duration = Duration::from_secs(120);
/// The time of a tick that starts tables and does not wait for their jobs: waiting needs more.
const IMPATIENT: Duration = Duration::from_secs(19);

/// A stage whose ticks depend on the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Transfer,
    /// The workers that take objects from the queue.
    Worker,
    Load,
    /// The protection pass.
    Protect,
}

/// Whether the code has a protection pass.
pub const HAS_PASS: bool = true;

async fn run_stage(
    stage: Stage,
    context: Context,
    tick: Tick,
    aws: LocalAws,
) -> landbridge_core::Result<TickOutcome> {
    match stage {
        Stage::Worker => workers::work(&context, tick, &aws).await,
        Stage::Transfer => landbridge_stages::transfer::tick(&context, tick).await,
        Stage::Load => landbridge_stages::load::tick(&context, tick).await,
        Stage::Protect => landbridge_stages::protect::tick(&context, tick).await,
    }
}

/// The columns of a source table.
pub type Columns = BTreeMap<String, SourceType>;

/// The source database, as its owner sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    pub tables: BTreeMap<String, Columns>,
    /// Tables that the export skips.
    pub skipped: BTreeSet<String>,
    /// Tables and columns of text whose new values look personal.
    pub personal: BTreeSet<(String, String)>,
}

/// An invocation that waits or is dead.
struct Waiting {
    number: usize,
    name: String,
    stage: Stage,
    contract: usize,
    task: JoinHandle<landbridge_core::Result<TickOutcome>>,
    held: Held,
}

/// A contract that was deployed.
struct Deployed {
    config: Config,
    contract: contract::Contract,
    deployment: Deployment,
    ledger: Ledger,
    terms: Terms,
}

/// The local cloud of one history.
pub struct World {
    pub(super) cloud: LocalCloud,
    _dir: TempDir,
    config: Config,
    pub(super) database: MemoryDatabase,
    /// A context without a contract.
    base: Context,
    /// The contracts, in the order of their deployment, each with the ledger of its processes.
    contracts: Vec<Deployed>,
    pub oracle: Arc<Mutex<Oracle>>,
    pub gate: Arc<Gate>,
    held: mpsc::UnboundedReceiver<Held>,
    paused: Vec<Waiting>,
    late: Vec<Waiting>,
    invocations: usize,
    pub source: Source,
    day: i64,
    /// Whether a load does not wait for its job.
    impatient: bool,
    /// Whether unchanged tables keep their rows, and the source stays the same on every other day.
    skips_unchanged: bool,
    /// Whether workers carry all objects.
    fans_out: bool,
    /// Whether the days of every table are kept.
    pub(super) keeps_days: bool,
    /// Whether only the rows of tables that changed leave AWS.
    pub(super) merges_changes: bool,
    /// The rows of the source, if most of them stay the same.
    pub(super) rows: BTreeMap<String, Rows>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/")).to_owned()
}

/// A directory in memory if there is one: the local cloud keeps objects in files.
fn temporary_dir() -> TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    dir.or_else(|_| TempDir::new()).expect("a temporary directory")
}

impl World {
    /// Starts a local cloud with this source, and deploys a first contract.
    pub async fn start(source: &Source, terms: &Terms, places: &[Place], trace: bool) -> Self {
        let dir = temporary_dir();
        let path = dir.path().join("landbridge.yaml");
        std::fs::write(&path, CONFIG).expect("a file");
        std::fs::write(dir.path().join("contract.yaml"), terms.yaml()).expect("a file");
        let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
        let start: Timestamp = MIDNIGHT.parse().expect("a timestamp");
        let shared = Arc::new(database.clone());
        let mut options = LocalCloudOptions::new(dir.path().join("cloud"), path, shared, start);
        options.schedules_dir = root().join("infra/schedules");
        options.token_key = Some(TOKEN_KEY.to_owned());
        let cloud = LocalCloud::start(options).await.expect("a local cloud");
        let config = config::parse(config::FILE_NAME, CONFIG).expect("a valid configuration");
        let google = cloud.google().clone();
        let grants = Grants::none()
            .project_role(Role::JobUser)
            .dataset_role(DATASET, Role::DataOwner)
            .dataset_role(OPS_DATASET, Role::DataOwner)
            .bucket_role(LANDING, Role::ObjectAdmin)
            .bucket_role(LANDING, Role::LegacyBucketReader);
        google.add_principal(TOKEN, "functions@example.com", grants);
        let oracle = Oracle::new(google, cloud.clock().clone(), HAS_PASS, places);
        let oracle = Arc::new(Mutex::new(oracle));
        let (gate, held) = Gate::new(oracle.clone(), cloud.aws().clone(), trace);
        cloud.calls().set_observer(Arc::new(Watch(gate.clone())));
        let base = context(&cloud, &config, TOKEN).await;
        let mut world = Self {
            cloud,
            _dir: dir,
            config,
            database,
            base,
            contracts: Vec::new(),
            oracle,
            gate,
            held,
            paused: Vec::new(),
            late: Vec::new(),
            invocations: 0,
            source: source.clone(),
            day: 0,
            impatient: false,
            skips_unchanged: false,
            keeps_days: false,
            merges_changes: false,
            rows: BTreeMap::new(),
            fans_out: false,
        };
        assert!(world.deploy(terms), "the first contract is refused:\n{}", terms.yaml());
        world.write_rows();
        world
    }

    pub fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest contract.
    pub fn terms(&self) -> Terms {
        self.contracts.last().map(|it| it.terms.clone()).unwrap_or_default()
    }

    /// The contract that was deployed `back` contracts before the newest.
    pub fn terms_before(&self, back: usize) -> Terms {
        self.contracts[self.contract_index(back)].terms.clone()
    }

    /// Deploys a contract. `false`: it is not valid, as `landbridge check` would say.
    pub fn deploy(&mut self, terms: &Terms) -> bool {
        let mut config =
            config::parse(config::FILE_NAME, &terms.config()).expect("a configuration");
        if self.skips_unchanged {
            config.transfer.unchanged = UnchangedTables::Skip;
        }
        if self.fans_out {
            config.transfer.fan_out =
                Some(FanOutConfig { above_items: 0, above_gib: 0, workers: 2 });
        }
        self.set_histories(&mut config);
        self.set_deltas(&mut config, terms);
        match contract::parse(contract::FILE_NAME, &terms.yaml(), &config) {
            Ok(contract) => {
                self.oracle().deploy(terms.clone());
                // No two contracts are deployed in the same millisecond.
                let at = self.cloud.clock().now().as_millisecond();
                let after = self.contracts.last().map_or(0, |it| it.deployment.number + 1);
                let tags = self.cloud.policy_tags();
                let deployment = Deployment::new(at.max(after), &config, &contract, tags);
                let ledger = Ledger::new(self.base.aws.s3.clone(), &self.config);
                self.contracts.push(Deployed {
                    config,
                    contract,
                    deployment,
                    ledger,
                    terms: terms.clone(),
                });
                true
            }
            Err(_) => false,
        }
    }

    pub fn advance(&self, by: SignedDuration) {
        let clock = self.cloud.clock();
        clock.advance_to(clock.now() + by);
    }

    fn midnight(&self) -> Timestamp {
        let first: Timestamp = MIDNIGHT.parse().expect("a timestamp");
        first + SignedDuration::from_hours(24 * self.day)
    }

    /// Lets unchanged tables keep their rows from now on. The source has the same rows on every other day.
    pub fn skip_unchanged(&mut self) {
        self.skips_unchanged = true;
        let terms = self.terms();
        assert!(self.deploy(&terms), "the contract was deployed before");
    }

    /// Lets workers carry all objects from now on: after each tick of the transfer, they take messages from the queue.
    pub fn fan_out(&mut self) {
        self.fans_out = true;
        workers::create_queue(self.cloud.aws());
        let terms = self.terms();
        assert!(self.deploy(&terms), "the contract was deployed before");
    }

    /// Whether workers carry all objects.
    pub fn fans_out(&self) -> bool {
        self.fans_out
    }

    /// On how many days workers had objects.
    pub async fn handed(&self) -> u64 {
        let records = self.cloud.aws().list_objects(EXPORTS, "ledger/shop/").await;
        records.iter().filter(|it| it.key.ends_with("/handed.json")).count() as u64
    }

    /// How many tables were found unchanged, over all days.
    pub async fn unchanged(&self) -> u64 {
        let records = self.cloud.aws().list_objects(EXPORTS, "ledger/shop/").await;
        records.iter().filter(|it| it.key.contains("/unchanged/")).count() as u64
    }

    /// Goes on to ten minutes before the export hour of a later day. The source has new rows.
    pub fn next_day(&mut self, days: i64) {
        self.day += days;
        self.cloud.clock().advance_to(self.midnight() + SignedDuration::from_mins(50));
        if !self.skips_unchanged || self.day % 2 == 0 {
            self.write_rows();
        }
    }

    /// The last Parquet file of this table is truncated in later exports.
    pub fn break_exports_of(&self, table: Option<&str>) {
        let quirks =
            ExportQuirks { truncated_file: table.map(str::to_owned), ..ExportQuirks::default() };
        self.cloud.aws().set_export_quirks(quirks);
    }

    /// A patch of a table removes the policy tags that it leaves out.
    pub fn clear_omitted_tags(&self) {
        self.cloud.google().clear_omitted_tags();
    }

    /// The next load job fails.
    pub fn fail_next_job(&self, reason: &str) {
        self.cloud.google().fail_next_job(reason, "the load job failed");
    }

    /// Creates a row access policy with the filter TRUE for all readers, as an administrator.
    pub async fn create_row_policy(&self, table: &str) {
        let google = self.cloud.google();
        let grants = Grants::none().project_role(Role::BigQueryAdmin);
        google.add_principal(ADMIN, "admin@example.com", grants);
        let readers = [Principal::Analyst, Principal::PiiReader, Principal::Stranger];
        let readers = readers.map(|it| format!("'user:{}'", it.email())).join(", ");
        let sql = format!(
            "CREATE OR REPLACE ROW ACCESS POLICY everyone ON {DATASET}.{table} \
             GRANT TO ({readers}, 'user:functions@example.com') FILTER USING (TRUE)"
        );
        // The table may not exist.
        let _ = google.query_as(ADMIN, &sql).await;
    }

    /// The next load job runs until [`Self::release_jobs`].
    pub fn hold_next_job(&mut self) {
        self.cloud.google().hold_next_job();
        self.impatient = true;
    }

    /// The load jobs that run end.
    pub async fn release_jobs(&self) {
        let google = self.cloud.google();
        for job in google.held_jobs() {
            let _ = google.release_job(&job).await;
        }
    }

    /// Takes the snapshot of the day and exports it. An export that `fails` is tried again.
    pub async fn export(&mut self, fails: bool) {
        let hour = self.midnight() + SignedDuration::from_hours(1);
        self.cloud.clock().advance_to(hour);
        if fails {
            self.cloud.aws().fail_next_export("the service stumbled");
        }
        let context = self.context(0);
        let number = self.next_number();
        self.gate.begin(number, "snapshot and export".to_owned(), Stop::Never);
        let _ = landbridge_stages::snapshot::tick(&context, Tick::new(hour, BUDGET)).await;
        self.advance(SignedDuration::from_mins(10));
        for _ in 0..6 {
            let now = self.cloud.clock().now();
            match landbridge_stages::export::tick(&context, Tick::new(now, BUDGET)).await {
                Ok(TickOutcome { progress: Progress::Done, .. }) => break,
                _ => self.advance(SignedDuration::from_mins(25)),
            }
        }
        self.gate.end();
    }

    /// The calendar day so many days before.
    fn day_before(&self, days_back: i64) -> Day {
        let midnight = self.midnight() - SignedDuration::from_hours(24 * days_back);
        self.base.calendar.day_of(midnight + SignedDuration::from_hours(2))
    }

    /// Deletes the day's objects in the landing bucket, as the message of a conflict says.
    pub fn delete_objects(&self, days_back: i64) {
        let day = self.day_before(days_back);
        let google = self.cloud.google();
        for object in google.list_objects(LANDING, &format!("landbridge/shop/{day}/")) {
            google.delete_object(LANDING, &object.name);
        }
    }

    /// Deletes the day's records, as docs/ledger.md says.
    pub async fn delete_day(&self, days_back: i64) {
        let day = self.day_before(days_back);
        let aws = self.cloud.aws();
        for object in aws.list_objects(EXPORTS, &format!("ledger/shop/{day}/")).await {
            aws.delete_object(EXPORTS, &object.key).await;
        }
    }

    /// Writes the request of `landbridge redo`.
    pub async fn request_redo(&self, days_back: i64, export: bool) {
        let folder = format!("ledger/shop/redo/{}/", self.day_before(days_back));
        let aws = self.cloud.aws();
        let written = aws.list_objects(EXPORTS, &folder).await;
        let number = written.iter().filter(|it| !it.key.ends_with("-done.json")).count() + 1;
        let requested_at = self.cloud.clock().now();
        let request = serde_json::json!({
            "number": number, "export": export, "requested_at": requested_at,
        });
        let key = format!("{folder}{number:03}.json");
        let bytes = request.to_string().into();
        aws.put_object(EXPORTS, &key, bytes).await.expect("an object");
    }

    /// The request that the rows of each table answer, by its claim.
    pub async fn redos(&self) -> BTreeMap<String, u64> {
        let (aws, folder) = (self.cloud.aws(), "ledger/shop/claims/");
        let mut redos = BTreeMap::new();
        for object in aws.list_objects(EXPORTS, folder).await {
            let bytes = aws.read_object(EXPORTS, &object.key).await.expect("an object");
            let claim: serde_json::Value =
                serde_json::from_slice(&bytes.unwrap_or_default()).expect("JSON");
            let table = object.key.trim_start_matches(folder).trim_end_matches(".json").to_owned();
            redos.insert(table, claim["loaded"]["redo"].as_u64().unwrap_or_default());
        }
        redos
    }

    fn next_number(&mut self) -> usize {
        self.invocations += 1;
        self.invocations
    }

    /// The index of the contract that was deployed `back` contracts before the newest.
    fn contract_index(&self, back: usize) -> usize {
        self.contracts.len().saturating_sub(1).saturating_sub(back)
    }

    /// A context, as a process has it that started under this contract.
    fn context(&self, back: usize) -> Context {
        let mut context = self.base.clone();
        let deployed = &self.contracts[self.contract_index(back)];
        context.config = deployed.config.clone();
        context.contract = deployed.contract.clone();
        context.deployment = deployed.deployment.clone();
        context.ledger = deployed.ledger.clone();
        context
    }

    /// Invokes a stage for a day, under the newest contract or a former one, until it ends or stops.
    pub async fn invoke(&mut self, stage: Stage, days_back: i64, back: usize, stop: Stop) {
        self.advance(SignedDuration::from_mins(1));
        let number = self.next_number();
        let name = format!("{stage:?} under contract {}", self.contract_index(back));
        let now = self.cloud.clock().now() - SignedDuration::from_hours(24 * days_back);
        let context = self.context(back);
        self.gate.begin(number, name.clone(), stop);
        let waits = !self.impatient || stage != Stage::Load;
        let budget = if waits { BUDGET } else { IMPATIENT };
        let aws = self.cloud.aws().clone();
        let task = tokio::task::spawn_local(run_stage(stage, context, Tick::new(now, budget), aws));
        let contract = self.contract_index(back);
        self.follow(number, name, stage, contract, stop, stop == Stop::Never, task).await;
    }

    /// Waits until an invocation ends or stops.
    #[expect(clippy::too_many_arguments, reason = "all that is known of an invocation")]
    async fn follow(
        &mut self,
        number: usize,
        name: String,
        stage: Stage,
        contract: usize,
        stop: Stop,
        is_undisturbed: bool,
        mut task: JoinHandle<landbridge_core::Result<TickOutcome>>,
    ) {
        let held = tokio::select! {
            outcome = &mut task => {
                self.gate.end();
                let done = matches!(
                    outcome,
                    Ok(Ok(TickOutcome { progress: Progress::Done | Progress::Idle, .. }))
                );
                if stage == Stage::Protect && done {
                    self.oracle().pass_completed(contract);
                } else if stage == Stage::Protect && is_undisturbed {
                    let newest = contract + 1 == self.contracts.len();
                    let what = format!("{outcome:?}");
                    if newest {
                        self.oracle().pass_failed(&what, &name);
                    }
                }
                return;
            }
            held = self.held.recv() => held,
        };
        self.gate.end();
        let Some(held) = held else { return };
        match stop {
            Stop::CrashBefore(_) | Stop::CrashAfter(_) => {
                task.abort();
                let _ = task.await;
                let _ = held.release.send(false);
                tokio::task::yield_now().await;
            }
            Stop::CrashLate(_) => {
                self.late.push(Waiting { number, name, stage, contract, task, held });
            }
            _ => self.paused.push(Waiting { number, name, stage, contract, task, held }),
        }
    }

    /// Lets a paused invocation go on, until it ends or stops again.
    pub async fn resume(&mut self, which: usize, stop: Stop) {
        if self.paused.is_empty() {
            return;
        }
        let which = which % self.paused.len();
        let Waiting { number, name, stage, contract, task, held } = self.paused.remove(which);
        self.gate.begin(number, name.clone(), stop);
        let _ = held.release.send(true);
        self.follow(number, name, stage, contract, stop, false, task).await;
    }

    /// A call of a dead invocation arrives.
    pub async fn deliver_late_call(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let Waiting { number, name, task, held, .. } = self.late.remove(0);
        self.gate.begin(number, format!("a late call of {name}"), Stop::Never);
        let _ = held.release.send(true);
        // It took effect, and there is nobody to receive its response.
        let answer = self.held.recv().await;
        self.gate.end();
        task.abort();
        let _ = task.await;
        if let Some(answer) = answer {
            let _ = answer.release.send(false);
        }
    }

    /// Gives the landing bucket the bindings of a new bucket, for tests of the oracle.
    pub fn open_landing_bucket(&self) {
        let project = &self.config.warehouse.project;
        let policy = serde_json::json!({"version": 1, "bindings": [{
            "role": "roles/storage.legacyObjectReader",
            "members": [format!("projectViewer:{project}")],
        }]});
        self.cloud.google().set_bucket_policy(LANDING, &policy).expect("a policy");
    }

    /// Puts values of the source into the ledger as a stage would, for tests of the oracle.
    pub async fn put_cells_into_the_ledger(&self) {
        let value = {
            let mut oracle = self.oracle();
            let column = |(table, columns): (&String, &Columns)| {
                let (column, source) = columns.first_key_value()?;
                let (table, column) = (table.clone(), column.clone());
                Some(Origin { table, column, source: *source, personal: false })
            };
            let origin = self.source.tables.iter().find_map(column).expect("a column");
            oracle.canaries.new_value(&origin)
        };
        let text = format!(r#"{{"problem": "the value {value} cannot be read"}}"#);
        let key = "ledger/shop/a-record.json";
        let s3 = &self.base.aws.s3;
        let _ = s3.create(EXPORTS, key, text.into()).await.expect("a record");
    }
}
