//! A complete local cloud for a test: the configuration in its own directory, the
//! real function processes, and the state at the end of a day, in a form in which
//! two runs can be compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use landbridge_core::receipt::Receipt;
use landbridge_local::{InvocationOutcome, LocalCloud, LocalCloudOptions, RunEvent};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable, SourceDatabase};
use landbridge_local_wire::{Admission, ArrivedCall, CallObserver};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;

/// Midnight in Seoul on 21 November 2026.
pub const MIDNIGHT: &str = "2026-11-20T15:00:00Z";

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The token key of every test.
pub const TOKEN_KEY: &str = "landbridge-token-key-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A local cloud and its directory; both are removed together.
pub struct TestEnv {
    pub cloud: LocalCloud,
    pub dir: TempDir,
}

/// The settings of a test's local cloud.
pub struct TestEnvBuilder {
    pub config: String,
    pub contract: String,
    pub source: Arc<dyn SourceDatabase>,
    pub start: Timestamp,
    pub retries: Option<u32>,
    pub token_lifetime: Duration,
    /// The duration of RDS's automated backups in virtual minutes; `None`: there are none.
    pub backup_minutes: Option<i64>,
    /// Environment variables of the functions.
    pub variables: BTreeMap<String, String>,
    /// The folder of the functions' programs; `None`: those that Cargo built.
    pub functions_dir: Option<PathBuf>,
    /// How often each function starts.
    pub ticks: Ticks,
}

/// How often the functions of a test start. Most ticks of a night find nothing to do, and together they take most of
/// a test's time.
#[derive(Clone, Copy, PartialEq)]
pub enum Ticks {
    /// As in a deployment: for tests that are about minutes, or about numbers of ticks or requests.
    Every,
    /// The protection pass and the messages every twenty minutes; the stages as in a deployment.
    OfStages,
    /// As [`Self::OfStages`], with transfer and load every ten minutes and views every twenty.
    Fewer,
}

/// What the expressions of `infra/schedules` become; the first two also with [`Ticks::OfStages`].
const FEWER_TICKS: [(&str, &str, &str); 5] = [
    ("protect", "cron(0/5 ", "cron(0/20 "),
    ("notify", "cron(2/5 ", "cron(2/20 "),
    ("transfer", "cron(0/5 ", "cron(0/10 "),
    ("load", "cron(0/5 ", "cron(0/10 "),
    ("views", "cron(4/10 ", "cron(4/20 "),
];

impl TestEnvBuilder {
    /// The two files of the demo with `source` as the database; starts at midnight in Seoul.
    pub fn demo(source: Arc<dyn SourceDatabase>) -> Self {
        let read = |name: &str| {
            std::fs::read_to_string(root().join("examples/demo").join(name))
                .expect("an example file")
        };
        Self {
            config: read("landbridge.yaml"),
            contract: read("contract.yaml"),
            source,
            start: at(MIDNIGHT),
            retries: None,
            token_lifetime: Duration::from_secs(3_600),
            backup_minutes: None,
            variables: BTreeMap::new(),
            functions_dir: None,
            ticks: Ticks::Fewer,
        }
    }

    /// The small database and contract of this module. Concurrency is 1, so that runs can be
    /// compared. Without views: a test that needs them calls [`Self::with_views`].
    pub fn small() -> Self {
        let mut builder = Self::demo(Arc::new(small_database()));
        let config = builder.config.replace("concurrency: 4", "concurrency: 1");
        builder.config = config.replace("max_attempts: 4", "max_attempts: 4\n  concurrency: 1");
        builder.config = builder.config.replacen("  views: { dataset: shop_views }\n", "", 1);
        // The key of the demo's GA4 export is a column of the demo's database.
        let lines = builder.config.lines().filter(|it| !it.starts_with("  ga4:"));
        builder.config = lines.map(|it| format!("{it}\n")).collect();
        builder.contract = SMALL_CONTRACT.to_owned();
        builder
    }

    /// The same with workers that carry every object.
    pub fn with_workers(mut self) -> Self {
        let settings = "transfer:\n  fan_out: { above_items: 0, above_gib: 0, workers: 2 }\n";
        self.config = self.config.replacen("transfer:\n", settings, 1);
        self
    }

