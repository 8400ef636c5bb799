//! Writes one column chunk of the output: values in PLAIN or with a dictionary, in data pages of
//! version 1. Each page is written as soon as it is full.

use std::cmp::Ordering;
use std::io;

use bytes::Bytes;
use landbridge_core::proof::ColumnProof;
use landbridge_core::rewrite::Compression;
use parquet::basic::{Compression as Codec, Encoding, Type, ZstdLevel};
use parquet::column::page::{CompressedPage, Page as WrittenPage, PageWriter};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    FloatType, Int32Type, Int64Type, Int96Type,
};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::error::RewriteError;
use super::hybrid;
use super::page_buffer::PageBuffer;
use super::proof::chunk::ChunkProof;

/// The largest dictionary that is written, in bytes. Without a dictionary, values are in PLAIN.
pub(super) const MAX_DICTIONARY_BYTES: usize = 1024 * 1024;
/// The compression level of zstd; the `parquet` crate uses the same.
const ZSTD_LEVEL: i32 = 1;

/// The window of the harder level, as a power of two: 1 MiB.
const HARD_WINDOW_LOG: u32 = 20;

/// The content of pages, which decides how to compress them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageContent {
    /// Any values.
    Arbitrary,
    /// Tokens: 22 random letters after 9 bytes that are always the same.
    Tokens,
    /// A page that is copied and compressed again, by ZSTD in any case.
    Copied,
}

/// Compresses pages. All chunks share one, so that zstd's tables and the buffers are allocated once.
pub(super) struct PageCompressor {
    compression: Compression,
    arbitrary: Option<Compressor<'static>>,
    tokens: Option<Compressor<'static>>,
    /// Compresses harder, and its level; without it, level 1 is used alone.
    harder: Option<(i32, Option<Compressor<'static>>)>,
    /// The uncompressed bytes of the page.
    pub(super) body: Vec<u8>,
    compressed: Vec<u8>,
}

impl PageCompressor {
    /// With `level`, each page gets the smaller result of this level of ZSTD and of level 1.
    pub(super) fn new(compression: Compression, level: Option<i32>) -> Self {
        Self {
            compression,
            arbitrary: None,
            tokens: None,
            harder: level.map(|level| (level, None)),
            body: Vec::new(),
            compressed: Vec::new(),
        }
    }

    pub(super) fn codec(&self) -> Codec {
        match self.compression {
            Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
            Compression::Snappy => Codec::SNAPPY,
            Compression::Lz4Raw => Codec::LZ4_RAW,
            Compression::None => Codec::UNCOMPRESSED,
        }
    }

    /// Compresses the body. Return the buffer with [`Self::recycle`].
    pub(super) fn compress(&mut self, content: PageContent) -> io::Result<Vec<u8>> {
        match self.compression {
            _ if content == PageContent::Copied => self.zstd(content),
            Compression::Zstd => self.zstd(content),
            Compression::Snappy => {
                snap::raw::Encoder::new().compress_vec(&self.body).map_err(io::Error::other)
            }
            Compression::Lz4Raw => Ok(lz4_flex::block::compress(&self.body)),
            Compression::None => Ok(self.body.clone()),
        }
    }

    fn zstd(&mut self, content: PageContent) -> io::Result<Vec<u8>> {
        let mut compressed = std::mem::take(&mut self.compressed);
        compressed.clear();
        compressed.reserve(zstd::zstd_safe::compress_bound(self.body.len()));
        if content == PageContent::Tokens {
            let zstd = get_or_create(&mut self.tokens, token_compressor)?;
            zstd.compress_to_buffer(&self.body, &mut compressed)?;
            return Ok(compressed);
        }
        let zstd = get_or_create(&mut self.arbitrary, arbitrary_compressor)?;
        zstd.compress_to_buffer(&self.body, &mut compressed)?;
        if let Some((level, harder)) = &mut self.harder
            && !is_noise(compressed.len(), self.body.len())
        {
            let zstd = get_or_create(harder, || hard_compressor(*level))?;
            let mut smaller = Vec::with_capacity(zstd::zstd_safe::compress_bound(self.body.len()));
            zstd.compress_to_buffer(&self.body, &mut smaller)?;
            if smaller.len() < compressed.len() {
                compressed = smaller;
            }
        }
        Ok(compressed)
    }

