//! Maps every AWS error to an [`ErrorKind`].

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use landbridge_core::{Created, Error, ErrorKind, Result};

/// The error codes of RDS, S3, Secrets Manager and SQS whose kind does not follow from the HTTP status.
const KIND_BY_CODE: [(ErrorKind, &[&str]); 7] = [
    (
        ErrorKind::Throttled,
        &[
            "RequestLimitExceeded",
            "RequestThrottled",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ],
    ),
    (
        ErrorKind::Transient,
        &[
            // Two conditional writes of one key at the same time: S3 asks the caller to retry.
            "ConditionalRequestConflict",
            "InternalServiceError",
        ],
    ),
    (
        ErrorKind::Quota,
        &[
            "DBClusterQuotaExceededFault",
            "ExportTaskLimitReachedFault",
            "InstanceQuotaExceeded",
            "LimitExceeded",
            "LimitExceededException",
            "OverLimit",
            "SnapshotQuotaExceeded",
            "SnapshotQuotaExceededFault",
            "StorageQuotaExceeded",
        ],
    ),
    (
        ErrorKind::Denied,
        &[
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure",
            "ExpiredToken",
            "IamRoleMissingPermissions",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "KMSKeyNotAccessibleFault",
            "MissingAuthenticationToken",
            "SignatureDoesNotMatch",
            "UnauthorizedOperation",
            // Secrets Manager has its own codes for signature errors, and reports a KMS key that
            // the caller may not use as a failed encryption or decryption.
            "DecryptionFailure",
            "EncryptionFailure",
            "ExpiredTokenException",
            "IncompleteSignatureException",
            "InvalidSignatureException",
            "MissingAuthenticationTokenException",
            "UnrecognizedClientException",
        ],
    ),
    (
        ErrorKind::NotFound,
        &[
            "DBClusterNotFoundFault",
            "DBClusterSnapshotNotFoundFault",
            "DBInstanceNotFound",
            "DBSnapshotNotFound",
            "ExportTaskNotFound",
            "ExportTaskNotFoundFault",
            "IamRoleNotFound",
            "InvalidS3BucketFault",
            "AWS.SimpleQueueService.NonExistentQueue",
            "NoSuchBucket",
            "NoSuchKey",
            "NotFound",
            "QueueDoesNotExist",
            "ResourceNotFoundException",
        ],
    ),
    (
        ErrorKind::Conflict,
        &[
            "DBClusterAlreadyExistsFault",
            "DBClusterSnapshotAlreadyExistsFault",
            "DBInstanceAlreadyExists",
            "DBSnapshotAlreadyExists",
            "ExportTaskAlreadyExists",
            "InvalidDBClusterSnapshotStateFault",
            "InvalidDBClusterStateFault",
            "InvalidDBInstanceState",
            "InvalidDBSnapshotState",
            "InvalidExportSourceState",
            "InvalidRestoreFault",
            "PreconditionFailed",
            "ResourceExistsException",
            // The state of the secret forbids the call, for example a scheduled deletion.
            "InvalidRequestException",
        ],
    ),
    (
        ErrorKind::Config,
        &[
            "InvalidBucketName",
            "InvalidExportOnly",
            "InvalidParameterCombination",
            "InvalidParameterException",
            "InvalidParameterValue",
            "PointInTimeRestoreNotEnabled",
        ],
    ),
];

/// The kind of an error, by its code, or by its HTTP status if the code is not listed.
fn error_kind(code: &str, status: u16) -> ErrorKind {
    let listed = KIND_BY_CODE.iter().find(|(_, codes)| codes.contains(&code));
    listed.map_or_else(
        || match status {
            401 | 403 => ErrorKind::Denied,
            404 => ErrorKind::NotFound,
            409 | 412 => ErrorKind::Conflict,
            429 => ErrorKind::Throttled,
            // The RDS API reference does not name the code of StartExportTask for a sixth task.
            _ if code.contains("Quota") || code.contains("Limit") => ErrorKind::Quota,
            500..=599 => ErrorKind::Transient,
            _ => ErrorKind::Rejected,
        },
        |(kind, _)| *kind,
    )
}

/// The error code of a failed call; empty if no response arrived.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> &str {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default()
}

/// The HTTP status of a failed call; 0 if no response arrived.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}

/// The [`Error`] for a failed call. `what` describes the failure in fixed text, `context` names the
/// resource.
pub(crate) fn failed<E>(
    what: &'static str,
    context: impl Into<String>,
    error: SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata,
{
    let context = context.into();
    match &error {
        // No response, or one that the SDK could not read: the call may have taken effect.
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            Error::new(ErrorKind::Transient, what, context).caused_by("no answer")
        }
        SdkError::ConstructionFailure(_) => Error::new(ErrorKind::Rejected, what, context)
            .caused_by("the SDK could not build the request"),
        _ => {
            let (status, code) = (status(&error), code(&error));
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
            let cause = match (code, message.unwrap_or_default()) {
                ("", _) => format!("HTTP {status}"),
                (code, "") => code.to_owned(),
                (code, message) => format!("{code}: {message}"),
            };
            Error::new(error_kind(code, status), what, context).caused_by(cause)
        }
    }
}

/// The response of a call, or `None` if it failed with the error code `not_found`.
pub(crate) fn found<T, E: ProvideErrorMetadata>(
    result: Result<T, SdkError<E, HttpResponse>>,
    not_found: &str,
    what: &'static str,
    context: impl Into<String>,
) -> Result<Option<T>> {
    match result {
        Ok(response) => Ok(Some(response)),
        Err(error) if code(&error) == not_found => Ok(None),
        Err(error) => Err(failed(what, context, error)),
    }
}

/// Whether a create call created its resource; the error code `exists` means that it did not.
pub(crate) fn created<T, E: ProvideErrorMetadata>(
    result: Result<T, SdkError<E, HttpResponse>>,
    exists: &str,
    what: &'static str,
    context: impl Into<String>,
) -> Result<Created> {
    let response = found(result, exists, what, context)?;
    Ok(if response.is_some() { Created::New } else { Created::AlreadyExists })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_takes_precedence_over_the_status() {
        for (code, status, kind) in [
            ("SnapshotQuotaExceeded", 400, ErrorKind::Quota),
            ("Throttling", 400, ErrorKind::Throttled),
            ("", 403, ErrorKind::Denied),
            ("", 503, ErrorKind::Transient),
            ("ExportTaskQuotaExceeded", 400, ErrorKind::Quota),
            ("SomethingNew", 400, ErrorKind::Rejected),
        ] {
            assert_eq!(error_kind(code, status), kind, "{code} {status}");
        }
    }

    #[test]
    fn every_code_has_one_kind() {
        let mut codes: Vec<_> = KIND_BY_CODE.iter().flat_map(|(_, codes)| *codes).collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
