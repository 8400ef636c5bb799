//! One object on its way from S3 to Cloud Storage.
//!
//! Copying bytes unchanged is the simplest case of a [`Splice`]: the start of
//! the source, then a new tail. Both sides' CRC32C must be equal.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use google_cloud_storage::streaming_source::StreamingSource;
use landbridge_aws::S3;
use landbridge_core::plan::objects::Listed;
use landbridge_core::plan::{Item, Origin, TablePlan};
use landbridge_core::{Error, Kind, Result};
use landbridge_gcp::storage::Stored;
use landbridge_parquet::{Footer, Ranges, Splice, empty};

use crate::records::{self, ItemRecord};
use crate::{Context, Ledger};

/// An object of S3 that a footer can be read from.
pub struct S3Object<'a> {
    /// The client.
    pub s3: &'a S3,
    /// The bucket.
    pub bucket: &'a str,
    /// The version that was listed.
    pub object: &'a Listed,
}

impl Ranges for S3Object<'_> {
    async fn read(&self, start: u64, length: u64) -> Result<Bytes> {
        self.s3.range(self.bucket, self.object, start, length).await
    }
}

/// Carries one item and records it. Idempotent: an object that is there already
/// is compared, byte for byte by its checksum, and recorded.
///
/// # Errors
/// [`Kind::Conflict`] when the object is there with other bytes; those of both clouds.
pub async fn carry(
    context: &Context,
    ledger: &Ledger,
    table: &TablePlan,
    item: &Item,
) -> Result<()> {
    let bucket = &context.config.transfer.bucket;
    let (source, sum) = open(context, table, item).await?;
    let stored = match context.gcp.storage.create(bucket, &item.object, source).await? {
        Some(stored) => {
            check(bucket, item, stored, sum.get())?;
            stored
        }
        None => meet(context, table, item).await?,
    };
    let sum = sum_of(stored, &item.object)?;
    let record = ItemRecord {
        object: item.object.clone(),
        generation: stored.generation,
        bytes: stored.bytes,
        crc32c: sum,
        rows: item.rows,
    };
    ledger.create(&records::item(&table.table, item.number), &record).await?;
    Ok(())
}

/// The object is there already: from a tick that died, or one that runs beside this.
async fn meet(context: &Context, table: &TablePlan, item: &Item) -> Result<Stored> {
    let bucket = &context.config.transfer.bucket;
    let stored = context.gcp.storage.stat(bucket, &item.object).await?.ok_or_else(|| {
        Error::new(
            Kind::Transient,
            "an object came and went",
            format!("gs://{bucket}/{}", item.object),
        )
    })?;
    // What it should be is only known by reading the source once more.
    let (mut source, sum) = open(context, table, item).await?;
    while let Some(chunk) = source.next().await {
        chunk.map_err(|Broken| broken(item))?;
    }
    check(bucket, item, stored, sum.get())?;
    Ok(stored)
}

fn broken(item: &Item) -> Error {
    Error::new(Kind::Transient, "an object's bytes did not arrive whole", item.object.clone())
}

fn sum_of(stored: Stored, object: &str) -> Result<u32> {
    stored.crc32c.ok_or_else(|| {
        Error::new(Kind::Rejected, "Cloud Storage tells no checksum of an object", object)
    })
}

fn check(bucket: &str, item: &Item, stored: Stored, (bytes, sum): (u64, u32)) -> Result<()> {
    if stored.bytes == bytes && stored.crc32c == Some(sum) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Conflict,
        "an object in Cloud Storage holds other bytes than its source; delete it, and it is carried again",
        format!("gs://{bucket}/{}: {} bytes there, {bytes} here", item.object, stored.bytes),
    ))
}

/// Opens an item's bytes, as they shall arrive.
async fn open(context: &Context, table: &TablePlan, item: &Item) -> Result<(Source, Sum)> {
    let bucket = &context.config.export.bucket;
    let sum = Sum::default();
    let (head, splice) = match &item.from {
        Origin::NoRows { columns } => {
            let file = empty::no_rows(columns, &table.table)?;
            let length = file.len() as u64;
            let splice = splice(&file, length, item).await?;
            let head = file.slice(..usize::try_from(splice.copy).unwrap_or(file.len()));
            (Head::Here(Some(head)), splice)
        }
        Origin::Object { key, etag, bytes } => {
            let object = Listed { key: key.clone(), etag: etag.clone(), bytes: *bytes };
            let from = S3Object { s3: &context.aws.s3, bucket, object: &object };
            let splice = splice(&from, *bytes, item).await?;
            (Head::There(context.aws.s3.stream(bucket, &object, 0, splice.copy).await?), splice)
        }
    };
    Ok((Source { head, left: splice.copy, tail: Some(splice.tail), sum: sum.clone() }, sum))
}

async fn splice<R: Ranges>(from: &R, length: u64, item: &Item) -> Result<Splice> {
    if item.annotate.is_empty() {
        return Ok(Splice::unchanged(length));
    }
    let footer = Footer::read(from, length, &item.object).await?;
    Splice::annotate(&footer, &item.annotate, &item.object)
}

/// The bytes and CRC32C of what went through, shared with whoever checks them.
#[derive(Clone, Default)]
struct Sum(Arc<Mutex<(u64, u32)>>);

impl Sum {
    fn get(&self) -> (u64, u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, chunk: &[u8]) {
        let mut sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sum.0 += chunk.len() as u64;
        sum.1 = crc32c::crc32c_append(sum.1, chunk);
    }

    /// A source that is read again starts from nothing.
    fn reset(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (0, 0);
    }
}

enum Head {
    Here(Option<Bytes>),
    There(ByteStream),
}

/// The copied bytes, then the tail.
struct Source {
    head: Head,
    left: u64,
    tail: Option<Bytes>,
    sum: Sum,
}

/// The source broke off.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the source broke off")
    }
}

impl std::error::Error for Broken {}

impl StreamingSource for Source {
    type Error = Broken;

    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        let chunk = if self.left > 0 {
            let chunk = match &mut self.head {
                Head::Here(bytes) => bytes.take(),
                Head::There(stream) => match stream.next().await {
                    Some(Ok(chunk)) => Some(chunk),
                    Some(Err(_)) | None => None,
                },
            };
            let Some(chunk) = chunk.filter(|chunk| chunk.len() as u64 <= self.left) else {
                self.sum.reset();
                return Some(Err(Broken));
            };
            self.left -= chunk.len() as u64;
            chunk
        } else {
            self.tail.take().filter(|tail| !tail.is_empty())?
        };
        self.sum.add(&chunk);
        Some(Ok(chunk))
    }
}