    /// The same with friendly views in `shop_views`.
    pub fn with_views(mut self) -> Self {
        let views = "  views: { dataset: shop_views }\n  ops_dataset";
        self.config = self.config.replacen("  ops_dataset", views, 1);
        self
    }

    pub async fn build(self) -> TestEnv {
        let dir = TempDir::new().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path
        };
        let config = write("landbridge.yaml", &self.config);
        write("contract.yaml", &self.contract);
        let mut options =
            LocalCloudOptions::new(dir.path().join("cloud"), config, self.source, self.start);
        options.schedules_dir = root().join("infra/schedules");
        let changed = match self.ticks {
            Ticks::Every => &[][..],
            Ticks::OfStages => &FEWER_TICKS[..2],
            Ticks::Fewer => &FEWER_TICKS,
        };
        if !changed.is_empty() {
            options.schedules_dir = changed_schedules(&options.schedules_dir, dir.path(), changed);
        }
        options.retries = self.retries;
        options.token_lifetime = self.token_lifetime;
        options.backup_minutes = self.backup_minutes;
        options.variables = self.variables;
        // Two runs can be compared only if their tokens are the same.
        options.token_key = Some(TOKEN_KEY.to_owned());
        if let Some(dir) = self.functions_dir {
            options.functions_dir = dir;
        }
        let worker = self.config.contains("fan_out:").then_some("transfer-item");
        let names = ["snapshot", "export", "transfer", "load", "protect", "views", "notify"];
        for name in names.into_iter().chain(worker) {
            let program = options.functions_dir.join(format!("landbridge-{name}"));
            assert!(
                program.exists(),
                "{} is not built: run `cargo build --workspace` first",
                program.display()
            );
        }
        let cloud = LocalCloud::start(options).await.expect("a local cloud");
        TestEnv { cloud, dir }
    }
}

/// Copies the schedules into `dir` with other expressions.
fn changed_schedules(schedules: &Path, dir: &Path, changed: &[(&str, &str, &str)]) -> PathBuf {
    let copy = dir.join("schedules");
    std::fs::create_dir(&copy).expect("a new directory");
    for entry in std::fs::read_dir(schedules).expect("the schedules") {
        let path = entry.expect("an entry").path();
        let (name, mut text) = (
            path.file_name().expect("a name"),
            std::fs::read_to_string(&path).expect("a schedule"),
        );
        for (function, often, seldom) in changed {
            if name == format!("{function}.json").as_str() {
                assert!(text.contains(often), "{often} is not in {text}");
                text = text.replace(often, seldom);
            }
        }
        std::fs::write(copy.join(name), text).expect("a file");
    }
    copy
}

/// The first digits of the card numbers in `orders`, which must not leave AWS.
pub const CARD: &str = "4000-1234-5678-";
/// The value of a column of `orders` that must not leave AWS.
pub const INTERNAL: &str = "not for analysts at all";

/// Three tables: one with personal data, one with several types, one empty.
pub fn small_database() -> MemoryDatabase {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let people = MemoryTable::new("public", "people")
        .column("id", "bigint not null")
        .column("name", "character varying(80)")
        .column("email", "character varying(120)")
        .column("secret", "text")
        .row([Some("1"), Some("김민준"), Some("minjun@example.com"), Some("hidden words")])
        .row([Some("2"), Some("Ada Example"), Some("ada@example.org"), None])
        .row([Some("3"), None, Some("no address"), Some("also not")]);
    let orders = MemoryTable::new("public", "orders")
        .column("id", "bigint not null")
        .column("person_id", "bigint")
        .column("paid", "boolean")
        .column("weight", "double precision")
        .column("placed_at", "timestamp with time zone")
        .column("card", "character varying(30)")
        .column("internal", "text")
        .rows((0..50_i64).map(|n| {
            vec![
                Some(n.to_string()),
                Some((n % 3 + 1).to_string()),
                Some((n % 2 == 0).to_string()),
                Some(format!("{}.5", n)),
                Some(format!("2026-11-{:02} 08:15:00.25+09", n % 20 + 1)),
                Some(format!("{CARD}{:04}", n % 7)),
                (n % 2 == 0).then(|| INTERNAL.to_owned()),
            ]
        }));
    let empty =
        MemoryTable::new("public", "nothing").column("id", "integer").column("note", "text");
    for table in [people, orders, empty] {
        database.set_table(table).expect("a table");
    }
    database
}

