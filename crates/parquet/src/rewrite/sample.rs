//! Reads a few values of a text column, to see what they look like. Bounded: at most [`READ_BYTES`] and a
//! dictionary of a chunk are read, however large it is, and at most [`MAX_VALUES`] values are returned.
//!
//! The values are cells: a caller counts what they look like and drops them.

use std::io::Cursor;

use landbridge_core::Result as SourceResult;
use parquet::basic::Type;
use parquet::file::metadata::ColumnChunkMetaData;

use super::error::RewriteError;
use super::pages::{PageKind, PageReader};
use super::source;
use super::values::{self, BATCH, Dictionary, SourceType, Values};
use crate::thrift::{ThriftError, ThriftReader, raw_fields, raw_structs};
use crate::{Footer, RangeReader};

/// The largest range of data pages that is read, and the largest dictionary, in bytes. Writers make pages
/// and dictionaries of 1 MiB, which compression makes smaller.
const READ_BYTES: u64 = 1 << 20;
/// No page may be larger than this, decompressed.
const MAX_PAGE_BYTES: usize = 2 << 20;
/// The largest offset index that is read: of 20,000 pages.
const MAX_INDEX_BYTES: u64 = 256 << 10;
/// Values of one sample.
pub const MAX_VALUES: usize = 250;
/// Longer values are cut, because their beginning shows their form.
const MAX_VALUE_BYTES: usize = 2000;

/// Which part of a column chunk is sampled, if it is not read as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its first pages.
    First,
    /// Its last pages, where newer rows are; the first pages if the file has no index of pages.
    Last,
}

/// Some values of a column chunk, at even distances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The values, without NULLs.
    pub values: Vec<String>,
    /// Whether the pages could not be decoded, so that the column has no sample.
    pub unreadable: bool,
}

/// A sample of the text column `column` in row group `group` of a file; empty if the file has no such
/// column, if it is not text, or if all its values are NULL.
///
/// # Errors
/// Any error of `source`.
pub async fn sample<R: RangeReader>(
    source: &R,
    footer: &Footer,
    (group, column): (usize, &str),
    part: Part,
) -> SourceResult<Sample> {
    let Some(chunk) = text_chunk(footer, group, column) else { return Ok(Sample::default()) };
    let Ok((start, length)) = source::range(chunk, footer) else { return Ok(unreadable()) };
    let ranges = if length <= READ_BYTES {
        vec![(start, length)]
    } else {
        let data = u64::try_from(chunk.data_page_offset()).unwrap_or(start);
        let dictionary = data.saturating_sub(start);
        if dictionary > READ_BYTES {
            return Ok(unreadable());
        }
        let first = (data, READ_BYTES.min(start + length - data));
        let pages = match part {
            Part::First => first,
            Part::Last => last_range(source, footer, chunk).await?.unwrap_or(first),
        };
        [(start, dictionary), pages].into_iter().filter(|(_, length)| *length > 0).collect()
    };
    let mut bytes = Vec::new();
    for (start, length) in ranges {
        bytes.extend_from_slice(&source.read(start, length).await?);
    }
    let mut spread = Spread::default();
    let decoded = decode(bytes, chunk, &mut spread);
    // The last of the pages that were read can be cut.
    let unreadable = decoded.is_err() && spread.kept.is_empty();
    Ok(Sample { values: spread.values(), unreadable })
}

/// Whether the samples of all parts of a chunk are the same, because it is read as a whole.
pub(super) fn is_read_whole(footer: &Footer, (group, column): (usize, &str)) -> bool {
    let chunk = text_chunk(footer, group, column);
    let range = chunk.and_then(|chunk| source::range(chunk, footer).ok());
    range.is_none_or(|(_, length)| length <= READ_BYTES)
}

fn unreadable() -> Sample {
    Sample { values: Vec::new(), unreadable: true }
}

/// The chunk of a column of text with single values; `None` if all of them are NULL.
fn text_chunk<'a>(
    footer: &'a Footer,
    group: usize,
    column: &str,
) -> Option<&'a ColumnChunkMetaData> {
    let group = footer.metadata.row_groups().get(group).filter(|it| it.num_rows() > 0)?;
    let chunk = group.columns().iter().find(|chunk| chunk.column_path().parts() == [column])?;
    let descriptor = chunk.column_descr();
    let is_text = descriptor.physical_type() == Type::BYTE_ARRAY
        && descriptor.max_rep_level() == 0
        && descriptor.max_def_level() <= 1;
    let nulls = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
    let is_null = nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(chunk.num_values()));
    (is_text && !is_null).then_some(chunk)
}

