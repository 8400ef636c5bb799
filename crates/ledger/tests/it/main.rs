//! The ledger over an emulated S3: conditional writes, the format number, and the index of a day.
#![allow(clippy::unwrap_used)]

mod index;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use landbridge_aws::S3;
use landbridge_core::ErrorKind;
use landbridge_core::config::{self, Config};
use landbridge_ledger::records::{self, DRILLS, DayRecord, TOKEN_KEY, TokenKeyRecord};
use landbridge_ledger::{FORMAT, Ledger, Written};
use landbridge_local_aws::{AwsOptions, LocalAws};
use landbridge_local_wire::{CallMonitor, Clock, Server, serve};

const FORMAT_KEY: &str = "ledger/shop/format.json";

/// An emulated S3 with the bucket of the demo's configuration.
struct Cloud {
    aws: LocalAws,
    s3: S3,
    config: Config,
    calls: CallMonitor,
    _server: Server,
    _dir: tempfile::TempDir,
}

impl Cloud {
    async fn new() -> Self {
        let text = include_str!("../../../../examples/demo/landbridge.yaml");
        let config = config::parse("landbridge.yaml", text).expect("a configuration");
        let dir = tempfile::tempdir().expect("a temporary folder");
        let options = AwsOptions { data_dir: dir.path().to_owned(), ..AwsOptions::default() };
        let clock = Clock::new("2026-11-20T16:00:00Z".parse().expect("a time"));
        let aws = LocalAws::new(options, clock).await.expect("an account");
        aws.create_bucket(&config.export.bucket).await;
        let calls = CallMonitor::default();
        let server = serve("s3", 0, aws.s3_service(), calls.clone()).await.expect("a port");
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let client = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("ap-northeast-2"))
            .credentials_provider(Credentials::new("local", "local-secret", None, None, "test"))
            .endpoint_url(server.url())
            .force_path_style(true)
            .http_client(http)
            .build();
        let s3 = S3::new(aws_sdk_s3::Client::from_conf(client));
        Self { aws, s3, config, calls, _server: server, _dir: dir }
    }

    /// The ledger as a function opens it at cold start.
    fn ledger(&self) -> Ledger {
        Ledger::new(self.s3.clone(), &self.config)
    }

    async fn put(&self, key: &str, text: &'static str) {
        let bucket = &self.config.export.bucket;
        let written = self.s3.create(bucket, key, text.as_bytes().into()).await;
        assert!(written.is_ok(), "{written:?}");
    }

    async fn text(&self, key: &str) -> Option<String> {
        let object = self.s3.get(&self.config.export.bucket, key).await.expect("an answer");
        object.map(|(bytes, _)| String::from_utf8(bytes.into()).expect("text"))
    }
}

fn day() -> landbridge_core::calendar::Day {
    "2026-11-21".parse().expect("a day")
}

fn key(id: &str) -> TokenKeyRecord {
    TokenKeyRecord { id: id.to_owned() }
}

#[tokio::test]
async fn the_first_record_counts() {
    let cloud = Cloud::new().await;
    let (one, two) = (cloud.ledger().day(day()), cloud.ledger().day(day()));
    let (first, second) = (key("first"), key("second"));
    let (one, two) =
        tokio::join!(one.create_or_get(&TOKEN_KEY, &first), two.create_or_get(&TOKEN_KEY, &second));
    assert_eq!(one.expect("a record").value, two.expect("a record").value);
}

#[tokio::test]
async fn a_new_record_is_created_with_one_call_and_has_its_version() {
    let cloud = Cloud::new().await;
    let ledger = cloud.ledger().day(day());
    // The format number is read before.
    ledger.get(&TOKEN_KEY).await.unwrap();
    ledger.create(&records::intent("orders", 0), &intent()).await.unwrap();
    let before = cloud.calls.count();
    let created = ledger.create_or_get(&TOKEN_KEY, &key("a")).await.unwrap();
    assert_eq!(cloud.calls.count() - before, 1);
    let replaced = ledger.replace(&TOKEN_KEY, &created.etag, &key("b")).await.unwrap();
    assert_eq!(replaced, Written::Yes);
    assert_eq!(ledger.create_or_get(&TOKEN_KEY, &key("c")).await.unwrap().value, key("b"));
}

