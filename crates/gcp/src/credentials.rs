//! Provides an access token without a stored key, from the first of these sources that is set:
//!
//! 1. `LANDBRIDGE_GCP_TOKEN`: a bare token. Accepted only for servers on loopback.
//! 2. `LANDBRIDGE_GCP_CREDENTIALS`: the `external_account` JSON, which is not a secret. A Lambda
//!    function exchanges its role's credentials by workload identity federation; see
//!    [`federation`](crate::federation).
//! 3. The application default credentials, for example of an operator on a laptop.

use google_cloud_auth::credentials::{
    AccessToken, AccessTokenCredentials, AccessTokenCredentialsProvider, Builder,
    CacheableResource, CredentialsProvider, EntityTag, external_account,
};
use google_cloud_auth::errors::CredentialsError;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue};
use landbridge_core::{Error, ErrorKind, Result};

use crate::federation::{ExternalAccount, Federation, KeySource, SCOPE};

/// Credentials from the environment. `endpoints` are the custom endpoints of the clients.
///
/// # Errors
/// [`ErrorKind::Config`] if a bare token is set for an endpoint that is not on loopback, or the
/// external account is not valid; [`ErrorKind::Denied`] if the environment has no credentials.
pub fn from_env(endpoints: &[Option<&str>]) -> Result<AccessTokenCredentials> {
    if let Ok(token) = std::env::var("LANDBRIDGE_GCP_TOKEN") {
        let local = |endpoint: &Option<&str>| {
            endpoint.is_some_and(|url| url.starts_with("http://127.0.0.1:"))
        };
        if !endpoints.iter().all(local) {
            return Err(Error::new(
                ErrorKind::Config,
                "a bare token is accepted only for servers on loopback",
                "LANDBRIDGE_GCP_TOKEN is set without LANDBRIDGE_GCS_ENDPOINT and LANDBRIDGE_BIGQUERY_ENDPOINT on http://127.0.0.1",
            ));
        }
        return Ok(static_token(token));
    }
    let denied =
        |_| Error::new(ErrorKind::Denied, "no Google credentials were found", "the environment");
    match std::env::var("LANDBRIDGE_GCP_CREDENTIALS") {
        Ok(json) => {
            let json: serde_json::Value = serde_json::from_str(&json).map_err(|_| {
                Error::new(
                    ErrorKind::Config,
                    "the external account is not valid JSON",
                    "LANDBRIDGE_GCP_CREDENTIALS",
                )
            })?;
            if ExternalAccount::is_aws(&json) {
                let account = ExternalAccount::parse(&json)?;
                return Ok(Federation::new(account, KeySource::Environment)?.into());
            }
            external_account::Builder::new(json)
                .with_scopes([SCOPE])
                .build_access_token_credentials()
                .map_err(denied)
        }
        Err(_) => {
            Builder::default().with_scopes([SCOPE]).build_access_token_credentials().map_err(denied)
        }
    }
}

/// Credentials that always return this token, for servers on loopback.
pub fn static_token(token: impl Into<String>) -> AccessTokenCredentials {
    StaticToken(token.into(), EntityTag::new()).into()
}

struct StaticToken(String, EntityTag);

impl std::fmt::Debug for StaticToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StaticToken([censored])")
    }
}

impl CredentialsProvider for StaticToken {
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let value = HeaderValue::from_str(&format!("Bearer {}", self.0));
        let mut value = value.map_err(|_| {
            CredentialsError::from_msg(false, "the token is not a valid header value")
        })?;
        value.set_sensitive(true);
        let data = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        Ok(CacheableResource::New { entity_tag: self.1.clone(), data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

impl AccessTokenCredentialsProvider for StaticToken {
    async fn access_token(&self) -> Result<AccessToken, CredentialsError> {
        Ok(AccessToken { token: self.0.clone() })
    }
}
