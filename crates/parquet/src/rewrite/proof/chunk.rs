//! The figures of one column chunk.

use landbridge_core::config::Mask;
use landbridge_core::proof::farm::fingerprint;
use landbridge_core::proof::rows::RowColumn;
use landbridge_core::proof::{ColumnProof, Figures, Masked, TextCounts, text};

use super::super::page_buffer::PageBuffer;
use super::hashes::Hashes;
use super::leaf::{Leaf, Meaning, Stored, next_value};
use super::mask::Shown;
use super::rows::{GroupRows, RowPart};
use super::texts::{TextAudit, ValueSet};

/// Values of a page whose hashes are in memory at once, unless rows need them: 8 KiB.
const HASHES: usize = 1024;

/// A column of which figures are computed.
#[derive(Clone)]
pub(in super::super) struct ProvenColumn {
    pub(super) leaf: Leaf,
    pub(super) mask: Option<Mask>,
    /// The values that it may have.
    pub(super) values: Option<ValueSet>,
    /// Its place in the fingerprint of rows.
    pub(super) place: Option<(usize, RowColumn)>,
}

impl ProvenColumn {
    /// Computes the figures of a chunk, and adds its values to the rows of its group.
    pub(in super::super) fn chunk(&self, rows: Option<&GroupRows>) -> ChunkProof {
        let part = rows.zip(self.place).map(|(rows, (place, column))| rows.column(place, column));
        ChunkProof::new(self.leaf, self.mask, self.values.clone(), part)
    }

    /// The figures of no value.
    pub(in super::super) fn empty(&self) -> Option<ColumnProof> {
        self.chunk(None).finish()
    }
}

/// Computes the figures of one chunk. Values come in batches: their hashes first, then [`Self::end_batch`].
pub(in super::super) struct ChunkProof {
    leaf: Leaf,
    plain: Figures,
    masked: Option<MaskedChunk>,
    texts: Option<TextAudit>,
    dictionary: ProvenDictionary,
    /// Whether the bytes are not values of this column.
    failed: bool,
    batch: Hashes,
    /// The same of values that are indices of the dictionary. Only with rows.
    indexed: Vec<u64>,
    rows: Option<RowPart>,
    scratch: Vec<u8>,
}

/// The figures of what a mask shows.
struct MaskedChunk {
    mask: Mask,
    shown: Shown,
    figures: Figures,
    /// The hashes of what it shows of the values of a batch.
    batch: Vec<u64>,
    indexed: Vec<u64>,
}

/// The values of the dictionary. Each is hashed once. The lists are parallel.
#[derive(Default)]
struct ProvenDictionary {
    hashes: Vec<u64>,
    /// How often each value occurs.
    times: Vec<u64>,
    /// Empty without a mask.
    masked: Vec<Option<u64>>,
    /// What is counted of each value; empty if the column is no text.
    texts: Vec<TextCounts>,
    /// Empty without a total.
    units: Vec<i128>,
}

impl ChunkProof {
    fn new(
        leaf: Leaf,
        mask: Option<Mask>,
        values: Option<ValueSet>,
        rows: Option<RowPart>,
    ) -> Self {
        let shown = mask.and_then(|mask| Some((mask, Shown::of(mask, &leaf)?)));
        let mut batch = Hashes::default();
        batch.clear();
        Self {
            leaf,
            plain: Figures::none(leaf.total),
            masked: shown.map(|(mask, shown)| MaskedChunk {
                mask,
                shown,
                figures: Figures::none(None),
                batch: Vec::new(),
                indexed: Vec::new(),
            }),
            texts: TextAudit::of(&leaf, values),
            dictionary: ProvenDictionary::default(),
            failed: false,
            batch,
            indexed: Vec::new(),
            rows,
            scratch: Vec::new(),
        }
    }

    /// The width of a value in PLAIN; `None` if each has a length prefix.
    pub(super) const fn width(&self) -> Option<usize> {
        self.leaf.width
    }

