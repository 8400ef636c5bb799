//! The two hashes of each row of an export.

use landbridge_core::Result;
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::schema::types::{SchemaDescriptor, Type};
use sha2::{Digest, Sha256};

use super::leaf::Leaf;
use super::sort::{Entry, HASH, Sorted, Sorter};
use super::{Comparison, RowAt, SourceFile, check, failed};

/// Rows whose hashes are in progress at once. Of their values, a page per column is in memory.
const BATCH: usize = 1024;
/// The length of a block of SHA-256.
const BLOCK: usize = 64;

/// A leaf column that counts.
struct Column {
    number: usize,
    is_key: bool,
    leaf: Leaf,
}

/// The hashes of a row in progress.
struct Hashes {
    key: Sha256,
    row: Sha256,
}

/// The schema of a file.
pub(super) fn schema<R: ChunkReader + 'static>(file: SourceFile<R>) -> Result<Type> {
    let SourceFile { reader, name } = file;
    let reader = SerializedFileReader::new(reader).map_err(|error| failed(&name, error))?;
    Ok(reader.metadata().file_metadata().schema().clone())
}

/// The rows of an export in the order of the hashes of their keys, or why there is no such order. One file is open at a
/// time.
pub(super) fn sorted<R: ChunkReader + 'static>(
    files: Vec<SourceFile<R>>,
    schema: &Type,
    comparison: &Comparison<'_>,
) -> Result<Result<Sorted, &'static str>> {
    let mut sorter = Sorter::new(comparison.in_memory);
    for (number, file) in files.into_iter().enumerate() {
        let Ok(number) = u32::try_from(number) else { return Ok(Err("it has too many files")) };
        if let Err(why) = add_file(&mut sorter, (file, number), schema, comparison)? {
            return Ok(Err(why));
        }
    }
    sorter.finish().map(Ok)
}

fn add_file<R: ChunkReader + 'static>(
    sorter: &mut Sorter,
    (SourceFile { reader, name }, file): (SourceFile<R>, u32),
    schema: &Type,
    comparison: &Comparison<'_>,
) -> Result<Result<(), &'static str>> {
    let fails = |error: ParquetError| failed(&name, error);
    let reader = SerializedFileReader::new(reader).map_err(fails)?;
    let metadata = reader.metadata().file_metadata();
    if metadata.schema() != schema {
        return Ok(Err("the Parquet files do not all have the same schema"));
    }
    let Some(mut columns) = columns(metadata.schema_descr(), comparison) else {
        return Ok(Err("a column of the key is missing or nested"));
    };
    let mut first = 0_u32;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(fails)?;
        let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let readers = columns.iter().map(|it| group.get_column_reader(it.number));
        let mut readers = readers.collect::<Result<Vec<_>, _>>().map_err(fails)?;
        while left > 0 {
            check(comparison.stop)?;
            let rows = left.min(BATCH);
            let hashed = hash(&mut columns, &mut readers, rows, comparison.secret);
            let Some(hashed) = hashed.map_err(fails)? else { return Ok(Err("a key is NULL")) };
            for (row, (key, hash)) in (first..).zip(hashed) {
                sorter.add(Entry { key, row: hash, at: RowAt { file, row } })?;
            }
            left -= rows;
            let next = u32::try_from(rows).ok().and_then(|rows| first.checked_add(rows));
            let Some(next) = next else { return Ok(Err("a file has too many rows")) };
            first = next;
        }
    }
    Ok(Ok(()))
}

/// The leaf columns that count; `None` without one of the key.
fn columns(descriptor: &SchemaDescriptor, comparison: &Comparison<'_>) -> Option<Vec<Column>> {
    let is_key = |name: &String| {
        descriptor.columns().iter().any(|it| {
            it.path().parts() == [name.as_str()]
                && it.max_rep_level() == 0
                && it.max_def_level() <= 1
        })
    };
    if comparison.key.is_empty() || !comparison.key.iter().all(is_key) {
        return None;
    }
    let columns = descriptor.columns().iter().enumerate().filter_map(|(number, it)| {
        let top = it.path().parts().first()?;
        (!comparison.ignored.contains(top)).then(|| Column {
            number,
            is_key: comparison.key.contains(top),
            leaf: Leaf::new(it),
        })
    });
    let columns: Vec<Column> = columns.collect();
    (columns.iter().filter(|it| it.is_key).count() == comparison.key.len()).then_some(columns)
}

type Hashed = ([u8; HASH], [u8; HASH]);

/// The hashes of the next rows; `None` if a key is NULL.
fn hash(
    columns: &mut [Column],
    readers: &mut [ColumnReader],
    rows: usize,
    secret: [u8; 32],
) -> Result<Option<Vec<Hashed>>, ParquetError> {
    let (key, row) = (keyed(secret, b'k'), keyed(secret, b'r'));
    let mut hashes: Vec<Hashes> =
        (0..rows).map(|_| Hashes { key: key.clone(), row: row.clone() }).collect();
    let mut has_null = false;
    for (column, reader) in columns.iter_mut().zip(readers) {
        column.leaf.clear();
        column.leaf.read(reader, rows)?;
        let is_key = column.is_key;
        let mut seen = 0;
        column.leaf.rows(|number, encoded, is_null| {
            let Some(hashes) = hashes.get_mut(number) else { return };
            seen += 1;
            let length = (encoded.len() as u64).to_le_bytes();
            hashes.row.update(length);
            hashes.row.update(encoded);
            if is_key {
                has_null |= is_null;
                hashes.key.update(length);
                hashes.key.update(encoded);
            }
        });
        // Values refer to the pages that they were read from.
        column.leaf.clear();
        if seen != rows {
            return Err(ParquetError::General("too few rows".to_owned()));
        }
    }
    if has_null {
        return Ok(None);
    }
    Ok(Some(hashes.into_iter().map(|it| (short(it.key), short(it.row))).collect()))
}

/// SHA-256 that has taken a block of the secret. Only half of the result is used, so that it cannot be continued
/// with a longer message.
fn keyed(secret: [u8; 32], domain: u8) -> Sha256 {
    let mut block = [0; BLOCK];
    block[..secret.len()].copy_from_slice(&secret);
    block[BLOCK - 1] = domain;
    Sha256::new().chain_update(block)
}

fn short(hash: Sha256) -> [u8; HASH] {
    let mut short = [0; HASH];
    short.copy_from_slice(&hash.finalize()[..HASH]);
    short
}
