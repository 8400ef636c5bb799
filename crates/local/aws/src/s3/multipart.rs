//! The operations on multipart uploads.

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::body::{claimed_checksums, receive_body};
use super::protocol::{
    attributes, byte_range, copy_source, etag, size_i64, timestamp, with_checksums, write_condition,
};
use super::store::{Attributes, Object, Store, Upload};

/// The minimum size of every part except the last. AWS documentation: multipart limits.
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;
/// The highest part number; the lowest is 1. AWS documentation: multipart limits.
const MAX_PART_NUMBER: i32 = 10_000;

pub(super) fn create(
    store: &Store,
    input: dto::CreateMultipartUploadInput,
) -> S3Result<dto::CreateMultipartUploadOutput> {
    let upload_id = store.create_upload(&input.bucket, &input.key, attributes!(input))?;
    Ok(dto::CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload_id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        ..Default::default()
    })
}

fn check_part_number(number: i32) -> S3Result<()> {
    if (1..=MAX_PART_NUMBER).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"))
}

pub(super) async fn upload_part(
    store: &Store,
    request: S3Request<dto::UploadPartInput>,
) -> S3Result<dto::UploadPartOutput> {
    let input = &request.input;
    check_part_number(input.part_number)?;
    store.upload(&input.bucket, &input.key, &input.upload_id)?;
    let claimed = claimed_checksums!(request);
    let (finished, checksum) = receive_body(store, request.input.body, claimed).await?;
    let part = store.object(finished, Attributes::default(), checksum.clone());
    let e_tag = Some(etag(&part));
    store.put_part(&request.input.upload_id, request.input.part_number, part)?;
    Ok(with_checksums!(UploadPartOutput, checksum, e_tag: e_tag))
}

pub(super) async fn upload_part_copy(
    store: &Store,
    input: dto::UploadPartCopyInput,
) -> S3Result<dto::UploadPartCopyOutput> {
    check_part_number(input.part_number)?;
    store.upload(&input.bucket, &input.key, &input.upload_id)?;
    let (from_bucket, from_key) = copy_source(&input.copy_source)?;
    if let Some(message) = store.denial(from_bucket, Some(from_key)) {
        return Err(s3_error!(AccessDenied, "{message}"));
    }
    let from = store.get(from_bucket, from_key)?;
    let range = match &input.copy_source_range {
        Some(text) => Some(dto::Range::parse(text).map_err(|_| {
            s3_error!(InvalidArgument, "The x-amz-copy-source-range value must be bytes=first-last")
        })?),
        None => None,
    };
    let range = byte_range(range, from.size)?;
    let mut writer = store.blobs().writer();
    writer.copy_from(&from.blob, range).await.map_err(S3Error::internal_error)?;
    let finished = writer.finish().await.map_err(S3Error::internal_error)?;
    let part = store.object(finished, Attributes::default(), dto::Checksum::default());
    let copy_part_result = Some(dto::CopyPartResult {
        e_tag: Some(etag(&part)),
        last_modified: Some(timestamp(part.modified)),
        ..Default::default()
    });
    store.put_part(&input.upload_id, input.part_number, part)?;
    Ok(dto::UploadPartCopyOutput { copy_part_result, ..Default::default() })
}

/// Concatenates the named parts. The condition is checked when the object is stored.
pub(super) async fn complete(
    store: &Store,
    input: dto::CompleteMultipartUploadInput,
) -> S3Result<dto::CompleteMultipartUploadOutput> {
    let condition = write_condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let upload = store.upload(&input.bucket, &input.key, &input.upload_id)?;
    let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let parts = find_parts(&upload, &named)?;
    let mut writer = store.blobs().writer();
    let mut part_md5s = Md5::new();
    for part in &parts {
        part_md5s.update(&hex::decode(&part.etag).unwrap_or_default());
        writer.copy_from(&part.blob, 0..part.size).await.map_err(S3Error::internal_error)?;
    }
    let finished = writer.finish().await.map_err(S3Error::internal_error)?;
    let mut object = store.object(finished, upload.attributes.clone(), dto::Checksum::default());
    object.etag = format!("{}-{}", hex::encode(part_md5s.finalize()), parts.len());
    let e_tag = Some(etag(&object));
    store.complete_upload(&input.upload_id, object, &condition)?;
    Ok(dto::CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag,
        ..Default::default()
    })
}

/// The parts of an upload that the request names, after the checks of order, ETag and size.
fn find_parts<'a>(upload: &'a Upload, named: &[dto::CompletedPart]) -> S3Result<Vec<&'a Object>> {
    if named.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    let mut parts: Vec<&Object> = Vec::new();
    let mut previous = 0;
    for part in named {
        let number = part.part_number.unwrap_or_default();
        if number <= previous {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order."
            ));
        }
        previous = number;
        let matches = |object: &&Object| {
            part.e_tag.as_ref().is_none_or(|claimed| claimed.value() == object.etag)
        };
        parts.push(upload.parts.get(&number).filter(matches).ok_or_else(|| {
            s3_error!(InvalidPart, "One or more of the specified parts could not be found.")
        })?);
    }
    if parts.iter().rev().skip(1).any(|part| part.size < MIN_PART_BYTES) {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size"
        ));
    }
    Ok(parts)
}

pub(super) fn abort(
    store: &Store,
    input: &dto::AbortMultipartUploadInput,
) -> S3Result<dto::AbortMultipartUploadOutput> {
    store.upload(&input.bucket, &input.key, &input.upload_id)?;
    store.abort_upload(&input.upload_id)?;
    Ok(dto::AbortMultipartUploadOutput::default())
}

/// Lists all parts in one page: no local upload has more parts than fit.
pub(super) fn list_parts(
    store: &Store,
    input: dto::ListPartsInput,
) -> S3Result<dto::ListPartsOutput> {
    let upload = store.upload(&input.bucket, &input.key, &input.upload_id)?;
    let part = |(number, part): (&i32, &Object)| dto::Part {
        part_number: Some(*number),
        size: Some(size_i64(part.size)),
        e_tag: Some(etag(part)),
        last_modified: Some(timestamp(part.modified)),
        ..Default::default()
    };
    Ok(dto::ListPartsOutput {
        parts: Some(upload.parts.iter().map(part).collect()),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        is_truncated: Some(false),
        ..Default::default()
    })
}

/// Lists all uploads under the prefix in one page, oldest first.
pub(super) fn list_uploads(
    store: &Store,
    input: dto::ListMultipartUploadsInput,
) -> S3Result<dto::ListMultipartUploadsOutput> {
    let prefix = input.prefix.clone().unwrap_or_default();
    let uploads = store.uploads(&input.bucket)?.into_iter();
    let uploads = uploads.filter(|(_, upload)| upload.key.starts_with(&prefix));
    let view = |(id, upload): (String, Upload)| dto::MultipartUpload {
        upload_id: Some(id),
        key: Some(upload.key),
        initiated: Some(timestamp(upload.initiated)),
        ..Default::default()
    };
    Ok(dto::ListMultipartUploadsOutput {
        uploads: Some(uploads.map(view).collect()),
        bucket: Some(input.bucket),
        prefix: input.prefix,
        is_truncated: Some(false),
        ..Default::default()
    })
}
