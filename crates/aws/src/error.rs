//! Every answer of AWS, sorted once: what kind of trouble it is.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use landbridge_core::{Error, ErrorKind};

/// The kind for an error code and HTTP status of RDS, S3 or Secrets Manager.
fn kind_of(code: &str, status: u16) -> ErrorKind {
    match code {
        "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "SlowDown"
        | "TooManyRequestsException" => ErrorKind::Throttled,
        // Two conditional writes of one key at once: S3 asks to try again.
        "ConditionalRequestConflict" | "InternalServiceError" => ErrorKind::Transient,
        "SnapshotQuotaExceeded"
        | "SnapshotQuotaExceededFault"
        | "StorageQuotaExceeded"
        | "InstanceQuotaExceeded"
        | "DBClusterQuotaExceededFault"
        | "LimitExceeded"
        | "LimitExceededException"
        | "ExportTaskLimitReachedFault" => ErrorKind::Quota,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "IamRoleMissingPermissions"
        | "KMSKeyNotAccessibleFault"
        | "AuthFailure"
        // Secrets Manager, whose protocol words the signature's troubles in its own way,
        // and which reports a key of KMS that it may not use as one that fails.
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignatureException"
        | "ExpiredTokenException"
        | "DecryptionFailure"
        | "EncryptionFailure" => ErrorKind::Denied,
        "NoSuchBucket"
        | "NoSuchKey"
        | "NotFound"
        | "DBSnapshotNotFound"
        | "DBClusterSnapshotNotFoundFault"
        | "DBInstanceNotFound"
        | "DBClusterNotFoundFault"
        | "ExportTaskNotFound"
        | "ExportTaskNotFoundFault"
        | "IamRoleNotFound"
        | "InvalidS3BucketFault"
        | "ResourceNotFoundException" => ErrorKind::NotFound,
        "DBSnapshotAlreadyExists"
        | "DBInstanceAlreadyExists"
        | "DBClusterAlreadyExistsFault"
        | "InvalidRestoreFault"
        | "DBClusterSnapshotAlreadyExistsFault"
        | "ExportTaskAlreadyExists"
        | "InvalidDBInstanceState"
        | "InvalidDBClusterStateFault"
        | "InvalidDBSnapshotState"
        | "InvalidDBClusterSnapshotStateFault"
        | "InvalidExportSourceState"
        | "PreconditionFailed"
        | "ResourceExistsException"
        // Of a secret: its state forbids it, such as being scheduled for deletion.
        | "InvalidRequestException" => ErrorKind::Conflict,
        "InvalidExportOnly"
        | "InvalidParameterValue"
        | "InvalidParameterCombination"
        | "InvalidParameterException"
        | "PointInTimeRestoreNotEnabled"
        | "InvalidBucketName" => ErrorKind::Config,
        _ => match status {
            403 | 401 => ErrorKind::Denied,
            404 => ErrorKind::NotFound,
            409 | 412 => ErrorKind::Conflict,
            429 => ErrorKind::Throttled,
            500..=599 => ErrorKind::Transient,
            _ => ErrorKind::Rejected,
        },
    }
}

/// The error code of a failed call, empty when there was no answer.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default().to_owned()
}

/// The HTTP status of a failed call, 0 when there was no answer.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}

/// Our error for a failed call: `what` we wanted (fixed text), and what it was about.
pub(crate) fn failed<E>(
    what: &'static str,
    context: impl Into<String>,
    error: SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata,
{
    let context = context.into();
    let (status, code) = (status(&error), code(&error));
    let message = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::message)
        .unwrap_or_default()
        .to_owned();
    match &error {
        // No answer, or one that is none: the outcome is unknown.
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            Error::new(ErrorKind::Transient, what, context).caused_by("no answer")
        }
        SdkError::ConstructionFailure(_) => Error::new(ErrorKind::Rejected, what, context)
            .caused_by("the request could not be built"),
        _ => {
            let said = match (code.is_empty(), message.is_empty()) {
                (true, _) => format!("HTTP {status}"),
                (false, true) => code.clone(),
                (false, false) => format!("{code}: {message}"),
            };
            Error::new(kind_of(&code, status), what, context).caused_by(said)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_before_statuses() {
        assert_eq!(kind_of("SnapshotQuotaExceeded", 400), ErrorKind::Quota);
        assert_eq!(kind_of("Throttling", 400), ErrorKind::Throttled);
        assert_eq!(kind_of("", 403), ErrorKind::Denied);
        assert_eq!(kind_of("", 503), ErrorKind::Transient);
        assert_eq!(kind_of("SomethingNew", 400), ErrorKind::Rejected);
    }
}
