//! Sends calls of the REST API. Requests and answers are JSON values, because a request must leave
//! out what it does not change, and an answer may contain what Landbridge does not know.

use std::time::Duration;

use backon::Retryable;
use google_cloud_auth::credentials::AccessTokenCredentials;
use landbridge_core::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::error::{ApiDisabled, error_kind, no_token};
use crate::message;

/// BigQuery's endpoint.
pub(crate) const ENDPOINT: &str = "https://bigquery.googleapis.com/bigquery/v2";

/// The delays between attempts of a call. BigQuery allows 5 metadata changes per table in 10 s, so
/// the last delay lets such a window pass.
const RETRY_DELAYS: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(3)];

/// One call.
pub(super) struct RestCall<'a> {
    /// What failed if it fails: fixed text.
    pub(super) what: &'static str,
    /// Names the resource.
    pub(super) context: String,
    pub(super) method: reqwest::Method,
    /// The path below the endpoint, with its query string.
    pub(super) path: String,
    pub(super) body: Option<&'a Value>,
    /// The version of the resource that the call may change.
    pub(super) if_match: Option<&'a str>,
}

/// A call that BigQuery refused.
pub(super) struct Refusal {
    /// The HTTP status; 0 if there was no answer.
    pub(super) status: u16,
    /// BigQuery's message; empty if it could quote data.
    pub(super) message: String,
    pub(super) error: Error,
}

/// The client.
#[derive(Clone)]
pub(super) struct Rest {
    http: reqwest::Client,
    credentials: AccessTokenCredentials,
    endpoint: String,
}

impl Rest {
    pub(super) fn new(
        http: reqwest::Client,
        credentials: AccessTokenCredentials,
        endpoint: Option<&str>,
    ) -> Self {
        let endpoint = endpoint.unwrap_or(ENDPOINT).trim_end_matches('/').to_owned();
        Self { http, credentials, endpoint }
    }

    /// Sends a call, and repeats it while its error is transient. A repeated call with `If-Match`
    /// may be refused because its first attempt took effect: the caller reads the resource again.
    pub(super) async fn send(&self, call: &RestCall<'_>) -> Result<Value, Refusal> {
        (|| self.send_once(call))
            .retry(RETRY_DELAYS.into_iter())
            .when(|refusal| refusal.error.kind().is_transient())
            .await
    }

    async fn send_once(&self, call: &RestCall<'_>) -> Result<Value, Refusal> {
        let refusal = |status, error| Refusal { status, message: String::new(), error };
        let no_answer = || {
            let error = Error::new(ErrorKind::Transient, call.what, &call.context);
            refusal(0, error.caused_by("no answer"))
        };
        let token = self
            .credentials
            .access_token()
            .await
            .map_err(|error| refusal(0, no_token(call.what, &call.context, &error)))?;
        let url = format!("{}/{}", self.endpoint, call.path);
        let mut request = self.http.request(call.method.clone(), url).bearer_auth(token.token);
        if let Some(body) = call.body {
            request = request.json(body);
        }
        if let Some(etag) = call.if_match {
            request = request.header(reqwest::header::IF_MATCH, etag);
        }
        let answer = request.send().await.map_err(|_| no_answer())?;
        let status = answer.status().as_u16();
        // The call may have taken effect.
        let bytes = answer.bytes().await.map_err(|_| no_answer())?;
        // The answer of a deletion has no content.
        if status == 204 {
            return Ok(Value::Null);
        }
        let body: Option<Value> = serde_json::from_slice(&bytes).ok();
        match body {
            Some(body) if (200..300).contains(&status) => Ok(body),
            // The complete answer arrived, so the same call would get it again.
            None if (200..300).contains(&status) => {
                let error = Error::new(ErrorKind::Rejected, call.what, &call.context);
                Err(refusal(status, error.caused_by(format!("HTTP {status}, but not JSON"))))
            }
            body => Err(refused(call, status, &body.unwrap_or_default())),
        }
    }
}

fn refused(call: &RestCall<'_>, status: u16, body: &Value) -> Refusal {
    let text = |pointer| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let reason = text("/error/errors/0/reason");
    if let Some(disabled) = ApiDisabled::of(body) {
        let error = Error::new(error_kind(reason, status), call.what, &call.context);
        return Refusal { status, message: disabled.to_string(), error: error.caused_by(disabled) };
    }
    let message = message::shown(reason, text("/error/message")).unwrap_or_default();
    let cause = match message.as_str() {
        "" => format!("HTTP {status} {reason}"),
        message => format!("HTTP {status} {reason}: {message}"),
    };
    let error = Error::new(error_kind(reason, status), call.what, &call.context);
    Refusal { status, message, error: error.caused_by(cause.trim().to_owned()) }
}
