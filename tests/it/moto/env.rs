//! The stages' context for moto's RDS and S3 and a local Google, and the export that
//! moto does not write.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use landbridge_aws::{Aws, Rds, S3};
use landbridge_core::calendar::Calendar;
use landbridge_core::config::{self, Config, SourceKind};
use landbridge_core::contract::Contract;
use landbridge_gcp::{Gcp, credentials};
use landbridge_ledger::Ledger;
use landbridge_local_database::{
    EmptyTableForm, Engine, ExportQuirks, ExportSpec, MemoryDatabase, MemoryTable, ObjectSink,
    SourceDatabase, export,
};
use landbridge_local_google::{GoogleOptions, Grants, LocalGoogle, Role};
use landbridge_local_wire::{CallMonitor, Clock, Server, serve};
use landbridge_stages::deployment::Deployment;
use landbridge_stages::{Context, Tick};

use super::capabilities::{create_bucket, create_instance};
use super::server::Moto;
use crate::python;

/// Midnight in Seoul on 2 January 2026.
const MIDNIGHT: &str = "2026-01-01T15:00:00Z";
const TOKEN: &str = "token-of-loader";

/// moto, a local Google, and a stage context for both.
pub(crate) struct MotoEnv {
    pub(crate) context: Context,
    pub(crate) rds: aws_sdk_rds::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) google: LocalGoogle,
    _moto: Moto,
    _servers: [Server; 2],
    _dir: tempfile::TempDir,
}

impl MotoEnv {
    /// Starts all three with a source of this kind; without Python, prints a visible line and
    /// returns `None`.
    pub(crate) async fn start(test: &str, kind: SourceKind) -> Option<Self> {
        let moto = Moto::start(test).await?;
        let (rds, s3) = (moto.account().rds(), moto.account().s3());
        let config = configuration(kind);
        create_bucket(&s3, &config.export.bucket).await;
        match kind {
            SourceKind::Instance => create_instance(&rds, &config.source.id, "mysql").await,
            SourceKind::Cluster => create_cluster(&rds, &config.source.id).await,
        }

        let dir = tempfile::tempdir().expect("a temporary folder");
        let options = GoogleOptions {
            data_dir: dir.path().to_owned(),
            project: config.warehouse.project.clone(),
            location: config.warehouse.location.clone(),
            ..GoogleOptions::default()
        };
        let google = LocalGoogle::new(options, Clock::new(hour(0))).expect("a project");
        google.create_bucket(&config.transfer.bucket);
        let grants = Grants::none().bucket_role(&config.transfer.bucket, Role::ObjectAdmin);
        google.add_principal(TOKEN, "loader@example.com", grants);
        let storage = serve("storage", 0, google.storage_service(), CallMonitor::default())
            .await
            .expect("a port");
        google.set_storage_url(&storage.url());
        let bigquery = serve("bigquery", 0, google.bigquery_service(), CallMonitor::default())
            .await
            .expect("a port");
        let gcp = Gcp::new(
            credentials::static_token(TOKEN),
            &config.warehouse.project,
            &config.warehouse.location,
            Some(storage.url()),
            Some(bigquery.url()),
        );
        let gcp = gcp.await.expect("clients");
        let s3_client = S3::new(s3.clone());
        // The load decides column types; the transfer of unchanged bytes needs none.
        let contract = Contract::of_no_table();
        let tags = BTreeMap::new();
        let context = Context {
            deployment: Deployment::new(1, &config, &contract, &tags),
            ledger: Ledger::new(s3_client.clone(), &config),
            calendar: Calendar::new(&config.schedule.zone, config.schedule.export_hour)
                .expect("a calendar"),
            config,
            contract,
            tags,
            aws: Aws {
                rds: Rds::new(rds.clone(), kind),
                s3: s3_client,
                secrets: moto.account().secrets(),
                queues: moto.account().queues(),
            },
            gcp,
            siblings: Vec::new(),
            max_load_uris: landbridge_core::plan::table::MAX_LOAD_URIS,
            redo: landbridge_core::redo::Redo::default(),
        };
        Some(Self {
            context,
            rds,
            s3,
            google,
            _moto: moto,
            _servers: [storage, bigquery],
            _dir: dir,
        })
    }

