//! Every answer of AWS, sorted once: what kind of trouble it is.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use landbridge_core::{Error, Kind};

/// The kind for an error code and HTTP status of RDS, S3 or Secrets Manager.
fn kind_of(code: &str, status: u16) -> Kind {
    match code {
        "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "SlowDown"
        | "TooManyRequestsException" => Kind::Throttled,
        // Two conditional writes of one key at once: S3 asks to try again.
        "ConditionalRequestConflict" | "InternalServiceError" => Kind::Transient,
        "SnapshotQuotaExceeded"
        | "SnapshotQuotaExceededFault"
        | "StorageQuotaExceeded"
        | "InstanceQuotaExceeded"
        | "DBClusterQuotaExceededFault"
        | "LimitExceeded"
        | "LimitExceededException"
        | "ExportTaskLimitReachedFault" => Kind::Quota,
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
        | "EncryptionFailure" => Kind::Denied,
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
        | "ResourceNotFoundException" => Kind::NotFound,
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
        | "InvalidRequestException" => Kind::Conflict,
        "InvalidExportOnly"
        | "InvalidParameterValue"
        | "InvalidParameterCombination"
        | "InvalidParameterException"
        | "PointInTimeRestoreNotEnabled"
        | "InvalidBucketName" => Kind::Config,
        _ => match status {
            403 | 401 => Kind::Denied,
            404 => Kind::NotFound,
            409 | 412 => Kind::Conflict,
            429 => Kind::Throttled,
            500..=599 => Kind::Transient,
            _ => Kind::Rejected,
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
            Error::new(Kind::Transient, what, context).caused_by("no answer")
        }
        SdkError::ConstructionFailure(_) => {
            Error::new(Kind::Rejected, what, context).caused_by("the request could not be built")
        }
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
        assert_eq!(kind_of("SnapshotQuotaExceeded", 400), Kind::Quota);
        assert_eq!(kind_of("Throttling", 400), Kind::Throttled);
        assert_eq!(kind_of("", 403), Kind::Denied);
        assert_eq!(kind_of("", 503), Kind::Transient);
        assert_eq!(kind_of("SomethingNew", 400), Kind::Rejected);
    }
}
