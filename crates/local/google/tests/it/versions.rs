//! Time travel: former rows, how long they can be read, and which tags hide them.

use jiff::SignedDuration;
use landbridge_local_google::{ColumnAccess, MaskingRule};
use serde_json::{Value, json};

use crate::cloud::{BUCKET, DATASET, TestCloud, tag};

/// Replaces the rows of a table by one row.
async fn replace(cloud: &TestCloud, table: &str, row: Value, disposition: &str) {
    let number = cloud.google.job_ids().len();
    let name = format!("replace/{table}-{number}.json");
    cloud.google.put_object(BUCKET, &name, row.to_string().as_bytes()).expect("put");
    let load = json!({
        "sourceUris": [format!("gs://{BUCKET}/{name}")],
        "sourceFormat": "NEWLINE_DELIMITED_JSON",
        "writeDisposition": disposition,
        "schema": {"fields": [
            {"name": "id", "type": "INT64"}, {"name": "email", "type": "STRING"},
        ]},
    });
    let job = cloud.load(&format!("replace-{table}-{number}"), table, load).await;
    assert_eq!(job["status"]["errorResult"], Value::Null, "{job}");
}

async fn patch(cloud: &TestCloud, path: &str, body: Value) -> (u16, Value) {
    cloud.request("loader", "PATCH", path, body, &[]).await
}

fn advance(cloud: &TestCloud, hours: i64) {
    cloud.clock.advance_to(cloud.clock.now() + SignedDuration::from_hours(hours));
}

/// How `principal` reads the column `email` of each version, current rows first.
fn readings(cloud: &TestCloud, principal: &str) -> Vec<(ColumnAccess, Vec<Option<String>>)> {
    let versions = cloud.google.row_versions(DATASET, "people");
    let read = |number| {
        let reading = cloud.google.read_version_as(principal, DATASET, "people", number);
        let columns = reading.expect("a version").columns;
        let email = columns.into_iter().find(|it| it.name == "email").expect("a column");
        (email.access, email.cells)
    };
    versions.iter().map(|it| read(it.number)).collect()
}

fn text(value: &str) -> Vec<Option<String>> {
    vec![Some(value.to_owned())]
}

fn people(names: Value) -> Value {
    json!([
        {"name": "id", "type": "INT64"},
        {"name": "email", "type": "STRING", "policyTags": {"names": names}},
    ])
}

#[tokio::test]
async fn former_rows_have_the_tags_of_now() {
    let cloud = TestCloud::start().await;
    cloud.create_table("people", people(json!([tag("email")]))).await;
    replace(&cloud, "people", json!({"id": 1, "email": "a@x.kr"}), "WRITE_TRUNCATE_DATA").await;
    advance(&cloud, 1);
    replace(&cloud, "people", json!({"id": 2, "email": "b@y.kr"}), "WRITE_TRUNCATE_DATA").await;
    let masked = |value| (ColumnAccess::Masked(MaskingRule::EmailMask), text(value));
    assert_eq!(
        readings(&cloud, "analyst@example.com"),
        [
            masked("XXXXX@y.kr"),
            masked("XXXXX@x.kr"),
            (ColumnAccess::Masked(MaskingRule::EmailMask), vec![])
        ],
        "the rows, the former rows, and the table as it was created"
    );
    assert!(matches!(readings(&cloud, "stranger")[1], (ColumnAccess::Denied(_), _)));
    // The tag is removed: the former rows are open, too.
    let untag = json!({"schema": {"fields": people(json!([]))}});
    assert_eq!(patch(&cloud, "/datasets/shop/tables/people", untag).await.0, 200);
    assert_eq!(readings(&cloud, "stranger")[1], (ColumnAccess::Plain, text("a@x.kr")));
}

#[tokio::test]
async fn a_column_that_is_gone_has_no_tag_in_former_rows() {
    let cloud = TestCloud::start().await;
    cloud.create_table("people", people(json!([tag("email")]))).await;
    replace(&cloud, "people", json!({"id": 1, "email": "a@x.kr"}), "WRITE_TRUNCATE_DATA").await;
    advance(&cloud, 1);
    cloud.google.put_object(BUCKET, "other.json", b"{\"id\": 2}").expect("put");
    let load = json!({
        "sourceUris": [format!("gs://{BUCKET}/other.json")],
        "sourceFormat": "NEWLINE_DELIMITED_JSON",
        "writeDisposition": "WRITE_TRUNCATE",
        "schema": {"fields": [{"name": "id", "type": "INT64"}]},
    });
    cloud.load("without-email", "people", load).await;
    let versions = cloud.google.row_versions(DATASET, "people");
    let former = versions[1].number;
    let reading = cloud.google.read_version_as("stranger", DATASET, "people", former);
    let columns = reading.expect("a version").columns;
    assert_eq!((&columns[1].access, &columns[1].cells), (&ColumnAccess::Plain, &text("a@x.kr")));
    // A query fails: the present table has no such column.
    let before = versions[0].since.as_second() - 1;
    let past = |column: &str| {
        format!(
            "SELECT {column} FROM shop.people FOR SYSTEM_TIME AS OF TIMESTAMP_SECONDS({before})"
        )
    };
    for who in ["stranger", "analyst", "reader"] {
        let error = cloud.query(who, &past("email")).await.expect_err("the column is gone");
        assert!(error.contains("the schema has changed"), "{who}: {error}");
        assert_eq!(cloud.query(who, &past("id")).await, Ok(vec!["1".to_owned()]), "{who}");
    }
}

