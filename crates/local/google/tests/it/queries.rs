//! Queries in BigQuery's SQL dialect, and the form of their results.

use serde_json::{Value, json};

use crate::cloud::{TestCloud, encoded};

async fn create_sales(cloud: &TestCloud) {
    cloud
        .create_table(
            "sales",
            json!([
                {"name": "id", "type": "INT64"}, {"name": "Partner", "type": "STRING"},
                {"name": "amount", "type": "NUMERIC"}, {"name": "day", "type": "DATE"},
                {"name": "at", "type": "TIMESTAMP"},
            ]),
        )
        .await;
    let row = |id: i64, partner: Option<&str>, amount: &str, day: &str| json!({"id": id, "Partner": partner, "amount": amount, "day": day, "at": format!("{day}T12:00:00.5Z")});
    cloud
        .load_rows(
            "sales",
            &[
                row(1, Some("a"), "10.25", "2026-06-30"),
                row(2, Some("b"), "0.75", "2026-07-01"),
                row(3, None, "100", "2026-07-02"),
            ],
        )
        .await;
}

#[tokio::test]
async fn bigquery_sql_is_supported() {
    let cloud = TestCloud::start().await;
    create_sales(&cloud).await;
    for (sql, want) in [
        ("SELECT id FROM `p.shop.sales` ORDER BY id", "1, 2, 3"),
        ("SELECT id FROM `p`.`shop`.`sales` AS s WHERE s.ID = 2", "2"),
        ("SELECT partner FROM shop.sales ORDER BY PARTNER", "∅, a, b"),
        ("SELECT * EXCEPT (day, `at`, partner) FROM shop.sales WHERE id = 1", "1 | 10.25"),
        (
            "SELECT COUNTIF(amount > 1), SUM(amount), ROUND(AVG(amount), 2) FROM shop.sales",
            "2 | 111 | 37",
        ),
        ("SELECT id / 2 FROM shop.sales WHERE id = 1", "0.5"),
        ("SELECT SAFE_DIVIDE(1, 0), SAFE_CAST('x' AS INT64), IFNULL(NULL, 5)", "∅ | ∅ | 5"),
        ("SELECT IF(id > 1, 'more', \"one\") FROM shop.sales ORDER BY id", "one, more, more"),
        ("SELECT FORMAT_DATE('%Y/%m', day) FROM shop.sales WHERE id = 1", "2026/06"),
        (
            "SELECT DATE_TRUNC(day, MONTH), COUNT(*) FROM shop.sales GROUP BY 1 ORDER BY 1",
            "2026-06-01 | 1, 2026-07-01 | 2",
        ),
        (
            "SELECT DATE(`at`), EXTRACT(YEAR FROM day) FROM shop.sales WHERE id = 1",
            "2026-06-30 | 2026",
        ),
        ("SELECT DATE_DIFF(MAX(day), MIN(day), DAY) FROM shop.sales", "2"),
        ("SELECT id FROM shop.sales WHERE `at` >= TIMESTAMP '2026-07-02 00:00:00'", "3"),
        (
            "SELECT CAST(amount AS STRING), CAST(id AS FLOAT64) FROM shop.sales WHERE id = 3",
            "100 | 3.0",
        ),
        (
            "SELECT TO_HEX(SHA256('a'))",
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        ),
        ("WITH top AS (SELECT * FROM shop.sales) SELECT MAX(id) FROM top", "3"),
        ("SELECT a.id FROM shop.sales a LEFT JOIN shop.sales b USING (id) WHERE b.id = 2", "2"),
        ("SELECT id FROM shop.sales QUALIFY ROW_NUMBER() OVER (ORDER BY amount DESC) = 1", "3"),
        ("SELECT table_name FROM shop.INFORMATION_SCHEMA.TABLES", "sales"),
        (
            "SELECT ARRAY_LENGTH(policy_tags) FROM shop.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS WHERE column_name = 'id'",
            "0",
        ),
    ] {
        let got = cloud.query("reader", sql).await.map(|rows| rows.join(", "));
        assert_eq!(got.as_deref(), Ok(want), "{sql}");
    }
}

