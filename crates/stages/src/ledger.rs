//! What is recorded: small JSON objects in S3 below
//! `<prefix>/<source>/<day>/`, written conditionally, so that two ticks at once
//! cannot overwrite each other's record.

use std::collections::BTreeMap;

use bytes::Bytes;
use landbridge_aws::S3;
use landbridge_aws::s3::ConditionalWrite;
use landbridge_core::calendar::Day;
use landbridge_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Context;
use crate::records::below;

/// The records of one source and day.
#[derive(Clone, Debug)]
pub struct Ledger {
    s3: S3,
    bucket: String,
    source_root: String,
    day_root: String,
}

/// A record with the version it was read at.
#[derive(Clone, Debug)]
pub struct Recorded<T> {
    /// What it says.
    pub value: T,
    /// Its version, for [`Ledger::replace`].
    pub etag: String,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The record says what was asked for.
    Yes,
    /// Another tick wrote something else first.
    Overtaken,
}

impl Ledger {
    /// The ledger of the context's source for `day`.
    pub fn new(context: &Context, day: Day) -> Self {
        let source_root = below(&context.config.ledger.prefix, &context.config.source.name);
        Self {
            s3: context.aws.s3.clone(),
            bucket: context.config.export.bucket.clone(),
            day_root: format!("{source_root}/{day}"),
            source_root,
        }
    }

    /// Reads a record of the day.
    ///
    /// # Errors
    /// Those of S3; [`ErrorKind::Corrupt`] when it is not what it should be.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<Recorded<T>>> {
        self.read(&format!("{}/{name}", self.day_root)).await
    }

    /// Writes a record of the day that must not exist yet. The same record again is no error.
    ///
    /// # Errors
    /// Those of S3.
    pub async fn create<T: Serialize>(&self, name: &str, value: &T) -> Result<Written> {
        self.write_new(&format!("{}/{name}", self.day_root), value).await
    }

    /// Replaces a record of the day that was read as `etag`. A replacement that says the same is no error.
    ///
    /// # Errors
    /// Those of S3.
    pub async fn replace<T: Serialize>(
        &self,
        name: &str,
        etag: &str,
        value: &T,
    ) -> Result<Written> {
        self.write_over(&format!("{}/{name}", self.day_root), etag, value).await
    }

    /// Reads a record that outlives days.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_of_source<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<Recorded<T>>> {
        self.read(&format!("{}/{name}", self.source_root)).await
    }

    /// Writes a record that outlives days and must not exist yet.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn create_of_source<T: Serialize>(&self, name: &str, value: &T) -> Result<Written> {
        self.write_new(&format!("{}/{name}", self.source_root), value).await
    }

    /// Replaces a record that outlives days.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub async fn replace_of_source<T: Serialize>(
        &self,
        name: &str,
        etag: &str,
        value: &T,
    ) -> Result<Written> {
        self.write_over(&format!("{}/{name}", self.source_root), etag, value).await
    }

    /// Names of the day's records below `folder/`, grouped by what follows it:
    /// `items/orders/00001.json` counts for `orders`, `receipts/orders.json` as well.
    ///
    /// # Errors
    /// Those of S3.
    pub async fn names(&self, folder: &str) -> Result<BTreeMap<String, Vec<String>>> {
        let root = format!("{}/{folder}/", self.day_root);
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for object in self.s3.list(&self.bucket, &root).await? {
            let Some(rest) =
                object.key.strip_prefix(&root).and_then(|rest| rest.strip_suffix(".json"))
            else {
                continue;
            };
            let (group, name) = rest.split_once('/').unwrap_or((rest, ""));
            names.entry(group.to_owned()).or_default().push(name.to_owned());
        }
        Ok(names)
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Recorded<T>>> {
        let Some((bytes, etag)) = self.s3.get(&self.bucket, key).await? else { return Ok(None) };
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            Error::new(
                ErrorKind::Corrupt,
                "a record of the ledger cannot be read",
                format!(
                    "s3://{}/{key}, line {} column {}",
                    self.bucket,
                    error.line(),
                    error.column()
                ),
            )
        })?;
        Ok(Some(Recorded { value, etag }))
    }

    async fn write_new<T: Serialize>(&self, key: &str, value: &T) -> Result<Written> {
        let bytes = encode(value)?;
        match self.s3.create(&self.bucket, key, bytes.clone()).await? {
            ConditionalWrite::Written => Ok(Written::Yes),
            ConditionalWrite::PreconditionFailed => self.compare(key, &bytes).await,
        }
    }

    async fn write_over<T: Serialize>(&self, key: &str, etag: &str, value: &T) -> Result<Written> {
        let bytes = encode(value)?;
        match self.s3.replace(&self.bucket, key, etag, bytes.clone()).await? {
            ConditionalWrite::Written => Ok(Written::Yes),
            ConditionalWrite::PreconditionFailed => self.compare(key, &bytes).await,
        }
    }

    /// A refused conditional write may be our own first attempt whose answer was lost.
    async fn compare(&self, key: &str, wanted: &Bytes) -> Result<Written> {
        let there = self.s3.get(&self.bucket, key).await?;
        Ok(if there.is_some_and(|(bytes, _)| bytes == *wanted) {
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
