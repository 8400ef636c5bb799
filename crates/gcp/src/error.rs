//! Maps every Google error to an [`ErrorKind`].

use gcp_bigquery_client::error::BQError;
use google_cloud_auth::errors::CredentialsError;
use landbridge_core::{Error, ErrorKind};

/// The kind of an error, by BigQuery's `reason`, or by its HTTP status if the reason is not listed.
/// The error of a finished job has no status: pass 0.
/// Source: BigQuery documentation, "Error messages".
pub(crate) fn error_kind(reason: &str, status: u16) -> ErrorKind {
    match reason {
        "backendError" | "internalError" | "jobBackendError" | "jobInternalError"
        | "tableUnavailable" | "timeout" => ErrorKind::Transient,
        "rateLimitExceeded" | "jobRateLimitExceeded" => ErrorKind::Throttled,
        "quotaExceeded" | "billingTierLimitExceeded" => ErrorKind::Quota,
        "accessDenied" | "authError" => ErrorKind::Denied,
        "notFound" => ErrorKind::NotFound,
        "duplicate" | "conditionNotMet" => ErrorKind::Conflict,
        "invalid" | "invalidQuery" | "badRequest" | "resourcesExceeded" | "stopped"
        | "responseTooLarge" => ErrorKind::Rejected,
        _ => match status {
            401 | 403 => ErrorKind::Denied,
            404 => ErrorKind::NotFound,
            409 | 412 => ErrorKind::Conflict,
            429 => ErrorKind::Throttled,
            500..=599 => ErrorKind::Transient,
            _ => ErrorKind::Rejected,
        },
    }
}

/// Whether an error message with this reason can quote data. BigQuery's messages about invalid data
/// do, so Landbridge never shows or logs them.
pub(crate) fn may_quote_data(reason: &str) -> bool {
    matches!(reason, "invalid" | "invalidQuery" | "badRequest" | "")
}

/// The [`Error`] for a failed BigQuery call. `what` describes the failure in fixed text, `context`
/// names the resource.
pub(crate) fn bigquery(what: &'static str, context: impl Into<String>, error: &BQError) -> Error {
    match error {
        BQError::ResponseError { error } => {
            let reason = error
                .error
                .errors
                .first()
                .and_then(|first| first.get("reason"))
                .map_or("", String::as_str);
            let status = u16::try_from(error.error.code).unwrap_or(0);
            let cause = if may_quote_data(reason) {
                format!("HTTP {status} {reason}")
            } else {
                format!("HTTP {status} {reason}: {}", error.error.message)
            };
            Error::new(error_kind(reason, status), what, context).caused_by(cause)
        }
        // No response, or a 5xx whose body is not JSON: the call may have taken effect.
        BQError::RequestError(_) => {
            Error::new(ErrorKind::Transient, what, context).caused_by("no answer")
        }
        BQError::InvalidServiceAccountAuthenticator(wrapper) => {
            let cause = wrapper.get_ref().and_then(|it| it.downcast_ref::<Error>());
            no_token(what, context, cause)
        }
        BQError::AuthError(_) | BQError::YupAuthError(_) | BQError::NoToken => {
            no_token(what, context, None)
        }
        _ => Error::new(ErrorKind::Rejected, what, context)
            .caused_by("the BigQuery client refused the call"),
    }
}

/// The [`Error`] for a call that was not sent because no access token was available.
fn no_token(what: &'static str, context: impl Into<String>, cause: Option<&Error>) -> Error {
    match cause {
        Some(cause) => Error::new(cause.kind(), what, context).caused_by(cause.to_string()),
        None => Error::new(ErrorKind::Denied, what, context).caused_by(NO_TOKEN),
    }
}

/// The cause of an error when the library gives no reason for a missing token.
const NO_TOKEN: &str = "no access token is available";

/// The first [`Error`] among the sources of another error.
fn landbridge_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    std::iter::successors(Some(error), |error| error.source())
        .find_map(|error| error.downcast_ref::<Error>())
}

/// Wraps a credentials error in the only variant of `BQError` that can hold another error.
pub(crate) fn to_bigquery_error(error: &CredentialsError) -> BQError {
    match landbridge_error(error) {
        Some(error) => {
            let source =
                std::error::Error::source(error).map_or_else(String::new, ToString::to_string);
            let error = Error::new(error.kind(), error.what(), error.context()).caused_by(source);
            BQError::InvalidServiceAccountAuthenticator(std::io::Error::other(error))
        }
        None => BQError::NoToken,
    }
}

/// The HTTP status of a failed BigQuery call; 0 if no response arrived.
pub(crate) fn bigquery_status(error: &BQError) -> u16 {
    match error {
        BQError::ResponseError { error } => u16::try_from(error.error.code).unwrap_or(0),
        _ => 0,
    }
}

/// The [`Error`] for a failed Cloud Storage call; arguments as for [`bigquery`].
pub(crate) fn storage(
    what: &'static str,
    context: impl Into<String>,
    error: &google_cloud_storage::Error,
) -> Error {
    if error.is_authentication() {
        return no_token(what, context, landbridge_error(error));
    }
    match error.http_status_code() {
        // The call may have taken effect.
        None => Error::new(ErrorKind::Transient, what, context).caused_by("no answer"),
        Some(status) => {
            Error::new(error_kind("", status), what, context).caused_by(format!("HTTP {status}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_takes_precedence_over_the_status() {
        for (reason, status, kind) in [
            ("backendError", 500, ErrorKind::Transient),
            ("jobInternalError", 0, ErrorKind::Transient),
            ("tableUnavailable", 0, ErrorKind::Transient),
            ("rateLimitExceeded", 403, ErrorKind::Throttled),
            ("quotaExceeded", 403, ErrorKind::Quota),
            ("accessDenied", 403, ErrorKind::Denied),
            ("notFound", 404, ErrorKind::NotFound),
            ("duplicate", 409, ErrorKind::Conflict),
            ("invalid", 400, ErrorKind::Rejected),
            ("stopped", 0, ErrorKind::Rejected),
            ("", 502, ErrorKind::Transient),
        ] {
            assert_eq!(error_kind(reason, status), kind, "{reason} {status}");
        }
    }
}
