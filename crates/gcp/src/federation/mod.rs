//! Workload identity federation from AWS: a role's credentials, once signed with, become a
//! Google access token. No key of Google's exists anywhere.
//!
//! | module | what |
//! |---|---|
//! | here | [`Federation`]: the exchange, its cache, its refusals |
//! | [`account`] | the `external_account` configuration, checked |
//! | [`subject`] | the signed `GetCallerIdentity` request that proves the role |
//!
//! Google's own crate can do the exchange as well. It is not used for it since it asks for a
//! token as soon as it is built, in the background, also in a function that calls nothing of
//! Google; since after one refusal it never asks again, so that a right that was mended would
//! not be seen by a warm process; and since it measures a token's age with a clock that need not
//! advance while Lambda keeps a process frozen. This one asks when it must, and again after a
//! refusal, and reads the time of day.

mod account;
mod subject;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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

use crate::error::kind_of;

/// The OAuth scope of every token. It is accepted by Cloud Storage and BigQuery; IAM decides what
/// the caller may do.
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// A token is replaced so long before its end: longer than any call takes to be sent.
const SLACK: Duration = Duration::from_secs(240);
/// How long one attempt of an exchange may take. Google asks AWS meanwhile.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The waits between attempts of an exchange. It changes nothing and can be repeated.
const WAITS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// How much of a refusal's words is repeated, in characters.
const LONGEST_WORDS: usize = 300;

/// An access token, and until when it counts.
#[derive(Clone)]
pub struct Token {
    value: String,
    until: SystemTime,
    tag: EntityTag,
}

impl Token {
    /// What is sent after `Bearer`.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// When Google takes it no more.
    pub fn until(&self) -> SystemTime {
        self.until
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(…, until {:?})", self.until)
    }
}

/// Exchanges a role's credentials for tokens. Clones share the token.
#[derive(Clone)]
pub struct Federation(Arc<Inner>);

struct Inner {
    account: ExternalAccount,
    keys: KeySource,
    http: reqwest::Client,
    held: Mutex<Option<Token>>,
}

impl fmt::Debug for Federation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Federation({})", self.0.account.audience())
    }
}

/// What the token service answers.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

/// How it refuses (RFC 6749, section 5.2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
}

impl Federation {
    /// For this provider and these keys. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the HTTP client cannot be built.
    pub fn new(account: ExternalAccount, keys: KeySource) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(|error| {
            Error::new(ErrorKind::Config, "the token service's client cannot be built", "")
                .caused_by(error.to_string())
        })?;
        Ok(Self(Arc::new(Inner { account, keys, http, held: Mutex::default() })))
    }

    /// A token that counts for a while yet: the one at hand, or a new one. Callers at the same
    /// time wait for one exchange.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    pub async fn token(&self) -> Result<Token> {
        let mut held = self.0.held.lock().await;
        let now = SystemTime::now();
        if let Some(token) = held.as_ref().filter(|token| token.until > now + SLACK) {
            return Ok(token.clone());
        }
        match self.exchange(now).await {
            Ok(token) => Ok(held.insert(token).clone()),
            Err(error) => match held.as_ref().filter(|token| token.until > now) {
                Some(token) => {
                    tracing::warn!(%error, "no new google token yet, the old one still counts");
                    Ok(token.clone())
                }
                None => Err(error),
            },
        }
    }

    /// Exchanges a request that is signed as of `now`, whatever token is at hand.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] when Google or AWS refuses the role, the signature or the audience,
    /// [`ErrorKind::Config`] when there are no AWS credentials, [`ErrorKind::Transient`] without an answer.
    pub async fn exchange(&self, now: SystemTime) -> Result<Token> {
        let mut waits = WAITS.iter();
        loop {
            let outcome = self.attempt(now).await;
            match (&outcome, waits.next()) {
                (Err(error), Some(wait)) if error.kind().is_transient() => {
                    tokio::time::sleep(*wait).await;
                }
                _ => return outcome,
            }
        }
    }

    async fn attempt(&self, now: SystemTime) -> Result<Token> {
        let Inner { account, keys, http, .. } = &*self.0;
        let failed = |kind, why: String| {
            Error::new(
                kind,
                "the AWS role could not be exchanged for Google credentials",
                account.audience(),
            )
            .caused_by(why)
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
            let refused: Refused = serde_json::from_slice(&body).unwrap_or_default();
            let words: String = refused.error_description.chars().take(LONGEST_WORDS).collect();
            let kind = kind_of_refusal(&refused.error, status.as_u16());
            let why = format!("HTTP {} {}: {words}", status.as_u16(), refused.error);
            return Err(failed(kind, why.trim_end_matches([':', ' ']).to_owned()));
        }
        let granted: Granted = serde_json::from_slice(&body)
            .map_err(|_| failed(ErrorKind::Transient, "the answer is no token".to_owned()))?;
        tracing::debug!(seconds = granted.expires_in, "a google token for the role");
        // By the clock of before the call: it counts from some time during it.
        let until = SystemTime::now().min(now) + Duration::from_secs(granted.expires_in);
        Ok(Token { value: granted.access_token, until, tag: EntityTag::new() })
    }
}

/// The kind for OAuth's code and an HTTP status.
fn kind_of_refusal(error: &str, status: u16) -> ErrorKind {
    match error {
        "invalid_grant"
        | "unauthorized_client"
        | "invalid_target"
        | "invalid_client"
        | "access_denied" => ErrorKind::Denied,
        "invalid_request" | "invalid_scope" | "unsupported_grant_type" => ErrorKind::Rejected,
        _ => kind_of("", status),
    }
}

/// An error of ours, as Google's crates carry it.
fn carried(error: Error) -> CredentialsError {
    let transient = error.kind().is_transient();
    CredentialsError::from_source(transient, error)
}

impl CredentialsProvider for Federation {
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let token = self.token().await.map_err(carried)?;
        let value = HeaderValue::from_str(&format!("Bearer {}", token.value));
        let mut value =
            value.map_err(|_| CredentialsError::from_msg(false, "the token is no header value"))?;
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
        let token = self.token().await.map_err(carried)?;
        Ok(AccessToken { token: token.value })
    }
}
