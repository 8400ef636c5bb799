//! Follows the pages of a copied chunk while its bytes pass. A footer can declare a chunk shorter than
//! its pages are: writers before parquet-mr 1.2.9 left out the header of the dictionary page
//! (PARQUET-816), and readers that decode pages do not notice. A copy of that many bytes would lose the
//! end of the column.

use super::error::RewriteError;
use crate::thrift::{PageHeader, ThriftError};

/// By how many bytes a chunk can be longer than declared. Arrow C++ and parquet-java read as many bytes
/// more for such a file: no writer's dictionary header is longer (`kMaxDictHeaderSize` of
/// parquet/file_reader.cc).
pub(super) const MAX_UNDECLARED_BYTES: u64 = 100;

/// The largest page header that is accepted. Statistics in it can make a header large.
pub(super) const MAX_HEADER_BYTES: usize = 8 * 1024 * 1024;

/// The page types of parquet.thrift whose values count.
const DATA_PAGE: i64 = 0;
const DATA_PAGE_V2: i64 = 3;

/// Follows the pages of one chunk. Only headers are read: of a page's content, only the length counts.
pub(super) struct PageWalk {
    /// The values that the footer declares and that no page has had yet.
    remaining_values: u64,
    /// The bytes of the current page that have not passed.
    body: u64,
    /// The start of a header whose end has not passed.
    header: Vec<u8>,
}

impl PageWalk {
    /// For a chunk of this many values, including NULLs.
    pub(super) fn new(values: i64) -> Self {
        Self { remaining_values: values.unsigned_abs(), body: 0, header: Vec::new() }
    }

    /// Whether the last page has passed completely, and the pages have had all values. Bytes after that
    /// belong to no page, and are not examined.
    pub(super) fn is_complete(&self) -> bool {
        self.remaining_values == 0 && self.body == 0 && self.header.is_empty()
    }

    /// The bytes that must pass at least before the walk can be complete.
    pub(super) fn needs(&self) -> u64 {
        if self.is_complete() { 0 } else { self.body.max(1) }
    }

    /// Examines the next bytes of the chunk.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), RewriteError> {
        loop {
            let within = usize::try_from(self.body).map_or(bytes.len(), |it| it.min(bytes.len()));
            self.body -= within as u64;
            bytes = &bytes[within..];
            if bytes.is_empty() || self.is_complete() {
                return Ok(());
            }
            bytes = self.pass_header(bytes)?;
        }
    }

    /// Reads a header, or keeps its start. Returns the bytes after it.
    fn pass_header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], RewriteError> {
        let kept = self.header.len();
        if kept == 0 {
            return match PageHeader::read(bytes) {
                Ok((header, length)) => {
                    self.begin_page(&header)?;
                    Ok(&bytes[length..])
                }
                Err(ThriftError::Truncated) => {
                    self.header.extend_from_slice(bytes);
                    Ok(&[])
                }
                Err(ThriftError::Invalid) => Err(UNREADABLE),
            };
        }
        // As many bytes as there are already, so that a long header is not parsed many times.
        let more = bytes.len().min(kept.max(64));
        self.header.extend_from_slice(&bytes[..more]);
        match PageHeader::read(&self.header) {
            Ok((header, length)) => {
                self.header.clear();
                self.begin_page(&header)?;
                Ok(&bytes[length.saturating_sub(kept)..])
            }
            Err(ThriftError::Truncated) if self.header.len() < MAX_HEADER_BYTES => {
                Ok(&bytes[more..])
            }
            Err(_) => Err(UNREADABLE),
        }
    }

    fn begin_page(&mut self, header: &PageHeader) -> Result<(), RewriteError> {
        self.body = u64::try_from(header.compressed_bytes)
            .map_err(|_| RewriteError::Malformed("a size in a page header is negative"))?;
        if matches!(header.kind, DATA_PAGE | DATA_PAGE_V2) {
            let values = u64::try_from(header.values).map_err(|_| {
                RewriteError::Malformed("a page header has an impossible number of values")
            })?;
            self.remaining_values = self.remaining_values.saturating_sub(values);
        }
        Ok(())
    }
}

const UNREADABLE: RewriteError = RewriteError::Malformed("a page header cannot be read");

/// A page with this many values and bytes: type, sizes, and the header of a data page of version 1.
#[cfg(test)]
pub(super) fn page(values: u8, body: usize) -> Vec<u8> {
    let zigzag = |it: usize| u8::try_from(it * 2).expect("small");
    let size = zigzag(body);
    let mut page = vec![0x15, 0, 0x15, size, 0x15, size, 0x2c, 0x15, values * 2, 0x15, 0, 0];
    page.push(0);
    page.resize(page.len() + body, 0xff);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_ends_with_the_last_page_however_the_bytes_arrive() {
        let chunk = [page(3, 40), page(0, 0), page(4, 20)].concat();
        for step in 1..=chunk.len() {
            let mut walk = PageWalk::new(7);
            for (at, bytes) in chunk.chunks(step).enumerate() {
                assert!(!walk.is_complete(), "{step}");
                assert!(walk.needs() <= (chunk.len() - at * step) as u64, "{step}");
                walk.pass(bytes).expect("pages");
            }
            assert!(walk.is_complete(), "{step}");
            walk.pass(&[0xff; 10]).expect("bytes after the last page");
        }
    }

    #[test]
    fn a_walk_of_a_shorter_chunk_is_not_complete() {
        let chunk = [page(3, 40), page(4, 20)].concat();
        for length in 0..chunk.len() {
            let mut walk = PageWalk::new(7);
            walk.pass(&chunk[..length]).expect("pages");
            assert!(!walk.is_complete() && walk.needs() > 0, "{length}");
        }
        let mut walk = PageWalk::new(8);
        walk.pass(&chunk).expect("pages");
        assert!(!walk.is_complete(), "a value is missing");
        assert!(PageWalk::new(7).pass(&[0x1b; 40]).is_err(), "no page header");
    }

    /// Statistics in a header can be long, and a forged length must not fill the memory.
    #[test]
    fn a_header_without_an_end_is_refused() {
        let start = [0x15, 0, 0x15, 0, 0x15, 0, 0x2c, 0x15, 2, 0x15, 0, 0x15, 0, 0x15, 0];
        // A minimum of one GiB.
        let start = [&start[..], &[0x1c, 0x18, 0x80, 0x80, 0x80, 0x80, 0x04]].concat();
        let mut walk = PageWalk::new(1);
        walk.pass(&start).expect("the start of a header");
        let more = vec![0; 1 << 20];
        let refused = (0..10).position(|_| walk.pass(&more).is_err());
        assert_eq!(refused, Some(MAX_HEADER_BYTES / more.len() - 1));
    }
}