    pub(super) fn is_boolean(&self) -> bool {
        self.leaf.stored == Stored::Boolean
    }

    pub(super) const fn is_list(&self) -> bool {
        self.leaf.list
    }

    /// Sets the dictionary: values in PLAIN.
    pub(in super::super) fn set_dictionary(&mut self, plain: &[u8]) {
        self.add_dictionary();
        let mut hashes = Hashes::default();
        self.failed |= !hashes.add(&self.leaf, plain);
        self.dictionary.times = vec![0; hashes.list.len()];
        self.dictionary.hashes = hashes.list;
        if self.masked.is_none() && self.leaf.total.is_none() && self.texts.is_none() {
            return;
        }
        let mut rest = plain;
        while let Some(raw) = next_value(&mut rest, self.leaf.width) {
            if self.masked.is_some() {
                let masked = self.masked_hash(raw);
                self.dictionary.masked.push(masked);
            }
            if self.leaf.total.is_some() {
                self.dictionary.units.push(self.leaf.units(raw));
            }
            if let Some(texts) = &self.texts {
                self.dictionary.texts.push(texts.of_value(raw));
            }
            if rest.is_empty() {
                break;
            }
        }
    }

    /// Adds values of the dictionary.
    #[inline]
    pub(super) fn add_indices(&mut self, indices: &[u32]) {
        for index in indices {
            match self.dictionary.times.get_mut(*index as usize) {
                Some(times) => *times += 1,
                None => self.failed = true,
            }
        }
        if self.rows.is_none() || self.failed {
            return;
        }
        let dictionary = &self.dictionary;
        self.indexed.extend(indices.iter().map(|index| dictionary.hashes[*index as usize]));
        if let Some(masked) = &mut self.masked {
            // Without one of them, the masked figures are dropped at the end of the chunk.
            let hashes = indices.iter().map(|index| dictionary.masked[*index as usize]);
            masked.indexed.extend(hashes.map_while(|it| it));
        }
    }

    /// Adds values in PLAIN to the batch; each boolean is one byte.
    pub(super) fn add_plain(&mut self, plain: &[u8]) {
        self.failed |= !self.batch.add(&self.leaf, plain);
        let mut rest = plain;
        while (self.masked.is_some() || self.texts.is_some()) && !rest.is_empty() {
            let Some(raw) = next_value(&mut rest, self.leaf.width) else { return };
            self.add_shown(raw);
        }
    }

    /// Adds one value without a length prefix to the batch.
    #[inline]
    pub(super) fn add_value(&mut self, raw: &[u8]) {
        // Numbers in fixed bytes can be stored as texts are.
        if self.leaf.stored != Stored::Bytes {
            return self.add_plain(raw);
        }
        self.batch.add_bytes(raw);
        self.add_shown(raw);
    }

    /// Adds what is counted of a value beside its hash.
    #[inline]
    fn add_shown(&mut self, raw: &[u8]) {
        if let Some(texts) = &mut self.texts {
            texts.add(raw);
        }
        if self.masked.is_some() {
            self.add_masked(raw);
        }
    }

    fn add_masked(&mut self, raw: &[u8]) {
        let hash = self.masked_hash(raw);
        match (&mut self.masked, hash) {
            (Some(masked), Some(hash)) => masked.batch.push(hash),
            _ => self.masked = None,
        }
    }

    /// Adds the values of the batch to the figures. `present`: whether each of its rows has a value.
    pub(super) fn end_batch(&mut self, present: impl ExactSizeIterator<Item = bool>) {
        self.plain.add_all(&self.batch.list);
        match self.batch.total {
            Some(total) => self.plain.add_number(total, 1),
            None => self.plain.total = None,
        }
        if let Some(rows) = &mut self.rows {
            let of = |values: &[u64], indexed: &[u64]| values.len() + indexed.len();
            let count = of(&self.batch.list, &self.indexed);
            let hashes = if self.indexed.is_empty() { &self.batch.list } else { &self.indexed };
            let masked = self.masked.as_ref().filter(|it| of(&it.batch, &it.indexed) == count);
            let masked =
                masked.map(|it| if it.indexed.is_empty() { &it.batch } else { &it.indexed });
            // Dropped, it leaves the group without fingerprints.
            if rows.add(present, hashes, masked.map(Vec::as_slice)).is_none() {
                self.rows = None;
            }
        }
        self.batch.clear();
        self.indexed.clear();
        if let Some(masked) = &mut self.masked {
            masked.figures.add_all(&masked.batch);
            masked.batch.clear();
            masked.indexed.clear();
        }
    }