/// The range of the last pages of a chunk, by the offset index.
async fn last_range<R: RangeReader>(
    source: &R,
    footer: &Footer,
    chunk: &ColumnChunkMetaData,
) -> SourceResult<Option<(u64, u64)>> {
    let index = chunk.offset_index_offset().zip(chunk.offset_index_length());
    let Some((start, length)) = index
        .and_then(|(start, length)| Some((u64::try_from(start).ok()?, u64::try_from(length).ok()?)))
        .filter(|(start, length)| {
            *length <= MAX_INDEX_BYTES
                && start.checked_add(*length).is_some_and(|it| it <= footer.start)
        })
    else {
        return Ok(None);
    };
    let bytes = source.read(start, length).await?;
    let pages = last_pages(&bytes).ok().flatten();
    Ok(pages.filter(|(start, length)| {
        *length <= READ_BYTES && start.checked_add(*length).is_some_and(|it| it <= footer.start)
    }))
}

/// The offset and the size of the last pages of an offset index (`OffsetIndex` and `PageLocation` in
/// parquet.thrift), as many as [`READ_BYTES`] contain.
fn last_pages(index: &[u8]) -> Result<Option<(u64, u64)>, ThriftError> {
    let fields = raw_fields(index)?;
    let Some(locations) = fields.iter().find(|field| field.id == 1) else { return Ok(None) };
    let mut pages = Vec::new();
    for location in raw_structs(&locations.value)? {
        let (mut offset, mut size) = (0, 0);
        ThriftReader::new(location).read_struct(|id, field, reader| {
            let place = match id {
                1 => &mut offset,
                2 => &mut size,
                _ => return Ok(false),
            };
            if !field.is_integer() {
                return Err(ThriftError::Invalid);
            }
            *place = reader.integer()?;
            Ok(true)
        })?;
        let page = u64::try_from(offset).ok().zip(u64::try_from(size).ok());
        pages.push(page.ok_or(ThriftError::Invalid)?);
    }
    let Some(end) = pages.last().and_then(|(start, size)| start.checked_add(*size)) else {
        return Ok(None);
    };
    let fits = |start: &u64| end.checked_sub(*start).is_some_and(|size| size <= READ_BYTES);
    Ok(pages.iter().map(|(start, _)| *start).find(fits).map(|start| (start, end - start)))
}

/// Reads the values of all pages in `bytes`.
fn decode(
    bytes: Vec<u8>,
    chunk: &ColumnChunkMetaData,
    spread: &mut Spread,
) -> Result<(), RewriteError> {
    let (length, codec) = (bytes.len() as u64, chunk.compression_codec());
    let optional = chunk.column_descr().max_def_level() > 0;
    let mut pages = PageReader::new(Cursor::new(bytes), length, 0, codec, MAX_PAGE_BYTES);
    let mut dictionary = Dictionary::default();
    while let Some(info) = pages.next()? {
        if info.kind == PageKind::Dictionary {
            dictionary = Dictionary::read(info, pages.body(), SourceType::Text)?;
            continue;
        }
        let (mut levels, mut values) =
            values::read_page(info, pages.body(), optional, SourceType::Text)?;
        let (mut levels_buffer, mut indices) = ([0; BATCH], [0; BATCH]);
        let mut scratch = Vec::new();
        while levels.remaining > 0 {
            let batch = levels.next(&mut levels_buffer)?;
            let present = batch.iter().filter(|level| **level != 0).count();
            if let Values::Indices(decoder) = &mut values {
                decoder.read(&mut indices[..present])?;
                for index in &indices[..present] {
                    let value = dictionary.get(*index as usize);
                    spread.add(value.ok_or(RewriteError::Malformed("an index has no value"))?);
                }
            } else {
                for _ in 0..present {
                    spread.add(values.next(&mut scratch)?);
                }
            }
        }
    }
    Ok(())
}

/// Keeps values at even distances without knowing how many there are: when there are too many, every
/// other one goes and the distance doubles.
struct Spread {
    kept: Vec<Vec<u8>>,
    distance: usize,
    passed: usize,
}

impl Default for Spread {
    fn default() -> Self {
        Self { kept: Vec::new(), distance: 1, passed: 0 }
    }
}

impl Spread {
    fn add(&mut self, value: &[u8]) {
        let is_kept = self.passed.is_multiple_of(self.distance);
        self.passed += 1;
        if !is_kept {
            return;
        }
        self.kept.push(value[..value.len().min(MAX_VALUE_BYTES)].to_vec());
        if self.kept.len() > MAX_VALUES {
            let mut at = 0;
            self.kept.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.distance *= 2;
        }
    }

    /// The values as text. What is no text has no form that could be recognised.
    fn values(self) -> Vec<String> {
        let text = |bytes: Vec<u8>| match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            // A long value may be cut within a character.
            Err(error) => {
                let end = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let is_cut = bytes.len() == MAX_VALUE_BYTES && end + 4 > MAX_VALUE_BYTES;
                is_cut.then(|| String::from_utf8_lossy(&bytes[..end]).into_owned())
            }
        };
        self.kept.into_iter().filter_map(text).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use bytes::Bytes;
    use futures::FutureExt;
    use parquet::arrow::ArrowWriter;
    use parquet::basic::Compression;
    use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

    use super::*;

