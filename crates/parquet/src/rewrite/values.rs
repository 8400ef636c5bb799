//! Reads the values of one data page as text, without copying them where the page contains text.

use std::io::Write;

use parquet::basic::Type;

use super::error::RewriteError;
use super::hybrid::{DeltaDecoder, HybridDecoder};
use super::pages::{PageInfo, PageKind};

/// Rows per batch: large enough to make calls cheap, small enough for the cache.
pub(super) const BATCH: usize = 4096;

const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;
const DELTA_BINARY_PACKED: i64 = 5;
const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const DELTA_BYTE_ARRAY: i64 = 7;
const RLE_DICTIONARY: i64 = 8;

/// The Julian day of 1970-01-01, counted from noon in astronomy and from midnight in Parquet files.
const JULIAN_DAY_OF_1970: i128 = 2_440_588;
const NANOS_OF_DAY: i128 = 86_400_000_000_000;

/// A function, so that the error is created only on failure and not dropped for every value.
pub(super) fn truncated() -> RewriteError {
    RewriteError::Malformed("the values of a page are truncated")
}

/// The stored type of a column, as far as reading it as text requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SourceType {
    /// Bytes with a length prefix.
    Text,
    /// A signed or unsigned number of four bytes.
    Int32 { signed: bool },
    /// A signed or unsigned number of eight bytes.
    Int64 { signed: bool },
    /// A time in twelve bytes: nanoseconds of the day, and the Julian day. Read as nanoseconds since
    /// 1970.
    Int96,
}

impl SourceType {
    /// The type of stored numbers, signed; `None` for types that are read in PLAIN only.
    pub(super) const fn of_physical(physical: Type) -> Option<Self> {
        match physical {
            Type::INT32 => Some(Self::Int32 { signed: true }),
            Type::INT64 => Some(Self::Int64 { signed: true }),
            Type::BYTE_ARRAY => Some(Self::Text),
            _ => None,
        }
    }

    pub(super) fn physical(self) -> Type {
        match self {
            Self::Text => Type::BYTE_ARRAY,
            Self::Int32 { .. } => Type::INT32,
            Self::Int64 { .. } => Type::INT64,
            Self::Int96 => Type::INT96,
        }
    }
}

/// The dictionary of a chunk.
#[derive(Default)]
pub(super) struct Dictionary {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Dictionary {
    /// Reads a dictionary page.
    pub(super) fn read(
        head: PageInfo,
        body: &[u8],
        source_type: SourceType,
    ) -> Result<Self, RewriteError> {
        if !matches!(head.encoding, PLAIN | PLAIN_DICTIONARY) {
            return Err(RewriteError::Encoding);
        }
        let mut dictionary = Self::default();
        let mut plain = body;
        let mut scratch = Vec::new();
        for _ in 0..head.values {
            let value = plain_value(&mut plain, source_type, &mut scratch)?;
            dictionary.bytes.extend_from_slice(value);
            let end =
                u32::try_from(dictionary.bytes.len()).map_err(|_| RewriteError::PageTooLarge)?;
            dictionary.ends.push(end);
        }
        Ok(dictionary)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.bytes.get(start..end)
    }
}

/// The definition levels of a page.
pub(super) struct Levels<'a> {
    encoding: LevelEncoding<'a>,
    /// The rows of the page that are not read yet.
    pub(super) remaining: usize,
}

enum LevelEncoding<'a> {
    /// The column has no NULLs.
    Absent,
    Hybrid(HybridDecoder<'a>),
    Bits {
        bytes: &'a [u8],
        at: usize,
    },
}

/// The values of a page that are not NULL.
pub(super) enum Values<'a> {
    Plain {
        bytes: &'a [u8],
        source_type: SourceType,
    },
    Indices(HybridDecoder<'a>),
    Numbers {
        deltas: DeltaDecoder<'a>,
        source_type: SourceType,
    },
    Lengths {
        lengths: DeltaDecoder<'a>,
        bytes: &'a [u8],
    },
    Prefixes {
        prefixes: DeltaDecoder<'a>,
        lengths: DeltaDecoder<'a>,
        bytes: &'a [u8],
        last: Vec<u8>,
    },
}

/// Splits the body of a data page into levels and values.
pub(super) fn read_page(
    head: PageInfo,
    body: &[u8],
    optional: bool,
    source_type: SourceType,
) -> Result<(Levels<'_>, Values<'_>), RewriteError> {
    let (encoding, values) = match head.kind {
        PageKind::V2 { repetition, definition } => {
            let levels = body.get(repetition..repetition + definition).ok_or_else(truncated)?;
            let values = &body[repetition + definition..];
            let encoding = if optional {
                LevelEncoding::Hybrid(HybridDecoder::new(levels, 1)?)
            } else {
                LevelEncoding::Absent
            };
            (encoding, values)
        }
        PageKind::V1 { .. } if !optional => (LevelEncoding::Absent, body),
        PageKind::V1 { bit_packed_levels: true } => {
            let (bytes, values) =
                body.split_at_checked(head.values.div_ceil(8)).ok_or_else(truncated)?;
            (LevelEncoding::Bits { bytes, at: 0 }, values)
        }
        PageKind::V1 { bit_packed_levels: false } => {
            let (length, rest) = body.split_first_chunk::<4>().ok_or_else(truncated)?;
            let length = u32::from_le_bytes(*length) as usize;
            let (levels, values) = rest.split_at_checked(length).ok_or_else(truncated)?;
            (LevelEncoding::Hybrid(HybridDecoder::new(levels, 1)?), values)
        }
        PageKind::Dictionary => {
            return Err(RewriteError::Malformed("a column chunk has a second dictionary"));
        }
    };
    let values = match (head.encoding, source_type) {
        (PLAIN, _) => Values::Plain { bytes: values, source_type },
        (PLAIN_DICTIONARY | RLE_DICTIONARY, _) => {
            // A page that contains only NULLs may have no bytes here.
            let (width, rest) = values.split_first().unwrap_or((&0, &[]));
            Values::Indices(HybridDecoder::new(rest, u32::from(*width))?)
        }
        (DELTA_BINARY_PACKED, SourceType::Int32 { .. } | SourceType::Int64 { .. }) => {
            Values::Numbers { deltas: DeltaDecoder::new(values)?, source_type }
        }
        (DELTA_LENGTH_BYTE_ARRAY, SourceType::Text) => Values::Lengths {
            lengths: DeltaDecoder::new(values)?,
            bytes: DeltaDecoder::new(values)?.rest()?,
        },
        (DELTA_BYTE_ARRAY, SourceType::Text) => {
            let lengths = DeltaDecoder::new(values)?.rest()?;
            let bytes = DeltaDecoder::new(lengths)?.rest()?;
            Values::Prefixes {
                prefixes: DeltaDecoder::new(values)?,
                lengths: DeltaDecoder::new(lengths)?,
                bytes,
                last: Vec::new(),
            }
        }
        _ => return Err(RewriteError::Encoding),
    };
    Ok((Levels { encoding, remaining: head.values }, values))
}

