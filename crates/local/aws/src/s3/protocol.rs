//! Conversions between the store and the types of the S3 protocol.

use std::ops::Range;
use std::time::SystemTime;

use s3s::dto::{self, ETag, ETagCondition};
use s3s::{S3Error, S3Result, s3_error};

use super::store::{Condition, Object, StoreError};

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchBucket => {
                s3_error!(NoSuchBucket, "The specified bucket does not exist")
            }
            StoreError::NoSuchKey => s3_error!(NoSuchKey, "The specified key does not exist."),
            StoreError::NoSuchUpload => s3_error!(
                NoSuchUpload,
                "The specified upload does not exist. It may have been aborted or completed."
            ),
            StoreError::BucketExists => s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ),
            StoreError::BucketNotEmpty => {
                s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty")
            }
            StoreError::PreconditionFailed => s3_error!(
                PreconditionFailed,
                "At least one of the pre-conditions you specified did not hold"
            ),
        }
    }
}

/// The fields of [`Attributes`](super::store::Attributes), moved out of an input of the protocol
/// or into an output.
macro_rules! attributes {
    ($input:expr) => {
        $crate::s3::store::Attributes {
            content_type: $input.content_type,
            content_encoding: $input.content_encoding,
            content_disposition: $input.content_disposition,
            content_language: $input.content_language,
            cache_control: $input.cache_control,
            metadata: $input.metadata,
        }
    };
}

/// A type of the protocol with the five checksum fields of `$checksum` and the fields given.
macro_rules! with_checksums {
    ($type:ident, $checksum:expr $(, $field:ident: $value:expr)* $(,)?) => {
        s3s::dto::$type {
            checksum_crc32: $checksum.checksum_crc32,
            checksum_crc32c: $checksum.checksum_crc32c,
            checksum_crc64nvme: $checksum.checksum_crc64nvme,
            checksum_sha1: $checksum.checksum_sha1,
            checksum_sha256: $checksum.checksum_sha256,
            $($field: $value,)*
            ..Default::default()
        }
    };
}

pub(super) use {attributes, with_checksums};

/// The condition of a write.
pub(super) fn write_condition(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::Always),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(ETagCondition::Any), None) => Ok(Condition::Present),
        (Some(ETagCondition::ETag(etag)), None) => {
            Ok(Condition::ETagMatches(etag.value().to_owned()))
        }
        _ => Err(s3_error!(
            NotImplemented,
            "A header you provided implies functionality that is not implemented"
        )),
    }
}

/// Checks the conditions of a read. AWS documentation: a failed `If-Match` is a 412, a failed
/// `If-None-Match` a 304.
pub(super) fn check_read_conditions(
    object: &Object,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let matches = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == object.etag,
    };
    if if_match.is_some_and(|condition| !matches(condition)) {
        return Err(StoreError::PreconditionFailed.into());
    }
    if if_none_match.is_some_and(matches) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

/// A virtual time in the type of the protocol.
pub(super) fn timestamp(at: jiff::Timestamp) -> dto::Timestamp {
    SystemTime::from(at).into()
}

/// The ETag of an object.
pub(super) fn etag(object: &Object) -> ETag {
    ETag::Strong(object.etag.clone())
}

/// The byte range that a request asks for, of an object of `size` bytes.
pub(super) fn byte_range(range: Option<dto::Range>, size: u64) -> S3Result<Range<u64>> {
    match range {
        None => Ok(0..size),
        Some(range) => range
            .check(size)
            .map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable")),
    }
}

/// The `Content-Range` of a response with part of an object.
pub(super) fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1))
}

/// A size in the type of the protocol.
pub(super) fn size_i64(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The bucket and the key of `x-amz-copy-source`.
pub(super) fn copy_source(source: &dto::CopySource) -> S3Result<(&str, &str)> {
    match source {
        dto::CopySource::Bucket { bucket, key, .. } => Ok((bucket, key)),
        _ => Err(s3_error!(NotImplemented, "Only buckets can be copied from")),
    }
}
