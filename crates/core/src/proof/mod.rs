//! Proof that a column in BigQuery has the values that were transferred: its figures are computed while
//! the bytes pass, and again in BigQuery by generated SQL.
//!
//! | module | contents |
//! |---|---|
//! | here | [`Figures`]: what is computed of a column |
//! | [`text`] | the canonical text of a value |
//! | [`farm`] | the hash of a text, which GoogleSQL has too |
//! | [`numbers`] | the hashes of numbers, faster than by their texts |
//! | [`rows`] | the fingerprint of whole rows |
//! | [`keyed`] | which rows differ, by buckets of keys |
//! | [`source`] | the canonical text of a value as the source database writes it |
//! | [`sql`] | the query that computes the same figures in BigQuery |
//! | [`verdict`] | what a comparison says of a column |
//!
//! Figures are **oracles**: who has a column's hashes, or their sum, can try values. The figures of the
//! ledger are therefore always sealed with a key (`landbridge_parquet::proof::seal`), also where the column
//! has the class `none` today: the record stays, and the class may change.

pub mod farm;
pub mod keyed;
pub mod numbers;
pub mod rows;
pub mod source;
pub mod sql;
pub mod text;
pub mod verdict;

use crate::config::Mask;

/// What is computed of the values of a column. Independent of the order of rows, and additive: the
/// figures of two parts add up to the figures of the whole.
///
/// The sum sees a value that is doubled, which the XOR does not: `a ^ a` is 0. The XOR sees two changes
/// whose differences cancel in the sum. NULLs are counted elsewhere: they are what is missing from `count`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Values that are not NULL; rows of an array, which cannot be NULL in BigQuery.
    pub count: u64,
    /// The sum of the hashes as signed numbers. It cannot overflow: 2^64 values of 2^63 each fit.
    pub sum: i128,
    /// The XOR of the hashes.
    pub xor: u64,
    /// The exact sum of the numbers, for INT64, NUMERIC and BIGNUMERIC; `None` for other types, and if it
    /// does not fit.
    pub total: Option<Total>,
}

/// An exact sum of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// The sum in units of the last digit.
    pub units: i128,
    /// How many digits follow the point.
    pub scale: u8,
}

impl Total {
    /// The sum as GoogleSQL writes it.
    pub fn text(self) -> String {
        let mut out = Vec::new();
        text::short_decimal(self.units, self.scale.into(), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Figures {
    /// The figures of no value. With a `scale`, they have a total.
    pub const fn none(scale: Option<u8>) -> Self {
        let total = match scale {
            Some(scale) => Some(Total { units: 0, scale }),
            None => None,
        };
        Self { count: 0, sum: 0, xor: 0, total }
    }

    /// Adds a value by the hash of its text.
    #[inline]
    pub const fn add(&mut self, hash: u64) {
        self.count += 1;
        self.sum += hash.cast_signed() as i128;
        self.xor ^= hash;
    }

    /// Adds the values of a batch by their hashes, at most 2^31 of them.
    #[inline]
    pub fn add_all(&mut self, hashes: &[u64]) {
        // Sums of halves do not overflow, and four of them are added at once.
        let (mut low, mut high, mut negative, mut xor) = (0_u64, 0_u64, 0_u64, 0_u64);
        for hash in hashes {
            low += hash & u64::from(u32::MAX);
            high += hash >> 32;
            negative += hash >> 63;
            xor ^= hash;
        }
        self.count += hashes.len() as u64;
        self.sum += i128::from(low) + (i128::from(high) << 32) - (i128::from(negative) << 64);
        self.xor ^= xor;
    }

    /// Adds a value that occurs `times` times.
    #[inline]
    pub const fn add_times(&mut self, hash: u64, times: u64) {
        self.count += times;
        self.sum += hash.cast_signed() as i128 * times as i128;
        if times % 2 == 1 {
            self.xor ^= hash;
        }
    }

    /// Adds a number, `times` times, to the total. A total that does not fit is dropped.
    #[inline]
    pub fn add_number(&mut self, units: i128, times: u64) {
        if let Some(total) = &mut self.total {
            // A checked product of 128 bits costs more than the rest.
            let units = if times == 1 { Some(units) } else { units.checked_mul(times.into()) };
            let sum = units.and_then(|it| total.units.checked_add(it));
            match sum {
                Some(sum) => total.units = sum,
                None => self.total = None,
            }
        }
    }

    /// Adds the figures of another part of the column.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.xor ^= other.xor;
        self.total = match (self.total, other.total) {
            (Some(a), Some(b)) if a.scale == b.scale => {
                a.units.checked_add(b.units).map(|units| Total { units, ..a })
            }
            _ => None,
        };
    }
}

/// The figures of one column, of its values and of what its mask shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnProof {
    /// Of the values as they were transferred.
    pub plain: Figures,
    /// Of what the mask of the column's class shows, if it shows anything.
    pub masked: Option<Masked>,
    /// What an audit counts of the values, if the column is text. Not part of the sealed record: counts of
    /// damage and of unexpected values are no oracle.
    pub texts: Option<TextCounts>,
    /// The bytes of a copied column, by which another day knows that it has the same values.
    pub content: Option<Content>,
}

/// What an audit counts of the values of a text column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextCounts {
    /// Values that are not UTF-8, or that contain U+FFFD, which a decoder writes in place of what it cannot read.
    pub damaged: u64,
    /// Values outside of the declared set; `None` if none is declared.
    pub unlisted: Option<u64>,
}

