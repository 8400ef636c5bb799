//! Errors of SQS.

use http::StatusCode;

use crate::signature::SignatureError;

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SqsError {
    /// The name of the error's shape in the service model.
    pub(crate) code: &'static str,
    /// The code of the earlier query protocol, which SDKs report (trait `awsQueryCompatible`).
    pub(crate) query_code: &'static str,
    pub(crate) message: String,
    pub(crate) status: StatusCode,
}

impl SqsError {
    fn new(code: &'static str, query_code: &'static str, message: impl Into<String>) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self { code, query_code, message: message.into(), status }
    }

    /// An error that has the same name in both protocols.
    pub(crate) fn plain(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, code, message)
    }

    pub(crate) fn no_queue() -> Self {
        let code = "AWS.SimpleQueueService.NonExistentQueue";
        Self::new("QueueDoesNotExist", code, "The specified queue does not exist.")
    }

    pub(crate) fn name_exists() -> Self {
        let message =
            "A queue already exists with the same name and a different value for an attribute.";
        Self::new("QueueNameExists", "QueueAlreadyExists", message)
    }

    pub(crate) fn batch(code: &'static str) -> Self {
        let (query_code, message) = match code {
            "EmptyBatchRequest" => {
                ("AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one entry.")
            }
            "TooManyEntriesInBatchRequest" => (
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                "Maximum number of entries per request are 10.",
            ),
            "BatchEntryIdsNotDistinct" => (
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
                "Two or more batch entries have the same Id.",
            ),
            "InvalidBatchEntryId" => (
                "AWS.SimpleQueueService.InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ),
            _ => (
                "AWS.SimpleQueueService.BatchRequestTooLong",
                "Batch requests cannot be longer than 1048576 bytes.",
            ),
        };
        Self::new(code, query_code, message)
    }

    pub(crate) fn not_in_flight() -> Self {
        let code = "AWS.SimpleQueueService.MessageNotInflight";
        Self::new("MessageNotInflight", code, "The message is not in flight.")
    }

    pub(crate) fn invalid_handle() -> Self {
        Self::plain("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    }

    pub(crate) fn invalid_value(message: impl Into<String>) -> Self {
        Self::new("InvalidAttributeValue", "InvalidParameterValue", message)
    }

    pub(crate) fn invalid_attribute(name: &str) -> Self {
        Self::plain("InvalidAttributeName", format!("Unknown Attribute {name}."))
    }

    pub(crate) fn access_denied(action: &str) -> Self {
        let message = format!("User is not authorized to perform: sqs:{action}");
        Self { status: StatusCode::FORBIDDEN, ..Self::plain("AccessDeniedException", message) }
    }
}

impl From<SignatureError> for SqsError {
    fn from(error: SignatureError) -> Self {
        let (code, message) = match error {
            SignatureError::Missing => ("MissingAuthenticationTokenException", "no token".into()),
            SignatureError::Incomplete(message) => ("IncompleteSignatureException", message),
            SignatureError::UnknownKey => {
                ("UnrecognizedClientException", "the security token is invalid".into())
            }
            SignatureError::Mismatch(message) => ("InvalidSignatureException", message),
        };
        Self { status: StatusCode::FORBIDDEN, ..Self::plain(code, message) }
    }
}
