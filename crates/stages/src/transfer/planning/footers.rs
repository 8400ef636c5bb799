//! The footers of the export's files. They are read many at once, kept in the ledger, and therefore
//! read once per day, however many ticks the plan takes and however often it is made again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::plan::table::{DataFile, FilePart};
use landbridge_core::types::ParquetColumn;
use landbridge_core::{ErrorKind, Result};
use landbridge_ledger::records::{self, FOOTERS, FileFooter, FootersRecord};
use landbridge_ledger::{DayLedger, Written};
use landbridge_parquet::Footer;
use landbridge_parquet::rewrite::{Cut, cut_row_groups};
use tokio::sync::Semaphore;

use crate::transfer::s3_object::S3Object;
use crate::{Context, Tick};

/// Footers read at once per configured transfer: they are small, and latency dominates.
const FOOTERS_PER_TRANSFER: usize = 8;
/// Footers are recorded when so many were read: some seconds of work. Fewer are read again by the next
/// tick that needs them.
const RECORD_AFTER: usize = 1_000;
/// No footer is read, and no plan recorded, later than this before the end of the tick: calls that have
/// begun end, and what was read is recorded.
const STOP_BEFORE: Duration = Duration::from_secs(15);
/// Records of footers that are read at once.
const RECORDS_AT_ONCE: usize = 4;

/// Whether planning may go on in this tick.
pub(super) fn has_time(tick: Tick) -> bool {
    tick.has_for_more(STOP_BEFORE)
}

/// How many tables are planned, and how many of their footers are read, at the same time. With
/// `transfer.concurrency: 1`, one after the other.
pub(in crate::transfer) fn at_once(context: &Context) -> usize {
    match usize::from(context.config.transfer.concurrency) {
        1 => 1,
        more => more * FOOTERS_PER_TRANSFER,
    }
}

/// What a footer says.
#[derive(Clone)]
struct Facts {
    etag: String,
    rows: u64,
    columns: Arc<[ParquetColumn]>,
    parts: Vec<FilePart>,
}

impl Facts {
    fn of(file: &DataFile) -> Self {
        Self {
            etag: file.object.etag.clone(),
            rows: file.rows,
            columns: file.columns.clone(),
            parts: file.parts.clone(),
        }
    }

    fn file(&self, object: ObjectMeta) -> DataFile {
        let (columns, parts) = (self.columns.clone(), self.parts.clone());
        DataFile { object, rows: self.rows, columns, parts }
    }
}

/// The footers that are known, and the reading of the others.
pub(super) struct Footers<'a> {
    context: &'a Context,
    ledger: &'a DayLedger,
    tick: Tick,
    /// By the keys of their objects.
    known: HashMap<String, Facts>,
    /// Those that this tick has read and not recorded.
    new: Mutex<Vec<(String, Facts)>>,
    /// How many records of footers there are.
    records: AtomicUsize,
    slots: Semaphore,
}

impl<'a> Footers<'a> {
    /// The footers that the ticks of this day have recorded.
    ///
    /// # Errors
    /// Any ledger error.
    pub(super) async fn recorded(
        context: &'a Context,
        ledger: &'a DayLedger,
        tick: Tick,
    ) -> Result<Self> {
        let numbers: Vec<usize> = ledger
            .names(FOOTERS)
            .await?
            .into_keys()
            .filter_map(|number| number.parse().ok())
            .collect();
        let last = numbers.iter().copied().max().unwrap_or(0);
        let mut records = futures::stream::iter(numbers)
            .map(|number| read_record(ledger, number))
            .buffer_unordered(RECORDS_AT_ONCE);
        let mut known = HashMap::new();
        while let Some(record) = records.try_next().await? {
            known.extend(facts(record));
        }
        drop(records);
        Ok(Self {
            context,
            ledger,
            tick,
            known,
            new: Mutex::default(),
            records: AtomicUsize::new(last),
            slots: Semaphore::new(at_once(context)),
        })
    }

    /// The files with their footers, in order; `None` when the tick has no time to read them.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for a file that is no Parquet file; any S3 or ledger error.
    pub(super) async fn read(&self, objects: Vec<ObjectMeta>) -> Result<Option<Vec<DataFile>>> {
        let mut read = futures::stream::iter(objects)
            .map(|object| self.read_one(object))
            .buffered(at_once(self.context));
        let (mut files, mut new) = (Vec::<DataFile>::new(), Vec::new());
        while let Some(read) = read.try_next().await? {
            let Some((mut file, is_new)) = read else { return Ok(None) };
            // Almost always, all files of a table have the same columns.
            if let Some(first) = files.first().filter(|first| first.columns == file.columns) {
                file.columns = first.columns.clone();
            }
            if is_new {
                new.push((file.object.key.clone(), Facts::of(&file)));
            }
            files.push(file);
        }
        drop(read);
        let is_enough = self.with_new(|all| {
            all.append(&mut new);
            all.len() >= RECORD_AFTER
        });
        if is_enough {
            self.record().await?;
        }
        Ok(Some(files))
    }

    /// One file, and whether this tick has read its footer.
    async fn read_one(&self, object: ObjectMeta) -> Result<Option<(DataFile, bool)>> {
        let known = self.known.get(&object.key).filter(|known| known.etag == object.etag);
        if let Some(known) = known {
            return Ok(Some((known.file(object), false)));
        }
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await.ok();
        if !has_time(self.tick) {
            return Ok(None);
        }
        Ok(Some((read_footer(self.context, object).await?, true)))
    }

