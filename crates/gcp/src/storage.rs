//! Conditionally writes Cloud Storage objects and reads their metadata.

use bytes::Bytes;
use google_cloud_auth::credentials::AccessTokenCredentials;
use google_cloud_gax::exponential_backoff::ExponentialBackoffBuilder;
use google_cloud_gax::retry_policy::{LimitedAttemptCount, RetryPolicyExt};
use google_cloud_storage::client::Storage as Client;
use google_cloud_storage::error::WriteError;
use google_cloud_storage::model_ext::ReadRange;
use google_cloud_storage::retry_policy::RetryableErrors;
use google_cloud_storage::streaming_source::StreamingSource;
use landbridge_core::{Error, ErrorKind, Result};

use crate::error;
use crate::upload::{AlignedSource, UploadRetry};

/// Attempts per call, including the first.
const ATTEMPTS: u32 = 4;
/// The maximum delay before the second attempt; it doubles for each further attempt.
const FIRST_BACKOFF: std::time::Duration = std::time::Duration::from_millis(100);
/// Bytes of an upload that are buffered in memory. The protocol requires a multiple of 256 KiB.
/// Smaller objects are uploaded in one request.
pub const UPLOAD_BUFFER: usize = 8 * 1024 * 1024;

/// The Cloud Storage client.
#[derive(Clone)]
pub struct Storage {
    client: Client,
}

/// The metadata of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its generation.
    pub generation: i64,
    /// Its length.
    pub bytes: u64,
    /// The CRC32C of its content.
    pub crc32c: Option<u32>,
}

/// The result of an upload that never overwrites an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Upload {
    /// The object was created. Its content is what the server received: compare the checksum with
    /// that of the source.
    New(StoredObject),
    /// An object with that name exists. It is unchanged, and may have other content.
    AlreadyExists,
}

fn uri(bucket: &str, object: &str) -> String {
    format!("gs://{bucket}/{object}")
}

fn resource(bucket: &str) -> String {
    format!("projects/_/buckets/{bucket}")
}

/// What Google recommends to repeat.
fn retry_policy() -> LimitedAttemptCount<RetryableErrors> {
    RetryableErrors.with_attempt_limit(ATTEMPTS)
}

impl Storage {
    /// A client; an `endpoint` of `None` is Google's.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it cannot be built.
    pub async fn new(
        credentials: AccessTokenCredentials,
        endpoint: Option<String>,
    ) -> Result<Self> {
        let backoff = ExponentialBackoffBuilder::new().with_initial_delay(FIRST_BACKOFF).clamp();
        let mut builder = Client::builder()
            .with_credentials(credentials)
            .with_retry_policy(retry_policy())
            .with_backoff_policy(backoff);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let client = builder.build().await.map_err(|error| {
            Error::new(ErrorKind::Config, "the Cloud Storage client cannot be built", "")
                .caused_by(error.to_string())
        })?;
        Ok(Self { client })
    }

    /// Uploads an object if no object with that name exists.
    ///
    /// The content is sent in parts of [`UPLOAD_BUFFER`] bytes, which an interruption may divide. After
    /// a lost response, the retry of the client finds the object that the first attempt wrote.
    /// [`Upload::AlreadyExists`] can therefore mean that this call wrote the object: compare it with
    /// [`Self::metadata`].
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the bucket does not exist, [`ErrorKind::Denied`] without permission
    /// to create objects; [`ErrorKind::Transient`] if a connection ends while it carries a part of the
    /// content (see [`UploadRetry`]); any other Cloud Storage error.
    pub async fn create<S>(&self, bucket: &str, object: &str, source: S) -> Result<Upload>
    where
        S: StreamingSource + Send + Sync + 'static,
    {
        let source = AlignedSource::new(source);
        let retry = UploadRetry::new(retry_policy(), source.taken());
        let result = self
            .client
            .write_object(resource(bucket), object, source)
            .with_retry_policy(retry)
            .set_if_generation_match(0)
            .with_resumable_upload_threshold(UPLOAD_BUFFER)
            .with_resumable_upload_buffer_size(UPLOAD_BUFFER)
            .send_buffered()
            .await;
        match result {
            Ok(object) => Ok(Upload::New(stored_object(
                object.generation,
                object.size,
                object.checksums.and_then(|sums| sums.crc32c),
            ))),
            Err(error) if error.http_status_code() == Some(412) => Ok(Upload::AlreadyExists),
            // To a caller who may not delete objects, Cloud Storage may answer 403 instead of 412
            // (getsentry/objectstore #502, google-github-actions/upload-cloud-storage #388).
            Err(error)
                if error.http_status_code() == Some(403)
                    && matches!(self.metadata(bucket, object).await, Ok(Some(_))) =>
            {
                Ok(Upload::AlreadyExists)
            }
            Err(error) => match stored_with_other_content(&error) {
                Some(stored) => Ok(Upload::New(stored)),
                None => {
                    Err(error::storage("an object cannot be written", uri(bucket, object), &error))
                }
            },
        }
    }

    /// Writes a small object, and replaces an existing one. Idempotent.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn put(&self, bucket: &str, object: &str, body: Bytes) -> Result<()> {
        let result = self
            .client
            .write_object(resource(bucket), object, body)
            .with_idempotency(true)
            // In one request: the body is in memory anyway, and a part of it is never resent.
            .with_resumable_upload_threshold(usize::MAX)
            .send_buffered()
            .await;
        result.map(|_| ()).map_err(|error| {
            error::storage("an object cannot be written", uri(bucket, object), &error)
        })
    }

    /// The metadata of an object; `None` if it does not exist.
    ///
    /// # Errors
    /// Any Cloud Storage error; see [`ErrorKind`].
    pub async fn metadata(&self, bucket: &str, object: &str) -> Result<Option<StoredObject>> {
        // The client has no metadata call; the headers of a one-byte read contain the same data.
        let read = self
            .client
            .read_object(resource(bucket), object)
            .set_read_range(ReadRange::head(1))
            .send()
            .await;
        match read {
            Ok(response) => {
                let object = response.object();
                let crc32c = object.checksums.and_then(|sums| sums.crc32c);
                Ok(Some(stored_object(object.generation, object.size, crc32c)))
            }
            Err(error) if error.http_status_code() == Some(404) => Ok(None),
            Err(error) => {
                Err(error::storage("an object cannot be read", uri(bucket, object), &error))
            }
        }
    }
}

fn stored_object(generation: i64, size: i64, crc32c: Option<u32>) -> StoredObject {
    StoredObject { generation, bytes: u64::try_from(size).unwrap_or(0), crc32c }
}

/// The object, if the error says that the server stored it with another checksum than the client
/// computed.
fn stored_with_other_content(error: &google_cloud_storage::Error) -> Option<StoredObject> {
    let sources = std::iter::successors(std::error::Error::source(error), |error| error.source());
    sources.filter_map(|source| source.downcast_ref::<WriteError>()).find_map(|error| match error {
        WriteError::ChecksumMismatch { object, .. } => Some(stored_object(
            object.generation,
            object.size,
            object.checksums.as_ref().and_then(|sums| sums.crc32c),
        )),
        _ => None,
    })
}
