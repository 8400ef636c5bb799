//! The operations of S3 over the store.

use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use s3s::dto::{self, ETag, ETagCondition, StreamingBlob};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::body::{Claims, receive};
use super::list::{After, Page, page, url_encode};
use super::multipart;
use super::store::{Attributes, Condition, Entry, Refusal, Store};

/// Keys of one page at most. AWS documentation: MaxKeys.
const MAX_KEYS: i32 = 1000;

/// Answers S3's operations.
pub(crate) struct Ops {
    pub(crate) store: Arc<Store>,
    pub(crate) region: String,
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuchBucket => s3_error!(NoSuchBucket, "The specified bucket does not exist"),
            Refusal::NoSuchKey => s3_error!(NoSuchKey, "The specified key does not exist."),
            Refusal::NoSuchUpload => s3_error!(
                NoSuchUpload,
                "The specified upload does not exist. It may have been aborted or completed."
            ),
            Refusal::BucketExists => s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ),
            Refusal::BucketNotEmpty => {
                s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty")
            }
            Refusal::PreconditionFailed => s3_error!(
                PreconditionFailed,
                "At least one of the pre-conditions you specified did not hold"
            ),
        }
    }
}

/// The condition of a write.
pub(super) fn condition(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::Always),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(ETagCondition::Any), None) => Ok(Condition::Present),
        (Some(ETagCondition::ETag(tag)), None) => Ok(Condition::Tag(tag.value().to_owned())),
        _ => Err(s3_error!(
            NotImplemented,
            "A header you provided implies functionality that is not implemented"
        )),
    }
}

/// The conditions of a read. AWS documentation: a failed `If-Match` is a 412, a failed
/// `If-None-Match` a 304.
fn readable(
    entry: &Entry,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let same = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.value() == entry.etag,
    };
    if if_match.is_some_and(|condition| !same(condition)) {
        return Err(Refusal::PreconditionFailed.into());
    }
    if if_none_match.is_some_and(same) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

/// The `Last-Modified` of a virtual time.
pub(super) fn stamp(at: jiff::Timestamp) -> dto::Timestamp {
    SystemTime::from(at).into()
}

pub(super) fn tag(entry: &Entry) -> ETag {
    ETag::Strong(entry.etag.clone())
}

/// The value of `x-amz-trailer`, which announces a checksum after the body.
pub(super) fn announced(headers: &http::HeaderMap) -> String {
    let value = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// The bytes that `range` asks for, of an object of `size` bytes.
pub(super) fn satisfiable(range: Option<dto::Range>, size: u64) -> S3Result<Range<u64>> {
    match range {
        None => Ok(0..size),
        Some(range) => range
            .check(size)
            .map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable")),
    }
}

fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1))
}

/// Sizes are `i64` in the protocol.
pub(super) fn wire_size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The bucket and key of `x-amz-copy-source`.
pub(super) fn copied(source: &dto::CopySource) -> S3Result<(&str, &str)> {
    match source {
        dto::CopySource::Bucket { bucket, key, .. } => Ok((bucket, key)),
        _ => Err(s3_error!(NotImplemented, "Only buckets can be copied from")),
    }
}

/// The checksum is told on request only, and never for a part of an object.
fn told(entry: &Entry, mode: Option<&dto::ChecksumMode>, whole: bool) -> dto::Checksum {
    let asked = mode.is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED);
    if asked && whole { entry.checksum.clone() } else { dto::Checksum::default() }
}

struct Listing {
    contents: Option<Vec<dto::Object>>,
    common_prefixes: Option<Vec<dto::CommonPrefix>>,
    count: i32,
    next: Option<After>,
}

impl Ops {
    fn list(
        &self,
        bucket: &str,
        prefix: &str,
        delimiter: Option<&str>,
        after: &After,
        max: i32,
        encode: bool,
    ) -> S3Result<Listing> {
        let max = usize::try_from(max.min(MAX_KEYS))
            .map_err(|_| s3_error!(InvalidArgument, "max-keys must not be negative"))?;
        let name = |text: &str| if encode { url_encode(text) } else { text.to_owned() };
        let look = |objects: &_| page(objects, prefix, delimiter, after, max);
        let Page { objects, prefixes, next } = self.store.with_objects(bucket, look)?;
        let count = i32::try_from(objects.len() + prefixes.len()).unwrap_or(MAX_KEYS);
        let object = |(key, entry): (String, Entry)| dto::Object {
            key: Some(name(&key)),
            size: Some(wire_size(entry.size)),
            e_tag: Some(tag(&entry)),
            last_modified: Some(stamp(entry.modified)),
            storage_class: Some(dto::ObjectStorageClass::from_static(
                dto::ObjectStorageClass::STANDARD,
            )),
            ..Default::default()
        };
        let group = |group: String| dto::CommonPrefix { prefix: Some(name(&group)) };
        Ok(Listing {
            contents: Some(objects.into_iter().map(object).collect()),
            common_prefixes: Some(prefixes.into_iter().map(group).collect()),
            count,
            next,
        })
    }
}

