//! Federation without a Google key: an AWS role signs, and the local token service verifies the
//! signature. Our client against it: who is accepted, and who is refused.

use std::time::{Duration, SystemTime};

use google_cloud_auth::credentials::AccessTokenCredentials;
use landbridge_core::receipt::ReceiptState;
use landbridge_core::{Error, ErrorKind};
use landbridge_gcp::Gcp;
use landbridge_gcp::federation::{AwsKeys, ExternalAccount, Federation, KeySource};
use landbridge_local::LocalCloud;
use landbridge_local_wire::{CallFault, CallFaultKind};
use serde_json::Value;

use crate::support::{TestEnv, TestEnvBuilder};

const REGION: &str = "ap-northeast-2";

/// The keys of a function's role.
pub(crate) fn keys(cloud: &LocalCloud, function: &str) -> AwsKeys {
    let variables = cloud.role_env(function);
    AwsKeys {
        access_key: variables["AWS_ACCESS_KEY_ID"].clone(),
        secret_key: variables["AWS_SECRET_ACCESS_KEY"].clone(),
        session_token: variables.get("AWS_SESSION_TOKEN").cloned(),
        region: REGION.to_owned(),
    }
}

/// The credential configuration that the functions receive.
pub(crate) fn configuration(cloud: &LocalCloud) -> Value {
    let json = &cloud.function_env()["LANDBRIDGE_GCP_CREDENTIALS"];
    serde_json::from_str(json).expect("JSON")
}

pub(crate) fn federation(json: &Value, keys: AwsKeys) -> Federation {
    let account = ExternalAccount::parse(json).expect("a valid configuration");
    Federation::new(account, KeySource::Fixed(keys)).expect("a client")
}

/// Our clients with these credentials.
pub(crate) async fn gcp_clients(
    env: &TestEnv,
    credentials: impl Into<AccessTokenCredentials>,
) -> Gcp {
    let variables = env.cloud.function_env();
    let warehouse = &env.cloud.config().warehouse;
    let endpoint = |name: &str| Some(variables[name].clone());
    let clients = Gcp::new(
        credentials.into(),
        &warehouse.project,
        &warehouse.location,
        endpoint("LANDBRIDGE_GCS_ENDPOINT"),
        endpoint("LANDBRIDGE_BIGQUERY_ENDPOINT"),
    );
    clients.await.expect("clients")
}

/// The number of calls of the token service so far.
fn exchange_count(env: &TestEnv) -> usize {
    env.cloud.calls().recorded_calls().iter().filter(|call| call.server == "sts").count()
}

