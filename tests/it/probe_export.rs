//! `landbridge probe aws --export` on an export of the local cloud: its keys, manifests, footers and types.

use serde_json::Value;

use crate::command::{landbridge, output_text};
use crate::support::{TestEnv, TestEnvBuilder};

const BUCKET: &str = "shop-exports";
const EXPORT: &str = "exports/landbridge-shop-20261121-a1";

async fn probe(env: &TestEnv) -> Value {
    let variables = env.operator_variables();
    let args = ["probe", "aws", "--export", EXPORT, "--output", "json"];
    let output = landbridge(&variables, &args);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", output_text(&output)))
}

/// The claims that do not hold, but for the one about the writer of the files: the local RDS has another writer.
fn contradicted(report: &Value) -> Vec<&str> {
    let all = report["findings"].as_array().expect("findings");
    let all = all.iter().filter(|it| it["verdict"] == "does_not_hold");
    let claims = all.map(|it| it["claim"].as_str().expect("a text"));
    claims.filter(|it| *it != "export-encodings").collect()
}

fn verdict<'a>(report: &'a Value, claim: &str) -> &'a str {
    let all = report["findings"].as_array().expect("findings");
    let found = all.iter().find(|it| it["claim"] == claim).expect("the claim is probed");
    found["verdict"].as_str().expect("a text")
}

/// Replaces a text in the manifests of tables.
async fn replace_in_manifests(env: &TestEnv, from: &str, to: &str) {
    let aws = env.cloud.aws();
    let listed = aws.list_objects(BUCKET, &format!("{EXPORT}/export_tables_info_")).await;
    assert!(!listed.is_empty());
    for object in listed {
        let bytes = aws.read_object(BUCKET, &object.key).await.expect("S3").expect("a manifest");
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        assert!(text.contains(from), "{text}");
        aws.put_object(BUCKET, &object.key, text.replace(from, to).into()).await.expect("S3");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_types_of_an_export_are_compared_and_one_that_differs_is_named() {
    let env = TestEnvBuilder::small().build().await;
    let failed = env.run_day(0).await;
    assert!(failed.is_empty(), "{failed:#?}");

    let report = probe(&env).await;
    assert_eq!(contradicted(&report), [""; 0], "{report}");
    for claim in ["export-layout", "export-manifest-types", "export-postgres-text"] {
        assert_eq!(verdict(&report, claim), "holds", "{claim}: {report}");
    }
    assert_eq!(verdict(&report, "export-mysql-types"), "not_tested", "{report}");
    for name in ["people", "secret", "shop"] {
        assert!(!report.to_string().contains(name), "{name}: {report}");
    }

    // A name that is none of the catalogue's, and then a type that the files do not have.
    replace_in_manifests(&env, "timestamp with time zone", "timestamptz").await;
    let report = probe(&env).await;
    assert_eq!(contradicted(&report), ["export-manifest-types"], "{report}");
    replace_in_manifests(&env, "timestamptz", "timestamp with time zone").await;
    replace_in_manifests(&env, "bigint", "boolean").await;
    let report = probe(&env).await;
    assert_eq!(contradicted(&report), ["export-postgres-text"], "{report}");
}
