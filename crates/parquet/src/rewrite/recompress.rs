//! Copies a chunk with its pages compressed again by ZSTD, where that makes them smaller by enough.
//!
//! Levels and values stay as they are encoded, so statistics, bounds, bloom filters and the order of pages stay
//! valid, and nothing of a value is interpreted. One encoding changes: numbers of a fixed width whose dictionary does not
//! pay are written in PLAIN, because ZSTD makes less of sorted or dense numbers than of their indices. Other encodings
//! (`DELTA_BINARY_PACKED`, `BYTE_STREAM_SPLIT`) would save more, but BigQuery's documentation names none of them.
//!
//! Whether it pays is decided by the first pages of a column's first chunk, so the same file always gives the same bytes.

use std::io::{self, Read, Write};

use parquet::basic::{CompressionCodec, Encoding};
use parquet::file::metadata::{ColumnChunkMetaData, ColumnChunkMetaDataBuilder};
use parquet::file::writer::TrackedWrite;

use super::error::RewriteError;
use super::pages::{PageKind, PageReader, StoredPage};
use super::plain::PlainPages;
use super::proof::KeptProof;
use super::relax::checksum;
use super::write::{PageCompressor, PageContent, is_noise};
use crate::thrift::{self, PageLocation, ThriftError};

/// Chunks with fewer bytes stay as they are: at most a few dozen bytes could be saved.
const MIN_CHUNK_BYTES: i64 = 4096;
/// Chunks whose values have more bytes on average stay as they are: their pages can be as large as a value.
const MAX_VALUE_BYTES: i64 = 64 * 1024;
/// The bytes of content, decompressed, by which a chunk is judged.
const SAMPLE_BYTES: usize = 1024 * 1024;
/// A page of noise of so many bytes is enough to leave a column as it is.
const LEAST_NOISE: usize = 64 * 1024;
/// A chunk stays as it is unless this share of its bytes is saved.
const MIN_SAVED_SHARE: f64 = 0.01;
/// The level of ZSTD for files that are usual for RDS, of 1 to 10 MB: more costs more processor time than it saves
/// bytes (docs/costs.md). Level 1 is tried as well, and is better for many pages of numbers.
const LEVEL: i32 = 11;
/// The level for files of more than [`LARGE_BYTES`]: three times as fast, so that a part of a large file does not take
/// longer than a tick.
const LEVEL_OF_LARGE: i32 = 7;
const LARGE_BYTES: u64 = 64 * 1024 * 1024;

/// The level of ZSTD for a file of this many compressed bytes.
pub(super) fn level(bytes: u64) -> i32 {
    if bytes > LARGE_BYTES { LEVEL_OF_LARGE } else { LEVEL }
}

/// `PageHeader.uncompressed_page_size`, `.compressed_page_size` and `.crc`, in parquet.thrift.
const UNCOMPRESSED_SIZE: i16 = 2;
const COMPRESSED_SIZE: i16 = 3;
const CHECKSUM: i16 = 4;
/// `PageHeader.data_page_header` and its `.encoding`.
const DATA_PAGE: i16 = 5;
const ENCODING: i16 = 2;
/// `PageHeader.data_page_header_v2` and its `.encoding` and `.is_compressed`.
const DATA_PAGE_V2: i16 = 8;
const ENCODING_V2: i16 = 4;
const IS_COMPRESSED: i16 = 7;
/// `Encoding.PLAIN`
const PLAIN: i32 = 0;

/// Whether the footer allows that a chunk is compressed again.
pub(super) fn is_candidate(chunk: &ColumnChunkMetaData) -> bool {
    use CompressionCodec as C;
    matches!(chunk.compression_codec(), C::GZIP | C::SNAPPY | C::LZ4 | C::LZ4_RAW | C::UNCOMPRESSED)
        && chunk.compressed_size() >= MIN_CHUNK_BYTES
        && chunk.uncompressed_size() / chunk.num_values().max(1) <= MAX_VALUE_BYTES
}

