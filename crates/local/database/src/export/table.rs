//! Writes the objects of one table.

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroUsize;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::files::{FileFormat, FileSplitter, Part, mismatched_part};
use super::{EmptyTableForm, ExportSpec, ObjectSink, names};
use crate::error::DatabaseError;
use crate::pseudo_random;
use crate::snapshot::{DatabaseSnapshot, Table};

/// What an export wrote of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedTable {
    /// The table's schema; of MySQL the database.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// The table that this one is a partition of. That table's folder contains these rows as well.
    pub partition_of: Option<String>,
    /// Rows written.
    pub rows: u64,
    /// Parquet files written.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
}

/// How a table's files are distributed over batch folders.
enum Folders {
    /// None, as in older exports.
    None,
    /// All in `1`: RDS can split the table by its key to read it in parallel.
    One,
    /// One for each partition.
    PerPartition(u64),
    /// One for each file: the table has no column to split it by.
    PerFile,
}

impl Folders {
    fn of(snapshot: &dyn DatabaseSnapshot, table: &Table, spec: &ExportSpec<'_>) -> Folders {
        let full_name = format!("{}.{}", table.schema, table.name);
        let child = |other: &&Table| {
            let parent = other.partition_of.as_deref();
            parent == Some(&full_name)
                || other.schema == table.schema && parent == Some(&table.name)
        };
        match snapshot.tables().iter().filter(child).count() as u64 {
            _ if spec.quirks.no_batch_folder => Folders::None,
            0 if table.columns.first().is_some_and(|column| column.source_type.is_integer()) => {
                Folders::One
            }
            0 => Folders::PerFile,
            partitions => Folders::PerPartition(partitions),
        }
    }

    /// The folder of the file with this index, from 0.
    fn batch(&self, index: u64) -> u64 {
        match self {
            Folders::None => 0,
            Folders::One => 1,
            Folders::PerPartition(partitions) => index % partitions + 1,
            Folders::PerFile => index + 1,
        }
    }
}

struct Writer<'a> {
    folder: String,
    folders: Folders,
    spec: &'a ExportSpec<'a>,
    sink: &'a dyn ObjectSink,
    written: ExportedTable,
    /// Batch folders that contain a file.
    batches: BTreeSet<u64>,
    number: u64,
}

/// Writes all objects of one table.
pub(super) async fn write(
    snapshot: &dyn DatabaseSnapshot,
    table: &Table,
    spec: &ExportSpec<'_>,
    sink: &dyn ObjectSink,
) -> Result<ExportedTable, DatabaseError> {
    let quirks = &spec.quirks;
    let is_named = |name: &Option<String>| {
        name.as_deref() == Some(format!("{}.{}", table.schema, table.name).as_str())
    };
    let mut writer = Writer {
        folder: names::table_folder(snapshot, table, spec),
        folders: Folders::of(snapshot, table, spec),
        spec,
        sink,
        written: ExportedTable {
            schema: table.schema.clone(),
            name: table.name.clone(),
            partition_of: table.partition_of.clone(),
            rows: 0,
            files: 0,
            bytes: 0,
        },
        batches: BTreeSet::new(),
        number: 0,
    };
    let format = FileFormat::new(table.arrow_schema(), quirks);
    let splitter = FileSplitter::new(snapshot.read(table)?, quirks);
    let mut last = encode_files(&mut writer, &format, splitter).await?;
    let is_cut = is_named(&quirks.truncated_file);
    if last.is_none() && (is_cut || empty_table_has_a_file(table, quirks.empty)) {
        last = Some(format.encode(&[])?);
    }
    if let Some(mut last) = last {
        if is_cut {
            last.bytes.truncate(last.bytes.len() / 2);
        }
        writer.part(last).await?;
    }
    if is_named(&quirks.mismatched_file) {
        writer.part(mismatched_part()?).await?;
    }
    writer.finish().await
}

/// Writes all files of the rows except the last one, which is returned; `None` if there are no rows.
async fn encode_files(
    writer: &mut Writer<'_>,
    format: &FileFormat,
    mut splitter: FileSplitter,
) -> Result<Option<Part>, DatabaseError> {
    let at_once = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut encoding: VecDeque<JoinHandle<Result<Part, DatabaseError>>> = VecDeque::new();
    // Write each file one step late, so that the last one is known to be the last.
    let mut held: Option<Part> = None;
    let mut more = true;
    while more || !encoding.is_empty() {
        if more {
            let (back, rows) = tokio::task::spawn_blocking(move || {
                let rows = splitter.next_file();
                (splitter, rows)
            })
            .await?;
            splitter = back;
            match rows? {
                Some(rows) => {
                    let format = format.clone();
                    encoding.push_back(tokio::task::spawn_blocking(move || format.encode(&rows)));
                }
                None => more = false,
            }
        }
        // Encode one file more than there are cores, so that no core waits for rows.
        if encoding.len() > at_once || !more {
            let Some(part) = encoding.pop_front() else { continue };
            if let Some(earlier) = held.replace(part.await??) {
                writer.part(earlier).await?;
            }
        }
    }
    Ok(held)
}

/// Whether the export of a table without rows has a file.
fn empty_table_has_a_file(table: &Table, form: EmptyTableForm) -> bool {
    match form {
        EmptyTableForm::ZeroRowFile => true,
        EmptyTableForm::SuccessMarkerOnly => false,
        EmptyTableForm::ByHash => {
            pseudo_random::number(&["empty", &table.schema, &table.name]).is_multiple_of(2)
        }
    }
}

impl Writer<'_> {
    async fn put(&self, key: String, bytes: Bytes) -> Result<(), DatabaseError> {
        let path = key.clone();
        self.sink.put(key, bytes).await.map_err(|source| DatabaseError::Io {
            action: "write the object",
            path,
            source,
        })
    }

    fn batch_folder(&self, batch: u64) -> String {
        match self.folders {
            Folders::None => self.folder.clone(),
            _ => format!("{}/{batch}", self.folder),
        }
    }

    async fn part(&mut self, part: Part) -> Result<(), DatabaseError> {
        let batch = self.folders.batch(self.written.files);
        let folder = self.batch_folder(batch);
        // Spark names all files of one job by one UUID.
        let uuid = pseudo_random::uuid(&[self.spec.export_id, &self.folder, &batch.to_string()]);
        let key = format!("{folder}/part-{:05}-{uuid}-c000.gz.parquet", self.number);
        // A Spark task without rows leaves no file, but it has had a number.
        self.number += 1 + u64::from(
            pseudo_random::number(&["gap", &self.folder, &self.number.to_string()])
                .is_multiple_of(3),
        );
        self.batches.insert(batch);
        self.written.rows += part.rows;
        self.written.files += 1;
        self.written.bytes += part.bytes.len() as u64;
        self.put(key, part.bytes).await
    }

    async fn finish(mut self) -> Result<ExportedTable, DatabaseError> {
        // An empty table, or an empty partition, has its marker all the same.
        match self.folders {
            Folders::PerPartition(partitions) => self.batches.extend(1..=partitions),
            _ if self.batches.is_empty() => {
                self.batches.insert(self.folders.batch(0));
            }
            _ => {}
        }
        for batch in &self.batches {
            self.put(format!("{}/_SUCCESS", self.batch_folder(*batch)), Bytes::new()).await?;
        }
        Ok(self.written)
    }
}
