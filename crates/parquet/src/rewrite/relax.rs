//! Copies the chunk of a REQUIRED column as that of an OPTIONAL one. A load job refuses a REQUIRED
//! column where the table's column is NULLABLE (java-bigquery #13, python-bigquery #10).
//!
//! The values of a page stay as they are encoded and compressed; the page gets definition levels, which say that no
//! value is NULL. In pages of version 2, levels are not compressed and precede the values. In pages of version 1,
//! they are compressed together with the values, and [`prepend`](super::prepend) puts them into the compressed bytes.
//! Only a page in a form that it does not understand is decompressed and compressed again. The deprecated
//! codec LZ4 has several forms that readers guess, so its chunks get the codec of converted columns.

use std::io::{Read, Write};

use parquet::basic::{CompressionCodec, Encoding};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::ColumnDescPtr;

use super::error::RewriteError;
use super::pages::{PageKind, PageReader, StoredPage};
use super::prepend::Prepender;
use super::write::{PageCompressor, PageContent};
use crate::thrift::{self, PageLocation, ThriftError};

/// `PageHeader.uncompressed_page_size`, `.compressed_page_size` and `.crc`, in parquet.thrift.
const UNCOMPRESSED_SIZE: i16 = 2;
const COMPRESSED_SIZE: i16 = 3;
const CHECKSUM: i16 = 4;
/// `PageHeader.data_page_header`, and its `.definition_level_encoding`.
const DATA_PAGE: i16 = 5;
const DEFINITION_ENCODING: i16 = 3;
/// `PageHeader.data_page_header_v2`, and its `.num_nulls`, `.definition_levels_byte_length`,
/// `.repetition_levels_byte_length` and `.is_compressed`.
const DATA_PAGE_V2: i16 = 8;
const NULLS: i16 = 2;
const DEFINITION_BYTES: i16 = 5;
const REPETITION_BYTES: i16 = 6;
const IS_COMPRESSED: i16 = 7;
/// `Encoding.RLE`
const RLE: i32 = 3;

/// Where the pages of the chunk go.
pub(super) struct RelaxedOutput<'a, W: Write> {
    pub(super) sink: &'a mut TrackedWrite<W>,
    pub(super) compressor: &'a mut PageCompressor,
    pub(super) prepender: &'a mut Prepender,
    /// The column of the output.
    pub(super) column: ColumnDescPtr,
    /// How many locations of pages are kept at most.
    pub(super) max_locations: usize,
}

/// A chunk that was written.
pub(super) struct RelaxedChunk {
    pub(super) metadata: ColumnChunkMetaData,
    /// The locations of its data pages; `None` if they are not those of the source, or too many.
    pub(super) pages: Option<Vec<PageLocation>>,
    /// The bytes of pages that were copied as they were compressed.
    pub(super) bytes_copied: u64,
}

/// Sizes and offsets of the pages so far.
#[derive(Default)]
struct Written {
    rows: usize,
    compressed: u64,
    uncompressed: u64,
    dictionary_at: Option<u64>,
    pages: Vec<PageLocation>,
    data_at: Option<u64>,
    data_pages: usize,
    /// Whether pages without values were left out.
    skipped: bool,
    copied: u64,
}

/// Copies the pages of `source`, the chunk `old` of a REQUIRED column in a row group of `rows` rows.
pub(super) fn copy<R: Read, W: Write + Send>(
    source: &mut PageReader<R>,
    old: &ColumnChunkMetaData,
    rows: usize,
    mut out: RelaxedOutput<'_, W>,
) -> Result<RelaxedChunk, RewriteError> {
    let begin = out.sink.bytes_written() as u64;
    let codec = old.compression_codec();
    let mut written = Written::default();
    while let Some(page) = source.next_stored()? {
        if page.info.kind == PageKind::Dictionary {
            if written.dictionary_at.is_some() || written.data_at.is_some() {
                return Err(RewriteError::Malformed("a column chunk has a second dictionary"));
            }
            written.dictionary_at = Some(out.sink.bytes_written() as u64);
            out.write_dictionary(&page, source, codec, &mut written)?;
        } else if page.info.values > 0 {
            let first_row = written.rows;
            written.rows = written.rows.saturating_add(page.info.values);
            if written.rows > rows {
                return Err(RewriteError::Malformed("a column has more values than rows"));
            }
            let at = out.sink.bytes_written() as u64;
            out.write_data(&page, source, codec, &mut written)?;
            written.data_at.get_or_insert(at);
            written.data_pages += 1;
            if written.pages.len() < out.max_locations {
                let (offset, end) = (at as i64, out.sink.bytes_written() as i64);
                let (size, first_row) = (end - offset, first_row as i64);
                written.pages.push(PageLocation { offset, size, first_row });
            }
        } else {
            written.skipped = true;
        }
    }
    if written.rows != rows {
        return Err(RewriteError::Malformed("a column has fewer values than rows"));
    }
    out.close(old, begin, written)
}