/// BigQuery's times go from the year 1 to the end of 9999, in microseconds.
#[tokio::test]
async fn times_of_the_whole_range_and_bytes_can_be_queried() {
    let cloud = TestCloud::start().await;
    cloud
        .create_table(
            "limits",
            json!([
                {"name": "id", "type": "INT64"}, {"name": "until", "type": "TIMESTAMP"},
                {"name": "clock", "type": "DATETIME"}, {"name": "raw", "type": "BYTES"},
            ]),
        )
        .await;
    let row = |id: i64, until: &str, raw: &str| json!({"id": id, "until": format!("{until}Z"), "clock": until, "raw": raw});
    cloud
        .load_rows(
            "limits",
            &[
                row(1, "9999-12-31T23:59:59.999999", "AP8="),
                row(2, "2024-01-01T00:00:00", "YQ=="),
                row(3, "0001-01-01T00:00:00", ""),
            ],
        )
        .await;
    for (sql, want) in [
        ("SELECT id FROM shop.limits WHERE until = TIMESTAMP '9999-12-31 23:59:59.999999+00'", "1"),
        (
            "SELECT id FROM shop.limits WHERE until > TIMESTAMP '1600-01-01 00:00:00+00' ORDER BY id",
            "1, 2",
        ),
        ("SELECT id FROM shop.limits WHERE clock < DATETIME '0001-01-01 00:00:01'", "3"),
        ("SELECT id FROM shop.limits WHERE until < TIMESTAMP('1677-01-01 00:00:00+00')", "3"),
        (
            "SELECT DATETIME_TRUNC(clock, YEAR) FROM shop.limits ORDER BY id",
            "9999-01-01T00:00:00, 2024-01-01T00:00:00, 0001-01-01T00:00:00",
        ),
        (
            "SELECT TIMESTAMP_TRUNC(until, DAY) = TIMESTAMP '9999-12-31 00:00:00+00' FROM shop.limits ORDER BY id",
            "true, false, false",
        ),
        ("SELECT COUNT(DISTINCT TIMESTAMP_TRUNC(until, DAY)) FROM shop.limits", "3"),
        ("SELECT LENGTH(raw) FROM shop.limits ORDER BY id", "2, 1, 0"),
        ("SELECT LENGTH('고객'), LENGTH(NULL)", "2 | ∅"),
    ] {
        let got = cloud.query("reader", sql).await.map(|rows| rows.join(", "));
        assert_eq!(got.as_deref(), Ok(want), "{sql}");
    }
}

#[tokio::test]
async fn invalid_queries_are_rejected() {
    let cloud = TestCloud::start().await;
    create_sales(&cloud).await;
    for (sql, reason) in [
        ("SELEC 1", "invalidQuery"),
        ("DELETE FROM shop.sales WHERE TRUE", "accessDenied"),
        ("SELECT nothing FROM shop.sales", "invalidQuery"),
        ("SELECT 1 FROM sales", "invalid"),
        ("SELECT 1 FROM shop.none", "notFound"),
        ("SELECT CAST(partner AS INT64) FROM shop.sales", "invalidQuery"),
    ] {
        let error = cloud.google.query_as("reader", sql).await.expect_err(sql);
        assert_eq!(error.reason, reason, "{sql}: {error}");
        assert!(!error.message.contains("'a'"), "the error quotes a cell: {error}");
    }
}

#[tokio::test]
async fn results_are_returned_in_pages() {
    let cloud = TestCloud::start().await;
    create_sales(&cloud).await;
    let request = json!({
        "query": "SELECT id, Partner, amount, day, `at`, COUNT(*) OVER () FROM sales ORDER BY id",
        "useLegacySql": false, "maxResults": 2, "formatOptions": {"useInt64Timestamp": true},
        "defaultDataset": {"projectId": "p", "datasetId": "shop"},
    });
    let (status, first) = cloud.request("reader", "POST", "/queries", request, &[]).await;
    assert_eq!(status, 200, "{first}");
    let types: Vec<_> = (first["schema"]["fields"].as_array().into_iter().flatten())
        .map(|it| format!("{} {}", it["name"], it["type"]).replace('"', ""))
        .collect();
    assert_eq!(
        types,
        [
            "id INTEGER",
            "Partner STRING",
            "amount NUMERIC",
            "day DATE",
            "at TIMESTAMP",
            "f0_ INTEGER"
        ]
    );
    assert_eq!(first["totalRows"], "3");
    assert_eq!(
        first["rows"][0],
        json!({"f": [{"v": "1"}, {"v": "a"}, {"v": "10.25"}, {"v": "2026-06-30"}, {"v": "1782820800500000"}, {"v": "3"}]})
    );
    let id = first["jobReference"]["jobId"].as_str().expect("a job");
    let token = first["pageToken"].as_str().expect("more");
    let path = format!("/queries/{id}?pageToken={}&location=asia-northeast3", encoded(token));
    let (_, second) = cloud.request("reader", "GET", &path, Value::Null, &[]).await;
    assert_eq!(second["rows"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&second["rows"][0]["f"][1]["v"], &second["rows"][0]["f"][4]["v"]),
        (&Value::Null, &json!("1782993600.500000"))
    );
    assert_eq!(second["pageToken"], Value::Null);
    let (status, _) = cloud.request("analyst", "GET", &path, Value::Null, &[]).await;
    assert_eq!(status, 403, "the result of another principal's job");
}

#[tokio::test]
async fn named_parameters_are_bound() {
    let cloud = TestCloud::start().await;
    create_sales(&cloud).await;
    let parameter = |name: &str, kind: &str, value: &str| json!({"name": name, "parameterType": {"type": kind}, "parameterValue": {"value": value}});
    let request = json!({
        "query": "SELECT id FROM shop.sales WHERE partner = @who AND day >= @since",
        "useLegacySql": false, "parameterMode": "NAMED",
        "queryParameters": [parameter("who", "STRING", "b"), parameter("since", "DATE", "2026-07-01")],
    });
    let (status, response) = cloud.request("reader", "POST", "/queries", request, &[]).await;
    assert_eq!((status, &response["rows"]), (200, &json!([{"f": [{"v": "2"}]}])), "{response}");
}
