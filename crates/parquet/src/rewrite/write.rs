//! One column chunk of the output: values in PLAIN or by a dictionary, pages of version 1,
//! written as soon as they are full.

use std::cmp::Ordering;
use std::io;

use bytes::Bytes;
use landbridge_core::rewrite::Compression;
use parquet::basic::{Compression as Codec, Encoding, Type, ZstdLevel};
use parquet::column::page::{CompressedPage, Page as Written, PageWriter};
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

/// A page is full when its values have so many bytes. BigQuery's documentation calls 1 MiB the
/// usual size.
const FULL: usize = 1024 * 1024;
/// Or when it has so many rows, those that are NULL among them.
const FULL_ROWS: usize = 128 * 1024;
/// The largest dictionary that is written, in bytes; values of a larger one are written out.
pub(super) const LARGEST_DICTIONARY: usize = 1024 * 1024;
/// The effort of zstd: what `parquet` takes too.
const ZSTD_LEVEL: i32 = 1;

/// A page that grows.
#[derive(Default)]
pub(super) struct Page {
    /// Values in PLAIN, but for booleans, each of which is a byte.
    pub(super) values: Vec<u8>,
    /// Or places of the dictionary. A page has values or indices, never both.
    pub(super) indices: Vec<u32>,
    /// Per place: 1 where there is a value, 0 where there is NULL or an empty list.
    pub(super) definitions: Vec<u8>,
    /// Of lists only, per place: 0 where a row begins.
    pub(super) repetitions: Vec<u8>,
}

impl Page {
    /// Whether it is time to write it.
    pub(super) fn is_full(&self) -> bool {
        self.values.len() >= FULL || self.definitions.len() >= FULL_ROWS
    }

    /// Forgets what is in it.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.indices.clear();
        self.definitions.clear();
        self.repetitions.clear();
    }
}

/// What pages hold, as far as compressing them goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texture {
    /// Anything.
    Any,
    /// Tokens: 22 letters at random behind 9 bytes that are always the same.
    Tokens,
}

/// Compresses pages. One serves any number of chunks: zstd's tables and the buffers are made
/// once.
pub(super) struct Packer {
    compression: Compression,
    any: Option<Compressor<'static>>,
    tokens: Option<Compressor<'static>>,
    body: Vec<u8>,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new(compression: Compression) -> Self {
        Self { compression, any: None, tokens: None, body: Vec::new(), packed: Vec::new() }
    }

    fn codec(&self) -> Codec {
        match self.compression {
            Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
            Compression::Snappy => Codec::SNAPPY,
            Compression::Lz4Raw => Codec::LZ4_RAW,
            Compression::None => Codec::UNCOMPRESSED,
        }
    }

    /// Compresses the body. Give the bytes back with [`Self::recycle`].
    fn pack(&mut self, texture: Texture) -> io::Result<Vec<u8>> {
        match self.compression {
            Compression::Zstd => {
                let mut packed = std::mem::take(&mut self.packed);
                packed.clear();
                packed.reserve(zstd::zstd_safe::compress_bound(self.body.len()));
                let zstd = match texture {
                    Texture::Any => made(&mut self.any, any)?,
                    Texture::Tokens => made(&mut self.tokens, tokens)?,
                };
                zstd.compress_to_buffer(&self.body, &mut packed)?;
                Ok(packed)
            }
            Compression::Snappy => {
                snap::raw::Encoder::new().compress_vec(&self.body).map_err(io::Error::other)
            }
            Compression::Lz4Raw => Ok(lz4_flex::block::compress(&self.body)),
            Compression::None => Ok(self.body.clone()),
        }
    }

    /// Keeps the buffer of bytes that nobody needs any more.
    fn recycle(&mut self, packed: Bytes) {
        if let Ok(packed) = packed.try_into_mut() {
            self.packed = packed.into();
        }
    }
}

fn made<'a>(
    place: &'a mut Option<Compressor<'static>>,
    make: fn() -> io::Result<Compressor<'static>>,
) -> io::Result<&'a mut Compressor<'static>> {
    match place {
        Some(made) => Ok(made),
        none => Ok(none.insert(make()?)),
    }
}

fn any() -> io::Result<Compressor<'static>> {
    Compressor::new(ZSTD_LEVEL)
}

/// Tokens have nothing to find but their beginnings, which always lie 31 bytes back. Remembering
/// few places finds those as well, and the tables stay in the nearest cache: a fifth faster.
fn tokens() -> io::Result<Compressor<'static>> {
    let mut zstd = Compressor::new(ZSTD_LEVEL)?;
    zstd.set_parameter(CParameter::HashLog(8))?;
    Ok(zstd)
}

/// Writes one chunk.
pub(super) struct ChunkWriter<'a> {
    pages: Box<dyn PageWriter + 'a>,
    packer: &'a mut Packer,
    column: ColumnDescPtr,
    texture: Texture,
    /// Bits of an index, once there is a dictionary.
    width: Option<u32>,
    bounds: Bounds,
    places: usize,
    nulls: usize,
    dictionary_at: Option<u64>,
    data_at: Option<u64>,
    begin: u64,
    packed: usize,
    unpacked: usize,
    /// Whether there is a page in PLAIN.
    plain: bool,
}

