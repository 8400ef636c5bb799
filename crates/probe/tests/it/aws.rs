//! The AWS side, against local accounts in this process: every claim holds, and one that is turned around is the only
//! one that is named. The files of the exports name the writer of RDS's, and have a row group without rows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_rds::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use futures::StreamExt;
use jiff::SignedDuration;
use landbridge_core::iam::{AccessRequest, Caller, PolicyDocument, Verdict, evaluate};
use landbridge_local_aws::turned::TURNABLE;
use landbridge_local_aws::{
    AwsOptions, DatabaseKind, Decide, LocalAws, NewSnapshot, SimulatedRequest, SnapshotType,
    new_signing_key,
};
use landbridge_local_database::{
    EmptyTableForm, ExportQuirks, MemoryDatabase, MemoryTable, OddFile,
};
use landbridge_local_wire::{CallMonitor, Clock, Server, serve};
use landbridge_probe::aws;
use serde_json::Value;

use crate::command::{output, program, text};

const ROLE: &str = "arn:aws:iam::123456789012:role/shop-rds-export";
const KEY: &str =
    "arn:aws:kms:ap-northeast-2:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const SIGNING_KEY: &str = "arn:aws:kms:ap-northeast-2:123456789012:key/5678";
/// Of `examples/demo/landbridge.yaml`.
const BUCKET: &str = "shop-exports";
const SOURCE: &str = "shop-prod";
const REGION: &str = "ap-northeast-2";
const EXPORT: &str = "heron-20260102";

/// What the policies that Terraform deploys allow, by the evaluation that the doctor uses.
fn policies() -> Decide {
    let values = [
        ("partition", "aws"),
        ("account", "123456789012"),
        ("region", REGION),
        ("source", "shop"),
        ("bucket", BUCKET),
        ("key_arn", KEY),
        ("sign_key_arn", SIGNING_KEY),
        ("export_role_arn", ROLE),
        ("snapshot", "snapshot"),
        ("export_path", "exports/"),
    ];
    let document = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/policies").join(name);
        let text = std::fs::read_to_string(path).expect("a policy");
        let text = values
            .iter()
            .fold(text, |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
        PolicyDocument::parse(&text).expect("a policy document")
    };
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/landbridge-shop-{name}");
    let roles = BTreeMap::from([
        (ROLE.to_owned(), vec![document("export-role.json")]),
        (role("export"), vec![document("export.json")]),
        (role("load"), vec![document("load.json"), document("sign.json")]),
    ]);
    Arc::new(move |asked: &SimulatedRequest| {
        let known: Vec<_> =
            asked.context.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = AccessRequest {
            caller: Caller::PolicyOwner,
            action: &asked.action,
            resource: &asked.resource,
            known: &known,
        };
        roles.get(&asked.role).map(|it| evaluate(it, &request) == Verdict::Allowed)
    })
}

/// An account with two kinds of snapshots and a finished export of a database with every type.
struct Account {
    aws: LocalAws,
    rds: Server,
    s3: Server,
    kms: Server,
    iam: Server,
    dir: tempfile::TempDir,
}

impl Account {
    /// The account of a PostgreSQL or a MySQL database, in which a claim is turned from the start.
    async fn start(is_mysql: bool, turned: Option<&str>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let options = AwsOptions {
            data_dir: dir.path().to_owned(),
            account: "123456789012".to_owned(),
            backup_minutes: Some(30),
            ..AwsOptions::default()
        };
        let clock = Clock::new("2026-01-01T16:00:00Z".parse().expect("an instant"));
        let aws = LocalAws::new(options, clock.clone()).await.expect("an account");
        assert!(aws.turn(turned), "{turned:?}");
        let database = match is_mysql {
            true => MemoryDatabase::mysql_every_type(),
            false => MemoryDatabase::postgres_every_type(),
        };
        let database = database.expect("a database");
        let schema = if is_mysql { "shop" } else { "public" };
        let nothing = MemoryTable::new(schema, "nothing").column("id", "bigint not null");
        database.set_table(nothing).expect("a table");
        let named = MemoryTable::new(schema, "이름 \"x\"").column("id", "bigint not null");
        database.set_table(named).expect("a table");
        // An export skips it.
        let skipped = MemoryTable::new(schema, "avocet").column("a,b", "bigint not null");
        database.set_table(skipped).expect("a table");
        aws.add_instance(SOURCE, Arc::new(database));
        aws.update_settings(DatabaseKind::Instance, SOURCE, |settings| settings.backup_days = 2);
        aws.add_role(ROLE);
        aws.add_kms_key(KEY);
        assert!(aws.add_signing_key(SIGNING_KEY, &new_signing_key().expect("a key")));
        aws.create_bucket(BUCKET).await;
        aws.set_export_quirks(ExportQuirks {
            empty: EmptyTableForm::SuccessMarkerOnly,
            odd_file: Some(OddFile::EmptyRowGroup),
            created_by: Some("parquet-mr version 1.12.3"),
            ..ExportQuirks::default()
        });
        let snapshot = NewSnapshot {
            kind: DatabaseKind::Instance,
            id: "mine".to_owned(),
            database: SOURCE.to_owned(),
            snapshot_type: SnapshotType::Manual,
            created: clock.now(),
            tags: BTreeMap::from([("stork".to_owned(), "ibis".to_owned())]),
            with_data: true,
        };
        aws.add_snapshot(snapshot).await.expect("a snapshot");
        let monitor = CallMonitor::default;
        let account = Self {
            rds: serve("rds", 0, aws.rds_service(), monitor()).await.expect("a port"),
            s3: serve("s3", 0, aws.s3_service(), monitor()).await.expect("a port"),
            kms: serve("kms", 0, aws.kms_service(), monitor()).await.expect("a port"),
            iam: serve("iam", 0, aws.iam_service(policies()), monitor()).await.expect("a port"),
            aws,
            dir,
        };
        account.export().await;
        clock.advance_to(clock.now() + SignedDuration::from_hours(30));
        account
    }

