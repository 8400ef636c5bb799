//! The context of a stage whose ticks run in the process of a test, against the local cloud.

use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{AppName, BehaviorVersion, Credentials, Region, SharedHttpClient};
use landbridge_aws::{Aws, Queues, Rds, S3, Secrets};
use landbridge_core::calendar::Calendar;
use landbridge_core::config::Config;
use landbridge_core::contract;
use landbridge_core::plan::table::MAX_LOAD_URIS;
use landbridge_core::redo::Redo;
use landbridge_gcp::{Gcp, credentials::static_token};
use landbridge_ledger::Ledger;
use landbridge_local::{ACCESS_KEY, LocalCloud, SECRET_KEY};
use landbridge_stages::Context;
use landbridge_stages::deployment::Deployment;

/// The region of the tests' configurations.
const REGION: &str = "ap-northeast-2";

/// A context with clients of this cloud, and an empty contract.
///
/// `token` is the token of a principal of the local Google.
pub async fn context(cloud: &LocalCloud, config: &Config, token: &str) -> Context {
    context_of(cloud, config, token, "tests").await
}

/// The same for a function of this name: its calls to AWS have `app/<name>` in the header `user-agent`.
pub async fn context_of(cloud: &LocalCloud, config: &Config, token: &str, name: &str) -> Context {
    let variables = cloud.function_env();
    let endpoint = |name: &str| variables.get(name).cloned().unwrap_or_default();
    let aws = aws(
        config,
        &endpoint("AWS_ENDPOINT_URL_RDS"),
        &endpoint("AWS_ENDPOINT_URL_S3"),
        &endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        &endpoint("AWS_ENDPOINT_URL_SQS"),
        name,
    );
    let gcp = Gcp::new(
        static_token(token),
        &config.warehouse.project,
        &config.warehouse.location,
        Some(endpoint("LANDBRIDGE_GCS_ENDPOINT")),
        Some(endpoint("LANDBRIDGE_BIGQUERY_ENDPOINT")),
    )
    .await
    .expect("Google clients");
    let contract = contract::Contract::of_no_table();
    Context {
        siblings: Vec::new(),
        config: config.clone(),
        deployment: Deployment::new(0, config, &contract, cloud.policy_tags()),
        contract,
        calendar: Calendar::new(&config.schedule.zone, config.schedule.export_hour)
            .expect("a zone"),
        tags: cloud.policy_tags().clone(),
        ledger: Ledger::new(aws.s3.clone(), config),
        aws,
        gcp,
        redo: Redo::default(),
        max_load_uris: MAX_LOAD_URIS,
    }
}

/// AWS clients that repeat a failed call at once.
fn aws(config: &Config, rds: &str, s3: &str, secrets: &str, sqs: &str, name: &str) -> Aws {
    let app = AppName::new(name.to_owned()).expect("a name of letters, digits and hyphens");
    let http: SharedHttpClient = aws_smithy_http_client::Builder::new().build_http();
    let credentials = || Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "tests");
    let retries = || {
        RetryConfig::standard()
            .with_max_attempts(4)
            .with_initial_backoff(Duration::from_micros(100))
            .with_max_backoff(Duration::from_micros(200))
    };
    let region = || Region::new(REGION);
    let rds = aws_sdk_rds::Config::builder()
        .behavior_version(aws_sdk_rds::config::BehaviorVersion::latest())
        .region(region())
        .app_name(app.clone())
        .endpoint_url(rds)
        .credentials_provider(credentials())
        .retry_config(retries())
        .http_client(http.clone());
    let s3 = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region())
        .app_name(app.clone())
        .endpoint_url(s3)
        .force_path_style(true)
        .credentials_provider(credentials())
        .retry_config(retries())
        .http_client(http.clone());
    let secrets = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
        .region(region())
        .app_name(app.clone())
        .endpoint_url(secrets)
        .credentials_provider(credentials())
        .retry_config(retries())
        .http_client(http.clone());
    let sqs = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(region())
        .app_name(app.clone())
        .endpoint_url(sqs)
        .credentials_provider(credentials())
        .retry_config(retries())
        .http_client(http);
    Aws {
        rds: Rds::new(aws_sdk_rds::Client::from_conf(rds.build()), config.source.kind),
        s3: S3::new(aws_sdk_s3::Client::from_conf(s3.build())),
        secrets: Secrets::new(aws_sdk_secretsmanager::Client::from_conf(secrets.build())),
        queues: Queues::new(aws_sdk_sqs::Client::from_conf(sqs.build())),
    }
}
