//! Decodes the pages of a chunk that is copied, to compute its figures. The copy goes on whatever is
//! found: a chunk that cannot be decoded has no figures.

use std::io::Cursor;
use std::ops::Range;

use landbridge_core::proof::ColumnProof;
use parquet::file::reader::ChunkReader;
use sha2::{Digest, Sha256};

use super::super::error::RewriteError;
use super::super::hybrid::HybridDecoder;
use super::super::input::Input;
use super::super::pages::{PageInfo, PageKind, PageReader};
use super::super::values::{self, BATCH, SourceType, Values};
use super::super::walk::MAX_HEADER_BYTES;
use super::chunk::ChunkProof;
use super::content::ChunkDigest;
use super::leaf::next_value;
use crate::thrift::{PageHeader, ThriftError};

/// The largest page of a copied column that is decoded for its figures, in bytes. Writers make pages of
/// 1 MiB. A column with a larger one has no figures. Four buffers of this size are in memory at most.
const MAX_PAGE_BYTES: usize = 2 << 20;

/// Encodings, as Parquet numbers them.
const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;
const RLE: i64 = 3;

/// A chunk whose bytes arrive in pieces.
pub(in super::super) struct KeptProof {
    /// `None` as soon as the chunk cannot be decoded, and after its end.
    proof: Option<ChunkProof>,
    /// The figures, after the end of the chunk.
    figures: Option<ColumnProof>,
    /// The digest of the bytes so far, if it is needed.
    digest: Option<Sha256>,
    reader: PageReader<Cursor<Vec<u8>>>,
    /// Bytes that are not yet a complete page.
    pending: Vec<u8>,
    limit: usize,
    source_type: SourceType,
    optional: bool,
    rows: u64,
    passed_rows: u64,
}

impl KeptProof {
    /// For a chunk that is copied; `None` if neither figures nor a digest are needed. `proof` has the figures of no
    /// value; without it, nothing is decoded.
    pub(in super::super) fn new<R: ChunkReader>(
        input: &Input<'_, R>,
        group: usize,
        leaf: usize,
        proof: Option<ChunkProof>,
        needs_digest: bool,
    ) -> Result<Option<Box<Self>>, RewriteError> {
        if proof.is_none() && !needs_digest {
            return Ok(None);
        }
        let chunk = input.chunk(group, leaf)?;
        let limit = input.page_limit.min(MAX_PAGE_BYTES);
        let codec = chunk.compression_codec();
        Ok(Some(Box::new(Self {
            proof: proof.filter(|proof| !proof.is_list()),
            figures: None,
            digest: needs_digest.then(Sha256::new),
            reader: PageReader::new(Cursor::default(), 0, 0, codec, limit),
            pending: Vec::new(),
            limit,
            // The type matters only for encodings that have no values of another type.
            source_type: SourceType::of_physical(chunk.column_type()).unwrap_or(SourceType::Text),
            optional: chunk.column_descr().max_def_level() > 0,
            rows: input.rows(group)? as u64,
            passed_rows: 0,
        })))
    }

    /// The next bytes of the chunk.
    pub(in super::super) fn pass(&mut self, bytes: &[u8]) {
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        if self.proof.is_some() && self.add(bytes).is_err() {
            self.proof = None;
            self.end();
        }
    }

    /// The chunk has ended. Its buffers are freed, because many chunks of a row group are copied at once.
    pub(in super::super) fn end(&mut self) {
        let complete = self.pending.is_empty() && self.passed_rows == self.rows;
        if let Some(proof) = self.proof.take().filter(|_| complete) {
            self.figures = proof.finish();
        }
        self.pending = Vec::new();
        self.reader.release();
        *self.reader.input_mut() = Cursor::default();
    }

    /// The figures, `None` if the chunk was not decoded or could not be; and the digest of its bytes.
    pub(in super::super) fn finish(mut self) -> (Option<ColumnProof>, Option<ChunkDigest>) {
        self.end();
        (self.figures, self.digest.map(|it| it.finalize().into()))
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), RewriteError> {
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        while at < self.pending.len() {
            let rest = &self.pending[at..];
            let length = match PageHeader::read(rest) {
                Ok((header, length)) => {
                    let body = usize::try_from(header.compressed_bytes)
                        .ok()
                        .filter(|body| *body <= self.limit)
                        .ok_or(RewriteError::PageTooLarge)?;
                    length + body
                }
                Err(ThriftError::Truncated) if rest.len() < MAX_HEADER_BYTES => break,
                Err(_) => return Err(RewriteError::Malformed("a page header cannot be read")),
            };
            if length > rest.len() {
                break;
            }
            self.add_page(at..at + length)?;
            at += length;
        }
        self.pending.drain(..at);
        Ok(())
    }