pub const SMALL_CONTRACT: &str = r#"version: 1
tables:
  "public.people":
    columns:
      id: { source: bigint, type: INT64, class: none }
      name: { source: character varying, type: STRING, class: name }
      email: { source: character varying, type: STRING, class: email }
  "public.orders":
    columns:
      id: { source: bigint, type: INT64, class: none }
      person_id: { source: bigint, type: INT64, class: none }
      paid: { source: boolean, type: BOOL, class: none }
      weight: { source: double precision, type: FLOAT64, class: none }
      placed_at: { source: timestamp with time zone, type: TIMESTAMP, class: none }
      card: { source: character varying, type: STRING, class: none, transform: tokenise }
      internal: { source: text, type: STRING, class: none, transform: drop }
  "public.nothing":
    columns:
      id: { source: integer, type: INT64, class: none }
      note: { source: text, type: STRING, class: none }
"#;

impl TestEnv {
    /// Runs the scheduler until `until` and returns the failed ticks. Panics only if a function
    /// does not start.
    pub async fn run_until(&self, until: &str) -> Vec<(String, InvocationOutcome)> {
        let summary = self
            .cloud
            .run_until(at(until), &mut |_: &RunEvent| {})
            .await
            .expect("functions that start");
        summary.given_up.into_iter().map(|(tick, outcome)| (tick.function, outcome)).collect()
    }

    /// Runs one tick outside the schedule and moves the clock to its time.
    pub async fn tick(&self, function: &str, time: &str) -> InvocationOutcome {
        self.cloud.clock().advance_to(at(time));
        self.cloud.tick(function, at(time)).await.expect("a function that starts")
    }

    /// Deploys another configuration, as [`Self::deploy_contract`].
    pub fn deploy_config(&self, text: &str) {
        std::fs::write(self.dir.path().join("landbridge.yaml"), text).expect("a file");
        self.cloud.kill_all();
    }

    /// Deploys another contract: writes the file and ends the processes, so that the next ones read
    /// it.
    pub fn deploy_contract(&self, text: &str) {
        std::fs::write(self.dir.path().join("contract.yaml"), text).expect("a file");
        self.cloud.kill_all();
    }

    /// Runs a day from midnight to five in Seoul; `n` is the number of days after the first.
    pub async fn run_day(&self, n: i64) -> Vec<(String, InvocationOutcome)> {
        let until = at(MIDNIGHT) + jiff::SignedDuration::from_hours(24 * n + 5);
        self.run_until(&until.to_string()).await
    }

    /// The ticks of a night that have something to do; a whole day of the schedule has twenty times as many.
    /// `n` is the number of days after the first.
    pub async fn run_night(&self, n: i64) {
        let ticks = [
            // It records that the functions ran in the export hour, so that the day is owed.
            ("protect", 30),
            ("snapshot", 60),
            ("export", 70),
            ("export", 100),
            ("transfer", 121),
            ("load", 126),
            ("load", 131),
            ("notify", 132),
            // After the deadline.
            ("load", 241),
            ("notify", 242),
            ("notify", 247),
        ];
        for (function, minutes) in ticks {
            let time = at(MIDNIGHT) + jiff::SignedDuration::from_mins(n * 24 * 60 + minutes);
            let outcome = self.tick(function, &time.to_string()).await;
            assert!(outcome.is_response(), "{function} {time}: {outcome:?}");
        }
    }

