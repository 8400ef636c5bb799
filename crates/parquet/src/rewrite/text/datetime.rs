//! Parses dates, times and timestamps as PostgreSQL and MySQL print them.
//!
//! The calendar is the proleptic Gregorian calendar, which both databases and BigQuery use.

use landbridge_core::rewrite::Misfit;

const MICROS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;
/// 0001-01-01 and 9999-12-31, the first and last day of BigQuery, in days since 1970-01-01.
const FIRST_DAY: i32 = -719_162;
const LAST_DAY: i32 = 2_932_896;

/// Parses `YYYY-MM-DD` to days since 1970-01-01.
pub(in crate::rewrite) fn date(text: &[u8]) -> Result<i32, Misfit> {
    if let Some(days) = fast_date(text) {
        return days;
    }
    let (days, rest) = any_date(text)?;
    if rest.is_empty() { days } else { Err(Misfit::Malformed) }
}

/// Parses `YYYY-MM-DD HH:MM:SS[.ffffff][zone]` to microseconds since 1970-01-01 in UTC.
pub(in crate::rewrite) fn timestamp(text: &[u8]) -> Result<i64, Misfit> {
    if let Some(Ok(micros)) = fast_timestamp(text) {
        return Ok(micros);
    }
    let (local, offset) = clock_and_offset(text)?;
    in_range(local - offset.unwrap_or(0) * MICROS)
}

/// Parses `YYYY-MM-DD HH:MM:SS[.ffffff]` to microseconds since 1970-01-01 00:00:00 of the same clock.
pub(in crate::rewrite) fn datetime(text: &[u8]) -> Result<i64, Misfit> {
    if let Some(Ok(micros)) = fast_timestamp(text) {
        return Ok(micros);
    }
    match clock_and_offset(text)? {
        (local, None) => in_range(local),
        (_, Some(_)) => Err(Misfit::TimeWithZone),
    }
}

/// Checks that the time is within BigQuery's years.
pub(in crate::rewrite) fn in_range(micros: i64) -> Result<i64, Misfit> {
    if micros < i64::from(FIRST_DAY) * DAY_SECONDS * MICROS {
        Err(Misfit::YearBefore1)
    } else if micros >= (i64::from(LAST_DAY) + 1) * DAY_SECONDS * MICROS {
        Err(Misfit::YearBeyond9999)
    } else {
        Ok(micros)
    }
}

/// Parses `YYYY-MM-DD HH:MM:SS[.ffffff][zone]`: microseconds since 1970-01-01 00:00:00 of the same
/// clock, and the zone's seconds east of UTC.
pub(in crate::rewrite) fn clock_and_offset(text: &[u8]) -> Result<(i64, Option<i64>), Misfit> {
    if let Some(Ok(micros)) = fast_timestamp(text) {
        return Ok((micros, None));
    }
    let (days, rest) = match text.split_at_checked(10) {
        Some((head, rest)) if rest.first() == Some(&b' ') => match fast_date(head) {
            Some(days) => (days, rest),
            None => any_date(text)?,
        },
        _ => any_date(text)?,
    };
    let (b' ' | b'T', rest) = rest.split_first().map_or((0, rest), |(it, rest)| (*it, rest)) else {
        return Err(Misfit::Malformed);
    };
    let (hours, micros, rest) = clock(rest)?;
    if hours > 23 {
        return Err(Misfit::Malformed);
    }
    let has_zone = matches!(rest, [b'+' | b'-' | b'Z', ..]);
    let (offset, rest) = zone(rest)?;
    if rest == b" BC" {
        return Err(Misfit::YearBefore1);
    }
    if !rest.is_empty() {
        return Err(Misfit::Malformed);
    }
    Ok((i64::from(days?) * DAY_SECONDS * MICROS + micros, has_zone.then_some(offset)))
}

/// Parses `HH:MM:SS[.ffffff]` to microseconds since midnight. MySQL may print a sign and more than two
/// digits of hours; PostgreSQL may print a zone.
pub(in crate::rewrite) fn time(text: &[u8]) -> Result<i64, Misfit> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (hours, micros, rest) = clock(text)?;
    if !rest.is_empty() {
        let (_, rest) = zone(rest)?;
        return Err(if rest.is_empty() { Misfit::TimeWithZone } else { Misfit::Malformed });
    }
    if negative && micros != 0 {
        Err(Misfit::Negative)
    } else if hours > 23 {
        Err(Misfit::BeyondOneDay)
    } else {
        Ok(micros)
    }
}

