//! The AWS SDK's clients for servers on the loopback interface.

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// The region of all tests.
pub(crate) const REGION: &str = "ap-northeast-2";

/// The endpoints and the credentials of a test account.
pub(crate) struct Account<'a> {
    /// RDS.
    pub(crate) rds: &'a str,
    /// S3.
    pub(crate) s3: &'a str,
    /// Secrets Manager.
    pub(crate) secrets: &'a str,
    /// SQS.
    pub(crate) sqs: &'a str,
    /// The access key.
    pub(crate) key: &'a str,
    /// Its secret.
    pub(crate) secret: &'a str,
}

impl Account<'_> {
    fn credentials(&self) -> Credentials {
        Credentials::new(self.key, self.secret, None, None, "tests")
    }

    /// A client of RDS without retries: a retry would hide the first response.
    pub(crate) fn rds(&self) -> aws_sdk_rds::Client {
        let config = aws_sdk_rds::Config::builder()
            .behavior_version(aws_sdk_rds::config::BehaviorVersion::latest())
            .region(aws_sdk_rds::config::Region::new(REGION))
            .endpoint_url(self.rds)
            .credentials_provider(self.credentials())
            .retry_config(RetryConfig::disabled())
            .http_client(http());
        aws_sdk_rds::Client::from_conf(config.build())
    }

    /// A client of S3 without retries.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.s3)
            .credentials_provider(self.credentials())
            .retry_config(RetryConfig::disabled())
            .force_path_style(true)
            .http_client(http());
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// Our client of Secrets Manager, on an SDK client without retries.
    pub(crate) fn secrets(&self) -> landbridge_aws::Secrets {
        landbridge_aws::Secrets::new(self.secrets_sdk())
    }

    /// A client of Secrets Manager without retries.
    pub(crate) fn secrets_sdk(&self) -> aws_sdk_secretsmanager::Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
            .region(aws_sdk_secretsmanager::config::Region::new(REGION))
            .endpoint_url(self.secrets)
            .credentials_provider(self.credentials())
            .retry_config(RetryConfig::disabled())
            .http_client(http());
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }

    /// Our client of SQS, on an SDK client without retries.
    pub(crate) fn queues(&self) -> landbridge_aws::Queues {
        landbridge_aws::Queues::new(self.sqs_sdk())
    }

    /// A client of SQS without retries.
    pub(crate) fn sqs_sdk(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(aws_sdk_sqs::config::Region::new(REGION))
            .endpoint_url(self.sqs)
            .credentials_provider(self.credentials())
            .retry_config(RetryConfig::disabled())
            .http_client(http());
        aws_sdk_sqs::Client::from_conf(config.build())
    }
}

fn http() -> aws_sdk_s3::config::SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}
