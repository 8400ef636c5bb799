//! Keys and hashes of rows from the cells of the source, or of the export.

use landbridge_core::proof::farm::fingerprint;
use landbridge_core::proof::source::{Gap, SourceForm};
use landbridge_core::proof::{keyed, text};
use landbridge_source::scan::Cell;

/// A column that is read from the source: its place in the table there, and how its values are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) position: usize,
    pub(super) form: SourceForm,
}

/// Makes keys and hashes of the rows that the source gives.
pub(super) struct RowReader {
    reads: Vec<Read>,
    /// The places of the key's columns in `reads`.
    key: Vec<usize>,
    /// The places of the compared columns.
    columns: Vec<usize>,
}

impl RowReader {
    pub(super) fn new(reads: &[Result<Read, Gap>], key: &[usize], columns: &[usize]) -> Self {
        let mut all: Vec<usize> = key.iter().chain(columns).copied().collect();
        all.sort_unstable();
        all.dedup();
        let places = |wanted: &[usize]| {
            wanted.iter().filter_map(|it| all.iter().position(|at| at == it)).collect()
        };
        Self {
            key: places(key),
            columns: places(columns),
            reads: all.iter().filter_map(|at| reads[*at].as_ref().ok().copied()).collect(),
        }
    }

    /// The columns of the source that are read.
    pub(super) fn positions(&self) -> Vec<usize> {
        self.reads.iter().map(|read| read.position).collect()
    }

    /// The key of a row, and the hashes of its compared columns, 0 for NULL.
    pub(super) fn read(&self, cells: &[Cell<'_>]) -> (Vec<u8>, Vec<u64>) {
        let texts: Vec<Option<Vec<u8>>> = cells
            .iter()
            .zip(&self.reads)
            .map(|(cell, read)| {
                let mut text = Vec::new();
                cell.and_then(|raw| read.form.canonical(raw, &mut text)).map(|()| text)
            })
            .collect();
        let mut key = Vec::new();
        for at in &self.key {
            push_key(self.reads[*at].form, texts[*at].as_deref(), &mut key);
        }
        let hash = |at: &usize| texts[*at].as_deref().map_or(0, fingerprint);
        (key, self.columns.iter().map(hash).collect())
    }
}

/// Appends a part of a key: bytes as hexadecimal digits, as the query does.
fn push_key(form: SourceForm, value: Option<&[u8]>, key: &mut Vec<u8>) {
    let mut digits = Vec::new();
    let value = match (form, value) {
        (SourceForm::Bytes, Some(bytes)) => {
            text::hex(bytes, &mut digits);
            Some(digits.as_slice())
        }
        (_, value) => value,
    };
    keyed::key_part(value, key);
}
