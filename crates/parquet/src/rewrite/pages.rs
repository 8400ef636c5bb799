//! The pages of one column chunk, one at a time, with what they may cost known beforehand.

use std::io::{self, Read};

use parquet::basic::CompressionCodec;

use super::error::RewriteError;
use super::thrift::{Bad, PageHeader};

/// What is read at once where pages are smaller.
const READ: usize = 256 * 1024;
/// A header beyond this is refused; statistics within can make one large.
const LARGEST_HEADER: usize = 8 * 1024 * 1024;

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The dictionary.
    Dictionary,
    /// A data page of version 1: levels and values compressed together.
    V1 { bit_packed_levels: bool },
    /// A data page of version 2: this many bytes of repetition and definition levels lie
    /// uncompressed before the values.
    V2 { repetition: usize, definition: usize },
}

/// A page's head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Values, NULLs among them.
    pub(super) values: usize,
    /// Parquet's number of the encoding.
    pub(super) encoding: i64,
}

/// Reads the pages of a chunk of `remaining` bytes.
pub(super) struct Pages<R> {
    input: R,
    remaining: u64,
    limit: usize,
    codec: CompressionCodec,
    buffer: Vec<u8>,
    /// The part of `buffer` that is read and not yet used.
    start: usize,
    end: usize,
    body: Vec<u8>,
    gzip: Option<libdeflater::Decompressor>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    /// Bytes of pages before and after decompression, so far.
    pub(super) read: u64,
    pub(super) inflated: u64,
}

impl<R: Read> Pages<R> {
    /// Pages of `length` bytes of `input`; none may be larger than `limit` bytes, compressed
    /// or not.
    pub(super) fn new(input: R, length: u64, codec: CompressionCodec, limit: usize) -> Self {
        Self {
            input,
            remaining: length,
            limit,
            codec,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            body: Vec::new(),
            gzip: None,
            zstd: None,
            read: 0,
            inflated: 0,
        }
    }

    /// Reads the next page; its bytes are in [`Self::body`] until the next call.
    pub(super) fn next(&mut self) -> Result<Option<Head>, RewriteError> {
        loop {
            if self.remaining == 0 && self.start == self.end {
                return Ok(None);
            }
            let header = self.header()?;
            let size = |value: i64| {
                let value = usize::try_from(value)
                    .map_err(|_| RewriteError::Page("a size is below zero"))?;
                if value > self.limit { Err(RewriteError::PageTooLarge) } else { Ok(value) }
            };
            let compressed = size(header.compressed)?;
            let uncompressed = size(header.uncompressed)?;
            let values = usize::try_from(header.values)
                .ok()
                .filter(|values| i32::try_from(*values).is_ok())
                .ok_or(RewriteError::Page("a number of values is impossible"))?;
            let kind = match header.kind {
                0 => match header.level_encoding {
                    3 => Kind::V1 { bit_packed_levels: false },
                    4 => Kind::V1 { bit_packed_levels: true },
                    _ => return Err(RewriteError::Page("levels have an unknown encoding")),
                },
                2 => Kind::Dictionary,
                3 => Kind::V2 {
                    repetition: size(header.repetition_length)?,
                    definition: size(header.definition_length)?,
                },
                // Index pages were never specified; there is nothing in them to read.
                _ => {
                    self.fill(compressed)?;
                    self.start += compressed;
                    continue;
                }
            };
            let plain = match kind {
                Kind::V2 { repetition, definition } => repetition + definition,
                _ => 0,
            };
            if plain > compressed || plain > uncompressed {
                return Err(RewriteError::Page("levels are longer than their page"));
            }
            self.fill(compressed)?;
            self.inflate(compressed, uncompressed, plain, header.stored)?;
            self.start += compressed;
            self.read += compressed as u64;
            self.inflated += uncompressed as u64;
            return Ok(Some(Head { kind, values, encoding: header.encoding }));
        }
    }

