//! Refusals. Every one but a broken server's is HTTP 400: SDKs go by `__type`.

use crate::signature::Unsigned;

/// A refusal of Secrets Manager. Its message never holds a secret's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `__type`.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn not_found() -> Self {
        Self::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    }

    pub(crate) fn no_version(what: &str) -> Self {
        Self::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {what}"),
        )
    }

    pub(crate) fn exists(name: &str) -> Self {
        Self::new(
            "ResourceExistsException",
            format!("The operation failed because the secret {name} already exists."),
        )
    }

    pub(crate) fn other_value() -> Self {
        Self::new(
            "ResourceExistsException",
            "The operation failed because the ClientRequestToken is already associated with \
             another version's value.",
        )
    }

    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::new("InvalidRequestException", message)
    }

    pub(crate) fn serialization() -> Self {
        Self::new("SerializationException", "The request's body is not a JSON object.")
    }

    pub(crate) fn unknown_action() -> Self {
        Self::new("UnknownOperationException", "This operation is not known here.")
    }

    pub(crate) fn denied(action: &str, name: &str) -> Self {
        Self::new(
            "AccessDeniedException",
            format!(
                "User is not authorized to perform: secretsmanager:{action} on resource: {name} \
                 because no identity-based policy allows the secretsmanager:{action} action"
            ),
        )
    }
}

impl From<Unsigned> for Refusal {
    fn from(why: Unsigned) -> Self {
        match why {
            Unsigned::Missing => {
                Self::new("MissingAuthenticationTokenException", "Missing Authentication Token")
            }
            Unsigned::Incomplete(message) => Self::new("IncompleteSignatureException", message),
            Unsigned::UnknownKey => Self::new(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Unsigned::Wrong(message) => Self::new("InvalidSignatureException", message),
        }
    }
}