/// The common case: `YYYY-MM-DD HH:MM:SS`, without a fraction or with six digits. `None` for any other
/// form, or a time that is out of range.
fn fast_timestamp(text: &[u8]) -> Option<Result<i64, Misfit>> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    let (&[b' ', h0, h1, b':', m0, m1, b':', s0, s1], rest) = rest.split_first_chunk::<9>()? else {
        return None;
    };
    let (hours, minutes, seconds) = (two_digits(h0, h1)?, two_digits(m0, m1)?, two_digits(s0, s1)?);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let fraction = match *rest {
        [] => 0,
        [b'.', f0, f1, f2, f3, f4, f5] => {
            let pairs = [two_digits(f0, f1)?, two_digits(f2, f3)?, two_digits(f4, f5)?];
            pairs.into_iter().fold(0, |sum, pair| sum * 100 + i64::from(pair))
        }
        _ => return None,
    };
    let clock = i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
    let days = fast_date(date)?;
    Some(days.map(|days| (i64::from(days) * DAY_SECONDS + clock) * MICROS + fraction))
}

/// The common case: exactly `YYYY-MM-DD`. `None` for any other form.
fn fast_date(text: &[u8]) -> Option<Result<i32, Misfit>> {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else { return None };
    let year = i32::from(two_digits(y0, y1)?) * 100 + i32::from(two_digits(y2, y3)?);
    Some(days(year, two_digits(m0, m1)?, two_digits(d0, d1)?))
}

/// Parses a date with a year of any length, `infinity` or ` BC`. The inner result is the misfit of a
/// well-formed date; the outer error means that the text is not one.
#[allow(clippy::type_complexity)]
fn any_date(text: &[u8]) -> Result<(Result<i32, Misfit>, &[u8]), Misfit> {
    if text == b"infinity" || text == b"-infinity" {
        return Err(Misfit::Infinite);
    }
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (year, rest) = text.split_at(digits);
    let &[b'-', m0, m1, b'-', d0, d1, ref rest @ ..] = rest else {
        return Err(Misfit::Malformed);
    };
    let (Some(month), Some(day)) = (two_digits(m0, m1), two_digits(d0, d1)) else {
        return Err(Misfit::Malformed);
    };
    if !(4..=9).contains(&digits) {
        return Err(Misfit::Malformed);
    }
    if let b" BC" = rest {
        return Err(Misfit::YearBefore1);
    }
    let year = year.iter().fold(0_i32, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    if year > 9999 {
        // Checked before the day: the year alone decides the misfit.
        return Ok((Err(Misfit::YearBeyond9999), rest));
    }
    Ok((days(year, month, day), rest))
}

/// Parses `HH:MM:SS[.f…]`: the hours, the whole time in microseconds, and the rest of the text.
fn clock(text: &[u8]) -> Result<(i64, i64, &[u8]), Misfit> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(2..=4).contains(&digits) {
        return Err(Misfit::Malformed);
    }
    let (hours, rest) = text.split_at(digits);
    let hours = hours.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let &[b':', m0, m1, b':', s0, s1, ref rest @ ..] = rest else {
        return Err(Misfit::Malformed);
    };
    let (Some(minutes @ 0..=59), Some(seconds @ 0..=59)) = (two_digits(m0, m1), two_digits(s0, s1))
    else {
        return Err(Misfit::Malformed);
    };
    let mut micros = (hours * 3600 + i64::from(minutes) * 60 + i64::from(seconds)) * MICROS;
    let mut rest = rest;
    if let [b'.', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Err(Misfit::Malformed);
        }
        let (fraction, after) = fraction.split_at(digits);
        let mut unit = MICROS;
        for digit in fraction {
            unit /= 10;
            if unit == 0 && *digit != b'0' {
                return Err(Misfit::TooManyFractionDigits);
            }
            micros += i64::from(digit - b'0') * unit;
        }
        rest = after;
    }
    Ok((hours, micros, rest))
}

