//! The values and levels of a data page that is being filled.

/// A page is full when its values have this many bytes. BigQuery's documentation calls 1 MiB the usual
/// size.
const MAX_PAGE_BYTES: usize = 1024 * 1024;
/// A page is also full when it has this many rows, including NULLs.
const MAX_PAGE_ROWS: usize = 128 * 1024;

/// A data page that is being filled.
#[derive(Default)]
pub(super) struct PageBuffer {
    /// Values in PLAIN, except that each boolean is one byte.
    pub(super) values: Vec<u8>,
    /// Dictionary indices. A page has values or indices, never both.
    pub(super) indices: Vec<u32>,
    /// Definition levels: 1 for a value, 0 for NULL or an empty list.
    pub(super) definitions: Vec<u8>,
    /// Repetition levels, for lists only: 0 where a row starts.
    pub(super) repetitions: Vec<u8>,
}

impl PageBuffer {
    /// Whether the page should be written.
    pub(super) fn is_full(&self) -> bool {
        self.values.len() >= MAX_PAGE_BYTES || self.definitions.len() >= MAX_PAGE_ROWS
    }

    /// Adds the levels of one row of a list column. A row without elements has one entry, at level 0.
    pub(super) fn add_row(&mut self, elements: usize) {
        let entries = self.definitions.len() + elements.max(1);
        self.definitions.resize(entries, u8::from(elements > 0));
        self.repetitions.push(0);
        self.repetitions.resize(entries, 1);
    }

    /// Removes all content, and keeps the buffers.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.indices.clear();
        self.definitions.clear();
        self.repetitions.clear();
    }
}
