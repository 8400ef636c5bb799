//! The fixture: an account with one instance, one cluster and one bucket, and clients for it.

use std::sync::Arc;

use aws_sdk_rds::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::retry::RetryConfig;
use jiff::{SignedDuration, Timestamp};
use landbridge_local_aws::{AwsOptions, LocalAws};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};
use landbridge_local_wire::{CallMonitor, Clock, Server, serve};

pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/export";
pub(crate) const KEY: &str = "arn:aws:kms:ap-northeast-2:000000000000:key/1234";
pub(crate) const BUCKET: &str = "exports";

pub(crate) struct Account {
    pub(crate) aws: LocalAws,
    pub(crate) clock: Clock,
    pub(crate) database: MemoryDatabase,
    pub(crate) rds: aws_sdk_rds::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    rds_server: Server,
    s3_server: Server,
    _dir: tempfile::TempDir,
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

fn credentials(secret: &str) -> Credentials {
    Credentials::new("local", secret, None, None, "tests")
}

impl Account {
    pub(crate) async fn start() -> Self {
        Self::start_with(AwsOptions::default()).await
    }

    pub(crate) async fn start_with(options: AwsOptions) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let options = AwsOptions { data_dir: dir.path().to_owned(), ..options };
        let clock = Clock::new("2026-01-01T16:00:00Z".parse().expect("a time"));
        let aws = LocalAws::new(options, clock.clone()).await.expect("an account");
        let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
        let orders = MemoryTable::new("public", "orders")
            .column("id", "bigint not null")
            .column("note", "text")
            .row([Some("1"), Some("첫 주문")])
            .row([Some("2"), None]);
        database.set_table(orders).expect("a table");
        aws.add_instance("shop", Arc::new(database.clone()));
        aws.add_cluster("fleet", Arc::new(database.clone()));
        aws.add_role(ROLE);
        aws.add_kms_key(KEY);
        aws.create_bucket(BUCKET).await;
        let rds_server =
            serve("rds", 0, aws.rds_service(), CallMonitor::default()).await.expect("rds");
        let s3_server = serve("s3", 0, aws.s3_service(), CallMonitor::default()).await.expect("s3");
        let rds = rds_client(&rds_server, credentials("local-secret"));
        let s3 = s3_client(&s3_server, credentials("local-secret"));
        Self { aws, clock, database, rds, s3, rds_server, s3_server, _dir: dir }
    }

    /// Clients that sign with a wrong secret key.
    pub(crate) fn clients_with_wrong_secret(&self) -> (aws_sdk_rds::Client, aws_sdk_s3::Client) {
        let wrong = || credentials("another-secret");
        (rds_client(&self.rds_server, wrong()), s3_client(&self.s3_server, wrong()))
    }

    pub(crate) fn rds_url(&self) -> String {
        self.rds_server.url()
    }

    /// Advances the virtual clock.
    pub(crate) fn advance(&self, minutes: i64) {
        self.clock.advance_to(self.now() + SignedDuration::from_mins(minutes));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Creates a snapshot of `shop` and advances the clock until it is available. Returns its ARN.
    pub(crate) async fn create_snapshot(&self, id: &str) -> String {
        let create = self.rds.create_db_snapshot();
        let create = create.db_snapshot_identifier(id).db_instance_identifier("shop");
        let created = create.send().await.expect("a snapshot");
        let snapshot = created.db_snapshot.expect("a description");
        self.advance(4);
        snapshot.db_snapshot_arn.expect("an ARN")
    }
}

fn rds_client(server: &Server, credentials: Credentials) -> aws_sdk_rds::Client {
    let config = aws_sdk_rds::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-northeast-2"))
        .endpoint_url(server.url())
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(http_client());
    aws_sdk_rds::Client::from_conf(config.build())
}

fn s3_client(server: &Server, credentials: Credentials) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new("ap-northeast-2"))
        .endpoint_url(server.url())
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .force_path_style(true)
        .http_client(http_client());
    aws_sdk_s3::Client::from_conf(config.build())
}

/// The status and code of an error response: `400 DBSnapshotAlreadyExists`.
pub(crate) fn error_of<T: std::fmt::Debug, E>(
    result: Result<T, SdkError<E, HttpResponse>>,
) -> String
where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    let error = result.expect_err("an error response");
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let code = error.as_service_error().and_then(|error| error.code().map(str::to_owned));
    format!("{status} {}", code.unwrap_or_else(|| format!("{error:?}")))
}
