//! Workload identity federation from AWS: exchanges a request that an AWS role signed for a Google
//! access token. No Google key exists.
//!
//! | module | responsibility |
//! |---|---|
//! | here | [`Federation`]: the exchange, the token cache, refusals |
//! | `account` | validates the `external_account` configuration |
//! | `subject` | signs the `GetCallerIdentity` request that proves the role |
//!
//! The `google-cloud-auth` crate implements the exchange too. It is not used here for three reasons:
//!
//! - It requests a token in the background as soon as it is built, even in a function that makes no
//!   call to Google.
//! - After one refusal it never requests a token again, so a warm process would not notice that an
//!   operator has granted the missing role.
//! - It measures a token's age with a clock that may stop while Lambda freezes the process.
//!
//! [`Federation`] requests a token only when a call needs one, requests again after a refusal, and
//! uses the time of day.

mod account;
mod subject;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use backon::Retryable;
use google_cloud_auth::credentials::{
    AccessToken, AccessTokenCredentialsProvider, CacheableResource, CredentialsProvider, EntityTag,
};
use google_cloud_auth::errors::CredentialsError;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue};
use landbridge_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use tokio::sync::Mutex;

pub use account::ExternalAccount;
pub use subject::{AwsKeys, KeySource};

use crate::error::error_kind;

/// The OAuth scope of every token. It is accepted by Cloud Storage and BigQuery; IAM decides what
/// the caller may do.
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// A token is replaced this long before it expires: longer than it takes to send any request.
const REFRESH_MARGIN: Duration = Duration::from_secs(240);
/// The limit for one attempt of an exchange, during which Google calls AWS.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The delays between attempts. An exchange has no side effect, so it can be repeated.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// How much of a refusal's description an error message quotes, in characters.
const MAX_DESCRIPTION: usize = 300;

/// An access token and its expiry.
#[derive(Clone)]
pub struct Token {
    value: String,
    expires_at: SystemTime,
    tag: EntityTag,
}

impl Token {
    /// The text after `Bearer` in the authorization header.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// When the token expires.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(…, expires at {:?})", self.expires_at)
    }
}

/// Exchanges the credentials of an AWS role for access tokens. Clones share the cached token.
#[derive(Clone)]
pub struct Federation(Arc<Inner>);

struct Inner {
    account: ExternalAccount,
    keys: KeySource,
    http: reqwest::Client,
    cached: Mutex<Option<Token>>,
}

impl fmt::Debug for Federation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Federation({})", self.0.account.audience())
    }
}

/// The response of the token service.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    expires_in: u64,
}

/// The error response of the token service (RFC 6749, section 5.2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorResponse {
    error: String,
    error_description: String,
}

impl Federation {
    /// Federation with this provider and these keys. No request is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the HTTP client cannot be built.
    pub fn new(account: ExternalAccount, keys: KeySource) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(|error| {
            Error::new(
                ErrorKind::Config,
                "the HTTP client of the token service cannot be built",
                "",
            )
            .caused_by(error.to_string())
        })?;
        Ok(Self(Arc::new(Inner { account, keys, http, cached: Mutex::default() })))
    }

    /// The cached token, or a new one if it expires soon. Concurrent callers share one exchange. If
    /// the exchange fails, a cached token that has not expired is returned.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    pub async fn token(&self) -> Result<Token> {
        let mut cached = self.0.cached.lock().await;
        let now = SystemTime::now();
        if let Some(token) = cached.as_ref().filter(|token| token.expires_at > now + REFRESH_MARGIN)
        {
            return Ok(token.clone());
        }
        match self.exchange(now).await {
            Ok(token) => Ok(cached.insert(token).clone()),
            Err(error) => match cached.as_ref().filter(|token| token.expires_at > now) {
                Some(token) => {
                    tracing::warn!(%error, "google token not refreshed, using the cached one until it expires");
                    Ok(token.clone())
                }
                None => Err(error),
            },
        }
    }

    /// Exchanges a request that is signed at time `now` for a new token, without the cache. Transient
    /// errors are retried.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] if Google or AWS refuses the role, the signature or the audience,
    /// [`ErrorKind::Config`] if the environment has no AWS credentials, [`ErrorKind::Transient`] if
    /// no response arrived.
    pub async fn exchange(&self, now: SystemTime) -> Result<Token> {
        (|| self.attempt(now))
            .retry(RETRY_DELAYS.into_iter())
            .when(|error| error.kind().is_transient())
            .await
    }

    async fn attempt(&self, now: SystemTime) -> Result<Token> {
        let Inner { account, keys, http, .. } = &*self.0;
        let failed = |kind, cause: String| {
            Error::new(
                kind,
                "the AWS role could not be exchanged for Google credentials",
                account.audience(),
            )
            .caused_by(cause)
        };
        let subject = account.subject_token(&keys.keys()?, now)?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("audience", account.audience()),
            ("scope", SCOPE),
            ("subject_token_type", account::AWS_REQUEST),
            ("subject_token", &subject),
        ];
        let answer = http.post(account.token_url()).form(&form).send().await;
        let answer = answer.map_err(|_| failed(ErrorKind::Transient, "no answer".to_owned()))?;
        let status = answer.status();
        let body = answer.bytes().await;
        let body = body.map_err(|_| failed(ErrorKind::Transient, "no answer".to_owned()))?;
        if !status.is_success() {
            let refused: ErrorResponse = serde_json::from_slice(&body).unwrap_or_default();
            let description: String =
                refused.error_description.chars().take(MAX_DESCRIPTION).collect();
            let kind = refusal_kind(&refused.error, status.as_u16());
            let cause = format!("HTTP {} {}: {description}", status.as_u16(), refused.error);
            return Err(failed(kind, cause.trim_end_matches([':', ' ']).to_owned()));
        }
        let granted: TokenResponse = serde_json::from_slice(&body).map_err(|_| {
            failed(ErrorKind::Transient, "the response contains no token".to_owned())
        })?;
        tracing::debug!(seconds = granted.expires_in, "google token received");
        // Measured from before the call, because Google measures from a time during it.
        let expires_at = SystemTime::now().min(now) + Duration::from_secs(granted.expires_in);
        Ok(Token { value: granted.access_token, expires_at, tag: EntityTag::new() })
    }
}

/// The kind of a refusal, by its OAuth error code, or by its HTTP status if the code is not listed.
fn refusal_kind(error: &str, status: u16) -> ErrorKind {
    match error {
        "invalid_grant"
        | "unauthorized_client"
        | "invalid_target"
        | "invalid_client"
        | "access_denied" => ErrorKind::Denied,
        "invalid_request" | "invalid_scope" | "unsupported_grant_type" => ErrorKind::Rejected,
        _ => error_kind("", status),
    }
}

/// Wraps an [`Error`] for Google's crates.
fn to_credentials_error(error: Error) -> CredentialsError {
    let transient = error.kind().is_transient();
    CredentialsError::from_source(transient, error)
}

impl CredentialsProvider for Federation {
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let token = self.token().await.map_err(to_credentials_error)?;
        let value = HeaderValue::from_str(&format!("Bearer {}", token.value));
        let mut value = value.map_err(|_| {
            CredentialsError::from_msg(false, "the token is not a valid header value")
        })?;
        value.set_sensitive(true);
        let data = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        Ok(CacheableResource::New { entity_tag: token.tag, data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

impl AccessTokenCredentialsProvider for Federation {
    async fn access_token(&self) -> Result<AccessToken, CredentialsError> {
        let token = self.token().await.map_err(to_credentials_error)?;
        Ok(AccessToken { token: token.value })
    }
}
