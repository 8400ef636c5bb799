//! A ledger on an emulated S3, with the demo's configuration.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use jiff::Timestamp;
use landbridge_aws::S3;
use landbridge_console::outside::{Answer, Eyes, Restore, Rows, Seen};
use landbridge_console::{Outside, Site};
use landbridge_core::access::{Deployment, Filter, Live, NotKnown, evaluate};
use landbridge_core::calendar::Day;
use landbridge_core::config::{self, Config};
use landbridge_core::contract;
use landbridge_core::receipt::Receipt;
use landbridge_core::restore::{CreatedBy, RestorePoint};
use landbridge_ledger::Ledger;
use landbridge_ledger::records::{self, DAY, DayRecord, EXPORT, ExportRecord};
use landbridge_local_aws::{AwsOptions, LocalAws};
use landbridge_local_wire::{CallMonitor, Clock, Server, serve};
use serde_json::json;

pub(crate) const NOW: &str = "2026-11-22T01:00:00Z";
/// A name that is markup, an attribute and a path.
pub(crate) const HOSTILE: &str = "public.<script>alert(1)</script>\"'../x";

pub(crate) fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

/// A source with one restore point; a query answers with its own text, which is hostile.
pub(crate) struct Fixed;

#[async_trait]
impl Outside for Fixed {
    fn now(&self) -> Timestamp {
        NOW.parse().expect("a time")
    }

    async fn restore(&self) -> Result<Restore, String> {
        let point = RestorePoint {
            snapshot: "landbridge-shop-20261122t0000z".to_owned(),
            arn: "arn:aws:rds:ap-northeast-2:123456789012:snapshot:s".to_owned(),
            taken_at: Some("2026-11-22T00:00:00Z".parse().expect("a time")),
            status: "available".to_owned(),
            created_by: CreatedBy::Landbridge,
            pinned: Some(HOSTILE.to_owned()),
            storage_gib: Some(20),
            bytes: None,
            engine: "postgres".to_owned(),
            engine_version: "16.4".to_owned(),
            settings: None,
            resource_id: None,
        };
        Ok(Restore { points: vec![point], storage_gib: Some(20.0), ..Restore::default() })
    }

    async fn seen(&self, table: &str) -> Result<Seen, String> {
        let text = include_str!("../../../../examples/demo/landbridge.yaml");
        let config = config::parse("landbridge.yaml", text).expect("a configuration");
        let (what, why) = (HOSTILE.to_owned(), table.to_owned());
        let unknown = NotKnown { place: None, what, why, next: HOSTILE.to_owned() };
        let live = Live { not_known: vec![unknown], ..Live::default() };
        let contract = contract::Contract::of_no_table();
        let report =
            evaluate(&live, (&config, &contract), &Deployment::of_one(&config), &Filter::default());
        Ok(Seen { report, readers: Err(HOSTILE.to_owned()), days: 30 })
    }

    fn can_query(&self) -> bool {
        true
    }

    async fn query(&self, eyes: Eyes, sql: &str, _: usize) -> Answer {
        match eyes {
            Eyes::Stranger => Answer::Refused(sql.to_owned()),
            _ => Answer::Rows(Rows {
                columns: vec![(HOSTILE.to_owned(), "STRING".to_owned())],
                rows: vec![vec![Some(sql.to_owned())]],
                count: 1,
            }),
        }
    }
}

/// An emulated S3 with the demo's bucket.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) ledger: Ledger,
    _aws: LocalAws,
    _server: Server,
    _dir: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let text = include_str!("../../../../examples/demo/landbridge.yaml");
        let config = config::parse("landbridge.yaml", text).expect("a configuration");
        let dir = tempfile::tempdir().expect("a temporary folder");
        let options = AwsOptions { data_dir: dir.path().to_owned(), ..AwsOptions::default() };
        let clock = Clock::new(NOW.parse().expect("a time"));
        let aws = LocalAws::new(options, clock).await.expect("an account");
        aws.create_bucket(&config.export.bucket).await;
        let server =
            serve("s3", 0, aws.s3_service(), CallMonitor::default()).await.expect("a port");
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let client = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("ap-northeast-2"))
            .credentials_provider(Credentials::new("local", "local-secret", None, None, "test"))
            .endpoint_url(server.url())
            .force_path_style(true)
            .http_client(http)
            .build();
        let s3 = S3::new(aws_sdk_s3::Client::from_conf(client));
        let ledger = Ledger::new(s3, &config);
        Self { config, ledger, _aws: aws, _server: server, _dir: dir }
    }

    /// A day on which these tables have receipts in these states.
    pub(crate) async fn day(&self, date: &str, tables: &[(&str, &str)]) {
        let ledger = self.ledger.day(day(date));
        let export: ExportRecord = serde_json::from_value(json!({
            "attempt": 1, "export": "e", "snapshot": "landbridge-shop-s", "engine": "postgres",
            "snapshot_at": "2026-11-20T16:00:00Z", "complete": true,
            "started_at": "2026-11-20T16:10:00Z", "ended_at": "2026-11-20T16:40:00Z"
        }))
        .expect("an export");
        ledger.create(&EXPORT, &export).await.expect("written");
        for (number, (table, state)) in tables.iter().enumerate() {
            let name = format!("t{number}");
            ledger
                .create(&records::receipt(&name), &receipt(date, table, &name, state))
                .await
                .expect("written");
        }
        let held: Vec<String> =
            tables.iter().filter(|it| it.1 == "held").map(|it| it.0.to_owned()).collect();
        let record = DayRecord {
            published: held.is_empty(),
            tables: tables.len() - held.len(),
            rows: 3,
            held,
            skipped: Vec::new(),
            gaps: Vec::new(),
            finished_at: "2026-11-20T17:16:00Z".parse().expect("a time"),
            redo: 0,
        };
        ledger.create(&DAY, &record).await.expect("written");
    }

    /// A console over the ledger.
    pub(crate) fn site(&self, days: u16) -> Arc<Site> {
        let text = include_str!("../../../../examples/demo/contract.yaml");
        let contract = contract::parse("contract.yaml", text, &self.config).expect("a contract");
        let site =
            Site::new(self.config.clone(), contract, self.ledger.clone(), Arc::new(Fixed), days);
        Arc::new(site.expect("a site"))
    }
}

/// A receipt whose every text is hostile.
pub(crate) fn receipt(date: &str, source: &str, name: &str, state: &str) -> Receipt {
    serde_json::from_value(json!({
        "source": "shop", "day": date, "source_table": source, "table": name, "state": state,
        "snapshot": "landbridge-shop-s", "snapshot_at": null, "export": "e", "files": 1, "bytes": 1000,
        "rows_footer": 3, "rows_planned": 3, "rows_loaded": 3, "rows_table": 3, "job": HOSTILE,
        "columns": [{
            "name": HOSTILE, "source": HOSTILE, "type": "STRING", "class": "email", "nulls": 1,
            "action": HOSTILE, "tag_read_back": true,
            "min": "smallest-cell", "max": "largest-cell"
        }],
        "dropped_columns": [HOSTILE],
        "notes": [{ "code": "export_warning", "text": HOSTILE }],
        "problem": (state == "held").then(|| json!({
            "kind": "Held", "what": HOSTILE, "context": HOSTILE, "action": HOSTILE
        })),
        "export_started_at": null, "export_ended_at": null, "planned_at": null,
        "recorded_at": "2026-11-20T17:10:00Z", "load_ms": 12
    }))
    .expect("a receipt")
}