/// A chunk's bytes, which pass on to the figures of its values. Until [`Self::pass_on`], they are held.
pub(super) struct Tee<R> {
    input: R,
    proof: Option<Box<KeptProof>>,
    held: Option<Vec<u8>>,
}

impl<R> Tee<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, proof: None, held: Some(Vec::new()) }
    }

    /// From now on, `proof` gets the bytes, those before included.
    pub(super) fn pass_on(&mut self, proof: Option<Box<KeptProof>>) {
        self.proof = proof;
        if let (Some(proof), Some(held)) = (&mut self.proof, &self.held) {
            proof.pass(held);
        }
        self.held = None;
    }

    /// The figures after the last byte.
    pub(super) fn take_proof(&mut self) -> Option<Box<KeptProof>> {
        self.proof.take()
    }
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        if let Some(held) = &mut self.held {
            held.extend_from_slice(&buffer[..count]);
        } else if let Some(proof) = &mut self.proof {
            proof.pass(&buffer[..count]);
        }
        Ok(count)
    }
}

/// A page that was compressed again.
struct NewPage {
    is_dictionary: bool,
    header: Vec<u8>,
    body: Vec<u8>,
    /// The bytes of its content.
    uncompressed: usize,
}

impl NewPage {
    fn len(&self) -> usize {
        self.header.len() + self.body.len()
    }
}

/// The first pages of a chunk, compressed again.
pub(super) struct Sample {
    pages: Vec<NewPage>,
    /// The values of these pages, and of the chunk.
    values: u64,
    of: u64,
    /// The dictionary, if numbers are written in PLAIN.
    plain: Option<PlainPages>,
}

/// Bytes of the sampled pages. Of a dictionary, only the part counts that belongs to the sampled values.
#[derive(Default)]
struct Sizes {
    dictionary: usize,
    data: usize,
}

impl Sizes {
    fn add(&mut self, is_dictionary: bool, bytes: usize) {
        *(if is_dictionary { &mut self.dictionary } else { &mut self.data }) += bytes;
    }

    fn total(&self, share: f64) -> f64 {
        self.dictionary as f64 * share + self.data as f64
    }
}

/// Compresses the first pages of a chunk. `None` if the chunk should stay as it is: `min_saving` is the number of bytes that
/// must be saved per byte of content.
pub(super) fn sample<R: Read>(
    source: &mut PageReader<R>,
    old: &ColumnChunkMetaData,
    compressor: &mut PageCompressor,
    min_saving: f64,
) -> Result<Option<Sample>, RewriteError> {
    let of = old.num_values().unsigned_abs();
    let mut sample = Sample { pages: Vec::new(), values: 0, of, plain: None };
    let (mut stored, mut content, mut new) = (Sizes::default(), Sizes::default(), Sizes::default());
    let (mut in_plain, mut dictionary): (Vec<NewPage>, Option<PlainPages>) = (Vec::new(), None);
    while content.data < SAMPLE_BYTES && sample.values < of {
        let Some(page) = source.next_stored()? else { break };
        let is_dictionary = page.info.kind == PageKind::Dictionary;
        stored.add(is_dictionary, source.header().len() + source.stored().len());
        content.add(is_dictionary, page.uncompressed);
        let compressed = new_page(&page, source, compressor, None)?;
        // Indices can be noise where the numbers that they mean are not.
        let is_hopeless = !is_dictionary
            && dictionary.is_none()
            && page.uncompressed >= LEAST_NOISE
            && is_noise(compressed.body.len(), page.uncompressed);
        new.add(is_dictionary, compressed.len());
        sample.pages.push(compressed);
        if is_hopeless {
            return Ok(None);
        }
        if is_dictionary {
            dictionary = PlainPages::new(page.info, source.body(), old.column_descr());
        } else {
            sample.values += page.info.values as u64;
            if dictionary.is_some() {
                in_plain.push(new_page(&page, source, compressor, dictionary.as_ref())?);
            }
        }
    }
    let share = sample.values as f64 / of.max(1) as f64;
    let mut bytes = new.total(share);
    let plain_bytes = in_plain.iter().map(NewPage::len).sum::<usize>() as f64;
    if dictionary.is_some() && plain_bytes < bytes * (1.0 - MIN_SAVED_SHARE) {
        (sample.pages, sample.plain, bytes) = (in_plain, dictionary, plain_bytes);
    }
    let saved = stored.total(share) - bytes;
    let least = (stored.total(share) * MIN_SAVED_SHARE).max(content.total(share) * min_saving);
    Ok((saved > least).then_some(sample))
}

