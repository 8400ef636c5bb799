//! Errors as OAuth words them. Where the service's own words are known from public reports
//! they are used; clients go by `error` alone.

use serde_json::{Value, json};

/// A refused exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenError {
    /// OAuth's code, such as `invalid_grant`.
    pub(super) error: &'static str,
    description: String,
}

impl TokenError {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, description: description.into() }
    }

    pub(super) fn body(&self) -> Value {
        json!({ "error": self.error, "error_description": self.description })
    }

    pub(super) fn request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    pub(super) fn grant(description: impl Into<String>) -> Self {
        Self::new("invalid_grant", description)
    }

    pub(super) fn format() -> Self {
        Self::grant("AWS request has invalid format.")
    }

    /// What AWS said to the request that was passed on.
    pub(super) fn aws(code: &str, words: &str) -> Self {
        Self::grant(format!(
            "Received invalid AWS response of type {code} with error message: {words}"
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

    pub(super) fn no_subject() -> Self {
        Self::grant("The mapped attribute google.subject is empty.")
    }

    pub(super) fn condition() -> Self {
        Self::new(
            "unauthorized_client",
            "The given credential is rejected by the attribute condition.",
        )
    }

    pub(super) fn internal() -> Self {
        Self::new("internal_failure", "Internal error encountered.")
    }
}