    /// The environment of a person who runs `landbridge`, at the time of the cloud.
    pub fn operator_variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.cloud.client_env();
        let config = self.dir.path().join("landbridge.yaml");
        variables.insert("LANDBRIDGE_CONFIG".into(), config.display().to_string());
        let now = self.cloud.clock().now();
        variables.insert("LANDBRIDGE_CLOCK".into(), format!("{now} {} 1", jiff::Timestamp::now()));
        variables
    }

    /// All log output of the functions, as text.
    pub fn log_output(&self) -> String {
        let all = ["snapshot", "export", "transfer", "load", "protect"]
            .map(|name| self.cloud.logs(name).unwrap_or_default());
        all.iter().flatten().map(|line| format!("{}\n", line.line)).collect()
    }

    /// Asserts that no cell of the small database is in the log output or in `more`.
    pub fn assert_no_cell_logged(&self, more: &str) {
        let written = self.log_output() + more;
        for cell in [
            "minjun",
            "김민준",
            "Ada Example",
            "ada@example.org",
            "hidden words",
            "no address",
            CARD,
        ] {
            assert!(!written.contains(cell), "`{cell}` was written");
        }
    }

    /// The receipts of a day from the ledger, by source table.
    pub async fn receipts(&self, day: &str) -> BTreeMap<String, Receipt> {
        let mut receipts = BTreeMap::new();
        for (_, bytes) in self.ledger(&format!("{day}/receipts/")).await {
            let receipt: Receipt = serde_json::from_slice(&bytes).expect("a receipt");
            receipts.insert(receipt.source_table.clone(), receipt);
        }
        receipts
    }

    /// The ledger records below `ledger/shop/<below>`.
    pub async fn ledger(&self, below: &str) -> Vec<(String, bytes::Bytes)> {
        let bucket = &self.cloud.config().export.bucket;
        let aws = self.cloud.aws();
        let mut records = Vec::new();
        for object in aws.list_objects(bucket, &format!("ledger/shop/{below}")).await {
            let bytes =
                aws.read_object(bucket, &object.key).await.expect("an object").expect("an object");
            records.push((object.key, bytes));
        }
        records
    }

    /// All objects in the landing bucket, by name.
    pub fn landing_objects(&self) -> BTreeMap<String, bytes::Bytes> {
        let bucket = &self.cloud.config().transfer.bucket;
        let google = self.cloud.google();
        let object = |name: String| {
            let bytes = google.read_object(bucket, &name).expect("an object that was listed");
            (name, bytes)
        };
        google.list_objects(bucket, "").into_iter().map(|it| object(it.name)).collect()
    }

    /// A query's rows as text; a refusal as `Err`.
    pub async fn query(
        &self,
        who: landbridge_local::Principal,
        sql: &str,
    ) -> Result<Vec<Vec<String>>, String> {
        let rows = self
            .cloud
            .google()
            .query_as(who.email(), sql)
            .await
            .map_err(|error| error.to_string())?;
        let text = |cell: Option<String>| cell.unwrap_or_else(|| "NULL".to_owned());
        Ok(rows.rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect())
    }

    /// The lines that a function logged as alerts.
    pub fn alerts(&self, function: &str) -> Vec<Value> {
        let lines = self.cloud.logs(function).unwrap_or_default();
        lines
            .into_iter()
            .filter(|line| line.line["fields"]["alert"].is_string())
            .map(|line| line.line)
            .collect()
    }

    /// The warehouse columns that have no policy tag and are not in `open`, the columns that the
    /// contract makes readable.
    pub fn exposed_columns(&self, open: &[&str]) -> Vec<String> {
        let google = self.cloud.google();
        let mut exposed = Vec::new();
        for table in google.table_ids("shop") {
            let Some(resource) = google.table_resource("shop", &table) else { continue };
            for field in resource["schema"]["fields"].as_array().into_iter().flatten() {
                let tagged =
                    field["policyTags"]["names"].as_array().is_some_and(|names| !names.is_empty());
                let name = format!("{table}.{}", field["name"].as_str().unwrap_or_default());
                if !tagged && !open.contains(&name.as_str()) {
                    exposed.push(name);
                }
            }
        }
        exposed
    }

    /// The state at the end of a day, without times.
    pub async fn end_state(&self, day: &str) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        let google = self.cloud.google();
        for dataset in ["shop", "landbridge_ops"] {
            for table in google.table_ids(dataset) {
                let resource = google.table_resource(dataset, &table).expect("a table");
                state
                    .insert(format!("schema of {dataset}.{table}"), resource["schema"].to_string());
                if dataset == "shop" {
                    state.insert(format!("rows of {dataset}.{table}"), self.rows(dataset, &table));
                }
            }
        }
        for view in google.table_ids("shop_views") {
            let resource = google.table_resource("shop_views", &view).expect("a view");
            // The query of `_freshness` contains the times of the receipts.
            let text = match view == "_freshness" {
                true => {
                    let sql = "SELECT table_name, day, row_count, state, state_day FROM shop_views._freshness ORDER BY 1";
                    format!("{:#?}", self.query(landbridge_local::Principal::Analyst, sql).await)
                }
                false => resource["view"]["query"].to_string(),
            };
            let described = format!("{} {}", resource["description"], resource["schema"]);
            state.insert(format!("view {view}"), format!("{text} {described}"));
        }
        let ops = self
            .query(
                landbridge_local::Principal::Analyst,
                "SELECT source_table, state, snapshot, export, files, bytes, rows_footer, rows_planned, rows_loaded, rows_table, job, \
                 columns, notes, problem FROM landbridge_ops.receipts ORDER BY source_table, state",
            )
            .await;
        state.insert("landbridge_ops.receipts".to_owned(), format!("{ops:#?}"));
        for table in ["columns", "audits", "incidents"] {
            let sql = format!(
                "SELECT TO_JSON_STRING(t) FROM (SELECT * EXCEPT (recorded_at) FROM landbridge_ops.{table}) AS t ORDER BY 1"
            );
            let rows = self.query(landbridge_local::Principal::Analyst, &sql).await;
            state.insert(format!("landbridge_ops.{table}"), format!("{rows:#?}"));
        }
        for (target, receipt) in self.receipts(day).await {
            let mut receipt = serde_json::to_value(receipt).expect("JSON");
            for time in [
                "snapshot_at",
                "export_started_at",
                "export_ended_at",
                "planned_at",
                "recorded_at",
                "load_ms",
            ] {
                receipt[time] = Value::Null;
            }
            state.insert(format!("receipt of {target}"), receipt.to_string());
        }
        let snapshots = self.cloud.aws().snapshots();
        let mut snapshots: Vec<String> =
            snapshots.iter().map(|it| format!("{} {:?}", it.id, it.tags)).collect();
        snapshots.sort();
        state.insert("snapshots".to_owned(), snapshots.join("\n"));
        let exports = self.cloud.aws().exports();
        state.insert(
            "exports".to_owned(),
            exports.iter().map(|it| it.id.clone()).collect::<Vec<_>>().join("\n"),
        );
        state
    }

    /// All rows of a table as stored, without masks, sorted.
    fn rows(&self, dataset: &str, table: &str) -> String {
        let batches = self.cloud.google().table_batches(dataset, table).unwrap_or_default();
        let mut lines = Vec::new();
        for batch in batches {
            let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
            writer.write(&batch).expect("JSON");
            writer.finish().expect("JSON");
            let text = String::from_utf8(writer.into_inner()).expect("text");
            lines.extend(text.lines().map(str::to_owned));
        }
        lines.sort();
        lines.join("\n")
    }
}

