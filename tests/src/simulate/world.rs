//! A local cloud with a source of many tables, and the contexts of the functions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use landbridge_core::config::{self, Config, FanOutConfig, UnchangedTables};
use landbridge_core::contract::{self, Contract};
use landbridge_local::{LocalCloud, LocalCloudOptions};
use landbridge_local_aws::QueueSettings;
use landbridge_local_database::{Engine, ExportQuirks, MemoryDatabase, MemoryTable};
use landbridge_local_google::{Grants, Role};
use landbridge_stages::deployment::Deployment;
use landbridge_stages::{Context, Progress, Tick};
use serde::Serialize;
use tempfile::TempDir;

use super::network::{Network, TOKEN, Watch};
use crate::context::context_of;

/// Midnight in Seoul on the first day.
const MIDNIGHT: &str = "2026-11-20T15:00:00Z";
/// The hour of the export, and of the first tick of `transfer` and `load`, in Seoul.
const EXPORT_HOUR: i64 = 1;
const TRANSFER_HOUR: i64 = 2;
/// The queue of the workers.
pub const QUEUE: &str = "landbridge-shop-items";
/// Seconds after which a message of a worker that died comes back (`terraform/modules/aws/fan_out.tf`).
const VISIBILITY_SECONDS: i64 = 6 * 285;
const TOKEN_KEY: &str = "landbridge-token-key-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Time of a tick that is not measured.
const LONG: Duration = Duration::from_secs(3_600);
/// Ticks after which a day that is not measured must be published.
const MOST_TICKS: usize = 40;

/// The settings of `landbridge.yaml` and Terraform that decide what a day takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// `transfer.unchanged`.
    pub unchanged: UnchangedTables,
    /// `transfer.full_every`.
    pub full_every: u16,
    /// `transfer.recompress: auto`.
    pub recompress: bool,
    /// Workers of `transfer.fan_out`.
    pub workers: Option<u16>,
    /// `transfer.concurrency`.
    pub concurrency: u16,
    /// `load.concurrency`.
    pub load_concurrency: u16,
    /// Memory of `load`, in MB.
    pub load_mb: u32,
}

impl Settings {
    /// What a deployment has by default.
    pub const DEFAULT: Self = Self {
        unchanged: UnchangedTables::Carry,
        full_every: 7,
        recompress: false,
        workers: None,
        concurrency: 4,
        load_concurrency: 16,
        load_mb: 256,
    };

    fn yaml(&self) -> String {
        let unchanged = match self.unchanged {
            UnchangedTables::Carry => "carry",
            UnchangedTables::Skip => "skip",
            UnchangedTables::Checksums => "checksums",
        };
        let recompress = if self.recompress { "auto" } else { "off" };
        let Self { concurrency, load_concurrency, .. } = self;
        // Hardly any table is due on the simulated day: the report computes what tables cost on an average day that are.
        let full_every = 365;
        format!(
            r#"version: 1
source: {{ name: shop, kind: instance, id: shop-prod, region: ap-northeast-2 }}
schedule: {{ zone: Asia/Seoul, export_hour: 1, transfer_from_hour: 2, deadline_hour: 4 }}
snapshots: {{ hourly: 48, daily: 14, weekly: 4, quota: 100, reserve: 10 }}
export:
  bucket: shop-exports
  prefix: exports
  role_arn: arn:aws:iam::123456789012:role/shop-rds-export
  kms_key: arn:aws:kms:ap-northeast-2:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9
ledger: {{ prefix: ledger }}
transfer:
  bucket: shop-landing
  prefix: landbridge
  concurrency: {concurrency}
  memory_mib: 1400
  token_key: landbridge/shop/token-key
  unchanged: {unchanged}
  full_every: {full_every}
  recompress: {recompress}
warehouse: {{ project: shop-analytics, location: asia-northeast3, dataset: shop, ops_dataset: landbridge_ops }}
pii:
  classes:
    unclassified: {{ mask: ALWAYS_NULL, masked_readers: ["group:analysts@example.com"] }}
    email: {{ mask: EMAIL_MASK, masked_readers: ["group:analysts@example.com"] }}
checks: {{ max_shrink_percent: 50, max_misfit_percent: 0.1 }}
load: {{ max_attempts: 4, concurrency: {load_concurrency} }}
"#
        )
    }
}

/// The tables and files of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Tables.
    pub tables: usize,
    /// Files of all tables.
    pub files: usize,
    /// Tables that change on the measured day.
    pub changed: usize,
    /// Files of the tables that change, distributed evenly over them, as the others are over the other tables.
    pub changed_files: usize,
}