    /// Decodes one page of the pending bytes, with its header.
    fn add_page(&mut self, page: Range<usize>) -> Result<(), RewriteError> {
        let length = page.len() as u64;
        let bytes = self.reader.input_mut().get_mut();
        bytes.clear();
        bytes.extend_from_slice(&self.pending[page]);
        self.reader.input_mut().set_position(0);
        self.reader.restart(length);
        // An index page has no content.
        let Some(info) = self.reader.next()? else { return Ok(()) };
        let Some(proof) = &mut self.proof else { return Ok(()) };
        if info.kind == PageKind::Dictionary {
            if !matches!(info.encoding, PLAIN | PLAIN_DICTIONARY) {
                return Err(RewriteError::Encoding);
            }
            proof.set_dictionary(self.reader.body());
            return Ok(());
        }
        self.passed_rows += info.values as u64;
        add_values(proof, info, self.reader.body(), self.source_type, self.optional)
    }
}

/// Adds the values of a data page.
fn add_values(
    proof: &mut ChunkProof,
    info: PageInfo,
    body: &[u8],
    source_type: SourceType,
    optional: bool,
) -> Result<(), RewriteError> {
    // Booleans in RLE have no values of another type, so they are read as PLAIN and decoded here.
    let is_run = proof.is_boolean() && info.encoding == RLE;
    let read_as = PageInfo { encoding: if is_run { PLAIN } else { info.encoding }, ..info };
    let (mut levels, mut values) = values::read_page(read_as, body, optional, source_type)?;
    let mut levels_buffer = [0; BATCH];
    let mut booleans = match (&values, proof.is_boolean()) {
        (Values::Plain { bytes, .. }, true) => Some(Booleans::new(bytes, is_run)?),
        _ => None,
    };
    let mut scratch = Vec::new();
    while levels.remaining > 0 {
        let batch = levels.next(&mut levels_buffer)?;
        let present = batch.iter().filter(|level| **level != 0).count();
        match &mut booleans {
            Some(booleans) => booleans.add(present, proof)?,
            None => add_batch(proof, &mut values, present, &mut scratch)?,
        }
        proof.end_batch(batch.iter().map(|level| *level != 0));
    }
    Ok(())
}

/// Adds the next `present` values of a page.
fn add_batch(
    proof: &mut ChunkProof,
    values: &mut Values<'_>,
    present: usize,
    scratch: &mut Vec<u8>,
) -> Result<(), RewriteError> {
    match (values, proof.width()) {
        (Values::Indices(decoder), _) => {
            let mut indices = [0; BATCH];
            decoder.read(&mut indices[..present])?;
            proof.add_indices(&indices[..present]);
        }
        (Values::Plain { bytes, .. }, Some(width)) => {
            let (now, rest) = width
                .checked_mul(present)
                .and_then(|length| bytes.split_at_checked(length))
                .ok_or_else(values::truncated)?;
            *bytes = rest;
            proof.add_plain(now);
        }
        (Values::Plain { bytes, .. }, None) => {
            for _ in 0..present {
                proof.add_value(next_value(bytes, None).ok_or_else(values::truncated)?);
            }
        }
        (Values::Numbers { deltas, .. }, width) => {
            let width = width.unwrap_or(8);
            scratch.clear();
            for _ in 0..present {
                let bytes = deltas.next()?.to_le_bytes();
                scratch.extend_from_slice(bytes.get(..width).ok_or_else(values::truncated)?);
            }
            proof.add_plain(scratch);
        }
        (text, _) => {
            for _ in 0..present {
                proof.add_value(text.next(scratch)?);
            }
        }
    }
    Ok(())
}

/// Booleans, packed or in runs.
enum Booleans<'a> {
    Packed { bytes: &'a [u8], at: usize },
    Runs(HybridDecoder<'a>),
}

impl<'a> Booleans<'a> {
    fn new(bytes: &'a [u8], is_run: bool) -> Result<Self, RewriteError> {
        if !is_run {
            return Ok(Self::Packed { bytes, at: 0 });
        }
        // Runs of values have a length prefix, as levels of version 1 have.
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(values::truncated)?;
        let runs = rest.get(..u32::from_le_bytes(*length) as usize);
        Ok(Self::Runs(HybridDecoder::new(runs.ok_or_else(values::truncated)?, 1)?))
    }

    fn add(&mut self, count: usize, proof: &mut ChunkProof) -> Result<(), RewriteError> {
        let mut values = [0; BATCH];
        let values = &mut values[..count];
        match self {
            Self::Packed { bytes, at } => {
                for value in values.iter_mut() {
                    let byte = bytes.get(*at / 8).ok_or_else(values::truncated)?;
                    *value = byte >> (*at % 8) & 1;
                    *at += 1;
                }
            }
            Self::Runs(runs) => {
                let mut batch = [0; BATCH];
                runs.read(&mut batch[..count])?;
                for (value, level) in values.iter_mut().zip(batch) {
                    *value = u8::from(level != 0);
                }
            }
        }
        proof.add_plain(values);
        Ok(())
    }
}
