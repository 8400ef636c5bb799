//! Copies the chunk of a REQUIRED column as that of an OPTIONAL one. A load job refuses a REQUIRED
//! column where the table's column is NULLABLE (java-bigquery #13, python-bigquery #10).
//!
//! The values of a page stay as they are encoded; the page gets definition levels, which say that no
//! value is NULL. Pages of version 1 compress the levels together with the values, so every page is
//! decompressed and compressed again.

use std::io::Read;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::ColumnDescPtr;

use super::error::RewriteError;
use super::pages::{PageInfo, PageKind, PageReader};
use super::write::{PageCompressor, PageContent};

/// Where the pages of the chunk go.
pub(super) struct RelaxedOutput<'a> {
    pub(super) pages: Box<dyn PageWriter + 'a>,
    pub(super) compressor: &'a mut PageCompressor,
    /// The column of the output.
    pub(super) column: ColumnDescPtr,
    /// The offset of the first page.
    pub(super) begin: u64,
}

/// Sizes and offsets of the pages so far.
#[derive(Default)]
struct Written {
    rows: usize,
    compressed: usize,
    uncompressed: usize,
    dictionary_at: Option<u64>,
    data_at: Option<u64>,
}

/// Copies the pages of `source`, the chunk `old` of a REQUIRED column in a row group of `rows` rows.
/// Returns the chunk's metadata.
pub(super) fn copy<R: Read>(
    source: &mut PageReader<R>,
    old: &ColumnChunkMetaData,
    rows: usize,
    mut out: RelaxedOutput<'_>,
) -> Result<ColumnChunkMetaData, RewriteError> {
    let mut written = Written::default();
    while let Some(info) = source.next()? {
        if info.kind == PageKind::Dictionary {
            if written.dictionary_at.is_some() || written.data_at.is_some() {
                return Err(RewriteError::Malformed("a column chunk has a second dictionary"));
            }
            let at = out.write_dictionary(info, source.body(), &mut written)?;
            written.dictionary_at = Some(at);
        } else if info.values > 0 {
            written.rows = written.rows.saturating_add(info.values);
            if written.rows > rows {
                return Err(RewriteError::Malformed("a column has more values than rows"));
            }
            let at = out.write_data(info, source.body(), &mut written)?;
            written.data_at.get_or_insert(at);
        }
    }
    if written.rows != rows {
        return Err(RewriteError::Malformed("a column has fewer values than rows"));
    }
    out.close(old, &written)
}

impl RelaxedOutput<'_> {
    fn write_dictionary(
        &mut self,
        info: PageInfo,
        body: &[u8],
        written: &mut Written,
    ) -> Result<u64, RewriteError> {
        let encoding = encoding(info.encoding)?;
        self.set_body(&[body]);
        let (num_values, is_sorted) = (info.values as u32, false);
        self.write(&[], written, |buf| Page::DictionaryPage {
            buf,
            num_values,
            encoding,
            is_sorted,
        })
    }

    fn write_data(
        &mut self,
        info: PageInfo,
        body: &[u8],
        written: &mut Written,
    ) -> Result<u64, RewriteError> {
        let encoding = encoding(info.encoding)?;
        let num_values = info.values as u32;
        let levels = all_present(info.values);
        let PageKind::V2 { repetition, definition } = info.kind else {
            let length = (levels.len() as u32).to_le_bytes();
            self.set_body(&[&length, &levels, body]);
            return self.write(&[], written, |buf| Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            });
        };
        let values = body
            .get(repetition + definition..)
            .ok_or(RewriteError::Malformed("levels are longer than their page"))?;
        self.set_body(&[values]);
        let def_levels_byte_len = levels.len() as u32;
        let is_compressed = self.compressor.compresses();
        self.write(&levels, written, |buf| Page::DataPageV2 {
            buf,
            num_values,
            encoding,
            num_nulls: 0,
            num_rows: num_values,
            def_levels_byte_len,
            rep_levels_byte_len: 0,
            is_compressed,
            statistics: None,
        })
    }

    fn set_body(&mut self, parts: &[&[u8]]) {
        let body = &mut self.compressor.body;
        body.clear();
        parts.iter().for_each(|part| body.extend_from_slice(part));
    }

    /// Writes a page: `levels` as they are, and the compressor's body compressed. Returns its offset.
    fn write(
        &mut self,
        levels: &[u8],
        written: &mut Written,
        page: impl FnOnce(Bytes) -> Page,
    ) -> Result<u64, RewriteError> {
        let length = levels.len() + self.compressor.body.len();
        let compressed = self.compressor.compress(PageContent::Arbitrary)?;
        let bytes = match levels {
            [] => Bytes::from(compressed),
            levels => Bytes::from([levels, &compressed].concat()),
        };
        let page = CompressedPage::new(page(bytes.clone()), length);
        let spec = self.pages.write_page(page)?;
        self.compressor.recycle(bytes);
        written.compressed += spec.compressed_size;
        written.uncompressed += spec.uncompressed_size;
        Ok(spec.offset)
    }

    /// The metadata of the chunk. Statistics stay: the values are the same.
    fn close(
        mut self,
        old: &ColumnChunkMetaData,
        written: &Written,
    ) -> Result<ColumnChunkMetaData, RewriteError> {
        self.pages.close()?;
        let mut encodings: Vec<Encoding> = old.encodings().collect();
        if !encodings.contains(&Encoding::RLE) {
            encodings.push(Encoding::RLE);
        }
        let mut builder = ColumnChunkMetaData::builder(self.column)
            .set_compression_codec(self.compressor.codec().into())
            .set_encodings(encodings)
            .set_total_compressed_size(written.compressed as i64)
            .set_total_uncompressed_size(written.uncompressed as i64)
            .set_num_values(written.rows as i64)
            .set_dictionary_page_offset(written.dictionary_at.map(|at| at as i64))
            .set_data_page_offset(written.data_at.unwrap_or(self.begin) as i64);
        if let Some(statistics) = old.statistics() {
            builder = builder.set_statistics(statistics.clone());
        }
        Ok(builder.build()?)
    }
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

/// The encoding with this number (`Encoding` in parquet.thrift).
fn encoding(number: i64) -> Result<Encoding, RewriteError> {
    Ok(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return Err(RewriteError::Encoding),
    })
}
