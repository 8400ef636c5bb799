//! Errors of RDS.

use super::kind::DatabaseKind;
use crate::signature::SignatureError;

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RdsError {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The code by which SDKs classify the error.
    pub(crate) code: &'static str,
    /// A message for people.
    pub(crate) message: String,
}

impl RdsError {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(404, code, message)
    }

    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::bad_request("InvalidParameterValue", message)
    }

    pub(crate) fn invalid_combination(message: impl Into<String>) -> Self {
        Self::bad_request("InvalidParameterCombination", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalFailure", message)
    }

    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    pub(crate) fn throttled() -> Self {
        Self::bad_request("Throttling", "Rate exceeded")
    }

    pub(crate) fn database_not_found(kind: DatabaseKind, id: &str) -> Self {
        let api = kind.api();
        Self::not_found(api.database_not_found, format!("{} {id} not found.", api.database))
    }

    pub(crate) fn snapshot_not_found(kind: DatabaseKind, id: &str) -> Self {
        let api = kind.api();
        Self::not_found(api.snapshot_not_found, format!("{} not found: {id}", api.snapshot))
    }

    pub(crate) fn snapshot_exists(kind: DatabaseKind, id: &str) -> Self {
        let message = match kind {
            DatabaseKind::Instance => format!(
                "Cannot create the snapshot because a snapshot with the identifier {id} already exists."
            ),
            DatabaseKind::Cluster => format!(
                "Cannot create the cluster snapshot because one with the identifier {id} already exists."
            ),
        };
        Self::bad_request(kind.api().snapshot_exists, message)
    }

    /// The error for a snapshot of a database that is not `available`.
    pub(crate) fn database_not_available(kind: DatabaseKind, id: &str, status: &str) -> Self {
        let api = kind.api();
        let message = format!(
            "Cannot create a snapshot because the database {} {id} is not currently in the \
             available state but {status}.",
            api.noun
        );
        Self::bad_request(api.invalid_database_state, message)
    }

    pub(crate) fn invalid_snapshot_state(kind: DatabaseKind, message: impl Into<String>) -> Self {
        Self::bad_request(kind.api().invalid_snapshot_state, message)
    }
}

impl From<SignatureError> for RdsError {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::Missing => Self::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            SignatureError::Incomplete(message) => {
                Self::bad_request("IncompleteSignature", message)
            }
            SignatureError::UnknownKey => Self::new(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
            SignatureError::Mismatch(message) => Self::new(403, "SignatureDoesNotMatch", message),
        }
    }
}
