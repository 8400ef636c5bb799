//! Errors of the token exchange in OAuth's form. The descriptions are copied from the real
//! service where public reports quote them; clients evaluate only the code.

use serde_json::{Value, json};

/// The error response to a token exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenError {
    /// OAuth's code, such as `invalid_grant`.
    pub(super) code: &'static str,
    description: String,
}

impl TokenError {
    fn new(code: &'static str, description: impl Into<String>) -> Self {
        Self { code, description: description.into() }
    }

    pub(super) fn body(&self) -> Value {
        json!({ "error": self.code, "error_description": self.description })
    }

    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    pub(super) fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new("invalid_grant", description)
    }

    pub(super) fn invalid_format() -> Self {
        Self::invalid_grant("AWS request has invalid format.")
    }

    /// AWS rejected the forwarded request.
    pub(super) fn rejected_by_aws(code: &str, message: &str) -> Self {
        Self::invalid_grant(format!(
            "Received invalid AWS response of type {code} with error message: {message}"
        ))
    }

    pub(super) fn unknown_audience() -> Self {
        Self::new(
            "invalid_target",
            "The target service indicated by the \"audience\" parameters is invalid. This might \
             either be because the pool or provider is disabled or deleted or because it doesn't \
             exist.",
        )
    }

    pub(super) fn empty_subject() -> Self {
        Self::invalid_grant("The mapped attribute google.subject is empty.")
    }

    pub(super) fn condition_not_met() -> Self {
        Self::new(
            "unauthorized_client",
            "The given credential is rejected by the attribute condition.",
        )
    }

    /// The project has not enabled the API. Which form this error has is not documented.
    pub(super) fn service_disabled() -> Self {
        Self::new(
            "access_denied",
            "Security Token Service API has not been used in the project before or it is disabled.",
        )
    }

    pub(super) fn internal() -> Self {
        Self::new("internal_failure", "Internal error encountered.")
    }
}