impl TextCounts {
    /// Adds the counts of another part of the column.
    pub fn merge(&mut self, other: &Self) {
        self.damaged += other.damaged;
        self.unlisted = self.unlisted.zip(other.unlisted).map(|(a, b)| a + b);
    }
}

/// The bytes of a copied column in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// A hash of what the footer says of them. Another hash means other bytes, most likely.
    pub declared: u64,
    /// The first half of a SHA-256 over the bytes as they are stored, and over how they are read.
    pub digest: [u8; 16],
}

/// The figures of what a mask shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The mask.
    pub mask: Mask,
    /// The figures.
    pub figures: Figures,
}

impl ColumnProof {
    /// Adds the figures of another part of the column. A part without masked figures makes them unknown. The
    /// content is that of one object.
    pub fn merge(&mut self, other: &Self) {
        self.content = None;
        self.plain.merge(&other.plain);
        self.masked = match (self.masked, other.masked) {
            (Some(mut a), Some(b)) if a.mask == b.mask => {
                a.figures.merge(&b.figures);
                Some(a)
            }
            _ => None,
        };
        self.texts = self.texts.zip(other.texts).map(|(mut a, b)| {
            a.merge(&b);
            a
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(texts: &[&str]) -> Figures {
        let mut figures = Figures::none(None);
        texts.iter().for_each(|text| figures.add(farm::fingerprint(text.as_bytes())));
        figures
    }

    #[test]
    fn figures_ignore_order_and_see_pairs() {
        assert_eq!(figures(&["a", "b", "c"]), figures(&["c", "a", "b"]));
        let (one, other) = (figures(&["a", "a"]), figures(&["b", "b"]));
        assert_eq!((one.count, one.xor), (other.count, other.xor), "XOR does not see a pair");
        assert_ne!(one.sum, other.sum);
        assert_ne!(figures(&["a"]), figures(&["a", "a", "a"]));
    }

    #[test]
    fn parts_and_repetitions_add_up() {
        let mut parts = figures(&["a", "b"]);
        parts.merge(&figures(&["a", "c"]));
        assert_eq!(parts, figures(&["a", "a", "b", "c"]));
        let mut times = Figures::none(None);
        times.add_times(farm::fingerprint(b"a"), 3);
        assert_eq!(times, figures(&["a", "a", "a"]));
        let mut batch = Figures::none(None);
        batch.add_all(&[7, u64::MAX, 1 << 63, (1 << 63) - 1, farm::fingerprint(b"a")]);
        let mut single = Figures::none(None);
        for hash in [7, u64::MAX, 1 << 63, (1 << 63) - 1, farm::fingerprint(b"a")] {
            single.add(hash);
        }
        assert_eq!(batch, single);
        let mut pairs = Figures::none(None);
        pairs.add_times(farm::fingerprint(b"a"), 2);
        assert_eq!(pairs, figures(&["a", "a"]));
    }

    #[test]
    fn a_total_is_exact_or_absent() {
        let mut figures = Figures::none(Some(2));
        figures.add_number(150, 3);
        figures.add_number(-1, 1);
        assert_eq!(figures.total.map(Total::text).as_deref(), Some("4.49"));
        figures.add_number(i128::MAX, 1);
        assert_eq!(figures.total, None, "it does not fit");
        let mut whole = Figures::none(Some(0));
        whole.merge(&Figures::none(Some(2)));
        assert_eq!(whole.total, None, "other units");
    }

    /// A sum of 64-bit hashes fits for every number of values that a u64 can count.
    #[test]
    fn the_sum_of_hashes_cannot_overflow() {
        let mut figures = Figures::none(None);
        figures.add_times(1 << 63, u64::MAX);
        assert_eq!(figures.sum, -(1_i128 << 63) * i128::from(u64::MAX));
    }
}
