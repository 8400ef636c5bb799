//! The IAM policy of a bucket: Google's default bindings, replacement, conditions.

use landbridge_local_google::{Grants, Role};
use serde_json::{Value, json};

use crate::cloud::{BUCKET, TestCloud};

/// Sends a request to the policy of the bucket. Returns the status and the body.
async fn policy(
    cloud: &TestCloud,
    token: &str,
    method: &str,
    query: &str,
    body: Value,
) -> (u16, Value) {
    let url = format!("{}/storage/v1/b/{BUCKET}/iam{query}", cloud.storage.url());
    let request = reqwest::Client::new().request(method.parse().expect("a method"), url);
    let request = request.bearer_auth(token);
    let request = if body.is_null() { request } else { request.json(&body) };
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}

/// The status of a request to an object.
async fn object(cloud: &TestCloud, token: &str, method: &str, name: &str) -> u16 {
    let (base, name) = (cloud.storage.url(), name.replace('/', "%2F"));
    let url = match method {
        "PUT" => format!("{base}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={name}"),
        "LIST" => format!("{base}/storage/v1/b/{BUCKET}/o"),
        _ => format!("{base}/storage/v1/b/{BUCKET}/o/{name}?alt=media"),
    };
    let method = match method {
        "PUT" => "POST",
        "LIST" => "GET",
        other => other,
    };
    let request = reqwest::Client::new().request(method.parse().expect("a method"), url);
    request.bearer_auth(token).body("x").send().await.expect("an answer").status().as_u16()
}

fn bindings(pairs: &[(&str, &[&str])]) -> Value {
    (pairs.iter()).map(|(role, members)| json!({"role": role, "members": members})).collect()
}

#[tokio::test]
async fn a_new_bucket_is_open_to_viewers_and_editors_of_the_project() {
    let cloud = TestCloud::start().await;
    cloud.google.create_bucket("fresh");
    assert_eq!(
        cloud.google.bucket_policy("fresh").expect("a bucket")["bindings"],
        bindings(&[
            ("roles/storage.legacyBucketOwner", &["projectEditor:p", "projectOwner:p"]),
            ("roles/storage.legacyBucketReader", &["projectViewer:p"]),
            ("roles/storage.legacyObjectOwner", &["projectEditor:p", "projectOwner:p"]),
            ("roles/storage.legacyObjectReader", &["projectViewer:p"]),
        ])
    );
    cloud.google.put_object(BUCKET, "a", b"x").expect("put");
    for (token, list, get, put, delete) in [
        ("viewer", 200, 200, 403, 403),
        ("project-editor", 200, 200, 200, 204),
        ("analyst", 403, 403, 403, 403),
    ] {
        let found = [
            object(&cloud, token, "LIST", "").await,
            object(&cloud, token, "GET", "a").await,
            object(&cloud, token, "PUT", "b").await,
            object(&cloud, token, "DELETE", "b").await,
        ];
        assert_eq!(found, [list, get, put, delete], "{token}");
        let readable = cloud.google.can_read_object(token, BUCKET, "a").expect("a principal");
        assert_eq!(readable, get == 200, "{token}");
    }
    // A viewer of the project cannot query a dataset that does not name the viewers.
    assert_eq!(cloud.query("viewer", "SELECT 1").await, Ok(vec!["1".to_owned()]));
    cloud.create_table("t", json!([{"name": "id", "type": "INT64"}])).await;
    assert!(cloud.query("viewer", "SELECT id FROM shop.t").await.is_err());
}

