//! Reads the pages of one column chunk, one at a time. Sizes are checked before memory is allocated.

use std::io::{self, Read};

use parquet::basic::CompressionCodec;

use super::error::RewriteError;
use super::walk::MAX_HEADER_BYTES;
use crate::thrift::{PageHeader, ThriftError};

/// The minimum size of one read, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// The kind of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    /// The dictionary.
    Dictionary,
    /// A data page of version 1: levels and values are compressed together.
    V1 { bit_packed_levels: bool },
    /// A data page of version 2: this many bytes of repetition and definition levels, which are not
    /// compressed, precede the values.
    V2 { repetition: usize, definition: usize },
}

/// The properties of a page from its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageInfo {
    pub(super) kind: PageKind,
    /// The number of values, including NULLs.
    pub(super) values: usize,
    /// The encoding, as Parquet numbers it.
    pub(super) encoding: i64,
}

/// A page whose bytes are in the buffer, not decompressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredPage {
    pub(super) info: PageInfo,
    /// The size of its content after decompression, with levels.
    pub(super) uncompressed: usize,
    /// The checksum of its bytes, if its header has one.
    pub(super) checksum: Option<u32>,
    /// The bytes of levels that are not compressed.
    level_bytes: usize,
    /// Whether its values are not compressed although the chunk has a codec.
    is_stored: bool,
}

impl StoredPage {
    /// The bytes of levels that are not compressed, before its values.
    pub(super) fn level_bytes(&self) -> usize {
        self.level_bytes
    }
}

/// Reads the pages of a chunk.
pub(super) struct PageReader<R> {
    input: R,
    remaining: u64,
    /// Bytes after the declared end of the chunk that its last page can need.
    undeclared: u64,
    limit: usize,
    codec: CompressionCodec,
    buffer: Vec<u8>,
    /// The part of `buffer` that is filled and not yet consumed.
    start: usize,
    end: usize,
    /// The size of the current page, which begins at `start`.
    current: usize,
    /// The bytes of its header.
    header: Vec<u8>,
    body: Vec<u8>,
    gzip: Option<libdeflater::Decompressor>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    /// Bytes of the pages so far, before and after decompression.
    pub(super) bytes_read: u64,
    pub(super) bytes_inflated: u64,
}

impl<R: Read> PageReader<R> {
    /// Reads the pages in the first `length` bytes of `input`; the last page can need `undeclared` bytes
    /// more (see [`walk`](super::walk)). No page may be larger than `limit` bytes, compressed or
    /// uncompressed.
    pub(super) fn new(
        input: R,
        length: u64,
        undeclared: u64,
        codec: CompressionCodec,
        limit: usize,
    ) -> Self {
        Self {
            input,
            remaining: length,
            undeclared,
            limit,
            codec,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            current: 0,
            header: Vec::new(),
            body: Vec::new(),
            gzip: None,
            zstd: None,
            bytes_read: 0,
            bytes_inflated: 0,
        }
    }

    /// The largest page that is accepted, in bytes.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Reads the bytes of the chunk behind the last page, and examines none of them.
    pub(super) fn skip_rest(&mut self) -> Result<(), RewriteError> {
        let mut rest = (&mut self.input).take(self.remaining);
        io::copy(&mut rest, &mut io::sink())?;
        self.restart(0);
        Ok(())
    }

    pub(super) fn input_mut(&mut self) -> &mut R {
        &mut self.input
    }

    /// Goes on with the next `length` bytes of the input, which are complete pages.
    pub(super) fn restart(&mut self, length: u64) {
        (self.remaining, self.undeclared) = (length, 0);
        (self.start, self.end, self.current) = (0, 0, 0);
    }

    /// Frees the buffers. The pages that were read are lost.
    pub(super) fn release(&mut self) {
        (self.buffer, self.header, self.body) = (Vec::new(), Vec::new(), Vec::new());
        (self.gzip, self.zstd) = (None, None);
        self.restart(0);
    }

    /// Reads the next page and decompresses it. [`Self::body`] contains its bytes until the next call.
    pub(super) fn next(&mut self) -> Result<Option<PageInfo>, RewriteError> {
        let Some(page) = self.next_stored()? else { return Ok(None) };
        self.decompress(&page)?;
        Ok(Some(page.info))
    }

    /// Reads the next page. [`Self::stored`] and [`Self::header`] contain its bytes until the next call.
    pub(super) fn next_stored(&mut self) -> Result<Option<StoredPage>, RewriteError> {
        loop {
            self.start += std::mem::take(&mut self.current);
            if self.remaining == 0 && self.start == self.end {
                return Ok(None);
            }
            let header = self.read_header()?;
            let size = |value: i64| {
                let value = usize::try_from(value)
                    .map_err(|_| RewriteError::Malformed("a size in a page header is negative"))?;
                if value > self.limit { Err(RewriteError::PageTooLarge) } else { Ok(value) }
            };
            let compressed = size(header.compressed_bytes)?;
            let uncompressed = size(header.uncompressed_bytes)?;
            let values = usize::try_from(header.values)
                .ok()
                .filter(|values| i32::try_from(*values).is_ok())
                .ok_or(RewriteError::Malformed(
                    "a page header has an impossible number of values",
                ))?;
            let kind = match header.kind {
                0 => match header.level_encoding {
                    3 => PageKind::V1 { bit_packed_levels: false },
                    4 => PageKind::V1 { bit_packed_levels: true },
                    _ => return Err(RewriteError::Malformed("levels have an unknown encoding")),
                },
                2 => PageKind::Dictionary,
                3 => PageKind::V2 {
                    repetition: size(header.repetition_length)?,
                    definition: size(header.definition_length)?,
                },
                // Index pages were never specified, so there is nothing to read in them.
                _ => {
                    self.fill(compressed)?;
                    self.current = compressed;
                    continue;
                }
            };
            let level_bytes = match kind {
                PageKind::V2 { repetition, definition } => repetition + definition,
                _ => 0,
            };
            if level_bytes > compressed || level_bytes > uncompressed {
                return Err(RewriteError::Malformed("levels are longer than their page"));
            }
            self.fill(compressed)?;
            self.current = compressed;
            self.bytes_read += compressed as u64;
            let info = PageInfo { kind, values, encoding: header.encoding };
            return Ok(Some(StoredPage {
                info,
                uncompressed,
                checksum: header.checksum,
                level_bytes,
                is_stored: header.uncompressed_values,
            }));
        }
    }