    /// Keeps the buffer of compressed bytes for the next page, if nothing else refers to it.
    pub(super) fn recycle(&mut self, compressed: Bytes) {
        if let Ok(compressed) = compressed.try_into_mut() {
            self.compressed = compressed.into();
        }
    }
}

fn get_or_create<'a>(
    place: &'a mut Option<Compressor<'static>>,
    make: impl FnOnce() -> io::Result<Compressor<'static>>,
) -> io::Result<&'a mut Compressor<'static>> {
    match place {
        Some(existing) => Ok(existing),
        none => Ok(none.insert(make()?)),
    }
}

fn arbitrary_compressor() -> io::Result<Compressor<'static>> {
    Compressor::new(ZSTD_LEVEL)
}

/// Whether level 1 saves so little that a harder level finds nothing either: content that is encrypted, compressed or random.
pub(super) fn is_noise(compressed: usize, content: usize) -> bool {
    compressed + compressed / 32 >= content
}

/// Window and tables are as large as a page usually is: the tables of the level would take 50 MB otherwise.
fn hard_compressor(level: i32) -> io::Result<Compressor<'static>> {
    let mut zstd = Compressor::new(level)?;
    zstd.set_parameter(CParameter::WindowLog(HARD_WINDOW_LOG))?;
    zstd.set_parameter(CParameter::HashLog(HARD_WINDOW_LOG))?;
    zstd.set_parameter(CParameter::ChainLog(HARD_WINDOW_LOG))?;
    Ok(zstd)
}

/// The only repetition in tokens is their prefix, always 31 bytes back. A small hash table finds it
/// too, and fits the L1 cache: 20 % faster.
fn token_compressor() -> io::Result<Compressor<'static>> {
    let mut zstd = Compressor::new(ZSTD_LEVEL)?;
    zstd.set_parameter(CParameter::HashLog(8))?;
    Ok(zstd)
}

/// Writes one chunk.
pub(super) struct ChunkWriter<'a> {
    pages: Box<dyn PageWriter + 'a>,
    compressor: &'a mut PageCompressor,
    column: ColumnDescPtr,
    content: PageContent,
    /// The bit width of an index, once a dictionary is written.
    width: Option<u32>,
    bounds: Bounds,
    level_count: usize,
    nulls: usize,
    dictionary_at: Option<u64>,
    data_at: Option<u64>,
    begin: u64,
    compressed: usize,
    uncompressed: usize,
    /// Whether a data page is in PLAIN.
    plain: bool,
    /// The figures of the values, if they are computed.
    proof: Option<ChunkProof>,
}

impl<'a> ChunkWriter<'a> {
    /// A writer for a chunk of this column. Its pages start at offset `begin`.
    pub(super) fn new(
        pages: Box<dyn PageWriter + 'a>,
        compressor: &'a mut PageCompressor,
        column: ColumnDescPtr,
        content: PageContent,
        begin: u64,
        proof: Option<ChunkProof>,
    ) -> Self {
        Self {
            pages,
            compressor,
            bounds: Bounds::new(&column),
            column,
            content,
            width: None,
            level_count: 0,
            nulls: 0,
            dictionary_at: None,
            data_at: None,
            begin,
            compressed: 0,
            uncompressed: 0,
            plain: false,
            proof,
        }
    }

    /// Whether a dictionary of this many bytes may be written. Booleans never get one: no writer makes
    /// dictionaries of booleans, so readers may not support them.
    pub(super) fn accepts_dictionary(&self, bytes: usize) -> bool {
        bytes <= MAX_DICTIONARY_BYTES && self.column.physical_type() != Type::BOOLEAN
    }