#[tokio::test]
async fn a_policy_replaces_all_bindings() {
    let cloud = TestCloud::start().await;
    cloud.google.put_object(BUCKET, "a", b"x").expect("put");
    for (token, get, put) in
        [("viewer", 403, 403), ("analyst", 403, 403), ("project-editor", 200, 200)]
    {
        let (status, read) = policy(&cloud, token, "GET", "", Value::Null).await;
        assert_eq!(status, get, "{token}");
        let (status, _) = policy(&cloud, token, "PUT", "", read).await;
        assert_eq!(status, put, "{token}");
    }
    let (_, before) = policy(&cloud, "bucket-owner", "GET", "", Value::Null).await;
    let members: Vec<&Value> = (before["bindings"].as_array().into_iter().flatten())
        .filter(|it| it["role"] == "roles/storage.objectAdmin")
        .map(|it| &it["members"])
        .collect();
    assert_eq!(members, [&json!(["user:loader@example.com"])], "a grant is a binding");

    let ours = json!({
        "etag": before["etag"],
        "bindings": bindings(&[("roles/storage.objectViewer", &["user:analyst@example.com"])]),
    });
    let (status, after) = policy(&cloud, "bucket-owner", "PUT", "", ours.clone()).await;
    assert_eq!((status, &after["bindings"]), (200, &ours["bindings"]));
    assert_ne!(after["etag"], before["etag"]);
    for (token, get) in
        [("viewer", 403), ("project-editor", 403), ("loader", 403), ("analyst", 200)]
    {
        assert_eq!(object(&cloud, token, "GET", "a").await, get, "{token}");
    }
    // The etag is now another one.
    let (status, body) = policy(&cloud, "bucket-owner", "PUT", "", ours).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (412, &json!("conditionNotMet")));
    for wrong in ["roles/viewer", "roles/storage.none"] {
        let body = json!({"bindings": bindings(&[(wrong, &["user:analyst@example.com"])])});
        assert_eq!(policy(&cloud, "bucket-owner", "PUT", "", body).await.0, 400, "{wrong}");
    }
    // A grant that is given later is added to the policy.
    let grants = Grants::none().bucket_role(BUCKET, Role::ObjectViewer);
    cloud.google.add_principal("late", "late@example.com", grants);
    assert_eq!(object(&cloud, "late", "GET", "a").await, 200);
}

#[tokio::test]
async fn a_condition_limits_a_binding_to_names() {
    let cloud = TestCloud::start().await;
    let condition = |expression: &str| json!({"title": "receipts", "expression": expression});
    let prefix = "resource.name.startsWith('projects/_/buckets/landing/objects/ours/')";
    let body = |version: i64, expression: &str| {
        json!({"version": version, "bindings": [{
            "role": "roles/storage.objectUser",
            "members": ["user:analyst@example.com"],
            "condition": condition(expression),
        }]})
    };
    let expression = format!("{prefix} && resource.name.endsWith('.json')");
    for (version, expression, status) in [
        (1, expression.as_str(), 400),
        (3, "request.time < timestamp('2026-01-01T00:00:00Z')", 400),
        (3, "resource.name.startsWith('it\\'s')", 400),
        (3, expression.as_str(), 200),
    ] {
        let (got, answer) =
            policy(&cloud, "bucket-owner", "PUT", "", body(version, expression)).await;
        assert_eq!(got, status, "{version} {expression}: {answer}");
    }
    let (_, shown) =
        policy(&cloud, "bucket-owner", "GET", "?optionsRequestedPolicyVersion=3", Value::Null)
            .await;
    assert_eq!(
        (&shown["version"], &shown["bindings"][0]["condition"]["expression"]),
        (&json!(3), &json!(expression))
    );
    // A caller that requests no version must not take the binding for one without a condition.
    let (_, shown) = policy(&cloud, "bucket-owner", "GET", "", Value::Null).await;
    let role = shown["bindings"][0]["role"].as_str().expect("a role");
    assert!(role.starts_with("roles/storage.objectUser_withcond_"), "{shown}");

    for (name, put, get) in
        [("ours/1.json", 200, 200), ("ours/1.parquet", 403, 403), ("other/1.json", 403, 403)]
    {
        assert_eq!(object(&cloud, "analyst", "PUT", name).await, put, "{name}");
        cloud.google.put_object(BUCKET, name, b"x").expect("put");
        assert_eq!(object(&cloud, "analyst", "GET", name).await, get, "{name}");
    }
    // The name of the bucket has no object's prefix.
    assert_eq!(object(&cloud, "analyst", "LIST", "").await, 403);
}