/// Parses `Z`, `+00`, `+0530`, `+05:30`, `-07:52:58`, or nothing: seconds east of UTC.
fn zone(text: &[u8]) -> Result<(i64, &[u8]), Misfit> {
    let (sign, rest) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        [b'Z', rest @ ..] => return Ok((0, rest)),
        _ => return Ok((0, text)),
    };
    let mut rest = rest;
    let mut offset = 0;
    for (place, unit) in [3600, 60, 1].into_iter().enumerate() {
        let digits = match rest {
            [b':', rest @ ..] if place > 0 => rest,
            [b'0'..=b'9', ..] => rest,
            _ if place > 0 => break,
            _ => return Err(Misfit::Malformed),
        };
        let [a, b, after @ ..] = digits else { return Err(Misfit::Malformed) };
        let Some(value @ 0..=59) = two_digits(*a, *b) else { return Err(Misfit::Malformed) };
        if place == 0 && value > 18 {
            return Err(Misfit::Malformed);
        }
        offset += i64::from(value) * unit;
        rest = after;
    }
    Ok((sign * offset, rest))
}

fn two_digits(a: u8, b: u8) -> Option<u8> {
    let (a, b) = (a.wrapping_sub(b'0'), b.wrapping_sub(b'0'));
    (a < 10 && b < 10).then(|| a * 10 + b)
}

