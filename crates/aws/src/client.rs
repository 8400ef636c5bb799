//! All clients from the environment.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
pub use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::{Rds, S3, Secrets};
use landbridge_core::config::SourceKind;
use landbridge_core::{Error, ErrorKind, Result};

/// Attempts per call, the first included. A tick comes again in minutes, so few are enough.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt, doubled for each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one attempt may take until its answer begins.
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
}

impl Aws {
    /// Clients for `region` with the credentials of the environment. The
    /// endpoints follow `AWS_ENDPOINT_URL_RDS`, `AWS_ENDPOINT_URL_S3` and
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER` when they are set; an own S3 endpoint
    /// is addressed by path.
    pub async fn from_env(region: &str, kind: SourceKind) -> Self {
        let config = settings(region).await;
        let own = |name: &str| {
            std::env::var(name).ok().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok())
        };
        let mut rds = aws_sdk_rds::config::Builder::from(&config);
        rds.set_endpoint_url(own("AWS_ENDPOINT_URL_RDS"));
        let endpoint = own("AWS_ENDPOINT_URL_S3");
        let mut s3 = aws_sdk_s3::config::Builder::from(&config);
        s3.set_force_path_style(Some(endpoint.is_some())).set_endpoint_url(endpoint);
        let mut secrets = aws_sdk_secretsmanager::config::Builder::from(&config);
        secrets.set_endpoint_url(own("AWS_ENDPOINT_URL_SECRETS_MANAGER"));
        let rds = aws_sdk_rds::Client::from_conf(rds.build());
        let s3 = aws_sdk_s3::Client::from_conf(s3.build());
        let secrets = aws_sdk_secretsmanager::Client::from_conf(secrets.build());
        Self { rds: Rds::new(rds, kind), s3: S3::new(s3), secrets: Secrets::new(secrets) }
    }
}

/// What all clients of `region` share: credentials of the environment, one HTTP client, bounded
/// retries.
async fn settings(region: &str) -> SdkConfig {
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

/// The credentials of the environment, for a caller that signs its requests itself.
///
/// # Errors
/// `Denied` if there are none.
pub async fn credentials(region: &str) -> Result<Credentials> {
    let none = || Error::new(ErrorKind::Denied, "there are no credentials of AWS", "");
    let provider = settings(region).await.credentials_provider().ok_or_else(none)?;
    provider.provide_credentials().await.map_err(|error| none().caused_by(error))
}
