//! Errors in the form of Google's JSON protocols.

use serde_json::{Value, json};

/// An error of Cloud Storage or BigQuery: the HTTP status, Google's `reason`, and a message.
/// The message names buckets, tables and columns, but never contains a cell's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleError {
    /// The HTTP status.
    pub status: u16,
    /// Google's machine-readable reason, such as `notFound`.
    pub reason: String,
    /// The human-readable message.
    pub message: String,
    /// An API that must be enabled first.
    pub(crate) disabled_service: Option<String>,
}

impl std::fmt::Display for GoogleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.reason, self.message)
    }
}

impl std::error::Error for GoogleError {}

impl GoogleError {
    /// Creates an error from its parts.
    pub fn new(status: u16, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), message: message.into(), disabled_service: None }
    }

    /// The request or the data is invalid. A retry fails again.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid", message)
    }

    /// The SQL is invalid.
    pub(crate) fn invalid_query(message: impl Into<String>) -> Self {
        Self::new(400, "invalidQuery", message)
    }

    /// The resource does not exist.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "notFound", message)
    }

    /// The caller lacks a BigQuery permission.
    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "accessDenied", message)
    }

    /// The resource already exists.
    pub(crate) fn duplicate(message: impl Into<String>) -> Self {
        Self::new(409, "duplicate", message)
    }

    /// The call has no valid bearer token.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            401,
            "authError",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
             cookie or other valid authentication credential.",
        )
    }

    /// An `If-Match` or a generation condition did not hold.
    pub(crate) fn condition_not_met() -> Self {
        Self::new(
            412,
            "conditionNotMet",
            "At least one of the pre-conditions you specified did not hold.",
        )
    }

    /// The call belongs to an API that the project has not enabled (Service Usage's documentation,
    /// "Troubleshooting", SERVICE_DISABLED).
    pub(crate) fn service_disabled(service: &str) -> Self {
        let message = format!(
            "{service} has not been used in project {0} before or it is disabled. Enable it by visiting \
             https://console.developers.google.com/apis/api/{service}/overview?project={0} then retry.",
            crate::PROJECT_NUMBER
        );
        let error = Self::new(403, "accessNotConfigured", message);
        Self { disabled_service: Some(service.to_owned()), ..error }
    }

    /// The server failed; the caller may retry.
    pub(crate) fn backend_error(message: impl Into<String>) -> Self {
        Self::new(503, "backendError", message)
    }

    /// The body of the HTTP response.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({"error": {
            "code": self.status,
            "message": self.message,
            "errors": [{"message": self.message, "domain": "global", "reason": self.reason}],
            "status": self.rpc_status(),
        }});
        if let Some(service) = &self.disabled_service {
            body["error"]["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SERVICE_DISABLED",
                "domain": "googleapis.com",
                "metadata": {
                    "service": service,
                    "consumer": format!("projects/{}", crate::PROJECT_NUMBER),
                },
            }]);
        }
        body
    }

    /// The form in a job's `status.errorResult` (`ErrorProto` of the BigQuery API).
    pub(crate) fn error_proto(&self) -> Value {
        json!({"reason": self.reason, "message": self.message})
    }

    /// The gRPC status that Google adds to the HTTP status.
    fn rpc_status(&self) -> &'static str {
        match self.status {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            409 => "ALREADY_EXISTS",
            412 => "FAILED_PRECONDITION",
            429 => "RESOURCE_EXHAUSTED",
            499 => "CANCELLED",
            503 => "UNAVAILABLE",
            _ => "INTERNAL",
        }
    }
}

/// The HTTP status with which `jobs.query` reports a job's error reason, from Google's error
/// table.
pub(crate) fn status_of_reason(reason: &str) -> u16 {
    match reason {
        "accessDenied" | "quotaExceeded" | "rateLimitExceeded" | "billingNotEnabled" => 403,
        "notFound" => 404,
        "duplicate" => 409,
        "backendError" | "jobBackendError" | "tableUnavailable" => 503,
        "internalError" | "jobInternalError" => 500,
        _ => 400,
    }
}