impl<W: Write + Send> RelaxedOutput<'_, W> {
    fn write_dictionary<R: Read>(
        &mut self,
        page: &StoredPage,
        source: &mut PageReader<R>,
        codec: CompressionCodec,
        written: &mut Written,
    ) -> Result<(), RewriteError> {
        if !recompressed(codec) {
            written.copied += source.stored().len() as u64;
            return self.write(source.header(), &[source.stored()], page.uncompressed, written);
        }
        source.decompress(page)?;
        let compressed = self.compress(&[source.body()])?;
        let parts = [compressed.as_slice()];
        let header = new_header(source.header(), page, page.uncompressed, &parts, &[])?;
        self.write(&header, &parts, page.uncompressed, written)
    }

    fn write_data<R: Read>(
        &mut self,
        page: &StoredPage,
        source: &mut PageReader<R>,
        codec: CompressionCodec,
        written: &mut Written,
    ) -> Result<(), RewriteError> {
        if page.checksum.is_some_and(|expected| expected != checksum(&[source.stored()])) {
            // The new page would have a right one.
            return Err(RewriteError::Malformed("a page has another checksum than its header"));
        }
        let levels = all_present(page.info.values);
        if let PageKind::V2 { repetition, definition } = page.info.kind {
            let old_levels = repetition + definition;
            let uncompressed = page.uncompressed - old_levels + levels.len();
            if !recompressed(codec) {
                let values = &source.stored()[old_levels..];
                written.copied += values.len() as u64;
                let parts = [levels.as_slice(), values];
                let header = new_header(source.header(), page, uncompressed, &parts, &levels)?;
                return self.write(&header, &parts, uncompressed, written);
            }
            source.decompress(page)?;
            let compressed = self.compress(&[&source.body()[old_levels..]])?;
            let parts = [levels.as_slice(), &compressed];
            let header = without_is_compressed(source.header())?;
            let header = new_header(&header, page, uncompressed, &parts, &levels)?;
            return self.write(&header, &parts, uncompressed, written);
        }
        let before = [&(levels.len() as u32).to_le_bytes()[..], &levels].concat();
        let uncompressed = page.uncompressed + before.len();
        let prepended = self.prepender.prepend(codec, &before, source.stored(), page.uncompressed);
        if let Some(prepended) = prepended {
            written.copied += (source.stored().len() - prepended.skip) as u64;
            let parts = prepended.parts(source.stored());
            let header = new_header(source.header(), page, uncompressed, &parts, &levels)?;
            return self.write(&header, &parts, uncompressed, written);
        }
        source.decompress(page)?;
        let parts = [before.as_slice(), source.body()];
        let compressed = match recompressed(codec) {
            true => self.compress(&parts)?,
            false => compressed_with(codec, &parts.concat())?,
        };
        let header = new_header(source.header(), page, uncompressed, &[&compressed], &levels)?;
        self.write(&header, &[&compressed], uncompressed, written)
    }

    fn compress(&mut self, parts: &[&[u8]]) -> Result<Vec<u8>, RewriteError> {
        let body = &mut self.compressor.body;
        body.clear();
        parts.iter().for_each(|part| body.extend_from_slice(part));
        Ok(self.compressor.compress(PageContent::Arbitrary)?)
    }

    fn write(
        &mut self,
        header: &[u8],
        parts: &[&[u8]],
        uncompressed: usize,
        written: &mut Written,
    ) -> Result<(), RewriteError> {
        let begin = self.sink.bytes_written();
        self.sink.write_all(header)?;
        for part in parts {
            self.sink.write_all(part)?;
        }
        written.compressed += (self.sink.bytes_written() - begin) as u64;
        written.uncompressed += (header.len() + uncompressed) as u64;
        Ok(())
    }

    /// The metadata of the chunk. Statistics stay: the values are the same.
    fn close(
        self,
        old: &ColumnChunkMetaData,
        begin: u64,
        written: Written,
    ) -> Result<RelaxedChunk, RewriteError> {
        let mut encodings: Vec<Encoding> = old.encodings().collect();
        if !encodings.contains(&Encoding::RLE) {
            encodings.push(Encoding::RLE);
        }
        let codec: CompressionCodec = match old.compression_codec() {
            codec if recompressed(codec) => self.compressor.codec().into(),
            codec => codec,
        };
        let mut builder = ColumnChunkMetaData::builder(self.column)
            .set_compression_codec(codec)
            .set_encodings(encodings)
            .set_total_compressed_size(written.compressed as i64)
            .set_total_uncompressed_size(written.uncompressed as i64)
            .set_num_values(written.rows as i64)
            .set_dictionary_page_offset(written.dictionary_at.map(|at| at as i64))
            .set_data_page_offset(written.data_at.unwrap_or(begin) as i64)
            .set_unencoded_byte_array_data_bytes(old.unencoded_byte_array_data_bytes());
        if let Some(statistics) = old.statistics() {
            builder = builder.set_statistics(statistics.clone());
        }
        if let Some(geo) = old.geo_statistics() {
            builder = builder.set_geo_statistics(Box::new(geo.clone()));
        }
        if let Some(stats) = old.page_encoding_stats().filter(|_| !written.skipped) {
            builder = builder.set_page_encoding_stats(stats.clone());
        }
        let complete = !written.skipped && written.pages.len() == written.data_pages;
        Ok(RelaxedChunk {
            metadata: builder.build()?,
            pages: complete.then_some(written.pages),
            bytes_copied: written.copied,
        })
    }
}