impl Shape {
    fn files_of(&self, table: usize) -> usize {
        let changed_before = table * self.changed / self.tables;
        let (files, tables, number) = match self.changes(table) {
            true => (self.changed_files, self.changed, changed_before),
            false => {
                let (files, tables) = (self.files - self.changed_files, self.tables - self.changed);
                (files, tables, table - changed_before)
            }
        };
        files / tables + usize::from(number < files % tables)
    }

    /// Whether a table changes: they are spread over all.
    fn changes(&self, table: usize) -> bool {
        (table + 1) * self.changed / self.tables > table * self.changed / self.tables
    }
}

/// The local cloud of a simulation.
pub struct World {
    /// The cloud.
    pub cloud: LocalCloud,
    _dir: TempDir,
    config: Config,
    contract: Contract,
    /// The contract of the tables that change: a worker needs no other, and many contexts of all would not fit into memory.
    changed: Contract,
    database: MemoryDatabase,
    /// The settings.
    pub settings: Settings,
    /// The source.
    pub shape: Shape,
    /// The network.
    pub network: Arc<Network>,
    day: i64,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/")).to_owned()
}

fn temporary_dir() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }
}

fn name(table: usize) -> String {
    format!("t{table:05}")
}

/// The contract of these tables.
fn contract_text(tables: impl Iterator<Item = usize>) -> String {
    let table = |number| {
        format!(
            "  \"public.{}\":\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n      \
             email: {{ source: character varying, type: STRING, class: email }}\n      \
             placed_at: {{ source: timestamp with time zone, type: TIMESTAMP, class: none }}\n",
            name(number)
        )
    };
    format!("version: 1\ntables:\n{}", tables.map(table).collect::<String>())
}

impl World {
    /// Starts a local cloud with a source of this shape.
    pub async fn start(settings: Settings, shape: Shape) -> Self {
        let dir = temporary_dir().expect("a temporary directory");
        let path = dir.path().join("landbridge.yaml");
        let yaml = settings.yaml();
        std::fs::write(&path, &yaml).expect("a file");
        let text = contract_text(0..shape.tables);
        std::fs::write(dir.path().join("contract.yaml"), &text).expect("a file");
        let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
        let start: Timestamp = MIDNIGHT.parse().expect("a timestamp");
        let source = Arc::new(database.clone());
        let mut options = LocalCloudOptions::new(dir.path().join("cloud"), path, source, start);
        options.schedules_dir = root().join("infra/schedules");
        options.token_key = Some(TOKEN_KEY.to_owned());
        let cloud = LocalCloud::start(options).await.expect("a local cloud");
        let queue =
            QueueSettings { visibility_seconds: VISIBILITY_SECONDS, ..QueueSettings::default() };
        cloud.aws().create_queue(QUEUE, queue);
        // One row in each file.
        let quirks = ExportQuirks { rows_per_part: 1, ..ExportQuirks::default() };
        cloud.aws().set_export_quirks(quirks);
        let network = Network::new(cloud.google().clone());
        network.set_memory("load", settings.load_mb);
        cloud.calls().set_observer(Arc::new(Watch(network.clone())));
        let config = config::parse(config::FILE_NAME, &yaml).expect("a configuration");
        let parse =
            |text: &str| contract::parse(contract::FILE_NAME, text, &config).expect("a contract");
        let changed = contract_text((0..shape.tables).filter(|it| shape.changes(*it)));
        let (contract, changed) = (parse(&text), parse(&changed));
        let world = Self {
            cloud,
            _dir: dir,
            config,
            contract,
            changed,
            database,
            settings,
            shape,
            network,
            day: 0,
        };
        world.write_rows(|_| true);
        world
    }

    /// Writes new rows into the tables.
    fn write_rows(&self, of: impl Fn(usize) -> bool) {
        for number in (0..self.shape.tables).filter(|it| of(*it)) {
            let rows = (0..self.shape.files_of(number)).map(|row| {
                vec![
                    Some(row.to_string()),
                    Some(format!("ada{}.{row}@example.org", self.day)),
                    Some("2026-11-20 08:15:00+09".to_owned()),
                ]
            });
            let table = MemoryTable::new("public", &name(number))
                .column("id", "bigint not null")
                .column("email", "character varying(120)")
                .column("placed_at", "timestamp with time zone")
                .rows(rows);
            self.database.set_table(table).expect("a table");
        }
    }

