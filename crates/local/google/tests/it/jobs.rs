//! Job calls: ids, configurations, and jobs that take long.

use serde_json::{Value, json};

use crate::cloud::{BUCKET, TestCloud, tag};

fn job(id: &str, configuration: Value) -> Value {
    json!({
        "jobReference": {"projectId": "p", "jobId": id, "location": "asia-northeast3"},
        "configuration": configuration,
    })
}

fn load_configuration(object: &str) -> Value {
    json!({"load": {
        "sourceUris": [format!("gs://{BUCKET}/{object}")],
        "sourceFormat": "NEWLINE_DELIMITED_JSON",
        "writeDisposition": "WRITE_TRUNCATE_DATA",
        "destinationTable": {"projectId": "p", "datasetId": "shop", "tableId": "t"},
        "schema": {"fields": [{"name": "id", "type": "INT64"}]},
    }})
}

async fn insert(cloud: &TestCloud, principal: &str, body: Value) -> (u16, Value) {
    cloud.request(principal, "POST", "/jobs", body, &[]).await
}

async fn get(cloud: &TestCloud, principal: &str, id: &str) -> Value {
    let path = format!("/jobs/{id}?location=asia-northeast3");
    cloud.request(principal, "GET", &path, Value::Null, &[]).await.1
}

async fn ids(cloud: &TestCloud) -> Vec<String> {
    cloud.query("reader", "SELECT id FROM shop.t ORDER BY id").await.expect("rows")
}

#[tokio::test]
async fn a_query_job_needs_no_right_on_data_and_uses_up_its_id() {
    let cloud = TestCloud::start().await;
    let select = json!({"query": {"query": "SELECT 1", "useLegacySql": false}});
    let (status, body) = insert(&cloud, "job-user", job("fenced", select.clone())).await;
    assert_eq!((status, &body["status"]["state"]), (200, &json!("RUNNING")), "{body}");
    let read = get(&cloud, "job-user", "fenced").await;
    assert_eq!(
        (&read["status"]["state"], &read["status"]["errorResult"]),
        (&json!("DONE"), &Value::Null)
    );
    assert_eq!(read["configuration"]["jobType"], "QUERY");
    assert_eq!(read["configuration"]["query"]["query"], "SELECT 1");
    assert_eq!(read["configuration"]["query"]["destinationTable"]["projectId"], "p");
    // The id is used up for every kind of job and every principal.
    cloud.google.put_object(BUCKET, "rows.json", b"{\"id\": 1}").expect("put");
    cloud.create_table("t", json!([{"name": "id", "type": "INT64"}])).await;
    for (principal, configuration) in
        [("job-user", select), ("loader", load_configuration("rows.json"))]
    {
        let (status, body) = insert(&cloud, principal, job("fenced", configuration)).await;
        let reason = &body["error"]["errors"][0]["reason"];
        assert_eq!((status, reason), (409, &json!("duplicate")), "{principal}");
        let message = "Already Exists: Job p:asia-northeast3.fenced";
        assert_eq!(body["error"]["message"], message);
    }
    assert_eq!(ids(&cloud).await, Vec::<String>::new());
    let (status, _) = insert(
        &cloud,
        "creator",
        job("other", json!({"query": {"query": "SELECT 1", "useLegacySql": false}})),
    )
    .await;
    assert_eq!(status, 403, "without bigquery.jobs.create");
}

#[tokio::test]
async fn a_job_shows_the_configuration_with_which_it_was_inserted() {
    let cloud = TestCloud::start().await;
    cloud.create_table("t", json!([{"name": "id", "type": "INT64"}])).await;
    cloud.google.put_object(BUCKET, "rows.json", b"{\"id\": 1}").expect("put");
    let configuration = load_configuration("rows.json");
    insert(&cloud, "loader", job("load-1", configuration.clone())).await;
    let read = get(&cloud, "loader", "load-1").await;
    assert_eq!(read["configuration"]["jobType"], "LOAD");
    for key in ["destinationTable", "sourceUris", "schema", "writeDisposition"] {
        assert_eq!(read["configuration"]["load"][key], configuration["load"][key], "{key}");
    }
    // Another principal reads it only with the permission bigquery.jobs.get.
    let denied = get(&cloud, "job-user", "load-1").await;
    assert_eq!(denied["error"]["code"], 403);
}