impl Levels<'_> {
    /// The next levels, at most [`BATCH`]: 1 for a value, 0 for NULL.
    pub(super) fn next<'b>(
        &mut self,
        batch: &'b mut [u32; BATCH],
    ) -> Result<&'b [u32], RewriteError> {
        let count = self.remaining.min(BATCH);
        let batch = &mut batch[..count];
        match &mut self.encoding {
            LevelEncoding::Absent => batch.fill(1),
            LevelEncoding::Hybrid(hybrid) => hybrid.read(batch)?,
            LevelEncoding::Bits { bytes, at } => {
                HybridDecoder::read_msb_first(bytes, batch, *at)?;
                *at += count;
            }
        }
        self.remaining -= count;
        Ok(batch)
    }
}

impl Values<'_> {
    /// The next value as text; numbers are formatted into `scratch`. Not for indices.
    #[inline]
    pub(super) fn next<'b>(
        &'b mut self,
        scratch: &'b mut Vec<u8>,
    ) -> Result<&'b [u8], RewriteError> {
        match self {
            Self::Plain { bytes, source_type } => plain_value(bytes, *source_type, scratch),
            Self::Indices(_) => Err(RewriteError::Malformed("indices without a dictionary")),
            Self::Numbers { deltas, source_type } => {
                let value = deltas.next()?;
                Ok(match source_type {
                    SourceType::Int32 { signed: true } => digits(scratch, value as i32),
                    SourceType::Int32 { signed: false } => digits(scratch, value as u32),
                    SourceType::Int64 { signed: false } => digits(scratch, value as u64),
                    _ => digits(scratch, value),
                })
            }
            Self::Lengths { lengths, bytes } => take(bytes, lengths.next()?),
            Self::Prefixes { prefixes, lengths, bytes, last } => {
                let prefix = usize::try_from(prefixes.next()?).map_err(|_| truncated())?;
                let suffix = take(bytes, lengths.next()?)?;
                if prefix > last.len() {
                    return Err(RewriteError::Malformed(
                        "the prefix of a value is longer than the previous value",
                    ));
                }
                last.truncate(prefix);
                last.extend_from_slice(suffix);
                Ok(last)
            }
        }
    }
}

#[inline]
fn plain_value<'a: 'b, 'b>(
    bytes: &mut &'a [u8],
    source_type: SourceType,
    scratch: &'b mut Vec<u8>,
) -> Result<&'b [u8], RewriteError> {
    match source_type {
        SourceType::Text => {
            let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(truncated)?;
            let (value, rest) = rest
                .split_at_checked(u32::from_le_bytes(*length) as usize)
                .ok_or_else(truncated)?;
            *bytes = rest;
            Ok(value)
        }
        SourceType::Int32 { signed } => {
            let (value, rest) = bytes.split_first_chunk::<4>().ok_or_else(truncated)?;
            *bytes = rest;
            Ok(if signed {
                digits(scratch, i32::from_le_bytes(*value))
            } else {
                digits(scratch, u32::from_le_bytes(*value))
            })
        }
        SourceType::Int64 { signed } => {
            let (value, rest) = bytes.split_first_chunk::<8>().ok_or_else(truncated)?;
            *bytes = rest;
            Ok(if signed {
                digits(scratch, i64::from_le_bytes(*value))
            } else {
                digits(scratch, u64::from_le_bytes(*value))
            })
        }
        SourceType::Int96 => {
            let (of_day, rest) = bytes.split_first_chunk::<8>().ok_or_else(truncated)?;
            let (day, rest) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
            *bytes = rest;
            let day = i128::from(i32::from_le_bytes(*day)) - JULIAN_DAY_OF_1970;
            let nanos = day * NANOS_OF_DAY + i128::from(i64::from_le_bytes(*of_day));
            Ok(digits(scratch, nanos))
        }
    }
}

fn digits(scratch: &mut Vec<u8>, value: impl std::fmt::Display) -> &[u8] {
    scratch.clear();
    // Writing into a vector cannot fail.
    let _ = write!(scratch, "{value}");
    scratch
}

fn take<'a>(bytes: &mut &'a [u8], length: i64) -> Result<&'a [u8], RewriteError> {
    let length = usize::try_from(length).map_err(|_| truncated())?;
    let (value, rest) = bytes.split_at_checked(length).ok_or_else(truncated)?;
    *bytes = rest;
    Ok(value)
}
