//! The hashes of many values of a column at once. Texts are written for a few values, and then hashed: see
//! [`Digits`].

use landbridge_core::proof::farm::fingerprint;
use landbridge_core::proof::text::{self, Digits, Joined};

use super::chunk::next_value;
use super::leaf::{Leaf, MICROS_OF_MILLI, Stored};

/// Values whose texts are written before the first is hashed.
const TEXTS: usize = 32;

/// The hashes of the values of a batch, in their order.
#[derive(Clone, Default)]
pub(super) struct Hashes {
    pub(super) list: Vec<u64>,
    /// The sum of the numbers in units of their last digit; `None` if it does not fit.
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
        match leaf.stored {
            Stored::Bytes => self.add_texts(plain, leaf.width),
            Stored::Boolean => self.add_booleans(plain),
            Stored::Int32 => self.add_integers(plain, |it| i32::from_le_bytes(it).into()),
            Stored::Unsigned32 => self.add_integers(plain, |it| u32::from_le_bytes(it).into()),
            Stored::Int64 => self.add_integers(plain, i64::from_le_bytes),
            Stored::Millis => self
                .add_integers(plain, |it| i64::from_le_bytes(it).saturating_mul(MICROS_OF_MILLI)),
            Stored::Float => self.add_doubles(plain, |it| f32::from_le_bytes(it).into()),
            Stored::Double => self.add_doubles(plain, f64::from_le_bytes),
            Stored::Decimal32 { scale } => {
                self.add_decimals(plain, scale, |it| i32::from_le_bytes(it).into())
            }
            Stored::Decimal64 { scale } => self.add_decimals(plain, scale, i64::from_le_bytes),
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

    #[inline]
    fn add_integers<const N: usize>(
        &mut self,
        plain: &[u8],
        read: impl Fn([u8; N]) -> i64,
    ) -> bool {
        let (values, rest) = plain.as_chunks();
        let mut buffers = [Digits::default(); TEXTS];
        let mut total = 0_i128;
        for values in values.chunks(TEXTS) {
            let mut texts: [&[u8]; TEXTS] = [&[]; TEXTS];
            for ((text, buffer), raw) in texts.iter_mut().zip(&mut buffers).zip(values) {
                let value = read(*raw);
                total += i128::from(value);
                *text = buffer.integer(value);
            }
            self.list.extend(texts[..values.len()].iter().map(|text| fingerprint(text)));
        }
        // 2^64 numbers of 64 bits fit.
        self.total = self.total.and_then(|it| it.checked_add(total));
        rest.is_empty()
    }

    #[inline]
    fn add_decimals<const N: usize>(
        &mut self,
        plain: &[u8],
        scale: u8,
        read: impl Fn([u8; N]) -> i64,
    ) -> bool {
        let (values, rest) = plain.as_chunks();
        let mut total = 0_i128;
        for values in values.chunks(TEXTS) {
            let mut units = [0; TEXTS];
            for (units, raw) in units.iter_mut().zip(values) {
                *units = read(*raw);
                total += i128::from(*units);
            }
            self.add_short_decimals(&units[..values.len()], scale);
        }
        self.total = self.total.and_then(|it| it.checked_add(total));
        rest.is_empty()
    }

    /// At most [`TEXTS`].
    #[inline]
    fn add_short_decimals(&mut self, units: &[i64], scale: u8) {
        let mut buffers = [Digits::default(); TEXTS];
        let mut digits: [&[u8]; TEXTS] = [&[]; TEXTS];
        for ((digits, buffer), units) in digits.iter_mut().zip(&mut buffers).zip(units) {
            *digits = buffer.integer(*units);
        }
        let mut places: [Joined; TEXTS] = [[0; size_of::<Joined>()]; TEXTS];
        let mut texts: [Option<&[u8]>; TEXTS] = [None; TEXTS];
        for ((text, place), digits) in texts.iter_mut().zip(&mut places).zip(digits) {
            *text = text::joined_decimal(digits, scale.into(), place);
        }
        for (text, units) in texts.iter().zip(units) {
            match text {
                Some(text) => self.list.push(fingerprint(text)),
                None => self.add_decimal((*units).into(), scale),
            }
        }
    }

    fn add_decimal(&mut self, units: i128, scale: u8) {
        self.scratch.clear();
        text::short_decimal(units, scale.into(), &mut self.scratch);
        self.list.push(fingerprint(&self.scratch));
    }

    fn add_long_decimals(&mut self, leaf: &Leaf, plain: &[u8], scale: u8) -> bool {
        let Some(width) = leaf.width else { return false };
        let mut values = plain.chunks_exact(width);
        for raw in &mut values {
            let units = leaf.units(raw);
            self.total = self.total.and_then(|it| it.checked_add(units));
            if width <= 16 {
                self.add_decimal(units, scale);
            } else {
                self.scratch.clear();
                text::decimal(raw, scale.into(), &mut self.scratch);
                self.list.push(fingerprint(&self.scratch));
            }
        }
        values.remainder().is_empty()
    }

    #[inline]
    fn add_doubles<const N: usize>(&mut self, plain: &[u8], read: impl Fn([u8; N]) -> f64) -> bool {
        let (values, rest) = plain.as_chunks();
        let mut buffers = [[Digits::default(); 2]; TEXTS];
        let mut places: [Joined; TEXTS] = [[0; size_of::<Joined>()]; TEXTS];
        for values in values.chunks(TEXTS) {
            let mut parts: [Option<(&[u8], &[u8])>; TEXTS] = [None; TEXTS];
            for ((parts, [first, second]), raw) in parts.iter_mut().zip(&mut buffers).zip(values) {
                if let Some((whole, fraction)) = text::split_double(read(*raw)) {
                    *parts = Some((first.integer(whole), second.integer(fraction)));
                }
            }
            let mut texts: [Option<&[u8]>; TEXTS] = [None; TEXTS];
            for ((text, place), parts) in texts.iter_mut().zip(&mut places).zip(parts) {
                *text = parts.map(|(first, second)| text::joined(first, b':', second, place));
            }
            for (text, raw) in texts.iter().zip(values) {
                match text {
                    Some(text) => self.list.push(fingerprint(text)),
                    None => self.add_double(read(*raw)),
                }
            }
        }
        rest.is_empty()
    }

    fn add_double(&mut self, value: f64) {
        self.scratch.clear();
        text::double(value, &mut self.scratch);
        self.list.push(fingerprint(&self.scratch));
    }
}
