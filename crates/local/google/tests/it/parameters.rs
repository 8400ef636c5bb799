//! Query parameters, and the settings of query jobs.

use serde_json::{Value, json};

use crate::cloud::TestCloud;

async fn run(cloud: &TestCloud, principal: &str, body: Value) -> (u16, Value) {
    let mut body = body;
    body["useLegacySql"] = json!(false);
    cloud.request(principal, "POST", "/queries", body, &[]).await
}

fn cells(body: &Value) -> Vec<&Value> {
    body["rows"][0]["f"].as_array().into_iter().flatten().map(|it| &it["v"]).collect()
}

#[tokio::test]
async fn numeric_and_boolean_parameters_keep_their_values() {
    let cloud = TestCloud::start().await;
    let parameter = |ty: &str, value: Value| json!({"parameterType": {"type": ty}, "parameterValue": {"value": value}});
    let (status, body) = run(
        &cloud,
        "job-user",
        json!({
            "query": "SELECT ?, ?, ?, ?, ?, ?",
            "queryParameters": [
                parameter("INT64", json!("5")), parameter("INT64", json!(6)),
                parameter("FLOAT64", json!(2.5)), parameter("BOOL", json!("true")),
                parameter("BOOL", json!(false)), parameter("STRING", json!("it's \\ \"so\"")),
            ],
        }),
    )
    .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(cells(&body), ["5", "6", "2.5", "true", "false", "it's \\ \"so\""]);
}

