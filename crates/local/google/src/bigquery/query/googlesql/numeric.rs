//! Exact decimal numbers: NUMERIC (scale 9) and BIGNUMERIC (scale 38).
//!
//! Semantics: GoogleSQL reference, "Decimal types": results are rounded half away from zero.

use arrow::datatypes::i256;
use num_bigint::{BigInt, Sign};

use super::error::{Result, SqlError};

pub(crate) const NUMERIC_SCALE: u32 = 9;
pub(crate) const BIG_SCALE: u32 = 38;
/// 99999999999999999999999999999.999999999.
pub(crate) const NUMERIC_MAX: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

/// A number of units within the range of NUMERIC.
pub(crate) fn check_numeric(units: i128) -> Result<i128> {
    let within = (-NUMERIC_MAX..=NUMERIC_MAX).contains(&units);
    if within { Ok(units) } else { Err(SqlError::overflow("NUMERIC")) }
}

pub(crate) fn to_big(value: i256) -> BigInt {
    BigInt::from_signed_bytes_be(&value.to_be_bytes())
}

/// A number of units within the range of NUMERIC.
pub(crate) fn numeric_from_big(value: &BigInt) -> Result<i128> {
    i128::try_from(value).map_err(|_| SqlError::overflow("NUMERIC")).and_then(check_numeric)
}

/// A number of units within the range of BIGNUMERIC, which is that of 256 bits.
pub(crate) fn bignumeric_from_big(value: &BigInt) -> Result<i256> {
    let bytes = value.to_signed_bytes_be();
    if bytes.len() > 32 {
        return Err(SqlError::overflow("BIGNUMERIC"));
    }
    let fill = if value.sign() == Sign::Minus { 0xff } else { 0 };
    let mut full = [fill; 32];
    full[32 - bytes.len()..].copy_from_slice(&bytes);
    Ok(i256::from_be_bytes(full))
}

pub(crate) fn power_of_ten(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

/// Division rounded half away from zero.
pub(crate) fn divide_rounded(dividend: &BigInt, divisor: &BigInt) -> BigInt {
    let negative = (dividend.sign() == Sign::Minus) != (divisor.sign() == Sign::Minus);
    let (dividend, divisor) = (dividend.magnitude(), divisor.magnitude());
    let rounded = BigInt::from((dividend * 2_u32 + divisor) / (divisor * 2_u32));
    if negative { -rounded } else { rounded }
}

/// Decimal text of a number of units, without trailing zeros.
pub(crate) fn format_units(units: &BigInt, scale: u32) -> String {
    let digits = units.magnitude().to_string();
    let scale = scale as usize;
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    let sign = if units.sign() == Sign::Minus { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Reads a decimal number with an optional exponent. Digits beyond the scale are rounded.
pub(crate) fn parse_units(text: &str, scale: u32) -> Option<BigInt> {
    let text = text.trim_matches(|it: char| it.is_ascii_whitespace());
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let mut units: BigInt = digits.parse().ok()?;
    let shift = i64::from(exponent) - fraction.len() as i64 + i64::from(scale);
    if shift > 400 && units.sign() != Sign::NoSign {
        return None;
    }
    if shift >= 0 {
        units *= power_of_ten(u32::try_from(shift.min(400)).ok()?);
    } else {
        let digits = u32::try_from((-shift).min(4000)).ok()?;
        units = divide_rounded(&units, &power_of_ten(digits));
    }
    Some(if negative { -units } else { units })
}

/// Whether a decimal text has no digit beyond a scale.
pub(crate) fn fits_scale(text: &str, scale: u32) -> bool {
    let exact = parse_units(text, scale + 400);
    exact.is_none_or(|it| (it % power_of_ten(400)).sign() == Sign::NoSign)
}

/// The nearest number of units of a float. `None` for NaN and infinities.
pub(crate) fn units_from_float(value: f64, scale: u32) -> Option<BigInt> {
    if !value.is_finite() {
        return None;
    }
    // A finite float is a fraction with a power of two as its divisor.
    let bits = value.abs().to_bits();
    let raw_exponent = (bits >> 52) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = match raw_exponent {
        0 => (fraction, -1074),
        it => (fraction | (1 << 52), it - 1075),
    };
    let scaled = BigInt::from(mantissa) * power_of_ten(scale);
    let units = if exponent >= 0 {
        scaled << exponent.unsigned_abs()
    } else {
        divide_rounded(&scaled, &(BigInt::from(1) << exponent.unsigned_abs()))
    };
    Some(if value < 0.0 { -units } else { units })
}

/// The nearest float.
pub(crate) fn units_to_float(units: &BigInt, scale: u32) -> f64 {
    format_units(units, scale).parse().unwrap_or(f64::NAN)
}

/// Rounds units to a number of decimal places; `mode` says how.
pub(crate) fn round_units(units: &BigInt, scale: u32, places: i64, mode: Rounding) -> BigInt {
    let drop = i64::from(scale).saturating_sub(places);
    if drop <= 0 {
        return units.clone();
    }
    let Ok(drop) = u32::try_from(drop.min(3000)) else { return units.clone() };
    let unit = power_of_ten(drop);
    let truncated = units / &unit;
    let exact = &truncated * &unit == *units;
    let steps = match mode {
        Rounding::HalfAway => divide_rounded(units, &unit),
        Rounding::HalfEven => {
            let rounded = divide_rounded(units, &unit);
            let is_half = (units - &rounded * &unit).magnitude() * 2_u32 == *unit.magnitude();
            match (is_half && rounded.bit(0), units.sign()) {
                // A half was rounded away from zero to an odd number.
                (true, Sign::Minus) => rounded + 1,
                (true, _) => rounded - 1,
                (false, _) => rounded,
            }
        }
        Rounding::Truncate => truncated,
        Rounding::Floor if units.sign() == Sign::Minus && !exact => truncated - 1,
        Rounding::Ceiling if units.sign() == Sign::Plus && !exact => truncated + 1,
        Rounding::Floor | Rounding::Ceiling => truncated,
    };
    steps * unit
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    HalfAway,
    HalfEven,
    Truncate,
    Floor,
    Ceiling,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_read_rounded_and_written() {
        for (text, want) in [
            ("1.5", Some("1.5")),
            ("-0.0000000005", Some("-0.000000001")),
            ("0.0000000004", Some("0")),
            ("12e-1", Some("1.2")),
            (" 7 ", Some("7")),
            ("1.2.3", None),
            ("", None),
            ("abc", None),
        ] {
            let read = parse_units(text, NUMERIC_SCALE).map(|it| format_units(&it, NUMERIC_SCALE));
            assert_eq!(read.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn floats_become_the_nearest_decimal() {
        for (value, want) in [(0.1, "0.1"), (-2.5, "-2.5"), (1e20, "100000000000000000000")] {
            let units = units_from_float(value, NUMERIC_SCALE).expect("finite");
            assert_eq!(format_units(&units, NUMERIC_SCALE), want);
        }
        assert!(units_from_float(f64::NAN, NUMERIC_SCALE).is_none());
    }
}