    /// The context of a function, with clients of its own. A worker has no queue to hand over to.
    pub async fn context(&self, function: &str, fans_out: bool) -> Context {
        let token = format!("{TOKEN}{function}");
        let grants = Grants::none()
            .project_role(Role::JobUser)
            .dataset_role("shop", Role::DataOwner)
            .dataset_role("landbridge_ops", Role::DataOwner)
            .bucket_role("shop-landing", Role::ObjectAdmin)
            .bucket_role("shop-landing", Role::LegacyBucketReader);
        self.cloud.google().add_principal(&token, "functions@example.com", grants);
        let mut context = context_of(&self.cloud, &self.config, &token, function).await;
        let number = self.day_start(0).as_millisecond();
        context.deployment =
            Deployment::new(number, &self.config, &self.contract, self.cloud.policy_tags());
        let is_worker = function.starts_with("transfer-item");
        context.contract = if is_worker { &self.changed } else { &self.contract }.clone();
        if let Some(workers) = self.settings.workers.filter(|_| fans_out) {
            // The modelled day is above both limits.
            context.config.transfer.fan_out =
                Some(FanOutConfig { above_items: 0, above_gib: 0, workers });
        }
        context
    }

    fn day_start(&self, day: i64) -> Timestamp {
        let first: Timestamp = MIDNIGHT.parse().expect("a timestamp");
        first + SignedDuration::from_hours(24 * day)
    }

    /// Today's date in Seoul.
    fn date(&self) -> String {
        (self.day_start(self.day) + SignedDuration::from_hours(9)).to_string()[..10].to_owned()
    }

    /// Today's date, as it is in the names of its exports.
    pub fn export_date(&self) -> String {
        self.date().replace('-', "")
    }

    /// Exports a day, and goes on to the time of the first tick of the transfer. Takes no time of the virtual clock.
    async fn export(&self) {
        let clock = self.cloud.clock();
        let context = self.context("export", false).await;
        let hour = self.day_start(self.day) + SignedDuration::from_hours(EXPORT_HOUR);
        clock.advance_to(hour);
        let tick = |now| Tick::new(now, LONG);
        landbridge_stages::snapshot::tick(&context, tick(hour))
            .boxed_local()
            .await
            .expect("a snapshot");
        for _ in 0..MOST_TICKS {
            clock.advance_to(clock.now() + SignedDuration::from_mins(10));
            let now = clock.now();
            let outcome = landbridge_stages::export::tick(&context, tick(now)).boxed_local().await;
            if outcome.expect("an export").progress == Progress::Done {
                let first = self.day_start(self.day) + SignedDuration::from_hours(TRANSFER_HOUR);
                clock.advance_to(clock.now().max(first));
                return;
            }
        }
        panic!("the export does not end");
    }

    /// A day before the measured one, whose rows BigQuery has: published without latency.
    pub async fn first_day(&mut self) {
        self.export().await;
        self.publish().await;
    }

    /// Publishes the day whose export is complete, without workers.
    pub async fn publish(&self) {
        let (transfer, load) =
            (self.context("transfer", false).await, self.context("load", false).await);
        for _ in 0..MOST_TICKS {
            let now = self.cloud.clock().now();
            let tick = Tick::new(now, LONG);
            landbridge_stages::transfer::tick(&transfer, tick)
                .boxed_local()
                .await
                .expect("a transfer");
            let loaded =
                landbridge_stages::load::tick(&load, tick).boxed_local().await.expect("a load");
            self.cloud.clock().advance_to(now + SignedDuration::from_mins(5));
            if loaded.progress == Progress::Done {
                return;
            }
        }
        panic!("the day is not published");
    }

    /// The measured day: the tables that change have other rows, and the export is complete.
    pub async fn next_day(&mut self) {
        self.day += 1;
        let shape = self.shape;
        self.write_rows(|it| shape.changes(it));
        self.cloud.clock().advance_to(self.day_start(self.day) + SignedDuration::from_mins(50));
        self.export().await;
    }

    /// Tables of the measured day by what became of them: unchanged, loaded.
    pub async fn outcomes(&self) -> BTreeMap<&'static str, usize> {
        let folder = format!("ledger/shop/{}/", self.date());
        let records = self.cloud.aws().list_objects("shop-exports", &folder).await;
        let of = |part: &str| records.iter().filter(|it| it.key.contains(part)).count();
        [("unchanged", of("/unchanged/")), ("carried after all", of("/carried/"))].into()
    }
}
