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
use crate::support::{Recipe, World};

/// The secret that the demo's configuration names.
const NAME: &str = "landbridge/shop/token-key";

/// What our client guarantees with any server.
async fn promises(account: &Account<'_>) {
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

fn account(world: &World) -> Account<'_> {
    let variables = world.cloud.function_env();
    Account {
        rds: &variables["AWS_ENDPOINT_URL_RDS"],
        s3: &variables["AWS_ENDPOINT_URL_S3"],
        secrets: &variables["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
        key: landbridge_local::ACCESS_KEY,
        secret: landbridge_local::SECRET_KEY,
    }
}

fn key_of(secret: &Secret) -> String {
    TokenKey::parse(secret.bytes(), NAME).expect("a key").token("account", b"123-45")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_secrets_manager_keeps_every_promise() {
    let world = Recipe::small().build().await;
    promises(&account(&world)).await;
    // The key that the local cloud created is valid.
    let secrets: Secrets = account(&world).secrets();
    key_of(&secrets.get(NAME).await.expect("the demo's token key"));

    let impostor = Account { secret: "another", ..account(&world) };
    let stranger = Account { key: "nobody", ..account(&world) };
    for refused in [impostor.secrets(), stranger.secrets()] {
        assert_eq!(refused.get(NAME).await.expect_err("a refusal").kind(), ErrorKind::Denied);
    }
    world.cloud.aws().deny_secret(NAME, true);
    let error = secrets.get(NAME).await.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.sentence().contains("secretsmanager:GetSecretValue"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_keeps_every_promise() {
    let Some(moto) = Moto::start("moto: secrets").await else { return };
    promises(&moto.account()).await;
}

/// Runs `landbridge key create` against a local cloud, with the configuration file `config`.
fn create(world: &World, config: &Path) -> Output {
    let program = std::env::current_exe().expect("this program's path");
    let programs = program.parent().and_then(Path::parent).expect("where Cargo puts programs");
    std::process::Command::new(programs.join("landbridge"))
        .args(["key", "create", "--output", "json", "--config"])
        .arg(config)
        .env_clear()
        .envs(world.cloud.client_env())
        .output()
        .expect("the command starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_creates_a_key_once_and_never_prints_it() {
    let world = Recipe::small().build().await;
    let config = |secret: &str| {
        let path = world.dir.path().join("landbridge.yaml");
        let text = std::fs::read_to_string(&path).expect("the configuration");
        let other = world.dir.path().join("other.yaml");
        std::fs::write(&other, text.replace(NAME, secret)).expect("a file");
        other
    };
    let secrets = account(&world).secrets();
    let another = config("landbridge/another/token-key");

    let first = create(&world, &another);
    let said = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(first.status.success(), "{first:?}");
    assert!(said.contains("\"created\": true"), "{said}");
    let made = secrets.get("landbridge/another/token-key").await.expect("the created secret");
    let token = key_of(&made);
    let written = String::from_utf8(made.bytes().to_vec()).expect("text");
    let encoded = written.rsplit(':').next().expect("a part");

    let second = create(&world, &another);
    assert!(second.status.success() && !String::from_utf8_lossy(&second.stdout).contains("true"));
    let there = secrets.get("landbridge/another/token-key").await.expect("the existing secret");
    assert_eq!(key_of(&there), token, "the key is the same");
    for output in [&first, &second] {
        let all = format!("{output:?}");
        assert!(!all.contains(encoded), "the key was printed");
    }

    // A secret that Terraform created without a value gets one, once.
    let made_empty = account(&world).secrets_sdk().create_secret().name("landbridge/empty/key");
    made_empty.send().await.expect("a secret");
    let empty = config("landbridge/empty/key");
    for created in [true, false] {
        let output = create(&world, &empty);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(&format!("\"created\": {created}")), "{output:?}");
    }

    // Any other secret under that name is not used as a key and not printed.
    let value = Secret::new(b"{\"password\":\"sesame\"}".to_vec());
    assert!(secrets.create("shop/database", "", &value).await.expect("created").is_new());
    let refused = create(&world, &config("shop/database"));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("does not begin with") && said.contains("shop/database"), "{said}");
    assert!(!said.contains("sesame"), "{said}");
}