    /// A file with these columns of text.
    pub(in super::super) fn text_file(
        columns: &[(&str, Vec<String>)],
        properties: WriterProperties,
    ) -> (Bytes, Footer) {
        let array = |values: &Vec<String>| Arc::new(StringArray::from(values.clone())) as ArrayRef;
        written(columns.iter().map(|(name, values)| (*name, array(values))), properties)
    }

    fn file(values: &[Option<String>], properties: WriterProperties) -> (Bytes, Footer) {
        let numbers = Int64Array::from_iter(0..values.len() as i64);
        let columns = [
            ("id", Arc::new(numbers) as ArrayRef),
            ("memo", Arc::new(StringArray::from(values.to_vec())) as ArrayRef),
            ("nothing", Arc::new(StringArray::from(vec![None::<&str>; values.len()])) as ArrayRef),
        ];
        written(columns.into_iter(), properties)
    }

    fn written<'a>(
        columns: impl Iterator<Item = (&'a str, ArrayRef)>,
        properties: WriterProperties,
    ) -> (Bytes, Footer) {
        let columns = columns.map(|(name, values)| (name, values, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer =
            ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let bytes = Bytes::from(bytes);
        let footer = Footer::read(&bytes, bytes.len() as u64, "test").now_or_never().unwrap();
        (bytes, footer.unwrap())
    }

    fn sampled(file: &(Bytes, Footer), column: &str, part: Part) -> Sample {
        sample(&file.0, &file.1, (0, column), part).now_or_never().unwrap().unwrap()
    }

    fn value(at: usize) -> Option<String> {
        (!at.is_multiple_of(3)).then(|| format!("value {at}"))
    }

    /// Every encoding and page version of text gives the same values.
    #[test]
    fn values_are_spread_over_a_small_chunk_however_it_is_encoded() {
        let values: Vec<Option<String>> = (0..3000).map(value).collect();
        let expected = (0..3000).filter_map(value).step_by(8).collect::<Vec<_>>();
        assert!((MAX_VALUES / 2..=MAX_VALUES).contains(&expected.len()));
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for dictionary in [true, false] {
                let properties = WriterProperties::builder()
                    .set_writer_version(version)
                    .set_dictionary_enabled(dictionary)
                    .set_compression(Compression::SNAPPY)
                    .set_data_page_row_count_limit(700)
                    .set_write_batch_size(100);
                let file = file(&values, properties.build());
                for part in [Part::First, Part::Last] {
                    let found = sampled(&file, "memo", part);
                    assert_eq!(found.values, expected, "{version:?} {dictionary}");
                }
                for other in ["id", "nothing", "absent"] {
                    assert_eq!(sampled(&file, other, Part::First), Sample::default(), "{other}");
                }
            }
        }
    }

    /// Of a chunk of megabytes, the first or the last pages are read; without an index of pages, the first.
    #[test]
    fn a_large_chunk_is_read_in_part() {
        let long = |at: usize| Some(format!("{at:06} {}", "x".repeat(200)));
        let values: Vec<Option<String>> = (0..40_000).map(long).collect();
        for has_index in [true, false] {
            // Statistics of pages always come with the index.
            let statistics =
                if has_index { EnabledStatistics::Page } else { EnabledStatistics::Chunk };
            let properties = WriterProperties::builder()
                .set_dictionary_enabled(false)
                .set_statistics_enabled(statistics)
                .set_offset_index_disabled(!has_index)
                .set_data_page_size_limit(200_000)
                .set_write_batch_size(100);
            let file = file(&values, properties.build());
            let first = sampled(&file, "memo", Part::First);
            let last = sampled(&file, "memo", Part::Last);
            let place = |value: &String| value[..6].parse::<usize>().unwrap();
            assert!(first.values.len() > 100 && last.values.len() > 100);
            assert_eq!(place(&first.values[0]), 0);
            assert!(first.values.iter().all(|it| place(it) < 6_000));
            assert_eq!(last.values.iter().all(|it| place(it) > 34_000), has_index);
            assert_eq!(last == first, !has_index);
        }
    }

    /// Damaged pages are no error: the column has no sample, and the caller says so.
    #[test]
    fn a_damaged_chunk_has_no_sample() {
        let values: Vec<Option<String>> = (0..3000).map(value).collect();
        let (bytes, footer) = file(&values, WriterProperties::builder().build());
        let chunk = text_chunk(&footer, 0, "memo").unwrap();
        let (start, length) = source::range(chunk, &footer).unwrap();
        let mut damaged = bytes.to_vec();
        damaged[start as usize..(start + length) as usize].fill(0xff);
        assert_eq!(sampled(&(damaged.into(), footer), "memo", Part::First), unreadable());
    }

    #[test]
    fn a_value_that_is_cut_within_a_character_stays_text() {
        let mut spread = Spread::default();
        spread.add("가".repeat(1000).as_bytes());
        spread.add(&[0xff, 0xfe]);
        let values = spread.values();
        assert_eq!(values, ["가".repeat(MAX_VALUE_BYTES / 3)]);
    }
}