#[tokio::test]
async fn a_held_job_takes_effect_when_it_is_released() {
    let cloud = TestCloud::start().await;
    let fields =
        |names: Value| json!([{"name": "id", "type": "INT64", "policyTags": {"names": names}}]);
    cloud.create_table("t", fields(json!([]))).await;
    for id in 1..=2 {
        let row = json!({"id": id}).to_string();
        cloud.google.put_object(BUCKET, &format!("{id}.json"), row.as_bytes()).expect("put");
    }
    cloud.google.hold_next_job();
    insert(&cloud, "loader", job("first", load_configuration("1.json"))).await;
    insert(&cloud, "loader", job("second", load_configuration("2.json"))).await;
    assert_eq!(get(&cloud, "loader", "first").await["status"]["state"], "RUNNING");
    assert_eq!(get(&cloud, "loader", "second").await["status"]["state"], "DONE");
    assert_eq!(
        (ids(&cloud).await, cloud.google.held_jobs()),
        (vec!["2".to_owned()], vec!["first".to_owned()])
    );
    // What changes in between stays: the late job keeps the table's new tag.
    let patch = json!({"schema": {"fields": fields(json!([tag("email")]))}});
    cloud.request("loader", "PATCH", "/datasets/shop/tables/t", patch, &[]).await;
    cloud.google.release_job("first").await.expect("a held job");
    let read = get(&cloud, "loader", "first").await;
    assert_eq!(
        (&read["status"]["state"], &read["statistics"]["load"]["outputRows"]),
        (&json!("DONE"), &json!("1"))
    );
    assert_eq!(ids(&cloud).await, ["1"]);
    let table = cloud.google.table_resource("shop", "t").expect("a table");
    assert_eq!(table["schema"]["fields"][0]["policyTags"]["names"], json!([tag("email")]));
    assert_eq!(cloud.google.release_job("first").await.expect_err("not held").status, 404);
}

#[tokio::test]
async fn a_held_job_can_be_cancelled() {
    let cloud = TestCloud::start().await;
    cloud.create_table("t", json!([{"name": "id", "type": "INT64"}])).await;
    cloud.google.put_object(BUCKET, "1.json", b"{\"id\": 1}").expect("put");
    cloud.google.hold_next_job();
    insert(&cloud, "loader", job("slow", load_configuration("1.json"))).await;
    let path = "/jobs/slow/cancel?location=asia-northeast3";
    assert_eq!(cloud.request("loader", "POST", path, Value::Null, &[]).await.0, 200);
    let read = get(&cloud, "loader", "slow").await;
    assert_eq!(read["status"]["errorResult"]["reason"], "stopped");
    assert_eq!(ids(&cloud).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_load_keeps_the_tags_and_needs_a_right_to_name_them() {
    let cloud = TestCloud::start().await;
    let fields = json!([{"name": "id", "type": "INT64", "policyTags": {"names": [tag("email")]}}]);
    cloud.create_table("t", fields).await;
    cloud.google.put_object(BUCKET, "1.json", b"{\"id\": 1}").expect("put");
    // `editor` may write rows, but has no permission bigquery.tables.setCategory.
    for (id, names, status) in [
        ("same", Some(json!([tag("email")])), 403),
        ("other", Some(json!([tag("phone")])), 403),
        ("empty", Some(json!([])), 403),
        ("none", None, 200),
    ] {
        let mut configuration = load_configuration("1.json");
        if let Some(names) = names {
            configuration["load"]["schema"]["fields"][0]["policyTags"] = json!({"names": names});
        }
        let (got, body) = insert(&cloud, "editor", job(id, configuration)).await;
        assert_eq!(got, status, "{id}: {body}");
        if status == 403 {
            let path = format!("/jobs/{id}");
            let (status, _) = cloud.request("loader", "GET", &path, Value::Null, &[]).await;
            assert_eq!(status, 404, "a refused job does not exist");
        }
    }
    let done = get(&cloud, "editor", "none").await;
    assert_eq!(done["statistics"]["load"]["outputRows"], "1", "{done}");
    let table = cloud.google.table_resource("shop", "t").expect("a table");
    assert_eq!(table["schema"]["fields"][0]["policyTags"]["names"], json!([tag("email")]));
}
