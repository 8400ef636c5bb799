//! Decodes cells of PostgreSQL's binary format into the values that an export writes.
//!
//! Most types are read as text. The most common ones are read in the binary format, which costs
//! the server nothing, and printed here exactly as the server prints them: `numeric_out`,
//! `date_out`, `timestamp_out` and `time_out` with `DateStyle` ISO in UTC. The tests compare each
//! with the output of a real server.

use std::io::Write;

use crate::stored::ColumnBuilder;

/// The binary format of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// The column's Arrow type: numbers, booleans, bytes, text.
    Plain,
    /// JSONB: a version byte, then text.
    Jsonb,
    Numeric,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
}

/// Microseconds of a second and of a day.
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Days from 1970-01-01 to PostgreSQL's day 0, 2000-01-01.
const EPOCH: i64 = 10_957;

/// Adds a cell to its column. `None` when the bytes are not valid for the column's type. `scratch`
/// is a reusable buffer for the printed text.
pub(super) fn push(
    cells: &mut ColumnBuilder,
    wire: Wire,
    cell: &[u8],
    scratch: &mut Vec<u8>,
) -> Option<()> {
    match cells {
        ColumnBuilder::Boolean(builder) => builder.append_value(*cell.first()? != 0),
        ColumnBuilder::Int16(builder) => {
            builder.append_value(i16::from_be_bytes(cell.try_into().ok()?))
        }
        ColumnBuilder::Int32(builder) => {
            builder.append_value(i32::from_be_bytes(cell.try_into().ok()?))
        }
        ColumnBuilder::Int64(builder) => {
            builder.append_value(i64::from_be_bytes(cell.try_into().ok()?))
        }
        ColumnBuilder::Float(builder) => {
            builder.append_value(f32::from_be_bytes(cell.try_into().ok()?))
        }
        ColumnBuilder::Double(builder) => {
            builder.append_value(f64::from_be_bytes(cell.try_into().ok()?))
        }
        ColumnBuilder::Bytes(builder) => builder.append_value(cell),
        ColumnBuilder::Text(builder) => {
            let text = match wire {
                Wire::Plain => cell,
                Wire::Jsonb => cell.split_first().filter(|(version, _)| **version == 1)?.1,
                _ => {
                    scratch.clear();
                    print(wire, cell, scratch)?;
                    scratch
                }
            };
            builder.append_value(std::str::from_utf8(text).ok()?);
        }
        // No type of PostgreSQL is exported as a decimal or a timestamp.
        ColumnBuilder::Decimal(..) | ColumnBuilder::Micros(_) => return None,
    }
    Some(())
}

fn print(wire: Wire, cell: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match wire {
        Wire::Plain | Wire::Jsonb => out.extend_from_slice(cell),
        Wire::Numeric => numeric(cell, out)?,
        Wire::Date => date(i32::from_be_bytes(cell.try_into().ok()?), out),
        Wire::Time => time(i64::from_be_bytes(cell.try_into().ok()?), out),
        Wire::Timestamp => timestamp(i64::from_be_bytes(cell.try_into().ok()?), "", out),
        Wire::TimestampTz => timestamp(i64::from_be_bytes(cell.try_into().ok()?), "+00", out),
        Wire::Uuid => uuid(cell, out)?,
    }
    Some(())
}

/// Prints a numeric. On the wire it is four 16-bit numbers (number of digits, power of 10,000 of
/// the first digit, sign, decimal digits after the point), then digits to the base 10,000.
fn numeric(cell: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let word = |at: usize| Some(i16::from_be_bytes(*cell.get(2 * at..)?.first_chunk()?));
    let (count, weight) = (i64::from(word(0)?), i64::from(word(1)?));
    let scale = i64::from(word(3)?);
    match word(2)? as u16 {
        0x0000 => {}
        0x4000 => out.push(b'-'),
        0xC000 => return push_text(out, "NaN"),
        0xD000 => return push_text(out, "Infinity"),
        0xF000 => return push_text(out, "-Infinity"),
        _ => return None,
    }
    // The server omits zero digits at both ends.
    let digit = |at: i64| match at {
        _ if at < 0 || at >= count => Some(0),
        _ => word(4 + usize::try_from(at).ok()?).and_then(|it| u32::try_from(it).ok()),
    };
    if weight < 0 {
        out.push(b'0');
    } else {
        push_integer(u64::from(digit(0)?), 1, out);
        for at in 1..=weight {
            push_integer(u64::from(digit(at)?), 4, out);
        }
    }
    if scale > 0 {
        out.push(b'.');
        let end = out.len() + usize::try_from(scale).ok()?;
        let mut at = weight + 1;
        while out.len() < end {
            push_integer(u64::from(digit(at)?), 4, out);
            at += 1;
        }
        out.truncate(end);
    }
    Some(())
}