/// A chunk that was written.
pub(super) struct NewChunk {
    pub(super) metadata: ColumnChunkMetaData,
    /// The locations of its data pages, without their rows; `None` if they are too many.
    pub(super) pages: Option<Vec<PageLocation>>,
}

/// Where the pages of a chunk go.
pub(super) struct Output<'a, W: Write> {
    pub(super) sink: &'a mut TrackedWrite<W>,
    pub(super) compressor: &'a mut PageCompressor,
    /// How many locations of pages are kept at most.
    pub(super) max_locations: usize,
}

/// Writes the sampled pages and all that follow in `source`. `metadata` is that of the chunk in the source, for the column
/// of the output.
pub(super) fn write<R: Read, W: Write + Send>(
    sample: Sample,
    source: &mut PageReader<R>,
    metadata: ColumnChunkMetaDataBuilder,
    old: &ColumnChunkMetaData,
    out: Output<'_, W>,
) -> Result<NewChunk, RewriteError> {
    let begin = out.sink.bytes_written() as i64;
    let mut written = Written::default();
    for page in &sample.pages {
        written.write(page, out.sink, out.max_locations)?;
    }
    let mut values = sample.values;
    while values < sample.of {
        let Some(page) = source.next_stored()? else { break };
        if page.info.kind == PageKind::Dictionary {
            return Err(RewriteError::Malformed("a column chunk has a second dictionary"));
        }
        values += page.info.values as u64;
        let page = new_page(&page, source, out.compressor, sample.plain.as_ref())?;
        written.write(&page, out.sink, out.max_locations)?;
    }
    if values != sample.of {
        return Err(RewriteError::Malformed(
            "a column has another number of values than its pages",
        ));
    }
    // Bytes behind the last page belong to none; only the digest of the chunk has them.
    source.skip_rest()?;
    let mut metadata = metadata
        .set_compression_codec(CompressionCodec::ZSTD)
        .set_total_compressed_size(out.sink.bytes_written() as i64 - begin)
        .set_total_uncompressed_size(written.uncompressed)
        .set_dictionary_page_offset(written.dictionary_at)
        .set_data_page_offset(written.data_at.unwrap_or(begin));
    if sample.plain.is_some() {
        // Statistics of the encodings of pages would need the levels' encoding per page.
        metadata = plain_metadata(metadata, old);
    }
    let complete = written.pages.len() == written.data_pages;
    Ok(NewChunk { metadata: metadata.build()?, pages: complete.then_some(written.pages) })
}

/// The metadata of a chunk that has no dictionary any more.
fn plain_metadata(
    metadata: ColumnChunkMetaDataBuilder,
    old: &ColumnChunkMetaData,
) -> ColumnChunkMetaDataBuilder {
    let mut encodings: Vec<Encoding> = old
        .encodings()
        .filter(|it| !matches!(it, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY))
        .collect();
    if !encodings.contains(&Encoding::PLAIN) {
        encodings.push(Encoding::PLAIN);
    }
    metadata.set_encodings(encodings).clear_page_encoding_stats()
}

/// Sizes and offsets of the pages so far.
#[derive(Default)]
struct Written {
    uncompressed: i64,
    dictionary_at: Option<i64>,
    data_at: Option<i64>,
    data_pages: usize,
    pages: Vec<PageLocation>,
}

