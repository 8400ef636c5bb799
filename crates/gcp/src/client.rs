//! Builds both clients from the environment.

use google_cloud_auth::credentials::AccessTokenCredentials;
use landbridge_core::Result;

use crate::{BigQuery, Storage, credentials};

/// The Google clients of one project.
#[derive(Clone)]
pub struct Gcp {
    /// Cloud Storage.
    pub storage: Storage,
    /// BigQuery.
    pub bigquery: BigQuery,
}

impl Gcp {
    /// Clients with the credentials of the environment; see [`credentials`].
    /// `LANDBRIDGE_GCS_ENDPOINT` and `LANDBRIDGE_BIGQUERY_ENDPOINT` replace Google's endpoints.
    ///
    /// # Errors
    /// As [`credentials::from_env`] and [`Self::new`].
    pub async fn from_env(project: &str, location: &str) -> Result<Self> {
        let storage = std::env::var("LANDBRIDGE_GCS_ENDPOINT").ok();
        let bigquery = std::env::var("LANDBRIDGE_BIGQUERY_ENDPOINT").ok();
        install_tls_provider();
        let credentials = credentials::from_env(&[storage.as_deref(), bigquery.as_deref()])?;
        Self::new(credentials, project, location, storage, bigquery).await
    }

    /// Clients with these credentials and endpoints (`None`: Google's).
    ///
    /// # Errors
    /// [`ErrorKind::Config`](landbridge_core::ErrorKind::Config) if a client cannot be built.
    pub async fn new(
        credentials: AccessTokenCredentials,
        project: &str,
        location: &str,
        storage: Option<String>,
        bigquery: Option<String>,
    ) -> Result<Self> {
        install_tls_provider();
        Ok(Self {
            storage: Storage::new(credentials.clone(), storage).await?,
            bigquery: BigQuery::new(credentials, project, location, bigquery)?,
        })
    }
}

/// Installs the process-wide TLS provider. All clients are built without a default one. Idempotent.
pub(crate) fn install_tls_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
