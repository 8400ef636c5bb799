//! The hashes of numbers: [`fingerprint`] of the texts that [`super::text`] writes, for most numbers without
//! writing them.
//!
//! Of a text of at most 32 bytes the hash reads a few words at its beginning and at its end. Digits are looked up
//! four at a time and shifted into these words, so they stay in registers: to write a text and to hash it at once costs
//! twice the time, because a processor cannot read a word of eight bytes that it has just written in pieces. Numbers
//! of other forms take the way through memory. `inline(always)`: as a call, each of these small steps costs half as much again.

use std::sync::LazyLock;

use super::farm::{fingerprint, of_1_to_3, of_4_to_7, of_8_to_16, of_17_to_32};
use super::text;

/// Doubles whose words are made before the first is hashed.
const BLOCK: usize = 16;
/// The digits 0 in a word, and in two.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);
const TWICE_ZEROS: u128 = u128::from_le_bytes([b'0'; 16]);
/// Turns a digit 0 into a sign.
const SIGN: u64 = (b'0' ^ b'-') as u64;
const TEN_4: u32 = 10_000;
const TEN_8: u64 = 100_000_000;
const TEN_16: u64 = 10_000_000_000_000_000;
/// The first number whose digits and sign do not fit 8 bytes.
const LONG_INTEGER: u64 = 10_000_000;
/// The first number whose digits and sign do not fit 16 bytes.
const LONGEST_INTEGER: u64 = 1_000_000_000_000_000;
/// The first number whose digits, point and sign do not fit 16 bytes.
const LONG_DECIMAL: u64 = 100_000_000_000_000;
/// With more digits after the point, it is not in the last 8 bytes, or all of these are cut.
const MAX_SCALE: u32 = 6;
/// The first double whose whole part and sign do not fit 8 bytes.
const LONG_DOUBLE: f64 = 10_000_000.0;
/// The days from 1925-02-21 to 2059-09-18, of which most dates of most tables are.
const FIRST_DAY: i32 = -16_384;
const DAYS: i32 = 49_152;

/// Four digits of each number below 10,000; the first digit is the lowest byte.
static FOUR_DIGITS: [u32; TEN_4 as usize] = four_digits();
/// The hash of each of the [`DAYS`]: 384 KiB, computed in half a millisecond when the first date is hashed.
static DAY_HASHES: LazyLock<Vec<u64>> =
    LazyLock::new(|| (FIRST_DAY..FIRST_DAY + DAYS).map(|day| integer(day.into())).collect());

const fn four_digits() -> [u32; TEN_4 as usize] {
    let mut all = [0; TEN_4 as usize];
    let mut number = 0;
    while number < TEN_4 {
        let digits = [number / 1000, number / 100 % 10, number / 10 % 10, number % 10];
        let [a, b, c, d] = digits;
        all[number as usize] = (a | b << 8 | c << 16 | d << 24) + ZEROS as u32;
        number += 1;
    }
    all
}

/// Four digits of a number below 10^4.
#[inline]
fn four(number: u32) -> u64 {
    FOUR_DIGITS[number as usize].into()
}

/// Eight digits of a number below 10^8.
#[inline(always)]
fn eight(number: u32) -> u64 {
    let high = number / TEN_4;
    four(high) | four(number - high * TEN_4) << 32
}

/// Sixteen digits of a number below 10^16: the first eight, and the last.
#[inline(always)]
fn sixteen(number: u64) -> [u64; 2] {
    let high = number / TEN_8;
    [eight(high as u32), eight((number - high * TEN_8) as u32)]
}

/// Two words as one.
#[inline]
const fn joined([first, last]: [u64; 2]) -> u128 {
    first as u128 | (last as u128) << 64
}

/// The hash of a text of 1 to 16 bytes, from its first bytes, which are the lowest of a word, and its last, which are the
/// highest of one.
#[inline(always)]
fn of_short(first: u64, last: u64, length: u32) -> u64 {
    let bytes = length as usize;
    match length {
        8..=16 => of_8_to_16(first, last, bytes),
        4..=7 => of_4_to_7(first as u32, (last >> 32) as u32, bytes),
        _ => {
            let middle = (first >> (8 * (length >> 1))) as u8;
            of_1_to_3(first as u8, middle, (last >> 56) as u8, bytes)
        }
    }
}