    async fn export(&self) {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let config = aws_sdk_rds::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.rds.url())
            .credentials_provider(Credentials::new("local", "local-secret", None, None, "tests"))
            .retry_config(RetryConfig::disabled())
            .http_client(http);
        let rds = aws_sdk_rds::Client::from_conf(config.build());
        let call = rds.start_export_task().export_task_identifier(EXPORT);
        let call = call.source_arn(format!("arn:aws:rds:{REGION}:123456789012:snapshot:mine"));
        let call = call.s3_bucket_name(BUCKET).s3_prefix("exports");
        call.iam_role_arn(ROLE).kms_key_id(KEY).send().await.expect("an export");
    }

    /// The report of `landbridge probe aws`.
    async fn probe(&self) -> Value {
        let demo =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo/landbridge.yaml");
        let demo = std::fs::read_to_string(demo).expect("the demo's configuration");
        let config = self.dir.path().join("landbridge.yaml");
        let proof =
            format!("\nproof: {{ key: landbridge/shop/proof-key, sign: \"{SIGNING_KEY}\" }}\n");
        std::fs::write(&config, demo + &proof).expect("written");
        let (config, export) = (config.display().to_string(), format!("exports/{EXPORT}"));
        let args = ["probe", "aws", "--config", &config, "--export", &export];
        let mut command = program(&[&args[..], &["--write", "--yes", "--output", "json"]].concat());
        command.envs([
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local-secret".to_owned()),
            ("AWS_ENDPOINT_URL_RDS", self.rds.url()),
            ("AWS_ENDPOINT_URL_S3", self.s3.url()),
            ("AWS_ENDPOINT_URL_KMS", self.kms.url()),
            ("AWS_ENDPOINT_URL_IAM", self.iam.url()),
        ]);
        let output = output(command).await;
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output)))
    }
}

/// The claims with a verdict, each with what was seen.
fn with_verdict(report: &Value, verdict: &str) -> Vec<(String, String)> {
    let all = report["findings"].as_array().expect("findings");
    let text = |it: &Value, key: &str| it[key].as_str().expect("a text").to_owned();
    let found = all.iter().filter(|it| it["verdict"] == verdict);
    found.map(|it| (text(it, "claim"), text(it, "seen"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_claim_holds_in_a_local_account() {
    let mut holds = Vec::new();
    for is_mysql in [false, true] {
        let account = Account::start(is_mysql, None).await;
        let report = account.probe().await;
        assert_eq!(with_verdict(&report, "does_not_hold"), [], "{report}");
        holds.extend(with_verdict(&report, "holds").into_iter().map(|it| it.0));
        // Of the other engine.
        assert_eq!(with_verdict(&report, "not_tested").len(), if is_mysql { 2 } else { 1 });
        assert_eq!(report["cleaned_up"], true, "{report}");
        let left = account.aws.list_objects(BUCKET, "landbridge-probe/").await;
        assert!(left.is_empty(), "{left:?}");
        for name in [
            BUCKET,
            SOURCE,
            "stork",
            "ibis",
            "heron",
            "이름",
            "avocet",
            "every_type",
            REGION,
            "arn:",
        ] {
            assert!(!report.to_string().contains(name), "{name}: {report}");
        }
    }
    holds.sort();
    holds.dedup();
    assert_eq!(holds, aws::CLAIMS);
    println!("{} claims hold", holds.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_aws_that_is_turned_around_is_the_only_one_that_is_named() {
    assert_eq!(TURNABLE, aws::CLAIMS, "every probe has a claim that can be turned");
    let turned = TURNABLE.iter().map(|claim| async move {
        let account = Account::start(*claim == "export-mysql-types", Some(claim)).await;
        (*claim, account.probe().await)
    });
    let mut reports = futures::stream::iter(turned).buffer_unordered(4);
    let (mut named, mut faults) = (0, Vec::new());
    while let Some((claim, report)) = reports.next().await {
        let contradicted = with_verdict(&report, "does_not_hold");
        match contradicted.iter().map(|it| it.0.as_str()).collect::<Vec<_>>() == [claim] {
            true => named += 1,
            false => faults.push(format!(
                "{claim}: {contradicted:?}, not tested {:?}",
                with_verdict(&report, "not_tested")
            )),
        }
    }
    println!("{} claims, {named} of {} named when turned", aws::CLAIMS.len(), TURNABLE.len());
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
