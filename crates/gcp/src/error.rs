//! Maps every Google error to an [`ErrorKind`].

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

/// The [`Error`] for a call that was not sent because no access token was available. `what`
/// describes the failure in fixed text, `context` names the resource.
pub(crate) fn no_token(
    what: &'static str,
    context: impl Into<String>,
    error: &(dyn std::error::Error + 'static),
) -> Error {
    match landbridge_error(error) {
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

/// The [`Error`] for a failed Cloud Storage call; arguments as for [`no_token`].
pub(crate) fn storage(
    what: &'static str,
    context: impl Into<String>,
    error: &google_cloud_storage::Error,
) -> Error {
    if error.is_authentication() {
        return no_token(what, context, error);
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
