//! The values of one data page, as text, without copying where they lie in the page.

use std::io::Write;

use parquet::basic::Type;

use super::error::RewriteError;
use super::hybrid::{Delta, Hybrid};
use super::pages::{Head, Kind};

/// Rows that are handled at once: large enough to keep calls cheap, small enough for the cache.
pub(super) const BATCH: usize = 4096;

const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;
const DELTA_BINARY_PACKED: i64 = 5;
const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const DELTA_BYTE_ARRAY: i64 = 7;
const RLE_DICTIONARY: i64 = 8;

/// Made only when it is needed: it would be dropped at every value otherwise.
fn ends() -> RewriteError {
    RewriteError::Page("values end too early")
}

/// How values are stored: what of a column's type matters for reading it as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// Bytes with their length.
    Text,
    /// Four bytes, a signed number or not.
    Int32 { signed: bool },
    /// Eight bytes, a signed number or not.
    Int64 { signed: bool },
}

impl Stored {
    pub(super) fn physical(self) -> Type {
        match self {
            Self::Text => Type::BYTE_ARRAY,
            Self::Int32 { .. } => Type::INT32,
            Self::Int64 { .. } => Type::INT64,
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
    pub(super) fn read(head: Head, body: &[u8], stored: Stored) -> Result<Self, RewriteError> {
        if !matches!(head.encoding, PLAIN | PLAIN_DICTIONARY) {
            return Err(RewriteError::Encoding);
        }
        let mut dictionary = Self::default();
        let mut plain = body;
        let mut scratch = Vec::new();
        for _ in 0..head.values {
            let value = plain_value(&mut plain, stored, &mut scratch)?;
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

/// A page's definition levels and values.
pub(super) struct Levels<'a> {
    form: Form<'a>,
    /// Rows of the page that are still to come.
    pub(super) left: usize,
}

enum Form<'a> {
    /// The column has no NULLs.
    Absent,
    Hybrid(Hybrid<'a>),
    Bits {
        bytes: &'a [u8],
        at: usize,
    },
}

/// The values of a page that are not NULL.
pub(super) enum Values<'a> {
    Plain { bytes: &'a [u8], stored: Stored },
    Indices(Hybrid<'a>),
    Numbers { deltas: Delta<'a>, stored: Stored },
    Lengths { lengths: Delta<'a>, bytes: &'a [u8] },
    Prefixes { prefixes: Delta<'a>, lengths: Delta<'a>, bytes: &'a [u8], last: Vec<u8> },
}

/// Splits a data page's body.
pub(super) fn open(
    head: Head,
    body: &[u8],
    optional: bool,
    stored: Stored,
) -> Result<(Levels<'_>, Values<'_>), RewriteError> {
    let (form, values) = match head.kind {
        Kind::V2 { repetition, definition } => {
            let levels = body.get(repetition..repetition + definition).ok_or_else(ends)?;
            let values = &body[repetition + definition..];
            let form = if optional { Form::Hybrid(Hybrid::new(levels, 1)?) } else { Form::Absent };
            (form, values)
        }
        Kind::V1 { .. } if !optional => (Form::Absent, body),
        Kind::V1 { bit_packed_levels: true } => {
            let (bytes, values) =
                body.split_at_checked(head.values.div_ceil(8)).ok_or_else(ends)?;
            (Form::Bits { bytes, at: 0 }, values)
        }
        Kind::V1 { bit_packed_levels: false } => {
            let (length, rest) = body.split_first_chunk::<4>().ok_or_else(ends)?;
            let length = u32::from_le_bytes(*length) as usize;
            let (levels, values) = rest.split_at_checked(length).ok_or_else(ends)?;
            (Form::Hybrid(Hybrid::new(levels, 1)?), values)
        }
        Kind::Dictionary => return Err(RewriteError::Page("a second dictionary")),
    };
    let values = match (head.encoding, stored) {
        (PLAIN, _) => Values::Plain { bytes: values, stored },
        (PLAIN_DICTIONARY | RLE_DICTIONARY, _) => {
            // A page of NULLs only may hold nothing at all.
            let (width, rest) = values.split_first().unwrap_or((&0, &[]));
            Values::Indices(Hybrid::new(rest, u32::from(*width))?)
        }
        (DELTA_BINARY_PACKED, Stored::Int32 { .. } | Stored::Int64 { .. }) => {
            Values::Numbers { deltas: Delta::new(values)?, stored }
        }
        (DELTA_LENGTH_BYTE_ARRAY, Stored::Text) => {
            Values::Lengths { lengths: Delta::new(values)?, bytes: Delta::new(values)?.after()? }
        }
        (DELTA_BYTE_ARRAY, Stored::Text) => {
            let lengths = Delta::new(values)?.after()?;
            let bytes = Delta::new(lengths)?.after()?;
            Values::Prefixes {
                prefixes: Delta::new(values)?,
                lengths: Delta::new(lengths)?,
                bytes,
                last: Vec::new(),
            }
        }
        _ => return Err(RewriteError::Encoding),
    };
    Ok((Levels { form, left: head.values }, values))
}

impl Levels<'_> {
    /// The next levels, at most a batch: 1 where there is a value, 0 where there is NULL.
    pub(super) fn next<'b>(
        &mut self,
        batch: &'b mut [u32; BATCH],
    ) -> Result<&'b [u32], RewriteError> {
        let count = self.left.min(BATCH);
        let batch = &mut batch[..count];
        match &mut self.form {
            Form::Absent => batch.fill(1),
            Form::Hybrid(hybrid) => hybrid.read(batch)?,
            Form::Bits { bytes, at } => {
                Hybrid::bits_from_the_top(bytes, batch, *at)?;
                *at += count;
            }
        }
        self.left -= count;
        Ok(batch)
    }
}

impl Values<'_> {
    /// The next value as text; numbers are written into `scratch`. Not for indices.
    #[inline]
    pub(super) fn next<'b>(
        &'b mut self,
        scratch: &'b mut Vec<u8>,
    ) -> Result<&'b [u8], RewriteError> {
        match self {
            Self::Plain { bytes, stored } => plain_value(bytes, *stored, scratch),
            Self::Indices(_) => Err(RewriteError::Page("indices without a dictionary")),
            Self::Numbers { deltas, stored } => {
                let value = deltas.next()?;
                Ok(match stored {
                    Stored::Int32 { signed: true } => digits(scratch, value as i32),
                    Stored::Int32 { signed: false } => digits(scratch, value as u32),
                    Stored::Int64 { signed: false } => digits(scratch, value as u64),
                    _ => digits(scratch, value),
                })
            }
            Self::Lengths { lengths, bytes } => take(bytes, lengths.next()?),
            Self::Prefixes { prefixes, lengths, bytes, last } => {
                let prefix = usize::try_from(prefixes.next()?).map_err(|_| ends())?;
                let suffix = take(bytes, lengths.next()?)?;
                if prefix > last.len() {
                    return Err(RewriteError::Page("a value continues more than there is"));
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
    stored: Stored,
    scratch: &'b mut Vec<u8>,
) -> Result<&'b [u8], RewriteError> {
    match stored {
        Stored::Text => {
            let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(ends)?;
            let (value, rest) =
                rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(ends)?;
            *bytes = rest;
            Ok(value)
        }
        Stored::Int32 { signed } => {
            let (value, rest) = bytes.split_first_chunk::<4>().ok_or_else(ends)?;
            *bytes = rest;
            Ok(if signed {
                digits(scratch, i32::from_le_bytes(*value))
            } else {
                digits(scratch, u32::from_le_bytes(*value))
            })
        }
        Stored::Int64 { signed } => {
            let (value, rest) = bytes.split_first_chunk::<8>().ok_or_else(ends)?;
            *bytes = rest;
            Ok(if signed {
                digits(scratch, i64::from_le_bytes(*value))
            } else {
                digits(scratch, u64::from_le_bytes(*value))
            })
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
    let length = usize::try_from(length).map_err(|_| ends())?;
    let (value, rest) = bytes.split_at_checked(length).ok_or_else(ends)?;
    *bytes = rest;
    Ok(value)
}
