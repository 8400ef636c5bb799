//! Row access policies: who sees rows, and who reads former rows.

use serde_json::{Value, json};

use crate::cloud::{BUCKET, DATASET, TestCloud};

const POLICIES: &str = "/datasets/shop/tables/t/rowAccessPolicies";

async fn create_table(cloud: &TestCloud) {
    cloud.create_table("t", json!([{"name": "id", "type": "INT64"}])).await;
    cloud.load_rows("t", &[json!({"id": 1}), json!({"id": 2})]).await;
}

fn policy(id: &str, filter: &str, grantees: &[&str]) -> Value {
    json!({
        "rowAccessPolicyReference": {"projectId": "p", "datasetId": "shop", "tableId": "t", "policyId": id},
        "filterPredicate": filter,
        "grantees": grantees,
    })
}

async fn create(cloud: &TestCloud, who: &str, body: Value) -> (u16, Value) {
    cloud.request(who, "POST", POLICIES, body, &[]).await
}

async fn delete(cloud: &TestCloud, who: &str, id: &str) -> u16 {
    cloud.request(who, "DELETE", &format!("{POLICIES}/{id}"), Value::Null, &[]).await.0
}

/// How many rows each principal sees.
async fn counts(cloud: &TestCloud) -> Vec<String> {
    let mut counts = Vec::new();
    for who in ["analyst", "reader", "loader", "admin"] {
        let rows = cloud.query(who, "SELECT COUNT(*) FROM shop.t").await.expect("rows");
        counts.push(format!("{who} {}", rows.concat()));
    }
    counts
}

#[tokio::test]
async fn who_is_not_named_sees_no_rows() {
    let cloud = TestCloud::start().await;
    create_table(&cloud).await;
    assert_eq!(counts(&cloud).await, ["analyst 2", "reader 2", "loader 2", "admin 2"]);
    let (status, created) =
        create(&cloud, "loader", policy("readers", "true", &["user:analyst@example.com"])).await;
    assert_eq!((status, &created["filterPredicate"]), (200, &json!("TRUE")), "{created}");
    // Not even an administrator sees a row.
    assert_eq!(counts(&cloud).await, ["analyst 2", "reader 0", "loader 0", "admin 0"]);
    let number = cloud.google.row_versions(DATASET, "t")[0].number;
    for (who, rows) in [("analyst", 2), ("reader", 0)] {
        let reading = cloud.google.read_version_as(who, DATASET, "t", number).expect("rows");
        assert_eq!((reading.row_count, reading.columns[0].cells.len()), (rows, rows), "{who}");
    }
    let everybody =
        policy("all_rows", "TRUE", &["group:reader@example.com", "user:loader@example.com"]);
    assert_eq!(create(&cloud, "loader", everybody.clone()).await.0, 200);
    assert_eq!(counts(&cloud).await, ["analyst 2", "reader 2", "loader 2", "admin 0"]);
    let (_, listed) = cloud.request("loader", "GET", POLICIES, Value::Null, &[]).await;
    let ids: Vec<&Value> = (listed["rowAccessPolicies"].as_array().into_iter().flatten())
        .map(|it| &it["rowAccessPolicyReference"]["policyId"])
        .collect();
    assert_eq!(ids, ["all_rows", "readers"]);
    assert_eq!(create(&cloud, "loader", everybody).await.0, 409);
    for body in [
        policy("some", "id = 1", &[]),
        policy("1st", "TRUE", &[]),
        policy("x", "TRUE", &["analyst@example.com"]),
        policy("x", "TRUE", &["projectViewer:p"]),
    ] {
        assert_eq!(create(&cloud, "loader", body.clone()).await.0, 400, "{body}");
    }
    for who in ["editor", "analyst"] {
        assert_eq!(create(&cloud, who, policy("x", "TRUE", &[])).await.0, 403, "{who}");
        assert_eq!(delete(&cloud, who, "readers").await, 403, "{who}");
    }
}