/// The kind and the message of a refused exchange; asserts that no key is in the message.
fn refusal(outcome: Result<impl std::fmt::Debug, Error>, keys: &AwsKeys) -> (ErrorKind, String) {
    let error = outcome.expect_err("a refusal");
    let sentence = error.sentence();
    assert!(!sentence.contains(&keys.secret_key), "{sentence}");
    if let Some(token) = &keys.session_token {
        assert!(!sentence.contains(token), "{sentence}");
    }
    (error.kind(), sentence)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_has_the_permissions_of_its_principal_set() {
    let env = TestEnvBuilder::small().build().await;
    env.cloud.calls().start_recording();
    let json = configuration(&env.cloud);
    let transfer = federation(&json, keys(&env.cloud, "transfer"));
    let bucket = &env.cloud.config().transfer.bucket;

    // Both clients and all concurrent calls share one exchange.
    let clients = gcp_clients(&env, transfer.clone()).await;
    assert_eq!(exchange_count(&env), 0, "no exchange before the first call");
    let stat = |name: &'static str| clients.storage.metadata(bucket, name);
    let all = futures::future::join_all(["a", "b", "c", "d"].map(stat)).await;
    assert!(all.iter().all(|it| matches!(it, Ok(None))), "{all:?}");
    let refused = clients.bigquery.table("shop", "orders").await;
    let error = refused.expect_err("transfer has no permission on this table");
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(exchange_count(&env), 1);

    let load = federation(&json, keys(&env.cloud, "load"));
    let tables = gcp_clients(&env, load.clone()).await.bigquery;
    assert_eq!(tables.table("shop", "orders").await.expect("load may read tables"), None);
    assert_eq!(exchange_count(&env), 2);
    assert_ne!(
        transfer.token().await.expect("a token").value(),
        load.token().await.expect("a token").value()
    );
    let printed =
        format!("{transfer:?} {:?} {:?}", transfer.token().await, keys(&env.cloud, "load"));
    assert!(!printed.contains("ya29") && !printed.contains("secret-of"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_callers_are_refused() {
    let env = TestEnvBuilder::small().build().await;
    let cloud = &env.cloud;
    let json = configuration(cloud);
    let load = keys(cloud, "load");
    let now = SystemTime::now();
    let minutes = |n: u64| Duration::from_secs(60 * n);

    // The account's own user, whose signatures are valid.
    let person = AwsKeys {
        access_key: landbridge_local::ACCESS_KEY.to_owned(),
        secret_key: landbridge_local::SECRET_KEY.to_owned(),
        session_token: None,
        region: REGION.to_owned(),
    };
    // A role of another account, which AWS also knows.
    let foreign_role = landbridge_local_aws::Identity {
        access_key: "ASIAFOREIGN".to_owned(),
        secret_key: "foreign-secret".to_owned(),
        session_token: None,
        arn: "arn:aws:sts::999999999999:assumed-role/landbridge-shop-load/x".to_owned(),
    };
    cloud.aws().add_identity(foreign_role.clone());
    let foreign_role = AwsKeys {
        access_key: foreign_role.access_key,
        secret_key: foreign_role.secret_key,
        ..person.clone()
    };
    let without_session = AwsKeys { session_token: None, ..load.clone() };
    let other_session =
        AwsKeys { session_token: Some("session-of-another".to_owned()), ..load.clone() };
    let forged = AwsKeys { secret_key: "a-guessed-secret".to_owned(), ..load.clone() };
    let unknown = AwsKeys { access_key: "ASIAUNKNOWN".to_owned(), ..load.clone() };
    let elsewhere = AwsKeys { region: "us-east-1".to_owned(), ..load.clone() };

    for (who, keys, at, expected) in [
        (
            "a wrong role",
            keys(cloud, "snapshot"),
            now,
            "unauthorized_client: The given credential is rejected by the attribute condition.",
        ),
        ("a wrong role", keys(cloud, "export"), now, "unauthorized_client"),
        ("no role", person, now, "invalid_grant: The mapped attribute google.subject is empty."),
        ("a foreign account", foreign_role, now, "invalid_grant: The AWS account"),
        (
            "an old request",
            load.clone(),
            now - minutes(16),
            "type SignatureDoesNotMatch with error message: Signature expired",
        ),
        (
            "a request from the future",
            load.clone(),
            now + minutes(16),
            "type SignatureDoesNotMatch",
        ),
        (
            "a wrong signature",
            forged,
            now,
            "type SignatureDoesNotMatch with error message: The request signature we calculated",
        ),
        ("an unknown key", unknown, now, "type InvalidClientTokenId"),
        ("no session token", without_session, now, "type InvalidClientTokenId"),
        ("another session token", other_session, now, "type InvalidClientTokenId"),
        ("another region", elsewhere, now, "type SignatureDoesNotMatch"),
    ] {
        let outcome = federation(&json, keys.clone()).exchange(at).await;
        let (kind, sentence) = refusal(outcome, &keys);
        assert_eq!(kind, ErrorKind::Denied, "{who}: {sentence}");
        assert!(sentence.contains(expected), "{who}: {sentence}");
        assert!(sentence.starts_with("the AWS role could not be exchanged"), "{who}: {sentence}");
    }
    // Just before the deadline is accepted.
    federation(&json, load.clone()).exchange(now - minutes(14)).await.expect("a token");

    // An audience that does not exist.
    let mut foreign = json.clone();
    let audience = foreign["audience"].as_str().expect("text").replace("/aws", "/another");
    foreign["audience"] = audience.into();
    let (kind, sentence) = refusal(federation(&foreign, load.clone()).exchange(now).await, &load);
    assert_eq!(kind, ErrorKind::Denied);
    assert!(sentence.contains("invalid_target: The target service indicated"), "{sentence}");
}

/// Requests that our client never sends: signed for another provider, changed after signing,
/// or for another AWS call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_request_is_refused() {
    let env = TestEnvBuilder::small().build().await;
    let json = configuration(&env.cloud);
    let load = keys(&env.cloud, "load");
    let account = ExternalAccount::parse(&json).expect("a valid configuration");
    let audience = account.audience().to_owned();
    let subject = account.subject_token(&load, SystemTime::now()).expect("signed");
    let mut other = json.clone();
    other["audience"] = audience.replace("/aws", "/another").into();
    let other = ExternalAccount::parse(&other).expect("a valid configuration");
    let for_another = other.subject_token(&load, SystemTime::now()).expect("signed");

    // Percent-encoded: a colon is %3A, a slash %2F.
    let changed = |from: &str, to: &str| {
        let changed = subject.replace(from, to);
        assert_ne!(changed, subject, "{from}");
        changed
    };
    let moved = for_another.replace("%2Fanother", "%2Faws");
    for (what, subject, status, expected) in [
        ("unchanged", subject.clone(), 200, "access_token"),
        ("signed for another provider", for_another, 400, "is not the audience"),
        ("signed for another provider, then changed back", moved, 400, "SignatureDoesNotMatch"),
        ("another action", changed("GetCallerIdentity", "GetSessionToken"), 400, "invalid format"),
        ("another host", changed("amazonaws%2Ecom", "example%2Ecom"), 400, "invalid format"),
        ("another method", changed("POST", "GET"), 400, "invalid format"),
        (
            "no header that names the provider",
            changed("x%2Dgoog%2Dcloud%2Dtarget%2Dresource%22", "x%2Dother%22"),
            400,
            "invalid format",
        ),
        (
            "another signature",
            changed("Signature%3D", "Signature%3D0"),
            400,
            "SignatureDoesNotMatch",
        ),
        (
            "another key's name",
            changed("ASIALOCALLOAD", "ASIALOCALTRANSFER"),
            400,
            "InvalidClientTokenId",
        ),
        ("no JSON", "nonsense".to_owned(), 400, "invalid format"),
    ] {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("audience", &audience),
            ("scope", "https://www.googleapis.com/auth/cloud-platform"),
            ("subject_token_type", "urn:ietf:params:aws:token-type:aws4_request"),
            ("subject_token", &subject),
        ];
        let url = json["token_url"].as_str().expect("text");
        let answer = reqwest::Client::new().post(url).form(&form).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{what}");
        let body: Value = answer.json().await.expect("JSON");
        assert!(body.to_string().contains(expected), "{what}: {body}");
        if status != 200 {
            assert_eq!(body["error"], "invalid_grant", "{what}: {body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiring_tokens_are_replaced() {
    let env = TestEnvBuilder { token_lifetime: Duration::from_secs(1), ..TestEnvBuilder::small() }
        .build()
        .await;
    env.cloud.calls().start_recording();
    let json = configuration(&env.cloud);
    let load = federation(&json, keys(&env.cloud, "load"));
    let first = load.token().await.expect("a token");
    let objects =
        gcp_clients(&env, landbridge_gcp::credentials::static_token(first.value())).await.storage;
    let bucket = &env.cloud.config().transfer.bucket;
    objects.metadata(bucket, "a").await.expect("it counts");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let error = objects.metadata(bucket, "a").await.expect_err("an expired token");
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");

    // The client gets another token before the first one expires.
    let objects = gcp_clients(&env, load.clone()).await.storage;
    objects.metadata(bucket, "a").await.expect("a new token");
    assert_eq!(exchange_count(&env), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_not_cached_and_reaches_the_caller_unchanged() {
    let env = TestEnvBuilder::small().build().await;
    let json = configuration(&env.cloud);
    let load = federation(&json, keys(&env.cloud, "load"));
    let Gcp { storage: objects, bigquery: tables } = gcp_clients(&env, load).await;
    let bucket = &env.cloud.config().transfer.bucket;
    // The role's access to the provider is removed and restored.
    let load_keys = keys(&env.cloud, "load");
    let arn = "arn:aws:sts::123456789012:assumed-role/landbridge-shop-load/landbridge-shop-load";
    let identity = |secret: &str| landbridge_local_aws::Identity {
        access_key: load_keys.access_key.clone(),
        secret_key: secret.to_owned(),
        session_token: load_keys.session_token.clone(),
        arn: arn.to_owned(),
    };
    env.cloud.aws().add_identity(identity("another"));
    for error in [
        objects.metadata(bucket, "a").await.expect_err("no token"),
        tables.table("shop", "orders").await.expect_err("no token"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.to_string().contains("SignatureDoesNotMatch"), "{error}");
    }
    env.cloud.aws().add_identity(identity(&load_keys.secret_key));
    objects.metadata(bucket, "a").await.expect("a new token");
    tables.table("shop", "orders").await.expect("a new token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_needs_three_exchanges_and_no_other_credentials() {
    let env = TestEnvBuilder::small().build().await;
    env.cloud.calls().start_recording();
    assert!(env.run_day(0).await.is_empty());
    assert!(!env.cloud.function_env().contains_key("LANDBRIDGE_GCP_TOKEN"));
    // The processes of transfer, load and protect stay warm: one token each for the complete day.
    assert_eq!(exchange_count(&env), 3);
    assert_eq!(env.receipts("2026-11-21").await.len(), 3);
    let written = env.log_output();
    for secret in ["ya29.", "local-secret-of", "local-session-of"] {
        assert!(!written.contains(secret), "`{secret}` was written");
    }
}

/// Breaks the exchanges of a day in every possible way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_exchange_is_retried() {
    let undisturbed = TestEnvBuilder::small().build().await;
    undisturbed.cloud.calls().start_recording();
    undisturbed.cloud.calls().clear_fault();
    undisturbed.run_day(0).await;
    let calls = undisturbed.cloud.calls().recorded_calls();
    let numbered = (1..).zip(&calls);
    let exchanges: Vec<usize> =
        numbered.filter(|(_, call)| call.server == "sts").map(|(n, _)| n).collect();
    assert_eq!(exchanges.len(), 3);
    for at in exchanges {
        for kind in
            [CallFaultKind::KillCaller, CallFaultKind::DropResponse, CallFaultKind::Reject(503)]
        {
            let env = TestEnvBuilder::small().build().await;
            env.cloud.calls().inject_fault(CallFault { call_number: at, kind });
            env.run_day(0).await;
            assert!(env.cloud.calls().fault_fired(), "{kind:?} at {at}");
            let receipts = env.receipts("2026-11-21").await;
            assert!(
                receipts.len() == 3
                    && receipts.values().all(|it| it.state == ReceiptState::Published),
                "{kind:?} at {at}: {receipts:?}"
            );
        }
    }
}
