//! The discovery document: each method that it describes is answered.

use serde_json::Value;

use crate::cloud::TestCloud;

#[tokio::test]
async fn every_method_of_the_discovery_document_is_answered() {
    let cloud = TestCloud::start().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let root = cloud.bigquery.url();
    // Without a token: clients read the document before they have one.
    let document = http.get(format!("{root}/discovery/v1/apis/bigquery/v2/rest"));
    let document: Value = document.send().await.expect("sent").json().await.expect("a document");
    let base = document["baseUrl"].as_str().expect("the address of the API");
    assert!(base.starts_with(&root), "{base}");
    let mut answered = 0;
    for resource in document["resources"].as_object().expect("resources").values() {
        for (name, method) in resource["methods"].as_object().expect("methods") {
            let mut path = method["path"].as_str().expect("a path").replace("{projectId}", "p");
            for parameter in ["{datasetId}", "{tableId}", "{jobId}"] {
                path = path.replace(parameter, "none");
            }
            let verb = method["httpMethod"].as_str().expect("a verb").parse().expect("a verb");
            let call = http.request(verb, format!("{base}{path}")).bearer_auth("admin").body("{}");
            let answer = call.send().await.expect("sent");
            let text = answer.text().await.expect("a body");
            let body: Value = serde_json::from_str(&text).unwrap_or_default();
            // The message of an unknown path, which names no resource.
            assert_ne!(body.pointer("/error/message"), Some(&"Not Found".into()), "{name} {path}");
            answered += 1;
        }
    }
    assert_eq!(answered, 22);
}
