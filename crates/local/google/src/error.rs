//! An error as Google's JSON protocols word it.

use serde_json::{Value, json};

/// An error of Cloud Storage or BigQuery: the HTTP status, Google's `reason`, and a sentence.
/// The sentence names buckets, tables and columns, never a cell's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleError {
    /// The HTTP status that goes with it.
    pub status: u16,
    /// Google's machine-readable reason, such as `notFound`.
    pub reason: String,
    /// The sentence for a person.
    pub message: String,
}

impl std::fmt::Display for GoogleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.reason, self.message)
    }
}

impl std::error::Error for GoogleError {}

impl GoogleError {
    /// An error with every part given.
    pub fn new(status: u16, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), message: message.into() }
    }

    /// The request, the SQL or the data is wrong: retrying cannot help.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid", message)
    }

    /// The SQL is wrong.
    pub(crate) fn invalid_query(message: impl Into<String>) -> Self {
        Self::new(400, "invalidQuery", message)
    }

    /// What was named is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "notFound", message)
    }

    /// BigQuery refuses the caller.
    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "accessDenied", message)
    }

    /// The thing exists already.
    pub(crate) fn duplicate(message: impl Into<String>) -> Self {
        Self::new(409, "duplicate", message)
    }

    /// No usable bearer token came with the call.
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

    /// Something broke on the server's side; the caller may retry.
    pub(crate) fn backend_error(message: impl Into<String>) -> Self {
        Self::new(503, "backendError", message)
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        json!({"error": {
            "code": self.status,
            "message": self.message,
            "errors": [{"message": self.message, "domain": "global", "reason": self.reason}],
            "status": self.rpc_status(),
        }})
    }

    /// The form in which a job reports it (`status.errorResult`).
    pub(crate) fn error_proto(&self) -> Value {
        json!({"reason": self.reason, "message": self.message})
    }

    /// The name of the gRPC status that Google prints beside the HTTP one.
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

/// The HTTP status that `jobs.query` answers with for a job's reason, by Google's error table.
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
