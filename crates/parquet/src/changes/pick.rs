//! Writes files that have some rows of other files, with the same schema or some of its columns. Levels and values are copied from
//! the source; pages and row groups are new.

use std::sync::Arc;

use bytes::Bytes;
use landbridge_core::{Error, ErrorKind, Result};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{SchemaDescriptor, Type};

use super::leaf::Leaf;
use super::{RowAt, SourceFile, failed};

/// A row group ends after so many bytes of values. This bounds the memory.
const GROUP_BYTES: usize = 16 << 20;
/// Rows of one row group of the source that are read at once.
const BATCH: usize = 4096;

/// What is written.
#[derive(Clone, Copy, Debug)]
pub struct Picked<'a> {
    /// The rows, in order.
    pub rows: &'a [RowAt],
    /// The columns, by the names of those at the top; all without it.
    pub columns: Option<&'a [String]>,
    /// A file ends after so many bytes. It is in memory.
    pub file_bytes: usize,
}

/// Writes the rows, and calls `each` with every file and its number of rows. The same arguments always give the same
/// files. Without rows, there is no file.
///
/// # Errors
/// [`ErrorKind::Corrupt`] if a file cannot be decoded; any error of reading and of `each`.
pub fn pick<R: ChunkReader + 'static>(
    files: Vec<SourceFile<R>>,
    picked: Picked<'_>,
    each: &mut dyn FnMut(Bytes, u64) -> Result<()>,
) -> Result<()> {
    let mut output: Option<Output> = None;
    let mut rows = picked.rows;
    for (number, SourceFile { reader, name }) in files.into_iter().enumerate() {
        let of_file = rows.partition_point(|it| u64::from(it.file) <= number as u64);
        let (own, others) = rows.split_at(of_file);
        rows = others;
        if own.is_empty() {
            continue;
        }
        let reader = SerializedFileReader::new(reader).map_err(|error| failed(&name, error))?;
        let output = match &mut output {
            Some(output) => output,
            None => {
                let schema = reader.metadata().file_metadata().schema();
                let new = Output::new(schema, picked).map_err(|error| failed(&name, error))?;
                output.insert(new)
            }
        };
        output.add_file(&reader, &name, own, each)?;
    }
    if !rows.is_empty() {
        return Err(Error::new(ErrorKind::Corrupt, "an export lacks rows that it had", ""));
    }
    match output {
        Some(mut output) => output.end_file(each),
        None => Ok(()),
    }
}

/// The files that are written.
struct Output {
    schema: Arc<Type>,
    /// The leaf columns, with their numbers in the source.
    leaves: Vec<(usize, Leaf)>,
    /// Rows of the row group that is collected, and their bytes.
    rows: u64,
    bytes: usize,
    file: Option<(SerializedFileWriter<Vec<u8>>, u64)>,
    file_bytes: usize,
}

impl Output {
    fn new(schema: &Type, picked: Picked<'_>) -> Result<Self, ParquetError> {
        let wanted =
            |name: &str| picked.columns.is_none_or(|columns| columns.iter().any(|it| it == name));
        let fields = schema.get_fields().iter().filter(|field| wanted(field.name())).cloned();
        let root = Type::group_type_builder(schema.name()).with_fields(fields.collect()).build()?;
        let descriptor = SchemaDescriptor::new(Arc::new(schema.clone()));
        let leaves = descriptor.columns().iter().enumerate();
        let leaves =
            leaves.filter(|(_, it)| it.path().parts().first().is_some_and(|top| wanted(top)));
        let leaves = leaves.map(|(number, it)| (number, Leaf::new(it))).collect();
        let (rows, bytes, file) = (0, 0, None);
        Ok(Self {
            schema: Arc::new(root),
            leaves,
            rows,
            bytes,
            file,
            file_bytes: picked.file_bytes,
        })
    }

    /// Adds rows of a file.
    fn add_file<R: ChunkReader + 'static>(
        &mut self,
        reader: &SerializedFileReader<R>,
        name: &str,
        mut rows: &[RowAt],
        each: &mut dyn FnMut(Bytes, u64) -> Result<()>,
    ) -> Result<()> {
        let fails = |error: ParquetError| failed(name, error);
        let mut first = 0_u64;
        for number in 0..reader.num_row_groups() {
            let group = reader.get_row_group(number).map_err(fails)?;
            let end = first + u64::try_from(group.metadata().num_rows()).unwrap_or(0);
            let (own, others) = rows.split_at(rows.partition_point(|it| u64::from(it.row) < end));
            rows = others;
            if !own.is_empty() {
                let readers = self.leaves.iter().map(|(leaf, _)| group.get_column_reader(*leaf));
                let mut readers = readers.collect::<Result<Vec<_>, _>>().map_err(fails)?;
                let mut at = first;
                for part in own.chunks(BATCH) {
                    at = self.add_rows(&mut readers, at, part).map_err(fails)?;
                    self.end_full(each)?;
                }
            }
            first = end;
        }
        match rows {
            [] => Ok(()),
            _ => Err(Error::new(ErrorKind::Corrupt, "an export lacks rows that it had", name)),
        }
    }

    /// Adds rows of a row group whose readers are at row `at` of the file. Returns where they are then.
    fn add_rows(
        &mut self,
        readers: &mut [ColumnReader],
        at: u64,
        rows: &[RowAt],
    ) -> Result<u64, ParquetError> {
        let mut end = at;
        for ((_, leaf), reader) in self.leaves.iter_mut().zip(readers) {
            let from = leaf.count();
            end = at;
            for run in rows.chunk_by(|one, next| next.row - one.row == 1) {
                let start = run.first().map_or(end, |it| u64::from(it.row));
                leaf.skip(reader, usize::try_from(start - end).unwrap_or(usize::MAX))?;
                leaf.read(reader, run.len())?;
                end = start + run.len() as u64;
            }
            leaf.detach(from);
            self.bytes += leaf.bytes(from);
        }
        self.rows += rows.len() as u64;
        Ok(end)
    }

    /// Ends the row group, and the file, if they are full.
    fn end_full(&mut self, each: &mut dyn FnMut(Bytes, u64) -> Result<()>) -> Result<()> {
        if self.bytes < GROUP_BYTES {
            return Ok(());
        }
        self.end_group().map_err(|error| failed("", error))?;
        let written = self.file.as_ref().map_or(0, |(file, _)| file.bytes_written());
        if written < self.file_bytes { Ok(()) } else { self.end_file(each) }
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let (mut file, rows) = match self.file.take() {
            Some(file) => file,
            None => {
                let properties = WriterProperties::builder()
                    .set_created_by("landbridge".to_owned())
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .build();
                let schema = self.schema.clone();
                (SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?, 0)
            }
        };
        let mut group = file.next_row_group()?;
        for (_, leaf) in &mut self.leaves {
            let Some(mut column) = group.next_column()? else { break };
            leaf.write(column.untyped())?;
            column.close()?;
            leaf.clear();
        }
        group.close()?;
        self.file = Some((file, rows + self.rows));
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    fn end_file(&mut self, each: &mut dyn FnMut(Bytes, u64) -> Result<()>) -> Result<()> {
        self.end_group().map_err(|error| failed("", error))?;
        let Some((file, rows)) = self.file.take() else { return Ok(()) };
        let bytes = file.into_inner().map_err(|error| failed("", error))?;
        each(bytes.into(), rows)
    }
}
