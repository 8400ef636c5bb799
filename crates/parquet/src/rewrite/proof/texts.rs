//! What an audit counts of the values of a text column: damaged text, and values outside of the declared set.

use std::collections::BTreeSet;
use std::sync::Arc;

use landbridge_core::proof::TextCounts;

use super::leaf::{Leaf, Meaning};

/// U+FFFD in UTF-8, which a decoder writes in place of bytes that it cannot read.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// The values that a column may have.
pub(super) type ValueSet = Arc<BTreeSet<String>>;

/// The counts of one chunk.
#[derive(Clone)]
pub(super) struct TextAudit {
    values: Option<ValueSet>,
    counts: TextCounts,
}

impl TextAudit {
    /// `None` for a column that is no text, and for arrays.
    pub(super) fn of(leaf: &Leaf, values: Option<ValueSet>) -> Option<Self> {
        let counts = TextCounts { damaged: 0, unlisted: values.as_ref().map(|_| 0) };
        (leaf.meaning == Meaning::Text && !leaf.list).then_some(Self { values, counts })
    }

    /// What one value counts.
    pub(super) fn of_value(&self, raw: &[u8]) -> TextCounts {
        let text = std::str::from_utf8(raw).ok();
        let is_damaged = text.is_none() || has_replacement(raw);
        let unlisted = self
            .values
            .as_ref()
            .map(|values| u64::from(text.is_none_or(|text| !values.contains(text))));
        TextCounts { damaged: u64::from(is_damaged), unlisted }
    }

    /// Adds one value.
    pub(super) fn add(&mut self, raw: &[u8]) {
        let counts = self.of_value(raw);
        self.counts.merge(&counts);
    }

    /// Adds a value that occurs `times` times.
    pub(super) fn add_times(&mut self, value: TextCounts, times: u64) {
        let unlisted = value.unlisted.map(|it| it * times);
        self.counts.merge(&TextCounts { damaged: value.damaged * times, unlisted });
    }

    /// The counts.
    pub(super) fn counts(self) -> TextCounts {
        self.counts
    }
}

fn has_replacement(mut raw: &[u8]) -> bool {
    while let Some(at) = raw.iter().position(|byte| *byte == REPLACEMENT[0]) {
        raw = &raw[at..];
        if raw.starts_with(REPLACEMENT) {
            return true;
        }
        raw = &raw[1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::leaf::Stored;
    use super::*;

    fn audit(values: Option<&[&str]>) -> TextAudit {
        let leaf = Leaf {
            stored: Stored::Bytes,
            meaning: Meaning::Text,
            width: None,
            list: false,
            total: None,
        };
        let set = values.map(|it| Arc::new(it.iter().map(|it| (*it).to_owned()).collect()));
        TextAudit::of(&leaf, set).expect("text")
    }

    #[test]
    fn damage_and_unlisted_values_are_counted() {
        let damaged = |raw: &[u8]| audit(None).of_value(raw).damaged;
        for (raw, expected) in [
            ("가나다".as_bytes(), 0),
            ("a\u{fffd}b".as_bytes(), 1),
            // Other characters that begin with the same byte.
            ("\u{ff01}\u{fffc}".as_bytes(), 0),
            (b"\xef", 1),
            (b"caf\xe9", 1),
            (b"", 0),
        ] {
            assert_eq!(damaged(raw), expected, "{raw:?}");
        }
        assert_eq!(audit(None).of_value(b"new").unlisted, None, "no set is declared");
        let mut listed = audit(Some(&["new", "paid"]));
        listed.add(b"new");
        listed.add(b"Paid");
        let value = listed.of_value(b"lost");
        listed.add_times(value, 5);
        assert_eq!(listed.counts(), TextCounts { damaged: 0, unlisted: Some(6) });
    }
}
