//! The hashes of many values of a column at once.

use landbridge_core::proof::farm::fingerprint;
use landbridge_core::proof::{numbers, text};

use super::leaf::{Leaf, MICROS_OF_MILLI, Meaning, Stored, next_value};

/// The hashes of the values of a batch, in their order.
#[derive(Clone, Default)]
pub(super) struct Hashes {
    pub(super) list: Vec<u64>,
    /// The sum of the numbers in units of their last digit, of a column with a total; `None` if it does not fit.
    pub(super) total: Option<i128>,
    scratch: Vec<u8>,
}

impl Hashes {
    /// Removes all.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.total = Some(0);
    }

    /// Adds one value of text or bytes.
    #[inline]
    pub(super) fn add_bytes(&mut self, raw: &[u8]) {
        self.list.push(fingerprint(raw));
    }

    /// Adds values in PLAIN, where each boolean is one byte. `false` if they are not values of this column.
    pub(super) fn add(&mut self, leaf: &Leaf, plain: &[u8]) -> bool {
        let total = leaf.total.is_some();
        match leaf.stored {
            Stored::Bytes => self.add_texts(plain, leaf.width),
            Stored::Boolean => self.add_booleans(plain),
            Stored::Int32 if leaf.meaning == Meaning::Date => self.add_dates(plain),
            Stored::Int32 => self.add_integers(plain, total, |it| i32::from_le_bytes(it).into()),
            Stored::Unsigned32 => {
                self.add_integers(plain, total, |it| u32::from_le_bytes(it).into())
            }
            Stored::Int64 => self.add_integers(plain, total, i64::from_le_bytes),
            Stored::Millis => self.add_integers(plain, total, |it| {
                i64::from_le_bytes(it).saturating_mul(MICROS_OF_MILLI)
            }),
            Stored::Float => self.add_doubles(plain, |it| f32::from_le_bytes(it).into()),
            Stored::Double => self.add_doubles(plain, f64::from_le_bytes),
            Stored::Decimal32 { scale } => {
                self.add_decimals(plain, scale, total, |it| i32::from_le_bytes(it).into())
            }
            Stored::Decimal64 { scale } => {
                self.add_decimals(plain, scale, total, i64::from_le_bytes)
            }
            Stored::DecimalBytes { scale } => self.add_long_decimals(leaf, plain, scale),
        }
    }

    fn add_texts(&mut self, mut plain: &[u8], width: Option<usize>) -> bool {
        while !plain.is_empty() {
            let Some(raw) = next_value(&mut plain, width) else { return false };
            self.list.push(fingerprint(raw));
        }
        true
    }

    fn add_booleans(&mut self, plain: &[u8]) -> bool {
        let hashes = [false, true].map(|it| fingerprint(text::boolean(it)));
        self.list.extend(plain.iter().map(|it| hashes[usize::from(*it != 0)]));
        true
    }

    fn add_dates(&mut self, plain: &[u8]) -> bool {
        let (values, rest) = plain.as_chunks();
        numbers::days(values.iter().map(|raw| i32::from_le_bytes(*raw)), &mut self.list);
        rest.is_empty()
    }

    fn add_integers<const N: usize>(
        &mut self,
        plain: &[u8],
        has_total: bool,
        read: impl Fn([u8; N]) -> i64,
    ) -> bool {
        let (values, rest) = plain.as_chunks();
        numbers::integers(values.iter().map(|raw| read(*raw)), &mut self.list);
        if has_total {
            self.add_total(values, read);
        }
        rest.is_empty()
    }

    fn add_decimals<const N: usize>(
        &mut self,
        plain: &[u8],
        scale: u8,
        has_total: bool,
        read: impl Fn([u8; N]) -> i64,
    ) -> bool {
        let (values, rest) = plain.as_chunks();
        let units = values.iter().map(|raw| read(*raw));
        numbers::decimals(units, scale.into(), &mut self.list, &mut self.scratch);
        if has_total {
            self.add_total(values, read);
        }
        rest.is_empty()
    }

    fn add_total<const N: usize>(&mut self, values: &[[u8; N]], read: impl Fn([u8; N]) -> i64) {
        // 2^64 numbers of 64 bits fit.
        let total: i128 = values.iter().map(|raw| i128::from(read(*raw))).sum();
        self.total = self.total.and_then(|it| it.checked_add(total));
    }

    fn add_long_decimals(&mut self, leaf: &Leaf, plain: &[u8], scale: u8) -> bool {
        let Some(width) = leaf.width else { return false };
        let mut values = plain.chunks_exact(width);
        for raw in &mut values {
            let units = leaf.units(raw);
            self.total = self.total.and_then(|it| it.checked_add(units));
            let hash = if width <= 16 {
                numbers::decimal(units, scale.into(), &mut self.scratch)
            } else {
                self.scratch.clear();
                text::decimal(raw, scale.into(), &mut self.scratch);
                fingerprint(&self.scratch)
            };
            self.list.push(hash);
        }
        values.remainder().is_empty()
    }

    fn add_doubles<const N: usize>(&mut self, plain: &[u8], read: impl Fn([u8; N]) -> f64) -> bool {
        let (values, rest) = plain.as_chunks();
        let values = values.iter().map(|raw| read(*raw));
        numbers::doubles(values, &mut self.list, &mut self.scratch);
        rest.is_empty()
    }
}
