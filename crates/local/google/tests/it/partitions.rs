//! Ingestion-time partitions: what a load of one partition changes, and what a query sees of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use serde_json::{Value, json};

use crate::cloud::{BUCKET, PROJECT, TestCloud, tag};

fn rows(ids: &[i64], emails: &[&str]) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef),
        ("email", Arc::new(StringArray::from(emails.to_vec()))),
    ]
}

fn load(uri: &str, disposition: &str) -> Value {
    json!({
        "sourceUris": [format!("gs://{BUCKET}/{uri}")],
        "sourceFormat": "PARQUET",
        "writeDisposition": disposition,
        "createDisposition": "CREATE_NEVER",
    })
}

async fn table_with_days(cloud: &TestCloud) {
    let table = json!({
        "tableReference": {"projectId": PROJECT, "datasetId": "shop", "tableId": "people"},
        "schema": {"fields": [
            {"name": "id", "type": "INTEGER"},
            {"name": "email", "type": "STRING", "policyTags": {"names": [tag("email")]}},
        ]},
        "timePartitioning": {"type": "DAY", "expirationMs": (30 * 86_400_000_i64).to_string()},
    });
    let (status, body) = cloud.request("loader", "POST", "/datasets/shop/tables", table, &[]).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn a_load_of_one_partition_keeps_the_others_and_the_tags() {
    let cloud = TestCloud::start().await;
    table_with_days(&cloud).await;
    cloud.put_parquet("d/1.parquet", rows(&[1, 2], &["a@x.kr", "b@x.kr"]));
    cloud.put_parquet("d/2.parquet", rows(&[3], &["c@x.kr"]));
    let first = load("d/1.parquet", "WRITE_TRUNCATE_DATA");
    let second = load("d/2.parquet", "WRITE_TRUNCATE_DATA");
    for (job, table, body) in [
        ("j1", "people$20261120", &first),
        ("j2", "people$20261121", &first),
        ("j3", "people$20261121", &second),
    ] {
        let job = cloud.load(job, table, body.clone()).await;
        assert_eq!(job["status"]["errorResult"], Value::Null, "{job}");
        assert_eq!(job["configuration"]["load"]["destinationTable"]["tableId"], table);
    }
    let sql =
        "SELECT FORMAT_DATE('%F', _PARTITIONDATE), COUNT(*) FROM shop.people GROUP BY 1 ORDER BY 1";
    let days = Ok(vec!["2026-11-20 | 2".to_owned(), "2026-11-21 | 1".to_owned()]);
    assert_eq!(cloud.query("reader", sql).await, days);
    let resource = cloud.google.table_resource("shop", "people").expect("a table");
    assert_eq!(resource["schema"]["fields"][1]["policyTags"]["names"], json!([tag("email")]));
    assert_eq!(resource["numRows"], "3");
    // A pseudo-column is no column of the table.
    let sql = "SELECT * FROM shop.people WHERE _PARTITIONTIME = TIMESTAMP '2026-11-21'";
    assert_eq!(cloud.query("reader", sql).await, Ok(vec!["3 | c@x.kr".to_owned()]));
    let sql = "SELECT partition_id, total_rows FROM shop.INFORMATION_SCHEMA.PARTITIONS \
               WHERE table_name = 'people' ORDER BY 1";
    let days = Ok(vec!["20261120 | 2".to_owned(), "20261121 | 1".to_owned()]);
    assert_eq!(cloud.query("reader", sql).await, days);
    // Without another disposition, and without a decorator, rows are added.
    let job = cloud.load("j4", "people$20261120", load("d/2.parquet", "WRITE_APPEND")).await;
    assert_eq!(job["statistics"]["load"]["outputRows"], "1", "{job}");
    let sql = "SELECT COUNT(*) FROM shop.people WHERE _PARTITIONDATE = '2026-11-20'";
    assert_eq!(cloud.query("reader", sql).await, Ok(vec!["3".to_owned()]));
}

#[tokio::test]
async fn a_partition_needs_a_table_with_partitions() {
    let cloud = TestCloud::start().await;
    cloud.create_table("plain", json!([{"name": "id", "type": "INTEGER"}])).await;
    cloud.put_parquet("d/1.parquet", vec![("id", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]);
    let job = cloud.load("j1", "plain$20261120", load("d/1.parquet", "WRITE_TRUNCATE_DATA")).await;
    assert_eq!(job["status"]["errorResult"]["reason"], "invalid", "{job}");
}

#[tokio::test]
async fn a_partition_expires_at_its_own_time_and_a_delete_keeps_the_days_of_the_rows() {
    let cloud = TestCloud::start().await;
    table_with_days(&cloud).await;
    cloud.put_parquet("d/1.parquet", rows(&[1, 2], &["a@x.kr", "b@x.kr"]));
    for (job, day) in [("j1", "20260620"), ("j2", "20260621")] {
        let load = load("d/1.parquet", "WRITE_TRUNCATE_DATA");
        cloud.load(job, &format!("people${day}"), load).await;
    }
    let sql =
        "SELECT FORMAT_DATE('%F', _PARTITIONDATE), COUNT(*) FROM shop.people GROUP BY 1 ORDER BY 1";
    let owner = cloud.query("admin", "DELETE FROM shop.people WHERE id = 2").await;
    assert!(owner.is_ok(), "{owner:?}");
    let days = Ok(vec!["2026-06-20 | 1".to_owned(), "2026-06-21 | 1".to_owned()]);
    assert_eq!(cloud.query("reader", sql).await, days);
    cloud.clock.advance_to("2026-07-20T00:00:00Z".parse().expect("an instant"));
    let (status, table) =
        cloud.request("loader", "GET", "/datasets/shop/tables/people", Value::Null, &[]).await;
    assert_eq!((status, &table["numRows"]), (200, &json!("1")));
    assert_eq!(cloud.query("reader", sql).await, Ok(vec!["2026-06-21 | 1".to_owned()]));
    // Time travel reaches the rows of the partition.
    let sql =
        "SELECT COUNT(*) FROM shop.people FOR SYSTEM_TIME AS OF TIMESTAMP '2026-07-19 12:00:00+00'";
    assert_eq!(cloud.query("reader", sql).await, Ok(vec!["2".to_owned()]));
}
