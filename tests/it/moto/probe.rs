//! `landbridge probe aws` against moto: conditional writes, tags and listings of a server that others wrote.

use std::collections::BTreeMap;

use serde_json::Value;

use super::capabilities::{create_bucket, create_instance};
use super::server::Moto;
use crate::command::{landbridge, output_text};
use crate::sdk::REGION;
use crate::support::root;

const BUCKET: &str = "shop-exports";
const EXPORT: &str = "exports/shop-20261121";

/// The environment of the command.
fn variables(moto: &Moto) -> BTreeMap<String, String> {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "tests"),
        ("AWS_SECRET_ACCESS_KEY", "of-no-value"),
        ("AWS_REGION", REGION),
        ("AWS_ENDPOINT_URL", moto.url()),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn probe(moto: &Moto, args: &[&str]) -> (Option<i32>, Value) {
    let config = root().join("examples/demo/landbridge.yaml");
    let own = ["probe", "aws", "--output", "json", "--config", config.to_str().expect("a path")];
    let output = landbridge(&variables(moto), &[&own[..], args].concat());
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", output_text(&output)));
    (output.status.code(), report)
}

/// The verdict of a claim, and what was seen.
fn finding<'a>(report: &'a Value, claim: &str) -> (&'a str, &'a str) {
    let all = report["findings"].as_array().expect("findings");
    let found = all.iter().find(|it| it["claim"] == claim).expect("the claim is probed");
    (found["verdict"].as_str().expect("a text"), found["seen"].as_str().expect("a text"))
}

async fn put(s3: &aws_sdk_s3::Client, name: &str, text: &str) {
    let call = s3.put_object().bucket(BUCKET).key(format!("{EXPORT}/{name}"));
    call.body(text.as_bytes().to_vec().into()).send().await.expect("an object");
}

/// What an export writes besides its files.
async fn put_manifests(s3: &aws_sdk_s3::Client) {
    put(s3, "export_info_shop-20261121.json", r#"{"status": "COMPLETE"}"#).await;
    let tables = r#"{"perTableStatus": [{"target": "kingfisher.public.heron", "status": "COMPLETE",
        "schemaMetadata": {"originalTypeMappings": [{"columnName": "egret", "originalType": "text"}]}}]}"#;
    put(s3, "export_tables_info_shop-20261121_from_1_to_1.json", tables).await;
    put(s3, "kingfisher/public.heron/1/_SUCCESS", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_reads_writes_and_cleans_up() {
    let Some(moto) = Moto::start("the probe and moto").await else { return };
    let (s3, rds) = (moto.account().s3(), moto.account().rds());
    create_bucket(&s3, BUCKET).await;
    create_instance(&rds, "shop-prod", "postgres").await;
    put_manifests(&s3).await;
    let call = rds.create_db_snapshot().db_instance_identifier("shop-prod");
    let tag = aws_sdk_rds::types::Tag::builder().key("pelican").value("stork").build();
    call.db_snapshot_identifier("tagged").tags(tag).send().await.expect("a snapshot");

    let (code, read_only) = probe(&moto, &[]);
    assert!(code == Some(0) || code == Some(4), "{code:?} {read_only}");
    assert_eq!(finding(&read_only, "rds-snapshot-list-has-tags").0, "holds", "{read_only}");
    assert_eq!(finding(&read_only, "s3-replace-if-match"), ("not_tested", "needs --write"));
    let objects = async || {
        let listed = s3.list_objects_v2().bucket(BUCKET).send().await.expect("a listing");
        listed.contents().len()
    };
    assert_eq!(objects().await, 3, "nothing is written without --write");

    let (_, report) = probe(&moto, &["--write", "--yes", "--export", EXPORT]);
    for claim in
        ["s3-replace-if-match", "s3-read-after-write", "s3-etag-follows-content", "s3-get-if-match"]
    {
        assert_eq!(finding(&report, claim).0, "holds", "{claim}: {report}");
    }
    // moto checks first and writes later, so several of concurrent creations can succeed: see `Capabilities`.
    assert_ne!(finding(&report, "s3-create-if-none-match").0, "not_tested", "{report}");
    for claim in ["export-manifest-names", "export-manifest-shape", "export-empty-table"] {
        assert_eq!(finding(&report, claim).0, "holds", "{claim}: {report}");
    }
    assert_eq!(report["cleaned_up"], true);
    assert_eq!(objects().await, 3, "the scratch objects are deleted");
    let text = report.to_string();
    for name in
        [BUCKET, EXPORT, "shop-prod", "kingfisher", "heron", "egret", "stork", REGION, "arn:"]
    {
        assert!(!text.contains(name), "{name}: {text}");
    }

    // A listing that lacks a marker and a manifest with another form are named.
    put(&s3, "kingfisher/public.heron/2/part-0.parquet", "no Parquet").await;
    put(&s3, "export_tables_info_shop-20261121_from_1_to_1.json", r#"{"tables": []}"#).await;
    let call = s3.delete_object().bucket(BUCKET);
    call.key(format!("{EXPORT}/kingfisher/public.heron/1/_SUCCESS")).send().await.expect("deleted");
    let (code, report) = probe(&moto, &["--export", EXPORT]);
    assert_eq!(code, Some(1), "{report}");
    for claim in ["export-manifest-shape", "export-success-marker"] {
        assert_eq!(finding(&report, claim).0, "does_not_hold", "{claim}: {report}");
    }
    assert_eq!(finding(&report, "export-encodings").0, "not_tested", "{report}");
}
