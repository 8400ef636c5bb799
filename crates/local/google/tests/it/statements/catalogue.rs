//! Statements about what there is, and anonymous results.

use super::*;

#[tokio::test]
async fn wildcard_and_meta_tables_show_what_there_is() {
    let cloud = people().await;
    for day in ["01", "02"] {
        let sql = format!("CREATE TABLE shop.events_202607{day} AS SELECT {day} AS n, 'e' AS name");
        ok(&cloud, "editor", &sql).await;
    }
    let sql = "SELECT * FROM `p.shop.events_*` WHERE _TABLE_SUFFIX >= '20260702'";
    assert_eq!(ok(&cloud, "reader", sql).await, "2 | e", "the suffix is no column of *");
    let sql = "SELECT _TABLE_SUFFIX, n FROM `shop.events_2026*` ORDER BY n";
    assert_eq!(ok(&cloud, "reader", sql).await, "0701 | 1, 0702 | 2");
    refused(&cloud, "reader", "SELECT * FROM `shop.none_*`", "does not match any table").await;
    // Masked access to a column is not enough.
    let sql = "SELECT email FROM `shop.peopl*` ORDER BY email LIMIT 1";
    refused(&cloud, "analyst", sql, "only masked access to column email").await;
    assert_eq!(ok(&cloud, "analyst", "SELECT COUNT(id) FROM `shop.peopl*`").await, "3");
    assert_eq!(ok(&cloud, "reader", sql).await, "a@x.kr");
    refused(&cloud, "stranger", sql, "policy tag").await;
    let sql = "SELECT table_id, row_count, type FROM shop.__TABLES__ ORDER BY table_id";
    assert_eq!(
        ok(&cloud, "reader", sql).await,
        "events_20260701 | 1 | 1, events_20260702 | 1 | 1, people | 3 | 1"
    );
}

#[tokio::test]
async fn the_information_schema_describes_tables_views_and_options() {
    let cloud = people().await;
    ok(
        &cloud,
        "editor",
        "CREATE TABLE shop.t (id INT64, day DATE, s STRUCT<a INT64, b STRING>) PARTITION BY day \
         CLUSTER BY id OPTIONS(description='it\\'s \"t\"')",
    )
    .await;
    ok(&cloud, "editor", "CREATE VIEW shop.v AS SELECT id FROM shop.t").await;
    for (sql, want) in [
        (
            "SELECT table_name, table_type FROM shop.INFORMATION_SCHEMA.TABLES ORDER BY 1",
            "people | BASE TABLE, t | BASE TABLE, v | VIEW",
        ),
        ("SELECT view_definition FROM shop.INFORMATION_SCHEMA.VIEWS", "SELECT id FROM shop.t"),
        (
            "SELECT column_name, is_partitioning_column, clustering_ordinal_position FROM \
          shop.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 't' ORDER BY ordinal_position",
            "id | NO | 1, day | YES | ∅, s | NO | ∅",
        ),
        (
            "SELECT field_path, data_type FROM shop.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS WHERE column_name = 's' \
          ORDER BY 1",
            "s | STRUCT<a INT64, b STRING>, s.a | INT64, s.b | STRING",
        ),
        (
            "SELECT option_name, option_value FROM shop.INFORMATION_SCHEMA.TABLE_OPTIONS",
            "description | \"it's \\\"t\\\"\"",
        ),
        ("SELECT schema_name FROM INFORMATION_SCHEMA.SCHEMATA", "shop"),
        ("SELECT COUNT(*) FROM `region-asia-northeast3`.INFORMATION_SCHEMA.TABLES", "3"),
    ] {
        assert_eq!(ok(&cloud, "reader", sql).await, want, "{sql}");
    }
    refused(&cloud, "reader", "SELECT * FROM shop.INFORMATION_SCHEMA.JOBS", "knows the views")
        .await;
}

#[tokio::test]
async fn the_result_of_a_query_is_an_anonymous_table() {
    let cloud = people().await;
    let body = json!({"query": "SELECT id FROM shop.people ORDER BY id", "useLegacySql": false, "maxResults": 0});
    let (_, body) = cloud.request("reader", "POST", "/queries", body, &[]).await;
    let path = format!("/jobs/{}", body["jobReference"]["jobId"].as_str().expect("an id"));
    let (_, job) = cloud.request("reader", "GET", &path, Value::Null, &[]).await;
    let table = &job["configuration"]["query"]["destinationTable"];
    let part = |key: &str| table[key].as_str().unwrap_or_default().to_owned();
    let path = format!("/datasets/{}/tables/{}", part("datasetId"), part("tableId"));
    let (status, got) = cloud.request("reader", "GET", &path, Value::Null, &[]).await;
    assert_eq!((status, &got["numRows"]), (200, &json!("3")), "{got}");
    let data = format!("{path}/data?maxResults=2");
    let (_, rows) = cloud.request("reader", "GET", &data, Value::Null, &[]).await;
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(2), "{rows}");
    assert_eq!(cloud.request("analyst", "GET", &path, Value::Null, &[]).await.0, 404);
}
