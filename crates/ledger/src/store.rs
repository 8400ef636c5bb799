//! JSON objects in S3, written conditionally.

use bytes::Bytes;
use landbridge_aws::S3;
use landbridge_aws::s3::ConditionalWrite;
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::format::{self, FormatRecord};

/// A record with the version it was read at.
#[derive(Clone, Debug)]
pub struct Recorded<T> {
    /// The value.
    pub value: T,
    /// Its version, for [`Records::replace`](crate::Records::replace).
    pub etag: String,
}

/// The result of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The record has the value that was to be written.
    Yes,
    /// Another tick wrote a different value first.
    Overtaken,
}

/// The bucket and the root of one source's ledger.
#[derive(Debug)]
pub(crate) struct Store {
    s3: S3,
    bucket: String,
    root: String,
    /// Whether a write creates the format record.
    creates_format: bool,
    /// Set once the format record was read and this version can read the ledger.
    format_checked: OnceCell<()>,
}

impl Store {
    pub(crate) fn new(s3: S3, bucket: String, root: String, creates_format: bool) -> Self {
        Self { s3, bucket, root, creates_format, format_checked: OnceCell::new() }
    }

    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    pub(crate) fn location(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Recorded<T>>> {
        self.check_format(false).await?;
        self.read(key).await
    }

    /// The bytes of a record as they are stored.
    pub(crate) async fn bytes(&self, key: &str) -> Result<Option<Bytes>> {
        self.check_format(false).await?;
        Ok(self.s3.get(&self.bucket, key).await?.map(|(bytes, _)| bytes))
    }

    pub(crate) async fn create<T: Serialize>(&self, key: &str, value: &T) -> Result<Written> {
        self.check_format(true).await?;
        self.write_new(key, value).await
    }

    pub(crate) async fn replace<T: Serialize>(
        &self,
        key: &str,
        etag: &str,
        value: &T,
    ) -> Result<Written> {
        self.check_format(true).await?;
        let bytes = encode(value)?;
        let write = self.s3.replace(&self.bucket, key, etag, bytes.clone()).await?;
        self.outcome(write, key, &bytes).await
    }

    pub(crate) async fn create_or_get<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        value: &T,
    ) -> Result<Recorded<T>> {
        self.check_format(true).await?;
        let bytes = encode(value)?;
        let write = self.s3.create(&self.bucket, key, bytes.clone()).await?;
        match write {
            ConditionalWrite::Written { etag } if !etag.is_empty() => {
                Ok(Recorded { value: self.decode(key, &bytes)?, etag })
            }
            // It exists, or this call's first attempt wrote it and its answer was lost.
            _ => self.read(key).await?.ok_or_else(|| self.disappeared(key)),
        }
    }

    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let objects = self.list_objects(prefix).await?;
        Ok(objects.into_iter().map(|object| object.key).collect())
    }

    pub(crate) async fn list_objects(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.check_format(false).await?;
        self.s3.list(&self.bucket, prefix).await
    }

    /// Checks the format number once per process; a write creates it if it does not exist.
    async fn check_format(&self, writing: bool) -> Result<()> {
        if self.format_checked.initialized() {
            return Ok(());
        }
        let key = format!("{}/{}", self.root, format::NAME);
        let record = if writing && self.creates_format {
            Some(self.first(&key, &FormatRecord::current()).await?)
        } else {
            self.read::<FormatRecord>(&key).await?
        };
        // Without a record, nothing newer has written; the next access looks again.
        let Some(record) = record else { return Ok(()) };
        record.value.check(&self.location(&key))?;
        // Another task may have set it meanwhile, to the same value.
        let _ = self.format_checked.set(());
        Ok(())
    }

    /// Reads the record, or creates it with `value`; what is recorded counts.
    async fn first<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        value: &T,
    ) -> Result<Recorded<T>> {
        if let Some(found) = self.read(key).await? {
            return Ok(found);
        }
        self.write_new(key, value).await?;
        self.read(key).await?.ok_or_else(|| self.disappeared(key))
    }

    fn disappeared(&self, key: &str) -> Error {
        Error::new(
            ErrorKind::Corrupt,
            "a record of the ledger disappeared after it was written",
            self.location(key),
        )
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Recorded<T>>> {
        let Some((bytes, etag)) = self.s3.get(&self.bucket, key).await? else { return Ok(None) };
        Ok(Some(Recorded { value: self.decode(key, &bytes)?, etag }))
    }

    fn decode<T: DeserializeOwned>(&self, key: &str, bytes: &[u8]) -> Result<T> {
        serde_json::from_slice(bytes).map_err(|error| {
            Error::new(
                ErrorKind::Corrupt,
                "a record of the ledger cannot be read",
                format!("{}, line {} column {}", self.location(key), error.line(), error.column()),
            )
        })
    }

    async fn write_new<T: Serialize>(&self, key: &str, value: &T) -> Result<Written> {
        let bytes = encode(value)?;
        let write = self.s3.create(&self.bucket, key, bytes.clone()).await?;
        self.outcome(write, key, &bytes).await
    }

    /// A refused conditional write may be this process's own first attempt whose answer was lost,
    /// so an equal object counts as written.
    async fn outcome(&self, write: ConditionalWrite, key: &str, wanted: &Bytes) -> Result<Written> {
        if matches!(write, ConditionalWrite::Written { .. }) {
            return Ok(Written::Yes);
        }
        let found = self.s3.get(&self.bucket, key).await?;
        Ok(if found.is_some_and(|(bytes, _)| bytes == *wanted) {
            Written::Yes
        } else {
            Written::Overtaken
        })
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Bytes> {
    serde_json::to_vec_pretty(value).map(Bytes::from).map_err(|error| {
        Error::new(ErrorKind::Rejected, "a record cannot be written as JSON", "").caused_by(error)
    })
}
