//! Parses decimals, integers and doubles.

use landbridge_core::rewrite::{Decimal, Misfit};

/// Parses a decimal of up to 38 digits to an integer in units of its scale.
pub(in crate::rewrite) fn decimal(text: &[u8], target: Decimal) -> Result<i128, Misfit> {
    let (negative, digits) = digits(text, target)?;
    let mut sum = 0_u128;
    for digit in digits {
        // 38 digits are below 2^127, and `digits` returns at most 38.
        sum = sum * 10 + u128::from(digit);
    }
    let sum = i128::try_from(sum).map_err(|_| Misfit::OutOfRange)?;
    Ok(if negative { -sum } else { sum })
}

/// Parses a decimal of up to 18 digits to an integer in units of its scale.
pub(in crate::rewrite) fn short_decimal(text: &[u8], target: Decimal) -> Result<i64, Misfit> {
    if let Some(units) = fast_decimal(text, target) {
        return Ok(units);
    }
    i64::try_from(decimal(text, target)?).map_err(|_| Misfit::OutOfRange)
}

/// The common case: exactly as many digits after the point as the scale, and at most as many before it
/// as the type allows. `None` for any other form.
fn fast_decimal(text: &[u8], target: Decimal) -> Option<i64> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let scale = usize::from(target.scale);
    let whole = match scale {
        0 => unsigned.len(),
        _ => unsigned.len().checked_sub(scale + 1).filter(|point| unsigned[*point] == b'.')?,
    };
    if whole == 0 || whole + scale > usize::from(target.precision.min(18)) {
        return None;
    }
    let mut sum = 0_i64;
    let mut digits = true;
    // `for_each` compiles to one loop per part of the chain; `for` does not.
    unsigned[..whole].iter().chain(&unsigned[unsigned.len() - scale..]).for_each(|byte| {
        let digit = byte.wrapping_sub(b'0');
        digits &= digit < 10;
        // At most 18 digits, even if they are invalid: below 2^63.
        sum = sum * 10 + i64::from(digit & 15);
    });
    digits.then_some(if negative { -sum } else { sum })
}

/// Parses a decimal of up to 76 digits to 32 big-endian bytes in two's complement.
pub(in crate::rewrite) fn wide_decimal(text: &[u8], target: Decimal) -> Result<[u8; 32], Misfit> {
    let (negative, digits) = digits(text, target)?;
    // The least significant limb is first. 76 digits are below 2^253.
    let mut limbs = [0_u64; 4];
    for digit in digits {
        let mut carry = u128::from(digit);
        for limb in &mut limbs {
            let value = u128::from(*limb) * 10 + carry;
            *limb = value as u64;
            carry = value >> 64;
        }
    }
    if negative {
        let mut carry = true;
        for limb in &mut limbs {
            let (value, over) = (!*limb).overflowing_add(u64::from(carry));
            *limb = value;
            carry = over;
        }
    }
    let mut bytes = [0; 32];
    for (place, limb) in bytes.chunks_exact_mut(8).zip(limbs.iter().rev()) {
        place.copy_from_slice(&limb.to_be_bytes());
    }
    Ok(bytes)
}

/// The sign and the digits of the scaled number, most significant first: at most `precision` digits,
/// not counting leading zeros.
fn digits(text: &[u8], target: Decimal) -> Result<(bool, impl Iterator<Item = u8>), Misfit> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let count = unsigned.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = unsigned.split_at(count);
    let fraction = match rest {
        [] => rest,
        [b'.', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => rest,
        _ => return Err(not_a_number(text)),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(not_a_number(text));
    }
    let zeros = whole.iter().take_while(|digit| **digit == b'0').count();
    let whole = &whole[zeros..];
    let ending = fraction.iter().rev().take_while(|digit| **digit == b'0').count();
    let fraction = &fraction[..fraction.len() - ending];
    let (precision, scale) = (usize::from(target.precision), usize::from(target.scale));
    if whole.len() > precision - scale {
        return Err(Misfit::OutOfRange);
    }
    if fraction.len() > scale {
        return Err(Misfit::TooManyFractionDigits);
    }
    let fill = std::iter::repeat_n(b'0', scale - fraction.len());
    let all = whole.iter().chain(fraction).copied().chain(fill);
    Ok((negative, all.map(|digit| digit - b'0')))
}

fn not_a_number(text: &[u8]) -> Misfit {
    match text {
        b"NaN" => Misfit::NotANumber,
        b"Infinity" | b"-Infinity" | b"infinity" | b"-infinity" => Misfit::Infinite,
        _ => Misfit::Malformed,
    }
}

/// Parses a 64-bit integer.
pub(in crate::rewrite) fn integer(text: &[u8]) -> Result<i64, Misfit> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(not_a_number(text));
    }
    // Any eighteen digits fit.
    if digits.len() <= 18 {
        let sum = digits.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        return Ok(if negative { -sum } else { sum });
    }
    let mut sum = 0_i64;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        let next = sum
            .checked_mul(10)
            .and_then(|sum| if negative { sum.checked_sub(digit) } else { sum.checked_add(digit) });
        sum = next.ok_or(Misfit::OutOfRange)?;
    }
    Ok(sum)
}