    /// Records the footers that this tick has read, for the ticks after it.
    ///
    /// # Errors
    /// Any ledger error.
    pub(super) async fn record(&self) -> Result<()> {
        let new = self.with_new(std::mem::take);
        if new.is_empty() {
            return Ok(());
        }
        let record = footers_record(&new);
        loop {
            let number = self.records.fetch_add(1, Ordering::Relaxed) + 1;
            // Another tick may have recorded its own under this number.
            if self.ledger.create(&records::footers(number), &record).await? == Written::Yes {
                return Ok(());
            }
        }
    }

    fn with_new<T>(&self, act: impl FnOnce(&mut Vec<(String, Facts)>) -> T) -> T {
        act(&mut self.new.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A record of footers; an empty one if it cannot be read, because the files can be read again.
async fn read_record(ledger: &DayLedger, number: usize) -> Result<FootersRecord> {
    match ledger.value(&records::footers(number)).await {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            tracing::warn!(%error, "a record of footers cannot be read, so the files are read again");
            Ok(FootersRecord::default())
        }
        read => Ok(read?.unwrap_or_default()),
    }
}

/// The footers of a record, by the keys of their objects.
fn facts(record: FootersRecord) -> impl Iterator<Item = (String, Facts)> {
    let schemas: Vec<Arc<[ParquetColumn]>> = record.schemas.into_iter().map(Arc::from).collect();
    record.files.into_iter().filter_map(move |file| {
        let columns = schemas.get(file.schema)?.clone();
        let FileFooter { key, etag, rows, parts, .. } = file;
        Some((key, Facts { etag, rows, columns, parts }))
    })
}

/// The record of some footers. Schemas that are shared are written once.
fn footers_record(footers: &[(String, Facts)]) -> FootersRecord {
    let mut record = FootersRecord::default();
    let mut schemas: HashMap<*const ParquetColumn, usize> = HashMap::new();
    for (key, facts) in footers {
        let schema = *schemas.entry(facts.columns.as_ptr()).or_insert_with(|| {
            record.schemas.push(facts.columns.to_vec());
            record.schemas.len() - 1
        });
        record.files.push(FileFooter {
            key: key.clone(),
            etag: facts.etag.clone(),
            rows: facts.rows,
            schema,
            parts: facts.parts.clone(),
        });
    }
    record
}

/// Reads the footer of one object, and decides whether the object is cut into parts.
async fn read_footer(context: &Context, object: ObjectMeta) -> Result<DataFile> {
    let bucket = context.config.export.bucket.clone();
    let name = format!("s3://{bucket}/{}", object.key);
    let from = S3Object { s3: context.aws.s3.clone(), bucket, object: object.clone() };
    let footer = Footer::read(&from, object.bytes, &name).await?;
    let limit = u64::from(context.config.transfer.cut_above_mib) * 1024 * 1024;
    let parts = if object.bytes > limit { file_parts(&footer, limit / 2) } else { Vec::new() };
    Ok(DataFile { rows: footer.rows(), columns: footer.columns().into(), object, parts })
}

/// Parts of about `bytes` each: consecutive row groups, with their rows.
fn file_parts(footer: &Footer, bytes: u64) -> Vec<FilePart> {
    let part = |groups: Vec<usize>| {
        let (from, to) = (groups.first()?, groups.last()?);
        let rows = |group: &usize| {
            u64::try_from(footer.metadata.row_group(*group).num_rows()).unwrap_or(0)
        };
        Some(FilePart { row_groups: *from..to + 1, rows: groups.iter().map(rows).sum() })
    };
    cut_row_groups(footer, Cut::PartBytes(bytes)).into_iter().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use landbridge_core::types::{Annotation, Physical};

    use super::*;

    #[test]
    fn a_record_of_footers_contains_a_shared_schema_once_and_gives_the_same_footers() {
        let column = ParquetColumn {
            name: "id".to_owned(),
            physical: Physical::Int64,
            annotation: Annotation::None,
        };
        let shared: Arc<[ParquetColumn]> = vec![column].into();
        let none: Arc<[ParquetColumn]> = Vec::new().into();
        let parts = vec![FilePart { row_groups: 0..2, rows: 5 }];
        let footer = |key: &str, columns: &Arc<[ParquetColumn]>, parts: &[FilePart]| {
            let (columns, parts) = (columns.clone(), parts.to_vec());
            (key.to_owned(), Facts { etag: format!("e-{key}"), rows: 5, columns, parts })
        };
        let all =
            [footer("a", &shared, &[]), footer("b", &none, &[]), footer("c", &shared, &parts)];
        let record = footers_record(&all);
        assert_eq!(record.schemas.len(), 2);
        let text = serde_json::to_string(&record).unwrap();
        let read: HashMap<_, _> = facts(serde_json::from_str(&text).unwrap()).collect();
        assert_eq!(read.len(), 3);
        for (key, facts) in &all {
            let found = &read[key];
            assert_eq!((&found.etag, found.rows), (&facts.etag, facts.rows), "{key}");
            assert_eq!((&found.columns, &found.parts), (&facts.columns, &facts.parts), "{key}");
        }
        assert!(Arc::ptr_eq(&read["a"].columns, &read["c"].columns));
    }
}
