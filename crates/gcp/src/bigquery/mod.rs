//! The BigQuery client.
//!
//! | module | responsibility |
//! |---|---|
//! | here | building the client, retries |
//! | `tables` | reading, creating and changing tables |
//! | `jobs` | load jobs |
//! | `rest` | calls that the client crate does not offer |

mod jobs;
mod rest;
mod tables;

pub use jobs::{Inserted, JobState, LoadJob, LoadMode, Retired};
pub use tables::{NewTable, Patched, TableInfo, TableStamp};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gcp_bigquery_client::auth::Authenticator;
use gcp_bigquery_client::client_builder::ClientBuilder;
use gcp_bigquery_client::error::BQError;
use google_cloud_auth::credentials::AccessTokenCredentials;
use landbridge_core::{Error, ErrorKind, Result};

use self::rest::Rest;
use crate::error::to_bigquery_error;

/// The limit for one attempt of a call.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The delays between attempts of a call. BigQuery allows 5 metadata changes per table in 10 s, so
/// the last delay lets such a window pass.
const RETRY_DELAYS: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(3)];

/// The BigQuery client of one project and location.
#[derive(Clone)]
pub struct BigQuery {
    client: gcp_bigquery_client::Client,
    rest: Rest,
    project: String,
    location: String,
}

/// Passes access tokens to the BigQuery crate.
#[derive(Clone)]
struct TokenAuthenticator(AccessTokenCredentials);

#[async_trait]
impl Authenticator for TokenAuthenticator {
    async fn access_token(&self) -> Result<String, BQError> {
        let token = self.0.access_token().await.map_err(|error| to_bigquery_error(&error))?;
        Ok(token.token)
    }
}

impl BigQuery {
    /// A client; an `endpoint` of `None` is Google's.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it cannot be built.
    pub async fn new(
        credentials: AccessTokenCredentials,
        project: &str,
        location: &str,
        endpoint: Option<String>,
    ) -> Result<Self> {
        let cannot_build = |error: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Config, "the BigQuery client cannot be built", "")
                .caused_by(error.to_string())
        };
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| cannot_build(&error))?;
        let rest = Rest::new(http.clone(), credentials.clone(), endpoint.as_deref());
        let mut builder = ClientBuilder::new();
        builder.with_client(http);
        if let Some(endpoint) = endpoint {
            builder.with_v2_base_url(endpoint);
        }
        let client = builder
            .build_from_authenticator(Arc::new(TokenAuthenticator(credentials)))
            .await
            .map_err(|error| cannot_build(&error))?;
        Ok(Self { client, rest, project: project.to_owned(), location: location.to_owned() })
    }

    /// The id of the project.
    pub fn project(&self) -> &str {
        &self.project
    }
}