impl<'a> ChunkWriter<'a> {
    /// A chunk of this column, whose pages begin at `begin`.
    pub(super) fn new(
        pages: Box<dyn PageWriter + 'a>,
        packer: &'a mut Packer,
        column: ColumnDescPtr,
        texture: Texture,
        begin: u64,
    ) -> Self {
        Self {
            pages,
            packer,
            bounds: Bounds::new(&column),
            column,
            texture,
            width: None,
            places: 0,
            nulls: 0,
            dictionary_at: None,
            data_at: None,
            begin,
            packed: 0,
            unpacked: 0,
            plain: false,
        }
    }

    /// Whether a dictionary of so many bytes may come. No writer makes one of booleans, so no
    /// reader need know any.
    pub(super) fn takes_dictionary(&self, bytes: usize) -> bool {
        bytes <= LARGEST_DICTIONARY && self.column.physical_type() != Type::BOOLEAN
    }

    /// Writes the dictionary, which comes before all pages: `count` values in PLAIN.
    pub(super) fn dictionary(&mut self, values: &[u8], count: usize) -> Result<(), RewriteError> {
        let largest =
            u32::try_from(count.saturating_sub(1)).map_err(|_| RewriteError::PageTooLarge)?;
        // Indices of no bits would do for one value, but not every reader expects them.
        self.width = Some((u32::BITS - largest.leading_zeros()).max(1));
        let page = |buf| Written::DictionaryPage {
            buf,
            num_values: count as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        self.packer.body.clear();
        self.packer.body.extend_from_slice(values);
        let at = self.put(page)?;
        self.dictionary_at = Some(at);
        Ok(())
    }

    /// Counts values of the dictionary that occur into the bounds.
    pub(super) fn occurs(&mut self, values: &[u8]) {
        self.bounds.add(values);
    }

    /// Writes a page, which is empty afterwards; of an empty one nothing.
    pub(super) fn page(&mut self, page: &mut Page) -> Result<(), RewriteError> {
        let places = page.definitions.len();
        if places == 0 {
            return Ok(());
        }
        let body = &mut self.packer.body;
        body.clear();
        if self.column.max_rep_level() > 0 {
            levels(&page.repetitions, body);
        }
        levels(&page.definitions, body);
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
        self.places += places;
        self.nulls += page.definitions.iter().filter(|it| **it == 0).count();
        page.clear();
        let data = |buf| Written::DataPage {
            buf,
            num_values: places as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let at = self.put(data)?;
        self.data_at.get_or_insert(at);
        Ok(())
    }

    /// Writes the packer's body as a page.
    fn put(&mut self, page: impl FnOnce(Bytes) -> Written) -> Result<u64, RewriteError> {
        let length = self.packer.body.len();
        let packed = Bytes::from(self.packer.pack(self.texture)?);
        let page = CompressedPage::new(page(packed.clone()), length);
        let spec = self.pages.write_page(page)?;
        self.packer.recycle(packed);
        self.packed += spec.compressed_size;
        self.unpacked += spec.uncompressed_size;
        Ok(spec.offset)
    }

    /// Writes what is left of a page, and says what was written.
    pub(super) fn close(mut self, page: &mut Page) -> Result<ColumnChunkMetaData, RewriteError> {
        self.page(page)?;
        self.pages.close()?;
        let mut encodings = vec![Encoding::RLE];
        if self.plain || self.dictionary_at.is_some() {
            encodings.push(Encoding::PLAIN);
        }
        if self.dictionary_at.is_some() {
            encodings.push(Encoding::RLE_DICTIONARY);
        }
        let statistics = self.bounds.statistics(&self.column, self.nulls as u64);
        Ok(ColumnChunkMetaData::builder(self.column)
            .set_compression_codec(self.packer.codec().into())
            .set_encodings(encodings)
            .set_total_compressed_size(self.packed as i64)
            .set_total_uncompressed_size(self.unpacked as i64)
            .set_num_values(self.places as i64)
            .set_dictionary_page_offset(self.dictionary_at.map(|at| at as i64))
            .set_data_page_offset(self.data_at.unwrap_or(self.begin) as i64)
            .set_statistics(statistics)
            .build()?)
    }
}

/// Levels of one bit behind their length.
fn levels(levels: &[u8], body: &mut Vec<u8>) {
    let at = body.len();
    body.extend_from_slice(&[0; 4]);
    hybrid::write(levels, 1, body);
    let length = (body.len() - at - 4) as u32;
    body[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// The least and the largest value so far, as the type orders them.
enum Bounds {
    Bool(Option<(bool, bool)>),
    Int32(Option<(i32, i32)>),
    Int64(Option<(i64, i64)>),
    Double(Option<(f64, f64)>),
    /// Decimals: signed, most significant byte first.
    Fixed(usize, Option<(Vec<u8>, Vec<u8>)>),
    /// Text has none: its least and largest value are somebody's name.
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

    /// Widens them by values in PLAIN.
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
                widen(&mut within, plain.chunks_exact(*length), |a, b| signed(a, b));
                let both = within.into_iter().flat_map(|(min, max)| [min.to_vec(), max.to_vec()]);
                widen(bounds, both, |a, b| signed(a, b));
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
            // Zero of either sign is within: the format's rule.
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

/// Compares numbers in two's complement, most significant byte first.
fn signed(a: &[u8], b: &[u8]) -> Ordering {
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
            assert_eq!((signed(&a, &b), signed(&b, &a)), (Ordering::Less, Ordering::Greater));
            assert_eq!(signed(&a, &a), Ordering::Equal);
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