#[inline]
fn days(year: i32, month: u8, day: u8) -> Result<i32, Misfit> {
    if year == 0 || month == 0 || day == 0 {
        return Err(Misfit::ZeroDate);
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return Err(Misfit::NoSuchDate),
    };
    if day > length {
        return Err(Misfit::NoSuchDate);
    }
    // The year starts in March here, so that the leap day is its last day.
    let (month, day) = (i32::from(month), i32::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Ok(year * 365 + year / 4 - year / 100 + year / 400 + in_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("1970-01-01", Ok(0)),
            ("1969-12-31", Ok(-1)),
            ("2000-02-29", Ok(11_016)),
            ("2026-11-22", Ok(20_779)),
            ("0001-01-01", Ok(FIRST_DAY)),
            ("9999-12-31", Ok(LAST_DAY)),
            ("infinity", Err(Misfit::Infinite)),
            ("-infinity", Err(Misfit::Infinite)),
            ("0000-00-00", Err(Misfit::ZeroDate)),
            ("2024-00-10", Err(Misfit::ZeroDate)),
            ("2024-01-00", Err(Misfit::ZeroDate)),
            ("2023-02-29", Err(Misfit::NoSuchDate)),
            ("2024-13-01", Err(Misfit::NoSuchDate)),
            ("10000-01-01", Err(Misfit::YearBeyond9999)),
            ("5874897-12-31", Err(Misfit::YearBeyond9999)),
            ("0044-03-15 BC", Err(Misfit::YearBefore1)),
            ("", Err(Misfit::Malformed)),
            ("2024-1-01", Err(Misfit::Malformed)),
            ("24-01-01", Err(Misfit::Malformed)),
            ("2024-01-01x", Err(Misfit::Malformed)),
            (" 2024-01-01", Err(Misfit::Malformed)),
            ("20240101", Err(Misfit::Malformed)),
            ("2024/01/01", Err(Misfit::Malformed)),
            ("\u{7f}024-01-01", Err(Misfit::Malformed)),
            ("99999999999999999999-01-01", Err(Misfit::Malformed)),
        ] {
            assert_eq!(date(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = FIRST_DAY;
        for year in 1..=9999 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Ok(days) = days(year, month, day) {
                        assert_eq!(days, expected);
                        expected += 1;
                    }
                }
            }
        }
        assert_eq!(expected, LAST_DAY + 1);
    }

    #[test]
    fn timestamps() {
        let noon = 43_200_000_000;
        for (text, expected) in [
            ("1970-01-01 00:00:00", Ok(0)),
            ("1970-01-01 12:00:00", Ok(noon)),
            ("1970-01-01T12:00:00", Ok(noon)),
            ("1970-01-01 12:00:00.000001", Ok(noon + 1)),
            ("1970-01-01 12:00:00.123456", Ok(noon + 123_456)),
            ("1970-01-01 12:00:00.12345x", Err(Misfit::Malformed)),
            ("1970-01-01 12:00:60", Err(Misfit::Malformed)),
            ("0000-00-00 00:00:00.000000", Err(Misfit::ZeroDate)),
            ("1970-01-01 12:00:00Z", Ok(noon)),
            ("1970-01-01 12:00:00+00", Ok(noon)),
            ("1970-01-01 12:00:00+09", Ok(noon - 9 * 3_600_000_000)),
            ("1970-01-01 12:00:00+05:30", Ok(noon - 19_800_000_000)),
            ("1970-01-01 12:00:00+0530", Ok(noon - 19_800_000_000)),
            ("1970-01-01 12:00:00-07:52:58", Ok(noon + 28_378_000_000)),
            ("1969-12-31 23:59:59.999999", Ok(-1)),
            ("1970-01-01 00:00:00.5", Ok(500_000)),
            ("1970-01-01 00:00:00.000001000", Ok(1)),
            ("1970-01-01 00:00:00.0000001", Err(Misfit::TooManyFractionDigits)),
            ("infinity", Err(Misfit::Infinite)),
            ("-infinity", Err(Misfit::Infinite)),
            ("0044-03-15 12:00:00 BC", Err(Misfit::YearBefore1)),
            ("0044-03-15 12:00:00+00 BC", Err(Misfit::YearBefore1)),
            ("0001-01-01 00:00:00+09", Err(Misfit::YearBefore1)),
            ("9999-12-31 23:00:00-09", Err(Misfit::YearBeyond9999)),
            ("10000-01-01 00:00:00", Err(Misfit::YearBeyond9999)),
            ("294276-12-31 23:59:59.999999+00", Err(Misfit::YearBeyond9999)),
            ("0000-00-00 00:00:00", Err(Misfit::ZeroDate)),
            ("2023-02-29 00:00:00", Err(Misfit::NoSuchDate)),
            ("2024-01-01 24:00:00", Err(Misfit::Malformed)),
            ("2024-01-01 12:60:00", Err(Misfit::Malformed)),
            ("2024-01-01 12:00", Err(Misfit::Malformed)),
            ("2024-01-01", Err(Misfit::Malformed)),
            ("2024-01-01 12:00:00+", Err(Misfit::Malformed)),
            ("2024-01-01 12:00:00+99", Err(Misfit::Malformed)),
            ("2024-01-01 12:00:00 KST", Err(Misfit::Malformed)),
            ("2024-01-01 12:00:00.", Err(Misfit::Malformed)),
            ("", Err(Misfit::Malformed)),
        ] {
            assert_eq!(timestamp(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn datetimes_have_no_zone() {
        let noon = 43_200_000_000;
        for (text, expected) in [
            ("1970-01-01 12:00:00", Ok(noon)),
            ("1970-01-01 12:00:00.5", Ok(noon + 500_000)),
            ("9999-12-31 23:59:59.999999", Ok(253_402_300_799_999_999)),
            ("0001-01-01 00:00:00", Ok(-62_135_596_800_000_000)),
            ("1970-01-01 12:00:00+00", Err(Misfit::TimeWithZone)),
            ("1970-01-01 12:00:00Z", Err(Misfit::TimeWithZone)),
            ("infinity", Err(Misfit::Infinite)),
            ("0044-03-15 12:00:00 BC", Err(Misfit::YearBefore1)),
            ("10000-01-01 00:00:00", Err(Misfit::YearBeyond9999)),
            ("0000-00-00 00:00:00", Err(Misfit::ZeroDate)),
            ("2024-01-01", Err(Misfit::Malformed)),
        ] {
            assert_eq!(datetime(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("00:00:00", Ok(0)),
            ("23:59:59.999999", Ok(86_399_999_999)),
            ("-00:00:00", Ok(0)),
            ("24:00:00", Err(Misfit::BeyondOneDay)),
            ("838:59:59", Err(Misfit::BeyondOneDay)),
            ("-12:00:00", Err(Misfit::Negative)),
            ("-838:59:59", Err(Misfit::Negative)),
            ("12:00:00+09", Err(Misfit::TimeWithZone)),
            ("12:00:00.5-03:30", Err(Misfit::TimeWithZone)),
            ("12:00", Err(Misfit::Malformed)),
            ("1:00:00", Err(Misfit::Malformed)),
            ("12:00:61", Err(Misfit::Malformed)),
            ("noon", Err(Misfit::Malformed)),
            ("", Err(Misfit::Malformed)),
        ] {
            assert_eq!(time(text.as_bytes()), expected, "{text}");
        }
    }
}