/// Appends the hash of [`text::integer`] of each value.
pub fn integers(values: impl Iterator<Item = i64>, out: &mut Vec<u64>) {
    out.extend(values.map(integer));
}

/// The hash of [`text::integer`].
#[inline]
pub fn integer(value: i64) -> u64 {
    let magnitude = value.unsigned_abs();
    let signs = u32::from(value < 0);
    if magnitude < LONG_INTEGER {
        let (text, length) = signed_eight(magnitude as u32, signs);
        return of_short(text, text << (64 - 8 * length), length);
    }
    if magnitude < LONGEST_INTEGER {
        let words = sixteen(magnitude);
        // At least eight digits.
        let front = (words[0] ^ ZEROS).trailing_zeros() / 8 - signs;
        let first = (joined(words) >> (8 * front)) as u64 ^ (SIGN * u64::from(signs));
        return of_8_to_16(first, words[1], 16 - front as usize);
    }
    // Microseconds of this century.
    if magnitude < TEN_16 && value > 0 {
        let [first, last] = sixteen(magnitude);
        return of_8_to_16(first, last, 16);
    }
    long_integer(value)
}

#[cold]
fn long_integer(value: i64) -> u64 {
    fingerprint(itoa::Buffer::new().format(value).as_bytes())
}

/// The text of a number below [`LONG_INTEGER`] with its sign, and its length. Its first byte is the lowest.
#[inline(always)]
fn signed_eight(magnitude: u32, signs: u32) -> (u64, u32) {
    let digits = eight(magnitude);
    // The last digit stays, also if it is 0.
    let front = ((digits ^ ZEROS) | 1 << 56).trailing_zeros() / 8 - signs;
    ((digits >> (8 * front)) ^ (SIGN * u64::from(signs)), 8 - front)
}

/// Appends the hash of the text of each date: of [`text::integer`] of its days since 1970-01-01.
pub fn days(days: impl Iterator<Item = i32>, out: &mut Vec<u64>) {
    let hashes = &*DAY_HASHES;
    out.extend(days.map(|day| {
        let at = usize::try_from(i64::from(day) - i64::from(FIRST_DAY));
        match at.ok().and_then(|at| hashes.get(at)) {
            Some(hash) => *hash,
            None => integer(day.into()),
        }
    }));
}

/// Appends the hash of [`text::short_decimal`] of each number of units. `scratch` is a buffer.
pub fn decimals(
    units: impl Iterator<Item = i64>,
    scale: u32,
    out: &mut Vec<u64>,
    scratch: &mut Vec<u8>,
) {
    out.extend(units.map(|units| match is_short_decimal(units, scale) {
        true => of_decimal(units, scale),
        false => decimal(units.into(), scale, scratch),
    }));
}

#[inline]
fn is_short_decimal(units: i64, scale: u32) -> bool {
    units.unsigned_abs() < LONG_DECIMAL && (1..=MAX_SCALE).contains(&scale)
}

/// The hash of [`text::short_decimal`]. `scratch` is a buffer.
pub fn decimal(units: i128, scale: u32, scratch: &mut Vec<u8>) -> u64 {
    if let Ok(mut units) = i64::try_from(units) {
        let mut scale = scale;
        // Zeros at the end of the fraction are in no text.
        while scale >= 4 && units % i64::from(TEN_4) == 0 {
            (units, scale) = (units / i64::from(TEN_4), scale - 4);
        }
        if scale == 0 {
            return integer(units);
        }
        if is_short_decimal(units, scale) {
            return of_decimal(units, scale);
        }
    }
    scratch.clear();
    text::short_decimal(units, scale as usize, scratch);
    fingerprint(scratch)
}

/// Of units and a scale that [`is_short_decimal`] accepts.
#[inline(always)]
fn of_decimal(units: i64, scale: u32) -> u64 {
    of_padded_decimal(padded_decimal(units, scale), u32::from(units < 0), scale)
}

