//! Every answer of Google, sorted once: what kind of trouble it is.

use gcp_bigquery_client::error::BQError;
use google_cloud_auth::errors::CredentialsError;
use landbridge_core::{Error, ErrorKind};

/// The kind for BigQuery's `reason` and an HTTP status (0: there is none, as in a finished job).
/// Source: BigQuery documentation, "Error messages".
pub fn kind_of(reason: &str, status: u16) -> ErrorKind {
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

/// Whether a message with this reason may be shown. What BigQuery says of
/// invalid data can quote the data.
pub fn may_quote_data(reason: &str) -> bool {
    matches!(reason, "invalid" | "invalidQuery" | "badRequest" | "")
}

/// Our error for a failed call of BigQuery.
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
            let said = if may_quote_data(reason) {
                format!("HTTP {status} {reason}")
            } else {
                format!("HTTP {status} {reason}: {}", error.error.message)
            };
            Error::new(kind_of(reason, status), what, context).caused_by(said)
        }
        // No answer, or a 5xx whose body is not JSON: the outcome is unknown.
        BQError::RequestError(_) => {
            Error::new(ErrorKind::Transient, what, context).caused_by("no answer")
        }
        BQError::InvalidServiceAccountAuthenticator(carrier) => {
            let ours = carrier.get_ref().and_then(|it| it.downcast_ref::<Error>());
            no_token(what, context, ours)
        }
        BQError::AuthError(_) | BQError::YupAuthError(_) | BQError::NoToken => {
            no_token(what, context, None)
        }
        _ => {
            Error::new(ErrorKind::Rejected, what, context).caused_by("the client refused the call")
        }
    }
}

/// Our error for a call that was not made since there was no token, with the reason if it is ours.
fn no_token(what: &'static str, context: impl Into<String>, why: Option<&Error>) -> Error {
    match why {
        Some(why) => Error::new(why.kind(), what, context).caused_by(why.to_string()),
        None => {
            Error::new(ErrorKind::Denied, what, context).caused_by("no access token could be had")
        }
    }
}

/// An error of ours among the causes of another.
fn ours<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    std::iter::successors(Some(error), |error| error.source())
        .find_map(|error| error.downcast_ref::<Error>())
}

/// An error of credentials, in the only error of the BigQuery crate that holds any other.
pub(crate) fn carried(error: CredentialsError) -> BQError {
    match ours(&error) {
        Some(why) => {
            let why = Error::new(why.kind(), why.what(), why.context()).caused_by(cause(why));
            BQError::InvalidServiceAccountAuthenticator(std::io::Error::other(why))
        }
        None => BQError::NoToken,
    }
}

fn cause(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(String::new, ToString::to_string)
}

/// The HTTP status of a failed call of BigQuery, 0 when there was no answer.
pub(crate) fn bigquery_status(error: &BQError) -> u16 {
    match error {
        BQError::ResponseError { error } => u16::try_from(error.error.code).unwrap_or(0),
        _ => 0,
    }
}

/// Our error for a failed call of Cloud Storage.
pub(crate) fn storage(
    what: &'static str,
    context: impl Into<String>,
    error: &google_cloud_storage::Error,
) -> Error {
    if error.is_authentication()
        && let Some(why) = ours(error)
    {
        return no_token(what, context, Some(why));
    }
    let status = error.http_status_code().unwrap_or(0);
    let kind = if error.is_authentication() {
        ErrorKind::Denied
    } else if status == 0 {
        ErrorKind::Transient
    } else {
        kind_of("", status)
    };
    let said = match (error.is_authentication(), status) {
        (true, _) => "no access token could be had".to_owned(),
        (false, 0) => "no answer".to_owned(),
        (false, status) => format!("HTTP {status}"),
    };
    Error::new(kind, what, context).caused_by(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_reasons() {
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
            assert_eq!(kind_of(reason, status), kind, "{reason} {status}");
        }
    }
}