/// Holds one write of a record until it is released, so that another tick can come between.
pub(crate) struct HeldWrite {
    record: &'static str,
    number: usize,
    seen: AtomicUsize,
    arrived: Notify,
    released: Arc<Notify>,
}

impl HeldWrite {
    /// Holds the `number`-th write of this record, counted from 1.
    pub(crate) fn of(env: &TestEnv, record: &'static str, number: usize) -> Arc<Self> {
        let (arrived, released) = (Notify::new(), Arc::default());
        let held = Arc::new(Self { record, number, seen: AtomicUsize::new(0), arrived, released });
        env.cloud.calls().set_observer(held.clone());
        held
    }

    /// Runs a tick as soon as the write is held, then releases the write.
    pub(crate) async fn tick_between(
        &self,
        env: &TestEnv,
        function: &str,
        time: &str,
    ) -> InvocationOutcome {
        let arrived = tokio::time::timeout(Duration::from_secs(60), self.arrived.notified()).await;
        arrived.unwrap_or_else(|_| panic!("no write of {} within a minute", self.record));
        let outcome = env.cloud.tick(function, at(time)).await;
        self.released.notify_one();
        outcome.expect("a tick")
    }
}

impl CallObserver for HeldWrite {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let is_record = call.request.starts_with("PUT ") && call.request.contains(self.record);
        if !is_record || self.seen.fetch_add(1, Ordering::SeqCst) + 1 != self.number {
            return async { Admission::Proceed }.boxed();
        }
        self.arrived.notify_one();
        let released = self.released.clone();
        async move {
            released.notified().await;
            Admission::Proceed
        }
        .boxed()
    }
}
