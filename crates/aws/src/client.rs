//! Builds all clients from the environment.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
pub use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::{Queues, Rds, S3, Secrets};
use landbridge_core::config::SourceKind;
use landbridge_core::{Error, ErrorKind, Result};

/// Attempts per call, including the first. The next tick retries within minutes, so a few are enough.
const ATTEMPTS: u32 = 4;
/// The delay before the second attempt; it doubles for each further attempt.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The limit for establishing a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The limit for one attempt until the first byte of the response.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The AWS clients of one region.
#[derive(Clone, Debug)]
pub struct Aws {
    /// RDS.
    pub rds: Rds,
    /// S3.
    pub s3: S3,
    /// Secrets Manager.
    pub secrets: Secrets,
    /// SQS.
    pub queues: Queues,
}

impl Aws {
    /// Clients for `region` with the credentials of the environment. `AWS_ENDPOINT_URL_RDS`,
    /// `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_SECRETS_MANAGER` and `AWS_ENDPOINT_URL_SQS` replace the endpoint of
    /// one service, `AWS_ENDPOINT_URL` that of all. A custom S3 endpoint gets path-style requests.
    pub async fn from_env(region: &str, kind: SourceKind) -> Self {
        let config = shared_config(region).await;
        let custom_endpoint = |name: &str| {
            std::env::var(name).ok().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok())
        };
        let mut rds = aws_sdk_rds::config::Builder::from(&config);
        rds.set_endpoint_url(custom_endpoint("AWS_ENDPOINT_URL_RDS"));
        let endpoint = custom_endpoint("AWS_ENDPOINT_URL_S3");
        let mut s3 = aws_sdk_s3::config::Builder::from(&config);
        s3.set_force_path_style(Some(endpoint.is_some())).set_endpoint_url(endpoint);
        let mut secrets = aws_sdk_secretsmanager::config::Builder::from(&config);
        secrets.set_endpoint_url(custom_endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER"));
        let mut queues = aws_sdk_sqs::config::Builder::from(&config);
        queues.set_endpoint_url(custom_endpoint("AWS_ENDPOINT_URL_SQS"));
        let queues = Queues::new(aws_sdk_sqs::Client::from_conf(queues.build()));
        let rds = aws_sdk_rds::Client::from_conf(rds.build());
        let s3 = aws_sdk_s3::Client::from_conf(s3.build());
        let secrets = aws_sdk_secretsmanager::Client::from_conf(secrets.build());
        let (s3, secrets) = (S3::new(s3), Secrets::new(secrets));
        Self { rds: Rds::new(rds, kind), s3, secrets, queues }
    }
}

/// The configuration that all clients of `region` share: credentials of the environment, one HTTP
/// client, bounded retries.
async fn shared_config(region: &str) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(http)
        .retry_config(
            RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_BACKOFF),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(READ_TIMEOUT)
                .build(),
        )
        .load()
        .await
}

/// The credentials of the environment, for a caller that signs its own requests.
///
/// # Errors
/// [`ErrorKind::Denied`] if the environment has no credentials.
pub async fn credentials(region: &str) -> Result<Credentials> {
    let none = || Error::new(ErrorKind::Denied, "no AWS credentials were found", "");
    let provider = shared_config(region).await.credentials_provider().ok_or_else(none)?;
    provider.provide_credentials().await.map_err(|error| none().caused_by(error))
}
