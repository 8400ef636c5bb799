//! The canonical text of a value: one text per value of a type, which the transfer and GoogleSQL
//! both compute. `docs/proof.md` lists it by type, [`super::sql`] has the same in GoogleSQL.

use std::io::Write;

/// 2^62. A double of at least [`LEAST_SPLIT`] has no bit below 2^-62, so its fraction times this is whole.
pub(super) const FRACTION_UNITS: f64 = 4_611_686_018_427_387_904.0;
/// 2^-9.
pub(super) const LEAST_SPLIT: f64 = 0.001_953_125;

/// Appends a whole number in decimal digits, as GoogleSQL's `CAST(… AS STRING)` writes an INT64. Dates are the days since
/// 1970-01-01, times the microseconds since midnight, and instants the microseconds since 1970.
#[inline]
pub fn integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// `true` or `false`.
pub const fn boolean(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}

/// Appends a double: exactly, as its whole part and its fraction in units of 2^-62, `1:2305843009213693952`
/// for 1.5. A double below 2^-9 or from 2^62 has 17 significant digits instead, which distinguish every
/// double, as C's `%.16e` writes them. Both zeros are `0`, and every NaN is `NaN`.
///
/// Exact digits of a double cost a hundred nanoseconds; the two whole numbers cost ten, and GoogleSQL
/// computes the same ones, because a power of two changes no digit.
pub fn double(value: f64, out: &mut Vec<u8>) {
    if (LEAST_SPLIT..FRACTION_UNITS).contains(&value.abs()) {
        let whole = value.trunc();
        integer(whole as i64, out);
        out.push(b':');
        integer(((value - whole) * FRACTION_UNITS) as i64, out);
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    } else if value == 0.0 {
        out.push(b'0');
    } else {
        let start = out.len();
        // Writing into a vector cannot fail.
        let _ = write!(out, "{value:.16e}");
        pad_exponent(out, start);
    }
}

/// Rust writes `1.5e-7`, C writes `1.5e-07`.
fn pad_exponent(out: &mut Vec<u8>, start: usize) {
    let Some(at) = out[start..].iter().rposition(|byte| *byte == b'e') else { return };
    let at = start + at + 1;
    if out.get(at) != Some(&b'-') {
        out.insert(at, b'+');
    }
    if out.len() == at + 2 {
        out.insert(at + 1, b'0');
    }
}