    /// Adds a page of the output, before it is written.
    pub(in super::super) fn add_page(&mut self, page: &PageBuffer) {
        if self.leaf.list {
            self.add_arrays(page);
            // A NULL array is empty.
            return self.end_batch(std::iter::repeat_n(true, self.batch.list.len()));
        }
        if !page.indices.is_empty() {
            self.add_indices(&page.indices);
        } else if let (Some(width), None) = (self.leaf.width.filter(|it| *it > 0), &self.rows) {
            // Hashes that no row needs are added while they are in the nearest cache.
            for values in page.values.chunks(width * HASHES) {
                self.add_plain(values);
                self.end_batch(std::iter::empty());
            }
        } else {
            self.add_plain(&page.values);
        }
        self.end_batch(page.definitions.iter().map(|level| *level != 0));
    }

    fn add_arrays(&mut self, page: &PageBuffer) {
        let mut plain = page.values.as_slice();
        let mut array = Vec::new();
        let mut element = Vec::new();
        let levels = page.repetitions.iter().zip(&page.definitions);
        for (at, (repetition, definition)) in levels.enumerate() {
            if *repetition == 0 && at > 0 {
                self.batch.add_bytes(&array);
                array.clear();
            }
            if *definition == 0 {
                continue;
            }
            let Some(raw) = next_value(&mut plain, self.leaf.width) else {
                self.failed = true;
                return;
            };
            element.clear();
            match self.leaf.meaning {
                Meaning::Bytes => text::hex(raw, &mut element),
                _ => self.leaf.text(raw, &mut element),
            }
            text::element(&element, &mut array);
        }
        if !page.definitions.is_empty() {
            self.batch.add_bytes(&array);
        }
    }

    fn masked_hash(&mut self, raw: &[u8]) -> Option<u64> {
        let masked = self.masked.as_ref()?;
        self.scratch.clear();
        masked.shown.text(&self.leaf, raw, &mut self.scratch)?;
        Some(fingerprint(&self.scratch))
    }

    /// Adds the values of the dictionary, as often as they occurred, and clears it.
    fn add_dictionary(&mut self) {
        let dictionary = std::mem::take(&mut self.dictionary);
        let entries = dictionary.hashes.iter().zip(&dictionary.times).enumerate();
        for (at, (hash, times)) in entries.filter(|(_, (_, times))| **times > 0) {
            self.plain.add_times(*hash, *times);
            if let Some(units) = dictionary.units.get(at) {
                self.plain.add_number(*units, *times);
            }
            if let Some((texts, value)) = self.texts.as_mut().zip(dictionary.texts.get(at)) {
                texts.add_times(*value, *times);
            }
            match (&mut self.masked, dictionary.masked.get(at).copied().flatten()) {
                (Some(masked), Some(hash)) => masked.figures.add_times(hash, *times),
                _ => self.masked = None,
            }
        }
    }

    /// The figures; `None` if they are unknown.
    pub(in super::super) fn finish(mut self) -> Option<ColumnProof> {
        self.add_dictionary();
        if let Some(rows) = self.rows.take().filter(|_| !self.failed) {
            rows.end();
        }
        (!self.failed).then_some(ColumnProof {
            plain: self.plain,
            masked: self.masked.map(|it| Masked { mask: it.mask, figures: it.figures }),
            texts: self.texts.map(TextAudit::counts),
            content: None,
        })
    }
}
