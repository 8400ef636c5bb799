//! Tables of one query over files, and MERGE from them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use landbridge_local_google::{Grants, Role};
use serde_json::{Value, json};

use crate::cloud::{BUCKET, PROJECT, TestCloud, tag};

/// Writes rows without reading any: what a loader has.
const WRITES: Role = Role::Custom(&["bigquery.tables.updateData", "bigquery.tables.get"]);
/// The same, and reads rows.
const READS: Role = Role::Custom(&["bigquery.tables.updateData", "bigquery.tables.getData"]);

/// A table with two people, a file with one of them and a new one, and principals without a role on the tag.
async fn people() -> TestCloud {
    let cloud = TestCloud::start().await;
    let fields = json!([
        {"name": "id", "type": "INT64"},
        {"name": "email", "type": "STRING", "policyTags": {"names": [tag("email")]}},
    ]);
    cloud.create_table("people", fields).await;
    let row = |id: i64, email: &str| json!({"id": id, "email": email});
    cloud.load_rows("people", &[row(1, "a@x.kr"), row(2, "b@y.kr")]).await;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![2, 3]))),
        ("email", Arc::new(StringArray::from(vec!["changed@y.kr", "new@z.kr"]))),
    ];
    cloud.put_parquet("news/1.parquet", columns);
    let grants = |role| Grants::none().project_role(Role::JobUser).dataset_role("shop", role);
    for (name, grants) in [
        ("merger", grants(READS).bucket_role(BUCKET, Role::ObjectViewer)),
        ("writer", grants(WRITES).bucket_role(BUCKET, Role::ObjectViewer)),
        ("fileless", grants(READS)),
    ] {
        cloud.google.add_principal(name, &format!("{name}@example.com"), grants);
    }
    cloud
}

fn definitions() -> Value {
    let uri = format!("gs://{BUCKET}/news/*.parquet");
    json!({"news": {"sourceFormat": "PARQUET", "sourceUris": [uri]}})
}

/// Runs a query job with the file as the table `news`, and returns the job or the refusal.
async fn run(cloud: &TestCloud, who: &str, id: &str, sql: &str, definitions: Value) -> Value {
    let query = json!({"query": sql, "useLegacySql": false, "tableDefinitions": definitions});
    let job = json!({
        "jobReference": {"projectId": PROJECT, "jobId": id}, "configuration": {"query": query},
    });
    let (status, body) = cloud.request(who, "POST", "/jobs", job, &[]).await;
    if status != 200 {
        return body["error"].clone();
    }
    let path = format!("/jobs/{id}");
    cloud.request(who, "GET", &path, Value::Null, &[]).await.1
}

fn error_of(job: &Value) -> String {
    let error = job.pointer("/status/errorResult").unwrap_or(job);
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("reason"), text("message")).trim().to_owned()
}

const MERGE: &str = "MERGE shop.people t USING news s ON t.id = s.id \
                     WHEN MATCHED THEN UPDATE SET email = s.email \
                     WHEN NOT MATCHED THEN INSERT (id, email) VALUES (s.id, s.email)";

async fn rows(cloud: &TestCloud) -> String {
    let all = "SELECT id, email FROM shop.people ORDER BY id";
    cloud.query("reader", all).await.expect("rows").join(", ")
}

#[tokio::test]
async fn a_merge_from_files_writes_a_tagged_column_that_its_caller_may_not_read() {
    let cloud = people().await;
    let job = run(&cloud, "merger", "merge", MERGE, definitions()).await;
    assert_eq!(error_of(&job), "", "{job}");
    let counts = &job["statistics"]["query"]["dmlStats"];
    assert_eq!(
        (&counts["updatedRowCount"], &counts["insertedRowCount"]),
        (&json!("1"), &json!("1"))
    );
    assert_eq!(rows(&cloud).await, "1 | a@x.kr, 2 | changed@y.kr, 3 | new@z.kr");
    let table = cloud.google.table_resource("shop", "people").expect("a table");
    assert_eq!(table["schema"]["fields"][1]["policyTags"]["names"][0], json!(tag("email")));

    let reading = "MERGE shop.people t USING news s ON t.id = s.id AND t.email != s.email \
                   WHEN MATCHED THEN UPDATE SET email = s.email";
    let job = run(&cloud, "merger", "reading", reading, definitions()).await;
    assert!(error_of(&job).contains("policy tag"), "{job}");
}

#[tokio::test]
async fn a_merge_needs_the_rights_to_read_the_table_and_the_files() {
    let cloud = people().await;
    let before = rows(&cloud).await;
    for (who, part) in [
        ("writer", "bigquery.tables.getData"),
        ("fileless", "storage.objects.list"),
        ("stranger", "bigquery.tables.updateData"),
    ] {
        let job = run(&cloud, who, who, MERGE, definitions()).await;
        assert!(error_of(&job).contains(part), "{who}: {job}");
    }
    assert_eq!(rows(&cloud).await, before);
    // Rows can be added without reading any.
    let add = "INSERT shop.people (id) VALUES (9)";
    assert_eq!(error_of(&run(&cloud, "writer", "add", add, json!({})).await), "");
}

#[tokio::test]
async fn a_table_over_files_exists_for_one_query_job_only() {
    let cloud = people().await;
    let sql = "SELECT COUNT(*) FROM news WHERE email LIKE '%@z.kr'";
    let job = run(&cloud, "merger", "select", sql, definitions()).await;
    assert_eq!(error_of(&job), "", "{job}");
    let (_, result) = cloud.request("merger", "GET", "/queries/select", Value::Null, &[]).await;
    assert_eq!(result["rows"][0]["f"][0]["v"], json!("1"), "{result}");
    assert!(cloud.google.table_ids("shop").iter().all(|it| it != "news"));

    let later = run(&cloud, "merger", "later", sql, json!({})).await;
    assert!(error_of(&later).contains("must be qualified"), "{later}");
    let request = json!({"query": sql, "useLegacySql": false, "tableDefinitions": definitions()});
    let (status, body) = cloud.request("merger", "POST", "/queries", request, &[]).await;
    assert!(status == 400 && body.to_string().contains("tableDefinitions"), "{status} {body}");
    for (definition, part) in [
        (json!({"sourceFormat": "CSV", "sourceUris": ["gs://b/o"]}), "Parquet files only"),
        (json!({"sourceFormat": "PARQUET", "connectionId": "c"}), "connectionId"),
        (json!({"sourceFormat": "PARQUET"}), "source URIs"),
    ] {
        let refused = run(&cloud, "merger", "refused", sql, json!({"news": definition})).await;
        assert!(error_of(&refused).contains(part), "{part}: {refused}");
    }
}