/// Appends a decimal: `units` is a big-endian two's complement number of at most 32 bytes, and `scale`
/// of its digits follow the point. Trailing zeros after the point are left out, as in GoogleSQL's
/// `CAST(… AS STRING)` of a NUMERIC or BIGNUMERIC.
pub fn decimal(units: &[u8], scale: usize, out: &mut Vec<u8>) {
    let (negative, magnitude) = magnitude(units);
    let mut digits = decimal_digits(magnitude);
    if digits.len() <= scale {
        digits.splice(0..0, std::iter::repeat_n(b'0', scale + 1 - digits.len()));
    }
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let kept = fraction.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    let fraction = &fraction[..kept];
    if negative && (fraction.iter().any(|it| *it != b'0') || whole.iter().any(|it| *it != b'0')) {
        out.push(b'-');
    }
    out.extend_from_slice(whole);
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

/// As [`decimal`], for a number that fits 128 bits.
pub fn short_decimal(units: i128, scale: usize, out: &mut Vec<u8>) {
    let Ok(short) = i64::try_from(units) else {
        return decimal(&units.to_be_bytes(), scale, out);
    };
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(short).as_bytes();
    let least = scale + usize::from(short < 0);
    // Without a digit before the point.
    if digits.len() <= least {
        return decimal(&units.to_be_bytes(), scale, out);
    }
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let kept = fraction.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    out.extend_from_slice(whole);
    if kept > 0 {
        out.push(b'.');
        out.extend_from_slice(&fraction[..kept]);
    }
}

/// Appends one element of an array: the length of its text in bytes, a colon, the text.
#[inline]
pub fn element(text: &[u8], out: &mut Vec<u8>) {
    integer(text.len() as i64, out);
    out.push(b':');
    out.extend_from_slice(text);
}

/// Appends bytes in lower-case hexadecimal digits, as `TO_HEX`: the text of BYTES in an array.
pub fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// The sign of a big-endian two's complement number, and its magnitude in words of 32 bits, the most
/// significant first.
fn magnitude(units: &[u8]) -> (bool, [u32; 8]) {
    let negative = units.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 32];
    let length = units.len().min(32);
    wide[32 - length..].copy_from_slice(&units[units.len() - length..]);
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(wide.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    if negative {
        let mut carry = true;
        for word in words.iter_mut().rev() {
            (*word, carry) = (!*word).overflowing_add(u32::from(carry));
        }
    }
    (negative, words)
}

/// The decimal digits of a number, without leading zeros.
fn decimal_digits(mut words: [u32; 8]) -> Vec<u8> {
    const BILLION: u64 = 1_000_000_000;
    let mut reversed = Vec::with_capacity(78);
    while words.iter().any(|word| *word != 0) {
        let mut rest = 0_u64;
        for word in &mut words {
            let part = (rest << 32) | u64::from(*word);
            *word = (part / BILLION) as u32;
            rest = part % BILLION;
        }
        for _ in 0..9 {
            reversed.push(b'0' + (rest % 10) as u8);
            rest /= 10;
        }
    }
    while reversed.last() == Some(&b'0') {
        reversed.pop();
    }
    if reversed.is_empty() {
        reversed.push(b'0');
    }
    reversed.reverse();
    reversed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn integers() {
        for value in [0, 7, -7, 10, 99, 100, i64::MAX, i64::MIN] {
            assert_eq!(written(|out| integer(value, out)), value.to_string());
        }
    }

    #[test]
    fn doubles_are_exact_or_as_c_writes_them() {
        for (value, text) in [
            (0.1, "0:461168601842738816"),
            (1.5, "1:2305843009213693952"),
            (-0.5, "0:-2305843009213693952"),
            (0.001_953_125, "0:9007199254740992"),
            (0.001_953_125_f64.next_down(), "1.9531249999999998e-03"),
            (-0.001_953_125_f64.next_up(), "0:-9007199254740994"),
            (4_611_686_018_427_387_904_f64.next_down(), "4611686018427387392:0"),
            (f64::powi(2.0, 62), "4.6116860184273879e+18"),
            (2_251_799_813_685_248.0 - 0.25, "2251799813685247:3458764513820540928"),
            (-0.0, "0"),
            (0.0, "0"),
            (1.0, "1:0"),
            (-1234.5, "-1234:-2305843009213693952"),
            (-0.0001, "-1.0000000000000000e-04"),
            (1e100, "1.0000000000000000e+100"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (-f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(written(|out| double(value, out)), text);
        }
    }

    #[test]
    fn decimals_have_no_trailing_zeros() {
        for (units, scale, text) in [
            (0, 0, "0"),
            (0, 9, "0"),
            (150, 2, "1.5"),
            (-150, 2, "-1.5"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (100, 2, "1"),
            (123_456, 0, "123456"),
            (-123_456, 3, "-123.456"),
            (-123_400, 3, "-123.4"),
            (999, 3, "0.999"),
            (-1000, 3, "-1"),
            (i128::from(i64::MIN), 18, "-9.223372036854775808"),
            (i128::from(i64::MIN), 19, "-0.9223372036854775808"),
            (i128::MAX, 0, "170141183460469231731687303715884105727"),
            (i128::MIN, 38, "-1.70141183460469231731687303715884105728"),
        ] {
            assert_eq!(written(|out| short_decimal(units, scale, out)), text);
            assert_eq!(written(|out| decimal(&units.to_be_bytes(), scale, out)), text);
        }
        // 32 bytes: 2^255 - 1 and -2^255.
        let mut largest = [0xff; 32];
        largest[0] = 0x7f;
        assert_eq!(
            written(|out| decimal(&largest, 38, out)),
            "578960446186580977117854925043439539266.34992332820282019728792003956564819967"
        );
        let mut smallest = [0; 32];
        smallest[0] = 0x80;
        assert_eq!(
            written(|out| decimal(&smallest, 38, out)),
            "-578960446186580977117854925043439539266.34992332820282019728792003956564819968"
        );
        // A negative number in few bytes.
        assert_eq!(written(|out| decimal(&[0xff], 1, out)), "-0.1");
    }

    #[test]
    fn elements_of_arrays_cannot_run_together() {
        let array = |elements: &[&str]| {
            written(|out| elements.iter().for_each(|it| element(it.as_bytes(), out)))
        };
        assert_eq!(array(&["ab", "", "고객"]), "2:ab0:6:고객");
        assert_ne!(array(&["a", "b"]), array(&["ab"]));
        assert_ne!(array(&[]), array(&[""]));
        assert_eq!(written(|out| hex(&[0, 255, 16], out)), "00ff10");
    }
}