    /// Writes the objects of an export as RDS would; moto does not write them.
    pub(crate) async fn write_export(&self, id: &str, source_arn: &str) {
        let settings = &self.context.config.export;
        let source = database(self.context.config.source.kind);
        let dir = tempfile::tempdir().expect("a temporary folder");
        let image = source.capture(hour(1), dir.path()).await.expect("an image");
        let spec = ExportSpec {
            export_id: id,
            prefix: Some(&settings.prefix),
            bucket: &settings.bucket,
            source_arn,
            role_arn: &settings.role_arn,
            kms_key: &settings.kms_key,
            only: &[],
            started: hour(1),
            ended: hour(2),
            quirks: ExportQuirks {
                rows_per_part: 400,
                rows_per_group: 150,
                empty: EmptyTableForm::SuccessMarkerOnly,
                ..ExportQuirks::default()
            },
        };
        let bucket = Bucket { s3: self.s3.clone(), name: settings.bucket.clone() };
        export(image.as_ref(), &spec, &bucket).await.expect("an export");
    }
}

/// The time `n` hours after midnight in Seoul.
pub(crate) fn hour(n: i64) -> Timestamp {
    MIDNIGHT.parse::<Timestamp>().expect("a time") + SignedDuration::from_hours(n)
}

/// A tick with plenty of time.
pub(crate) fn tick(now: Timestamp) -> Tick {
    Tick::new(now, Duration::from_secs(600))
}

/// The example's configuration with a short retention ladder.
fn configuration(kind: SourceKind) -> Config {
    let path = python::package_dir().join("../examples/demo/landbridge.yaml");
    let text = std::fs::read_to_string(path).expect("the example");
    let mut config = config::parse(config::FILE_NAME, &text).expect("a valid example");
    config.source.kind = kind;
    (config.snapshots.hourly, config.snapshots.daily, config.snapshots.weekly) = (3, 2, 1);
    config
}

async fn create_cluster(rds: &aws_sdk_rds::Client, id: &str) {
    let call = rds.create_db_cluster().db_cluster_identifier(id).engine("aurora-postgresql");
    call.master_username("admin")
        .master_user_password("not-a-secret")
        .send()
        .await
        .expect("a cluster");
}

/// A table of several files with text that MySQL does not annotate, an empty table, and one
/// that an export skips.
fn database(kind: SourceKind) -> MemoryDatabase {
    let (engine, schema) = match kind {
        SourceKind::Instance => (Engine::mysql("8.0.40"), "shop"),
        SourceKind::Cluster => (Engine::postgres("16.4"), "public"),
    };
    let rows = (0..1_000).map(|n: i64| {
        let note = (n % 7 > 0).then(|| format!("주문 {n}, to be sent"));
        vec![
            Some(n.to_string()),
            Some("KRW".to_owned()),
            note,
            Some(format!("{}.{:02}", n * 31, n % 100)),
        ]
    });
    let orders = MemoryTable::new(schema, "orders")
        .column("id", "bigint not null")
        .column("currency", "char(3)")
        .column("note", "text")
        .column("total", "decimal(12,2)")
        .rows(rows);
    let returns = MemoryTable::new(schema, "returns")
        .column("id", "bigint not null")
        .column("reason", "text");
    let skipped = MemoryTable::new(schema, "odd").column("a b", "bigint");
    let source = MemoryDatabase::new(engine, "shop");
    for table in [orders, returns, skipped] {
        source.set_table(table).expect("a table");
    }
    source
}

/// A bucket into which an export is written.
struct Bucket {
    s3: aws_sdk_s3::Client,
    name: String,
}

impl ObjectSink for Bucket {
    fn put<'a>(&'a self, key: String, bytes: Bytes) -> BoxFuture<'a, io::Result<()>> {
        let call = self.s3.put_object().bucket(&self.name).key(key).body(bytes.into());
        Box::pin(async move { call.send().await.map(|_| ()).map_err(io::Error::other) })
    }
}
