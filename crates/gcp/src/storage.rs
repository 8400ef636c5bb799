//! Objects of Cloud Storage.

use bytes::Bytes;
use google_cloud_auth::credentials::AccessTokenCredentials;
use google_cloud_gax::exponential_backoff::ExponentialBackoffBuilder;
use google_cloud_gax::retry_policy::RetryPolicyExt;
use google_cloud_storage::client::Storage as Client;
use google_cloud_storage::model_ext::ReadRange;
use google_cloud_storage::retry_policy::RetryableErrors;
use google_cloud_storage::streaming_source::StreamingSource;
use landbridge_core::{Error, ErrorKind, Result};

use crate::error;

/// Attempts per call, the first included.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt at most, doubled for each further one.
const FIRST_BACKOFF: std::time::Duration = std::time::Duration::from_millis(100);
/// Bytes that an upload keeps in memory; a multiple of 256 KiB, as the protocol wants. Smaller
/// objects go up in one request.
pub const UPLOAD_BUFFER: usize = 8 * 1024 * 1024;

/// The Cloud Storage client.
#[derive(Clone)]
pub struct Storage {
    client: Client,
}

/// What is known of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its generation.
    pub generation: i64,
    /// Its length.
    pub bytes: u64,
    /// The CRC32C of its bytes.
    pub crc32c: Option<u32>,
}

/// The result of an upload that never overwrites an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Upload {
    /// The object was created.
    New(StoredObject),
    /// An object with that name exists. It is unchanged.
    AlreadyExists,
}

fn place(bucket: &str, object: &str) -> String {
    format!("gs://{bucket}/{object}")
}

fn resource(bucket: &str) -> String {
    format!("projects/_/buckets/{bucket}")
}

impl Storage {
    /// A client; `endpoint` of `None` is Google's.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn new(
        credentials: AccessTokenCredentials,
        endpoint: Option<String>,
    ) -> Result<Self> {
        let backoff = ExponentialBackoffBuilder::new().with_initial_delay(FIRST_BACKOFF).clamp();
        let mut builder = Client::builder()
            .with_credentials(credentials)
            .with_retry_policy(RetryableErrors.with_attempt_limit(ATTEMPTS))
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

    /// Writes an object that must not exist yet; `None`: it exists, and is untouched.
    ///
    /// The bytes are sent in pieces of [`UPLOAD_BUFFER`]; their CRC32C is checked by the server.
    /// After a lost answer the client's own retry meets what the first attempt
    /// wrote, so `None` may mean that it was us: compare with [`Self::metadata`].
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the bucket is not there, [`ErrorKind::Denied`] without the right.
    pub async fn create<S>(&self, bucket: &str, object: &str, source: S) -> Result<Upload>
    where
        S: StreamingSource + Send + Sync + 'static,
    {
        let sent = self
            .client
            .write_object(resource(bucket), object, Once(source))
            .set_if_generation_match(0)
            .with_resumable_upload_threshold(UPLOAD_BUFFER)
            .with_resumable_upload_buffer_size(UPLOAD_BUFFER)
            .send_buffered()
            .await;
        match sent {
            Ok(object) => Ok(Upload::New(StoredObject {
                generation: object.generation,
                bytes: u64::try_from(object.size).unwrap_or(0),
                crc32c: object.checksums.and_then(|sums| sums.crc32c),
            })),
            Err(error) if error.http_status_code() == Some(412) => Ok(Upload::AlreadyExists),
            Err(error) => {
                Err(error::storage("an object cannot be written", place(bucket, object), &error))
            }
        }
    }

    /// Writes a small object over whatever is there. Idempotent.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn put(&self, bucket: &str, object: &str, body: Bytes) -> Result<()> {
        let sent = self
            .client
            .write_object(resource(bucket), object, body)
            .with_idempotency(true)
            .send_buffered()
            .await;
        sent.map(|_| ()).map_err(|error| {
            error::storage("an object cannot be written", place(bucket, object), &error)
        })
    }

    /// What is known of an object, or `None` when there is none.
    ///
    /// # Errors
    /// Those of Cloud Storage.
    pub async fn metadata(&self, bucket: &str, object: &str) -> Result<Option<StoredObject>> {
        // The JSON client has no metadata call of its own: the headers of a one-byte read tell the same.
        let read = self
            .client
            .read_object(resource(bucket), object)
            .set_read_range(ReadRange::head(1))
            .send()
            .await;
        match read {
            Ok(answer) => {
                let object = answer.object();
                Ok(Some(StoredObject {
                    generation: object.generation,
                    bytes: u64::try_from(object.size).unwrap_or(0),
                    crc32c: object.checksums.and_then(|sums| sums.crc32c),
                }))
            }
            Err(error) if error.http_status_code() == Some(404) => Ok(None),
            Err(error) => {
                Err(error::storage("an object cannot be read", place(bucket, object), &error))
            }
        }
    }
}

/// A source that tells nobody its size: uploads of unknown size are buffered, which bounds memory.
struct Once<S>(S);

impl<S: StreamingSource + Send + Sync> StreamingSource for Once<S> {
    type Error = S::Error;

    async fn next(&mut self) -> Option<Result<Bytes, Self::Error>> {
        self.0.next().await
    }
}
