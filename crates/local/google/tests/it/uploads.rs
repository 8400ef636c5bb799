//! CSV, and load jobs whose data is uploaded with them.

use serde_json::{Value, json};

use crate::cloud::{BUCKET, TestCloud, tag};

fn job(id: &str, more: Value) -> Value {
    let mut load = json!({
        "sourceFormat": "CSV", "skipLeadingRows": "1",
        "destinationTable": {"projectId": "p", "datasetId": "shop", "tableId": "seed"},
        "schema": {"fields": [
            {"name": "id", "type": "INT64"}, {"name": "name", "type": "STRING"},
            {"name": "price", "type": "NUMERIC"}, {"name": "day", "type": "DATE"},
            {"name": "ok", "type": "BOOL"},
        ]},
    });
    load.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    json!({"jobReference": {"projectId": "p", "jobId": id}, "configuration": {"load": load}})
}

const CSV: &str = "id,name,price,day,ok\n1,\"a, \"\"b\"\"\",1.50,2026-07-01,true\n2,,,,\n";

async fn error_of(cloud: &TestCloud, id: &str) -> Option<String> {
    let path = format!("/jobs/{id}");
    let (_, job) = cloud.request("editor", "GET", &path, Value::Null, &[]).await;
    assert_eq!(job["status"]["state"], "DONE", "{job}");
    job["status"]["errorResult"]["message"].as_str().map(str::to_owned)
}

async fn rows(cloud: &TestCloud) -> Result<Vec<String>, String> {
    cloud.query("reader", "SELECT * FROM shop.seed ORDER BY id").await
}

#[tokio::test]
async fn a_csv_file_is_uploaded_in_chunks_and_loaded() {
    let cloud = TestCloud::start().await;
    let base = format!("{}/upload/bigquery/v2/projects/p/jobs", cloud.bigquery.url());
    let client = reqwest::Client::new();
    let open = client.post(format!("{base}?uploadType=resumable")).bearer_auth("editor");
    let response = open.json(&job("up", json!({}))).send().await.expect("an answer");
    let address = response.headers()["location"].to_str().expect("text").to_owned();
    let put = async |token: &str, from: usize, to: usize, total: &str| {
        let range = format!("bytes {from}-{}/{total}", to - 1);
        let call = client.put(&address).bearer_auth(token).header("content-range", range);
        call.body(&CSV[from..to]).send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(put("analyst", 0, 10, "*").await, 404, "the upload of another user");
    assert_eq!(put("editor", 0, 10, "*").await, 308);
    assert_eq!(put("editor", 10, CSV.len(), &CSV.len().to_string()).await, 200);
    assert_eq!(error_of(&cloud, "up").await, None);
    let want =
        vec!["1 | a, \"b\" | 1.5 | 2026-07-01 | true".to_owned(), "2 |  | ∅ | ∅ | ∅".to_owned()];
    assert_eq!(rows(&cloud).await, Ok(want));
}

#[tokio::test]
async fn a_file_is_uploaded_in_one_multipart_body() {
    let cloud = TestCloud::start().await;
    let body = format!(
        "--b\r\ncontent-type: application/json\r\n\r\n{}\r\n--b\r\ncontent-type: */*\r\n\r\n{CSV}\r\n--b--",
        job("multi", json!({}))
    );
    let url =
        format!("{}/upload/bigquery/v2/projects/p/jobs?uploadType=multipart", cloud.bigquery.url());
    let call = reqwest::Client::new().post(&url).bearer_auth("editor");
    let call = call.header("content-type", "multipart/related; boundary=b").body(body.clone());
    assert_eq!(call.send().await.expect("an answer").status().as_u16(), 200);
    assert_eq!(error_of(&cloud, "multi").await, None);
    assert_eq!(rows(&cloud).await.map(|it| it.len()), Ok(2));
    let call = reqwest::Client::new().post(&url).bearer_auth("creator");
    let call = call.header("content-type", "multipart/related; boundary=b").body(body);
    assert_eq!(call.send().await.expect("an answer").status().as_u16(), 403);
}

#[tokio::test]
async fn csv_that_does_not_fit_is_refused_without_its_values() {
    let cloud = TestCloud::start().await;
    for (id, text, more, part) in [
        ("few", "id,name\n1,secret\n", json!({}), "Row 2 has 2 columns"),
        ("type", "h\nsecret,a,1,2026-07-01,true\n", json!({}), "row 2"),
        ("quote", "h\n1,\"secret\n", json!({}), "Missing close quote"),
    ] {
        cloud.google.put_object(BUCKET, "seed.csv", text.as_bytes()).expect("put");
        let mut body = job(id, more);
        body["configuration"]["load"]["sourceUris"] = json!([format!("gs://{BUCKET}/seed.csv")]);
        let (status, answer) = cloud.request("editor", "POST", "/jobs", body, &[]).await;
        assert_eq!(status, 200, "{answer}");
        let error = error_of(&cloud, id).await.expect("an error");
        assert!(error.contains(part) && !error.contains("secret"), "{id}: {error}");
    }
    let uris = json!([format!("gs://{BUCKET}/seed.csv")]);
    for (id, more, part) in [
        ("bad", json!({"maxBadRecords": 5, "sourceUris": uris}), "maxBadRecords"),
        (
            "detect",
            json!({"autodetect": true, "schema": null, "sourceUris": uris}),
            "does not detect",
        ),
        ("encoding", json!({"encoding": "ISO-8859-1", "sourceUris": uris}), "UTF-8"),
    ] {
        let (status, body) = cloud.request("editor", "POST", "/jobs", job(id, more), &[]).await;
        assert!(status == 400 && body.to_string().contains(part), "{id}: {status} {body}");
    }
    assert!(cloud.google.table_ids("shop").is_empty());
}

#[tokio::test]
async fn an_upload_keeps_the_tags_of_its_table() {
    let cloud = TestCloud::start().await;
    let tagged = json!({"names": [tag("email")]});
    cloud
        .create_table("seed", json!([{"name": "id", "type": "INT64"}, {"name": "name", "type": "STRING", "policyTags": tagged}]))
        .await;
    let fields =
        json!({"fields": [{"name": "id", "type": "INT64"}, {"name": "name", "type": "STRING"}]});
    let job = job("tags", json!({"schema": fields, "writeDisposition": "WRITE_APPEND"}));
    let body = format!("--b\r\n\r\n{job}\r\n--b\r\n\r\nid,name\n1,a@x.kr\r\n--b--");
    let url =
        format!("{}/upload/bigquery/v2/projects/p/jobs?uploadType=multipart", cloud.bigquery.url());
    let call = reqwest::Client::new().post(&url).bearer_auth("editor");
    call.header("content-type", "multipart/related; boundary=b")
        .body(body)
        .send()
        .await
        .expect("sent");
    assert_eq!(error_of(&cloud, "tags").await, None);
    assert_eq!(rows_as(&cloud, "analyst").await, Ok(vec!["1 | XXXXX@x.kr".to_owned()]));
}

async fn rows_as(cloud: &TestCloud, principal: &str) -> Result<Vec<String>, String> {
    cloud.query(principal, "SELECT id, name FROM shop.seed").await
}
