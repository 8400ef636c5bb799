//! Errors of Secrets Manager. All have HTTP status 400; SDKs classify them by `__type`.

use crate::signature::SignatureError;

/// An error response. Its message never contains the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretsError {
    /// The error code, sent as `__type`.
    pub(crate) code: &'static str,
    /// A message for people.
    pub(crate) message: String,
}

impl SecretsError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn not_found() -> Self {
        Self::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    }

    pub(crate) fn version_not_found(selector: &str) -> Self {
        Self::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {selector}"),
        )
    }

    pub(crate) fn already_exists(name: &str) -> Self {
        Self::new(
            "ResourceExistsException",
            format!("The operation failed because the secret {name} already exists."),
        )
    }

    pub(crate) fn token_reused() -> Self {
        Self::new(
            "ResourceExistsException",
            "The operation failed because the ClientRequestToken is already associated with \
             another version's value.",
        )
    }

    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new("InvalidRequestException", message)
    }

    pub(crate) fn serialization() -> Self {
        Self::new("SerializationException", "The request's body is not a JSON object.")
    }

    pub(crate) fn unknown_action() -> Self {
        Self::new("UnknownOperationException", "This operation is not known here.")
    }

    pub(crate) fn access_denied(action: &str, name: &str) -> Self {
        Self::new(
            "AccessDeniedException",
            format!(
                "User is not authorized to perform: secretsmanager:{action} on resource: {name} \
                 because no identity-based policy allows the secretsmanager:{action} action"
            ),
        )
    }
}

impl From<SignatureError> for SecretsError {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::Missing => {
                Self::new("MissingAuthenticationTokenException", "Missing Authentication Token")
            }
            SignatureError::Incomplete(message) => {
                Self::new("IncompleteSignatureException", message)
            }
            SignatureError::UnknownKey => Self::new(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            SignatureError::Mismatch(message) => Self::new("InvalidSignatureException", message),
        }
    }
}
