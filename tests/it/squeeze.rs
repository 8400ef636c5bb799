//! `transfer.recompress: auto`: copied columns are compressed again before they leave AWS. Fewer bytes, the same rows.

use std::sync::Arc;

use bytes::Bytes;
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_local::Principal::Analyst;
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};
use parquet::basic::CompressionCodec;
use parquet::file::metadata::ParquetMetaDataReader;
use serde_json::Value;

use crate::support::{TestEnv, TestEnvBuilder};

const DAY: &str = "2026-11-21";
const CONTRACT: &str = r#"version: 1
tables:
  "public.visits":
    columns:
      id: { source: bigint, type: INT64, class: none }
      shop: { source: bigint, type: INT64, class: none }
      score: { source: double precision, type: FLOAT64, class: none }
      page: { source: text, type: STRING, class: none }
      at: { source: timestamp with time zone, type: TIMESTAMP, class: none }
"#;
const ROWS: usize = 12_000;
const SUMS: &str = "SELECT COUNT(*), SUM(id), SUM(shop), SUM(score), COUNTIF(page IS NULL), \
                    SUM(LENGTH(page)), MIN(page), MAX(page), MIN(t.at), MAX(t.at) FROM shop.visits AS t";

fn visits() -> MemoryTable {
    MemoryTable::new("public", "visits")
        .column("id", "bigint not null")
        .column("shop", "bigint")
        .column("score", "double precision")
        .column("page", "text")
        .column("at", "timestamp with time zone")
        .rows((0..ROWS).map(|n| {
            vec![
                Some(n.to_string()),
                Some((n * 7919 % 613).to_string()),
                Some(format!("{}.25", n * 31 % 977)),
                (n % 9 != 0)
                    .then(|| format!("/products/{}/reviews?from={}", n * 104_729 % 5003, n % 11)),
                Some(format!("2026-11-{:02} 08:{:02}:{:02}+09", n % 20 + 1, n / 60 % 60, n % 60)),
            ]
        }))
}

fn builder(table: MemoryTable, contract: &str, recompress: &str) -> TestEnvBuilder {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    database.set_table(table).expect("a table");
    let mut builder = TestEnvBuilder::small();
    builder.config = with(&builder.config, recompress);
    builder.contract = contract.to_owned();
    builder.source = Arc::new(database);
    builder
}

/// The configuration with this value of `transfer.recompress`.
fn with(config: &str, recompress: &str) -> String {
    config.replacen("transfer:\n", &format!("transfer:\n  recompress: {recompress}\n"), 1)
}

fn parquet_objects(env: &TestEnv) -> Vec<(String, Bytes)> {
    env.landing_objects().into_iter().filter(|(name, _)| name.ends_with(".parquet")).collect()
}

async fn receipt(env: &TestEnv, table: &str) -> Receipt {
    let receipt = env.receipts(DAY).await.remove(table).expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Published, "{receipt:#?}");
    receipt
}