#[tokio::test]
async fn a_parameter_that_its_type_does_not_have_is_refused() {
    let cloud = TestCloud::start().await;
    for (ty, value, part) in [
        ("INT64", json!("five"), "not a valid INT64"),
        ("BOOL", json!("maybe"), "not a valid BOOL"),
        ("GEOGRAPHY", json!("POINT(0 0)"), "GEOGRAPHY"),
        ("", json!("x"), "does not know"),
    ] {
        let body = json!({
            "query": "SELECT @p",
            "queryParameters": [{"name": "p", "parameterType": {"type": ty}, "parameterValue": {"value": value}}],
        });
        let (status, body) = run(&cloud, "job-user", body).await;
        let message = body["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(status, 400, "{ty}: {body}");
        assert!(message.contains(part), "{ty}: {message}");
        assert!(
            !message.contains("five") && !message.contains("POINT"),
            "a value is quoted: {message}"
        );
    }
}

#[tokio::test]
async fn a_setting_that_has_no_effect_is_refused_by_name() {
    let cloud = TestCloud::start().await;
    for (name, value) in [
        ("createSession", json!(true)),
        ("connectionProperties", json!([{"key": "session_id", "value": "s"}])),
        ("userDefinedFunctionResources", json!([{"inlineCode": "x"}])),
        ("continuous", json!(true)),
        ("destinationtable", json!({"tableId": "t"})),
    ] {
        let mut configuration = json!({"query": {"query": "SELECT 1", "useLegacySql": false}});
        configuration["query"][name] = value.clone();
        let job = json!({ "configuration": configuration });
        let (status, body) = cloud.request("job-user", "POST", "/jobs", job, &[]).await;
        let message = body["error"]["message"].to_string();
        assert!(status == 400 && message.contains(name), "{name}: {status} {body}");
    }
    for (path, body, name) in [
        (
            "/datasets/shop/tables",
            json!({"tableReference": {"tableId": "t"}, "maxStaleness": "1"}),
            "maxStaleness",
        ),
        (
            "/datasets",
            json!({"datasetReference": {"datasetId": "d"}, "isCaseInsensitive": true}),
            "isCaseInsensitive",
        ),
    ] {
        let (status, body) = cloud.request("admin", "POST", path, body, &[]).await;
        assert!(status == 400 && body.to_string().contains(name), "{name}: {status} {body}");
    }
}

#[tokio::test]
async fn a_repeated_request_id_returns_the_same_job() {
    let cloud = TestCloud::start().await;
    let body = json!({"query": "SELECT 1", "requestId": "r-1"});
    let (_, first) = run(&cloud, "job-user", body.clone()).await;
    let (_, second) = run(&cloud, "job-user", body.clone()).await;
    assert_eq!(first["jobReference"], second["jobReference"]);
    let (_, other) = run(&cloud, "analyst", body).await;
    assert_ne!(first["jobReference"], other["jobReference"]);
}

#[tokio::test]
async fn a_dry_run_has_a_schema_and_bytes_but_no_effect() {
    let cloud = TestCloud::start().await;
    let fields = json!([{"name": "id", "type": "INT64"}, {"name": "name", "type": "STRING"}]);
    cloud.create_table("t", fields).await;
    cloud.load_rows("t", &[json!({"id": 1, "name": "abc"}), json!({"id": 2, "name": "d"})]).await;
    let dry = |sql: &str| json!({"configuration": {"dryRun": true, "query": {"query": sql, "useLegacySql": false}}});
    let (status, body) =
        cloud.request("reader", "POST", "/jobs", dry("SELECT id FROM shop.t"), &[]).await;
    let query = &body["statistics"]["query"];
    assert_eq!((status, &query["statementType"]), (200, &json!("SELECT")), "{body}");
    assert_eq!(query["schema"]["fields"][0]["name"], "id");
    assert_eq!(query["totalBytesProcessed"], "16", "8 bytes for each INT64");
    let create = dry("CREATE TABLE shop.made AS SELECT 1 AS one");
    let (status, body) = cloud.request("editor", "POST", "/jobs", create, &[]).await;
    let kind = &body["statistics"]["query"]["statementType"];
    assert_eq!((status, kind), (200, &json!("CREATE_TABLE_AS_SELECT")), "{body}");
    assert_eq!(cloud.google.table_ids("shop"), ["t"]);
}

#[tokio::test]
async fn a_query_job_writes_its_result_to_its_destination() {
    let cloud = TestCloud::start().await;
    let run = async |id: &str, sql: &str, more: Value| {
        let mut query = json!({
            "query": sql, "useLegacySql": false,
            "destinationTable": {"projectId": "p", "datasetId": "shop", "tableId": "result"},
        });
        query
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().cloned().unwrap_or_default());
        let job = json!({"jobReference": {"projectId": "p", "jobId": id}, "configuration": {"query": query}});
        let (status, body) = cloud.request("editor", "POST", "/jobs", job, &[]).await;
        assert_eq!(status, 200, "{body}");
        let path = format!("/jobs/{id}");
        let (_, job) = cloud.request("editor", "GET", &path, Value::Null, &[]).await;
        job["status"]["errorResult"]["message"].as_str().map(str::to_owned)
    };
    let rows = async || cloud.query("editor", "SELECT * FROM shop.result ORDER BY 1").await;
    let missing = run("a0", "SELECT 1 AS id", json!({"createDisposition": "CREATE_NEVER"})).await;
    assert!(missing.is_some_and(|it| it.contains("Not found")));
    assert_eq!(run("a1", "SELECT 1 AS id", json!({})).await, None);
    assert_eq!(rows().await, Ok(vec!["1".to_owned()]));
    let exists = run("a2", "SELECT 2 AS id", json!({})).await;
    assert!(exists.is_some_and(|it| it.contains("Already Exists")), "WRITE_EMPTY is the default");
    assert_eq!(
        run("a3", "SELECT 2 AS id", json!({"writeDisposition": "WRITE_APPEND"})).await,
        None
    );
    assert_eq!(rows().await, Ok(vec!["1".to_owned(), "2".to_owned()]));
    let other = json!({"writeDisposition": "WRITE_APPEND"});
    let mismatch = run("a4", "SELECT 'x' AS id", other).await;
    assert!(mismatch.is_some_and(|it| it.contains("has changed type")));
    let truncate = json!({"writeDisposition": "WRITE_TRUNCATE"});
    assert_eq!(run("a5", "SELECT 'x' AS name", truncate).await, None);
    assert_eq!(rows().await, Ok(vec!["x".to_owned()]));
    let ddl = run("a6", "CREATE TABLE shop.other (id INT64)", json!({})).await;
    assert!(ddl.is_some_and(|it| it.contains("Cannot set destination table")));
}
