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
            let cause = match denied_permission(&words_of(error)) {
                Some(permission) if status == 403 => format!("HTTP {status}: {permission}"),
                _ => format!("HTTP {status}"),
            };
            Error::new(error_kind("", status), what, context).caused_by(cause)
        }
    }
}

/// What Cloud Storage says about an error. It names objects, so only known words of it may be shown.
fn words_of(error: &google_cloud_storage::Error) -> String {
    let body = error.http_payload().map(|it| String::from_utf8_lossy(it).into_owned());
    let status = error.status().map(|it| it.message.clone());
    format!("{} {}", status.unwrap_or_default(), body.unwrap_or_default())
}

/// The permission that a refusal names, such as `storage.objects.create` (Cloud Storage's documentation, "HTTP status
/// and error codes", 403 forbidden: "… does not have storage.objects.create access to …").
fn denied_permission(text: &str) -> Option<&str> {
    const BEFORE: &str = "does not have ";
    let (_, rest) = text.split_once(BEFORE)?;
    let word = rest.split(|c: char| c != '.' && !c.is_ascii_alphabetic()).next()?;
    let is_known = word.starts_with("storage.objects.") || word.starts_with("storage.buckets.");
    is_known.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_permission_and_nothing_else() {
        for (text, permission) in [
            (
                "a@b.example does not have storage.objects.create access to the Google Cloud Storage object.",
                Some("storage.objects.create"),
            ),
            (
                r#"{"error":{"message":"x does not have storage.buckets.get access to the bucket"}}"#,
                Some("storage.buckets.get"),
            ),
            ("x does not have serviceusage.services.use access", None),
            ("object storage.objects.create/kim@example.com is missing", None),
            ("", None),
        ] {
            assert_eq!(denied_permission(text), permission, "{text}");
        }
    }

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
