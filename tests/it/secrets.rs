//! One test suite for what we require of Secrets Manager, run against the local cloud and moto;
//! and the token key, from the command that creates it to the code that reads it.

use std::path::Path;
use std::process::Output;

use aws_sdk_secretsmanager::primitives::Blob;
use landbridge_aws::{Secret, Secrets};
use landbridge_core::{Created, ErrorKind};
use landbridge_parquet::rewrite::TokenKey;

use crate::moto::Moto;
use crate::sdk::Account;
use crate::support::{TestEnv, TestEnvBuilder};

/// The secret that the demo's configuration names.
const NAME: &str = "landbridge/shop/token-key";

/// What our client guarantees with any server.
async fn check_promises(account: &Account<'_>) {
    let (secrets, sdk) = (account.secrets(), account.secrets_sdk());
    let value = |text: &str| Secret::new(text.as_bytes().to_vec());
    let read = async |id: &str| secrets.get(id).await.map(|secret| secret.bytes().to_vec());
    let kind = async |id: &str| secrets.get(id).await.expect_err("a refusal").kind();

    assert_eq!(kind("promises/key").await, ErrorKind::NotFound);
    let created = secrets.create("promises/key", "a test", &value("first")).await;
    assert_eq!(created.expect("created"), Created::New);
    let created = secrets.create("promises/key", "a test", &value("second")).await;
    assert_eq!(created.expect("found"), Created::AlreadyExists);
    assert_eq!(
        read("promises/key").await.expect("a secret"),
        b"first",
        "the value was not replaced"
    );
    let described =
        sdk.describe_secret().secret_id("promises/key").send().await.expect("a description");
    let arn = described.arn.expect("an ARN");
    assert_eq!(read(&arn).await.expect("by its ARN"), b"first");

    let put = sdk.put_secret_value().secret_id("promises/key").secret_string("third");
    put.send().await.expect("a new version");
    assert_eq!(read("promises/key").await.expect("the current one"), b"third");

    let binary = sdk.create_secret().name("promises/bytes").secret_binary(Blob::new([0_u8, 255]));
    binary.send().await.expect("a secret");
    assert_eq!(read("promises/bytes").await.expect("bytes"), [0, 255]);
    sdk.create_secret().name("promises/empty").send().await.expect("a secret");
    assert_eq!(kind("promises/empty").await, ErrorKind::NotFound, "no version");

    let error = secrets.get("promises/no-such-secret").await.expect_err("a refusal");
    let sentence = error.sentence();
    assert!(sentence.starts_with("a secret cannot be read: promises/no-such-secret"), "{sentence}");
}

fn account(env: &TestEnv) -> Account<'_> {
    let variables = env.cloud.function_env();
    Account {
        rds: &variables["AWS_ENDPOINT_URL_RDS"],
        s3: &variables["AWS_ENDPOINT_URL_S3"],
        secrets: &variables["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
        sqs: &variables["AWS_ENDPOINT_URL_SQS"],
        key: landbridge_local::ACCESS_KEY,
        secret: landbridge_local::SECRET_KEY,
    }
}

fn key_of(secret: &Secret) -> String {
    TokenKey::parse(secret.bytes(), NAME).expect("a key").token("account", b"123-45")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_secrets_manager_keeps_every_promise() {
    let env = TestEnvBuilder::small().build().await;
    check_promises(&account(&env)).await;
    // The key that the local cloud created is valid.
    let secrets: Secrets = account(&env).secrets();
    key_of(&secrets.get(NAME).await.expect("the demo's token key"));

    let wrong_secret = Account { secret: "another", ..account(&env) };
    let unknown_caller = Account { key: "unknown", ..account(&env) };
    for refused in [wrong_secret.secrets(), unknown_caller.secrets()] {
        assert_eq!(refused.get(NAME).await.expect_err("a refusal").kind(), ErrorKind::Denied);
    }
    env.cloud.aws().deny_secret(NAME, true);
    let error = secrets.get(NAME).await.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.sentence().contains("secretsmanager:GetSecretValue"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_keeps_every_promise() {
    let Some(moto) = Moto::start("moto: secrets").await else { return };
    check_promises(&moto.account()).await;
}

/// Runs `landbridge key create` against a local cloud, with the configuration file `config`.
fn run_key_create(env: &TestEnv, config: &Path) -> Output {
    crate::command::command(&env.cloud.client_env())
        .args(["key", "create", "--output", "json", "--config"])
        .arg(config)
        .output()
        .expect("the command starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_creates_a_key_once_and_never_prints_it() {
    let env = TestEnvBuilder::small().build().await;
    let config = |secret: &str| {
        let path = env.dir.path().join("landbridge.yaml");
        let text = std::fs::read_to_string(&path).expect("the configuration");
        let other = env.dir.path().join("other.yaml");
        std::fs::write(&other, text.replace(NAME, secret)).expect("a file");
        other
    };
    let secrets = account(&env).secrets();
    let another = config("landbridge/another/token-key");

    let first = run_key_create(&env, &another);
    let stdout = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(first.status.success(), "{first:?}");
    assert!(stdout.contains("\"created\": true"), "{stdout}");
    let created_secret =
        secrets.get("landbridge/another/token-key").await.expect("the created secret");
    let token = key_of(&created_secret);
    let written = String::from_utf8(created_secret.bytes().to_vec()).expect("text");
    let encoded = written.rsplit(':').next().expect("a part");

    let second = run_key_create(&env, &another);
    assert!(second.status.success() && !String::from_utf8_lossy(&second.stdout).contains("true"));
    let existing = secrets.get("landbridge/another/token-key").await.expect("the existing secret");
    assert_eq!(key_of(&existing), token, "the key is the same");
    for output in [&first, &second] {
        let all = format!("{output:?}");
        assert!(!all.contains(encoded), "the key was printed");
    }

    // A secret that Terraform created without a value gets one, once.
    let empty_secret = account(&env).secrets_sdk().create_secret().name("landbridge/empty/key");
    empty_secret.send().await.expect("a secret");
    let empty = config("landbridge/empty/key");
    for created in [true, false] {
        let output = run_key_create(&env, &empty);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(stdout.contains(&format!("\"created\": {created}")), "{output:?}");
    }

    // Any other secret under that name is not used as a key and not printed.
    let value = Secret::new(b"{\"password\":\"sesame\"}".to_vec());
    assert!(secrets.create("shop/database", "", &value).await.expect("created").is_new());
    let refused = run_key_create(&env, &config("shop/database"));
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("does not begin with") && stderr.contains("shop/database"), "{stderr}");
    assert!(!stderr.contains("sesame"), "{stderr}");
}