/// Sixteen characters that end with the digits of a decimal, with zeros in front of it and at its end.
#[inline(always)]
fn padded_decimal(units: i64, scale: u32) -> [u64; 2] {
    let magnitude = units.unsigned_abs();
    let [high, low] = match u32::try_from(magnitude) {
        // Most amounts of most tables.
        Ok(small) if magnitude < TEN_8 => [ZEROS, eight(small)],
        _ => sixteen(magnitude),
    };
    // The whole part moves one place to the front, and the point is in the second word.
    let point = 8 * (7 - scale);
    let whole = (low >> 8) & !(!0 << point);
    let fraction = low & (!0 << (point + 8));
    [high >> 8 | low << 56, whole | u64::from(b'.') << point | fraction]
}

/// The hash of what remains of a [`padded_decimal`] without the zeros.
#[inline(always)]
fn of_padded_decimal(words: [u64; 2], signs: u32, scale: u32) -> u64 {
    let text = joined(words);
    // One digit before the point stays, also if it is 0.
    let different = (text ^ TWICE_ZEROS) | 1 << (8 * (14 - scale));
    let front = different.trailing_zeros() / 8 - signs;
    let zeros = (words[1] ^ ZEROS).leading_zeros() / 8;
    // Without a fraction, there is no point.
    let cut = zeros + u32::from(zeros == scale);
    let length = 16 - front - cut;
    let first = (text >> (8 * front)) as u64 ^ (SIGN * u64::from(signs));
    // Both are computed, because the length of the next number cannot be predicted.
    let short = first << (64 - 8 * length.min(8));
    let long = words[1] << (8 * cut) | words[0] >> 1 >> (63 - 8 * cut);
    of_short(first, if length <= 8 { short } else { long }, length)
}

/// Appends the hash of [`text::double`] of each value. `scratch` is a buffer.
///
/// The hash of one double is a chain of about two hundred steps. A processor works on several numbers at once, but looks
/// ahead only a few hundred steps. So each of three parts of the chain is done for a block of numbers: 25 % faster.
pub fn doubles(values: impl Iterator<Item = f64>, out: &mut Vec<u64>, scratch: &mut Vec<u8>) {
    let mut values = values.fuse();
    let (mut block, mut split) = ([0.0; BLOCK], [None; BLOCK]);
    let mut words = [([0; 4], 0); BLOCK];
    loop {
        let mut count = 0;
        for (place, value) in block.iter_mut().zip(&mut values) {
            *place = value;
            count += 1;
        }
        let block = &block[..count];
        for (split, value) in split.iter_mut().zip(block) {
            *split = split_double(*value);
        }
        for ((words, split), value) in words.iter_mut().zip(&split).zip(block) {
            *words = split
                .map_or(([0; 4], 0), |(whole, units)| words_of_double(whole, units, *value < 0.0));
        }
        out.extend(words.iter().zip(block).map(|((words, length), value)| match length {
            0 => long_double(*value, scratch),
            length => of_17_to_32(*words, *length),
        }));
        if count < BLOCK {
            return;
        }
    }
}

#[cold]
fn long_double(value: f64, scratch: &mut Vec<u8>) -> u64 {
    scratch.clear();
    text::double(value, scratch);
    fingerprint(scratch)
}

/// The whole part and the units of the fraction, without their sign, of a double below [`LONG_DOUBLE`] whose fraction
/// has at least 17 digits.
#[inline(always)]
fn split_double(value: f64) -> Option<(u32, u64)> {
    let size = value.abs();
    if !(text::LEAST_SPLIT..LONG_DOUBLE).contains(&size) {
        return None;
    }
    let whole = (size as i32).unsigned_abs();
    let units = (((size - f64::from(whole)) * text::FRACTION_UNITS) as i64).unsigned_abs();
    (units >= TEN_16).then_some((whole, units))
}