async fn items(env: &TestEnv) -> Vec<(String, Value)> {
    let records = env.ledger(&format!("{DAY}/items/")).await;
    let read = |bytes: &Bytes| serde_json::from_slice(bytes).expect("a record");
    records.iter().map(|(key, bytes)| (key.clone(), read(bytes))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_bytes_leave_and_readers_see_the_same_rows() {
    let mut found = Vec::new();
    for recompress in ["auto", "off"] {
        let env = builder(visits(), CONTRACT, recompress).build().await;
        assert!(env.run_day(0).await.is_empty());
        let receipt = receipt(&env, "public.visits").await;
        let objects = parquet_objects(&env);
        let bytes: usize = objects.iter().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(receipt.bytes_sent, Some(bytes as u64), "what the receipt says is what landed");
        let saved: Vec<_> =
            items(&env).await.into_iter().map(|(_, it)| it["recompressed"].clone()).collect();
        let codecs: Vec<CompressionCodec> = objects
            .iter()
            .flat_map(|(_, bytes)| {
                let footer =
                    ParquetMetaDataReader::new().parse_and_finish(bytes).expect("a footer");
                let groups = footer.row_groups().iter();
                groups
                    .flat_map(|group| group.columns())
                    .map(|it| it.compression_codec())
                    .collect::<Vec<_>>()
            })
            .collect();
        println!(
            "{recompress}: {} bytes in S3, {bytes} in Cloud Storage, {saved:?}",
            receipt.bytes
        );
        found.push((
            env.query(Analyst, SUMS).await.expect("sums"),
            receipt.bytes,
            bytes as u64,
            saved,
            codecs,
        ));
    }
    let [(auto, in_s3, sent, saved, codecs), (off, _, sent_off, saved_off, codecs_off)] =
        &found[..]
    else {
        panic!("two runs");
    };
    assert_eq!(auto, off);
    assert!(sent * 10 < in_s3 * 7, "{sent} of {in_s3} bytes");
    assert!(sent * 10 < sent_off * 8, "{sent} bytes, {sent_off} without");
    assert!(saved.iter().any(|it| it["to"].as_u64() < it["from"].as_u64()), "{saved:?}");
    assert!(saved_off.iter().all(Value::is_null), "{saved_off:?}");
    assert!(codecs.iter().all(|it| *it == CompressionCodec::ZSTD), "{codecs:?}");
    assert!(codecs_off.contains(&CompressionCodec::GZIP), "copied as they are");
}

/// The process dies after an object is in Cloud Storage and before its record. The same program makes the same bytes
/// and goes on; another one, here with another setting, makes other bytes: the table is sent again under new names.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_without_its_record_is_recognised_or_sent_again() {
    for (then, revision) in [("auto", 1), ("off", 2)] {
        let builder = builder(visits(), CONTRACT, "auto");
        let config = builder.config.clone();
        let env = builder.build().await;
        for (function, time) in
            [("snapshot", "16:00"), ("export", "16:10"), ("export", "16:40"), ("transfer", "17:01")]
        {
            let outcome = env.tick(function, &format!("2026-11-20T{time}:00Z")).await;
            assert!(outcome.is_response(), "{function}: {outcome:?}");
        }
        let sent = parquet_objects(&env);
        let records = items(&env).await;
        assert!(!records.is_empty());
        for (key, _) in records {
            assert!(env.cloud.aws().delete_object("shop-exports", &key).await, "{key}");
        }
        env.deploy_config(&config.replacen("recompress: auto", &format!("recompress: {then}"), 1));
        for (function, time) in
            [("transfer", "17:06"), ("transfer", "17:11"), ("load", "17:16"), ("load", "17:21")]
        {
            let outcome = env.tick(function, &format!("2026-11-20T{time}:00Z")).await;
            assert!(outcome.is_response(), "{function}: {outcome:?}");
        }
        receipt(&env, "public.visits").await;
        assert_eq!(env.query(Analyst, SUMS).await.expect("sums")[0][0], ROWS.to_string());
        let objects = parquet_objects(&env);
        assert!(sent.iter().all(|it| objects.contains(it)), "no object is replaced");
        assert_eq!(objects.len(), sent.len() * revision, "{then}");
    }
}

/// A value of 34 MB far behind the sample: its page is larger than the limit, so the file is sent as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_page_that_is_too_large_is_sent_as_it_is() {
    const LARGE: usize = 34 << 20;
    let table = MemoryTable::new("public", "notes")
        .column("id", "bigint not null")
        .column("note", "text")
        .rows((0..6000_usize).map(|n| {
            let note =
                if n == 5900 { "x".repeat(LARGE) } else { format!("{n} is a number. ").repeat(60) };
            vec![Some(n.to_string()), Some(note)]
        }));
    let contract = r#"version: 1
tables:
  "public.notes":
    columns:
      id: { source: bigint, type: INT64, class: none }
      note: { source: text, type: STRING, class: none }
"#;
    let env = builder(table, contract, "auto").build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = receipt(&env, "public.notes").await;
    assert_eq!((receipt.rows_table, receipt.bytes_sent), (Some(6000), Some(receipt.bytes)));
    let logs = env.log_output();
    assert!(logs.contains("an object is sent as it is compressed in S3"), "{logs}");
    let longest = env.query(Analyst, "SELECT MAX(LENGTH(note)) FROM shop.notes").await;
    assert_eq!(longest.expect("a length"), [[LARGE.to_string()]]);
}
