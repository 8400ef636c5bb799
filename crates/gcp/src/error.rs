//! Maps every Google error to an [`ErrorKind`].

use landbridge_core::{Error, ErrorKind};
use serde_json::{Value, json};

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

/// An API that the project of a call has not enabled: the cause of an [`Error`]. It is no missing permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiDisabled {
    /// Its name, such as `bigquery.googleapis.com`.
    pub service: String,
}

impl std::fmt::Display for ApiDisabled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { service } = self;
        write!(
            f,
            "the API {service} is not enabled in the project; gcloud services enable {service}"
        )
    }
}

impl std::error::Error for ApiDisabled {}

impl ApiDisabled {
    /// What the body of a refusal says (`google.rpc.ErrorInfo` with the reason SERVICE_DISABLED of
    /// google/api/error_reason.proto, whose metadata names the service).
    pub(crate) fn of(body: &Value) -> Option<Self> {
        let details = body.pointer("/error/details").and_then(Value::as_array)?;
        let is_disabled = |it: &&Value| it.get("reason") == Some(&json!("SERVICE_DISABLED"));
        let service = details.iter().find(is_disabled)?.pointer("/metadata/service")?.as_str()?;
        let is_name = service.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
        is_name.then(|| Self { service: service.to_owned() })
    }

    /// The API because of which a call failed.
    pub fn cause_of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
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
            let body = error.http_payload().and_then(|it| serde_json::from_slice(it).ok());
            if let Some(disabled) = body.as_ref().and_then(ApiDisabled::of) {
                return Error::new(error_kind("", status), what, context).caused_by(disabled);
            }
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
    fn an_api_that_is_not_enabled_is_named() {
        let body = |reason: &str| {
            json!({"error": {"code": 403, "details": [
                {"@type": "type.googleapis.com/google.rpc.Help", "links": []},
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
                    "domain": "googleapis.com",
                    "metadata": {"service": "bigquery.googleapis.com", "consumer": "projects/1"},
                },
            ]}})
        };
        let disabled = ApiDisabled::of(&body("SERVICE_DISABLED")).expect("disabled");
        let error = Error::new(ErrorKind::Denied, "a table cannot be read", "shop.orders");
        let error = error.caused_by(disabled);
        let named = ApiDisabled::cause_of(&error).expect("the cause");
        assert_eq!(named.service, "bigquery.googleapis.com");
        assert!(
            error.to_string().contains("gcloud services enable bigquery.googleapis.com"),
            "{error}"
        );
        assert_eq!(ApiDisabled::of(&body("IAM_PERMISSION_DENIED")), None);
        assert_eq!(ApiDisabled::of(&Value::Null), None);
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