/// The first two words and the last two of a double's text, and its length: 17 to 32.
#[inline(always)]
fn words_of_double(whole: u32, units: u64, negative: bool) -> ([u64; 4], usize) {
    let minus = u32::from(negative);
    let top = (units / TEN_16) as u32;
    let [third, fourth] = sixteen(units - u64::from(top) * TEN_16);
    // Before the last sixteen digits: whole part, colon, sign, and one to three digits. 0 has no sign.
    let (text, length) = signed_eight(whole, minus & u32::from(whole > 0));
    let digits = 1 + u32::from(top >= 10) + u32::from(top >= 100);
    let colon = if negative { u64::from_le_bytes(*b":-\0\0\0\0\0\0") } else { b':'.into() };
    let middle = colon | (four(top) >> (8 * (4 - digits))) << (8 * (1 + minus));
    let before = length + 1 + minus + digits;
    let start = if before <= 8 {
        // Numbers of few digits, whose shifts need no second word.
        let moved = [third, fourth].map(|it| it << (8 * (before - 1)) << 8);
        let rest = third >> (64 - 8 * before);
        [text | middle << (8 * length) | moved[0], rest | moved[1]]
    } else {
        let front = u128::from(text) | u128::from(middle) << (8 * length);
        let start = front | joined([third, fourth]) << (8 * before);
        [start as u64, (start >> 64) as u64]
    };
    ([start[0], start[1], third, fourth], 16 + before as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of every length, at the borders of lengths, and with bits at random places.
    fn numbers() -> impl Iterator<Item = i64> {
        let powers = (0..19).map(|power| 10_i64.pow(power));
        let borders = powers.flat_map(|it| [it, it - 1, it + 1, it * 3, it / 7 * 7]);
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let random = std::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.cast_signed() >> (state % 64)
        });
        let all = borders.chain(random.take(100_000)).chain([0, i64::MAX]);
        all.flat_map(|it| [it, it.wrapping_neg()])
    }

    fn hash(write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let mut text = Vec::new();
        write(&mut text);
        fingerprint(&text)
    }

    #[test]
    fn hashes_of_integers_are_those_of_their_texts() {
        let values: Vec<i64> = numbers().collect();
        let mut hashes = Vec::new();
        integers(values.iter().copied(), &mut hashes);
        for (value, found) in values.iter().zip(&hashes) {
            let expected = hash(|out| text::integer(*value, out));
            assert_eq!((*found, integer(*value)), (expected, expected), "{value}");
        }
        assert_eq!(hashes.len(), values.len());
        let borders = [FIRST_DAY - 1, FIRST_DAY, FIRST_DAY + DAYS - 1, FIRST_DAY + DAYS];
        let all = (-20_000..50_000).step_by(7).chain(borders).chain([i32::MIN, i32::MAX]);
        let mut hashes = Vec::new();
        days(all.clone(), &mut hashes);
        for (value, found) in all.zip(hashes) {
            assert_eq!(found, hash(|out| text::integer(value.into(), out)), "day {value}");
        }
    }

    #[test]
    fn hashes_of_decimals_are_those_of_their_texts() {
        let scratch = &mut Vec::new();
        let values: Vec<i64> = numbers().collect();
        for scale in [0, 1, 2, 3, 6, 7, 9, 18] {
            let mut hashes = Vec::new();
            decimals(values.iter().copied(), scale, &mut hashes, scratch);
            for (value, found) in values.iter().zip(hashes) {
                let units = i128::from(*value);
                let expected = hash(|out| text::short_decimal(units, scale as usize, out));
                let said = format!("{value} of scale {scale}");
                assert_eq!(found, expected, "{said}");
                assert_eq!(decimal(units, scale, scratch), expected, "{said}, alone");
            }
        }
        for units in [i128::MAX, i128::MIN, i128::from(i64::MAX) + 1, 10_i128.pow(30)] {
            let expected = hash(|out| text::short_decimal(units, 9, out));
            assert_eq!(decimal(units, 9, scratch), expected, "{units}");
        }
    }

    #[test]
    fn hashes_of_doubles_are_those_of_their_texts() {
        let scratch = &mut Vec::new();
        let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, LONG_DOUBLE];
        let near = [0.1, 1.0, 1e7, 0.002_168_404_344_971_009, 0.001_953_125, 9_999_999.5];
        let near = near.into_iter().flat_map(|it: f64| [it, it.next_down(), it.next_up(), -it]);
        let random = numbers().flat_map(|it| {
            let number = it as f64;
            [f64::from_bits(it.cast_unsigned()), number / 4096.0, number / 1e9, number / 1e18]
        });
        let values: Vec<f64> = special.into_iter().chain(near).chain(random).collect();
        let mut hashes = Vec::new();
        doubles(values.iter().copied(), &mut hashes, scratch);
        for (value, found) in values.iter().zip(hashes) {
            assert_eq!(found, hash(|out| text::double(*value, out)), "{value}");
        }
    }
}
