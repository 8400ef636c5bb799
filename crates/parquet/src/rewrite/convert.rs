//! Converts text to values in PLAIN. A value that does not fit appends nothing.

use landbridge_core::rewrite::{Decimal, JsonElement, Misfit};

use super::text::{self, array_json, number};

/// Converts text to the values of a column.
pub(super) trait Convert {
    /// Appends the value in PLAIN, or appends nothing and returns the reason. The bytes may be
    /// placeholders until the next [`Self::flush`]; their number is final.
    fn convert(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit>;

    /// The change of the clock that affects the value that was converted last.
    #[inline]
    fn clock_change(&self) -> Option<ClockChange> {
        None
    }

    /// Fills in the placeholders of all values appended to `out` so far.
    fn flush(&mut self, _out: &mut [u8]) {}
}

impl<F: FnMut(&[u8], &mut Vec<u8>) -> Result<(), Misfit>> Convert for F {
    fn convert(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
        self(text, out)
    }
}

/// How a change of a zone's clock affects a local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockChange {
    /// The clock skips the time.
    Skipped,
    /// The clock shows the time twice.
    Repeated,
}

/// Appends a value of a fixed length.
pub(super) fn put<const N: usize>(bytes: [u8; N], out: &mut Vec<u8>) {
    out.extend_from_slice(&bytes);
}

/// Writes a converted value of a fixed length.
pub(super) fn stored<const N: usize>(bytes: [u8; N], out: &mut Vec<u8>) -> Result<(), Misfit> {
    put(bytes, out);
    Ok(())
}

/// A decimal of up to 18 digits, in 8 bytes.
pub(super) fn short_decimal(text: &[u8], of: Decimal, out: &mut Vec<u8>) -> Result<(), Misfit> {
    put(number::short_decimal(text, of)?.to_le_bytes(), out);
    Ok(())
}

/// A decimal of up to 38 digits in 16 bytes, or up to 76 in 32.
pub(super) fn long_decimal(text: &[u8], of: Decimal, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if of.precision <= 38 {
        put(number::decimal(text, of)?.to_be_bytes(), out);
    } else {
        put(number::wide_decimal(text, of)?, out);
    }
    Ok(())
}

/// A bit string as bytes, with a length prefix.
pub(super) fn bits(text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    let start = out.len();
    put(length(text.len().div_ceil(8))?, out);
    let result = text::bits(text, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Text, with a length prefix.
pub(super) fn utf8(text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    let text = text::utf8(text)?;
    put(length(text.len())?, out);
    out.extend_from_slice(text);
    Ok(())
}

/// An array as JSON text, with a length prefix. `scratch` is a buffer.
pub(super) fn array_as_json(
    text: &[u8],
    element: JsonElement,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    let start = out.len();
    put([0; 4], out);
    let result = array_json::array_as_json(text, element, scratch, out)
        .and_then(|()| length(out.len() - start - 4));
    match result {
        Ok(prefix) => {
            out[start..start + 4].copy_from_slice(&prefix);
            Ok(())
        }
        Err(misfit) => {
            out.truncate(start);
            Err(misfit)
        }
    }
}

fn length(bytes: usize) -> Result<[u8; 4], Misfit> {
    // No page is large enough for more bytes.
    u32::try_from(bytes).map(u32::to_le_bytes).map_err(|_| Misfit::OutOfRange)
}
