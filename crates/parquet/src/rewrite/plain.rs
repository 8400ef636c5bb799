//! Numbers of a fixed width in PLAIN, from pages of a chunk that has a dictionary.

use parquet::basic::Type;
use parquet::schema::types::ColumnDescriptor;

use super::error::RewriteError;
use super::pages::{PageInfo, PageKind};
use super::values::{self, BATCH, SourceType, Values};

/// Encodings, as Parquet numbers them.
const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;

/// The dictionary of a chunk of numbers.
pub(super) struct PlainPages {
    width: usize,
    optional: bool,
    dictionary: Vec<u8>,
}

impl PlainPages {
    /// `None` for a column that is nested or has values of different lengths, and for a malformed dictionary.
    pub(super) fn new(info: PageInfo, body: &[u8], column: &ColumnDescriptor) -> Option<Self> {
        let width = match column.physical_type() {
            Type::INT32 | Type::FLOAT => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(column.type_length()).ok()?,
            Type::BOOLEAN | Type::INT96 | Type::BYTE_ARRAY => return None,
        };
        let is_flat = column.max_rep_level() == 0 && column.max_def_level() <= 1;
        let is_plain = matches!(info.encoding, PLAIN | PLAIN_DICTIONARY);
        let is_complete = width > 0 && info.values.checked_mul(width) == Some(body.len());
        (is_flat && is_plain && is_complete).then(|| Self {
            width,
            optional: column.max_def_level() == 1,
            dictionary: body.to_vec(),
        })
    }

    /// The content of a data page with numbers in place of indices; `None` if it has none.
    pub(super) fn page(
        &self,
        info: PageInfo,
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, RewriteError> {
        let read = values::read_page(info, body, self.optional, SourceType::Int64 { signed: true });
        let (mut levels, Values::Indices(mut indices)) = read? else { return Ok(None) };
        let mut page =
            body.get(..self.level_bytes(info, body)).ok_or_else(values::truncated)?.to_vec();
        let (mut levels_buffer, mut buffer) = ([0; BATCH], [0_u32; BATCH]);
        while levels.remaining > 0 {
            let batch = levels.next(&mut levels_buffer)?;
            let present = batch.iter().filter(|level| **level != 0).count();
            indices.read(&mut buffer[..present])?;
            for index in &buffer[..present] {
                let start = (*index as usize).saturating_mul(self.width);
                let number = self
                    .dictionary
                    .get(start..start.saturating_add(self.width))
                    .ok_or(RewriteError::Malformed("an index is outside of the dictionary"))?;
                page.extend_from_slice(number);
            }
        }
        Ok(Some(page))
    }

    /// The bytes of levels at the start of a page.
    fn level_bytes(&self, info: PageInfo, body: &[u8]) -> usize {
        match info.kind {
            PageKind::V2 { repetition, definition } => repetition + definition,
            _ if !self.optional => 0,
            PageKind::V1 { bit_packed_levels: true } => info.values.div_ceil(8),
            _ => {
                let length = body.first_chunk::<4>().copied().unwrap_or_default();
                4 + u32::from_le_bytes(length) as usize
            }
        }
    }
}
