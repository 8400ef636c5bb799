//! Values from their text. Each function is exact, or gives `None`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, date as day_of};

const DAY_MICROS: i64 = 86_400_000_000;

/// `t`, `f`, `true`, `false`, `1`, `0`.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "t" | "true" | "1" => Some(true),
        "f" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// The days since 1970-01-01.
pub(super) fn date(text: &str) -> Option<i32> {
    days(text.parse::<Date>().ok().filter(|_| is_ymd(text))?)
}

/// The microseconds since midnight of `05:00:00`, with a fraction of at most six digits.
pub(super) fn time(text: &str) -> Option<i64> {
    let is_clock = text.len() >= 8 && text.as_bytes()[2] == b':' && text.as_bytes()[5] == b':';
    let has_offset = text.contains(['+', '-', 'Z']);
    if !is_clock || has_offset || !is_micros(text) {
        return None;
    }
    of_day(text.parse().ok()?)
}

/// The microseconds since 1970-01-01 of `2026-11-21 05:00:00`, with a fraction of at most six digits. With `utc`, it may
/// have an offset such as `+09`; without one it is in UTC.
pub(super) fn timestamp(text: &str, utc: bool) -> Option<i64> {
    let (day, clock) = text.split_once([' ', 'T'])?;
    if !is_ymd(day) || !is_micros(clock) {
        return None;
    }
    let has_offset = clock.contains(['+', '-', 'Z']);
    match (has_offset, utc) {
        (true, true) => text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond),
        (true, false) => None,
        (false, _) => {
            let at: DateTime = text.parse().ok()?;
            Some(i64::from(days(at.date())?) * DAY_MICROS + of_day(at.time())?)
        }
    }
}

/// Four digits of a year first: jiff reads other forms too.
fn is_ymd(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    bytes.len() == 10 && (0..4).all(digit) && bytes[4] == b'-' && bytes[7] == b'-'
}

/// Whether a fraction of a second has at most six digits, and no second is the 60th: jiff reads it as the 59th.
fn is_micros(clock: &str) -> bool {
    if clock.get(6..8) == Some("60") {
        return false;
    }
    let Some((_, fraction)) = clock.split_once('.') else { return true };
    fraction.bytes().take_while(u8::is_ascii_digit).count() <= 6
}

fn days(date: Date) -> Option<i32> {
    Some(day_of(1970, 1, 1).until(date).ok()?.get_days())
}

fn of_day(time: Time) -> Option<i64> {
    let nanos = Time::midnight().until(time).ok()?.total(jiff::Unit::Microsecond).ok()?;
    #[allow(clippy::cast_possible_truncation)] // below 86,400,000,000
    Some(nanos.round() as i64)
}

/// The digits of a number as a whole number of 10^-scale.
pub(super) fn decimal(text: &str, precision: u32, scale: u32) -> Option<i128> {
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let scale = usize::try_from(scale).ok()?;
    let fraction = match fraction.get(scale..) {
        // Digits that the column does not have must be zeros.
        Some(more) if more.bytes().all(|byte| byte == b'0') => &fraction[..scale],
        Some(_) => return None,
        None => fraction,
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let zeros = scale - fraction.len();
    let digits = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', zeros));
    let mut value: i128 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    (value < 10_i128.checked_pow(precision)?).then_some(if is_negative { -value } else { value })
}

/// The bytes of `a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11`.
pub(super) fn uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u32> =
        text.chars().filter(|it| *it != '-').map(|it| it.to_digit(16)).collect::<Option<_>>()?;
    let digits: [u32; 32] = digits.try_into().ok()?;
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = u8::try_from(pair[0] << 4 | pair[1]).ok()?;
    }
    Some(bytes)
}