fn wants_url(encoding: Option<&dto::EncodingType>) -> bool {
    encoding.is_some_and(|encoding| encoding.as_str() == dto::EncodingType::URL)
}

#[async_trait]
impl S3 for Ops {
    async fn create_bucket(
        &self,
        request: S3Request<dto::CreateBucketInput>,
    ) -> S3Result<S3Response<dto::CreateBucketOutput>> {
        let bucket = request.input.bucket;
        self.store.create_bucket(&bucket)?;
        let location = Some(format!("/{bucket}"));
        Ok(S3Response::new(dto::CreateBucketOutput { location }))
    }

    async fn delete_bucket(
        &self,
        request: S3Request<dto::DeleteBucketInput>,
    ) -> S3Result<S3Response<dto::DeleteBucketOutput>> {
        self.store.delete_bucket(&request.input.bucket)?;
        Ok(S3Response::new(dto::DeleteBucketOutput::default()))
    }

    async fn head_bucket(
        &self,
        request: S3Request<dto::HeadBucketInput>,
    ) -> S3Result<S3Response<dto::HeadBucketOutput>> {
        self.store.has_bucket(&request.input.bucket)?;
        let bucket_region = Some(self.region.clone());
        Ok(S3Response::new(dto::HeadBucketOutput { bucket_region, ..Default::default() }))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<dto::GetBucketLocationInput>,
    ) -> S3Result<S3Response<dto::GetBucketLocationOutput>> {
        self.store.has_bucket(&request.input.bucket)?;
        let location_constraint = Some(self.region.clone().into());
        Ok(S3Response::new(dto::GetBucketLocationOutput { location_constraint }))
    }