#[tokio::test]
async fn former_rows_expire_with_the_window() {
    let cloud = TestCloud::start().await;
    let dataset = "/datasets/shop";
    let (_, shown) = cloud.request("loader", "GET", dataset, Value::Null, &[]).await;
    assert_eq!(shown["maxTimeTravelHours"], "168");
    for (hours, status) in [
        (json!("47"), 400),
        (json!("50"), 400),
        (json!("192"), 400),
        (json!(72), 200),
        (json!("48"), 200),
    ] {
        let (got, body) = patch(&cloud, dataset, json!({"maxTimeTravelHours": hours})).await;
        assert_eq!(got, status, "{hours}: {body}");
    }
    let (_, shown) = cloud.request("loader", "GET", dataset, Value::Null, &[]).await;
    assert_eq!(shown["maxTimeTravelHours"], "48");

    cloud.create_table("people", people(json!([]))).await;
    let row = |id: i64| json!({"id": id, "email": "a@x.kr"});
    let mut counts = Vec::new();
    for id in 0..4 {
        replace(&cloud, "people", row(id), "WRITE_TRUNCATE_DATA").await;
        counts.push(cloud.google.row_versions(DATASET, "people").len());
        advance(&cloud, 24);
    }
    assert_eq!(counts, [2, 3, 3, 3], "rows that were replaced 48 hours ago are gone");
    let token = cloud.google.state_token(DATASET, "people");
    assert_eq!(cloud.google.state_token(DATASET, "people"), token);
    advance(&cloud, 24);
    assert_ne!(cloud.google.state_token(DATASET, "people"), token, "a version expired");
    // A longer window does not bring expired rows back.
    assert_eq!(patch(&cloud, dataset, json!({"maxTimeTravelHours": "168"})).await.0, 200);
    assert_eq!(cloud.google.row_versions(DATASET, "people").len(), 1);
}

#[tokio::test]
async fn the_state_token_changes_with_rows_tags_and_access() {
    let cloud = TestCloud::start().await;
    let mut seen = vec![cloud.google.state_token(DATASET, "people")];
    let mut changed = |cloud: &TestCloud, what: &str| {
        let token = cloud.google.state_token(DATASET, "people");
        assert!(!seen.contains(&token), "{what}");
        seen.push(token);
    };
    cloud.create_table("people", people(json!([]))).await;
    changed(&cloud, "a table");
    replace(&cloud, "people", json!({"id": 1, "email": "a@x.kr"}), "WRITE_APPEND").await;
    changed(&cloud, "rows");
    let tagged = json!({"schema": {"fields": people(json!([tag("email")]))}});
    patch(&cloud, "/datasets/shop/tables/people", tagged).await;
    changed(&cloud, "a tag");
    cloud.google.add_fine_grained_reader(&tag("email"), "stranger@example.com");
    changed(&cloud, "access");
    cloud.request("loader", "DELETE", "/datasets/shop/tables/people", Value::Null, &[]).await;
    changed(&cloud, "no table");
    cloud.create_table("people", people(json!([]))).await;
    changed(&cloud, "a new table");
}