/// Whether all pages of a chunk get another codec.
fn recompressed(codec: CompressionCodec) -> bool {
    codec == CompressionCodec::LZ4
}

/// The header of a page with other sizes and, if it had one, another checksum. `levels` are the definition
/// levels of a data page.
fn new_header(
    old: &[u8],
    page: &StoredPage,
    uncompressed: usize,
    parts: &[&[u8]],
    levels: &[u8],
) -> Result<Vec<u8>, RewriteError> {
    let size = |size: usize| i32::try_from(size).map_err(|_| RewriteError::PageTooLarge);
    let compressed: usize = parts.iter().map(|part| part.len()).sum();
    let mut integers =
        vec![(UNCOMPRESSED_SIZE, size(uncompressed)?), (COMPRESSED_SIZE, size(compressed)?)];
    if page.checksum.is_some() {
        integers.push((CHECKSUM, checksum(parts) as i32));
    }
    let invalid = |_: ThriftError| RewriteError::Malformed("a page header cannot be read");
    let header = thrift::with_integers(old, &integers).map_err(invalid)?;
    let mut fields = thrift::raw_fields(&header).map_err(invalid)?;
    for field in &mut fields {
        let inner = match field.id {
            DATA_PAGE => thrift::with_integers(&field.value, &[(DEFINITION_ENCODING, RLE)]),
            DATA_PAGE_V2 => {
                let lengths =
                    [(NULLS, 0), (DEFINITION_BYTES, size(levels.len())?), (REPETITION_BYTES, 0)];
                thrift::with_integers(&field.value, &lengths)
            }
            _ => continue,
        };
        field.value = inner.map_err(invalid)?.into();
    }
    Ok(thrift::write_fields(&fields))
}

/// The header of a page of version 2 whose values are compressed with the codec of the chunk: that is what
/// readers assume if the header does not say it.
fn without_is_compressed(header: &[u8]) -> Result<Vec<u8>, RewriteError> {
    let invalid = |_: ThriftError| RewriteError::Malformed("a page header cannot be read");
    let mut fields = thrift::raw_fields(header).map_err(invalid)?;
    for field in fields.iter_mut().filter(|field| field.id == DATA_PAGE_V2) {
        let inner = thrift::without_fields(&field.value, &[IS_COMPRESSED]).map_err(invalid)?;
        field.value = inner.into();
    }
    Ok(thrift::write_fields(&fields))
}

/// The checksum of a page whose bytes are these parts.
pub(super) fn checksum(parts: &[&[u8]]) -> u32 {
    let mut sum = libdeflater::Crc::new();
    parts.iter().for_each(|part| sum.update(part));
    sum.sum()
}

/// Compresses a page with the codec of its chunk.
fn compressed_with(codec: CompressionCodec, body: &[u8]) -> Result<Vec<u8>, RewriteError> {
    Ok(match codec {
        CompressionCodec::GZIP => {
            let mut gzip = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
            let mut compressed = vec![0; gzip.gzip_compress_bound(body.len())];
            let length = gzip
                .gzip_compress(body, &mut compressed)
                .map_err(|_| RewriteError::Malformed("a page cannot be compressed again"))?;
            compressed.truncate(length);
            compressed
        }
        CompressionCodec::ZSTD => zstd::bulk::compress(body, 1)?,
        CompressionCodec::SNAPPY => {
            snap::raw::Encoder::new().compress_vec(body).map_err(std::io::Error::other)?
        }
        CompressionCodec::LZ4_RAW => lz4_flex::block::compress(body),
        _ => return Err(RewriteError::Codec),
    })
}

/// Definition levels of this many values that are not NULL: one run of ones.
fn all_present(values: usize) -> Vec<u8> {
    let mut levels = Vec::with_capacity(6);
    let mut run = (values as u64) << 1;
    while run >= 0x80 {
        levels.push(run as u8 | 0x80);
        run >>= 7;
    }
    levels.extend([run as u8, 1]);
    levels
}
