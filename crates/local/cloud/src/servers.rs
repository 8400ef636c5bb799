//! The HTTP servers of the local cloud.

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_core::config::Config;
use landbridge_local_aws::LocalAws;
use landbridge_local_google::LocalGoogle;
use landbridge_local_wire::{CallMonitor, Server, Service, serve};

use crate::error::LocalError;
use crate::options::Ports;

/// The running servers. Dropping them stops them.
pub(crate) struct Servers {
    pub(crate) rds: Server,
    pub(crate) s3: Server,
    pub(crate) secrets: Server,
    pub(crate) sns: Server,
    pub(crate) sqs: Server,
    pub(crate) kms: Server,
    pub(crate) storage: Server,
    pub(crate) bigquery: Server,
    pub(crate) sts: Server,
}

impl Servers {
    /// Starts all servers. Every call to them passes through `calls`.
    pub(crate) async fn start(
        ports: Ports,
        aws: &LocalAws,
        google: &LocalGoogle,
        calls: &CallMonitor,
    ) -> Result<Self, LocalError> {
        Ok(Self {
            rds: start("rds", ports.rds, aws.rds_service(), calls).await?,
            s3: start("s3", ports.s3, aws.s3_service(), calls).await?,
            secrets: start("secrets", ports.secrets, aws.secrets_service(), calls).await?,
            // No person uses it by its port.
            sns: start("sns", 0, aws.sns_service(), calls).await?,
            sqs: start("sqs", 0, aws.sqs_service(), calls).await?,
            kms: start("kms", 0, aws.kms_service(), calls).await?,
            storage: start("storage", ports.storage, google.storage_service(), calls).await?,
            bigquery: start("bigquery", ports.bigquery, google.bigquery_service(), calls).await?,
            sts: start("sts", ports.sts, google.sts_service(), calls).await?,
        })
    }

    /// The environment variables with which functions find the servers, the region and the policy
    /// tags.
    pub(crate) fn function_variables(
        &self,
        config: &Config,
        policy_tags: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, LocalError> {
        let tags = serde_json::to_string(policy_tags)
            .map_err(|error| LocalError::Config(error.to_string()))?;
        let pairs = [
            ("AWS_REGION", config.source.region.clone()),
            ("AWS_ENDPOINT_URL_RDS", self.rds.url()),
            ("AWS_ENDPOINT_URL_S3", self.s3.url()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.secrets.url()),
            ("AWS_ENDPOINT_URL_SNS", self.sns.url()),
            ("AWS_ENDPOINT_URL_SQS", self.sqs.url()),
            ("LANDBRIDGE_GCS_ENDPOINT", self.storage.url()),
            ("LANDBRIDGE_BIGQUERY_ENDPOINT", format!("{}/bigquery/v2", self.bigquery.url())),
            ("LANDBRIDGE_DATACATALOG_ENDPOINT", format!("{}/v1", self.bigquery.url())),
            ("LANDBRIDGE_GOOGLE_APIS_ENDPOINT", self.bigquery.url()),
            ("LANDBRIDGE_POLICY_TAGS", tags),
        ];
        let mut variables: BTreeMap<String, String> =
            pairs.map(|(name, value)| (name.to_owned(), value)).into();
        // This KMS knows the key of `proof.sign` and no other: without it, `doctor` asks for none.
        if config.proof.as_ref().is_some_and(|proof| proof.sign.is_some()) {
            variables.insert("AWS_ENDPOINT_URL_KMS".to_owned(), self.kms.url());
        }
        Ok(variables)
    }
}

async fn start(
    server: &'static str,
    port: u16,
    service: Arc<dyn Service>,
    calls: &CallMonitor,
) -> Result<Server, LocalError> {
    let result = serve(server, port, service, calls.clone()).await;
    result.map_err(|source| LocalError::Serve { server, port, source })
}
