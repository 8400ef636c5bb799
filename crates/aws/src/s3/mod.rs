//! Reads, lists and conditionally writes S3 objects.
//!
//! | module | responsibility |
//! |---|---|
//! | here | objects |
//! | `inspect` | settings of a bucket |
//! | `versions` | older versions of objects |

mod inspect;
mod versions;

pub use inspect::BucketEncryption;
pub use versions::ObjectVersion;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{AggregatedBytes, ByteStream};
use aws_sdk_s3::types::{ChecksumMode, ChecksumType};
use bytes::Bytes;
use jiff::Timestamp;
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::{Error, ErrorKind, Result};

use crate::error::{code, failed, found, status};

/// The S3 client.
#[derive(Clone, Debug)]
pub struct S3 {
    client: Client,
}

/// The result of a write that S3 makes only if its precondition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum ConditionalWrite {
    /// The object was written.
    Written {
        /// The ETag of what was written.
        etag: String,
    },
    /// The precondition did not hold. The object is unchanged.
    PreconditionFailed,
}

impl S3 {
    /// Wraps an SDK client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Reads a small object into memory. Returns its content and its ETag, or `None` if the object
    /// does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the bucket does not exist; any other S3 error.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Option<(Bytes, String)>> {
        let result = self.client.get_object().bucket(bucket).key(key).send().await;
        let object = found(result, "NoSuchKey", "an object cannot be read", uri(bucket, key))?;
        let Some(object) = object else { return Ok(None) };
        let etag = object.e_tag().unwrap_or_default().to_owned();
        let body = object.body.collect().await.map_err(|_| incomplete(bucket, key))?;
        Ok(Some((body.into_bytes(), etag)))
    }

    /// Writes an object if no object with that key exists.
    ///
    /// After a lost response, the retry of the SDK finds the object that the first attempt wrote.
    /// [`ConditionalWrite::PreconditionFailed`] can therefore mean that this call wrote the object:
    /// compare the content.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the bucket does not exist; any other S3 error.
    pub async fn create(&self, bucket: &str, key: &str, body: Bytes) -> Result<ConditionalWrite> {
        let call = self.client.put_object().if_none_match("*");
        put_if(call, bucket, key, body, &[412]).await
    }

    /// As [`Self::create`], with a CRC32C of the body in base64 as the caller computed it, for `landbridge probe`.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if the body has another checksum; as [`Self::create`].
    pub async fn create_with_checksum(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        crc32c: &str,
    ) -> Result<ConditionalWrite> {
        let call = self.client.put_object().if_none_match("*").checksum_crc32_c(crc32c);
        put_if(call, bucket, key, body, &[412]).await
    }

    /// Replaces an object if its current version has this ETag. Lost responses are as for
    /// [`Self::create`].
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the bucket does not exist; any other S3 error.
    pub async fn replace(
        &self,
        bucket: &str,
        key: &str,
        etag: &str,
        body: Bytes,
    ) -> Result<ConditionalWrite> {
        let call = self.client.put_object().if_match(etag);
        put_if(call, bucket, key, body, &[412, 404]).await
    }

    /// All objects whose key begins with `prefix`, ordered by key.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the bucket does not exist; any other S3 error.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let mut pages =
            self.client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                failed("the objects cannot be listed", uri(bucket, prefix), error)
            })?;
            all.extend(page.contents().iter().map(|object| ObjectMeta {
                key: object.key().unwrap_or_default().to_owned(),
                etag: object.e_tag().unwrap_or_default().to_owned(),
                bytes: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            }));
        }
        Ok(all)
    }

    /// The folders directly below `prefix`, which ends with a slash, without the slash at their end. One call for a thousand of them,
    /// however many objects they have.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>> {
        let call = self.client.list_objects_v2().bucket(bucket).prefix(prefix).delimiter("/");
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                failed("the folders cannot be listed", uri(bucket, prefix), error)
            })?;
            let found = page.common_prefixes().iter().filter_map(|it| it.prefix());
            let names = found.filter_map(|it| it.strip_prefix(prefix)?.strip_suffix('/'));
            all.extend(names.map(str::to_owned));
        }
        Ok(all)
    }

    /// When each object whose key begins with `prefix` was last written, to the second.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn written(&self, bucket: &str, prefix: &str) -> Result<Vec<(String, Timestamp)>> {
        let mut pages =
            self.client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                failed("the objects cannot be listed", uri(bucket, prefix), error)
            })?;
            all.extend(page.contents().iter().filter_map(|object| {
                let at = Timestamp::from_second(object.last_modified()?.secs()).ok()?;
                Some((object.key()?.to_owned(), at))
            }));
        }
        Ok(all)
    }

    /// Deletes an object, for `landbridge probe`: nothing else deletes an object of S3. Idempotent.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `s3:DeleteObject`; any other S3 error.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<()> {
        let result = self.client.delete_object().bucket(bucket).key(key).send().await;
        result
            .map(|_| ())
            .map_err(|error| failed("an object cannot be deleted", uri(bucket, key), error))
    }

    /// The CRC-64/NVME that S3 computed over the whole content of an object, in base64, of the version with the ETag of
    /// `object`; `None` if S3 has none, or only one that is composed of parts. It is of the content as it was written,
    /// whatever the encryption (Amazon S3 User Guide, "Checking object integrity"). Reads nothing of the content.
    ///
    /// # Errors
    /// [`ErrorKind::Transient`] if the object changed or was deleted since it was listed; any other S3 error.
    pub async fn checksum(&self, bucket: &str, object: &ObjectMeta) -> Result<Option<String>> {
        let call = self.client.head_object().bucket(bucket).key(&object.key);
        let call = call.if_match(&object.etag).checksum_mode(ChecksumMode::Enabled);
        let answer = call.send().await.map_err(|error| {
            failed("the checksum of an object cannot be read", uri(bucket, &object.key), error)
        })?;
        let is_whole = answer.checksum_type() == Some(&ChecksumType::FullObject);
        Ok(answer.checksum_crc64_nvme().filter(|_| is_whole).map(str::to_owned))
    }

    /// Reads exactly `length` bytes from offset `start`, of the version with the ETag of `object`.
    ///
    /// # Errors
    /// As [`Self::stream`]; [`ErrorKind::Transient`] if fewer bytes arrived.
    pub async fn range(
        &self,
        bucket: &str,
        object: &ObjectMeta,
        start: u64,
        length: u64,
    ) -> Result<Bytes> {
        let stream = self.stream(bucket, object, start, length).await?;
        let bytes = stream.collect().await.map(AggregatedBytes::into_bytes).unwrap_or_default();
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(incomplete(bucket, &object.key)) }
    }

    /// Streams `length` bytes (at least 1) from offset `start`, of the version with the ETag of
    /// `object`.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the object has changed since it was listed, [`ErrorKind::Corrupt`]
    /// if it was deleted since: this concerns one object, while [`ErrorKind::NotFound`] means a
    /// missing bucket. Any other S3 error.
    pub async fn stream(
        &self,
        bucket: &str,
        object: &ObjectMeta,
        start: u64,
        length: u64,
    ) -> Result<ByteStream> {
        let range = format!("bytes={start}-{}", start + length.saturating_sub(1));
        let call = self.client.get_object().bucket(bucket).key(&object.key);
        let response = call.if_match(&object.etag).range(range).send().await;
        response.map(|response| response.body).map_err(|error| {
            let deleted = code(&error) == "NoSuchKey";
            let error = failed("an object cannot be read", uri(bucket, &object.key), error);
            if !deleted {
                return error;
            }
            let what = "an object was deleted after it was listed";
            Error::new(ErrorKind::Corrupt, what, uri(bucket, &object.key))
        })
    }
}

/// Sends a conditional write. `refusals` are the HTTP statuses of a failed precondition.
async fn put_if(
    call: PutObjectFluentBuilder,
    bucket: &str,
    key: &str,
    body: Bytes,
    refusals: &[u16],
) -> Result<ConditionalWrite> {
    match call.bucket(bucket).key(key).body(ByteStream::from(body)).send().await {
        Ok(response) => {
            let etag = response.e_tag().unwrap_or_default().to_owned();
            Ok(ConditionalWrite::Written { etag })
        }
        Err(error) if refusals.contains(&status(&error)) && code(&error) != "NoSuchBucket" => {
            Ok(ConditionalWrite::PreconditionFailed)
        }
        Err(error) => Err(failed("an object cannot be written", uri(bucket, key), error)),
    }
}

fn incomplete(bucket: &str, key: &str) -> Error {
    Error::new(
        ErrorKind::Transient,
        "the content of an object arrived incomplete",
        uri(bucket, key),
    )
}

fn uri(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}
