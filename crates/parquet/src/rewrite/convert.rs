//! From text to a value in PLAIN. What does not fit appends nothing.

use landbridge_core::rewrite::{Decimal, Misfit};

use super::text::{self, number};

/// Makes values of a column out of text.
pub(super) trait Convert {
    /// Appends the value in PLAIN; or nothing, and says why there is none. All of its bytes have
    /// their place at once, and are right after [`Self::settle`] at the latest.
    fn convert(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit>;

    /// Finishes all values that were appended to `out` so far.
    fn settle(&mut self, _out: &mut [u8]) {}
}

impl<F: FnMut(&[u8], &mut Vec<u8>) -> Result<(), Misfit>> Convert for F {
    fn convert(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
        self(text, out)
    }
}

/// Appends a value of a fixed length.
pub(super) fn put<const N: usize>(bytes: [u8; N], out: &mut Vec<u8>) {
    out.extend_from_slice(&bytes);
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

/// A bit string as bytes, behind their length.
pub(super) fn bits(text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    let start = out.len();
    put(length(text.len().div_ceil(8))?, out);
    let result = text::bits(text, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Text, behind its length.
pub(super) fn utf8(text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    let text = text::utf8(text)?;
    put(length(text.len())?, out);
    out.extend_from_slice(text);
    Ok(())
}

fn length(bytes: usize) -> Result<[u8; 4], Misfit> {
    // No page is large enough for more.
    u32::try_from(bytes).map(u32::to_le_bytes).map_err(|_| Misfit::OutOfRange)
}