#[tokio::test]
async fn a_query_reads_the_rows_of_an_instant() {
    let cloud = TestCloud::start().await;
    // 00:00 created, 01:00 one row, 02:00 another one.
    cloud.create_table("people", people(json!([tag("email")]))).await;
    for (id, email) in [(1, "a@x.kr"), (2, "b@y.kr")] {
        advance(&cloud, 1);
        replace(&cloud, "people", json!({"id": id, "email": email}), "WRITE_TRUNCATE_DATA").await;
    }
    advance(&cloud, 1);
    for (at, want) in [
        ("TIMESTAMP '2026-07-01 00:30:00'", ""),
        ("TIMESTAMP '2026-07-01 01:00:00'", "1 | XXXXX@x.kr"),
        ("'2026-07-01 10:59:59+09:00'", "1 | XXXXX@x.kr"),
        ("TIMESTAMP '2026-07-01 02:00:00Z'", "2 | XXXXX@y.kr"),
        ("TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 90 MINUTE)", "1 | XXXXX@x.kr"),
        ("CURRENT_TIMESTAMP()", "2 | XXXXX@y.kr"),
    ] {
        let sql = format!("SELECT id, email FROM `p.shop.people` FOR SYSTEM_TIME AS OF {at}");
        let rows = cloud.query("analyst@example.com", &sql).await.map(|it| it.join(", "));
        assert_eq!(rows.as_deref(), Ok(want), "{at}");
    }
    // Two instants in one query. An alias stands before the clause.
    let past = "FOR SYSTEM_TIME AS OF TIMESTAMP '2026-07-01 01:00:00'";
    for (sql, want) in [
        (
            format!(
                "SELECT later.id, old.id AS old_id FROM shop.people AS later JOIN shop.people AS old {past} ON TRUE"
            ),
            "2 | 1",
        ),
        (
            format!(
                "SELECT later.id, old.id AS old_id FROM shop.people old {past}, shop.people later"
            ),
            "2 | 1",
        ),
        (format!("SELECT people.id FROM shop.people {past}"), "1"),
        (format!("SELECT id FROM `shop`.`people` AS `p` {past} WHERE p.id = 1"), "1"),
        (
            format!(
                "SELECT old.id FROM shop.people AS old {past} + INTERVAL 0 DAY WHERE old.id < 9"
            ),
            "1",
        ),
        (
            format!(
                "WITH old AS (SELECT id AS x FROM shop.people {past}) SELECT x, id FROM old, shop.people"
            ),
            "1 | 2",
        ),
    ] {
        assert_eq!(cloud.query("stranger", &sql).await, Ok(vec![want.to_owned()]), "{sql}");
    }
    let behind = format!("SELECT old.id FROM shop.people {past} AS old");
    assert!(cloud.query("stranger", &behind).await.is_err());
    // A column that the caller may not read.
    let hidden =
        "SELECT email FROM shop.people FOR SYSTEM_TIME AS OF TIMESTAMP '2026-07-01 01:00:00'";
    let error = cloud.query("stranger", hidden).await.expect_err("denied");
    assert!(error.contains("does not have permission to access policy tag"), "{error}");
}

#[tokio::test]
async fn a_query_outside_the_window_is_refused() {
    let cloud = TestCloud::start().await;
    advance(&cloud, 1);
    cloud.create_table("people", people(json!([]))).await;
    replace(&cloud, "people", json!({"id": 1, "email": "a@x.kr"}), "WRITE_TRUNCATE_DATA").await;
    let query = |at: &str| format!("SELECT id FROM shop.people FOR SYSTEM_TIME AS OF {at}");
    let invalid = |at: &str, limit: &str| {
        let at: jiff::Timestamp = at.parse().expect("an instant");
        let limit: jiff::Timestamp = limit.parse().expect("an instant");
        Err(format!(
            "Invalid snapshot time {0} for table p:shop.people@{0}. Cannot read before {1}.",
            at.as_millisecond(),
            limit.as_millisecond()
        ))
    };
    assert_eq!(
        cloud.query("analyst", &query("TIMESTAMP '2026-07-01 00:59:59'")).await,
        invalid("2026-07-01T00:59:59Z", "2026-07-01T01:00:00Z"),
        "before the table existed"
    );
    advance(&cloud, 24 * 8);
    assert_eq!(
        cloud.query("analyst", &query("TIMESTAMP '2026-07-02 00:59:59'")).await,
        invalid("2026-07-02T00:59:59Z", "2026-07-02T01:00:00Z"),
        "before the window"
    );
    let row = Ok(vec!["1".to_owned()]);
    assert_eq!(cloud.query("analyst", &query("TIMESTAMP '2026-07-02 01:00:00'")).await, row);
    for at in ["TIMESTAMP '2026-08-01 00:00:00'", "5", "NULL", "(SELECT 1)", "id"] {
        assert!(cloud.query("analyst", &query(at)).await.is_err(), "{at}");
    }
    let missing = "SELECT 1 FROM shop.none FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()";
    assert_eq!(
        cloud.query("analyst", missing).await,
        Err("Not found: Table p:shop.none was not found in location asia-northeast3".to_owned())
    );
}

#[tokio::test]
async fn the_current_time_of_a_query_is_virtual() {
    let cloud = TestCloud::start().await;
    advance(&cloud, 25);
    let sql = "SELECT CURRENT_DATE(), CURRENT_TIMESTAMP(), CURRENT_DATETIME()";
    let want = "2026-07-02 | 2026-07-02 01:00:00 UTC | 2026-07-02T01:00:00";
    assert_eq!(cloud.query("analyst", sql).await, Ok(vec![want.to_owned()]));
}
