//! The complete local cloud, with this test binary as the functions.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use landbridge_local::{
    InvocationOutcome, LocalCloud, LocalCloudOptions, LocalError, Principal, RunEvent,
};
use landbridge_local_database::{Engine, MemoryDatabase};
use landbridge_local_wire::{CallFault, CallFaultKind};
use serde_json::{Value, json};

use crate::a_function::ARGS;

const CONFIG: &str = "\
version: 1
source: { name: shop, kind: instance, id: shop-prod, region: ap-northeast-2 }
schedule: { zone: Asia/Seoul }
export:
  bucket: shop-exports
  role_arn: arn:aws:iam::123456789012:role/export
  kms_key: arn:aws:kms:ap-northeast-2:123456789012:key/11111111-2222-3333-4444-555555555555
transfer: { bucket: shop-staging }
warehouse: { project: shop-warehouse, location: asia-northeast3, dataset: shop }
pii:
  classes:
    email:
      mask: EMAIL_MASK
      masked_readers: ['group:analysts@example.com']
";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Options in `dir`, with scripts that start this test binary instead of the five programs.
fn options(dir: &Path) -> LocalCloudOptions {
    let config = dir.join("landbridge.yaml");
    std::fs::write(&config, CONFIG).unwrap();
    std::fs::write(dir.join("contract.yaml"), "version: 1\ntables: {}\n").unwrap();
    let programs = dir.join("programs");
    std::fs::create_dir_all(&programs).unwrap();
    let this = std::env::current_exe().unwrap();
    for name in ["snapshot", "export", "transfer", "load", "protect"] {
        let program = programs.join(format!("landbridge-{name}"));
        let script = format!("#!/bin/sh\nexec '{}' {}\n", this.display(), ARGS.join(" "));
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let source = Arc::new(MemoryDatabase::new(Engine::postgres("15.4"), "shop"));
    let mut options =
        LocalCloudOptions::new(dir.join("data"), config, source, at("2026-11-20T15:00:00Z"));
    options.functions_dir = programs;
    options.schedules_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../infra/schedules");
    options
}

fn address<'a>(cloud: &'a LocalCloud, variable: &str) -> &'a str {
    let url = &cloud.function_env()[variable];
    let address = url.strip_prefix("http://").unwrap();
    address.split('/').next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_get_exactly_these_variables() {
    let dir = tempfile::tempdir().unwrap();
    let cloud = LocalCloud::start(options(dir.path())).await.unwrap();
    let outcome = cloud.invoke("snapshot", &json!({"do": "variables"})).await.unwrap();
    let InvocationOutcome::Response(names) = outcome else { panic!("{outcome:?}") };
    let mut names: Vec<&str> = names.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    names.sort_unstable();
    // PWD, OLDPWD, SHLVL and _ come from the shell of the script.
    names.retain(|name| {
        !["PWD", "OLDPWD", "SHLVL", "_", "_X_AMZN_TRACE_ID"].contains(name)
            && !name.starts_with("AWS_LAMBDA_")
    });
    expect_test::expect![[r#"
        AWS_ACCESS_KEY_ID
        AWS_ENDPOINT_URL_RDS
        AWS_ENDPOINT_URL_S3
        AWS_ENDPOINT_URL_SECRETS_MANAGER
        AWS_ENDPOINT_URL_SNS
        AWS_ENDPOINT_URL_SQS
        AWS_REGION
        AWS_SECRET_ACCESS_KEY
        AWS_SESSION_TOKEN
        LANDBRIDGE_BIGQUERY_ENDPOINT
        LANDBRIDGE_CONFIG
        LANDBRIDGE_CONTRACT
        LANDBRIDGE_DATACATALOG_ENDPOINT
        LANDBRIDGE_GCP_CREDENTIALS
        LANDBRIDGE_GCS_ENDPOINT
        LANDBRIDGE_GOOGLE_APIS_ENDPOINT
        LANDBRIDGE_POLICY_TAGS
    "#]]
    .assert_eq(&(names.join("\n") + "\n"));
    let tags: BTreeMap<String, String> =
        serde_json::from_str(&cloud.function_env()["LANDBRIDGE_POLICY_TAGS"]).unwrap();
    assert_eq!(tags.keys().collect::<Vec<_>>(), ["email", "unclassified"]);
    assert_eq!(&tags, cloud.policy_tags());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_counted_and_faults_injected() {
    let dir = tempfile::tempdir().unwrap();
    let cloud = LocalCloud::start(options(dir.path())).await.unwrap();
    for variable in [
        "AWS_ENDPOINT_URL_RDS",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "LANDBRIDGE_GCS_ENDPOINT",
        "LANDBRIDGE_BIGQUERY_ENDPOINT",
    ] {
        let call = json!({"do": "call", "addr": address(&cloud, variable)});
        let invoke = || async { cloud.invoke("export", &call).await.unwrap() };
        cloud.calls().clear_fault();
        // Every request without credentials is refused.
        let InvocationOutcome::Response(status) = invoke().await else { panic!("{variable}") };
        let status: u16 = status.as_str().unwrap().parse().unwrap();
        assert!((400..500).contains(&status), "{variable}: {status}");
        assert_eq!(cloud.calls().count(), 1);
        // Access without HTTP does not count, nor do calls of the Runtime API.
        assert!(cloud.aws().snapshots().is_empty());
        assert_eq!(cloud.calls().count(), 1);

        cloud.calls().inject_fault(CallFault { call_number: 1, kind: CallFaultKind::DropResponse });
        assert_eq!(invoke().await, InvocationOutcome::Response(Value::Null), "{variable}");
        cloud.calls().inject_fault(CallFault { call_number: 1, kind: CallFaultKind::KillCaller });
        assert_eq!(invoke().await, InvocationOutcome::Crashed, "{variable}");
        assert!(cloud.calls().fault_fired());
        assert!(cloud.functions().running().is_empty());
        assert!(invoke().await.is_response(), "{variable}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_ticks_of_a_day_are_invoked() {
    let dir = tempfile::tempdir().unwrap();
    let cloud = LocalCloud::start(options(dir.path())).await.unwrap();
    let mut ticks: BTreeMap<String, usize> = BTreeMap::new();
    let mut hours = 0;
    let summary = cloud
        .run_until(at("2026-11-21T14:59:00Z"), &mut |event| match event {
            RunEvent::Hour(_) => hours += 1,
            RunEvent::Started { tick, .. } => *ticks.entry(tick.function.clone()).or_default() += 1,
            RunEvent::Finished { .. } => {}
        })
        .await
        .unwrap();
    assert_eq!(summary.given_up, []);
    assert_eq!((hours, summary.ticks), (24, 456));
    let expected =
        [("export", 24), ("load", 36), ("protect", 288), ("snapshot", 72), ("transfer", 36)];
    assert_eq!(ticks, expected.map(|(name, n)| (name.to_owned(), n)).into());
    // Each function needed one process only.
    assert_eq!(cloud.functions().cold_starts().len(), 5);
    assert_eq!(cloud.clock().now(), at("2026-11-21T14:59:00Z"));
}

/// Posts JSON to BigQuery as a principal. Returns the HTTP status.
fn post(cloud: &LocalCloud, who: Principal, path: &str, body: &Value) -> u16 {
    let mut server = TcpStream::connect(address(cloud, "LANDBRIDGE_BIGQUERY_ENDPOINT")).unwrap();
    let body = body.to_string();
    write!(
        server,
        "POST /bigquery/v2/projects/shop-warehouse/{path} HTTP/1.1\r\nhost: x\r\n\
         connection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        who.token(),
        body.len(),
    )
    .unwrap();
    let mut answer = String::new();
    server.read_to_string(&mut answer).unwrap();
    answer.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn principals_read_what_their_roles_allow() {
    let dir = tempfile::tempdir().unwrap();
    let cloud = LocalCloud::start(options(dir.path())).await.unwrap();
    let column = |name: &str, class: &str| {
        let tag = &cloud.policy_tags()[class];
        json!({"name": name, "type": "STRING", "policyTags": {"names": [tag]}})
    };
    let table = json!({
        "tableReference":
            {"projectId": "shop-warehouse", "datasetId": "shop", "tableId": "creators"},
        "schema": {"fields": [column("email", "email"), column("passport", "unclassified")]},
    });
    let insert = |who| post(&cloud, who, "datasets/shop/tables", &table);
    assert_eq!(insert(Principal::Analyst), 403);
    assert_eq!(insert(Principal::Loader), 200);
    // (principal, can query `email`, can query `passport`, which is NULL for readers of the dataset)
    for (who, email, passport) in [
        (Principal::Loader, false, false),
        (Principal::Analyst, true, true),
        (Principal::PiiReader, true, true),
        (Principal::Stranger, false, true),
        (Principal::ProjectViewer, false, false),
    ] {
        for (column, may) in [("email", email), ("passport", passport)] {
            let sql = format!("SELECT {column} FROM shop.creators");
            let answer = cloud.google().query_as(who.email(), &sql).await;
            assert_eq!(answer.is_ok(), may, "{} {column}: {answer:?}", who.name());
        }
        assert_eq!(Principal::parse(who.name()), Some(who));
    }
    assert!(cloud.google().query_as("unknown", "SELECT 1").await.is_err());
}

#[tokio::test]
async fn only_the_functions_are_members_of_the_landing_bucket() {
    let dir = tempfile::tempdir().unwrap();
    let cloud = LocalCloud::start(options(dir.path())).await.unwrap();
    let google = cloud.google();
    let policy = google.bucket_policy("shop-staging").unwrap();
    let bindings: Vec<String> = (policy["bindings"].as_array().unwrap().iter())
        .map(|binding| {
            let role = binding["role"].as_str().unwrap().rsplit('.').next().unwrap();
            let members: Vec<&str> = (binding["members"].as_array().unwrap().iter())
                .map(|it| it.as_str().unwrap().rsplit('/').next().unwrap())
                .collect();
            let condition = binding["condition"]["expression"].as_str().unwrap_or("always");
            format!("{role}: {} ({condition})\n", members.join(", "))
        })
        .collect();
    expect_test::expect![[r#"
        objectCreator: landbridge-shop-transfer (always)
        objectViewer: landbridge-shop-load, landbridge-shop-transfer (always)
        legacyBucketReader: landbridge-shop-load (always)
        objectUser: landbridge-shop-load (resource.name.startsWith('projects/_/buckets/shop-staging/objects/landbridge/shop/') && resource.name.endsWith('.json'))
    "#]].assert_eq(&bindings.concat());
    google.put_object("shop-staging", "landbridge/shop/2026-11-21/1.parquet", b"x").unwrap();
    for who in Principal::ALL {
        let can_read = google
            .can_read_object(who.email(), "shop-staging", "landbridge/shop/2026-11-21/1.parquet")
            .unwrap();
        assert_eq!(can_read, who == Principal::Loader, "{}", who.name());
    }
}

#[tokio::test]
async fn all_errors_of_a_configuration_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let text = CONFIG.replace("Asia/Seoul", "Asia/Soul").replace("dataset:", "datset:");
    std::fs::write(&options.config_path, text).unwrap();
    let Err(error) = LocalCloud::start(options).await else { panic!("it started") };
    assert!(matches!(error, LocalError::Config(_)));
    let text = error.to_string();
    for part in ["Asia/Soul", "datset", "dataset"] {
        assert!(text.contains(part), "{text}");
    }
}