    /// The bytes of the page, decompressed.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    fn header(&mut self) -> Result<PageHeader, RewriteError> {
        let mut wanted = 64;
        loop {
            let available = (self.end - self.start) as u64 + self.remaining;
            let ready = usize::try_from(available).map_or(wanted, |all| all.min(wanted));
            self.fill(ready)?;
            match PageHeader::read(&self.buffer[self.start..self.end]) {
                Ok((header, length)) => {
                    self.start += length;
                    return Ok(header);
                }
                Err(Bad::Short) if (ready as u64) < available && wanted < LARGEST_HEADER => {
                    wanted = (self.end - self.start).max(wanted) * 2;
                }
                Err(_) => return Err(RewriteError::Page("a header cannot be read")),
            }
        }
    }

    /// Sees to it that `length` bytes are in the buffer.
    fn fill(&mut self, length: usize) -> Result<(), RewriteError> {
        let have = self.end - self.start;
        if have >= length {
            return Ok(());
        }
        if (length - have) as u64 > self.remaining {
            return Err(RewriteError::Page("a page goes beyond its column"));
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, have);
        let room = length.max(READ);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        while self.end < length {
            let most = usize::try_from(self.remaining)
                .map_or(room - self.end, |all| all.min(room - self.end));
            match self.input.read(&mut self.buffer[self.end..self.end + most]) {
                Ok(0) => return Err(RewriteError::Page("the file ends within a column")),
                Ok(count) => {
                    self.end += count;
                    self.remaining -= count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Fills the body with exactly `uncompressed` bytes, the first `plain` of them as they are.
    fn inflate(
        &mut self,
        compressed: usize,
        uncompressed: usize,
        plain: usize,
        stored: bool,
    ) -> Result<(), RewriteError> {
        let page = &self.buffer[self.start..self.start + compressed];
        let wrong = RewriteError::Page("a page has another size than its header says");
        if stored || self.codec == CompressionCodec::UNCOMPRESSED {
            if compressed != uncompressed {
                return Err(wrong);
            }
            self.body.clear();
            self.body.extend_from_slice(page);
            return Ok(());
        }
        // What the page before left is overwritten, or the page refused.
        self.body.resize(uncompressed, 0);
        let (levels, values) = page.split_at(plain);
        let (head, body) = self.body.split_at_mut(plain);
        head.copy_from_slice(levels);
        if body.is_empty() {
            return Ok(());
        }
        let length = match self.codec {
            CompressionCodec::GZIP => {
                gunzip(self.gzip.get_or_insert_with(Default::default), values, body)
            }
            CompressionCodec::SNAPPY => snap::raw::Decoder::new().decompress(values, body).ok(),
            CompressionCodec::ZSTD => {
                if self.zstd.is_none() {
                    self.zstd = zstd::bulk::Decompressor::new().ok();
                }
                self.zstd.as_mut().and_then(|zstd| zstd.decompress_to_buffer(values, body).ok())
            }
            CompressionCodec::LZ4_RAW => lz4_flex::block::decompress_into(values, body).ok(),
            CompressionCodec::LZ4 => lz4(values, body),
            _ => return Err(RewriteError::Codec),
        };
        match length {
            Some(length) if length == body.len() => Ok(()),
            _ => Err(wrong),
        }
    }
}

/// Inflates what has exactly the length of `body`, and refuses the rest.
fn gunzip(gzip: &mut libdeflater::Decompressor, values: &[u8], body: &mut [u8]) -> Option<usize> {
    // libdeflate inflates one member in one go, and passes over others behind it. A member ends
    // with the sum and the length of what is in it: where those are at the end of the page, the
    // member was all of it.
    if gzip.gzip_decompress(values, body).is_ok_and(|length| length == body.len()) {
        let end = [libdeflater::crc32(body), body.len() as u32].map(u32::to_le_bytes);
        if values.ends_with(end.as_flattened()) {
            return Some(body.len());
        }
    }
    let mut decoder = flate2::bufread::MultiGzDecoder::new(values);
    decoder.read_exact(body).ok()?;
    matches!(decoder.read(&mut [0]), Ok(0)).then_some(body.len())
}

/// The deprecated codec LZ4: Hadoop's blocks, or what other writers took it for.
fn lz4(values: &[u8], body: &mut [u8]) -> Option<usize> {
    hadoop(values, body)
        .or_else(|| {
            let mut decoder = lz4_flex::frame::FrameDecoder::new(values);
            decoder.read_exact(body).ok()?;
            matches!(decoder.read(&mut [0]), Ok(0)).then_some(body.len())
        })
        .or_else(|| lz4_flex::block::decompress_into(values, body).ok())
}

/// Blocks, each behind its length after and before compression, both big-endian.
fn hadoop(mut values: &[u8], body: &mut [u8]) -> Option<usize> {
    let mut done = 0_usize;
    while !values.is_empty() {
        let (after, rest) = values.split_first_chunk::<4>()?;
        let (before, rest) = rest.split_first_chunk::<4>()?;
        let (after, before) =
            (u32::from_be_bytes(*after) as usize, u32::from_be_bytes(*before) as usize);
        let (block, rest) = rest.split_at_checked(before)?;
        let place = body.get_mut(done..done.checked_add(after)?)?;
        if lz4_flex::block::decompress_into(block, place).ok()? != after {
            return None;
        }
        done += after;
        values = rest;
    }
    Some(done)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn gzip_inflates_to_exactly_the_length_or_not_at_all() {
        let member = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compressed")
        };
        let one = member(b"one page");
        let two = [member(b"one "), member(b"page")].concat();
        let uneven = [member(b"o"), member(b"ne page")].concat();
        let mut broken = one.clone();
        broken[12] ^= 1;
        let mut wrong_sum = one.clone();
        let sum = wrong_sum.len() - 8;
        wrong_sum[sum] ^= 1;
        let behind = [one.as_slice(), b"and more"].concat();
        let longer = [one.as_slice(), &member(b"!")].concat();
        for (values, length, fits) in [
            (one.as_slice(), 8, true),
            (&two, 8, true),
            (&uneven, 8, true),
            (&one, 7, false),
            (&one, 9, false),
            (&two, 4, false),
            (&broken, 8, false),
            (&wrong_sum, 8, false),
            (&behind, 8, false),
            (&longer, 8, false),
            (&one[..one.len() - 1], 8, false),
            (&[], 8, false),
        ] {
            let mut body = vec![0; length];
            let result = gunzip(&mut Default::default(), values, &mut body);
            assert_eq!(result, fits.then_some(length), "{values:?} {length}");
            assert!(!fits || body == b"one page");
        }
    }
}
