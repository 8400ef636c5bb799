//! A Parquet file of an export as a file that is read from S3 block by block: an export can have files of 200 GB.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use landbridge_aws::S3;
use landbridge_core::plan::objects::ObjectMeta;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use tokio::runtime::Handle;

/// What is read with one request.
const BLOCK: u64 = 1 << 20;
/// Blocks that stay in memory beyond one for each column: the columns of a row group are read in turns.
const MORE_BLOCKS: usize = 8;

/// An object of S3, and the blocks of it that were read last.
struct Blocks {
    s3: S3,
    bucket: String,
    object: ObjectMeta,
    most: usize,
    /// Numbers and contents, the newest last.
    kept: Mutex<VecDeque<(u64, Bytes)>>,
    failed: Mutex<Option<landbridge_core::Error>>,
    runtime: Handle,
}

impl Blocks {
    /// The bytes from `offset` to the end of its block.
    fn from(&self, offset: u64) -> Result<Bytes, ParquetError> {
        let number = offset / BLOCK;
        let within = usize::try_from(offset % BLOCK).unwrap_or(usize::MAX);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|(kept, _)| *kept == number)
            && let Some(block) = kept.remove(at)
        {
            kept.push_back(block);
        } else {
            let start = number * BLOCK;
            let length = BLOCK.min(self.object.bytes.saturating_sub(start));
            let read = self.s3.range(&self.bucket, &self.object, start, length);
            let block = self.runtime.block_on(read).map_err(|error| {
                let text = error.sentence();
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                ParquetError::External(text.into())
            })?;
            if kept.len() >= self.most {
                kept.pop_front();
            }
            kept.push_back((number, block));
        }
        let block = kept.back().map(|(_, block)| block.clone()).unwrap_or_default();
        Ok(block.slice(within.min(block.len())..))
    }
}

/// An object as a file that the Parquet reader reads. Its calls block: they need a thread that may wait. Clones read the
/// same object, and share the blocks.
#[derive(Clone)]
pub(crate) struct ExportFile(Arc<Blocks>);

impl ExportFile {
    /// An object of which so many columns are read in turns. Nothing is read yet. Within a runtime of tokio.
    pub(crate) fn new(s3: &S3, bucket: &str, object: &ObjectMeta, columns: usize) -> Self {
        Self(Arc::new(Blocks {
            s3: s3.clone(),
            bucket: bucket.to_owned(),
            object: object.clone(),
            most: columns + MORE_BLOCKS,
            kept: Mutex::default(),
            failed: Mutex::default(),
            runtime: Handle::current(),
        }))
    }

    /// The error of S3 that ended the reading, if it was one: the reader's own error does not contain it.
    pub(crate) fn cause(&self) -> Option<landbridge_core::Error> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A reader from an offset to the end of the object.
pub(crate) struct FromOffset {
    blocks: Arc<Blocks>,
    offset: u64,
}

impl Length for ExportFile {
    fn len(&self) -> u64 {
        self.0.object.bytes
    }
}

impl ChunkReader for ExportFile {
    type T = FromOffset;

    fn get_read(&self, start: u64) -> Result<FromOffset, ParquetError> {
        Ok(FromOffset { blocks: self.0.clone(), offset: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let first = self.0.from(start)?;
        if first.len() >= length {
            return Ok(first.slice(..length));
        }
        let mut all = Vec::with_capacity(length);
        all.extend_from_slice(&first);
        while all.len() < length {
            let next = self.0.from(start + all.len() as u64)?;
            if next.is_empty() {
                return Err(ParquetError::EOF("the file ends within a page".to_owned()));
            }
            let wanted = (length - all.len()).min(next.len());
            all.extend_from_slice(&next[..wanted]);
        }
        Ok(all.into())
    }
}

impl Read for FromOffset {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.offset >= self.blocks.object.bytes {
            return Ok(0);
        }
        let mut bytes = self.blocks.from(self.offset).map_err(std::io::Error::other)?;
        let length = bytes.len().min(buffer.len());
        bytes.copy_to_slice(&mut buffer[..length]);
        self.offset += length as u64;
        Ok(length)
    }
}