#[tokio::test]
async fn nobody_but_an_administrator_reads_former_rows() {
    let cloud = TestCloud::start().await;
    create_table(&cloud).await;
    let token = cloud.google.state_token(DATASET, "t");
    let sql = "SELECT COUNT(*) FROM shop.t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()";
    let former = cloud.google.row_versions(DATASET, "t")[1].number;
    assert!(cloud.query("analyst", sql).await.is_ok());
    assert!(cloud.google.read_version_as("analyst", DATASET, "t", former).is_ok());
    let named = policy("readers", "TRUE", &["user:analyst@example.com", "user:admin@example.com"]);
    create(&cloud, "loader", named).await;
    assert_ne!(cloud.google.state_token(DATASET, "t"), token);
    let forbidden = "Access Denied: BigQuery: Time travel on table p:shop.t is forbidden as it has (or \
                     has had) row access policies.";
    for who in ["analyst", "loader"] {
        assert_eq!(cloud.query(who, sql).await, Err(forbidden.to_owned()), "{who}");
        let error = cloud.google.read_version_as(who, DATASET, "t", former).expect_err("forbidden");
        assert_eq!((error.status, error.message.as_str()), (403, forbidden), "{who}");
    }
    assert_eq!(cloud.query("admin", sql).await, Ok(vec!["2".to_owned()]));
    // The last policy is dropped: the rows are open again, but not the former rows.
    assert_eq!(delete(&cloud, "loader", "readers").await, 400, "the last one");
    assert_eq!(delete(&cloud, "loader", "readers?force=true").await, 204);
    assert_eq!(counts(&cloud).await, ["analyst 2", "reader 2", "loader 2", "admin 2"]);
    assert_eq!(cloud.query("analyst", sql).await, Err(forbidden.to_owned()));
}

#[tokio::test]
async fn a_load_keeps_the_policies_unless_it_replaces_the_schema() {
    let cloud = TestCloud::start().await;
    create_table(&cloud).await;
    create(&cloud, "loader", policy("readers", "TRUE", &["user:analyst@example.com"])).await;
    cloud.google.put_object(BUCKET, "1.json", b"{\"id\": 1}").expect("put");
    for (disposition, want) in [
        ("WRITE_TRUNCATE_DATA", ["analyst 1", "reader 0", "loader 0", "admin 0"]),
        ("WRITE_APPEND", ["analyst 2", "reader 0", "loader 0", "admin 0"]),
        ("WRITE_TRUNCATE", ["analyst 1", "reader 1", "loader 1", "admin 1"]),
    ] {
        let load = json!({
            "sourceUris": [format!("gs://{BUCKET}/1.json")],
            "sourceFormat": "NEWLINE_DELIMITED_JSON",
            "writeDisposition": disposition,
            "schema": {"fields": [{"name": "id", "type": "INT64"}]},
        });
        let job = cloud.load(&format!("load-{disposition}"), "t", load).await;
        assert_eq!(job["status"]["errorResult"], Value::Null, "{job}");
        assert_eq!(counts(&cloud).await, want, "{disposition}");
    }
}

#[tokio::test]
async fn policies_are_created_and_dropped_by_statements() {
    let cloud = TestCloud::start().await;
    create_table(&cloud).await;
    let run = async |who: &str, sql: &str| cloud.query(who, sql).await.map(|rows| rows.len());
    let to_analyst = "GRANT TO (\"user:analyst@example.com\") FILTER USING (TRUE)";
    let create = format!("CREATE ROW ACCESS POLICY a ON `p.shop.t` {to_analyst};");
    assert!(run("editor", &create).await.is_err());
    assert_eq!(run("loader", &create).await, Ok(0));
    assert_eq!(counts(&cloud).await, ["analyst 2", "reader 0", "loader 0", "admin 0"]);
    assert!(run("loader", &create).await.is_err(), "it exists");
    for sql in [
        format!("create row access policy if not exists a on shop.t {to_analyst}"),
        "CREATE OR REPLACE ROW ACCESS POLICY a ON shop.t GRANT TO ('user:reader@example.com', \
         'allAuthenticatedUsers') FILTER USING (TRUE)"
            .to_owned(),
    ] {
        assert_eq!(run("loader", &sql).await, Ok(0), "{sql}");
    }
    assert_eq!(counts(&cloud).await, ["analyst 2", "reader 2", "loader 2", "admin 2"]);
    for sql in [
        "DROP ROW ACCESS POLICY a ON shop.t",
        "DROP ROW ACCESS POLICY none ON shop.t",
        "CREATE ROW ACCESS POLICY b ON shop.t GRANT TO (user) FILTER USING (TRUE)",
        "CREATE ROW ACCESS POLICY b ON shop.t FILTER USING (id = 1)",
        "CREATE ROW ACCESS POLICY b ON shop.t",
    ] {
        assert!(run("loader", sql).await.is_err(), "{sql}");
    }
    assert_eq!(run("loader", "DROP ROW ACCESS POLICY IF EXISTS none ON shop.t").await, Ok(0));
    assert_eq!(run("loader", "DROP ALL ROW ACCESS POLICIES ON shop.t").await, Ok(0));
    assert_eq!(counts(&cloud).await, ["analyst 2", "reader 2", "loader 2", "admin 2"]);
}
