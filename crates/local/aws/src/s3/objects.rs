//! The operations on single objects, and the deletion of several.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use s3s::dto::{self, StreamingBlob};
use s3s::{S3Request, S3Result, s3_error};

use super::body::{claimed_checksums, receive_body};
use super::protocol::{
    attributes, byte_range, check_read_conditions, content_range, copy_source, etag, size_i64,
    timestamp, with_checksums, write_condition,
};
use super::store::{Condition, Object, Store, StoreError};

pub(super) async fn put(
    store: &Store,
    request: S3Request<dto::PutObjectInput>,
) -> S3Result<dto::PutObjectOutput> {
    let input = &request.input;
    let condition = write_condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    store.check_bucket(&input.bucket)?;
    let claimed = claimed_checksums!(request);
    let (finished, checksum) = receive_body(store, request.input.body, claimed).await?;
    let object = store.object(finished, attributes!(request.input), checksum.clone());
    let e_tag = Some(etag(&object));
    store.put(&request.input.bucket, &request.input.key, object, &condition)?;
    Ok(with_checksums!(PutObjectOutput, checksum, e_tag: e_tag))
}

/// An object that passed the conditions of a read, and the byte range that was asked for.
struct ObjectRead {
    object: Object,
    range: Range<u64>,
    is_partial: bool,
    checksum: dto::Checksum,
    /// Whether the bucket's key is used with the key of KMS that the writer named.
    bucket_key: bool,
}

/// Reads the object of a `GetObject` or `HeadObject` input.
macro_rules! read {
    ($store:expr, $input:expr) => {{
        let object = $store.get(&$input.bucket, &$input.key)?;
        let if_match = $input.if_match.as_ref();
        let if_match = if_match.filter(|_| !$store.turned.is("s3-get-if-match"));
        check_read_conditions(&object, if_match, $input.if_none_match.as_ref())?;
        ObjectRead {
            range: byte_range($input.range, object.size)?,
            is_partial: $input.range.is_some(),
            checksum: returned_checksum(&object, $input.checksum_mode.as_ref(), $input.range),
            bucket_key: !$store.turned.is("s3-bucket-key-of-exports"),
            object,
        }
    }};
}

/// The output that `GetObject` and `HeadObject` have in common.
macro_rules! read_output {
    ($output:ident, $read:expr $(, $field:ident: $value:expr)*) => {{
        let ObjectRead { object, range, is_partial, checksum, bucket_key } = $read;
        let is_kms = object.kms_key.is_some();
        let attributes = object.attributes.clone();
        let has_checksum = checksum != dto::Checksum::default();
        with_checksums!(
            $output,
            checksum,
            // Objects of one write and none of parts: S3 composes checksums of parts only for those.
            checksum_type: has_checksum.then(|| {
                dto::ChecksumType::from_static(dto::ChecksumType::FULL_OBJECT)
            }),
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(size_i64(range.end - range.start)),
            content_range: is_partial.then(|| content_range(&range, object.size)),
            e_tag: Some(etag(&object)),
            last_modified: Some(timestamp(object.modified)),
            content_type: attributes.content_type,
            content_encoding: attributes.content_encoding,
            content_disposition: attributes.content_disposition,
            content_language: attributes.content_language,
            cache_control: attributes.cache_control,
            metadata: attributes.metadata,
            server_side_encryption: is_kms
                .then(|| dto::ServerSideEncryption::from_static(dto::ServerSideEncryption::AWS_KMS)),
            ssekms_key_id: object.kms_key.clone(),
            bucket_key_enabled: is_kms.then_some(bucket_key),
            $($field: $value,)*
        )
    }};
}

pub(super) fn get(store: &Store, input: &dto::GetObjectInput) -> S3Result<dto::GetObjectOutput> {
    let read = read!(store, input);
    let body = StreamingBlob::wrap(read.object.blob.clone().stream(read.range.clone()));
    let mut output = read_output!(GetObjectOutput, read, body: Some(body));
    if store.turned.is("s3-etag-follows-content") {
        static READS: AtomicU64 = AtomicU64::new(0);
        let number = READS.fetch_add(1, Ordering::Relaxed);
        output.e_tag = Some(dto::ETag::Strong(format!("read-{number}")));
    }
    Ok(output)
}

pub(super) fn head(store: &Store, input: &dto::HeadObjectInput) -> S3Result<dto::HeadObjectOutput> {
    Ok(read_output!(HeadObjectOutput, read!(store, input)))
}

/// The checksum of a response: only on request, and never for a part of an object.
fn returned_checksum(
    object: &Object,
    mode: Option<&dto::ChecksumMode>,
    range: Option<dto::Range>,
) -> dto::Checksum {
    let requested = mode.is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED);
    if requested && range.is_none() { object.checksum.clone() } else { dto::Checksum::default() }
}

pub(super) fn copy(store: &Store, input: dto::CopyObjectInput) -> S3Result<dto::CopyObjectOutput> {
    let (from_bucket, from_key) = copy_source(&input.copy_source)?;
    // Access to the source is checked here: `s3s` checks the target bucket only.
    if let Some(message) = store.denial(from_bucket, Some(from_key)) {
        return Err(s3_error!(AccessDenied, "{message}"));
    }
    let mut object = store.get(from_bucket, from_key)?;
    let (if_match, if_none_match) = (&input.copy_source_if_match, &input.copy_source_if_none_match);
    if check_read_conditions(&object, if_match.as_ref(), if_none_match.as_ref()).is_err() {
        return Err(StoreError::PreconditionFailed.into());
    }
    let directive = input.metadata_directive.as_ref();
    if directive.is_some_and(|it| it.as_str() == dto::MetadataDirective::REPLACE) {
        object.attributes = attributes!(input);
    }
    object.modified = store.now();
    let copy_object_result = Some(dto::CopyObjectResult {
        e_tag: Some(etag(&object)),
        last_modified: Some(timestamp(object.modified)),
        ..Default::default()
    });
    store.put(&input.bucket, &input.key, object, &Condition::Always)?;
    Ok(dto::CopyObjectOutput { copy_object_result, ..Default::default() })
}

pub(super) fn delete(
    store: &Store,
    input: &dto::DeleteObjectInput,
) -> S3Result<dto::DeleteObjectOutput> {
    let condition = write_condition(input.if_match.as_ref(), None)?;
    store.delete(&input.bucket, &input.key, &condition)?;
    Ok(dto::DeleteObjectOutput::default())
}

pub(super) fn delete_many(
    store: &Store,
    input: dto::DeleteObjectsInput,
) -> S3Result<dto::DeleteObjectsOutput> {
    let dto::DeleteObjectsInput { bucket, delete, .. } = input;
    if delete.objects.len() > 1000 {
        return Err(s3_error!(MalformedXML, "At most 1000 keys may be deleted at once"));
    }
    let mut deleted = Vec::new();
    for object in delete.objects {
        store.delete(&bucket, &object.key, &Condition::Always)?;
        deleted.push(dto::DeletedObject { key: Some(object.key), ..Default::default() });
    }
    let deleted = (!delete.quiet.unwrap_or(false)).then_some(deleted);
    Ok(dto::DeleteObjectsOutput { deleted, ..Default::default() })
}
