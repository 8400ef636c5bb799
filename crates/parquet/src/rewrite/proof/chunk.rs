//! The figures of one column chunk.

use landbridge_core::config::Mask;
use landbridge_core::proof::farm::fingerprint;
use landbridge_core::proof::{ColumnProof, Figures, Masked, TextCounts, text};

use super::super::write::PageBuffer;
use super::leaf::{Leaf, Meaning, Stored};
use super::mask::Shown;
use super::texts::{TextAudit, ValueSet};

/// Computes the figures of one chunk.
#[derive(Clone)]
pub(in super::super) struct ChunkProof {
    leaf: Leaf,
    plain: Figures,
    masked: Option<MaskedChunk>,
    texts: Option<TextAudit>,
    dictionary: ProvenDictionary,
    /// Whether the bytes are not values of this column.
    failed: bool,
    scratch: Vec<u8>,
}

/// The figures of what a mask shows.
#[derive(Clone)]
struct MaskedChunk {
    mask: Mask,
    shown: Shown,
    figures: Figures,
}

/// The values of the dictionary. Each is hashed once. The lists are parallel.
#[derive(Clone, Default)]
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
    pub(super) fn new(leaf: Leaf, mask: Option<Mask>, values: Option<ValueSet>) -> Self {
        let shown = mask.and_then(|mask| Some((mask, Shown::of(mask, &leaf)?)));
        Self {
            leaf,
            plain: Figures::none(leaf.total),
            masked: shown.map(|(mask, shown)| MaskedChunk {
                mask,
                shown,
                figures: Figures::none(None),
            }),
            texts: TextAudit::of(&leaf, values),
            dictionary: ProvenDictionary::default(),
            failed: false,
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
    pub(in super::super) fn set_dictionary(&mut self, mut plain: &[u8]) {
        self.add_dictionary();
        while !plain.is_empty() {
            let Some(raw) = next_value(&mut plain, self.leaf.width) else {
                self.failed = true;
                return;
            };
            let hash = self.hash(raw);
            self.dictionary.hashes.push(hash);
            self.dictionary.times.push(0);
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
        }
    }

    /// A value of the dictionary occurs once more.
    #[inline]
    pub(in super::super) fn add_index(&mut self, index: u32) {
        match self.dictionary.times.get_mut(index as usize) {
            Some(times) => *times += 1,
            None => self.failed = true,
        }
    }

    /// Adds a value.
    #[inline]
    pub(super) fn add(&mut self, raw: &[u8]) {
        let hash = self.hash(raw);
        self.plain.add(hash);
        if self.plain.total.is_some() {
            self.plain.add_number(self.leaf.units(raw), 1);
        }
        if let Some(texts) = &mut self.texts {
            texts.add(raw);
        }
        if self.masked.is_some() {
            match self.masked_hash(raw) {
                Some(hash) => self.masked.iter_mut().for_each(|masked| masked.figures.add(hash)),
                None => self.masked = None,
            }
        }
    }

    /// Adds a page of the output, before it is written.
    pub(in super::super) fn add_page(&mut self, page: &PageBuffer) {
        if !page.indices.is_empty() {
            page.indices.iter().for_each(|index| self.add_index(*index));
            return;
        }
        let mut plain = page.values.as_slice();
        if self.leaf.list {
            self.add_arrays(page, plain);
            return;
        }
        // Each boolean of a page is one byte.
        while !plain.is_empty() {
            let Some(raw) = next_value(&mut plain, self.leaf.width) else {
                self.failed = true;
                return;
            };
            self.add(raw);
        }
    }

    fn add_arrays(&mut self, page: &PageBuffer, mut plain: &[u8]) {
        let mut array = Vec::new();
        let mut element = Vec::new();
        let levels = page.repetitions.iter().zip(&page.definitions);
        for (at, (repetition, definition)) in levels.enumerate() {
            if *repetition == 0 && at > 0 {
                self.plain.add(fingerprint(&array));
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
            self.plain.add(fingerprint(&array));
        }
    }

    #[inline]
    fn hash(&mut self, raw: &[u8]) -> u64 {
        if self.leaf.stored == Stored::Bytes {
            return fingerprint(raw);
        }
        self.scratch.clear();
        self.leaf.text(raw, &mut self.scratch);
        fingerprint(&self.scratch)
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
        (!self.failed).then_some(ColumnProof {
            plain: self.plain,
            masked: self.masked.map(|it| Masked { mask: it.mask, figures: it.figures }),
            texts: self.texts.map(TextAudit::counts),
        })
    }
}

/// The next value in PLAIN.
#[inline]
pub(super) fn next_value<'a>(plain: &mut &'a [u8], width: Option<usize>) -> Option<&'a [u8]> {
    let width = match width {
        Some(width) => width,
        None => {
            let (length, rest) = plain.split_first_chunk::<4>()?;
            *plain = rest;
            u32::from_le_bytes(*length) as usize
        }
    };
    let (value, rest) = plain.split_at_checked(width)?;
    *plain = rest;
    Some(value)
}