    /// Writes the dictionary, `count` values in PLAIN. It must precede all data pages.
    pub(super) fn write_dictionary(
        &mut self,
        values: &[u8],
        count: usize,
    ) -> Result<(), RewriteError> {
        let largest =
            u32::try_from(count.saturating_sub(1)).map_err(|_| RewriteError::PageTooLarge)?;
        // One value needs no index bits, but not every reader supports a width of 0.
        self.width = Some((u32::BITS - largest.leading_zeros()).max(1));
        if let Some(proof) = &mut self.proof {
            proof.set_dictionary(values);
        }
        let page = |buf| WrittenPage::DictionaryPage {
            buf,
            num_values: count as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        self.compressor.body.clear();
        self.compressor.body.extend_from_slice(values);
        let at = self.write_page(page)?;
        self.dictionary_at = Some(at);
        Ok(())
    }

    /// Widens the bounds by a dictionary value that occurs in the column.
    pub(super) fn add_to_bounds(&mut self, values: &[u8]) {
        self.bounds.add(values);
    }

    /// Writes a page and clears it. Writes nothing if the page is empty.
    pub(super) fn write_data_page(&mut self, page: &mut PageBuffer) -> Result<(), RewriteError> {
        let level_count = page.definitions.len();
        if level_count == 0 {
            return Ok(());
        }
        if let Some(proof) = &mut self.proof {
            proof.add_page(page);
        }
        let body = &mut self.compressor.body;
        body.clear();
        if self.column.max_rep_level() > 0 {
            write_levels(&page.repetitions, body);
        }
        write_levels(&page.definitions, body);
        let encoding = match self.width {
            Some(width) if !page.indices.is_empty() => {
                body.push(width as u8);
                hybrid::write(&page.indices, width, body);
                Encoding::RLE_DICTIONARY
            }
            _ => {
                self.bounds.add(&page.values);
                if self.column.physical_type() == Type::BOOLEAN {
                    hybrid::pack(&page.values, 1, body);
                } else {
                    body.extend_from_slice(&page.values);
                }
                self.plain = true;
                Encoding::PLAIN
            }
        };
        self.level_count += level_count;
        self.nulls += page.definitions.iter().filter(|it| **it == 0).count();
        page.clear();
        let data = |buf| WrittenPage::DataPage {
            buf,
            num_values: level_count as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let at = self.write_page(data)?;
        self.data_at.get_or_insert(at);
        Ok(())
    }

    /// Compresses the compressor's body and writes it as a page; returns its offset.
    fn write_page(&mut self, page: impl FnOnce(Bytes) -> WrittenPage) -> Result<u64, RewriteError> {
        let length = self.compressor.body.len();
        let compressed = Bytes::from(self.compressor.compress(self.content)?);
        let page = CompressedPage::new(page(compressed.clone()), length);
        let spec = self.pages.write_page(page)?;
        self.compressor.recycle(compressed);
        self.compressed += spec.compressed_size;
        self.uncompressed += spec.uncompressed_size;
        Ok(spec.offset)
    }

    /// Writes the last page. Returns the metadata of the chunk, and the figures of its values.
    pub(super) fn close(
        mut self,
        page: &mut PageBuffer,
    ) -> Result<(ColumnChunkMetaData, Option<ColumnProof>), RewriteError> {
        self.write_data_page(page)?;
        self.pages.close()?;
        let mut encodings = vec![Encoding::RLE];
        if self.plain || self.dictionary_at.is_some() {
            encodings.push(Encoding::PLAIN);
        }
        if self.dictionary_at.is_some() {
            encodings.push(Encoding::RLE_DICTIONARY);
        }
        let statistics = self.bounds.statistics(&self.column, self.nulls as u64);
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression_codec(self.compressor.codec().into())
            .set_encodings(encodings)
            .set_total_compressed_size(self.compressed as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_num_values(self.level_count as i64)
            .set_dictionary_page_offset(self.dictionary_at.map(|at| at as i64))
            .set_data_page_offset(self.data_at.unwrap_or(self.begin) as i64)
            .set_statistics(statistics)
            .build()?;
        Ok((metadata, self.proof.and_then(ChunkProof::finish)))
    }
}

/// Appends levels of one bit, with a length prefix.
fn write_levels(levels: &[u8], body: &mut Vec<u8>) {
    let at = body.len();
    body.extend_from_slice(&[0; 4]);
    hybrid::write(levels, 1, body);
    let length = (body.len() - at - 4) as u32;
    body[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// The smallest and the largest value so far, in the order of the type.
enum Bounds {
    Bool(Option<(bool, bool)>),
    Int32(Option<(i32, i32)>),
    Int64(Option<(i64, i64)>),
    Double(Option<(f64, f64)>),
    /// Decimals: signed, big-endian.
    Fixed(usize, Option<(Vec<u8>, Vec<u8>)>),
    /// No bounds. Text never has bounds, because they can be a person's name.
    Unknown,
}

impl Bounds {
    fn new(column: &ColumnDescPtr) -> Self {
        match column.physical_type() {
            Type::BOOLEAN => Self::Bool(None),
            Type::INT32 => Self::Int32(None),
            Type::INT64 => Self::Int64(None),
            Type::DOUBLE => Self::Double(None),
            Type::FIXED_LEN_BYTE_ARRAY => match usize::try_from(column.type_length()) {
                Ok(length @ 1..) => Self::Fixed(length, None),
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// Widens the bounds by values in PLAIN.
    fn add(&mut self, plain: &[u8]) {
        match self {
            Self::Bool(bounds) => widen(bounds, plain.iter().map(|it| *it != 0), bool::cmp),
            Self::Int32(bounds) => {
                widen(
                    bounds,
                    plain.as_chunks().0.iter().map(|it| i32::from_le_bytes(*it)),
                    i32::cmp,
                );
            }
            Self::Int64(bounds) => {
                widen(
                    bounds,
                    plain.as_chunks().0.iter().map(|it| i64::from_le_bytes(*it)),
                    i64::cmp,
                );
            }
            Self::Double(bounds) => {
                let values = plain.as_chunks().0.iter().map(|it| f64::from_le_bytes(*it));
                widen(bounds, values.filter(|it| !it.is_nan()), f64::total_cmp);
            }
            Self::Fixed(length, bounds) => {
                let mut within = None;
                widen(&mut within, plain.chunks_exact(*length), |a, b| compare_signed(a, b));
                let both = within.into_iter().flat_map(|(min, max)| [min.to_vec(), max.to_vec()]);
                widen(bounds, both, |a, b| compare_signed(a, b));
            }
            Self::Unknown => {}
        }
    }

    fn statistics(self, column: &ColumnDescPtr, nulls: u64) -> Statistics {
        fn of<D: DataType>(
            bounds: Option<(D::T, D::T)>,
            column: &ColumnDescPtr,
            nulls: u64,
        ) -> Statistics {
            let (min, max) = bounds.unzip();
            ValueStatistics::new(min, max, None, Some(nulls), false)
                .with_backwards_compatible_min_max(column.sort_order().is_signed())
                .into()
        }
        match self {
            Self::Bool(bounds) => of::<BoolType>(bounds, column, nulls),
            Self::Int32(bounds) => of::<Int32Type>(bounds, column, nulls),
            Self::Int64(bounds) => of::<Int64Type>(bounds, column, nulls),
            // The format requires that bounds of zero include both signs.
            Self::Double(bounds) => {
                let bounds = bounds.map(|(min, max)| {
                    (if min == 0.0 { -0.0 } else { min }, if max == 0.0 { 0.0 } else { max })
                });
                of::<DoubleType>(bounds, column, nulls)
            }
            Self::Fixed(_, bounds) => {
                let fixed = |bytes: Vec<u8>| FixedLenByteArray::from(bytes);
                let bounds = bounds.map(|(min, max)| (fixed(min), fixed(max)));
                of::<FixedLenByteArrayType>(bounds, column, nulls)
            }
            Self::Unknown => match column.physical_type() {
                Type::INT96 => of::<Int96Type>(None, column, nulls),
                Type::FLOAT => of::<FloatType>(None, column, nulls),
                Type::FIXED_LEN_BYTE_ARRAY => of::<FixedLenByteArrayType>(None, column, nulls),
                _ => of::<ByteArrayType>(None, column, nulls),
            },
        }
    }
}

fn widen<T: Clone>(
    bounds: &mut Option<(T, T)>,
    values: impl Iterator<Item = T>,
    order: impl Fn(&T, &T) -> Ordering,
) {
    for value in values {
        match bounds {
            None => *bounds = Some((value.clone(), value)),
            Some((min, max)) => {
                if order(&value, min) == Ordering::Less {
                    *min = value;
                } else if order(&value, max) == Ordering::Greater {
                    *max = value;
                }
            }
        }
    }
}

/// Compares big-endian two's complement numbers.
fn compare_signed(a: &[u8], b: &[u8]) -> Ordering {
    let sign = |bytes: &[u8]| bytes.first().is_some_and(|byte| *byte >= 0x80);
    sign(b).cmp(&sign(a)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_numbers_are_ordered_by_their_value() {
        let numbers: [i32; 6] = [i32::MIN, -256, -1, 0, 1, i32::MAX];
        for pair in numbers.windows(2) {
            let [a, b] = [pair[0].to_be_bytes(), pair[1].to_be_bytes()];
            assert_eq!(
                (compare_signed(&a, &b), compare_signed(&b, &a)),
                (Ordering::Less, Ordering::Greater)
            );
            assert_eq!(compare_signed(&a, &a), Ordering::Equal);
        }
    }

    #[test]
    fn bounds_pass_over_what_has_no_order() {
        let mut bounds = Bounds::Double(None);
        let plain: Vec<u8> =
            [f64::NAN, 0.0, -0.0, 7.5, f64::NAN].iter().flat_map(|it| it.to_le_bytes()).collect();
        bounds.add(&plain);
        let Bounds::Double(Some((min, max))) = bounds else { panic!("no bounds") };
        assert_eq!((min.to_bits(), max), ((-0.0_f64).to_bits(), 7.5));
    }
}
