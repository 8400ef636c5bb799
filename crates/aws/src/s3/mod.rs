//! Objects of S3.

mod inspect;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::{Error, ErrorKind, Result};

use crate::error::{code, failed, status};

/// The S3 client.
#[derive(Clone, Debug)]
pub struct S3 {
    client: Client,
}

/// The result of a write that S3 makes only if its precondition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum ConditionalWrite {
    /// The object was written.
    Written,
    /// The precondition did not hold. The object is unchanged.
    PreconditionFailed,
}

impl S3 {
    /// A client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// A whole small object with its ETag, or `None` when there is none.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the bucket is not there; others of S3.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Option<(Bytes, String)>> {
        let place = || format!("s3://{bucket}/{key}");
        let answer = match self.client.get_object().bucket(bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == "NoSuchKey" => return Ok(None),
            Err(error) => return Err(failed("an object cannot be read", place(), error)),
        };
        let etag = answer.e_tag().unwrap_or_default().to_owned();
        let body = answer.body.collect().await;
        let body = body.map_err(|_| {
            Error::new(ErrorKind::Transient, "an object's bytes did not arrive whole", place())
        })?;
        Ok(Some((body.into_bytes(), etag)))
    }

    /// Writes an object that must not exist yet. `false`: it exists, and is untouched.
    ///
    /// After a lost answer the SDK's own retry meets what the first attempt
    /// wrote, so `false` may mean that it was us: compare the contents.
    ///
    /// # Errors
    /// Those of S3.
    pub async fn create(&self, bucket: &str, key: &str, body: Bytes) -> Result<ConditionalWrite> {
        let call = self.client.put_object().bucket(bucket).key(key).if_none_match("*");
        match call.body(ByteStream::from(body)).send().await {
            Ok(_) => Ok(ConditionalWrite::Written),
            Err(error) if status(&error) == 412 => Ok(ConditionalWrite::PreconditionFailed),
            Err(error) => {
                Err(failed("an object cannot be written", format!("s3://{bucket}/{key}"), error))
            }
        }
    }

    /// Replaces the version of an object that has this ETag. `false`: it has another by now.
    ///
    /// # Errors
    /// Those of S3.
    pub async fn replace(
        &self,
        bucket: &str,
        key: &str,
        etag: &str,
        body: Bytes,
    ) -> Result<ConditionalWrite> {
        let call = self.client.put_object().bucket(bucket).key(key).if_match(etag);
        match call.body(ByteStream::from(body)).send().await {
            Ok(_) => Ok(ConditionalWrite::Written),
            Err(error) if matches!(status(&error), 412 | 404) && code(&error) != "NoSuchBucket" => {
                Ok(ConditionalWrite::PreconditionFailed)
            }
            Err(error) => {
                Err(failed("an object cannot be written", format!("s3://{bucket}/{key}"), error))
            }
        }
    }

    /// Everything below `prefix`, in the order of keys.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the bucket is not there; others of S3.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let mut pages =
            self.client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                failed("the objects cannot be listed", format!("s3://{bucket}/{prefix}"), error)
            })?;
            all.extend(page.contents().iter().map(|object| ObjectMeta {
                key: object.key().unwrap_or_default().to_owned(),
                etag: object.e_tag().unwrap_or_default().to_owned(),
                bytes: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            }));
        }
        Ok(all)
    }

    /// Exactly `length` bytes from `start` of the version with this ETag.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when the object changed, [`ErrorKind::Transient`] when fewer bytes arrived.
    pub async fn range(
        &self,
        bucket: &str,
        object: &ObjectMeta,
        start: u64,
        length: u64,
    ) -> Result<Bytes> {
        let stream = self.stream(bucket, object, start, length).await?;
        let bytes = stream
            .collect()
            .await
            .map(aws_sdk_s3::primitives::AggregatedBytes::into_bytes)
            .unwrap_or_default();
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(Error::new(
                ErrorKind::Transient,
                "an object's bytes did not arrive whole",
                format!("s3://{bucket}/{}", object.key),
            ))
        }
    }

    /// A stream of `length` bytes (at least 1) from `start` of the version with this ETag.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when the object changed since it was listed; others of S3.
    pub async fn stream(
        &self,
        bucket: &str,
        object: &ObjectMeta,
        start: u64,
        length: u64,
    ) -> Result<ByteStream> {
        let range = format!("bytes={start}-{}", start + length.saturating_sub(1));
        let call = self
            .client
            .get_object()
            .bucket(bucket)
            .key(&object.key)
            .if_match(&object.etag)
            .range(range);
        let answer = call.send().await.map_err(|error| {
            failed("an object cannot be read", format!("s3://{bucket}/{}", object.key), error)
        })?;
        Ok(answer.body)
    }
}