    /// The bytes of the current page, without its header.
    pub(super) fn stored(&self) -> &[u8] {
        &self.buffer[self.start..self.start + self.current]
    }

    /// The header of the current page.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// The bytes of the page that was decompressed last.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    fn read_header(&mut self) -> Result<PageHeader, RewriteError> {
        let mut wanted = 64;
        loop {
            let available = (self.end - self.start) as u64 + self.remaining;
            let ready = usize::try_from(available).map_or(wanted, |all| all.min(wanted));
            self.fill(ready)?;
            match PageHeader::read(&self.buffer[self.start..self.end]) {
                Ok((header, length)) => {
                    self.header.clear();
                    self.header.extend_from_slice(&self.buffer[self.start..self.start + length]);
                    self.start += length;
                    return Ok(header);
                }
                Err(ThriftError::Truncated)
                    if (ready as u64) < available && wanted < MAX_HEADER_BYTES =>
                {
                    wanted = (self.end - self.start).max(wanted) * 2;
                }
                // The declared end is within the header.
                Err(ThriftError::Truncated) if ready > 0 && self.undeclared > 0 => {
                    self.fill(ready + 1)?;
                }
                Err(_) => return Err(RewriteError::Malformed("a page header cannot be read")),
            }
        }
    }

    /// Reads until `length` unconsumed bytes are in the buffer.
    fn fill(&mut self, length: usize) -> Result<(), RewriteError> {
        let have = self.end - self.start;
        if have >= length {
            return Ok(());
        }
        let beyond = ((length - have) as u64).saturating_sub(self.remaining);
        if beyond > self.undeclared {
            return Err(RewriteError::Malformed("a page goes beyond its column"));
        }
        self.undeclared -= beyond;
        self.remaining += beyond;
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, have);
        let room = length.max(READ_BYTES);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        while self.end < length {
            let most = usize::try_from(self.remaining)
                .map_or(room - self.end, |all| all.min(room - self.end));
            match self.input.read(&mut self.buffer[self.end..self.end + most]) {
                Ok(0) => return Err(RewriteError::Malformed("the file ends within a column")),
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

    /// Fills the body with exactly the bytes of the current page: its levels, if they are not compressed,
    /// and what is decompressed.
    pub(super) fn decompress(&mut self, page: &StoredPage) -> Result<(), RewriteError> {
        let StoredPage { uncompressed, level_bytes, is_stored, .. } = *page;
        self.bytes_inflated += uncompressed as u64;
        let page = &self.buffer[self.start..self.start + self.current];
        let wrong = RewriteError::Malformed("a page has another size than its header declares");
        if is_stored || self.codec == CompressionCodec::UNCOMPRESSED {
            if page.len() != uncompressed {
                return Err(wrong);
            }
            self.body.clear();
            self.body.extend_from_slice(page);
            return Ok(());
        }
        // The content of the previous page is overwritten, or the page is refused.
        self.body.resize(uncompressed, 0);
        let (levels, values) = page.split_at(level_bytes);
        let (head, body) = self.body.split_at_mut(level_bytes);
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

/// Decompresses `values` if the result has exactly the length of `body`.
fn gunzip(gzip: &mut libdeflater::Decompressor, values: &[u8], body: &mut [u8]) -> Option<usize> {
    // libdeflate decompresses one member and ignores further ones. A member ends with the checksum and
    // the length of its content: if the page ends with them, the member is the whole page.
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

/// The deprecated codec LZ4: Hadoop's blocks, or the frame or block format that other writers use.
fn lz4(values: &[u8], body: &mut [u8]) -> Option<usize> {
    lz4_hadoop(values, body)
        .or_else(|| {
            let mut decoder = lz4_flex::frame::FrameDecoder::new(values);
            decoder.read_exact(body).ok()?;
            matches!(decoder.read(&mut [0]), Ok(0)).then_some(body.len())
        })
        .or_else(|| lz4_flex::block::decompress_into(values, body).ok())
}

/// Hadoop's blocks. Each follows its uncompressed and compressed length, both big-endian.
fn lz4_hadoop(mut values: &[u8], body: &mut [u8]) -> Option<usize> {
    let mut done = 0_usize;
    while !values.is_empty() {
        let (uncompressed, rest) = values.split_first_chunk::<4>()?;
        let (compressed, rest) = rest.split_first_chunk::<4>()?;
        let uncompressed = u32::from_be_bytes(*uncompressed) as usize;
        let compressed = u32::from_be_bytes(*compressed) as usize;
        let (block, rest) = rest.split_at_checked(compressed)?;
        let out = body.get_mut(done..done.checked_add(uncompressed)?)?;
        if lz4_flex::block::decompress_into(block, out).ok()? != uncompressed {
            return None;
        }
        done += uncompressed;
        values = rest;
    }
    Some(done)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn gzip_fills_the_buffer_exactly_or_fails() {
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