/// Parses a double. A number that is too large is a misfit; `Infinity` is not.
pub(in crate::rewrite) fn double(text: &[u8]) -> Result<f64, Misfit> {
    let text = std::str::from_utf8(text).map_err(|_| Misfit::Malformed)?;
    let value: f64 = text.parse().map_err(|_| Misfit::Malformed)?;
    if value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(Misfit::OutOfRange);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn of(precision: u8, scale: u8) -> Decimal {
        Decimal { precision, scale }
    }

    #[test]
    fn decimals() {
        let nines = "9".repeat(29) + "." + &"9".repeat(9);
        for (text, target, expected) in [
            ("0", of(12, 2), Ok(0)),
            ("1", of(12, 2), Ok(100)),
            ("-1.5", of(12, 2), Ok(-150)),
            ("+1.5", of(12, 2), Ok(150)),
            (".5", of(12, 2), Ok(50)),
            ("5.", of(12, 2), Ok(500)),
            ("00012.340000", of(4, 2), Ok(1234)),
            ("9999999999.99", of(12, 2), Ok(999_999_999_999)),
            ("10000000000", of(12, 2), Err(Misfit::OutOfRange)),
            ("0.001", of(12, 2), Err(Misfit::TooManyFractionDigits)),
            (&nines, of(38, 9), Ok(10_i128.pow(38) - 1)),
            ("NaN", of(12, 2), Err(Misfit::NotANumber)),
            ("Infinity", of(12, 2), Err(Misfit::Infinite)),
            ("-Infinity", of(12, 2), Err(Misfit::Infinite)),
            ("", of(12, 2), Err(Misfit::Malformed)),
            ("-", of(12, 2), Err(Misfit::Malformed)),
            (".", of(12, 2), Err(Misfit::Malformed)),
            ("1e5", of(12, 2), Err(Misfit::Malformed)),
            ("$1,234.50", of(12, 2), Err(Misfit::Malformed)),
            ("1.2.3", of(12, 2), Err(Misfit::Malformed)),
            (" 1", of(12, 2), Err(Misfit::Malformed)),
        ] {
            assert_eq!(decimal(text.as_bytes(), target), expected, "{text}");
            if target.precision <= 18 {
                let expected = expected.map(|units| units as i64);
                assert_eq!(short_decimal(text.as_bytes(), target), expected, "{text}, short");
            }
        }
    }

    #[test]
    fn the_common_form_of_decimals_is_read_as_any_other() {
        let texts = [
            "0.00",
            "1.23",
            "-1.23",
            "+1.23",
            "9999999999.99",
            "99999999999.99",
            "-.50",
            "x.12",
            "1.2x",
            "1/.00",
            "1.:0",
            "-",
            "-1",
            "12",
            "999999999999999999",
            "1234567890123456.78",
            "-99999999999999.99",
            "0000000000001.00",
            "1..00",
            "--1.00",
            "-+1.00",
        ];
        for text in texts {
            for target in [of(12, 2), of(18, 2), of(18, 0), of(1, 0), of(2, 2)] {
                let slow = decimal(text.as_bytes(), target).map(|units| units as i64);
                assert_eq!(short_decimal(text.as_bytes(), target), slow, "{text}");
            }
        }
    }

    #[test]
    fn wide_decimals_agree_with_narrow_ones() {
        for text in ["0", "1", "-1", "255", "-256", "18446744073709551616", "-99999999999999999999"]
        {
            let narrow = decimal(text.as_bytes(), of(38, 0)).expect("it fits");
            let fill = if narrow < 0 { 255 } else { 0 };
            let mut expected = [fill; 32];
            expected[16..].copy_from_slice(&narrow.to_be_bytes());
            assert_eq!(wide_decimal(text.as_bytes(), of(38, 0)), Ok(expected), "{text}");
        }
        let nines = "9".repeat(38) + "." + &"9".repeat(38);
        let most = wide_decimal(nines.as_bytes(), of(76, 38)).expect("it fits");
        assert!(most[0] < 0x80);
        let beyond = "1".to_owned() + &"0".repeat(38);
        assert_eq!(wide_decimal(beyond.as_bytes(), of(76, 38)), Err(Misfit::OutOfRange));
    }

    #[test]
    fn whole_numbers() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("9223372036854775807", Ok(i64::MAX)),
            ("-9223372036854775808", Ok(i64::MIN)),
            ("9223372036854775808", Err(Misfit::OutOfRange)),
            ("1.0", Err(Misfit::Malformed)),
            ("", Err(Misfit::Malformed)),
            ("-", Err(Misfit::Malformed)),
            ("NaN", Err(Misfit::NotANumber)),
        ] {
            assert_eq!(integer(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn doubles() {
        assert_eq!(double(b"1.5e3"), Ok(1500.0));
        assert_eq!(double(b"-Infinity"), Ok(f64::NEG_INFINITY));
        assert!(double(b"NaN").is_ok_and(f64::is_nan));
        assert_eq!(double(b"1e999"), Err(Misfit::OutOfRange));
        for text in ["", " 1", "1,5", "x"] {
            assert_eq!(double(text.as_bytes()), Err(Misfit::Malformed), "{text}");
        }
    }
}