    async fn get_bucket_encryption(
        &self,
        request: S3Request<dto::GetBucketEncryptionInput>,
    ) -> S3Result<S3Response<dto::GetBucketEncryptionOutput>> {
        if self.store.exposed(&request.input.bucket)? {
            let code = "ServerSideEncryptionConfigurationNotFoundError";
            let mut error = S3Error::with_message(
                S3ErrorCode::Custom(code.into()),
                "The server side encryption configuration was not found",
            );
            error.set_status_code(http::StatusCode::NOT_FOUND);
            return Err(error);
        }
        let by_default = dto::ServerSideEncryptionByDefault {
            kms_master_key_id: None,
            sse_algorithm: dto::ServerSideEncryption::from_static("aws:kms"),
        };
        let rule = dto::ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(by_default),
            ..Default::default()
        };
        let configuration = dto::ServerSideEncryptionConfiguration { rules: vec![rule] };
        Ok(S3Response::new(dto::GetBucketEncryptionOutput {
            server_side_encryption_configuration: Some(configuration),
        }))
    }

    async fn get_public_access_block(
        &self,
        request: S3Request<dto::GetPublicAccessBlockInput>,
    ) -> S3Result<S3Response<dto::GetPublicAccessBlockOutput>> {
        let on = Some(!self.store.exposed(&request.input.bucket)?);
        let configuration = dto::PublicAccessBlockConfiguration {
            block_public_acls: on,
            block_public_policy: on,
            ignore_public_acls: on,
            restrict_public_buckets: on,
        };
        Ok(S3Response::new(dto::GetPublicAccessBlockOutput {
            public_access_block_configuration: Some(configuration),
        }))
    }

    async fn list_buckets(
        &self,
        _request: S3Request<dto::ListBucketsInput>,
    ) -> S3Result<S3Response<dto::ListBucketsOutput>> {
        let bucket = |(name, created)| dto::Bucket {
            name: Some(name),
            creation_date: Some(stamp(created)),
            bucket_region: None,
        };
        let buckets = Some(self.store.buckets().into_iter().map(bucket).collect());
        Ok(S3Response::new(dto::ListBucketsOutput { buckets, ..Default::default() }))
    }

    async fn put_object(
        &self,
        request: S3Request<dto::PutObjectInput>,
    ) -> S3Result<S3Response<dto::PutObjectOutput>> {
        let announced = announced(&request.headers);
        let input = request.input;
        let condition = condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        self.store.has_bucket(&input.bucket)?;
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
        let (finished, checksum) = receive(&self.store, input.body, claims).await?;
        let attributes = Attributes {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            metadata: input.metadata,
        };
        let entry = self.store.entry(finished, attributes, checksum.clone());
        let e_tag = Some(tag(&entry));
        self.store.put(&input.bucket, &input.key, entry, &condition)?;
        Ok(S3Response::new(dto::PutObjectOutput {
            e_tag,
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        }))
    }

    async fn get_object(
        &self,
        request: S3Request<dto::GetObjectInput>,
    ) -> S3Result<S3Response<dto::GetObjectOutput>> {
        let input = request.input;
        let entry = self.store.get(&input.bucket, &input.key)?;
        readable(&entry, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let range = satisfiable(input.range, entry.size)?;
        let checksum = told(&entry, input.checksum_mode.as_ref(), input.range.is_none());
        let attributes = entry.attributes.clone();
        Ok(S3Response::new(dto::GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(wire_size(range.end - range.start)),
            content_range: input.range.map(|_| content_range(&range, entry.size)),
            e_tag: Some(tag(&entry)),
            last_modified: Some(stamp(entry.modified)),
            content_type: attributes.content_type,
            content_encoding: attributes.content_encoding,
            content_disposition: attributes.content_disposition,
            content_language: attributes.content_language,
            cache_control: attributes.cache_control,
            metadata: attributes.metadata,
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            body: Some(StreamingBlob::wrap(entry.blob.stream(range))),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<dto::HeadObjectInput>,
    ) -> S3Result<S3Response<dto::HeadObjectOutput>> {
        let input = request.input;
        let entry = self.store.get(&input.bucket, &input.key)?;
        readable(&entry, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let range = satisfiable(input.range, entry.size)?;
        let checksum = told(&entry, input.checksum_mode.as_ref(), input.range.is_none());
        let attributes = entry.attributes.clone();
        Ok(S3Response::new(dto::HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(wire_size(range.end - range.start)),
            content_range: input.range.map(|_| content_range(&range, entry.size)),
            e_tag: Some(tag(&entry)),
            last_modified: Some(stamp(entry.modified)),
            content_type: attributes.content_type,
            content_encoding: attributes.content_encoding,
            content_disposition: attributes.content_disposition,
            content_language: attributes.content_language,
            cache_control: attributes.cache_control,
            metadata: attributes.metadata,
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        }))
    }

    async fn copy_object(
        &self,
        request: S3Request<dto::CopyObjectInput>,
    ) -> S3Result<S3Response<dto::CopyObjectOutput>> {
        let input = request.input;
        let (from_bucket, from_key) = copied(&input.copy_source)?;
        // A denied source must not leak through the bucket it is copied to.
        if let Some(message) = self.store.denied(from_bucket) {
            return Err(s3_error!(AccessDenied, "{message}"));
        }
        let mut entry = self.store.get(from_bucket, from_key)?;
        let (if_match, if_none_match) =
            (&input.copy_source_if_match, &input.copy_source_if_none_match);
        if readable(&entry, if_match.as_ref(), if_none_match.as_ref()).is_err() {
            return Err(Refusal::PreconditionFailed.into());
        }
        let replace = input.metadata_directive.as_ref();
        if replace.is_some_and(|it| it.as_str() == dto::MetadataDirective::REPLACE) {
            entry.attributes = Attributes {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                content_disposition: input.content_disposition,
                content_language: input.content_language,
                cache_control: input.cache_control,
                metadata: input.metadata,
            };
        }
        entry.modified = self.store.now();
        let copy_object_result = Some(dto::CopyObjectResult {
            e_tag: Some(tag(&entry)),
            last_modified: Some(stamp(entry.modified)),
            ..Default::default()
        });
        self.store.put(&input.bucket, &input.key, entry, &Condition::Always)?;
        Ok(S3Response::new(dto::CopyObjectOutput { copy_object_result, ..Default::default() }))
    }

    async fn delete_object(
        &self,
        request: S3Request<dto::DeleteObjectInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectOutput>> {
        let input = request.input;
        let condition = condition(input.if_match.as_ref(), None)?;
        self.store.delete(&input.bucket, &input.key, &condition)?;
        Ok(S3Response::new(dto::DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<dto::DeleteObjectsInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectsOutput>> {
        let dto::DeleteObjectsInput { bucket, delete, .. } = request.input;
        if delete.objects.len() > 1000 {
            return Err(s3_error!(MalformedXML, "At most 1000 keys may be deleted at once"));
        }
        let mut deleted = Vec::new();
        for object in delete.objects {
            self.store.delete(&bucket, &object.key, &Condition::Always)?;
            deleted.push(dto::DeletedObject { key: Some(object.key), ..Default::default() });
        }
        let deleted = (!delete.quiet.unwrap_or(false)).then_some(deleted);
        Ok(S3Response::new(dto::DeleteObjectsOutput { deleted, ..Default::default() }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        let input = request.input;
        let after = match (&input.continuation_token, &input.start_after) {
            (Some(token), _) => After::parse(token).ok_or_else(|| {
                s3_error!(InvalidArgument, "The continuation token provided is incorrect")
            })?,
            (None, Some(key)) => After::Key(key.clone()),
            (None, None) => After::Nothing,
        };
        let encode = wants_url(input.encoding_type.as_ref());
        let name = |text: String| if encode { url_encode(&text) } else { text };
        let max = input.max_keys.unwrap_or(MAX_KEYS);
        let prefix = input.prefix.clone().unwrap_or_default();
        let delimiter = input.delimiter.as_deref();
        let listing = self.list(&input.bucket, &prefix, delimiter, &after, max, encode)?;
        Ok(S3Response::new(dto::ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(name(prefix)),
            delimiter: input.delimiter.map(name),
            start_after: input.start_after.map(name),
            encoding_type: input.encoding_type,
            max_keys: Some(max.min(MAX_KEYS)),
            key_count: Some(listing.count),
            is_truncated: Some(listing.next.is_some()),
            continuation_token: input.continuation_token,
            next_continuation_token: listing.next.map(|next| next.token()),
            contents: listing.contents,
            common_prefixes: listing.common_prefixes,
            ..Default::default()
        }))
    }

    async fn list_objects(
        &self,
        request: S3Request<dto::ListObjectsInput>,
    ) -> S3Result<S3Response<dto::ListObjectsOutput>> {
        let input = request.input;
        // A marker that is a common prefix stands for all keys under it.
        let after = match (&input.marker, &input.delimiter) {
            (None, _) => After::Nothing,
            (Some(marker), Some(delimiter)) if marker.ends_with(delimiter.as_str()) => {
                After::Group(marker.clone())
            }
            (Some(marker), _) => After::Key(marker.clone()),
        };
        let encode = wants_url(input.encoding_type.as_ref());
        let name = |text: String| if encode { url_encode(&text) } else { text };
        let max = input.max_keys.unwrap_or(MAX_KEYS);
        let prefix = input.prefix.clone().unwrap_or_default();
        let delimiter = input.delimiter.as_deref();
        let listing = self.list(&input.bucket, &prefix, delimiter, &after, max, encode)?;
        let next_marker = match &listing.next {
            Some(After::Key(key) | After::Group(key)) => Some(name(key.clone())),
            Some(After::Nothing) | None => None,
        };
        Ok(S3Response::new(dto::ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(name(prefix)),
            delimiter: input.delimiter.map(name),
            marker: Some(name(input.marker.unwrap_or_default())),
            encoding_type: input.encoding_type,
            max_keys: Some(max.min(MAX_KEYS)),
            is_truncated: Some(listing.next.is_some()),
            next_marker,
            contents: listing.contents,
            common_prefixes: listing.common_prefixes,
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<dto::CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::CreateMultipartUploadOutput>> {
        multipart::create(&self.store, request.input).map(S3Response::new)
    }

    async fn upload_part(
        &self,
        request: S3Request<dto::UploadPartInput>,
    ) -> S3Result<S3Response<dto::UploadPartOutput>> {
        multipart::upload_part(&self.store, request).await.map(S3Response::new)
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<dto::UploadPartCopyInput>,
    ) -> S3Result<S3Response<dto::UploadPartCopyOutput>> {
        multipart::upload_part_copy(&self.store, request.input).await.map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::CompleteMultipartUploadOutput>> {
        multipart::complete(&self.store, request.input).await.map(S3Response::new)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::AbortMultipartUploadOutput>> {
        let dto::AbortMultipartUploadInput { bucket, key, upload_id, .. } = request.input;
        self.store.upload(&bucket, &key, &upload_id)?;
        self.store.abort_upload(&upload_id)?;
        Ok(S3Response::new(dto::AbortMultipartUploadOutput::default()))
    }

    async fn list_parts(
        &self,
        request: S3Request<dto::ListPartsInput>,
    ) -> S3Result<S3Response<dto::ListPartsOutput>> {
        multipart::list_parts(&self.store, request.input).map(S3Response::new)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<dto::ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<dto::ListMultipartUploadsOutput>> {
        multipart::list_uploads(&self.store, request.input).map(S3Response::new)
    }
}