#[tokio::test]
async fn a_replaced_version_is_overtaken_and_an_equal_record_is_not() {
    let cloud = Cloud::new().await;
    let ledger = cloud.ledger().day(day());
    assert_eq!(ledger.create(&TOKEN_KEY, &key("a")).await.unwrap(), Written::Yes);
    assert_eq!(ledger.create(&TOKEN_KEY, &key("a")).await.unwrap(), Written::Yes);
    assert_eq!(ledger.create(&TOKEN_KEY, &key("b")).await.unwrap(), Written::Overtaken);
    let read = ledger.get(&TOKEN_KEY).await.unwrap().unwrap();
    let replace = |id: &str| {
        let (ledger, etag, key) = (ledger.clone(), read.etag.clone(), key(id));
        async move { ledger.replace(&TOKEN_KEY, &etag, &key).await.unwrap() }
    };
    assert_eq!(replace("b").await, Written::Yes);
    assert_eq!(replace("b").await, Written::Yes, "a repeated write whose answer was lost");
    assert_eq!(replace("c").await, Written::Overtaken);
}

#[tokio::test]
async fn names_and_values_of_a_folder() {
    let cloud = Cloud::new().await;
    let ledger = cloud.ledger().day(day());
    for table in ["orders", "people"] {
        ledger.create(&records::intent(table, 0), &intent()).await.unwrap();
    }
    let names: Vec<String> = ledger.names("intents").await.unwrap().into_keys().collect();
    assert_eq!(names, ["orders", "people"]);
    let values: Vec<records::Intent> = ledger.read_all("intents").await.unwrap();
    assert_eq!(values, [intent(), intent()]);
    assert_eq!(ledger.location("intents/"), "s3://shop-exports/ledger/shop/2026-11-21/intents/");
}

fn intent() -> records::Intent {
    records::Intent { rows_before: Some(3), changes: Vec::new(), other_key: None }
}

#[tokio::test]
async fn the_first_write_creates_the_format_number_and_reading_does_not() {
    let cloud = Cloud::new().await;
    let ledger = cloud.ledger();
    assert!(ledger.day(day()).get(&TOKEN_KEY).await.unwrap().is_none());
    assert_eq!(cloud.text(FORMAT_KEY).await, None);
    ledger.day(day()).create(&TOKEN_KEY, &key("a")).await.unwrap();
    let format = cloud.text(FORMAT_KEY).await.expect("a record");
    assert!(format.contains(&format!("\"format\": {FORMAT}")), "{format}");
}

#[tokio::test]
async fn the_operator_never_writes_the_format_number() {
    let cloud = Cloud::new().await;
    let ledger = Ledger::for_operator(cloud.s3.clone(), &cloud.config).source();
    let drill = landbridge_ledger::name::SourceName::new(format!("{DRILLS}/now.json"));
    ledger.create(&drill, &1).await.unwrap();
    assert_eq!(cloud.text(FORMAT_KEY).await, None);
}

#[tokio::test]
async fn a_process_reads_the_format_number_once() {
    let cloud = Cloud::new().await;
    cloud.ledger().day(day()).create(&TOKEN_KEY, &key("a")).await.unwrap();
    let before = cloud.calls.count();
    let ledger = cloud.ledger();
    for _ in 0..3 {
        ledger.day(day()).get(&TOKEN_KEY).await.unwrap();
        ledger.source().value(&records::claim("orders")).await.unwrap();
    }
    assert_eq!(cloud.calls.count() - before, 6 + 1);
}

#[tokio::test]
async fn two_first_ticks_at_once_agree_on_the_format_number() {
    let cloud = Cloud::new().await;
    let (one, two) = (cloud.ledger().day(day()), cloud.ledger().day(day()));
    let (claim, record) = (records::intent("orders", 0), intent());
    let (one, two) = tokio::join!(one.create(&claim, &record), two.create(&claim, &record));
    assert_eq!((one.unwrap(), two.unwrap()), (Written::Yes, Written::Yes));
    assert!(cloud.text(FORMAT_KEY).await.is_some());
}

#[tokio::test]
async fn a_newer_format_number_is_refused_before_anything_is_read_or_written() {
    let cloud = Cloud::new().await;
    cloud.put(FORMAT_KEY, r#"{"format": 2, "landbridge": "3.1.0"}"#).await;
    cloud.put("ledger/shop/2026-11-21/day.json", "not what this version expects").await;
    let ledgers = [cloud.ledger(), Ledger::for_operator(cloud.s3.clone(), &cloud.config)];
    for ledger in ledgers {
        let ledger = ledger.day(day());
        let errors = [
            ledger.get::<DayRecord>(&records::DAY).await.map(|_| ()).unwrap_err(),
            ledger.names("items").await.map(|_| ()).unwrap_err(),
            ledger.create(&TOKEN_KEY, &key("a")).await.map(|_| ()).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            assert!(text.contains("s3://shop-exports/ledger/shop/format.json: format 2"), "{text}");
            assert!(text.contains("use version 3.1.0 or a newer one"), "{text}");
        }
    }
    assert_eq!(cloud.text("ledger/shop/2026-11-21/token-key.json").await, None);
}
