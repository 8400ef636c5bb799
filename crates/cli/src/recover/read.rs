//! The rows of the Parquet files of a table, read from S3 block by block: an export can have files of 200 GB.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use landbridge_aws::S3;
use landbridge_core::ErrorKind;
use landbridge_core::calendar::Day;
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::plan::{ItemSource, TablePlan};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::record::Row;
use parquet::schema::types::Type;
use tokio::runtime::Handle;

use super::columns::{Choice, Column};
use super::value::Cell;
use crate::failure::{Failure, Result};

/// What is read with one request.
const BLOCK: u64 = 1 << 20;
/// Blocks that stay in memory beyond one for each column: the columns of a row group are read in turns.
const MORE_BLOCKS: usize = 8;

/// The files of a table.
pub(super) struct Exported {
    s3: S3,
    bucket: String,
    source_table: String,
    day: Day,
    objects: Vec<ObjectMeta>,
    rows: u64,
}

impl Exported {
    /// The files that the day's plan has. A file that is transferred in parts is read once.
    pub(super) fn of(s3: &S3, bucket: &str, plan: &TablePlan, day: Day) -> Self {
        let mut objects: Vec<ObjectMeta> = Vec::new();
        for item in &plan.items {
            if let ItemSource::Object { key, etag, bytes } = &item.from
                && objects.last().is_none_or(|last| last.key != *key)
            {
                let (key, etag) = (key.clone(), etag.clone());
                objects.push(ObjectMeta { key, etag, bytes: *bytes });
            }
        }
        Self {
            s3: s3.clone(),
            bucket: bucket.to_owned(),
            source_table: plan.source_table.clone(),
            day,
            objects,
            rows: plan.rows,
        }
    }

    pub(super) fn files(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.bytes).sum()
    }

    /// Gives the chosen cells of each row, in the order of the files. It blocks, so it needs a thread of its own.
    ///
    /// # Errors
    /// If a file is gone, changed or damaged, if the rows are not as many as the day's plan has, or an error of `each`.
    pub(super) fn rows(
        &self,
        chosen: &Choice,
        each: &mut dyn FnMut(&[Cell<'_>]) -> Result,
    ) -> Result {
        let mut rows = 0;
        for object in &self.objects {
            let blocks = Arc::new(Blocks {
                s3: self.s3.clone(),
                bucket: self.bucket.clone(),
                object: object.clone(),
                most: chosen.kept.len() + MORE_BLOCKS,
                kept: Mutex::default(),
                failed: Mutex::default(),
                runtime: Handle::current(),
            });
            let read = self.file(&blocks, chosen, &mut rows, each);
            // The reader's error has only the text of the cause.
            let cause = blocks.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
            match (read, cause) {
                (Err(_), Some(cause)) => return Err(self.unreadable(cause)),
                (read, _) => read?,
            }
        }
        if rows == self.rows {
            return Ok(());
        }
        Err(Failure::Failed(format!(
            "{} of {}: the files have {rows} rows, and the day's plan has {}; the file is not kept",
            self.source_table, self.day, self.rows
        )))
    }

    fn file(
        &self,
        blocks: &Arc<Blocks>,
        chosen: &Choice,
        rows: &mut u64,
        each: &mut dyn FnMut(&[Cell<'_>]) -> Result,
    ) -> Result {
        let damaged = |error: ParquetError| {
            let reason = match error {
                ParquetError::External(_) => "it cannot be read".to_owned(),
                // Messages of the reader name structures, never values.
                error => error.to_string(),
            };
            Failure::Failed(format!(
                "a file of {} of {} is damaged: {reason}; restore the snapshot instead: `landbridge restore --from-receipt {} --as NAME`",
                self.source_table, self.day, self.day
            ))
        };
        let reader = SerializedFileReader::new(Blocked(blocks.clone())).map_err(damaged)?;
        let wanted = projection(&reader, chosen).map_err(damaged)?;
        for row in reader.get_row_iter(Some(wanted)).map_err(damaged)? {
            let row: Row = row.map_err(damaged)?;
            let fields: Vec<_> = row.get_column_iter().collect();
            let cell = |wanted: &Column| {
                let field = fields.iter().find(|(column, _)| **column == wanted.name);
                field.map_or(Cell::Null, |(_, field)| Cell::of(field, wanted.unit))
            };
            let cells: Vec<Cell<'_>> = chosen.kept.iter().map(cell).collect();
            each(&cells)?;
            *rows += 1;
        }
        Ok(())
    }

    fn unreadable(&self, error: landbridge_core::Error) -> Failure {
        match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Conflict => Failure::Failed(format!(
                "the export of {} is no longer in S3 as it was planned: exports are deleted after `export_retention_days` of Terraform's module aws, 7 by default. Restore the snapshot instead: `landbridge restore --from-receipt {} --as NAME`",
                self.day, self.day
            )),
            ErrorKind::Denied => Failure::Refused(format!(
                "{}. To read exports you need the managed policy `operator-recover`; see docs/runbooks/recover.md",
                error.sentence()
            )),
            _ => error.into(),
        }
    }
}

/// The columns to read, as the file has them. A file of an older plan can lack one: its cells are NULL.
fn projection(
    reader: &SerializedFileReader<Blocked>,
    chosen: &Choice,
) -> Result<Type, ParquetError> {
    let schema = reader.metadata().file_metadata().schema();
    let fields = schema.get_fields().iter();
    let fields = fields.filter(|field| chosen.kept.iter().any(|it| it.name == field.name()));
    Type::group_type_builder(schema.name()).with_fields(fields.cloned().collect()).build()
}

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

/// What the Parquet reader reads.
struct Blocked(Arc<Blocks>);

/// A reader from an offset to the end of the object.
struct FromOffset {
    blocks: Arc<Blocks>,
    offset: u64,
}

impl Length for Blocked {
    fn len(&self) -> u64 {
        self.0.object.bytes
    }
}

impl ChunkReader for Blocked {
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