fn push_text(out: &mut Vec<u8>, text: &str) -> Option<()> {
    out.extend_from_slice(text.as_bytes());
    Some(())
}

fn date(days: i32, out: &mut Vec<u8>) {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        i32::MIN => out.extend_from_slice(b"-infinity"),
        _ => {
            let before_christ = day(i64::from(days), out);
            era(before_christ, out);
        }
    }
}

fn timestamp(micros: i64, zone: &str, out: &mut Vec<u8>) {
    match micros {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        _ => {
            let before_christ = day(micros.div_euclid(DAY), out);
            out.push(b' ');
            time(micros.rem_euclid(DAY), out);
            out.extend_from_slice(zone.as_bytes());
            era(before_christ, out);
        }
    }
}

fn era(before_christ: bool, out: &mut Vec<u8>) {
    if before_christ {
        out.extend_from_slice(b" BC");
    }
}

/// Prints the date this many days after 2000-01-01 and returns whether it is before Christ. Uses
/// the proleptic Gregorian calendar in eras of 400 years that begin in March, so that a leap day is
/// the last day of a year (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn day(days: i64, out: &mut Vec<u8>) -> bool {
    let days = days + EPOCH + 719_468;
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = days.div_euclid(146_097) * 400 + year_of_era + i64::from(month <= 2);
    // There is no year 0: the year before 1 AD is 1 BC.
    let before_christ = year <= 0;
    push_integer(if before_christ { 1 - year } else { year }.unsigned_abs(), 4, out);
    out.push(b'-');
    push_integer(month.unsigned_abs(), 2, out);
    out.push(b'-');
    push_integer(day.unsigned_abs(), 2, out);
    before_christ
}

fn time(micros: i64, out: &mut Vec<u8>) {
    let (seconds, fraction) = ((micros / SECOND).unsigned_abs(), micros % SECOND);
    push_integer(seconds / 3_600, 2, out);
    out.push(b':');
    push_integer(seconds / 60 % 60, 2, out);
    out.push(b':');
    push_integer(seconds % 60, 2, out);
    if fraction != 0 {
        out.push(b'.');
        push_integer(fraction.unsigned_abs(), 6, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

fn uuid(cell: &[u8], out: &mut Vec<u8>) -> Option<()> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    if cell.len() != 16 {
        return None;
    }
    for (at, byte) in cell.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    Some(())
}

/// Prints an integer with at least this many digits.
fn push_integer(number: u64, digits: usize, out: &mut Vec<u8>) {
    const PAIRS: &[u8; 200] =
        b"00010203040506070809101112131415161718192021222324252627282930313233343536373839\
          40414243444546474849505152535455565758596061626364656667686970717273747576777879\
          8081828384858687888990919293949596979899";
    let pair = |number: u64| {
        let at = 2 * (number as usize);
        [PAIRS[at], PAIRS[at + 1]]
    };
    match (digits, number) {
        (2, 0..100) => out.extend(pair(number)),
        (4, 0..10_000) => {
            out.extend(pair(number / 100));
            out.extend(pair(number % 100));
        }
        // Writing to memory cannot fail.
        _ => _ = write!(out, "{number:0digits$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(wire: Wire, cell: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        print(wire, cell, &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn days_at_both_ends_of_the_calendar() {
        for (days, text) in [
            (0, "2000-01-01"),
            (-1, "1999-12-31"),
            (59, "2000-02-29"),
            (-730_119, "0001-01-01"),
            (-730_120, "0001-12-31 BC"),
            // The first and the last day that PostgreSQL supports.
            (-2_451_545, "4714-11-24 BC"),
            (2_145_031_948, "5874897-12-31"),
            (i32::MAX, "infinity"),
            (i32::MIN, "-infinity"),
        ] {
            assert_eq!(printed(Wire::Date, &days.to_be_bytes()).as_deref(), Some(text));
        }
    }

    #[test]
    fn bytes_of_another_type_are_refused() {
        for wire in [Wire::Numeric, Wire::Date, Wire::Time, Wire::Timestamp, Wire::Uuid] {
            assert_eq!(printed(wire, b"abc"), None, "{wire:?}");
        }
        // A numeric whose header announces one digit, and which has none.
        assert_eq!(printed(Wire::Numeric, &[0, 1, 0, 0, 0, 0, 0, 0]), None);
    }
}
