//! Objects that arrive in parts.

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::body::{Claims, receive};
use super::ops::{announced, condition, copied, satisfiable, stamp, tag, wire_size};
use super::store::{Attributes, Entry, Store};

/// Every part but the last has at least this many bytes. AWS documentation: multipart limits.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;
/// Part numbers go from 1 to this. AWS documentation: multipart limits.
const LAST_PART: i32 = 10_000;
/// Bytes copied at a time when parts are joined.
const STEP: u64 = 1024 * 1024;

pub(super) fn create(
    store: &Store,
    input: dto::CreateMultipartUploadInput,
) -> S3Result<dto::CreateMultipartUploadOutput> {
    let attributes = Attributes {
        content_type: input.content_type,
        content_encoding: input.content_encoding,
        content_disposition: input.content_disposition,
        content_language: input.content_language,
        cache_control: input.cache_control,
        metadata: input.metadata,
    };
    let upload_id = store.begin_upload(&input.bucket, &input.key, attributes)?;
    Ok(dto::CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload_id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        ..Default::default()
    })
}

fn check_number(number: i32) -> S3Result<()> {
    if (1..=LAST_PART).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"))
}

pub(super) async fn upload_part(
    store: &Store,
    request: S3Request<dto::UploadPartInput>,
) -> S3Result<dto::UploadPartOutput> {
    let announced = announced(&request.headers);
    let input = request.input;
    check_number(input.part_number)?;
    store.upload(&input.bucket, &input.key, &input.upload_id)?;
    let claims = Claims {
        checksum: dto::Checksum {
            checksum_crc32: input.checksum_crc32,
            checksum_crc32c: input.checksum_crc32c,
            checksum_crc64nvme: input.checksum_crc64nvme,
            checksum_sha1: input.checksum_sha1,
            checksum_sha256: input.checksum_sha256,
            ..Default::default()
        },
        algorithm: input.checksum_algorithm,
        md5: input.content_md5,
        trailers: request.trailing_headers,
        announced,
    };
    let (finished, checksum) = receive(store, input.body, claims).await?;
    let entry = store.entry(finished, Attributes::default(), checksum.clone());
    let e_tag = Some(tag(&entry));
    store.put_part(&input.upload_id, input.part_number, entry)?;
    Ok(dto::UploadPartOutput {
        e_tag,
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        ..Default::default()
    })
}

pub(super) async fn upload_part_copy(
    store: &Store,
    input: dto::UploadPartCopyInput,
) -> S3Result<dto::UploadPartCopyOutput> {
    check_number(input.part_number)?;
    store.upload(&input.bucket, &input.key, &input.upload_id)?;
    let (from_bucket, from_key) = copied(&input.copy_source)?;
    if let Some(message) = store.denied(from_bucket) {
        return Err(s3_error!(AccessDenied, "{message}"));
    }
    let from = store.get(from_bucket, from_key)?;
    let range = match &input.copy_source_range {
        Some(text) => Some(dto::Range::parse(text).map_err(|_| {
            s3_error!(InvalidArgument, "The x-amz-copy-source-range value must be bytes=first-last")
        })?),
        None => None,
    };
    let mut rest = satisfiable(range, from.size)?;
    let mut writer = store.blobs().writer();
    while !rest.is_empty() {
        let middle = rest.end.min(rest.start + STEP);
        let bytes = from.blob.read(rest.start..middle).await.map_err(S3Error::internal_error)?;
        writer.write(&bytes).await.map_err(S3Error::internal_error)?;
        rest.start = middle;
    }
    let finished = writer.finish().await.map_err(S3Error::internal_error)?;
    let entry = store.entry(finished, Attributes::default(), dto::Checksum::default());
    let copy_part_result = Some(dto::CopyPartResult {
        e_tag: Some(tag(&entry)),
        last_modified: Some(stamp(entry.modified)),
        ..Default::default()
    });
    store.put_part(&input.upload_id, input.part_number, entry)?;
    Ok(dto::UploadPartCopyOutput { copy_part_result, ..Default::default() })
}

/// Joins the named parts. The condition is checked at the moment the object appears.
pub(super) async fn complete(
    store: &Store,
    input: dto::CompleteMultipartUploadInput,
) -> S3Result<dto::CompleteMultipartUploadOutput> {
    let condition = condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let upload = store.upload(&input.bucket, &input.key, &input.upload_id)?;
    let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    if named.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    let mut parts: Vec<&Entry> = Vec::new();
    let mut before = 0;
    for part in &named {
        let number = part.part_number.unwrap_or_default();
        if number <= before {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order."
            ));
        }
        before = number;
        let found = upload.parts.get(&number);
        let same = |entry: &&Entry| {
            part.e_tag.as_ref().is_none_or(|claimed| claimed.value() == entry.etag)
        };
        parts.push(found.filter(same).ok_or_else(|| {
            s3_error!(InvalidPart, "One or more of the specified parts could not be found.")
        })?);
    }
    if parts.iter().rev().skip(1).any(|part| part.size < SMALLEST_PART) {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size"
        ));
    }
    let mut writer = store.blobs().writer();
    let mut tags = Md5::new();
    for part in &parts {
        tags.update(&hex::decode(&part.etag).unwrap_or_default());
        let mut at = 0;
        while at < part.size {
            let middle = part.size.min(at + STEP);
            let bytes = part.blob.read(at..middle).await.map_err(S3Error::internal_error)?;
            writer.write(&bytes).await.map_err(S3Error::internal_error)?;
            at = middle;
        }
    }
    let finished = writer.finish().await.map_err(S3Error::internal_error)?;
    let mut entry = store.entry(finished, upload.attributes.clone(), dto::Checksum::default());
    entry.etag = format!("{}-{}", hex::encode(tags.finalize()), parts.len());
    let e_tag = Some(tag(&entry));
    store.complete_upload(&input.upload_id, entry, &condition)?;
    Ok(dto::CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag,
        ..Default::default()
    })
}

/// All parts at once: there is no upload with more than a page of them on one machine.
pub(super) fn list_parts(
    store: &Store,
    input: dto::ListPartsInput,
) -> S3Result<dto::ListPartsOutput> {
    let upload = store.upload(&input.bucket, &input.key, &input.upload_id)?;
    let part = |(number, entry): (&i32, &Entry)| dto::Part {
        part_number: Some(*number),
        size: Some(wire_size(entry.size)),
        e_tag: Some(tag(entry)),
        last_modified: Some(stamp(entry.modified)),
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

/// All uploads of the bucket under the prefix, oldest first.
pub(super) fn list_uploads(
    store: &Store,
    input: dto::ListMultipartUploadsInput,
) -> S3Result<dto::ListMultipartUploadsOutput> {
    let prefix = input.prefix.clone().unwrap_or_default();
    let uploads = store.uploads(&input.bucket)?.into_iter();
    let uploads = uploads.filter(|(_, upload)| upload.key.starts_with(&prefix));
    let view = |(id, upload): (String, super::store::Upload)| dto::MultipartUpload {
        upload_id: Some(id),
        key: Some(upload.key),
        initiated: Some(stamp(upload.initiated)),
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