impl Written {
    fn write<W: Write + Send>(
        &mut self,
        page: &NewPage,
        sink: &mut TrackedWrite<W>,
        max_locations: usize,
    ) -> Result<(), RewriteError> {
        let offset = sink.bytes_written() as i64;
        sink.write_all(&page.header)?;
        sink.write_all(&page.body)?;
        self.uncompressed += (page.header.len() + page.uncompressed) as i64;
        if page.is_dictionary {
            self.dictionary_at = Some(offset);
            return Ok(());
        }
        self.data_at.get_or_insert(offset);
        self.data_pages += 1;
        if self.pages.len() < max_locations {
            let size = sink.bytes_written() as i64 - offset;
            self.pages.push(PageLocation { offset, size, first_row: 0 });
        }
        Ok(())
    }
}

/// The current page of `source`, compressed again; with `plain`, its indices are replaced by the numbers that they mean.
fn new_page<R: Read>(
    page: &StoredPage,
    source: &mut PageReader<R>,
    compressor: &mut PageCompressor,
    plain: Option<&PlainPages>,
) -> Result<NewPage, RewriteError> {
    if page.checksum.is_some_and(|expected| expected != checksum(&[source.stored()])) {
        // The new page would have a right one.
        return Err(RewriteError::Malformed("a page has another checksum than its header"));
    }
    source.decompress(page)?;
    let numbers = match plain {
        Some(plain) => plain.page(page.info, source.body())?,
        None => None,
    };
    let content = numbers.as_deref().unwrap_or(source.body());
    if content.len() > source.limit() {
        return Err(RewriteError::PageTooLarge);
    }
    let (levels, values) = content.split_at(page.level_bytes());
    let is_v2 = matches!(page.info.kind, PageKind::V2 { .. });
    let mut body = levels.to_vec();
    // Readers differ in what they expect of a page of version 2 that has no values.
    let is_compressed = !(is_v2 && values.is_empty());
    if is_compressed {
        compressor.body.clear();
        compressor.body.extend_from_slice(values);
        let compressed = compressor.compress(PageContent::Copied)?;
        body.extend_from_slice(&compressed);
        compressor.recycle(compressed.into());
    }
    let (length, is_plain) = (content.len(), numbers.is_some());
    let header = new_header(source.header(), page, length, &body, (is_compressed, is_plain))?;
    let is_dictionary = page.info.kind == PageKind::Dictionary;
    Ok(NewPage { is_dictionary, header, body, uncompressed: length })
}

/// The header of a page with another body.
fn new_header(
    old: &[u8],
    page: &StoredPage,
    uncompressed: usize,
    body: &[u8],
    (is_compressed, is_plain): (bool, bool),
) -> Result<Vec<u8>, RewriteError> {
    let size = |size: usize| i32::try_from(size).map_err(|_| RewriteError::PageTooLarge);
    let invalid = |_: ThriftError| RewriteError::Malformed("a page header cannot be read");
    let mut integers =
        vec![(UNCOMPRESSED_SIZE, size(uncompressed)?), (COMPRESSED_SIZE, size(body.len())?)];
    if page.checksum.is_some() {
        integers.push((CHECKSUM, checksum(&[body]) as i32));
    }
    let header = thrift::with_integers(old, &integers).map_err(invalid)?;
    let mut fields = thrift::raw_fields(&header).map_err(invalid)?;
    for field in &mut fields {
        let plain = |id| if is_plain { vec![(id, PLAIN)] } else { Vec::new() };
        let inner = match field.id {
            DATA_PAGE => thrift::with_integers(&field.value, &plain(ENCODING)),
            DATA_PAGE_V2 => thrift::with_integers(&field.value, &plain(ENCODING_V2))
                .and_then(|inner| thrift::with_boolean(&inner, IS_COMPRESSED, is_compressed)),
            _ => continue,
        };
        field.value = inner.map_err(invalid)?.into();
    }
    Ok(thrift::write_fields(&fields))
}
