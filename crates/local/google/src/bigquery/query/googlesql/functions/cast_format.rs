//! CAST with FORMAT: dates, times and bytes as text.
//!
//! Semantics: GoogleSQL reference, "Format clause for CAST". Numbers: `number_format`.

use jiff::tz::TimeZone;

use super::cast_elements::{Element, elements};
use super::cast_parse::{Target, parse};
use super::time_format::{DAYS, MONTHS};
use super::{Context, Function, Result, SqlError, mismatch, number_format, strict, text};
use crate::bigquery::query::googlesql::calendar::{
    check_micros, civil, datetime_micros, day_of, shown_in_zone, timestamp_from_civil,
    timestamp_in_zone, zone,
};
use crate::bigquery::query::googlesql::interval::DAY_MICROS;
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict(
        "$cast_to_text",
        "DATE, STRING -> STRING | TIME, STRING -> STRING | DATETIME, STRING -> STRING | \
         TIMESTAMP, STRING, STRING? -> STRING | BYTES, STRING -> STRING",
        to_text,
    ),
    strict(
        "$cast_to_number_text",
        "INT64, STRING -> STRING | NUMERIC, STRING -> STRING | BIGNUMERIC, STRING -> STRING | \
         FLOAT64, STRING -> STRING",
        number_format::to_text,
    ),
    strict("$cast_to_date", "STRING, STRING -> DATE", |context, args| {
        let parsed = parse(text(args, 0)?, text(args, 1)?, Target::Date, today(context, None))?;
        parsed.date().map(Value::Date)
    }),
    strict("$cast_to_time", "STRING, STRING -> TIME", |context, args| {
        let parsed = parse(text(args, 0)?, text(args, 1)?, Target::Time, today(context, None))?;
        Ok(Value::Time(parsed.time()))
    }),
    strict("$cast_to_datetime", "STRING, STRING -> DATETIME", |context, args| {
        let parsed = parse(text(args, 0)?, text(args, 1)?, Target::Datetime, today(context, None))?;
        let micros = datetime_micros(parsed.date()?, parsed.time());
        check_micros(Some(micros), "DATETIME").map(Value::Datetime)
    }),
    strict("$cast_to_timestamp", "STRING, STRING, STRING? -> TIMESTAMP", |context, args| {
        let default = zone(args, 2)?;
        let today = today(context, Some(&default));
        let parsed = parse(text(args, 0)?, text(args, 1)?, Target::Timestamp, today)?;
        let micros = datetime_micros(parsed.date()?, parsed.time());
        let zone = parsed.zone()?.unwrap_or(default);
        timestamp_from_civil(micros, &zone).map(Value::Timestamp)
    }),
    strict("$cast_to_bytes", "STRING, STRING -> BYTES", |_, args| {
        bytes_from(text(args, 0)?, text(args, 1)?)
    }),
];

/// The calendar day of the query: the parts of a date that a text leaves out.
fn today(context: &Context<'_>, zone: Option<&TimeZone>) -> i32 {
    let utc = TimeZone::UTC;
    let zone = zone.unwrap_or(&utc);
    day_of(timestamp_in_zone(context.now.as_microsecond(), zone))
}

fn to_text(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    if let Value::Bytes(bytes) = &args[0] {
        return text_of_bytes(bytes, text(args, 1)?);
    }
    let zone = zone(args, 2)?;
    let (local, has_date, has_time, offset) = match &args[0] {
        Value::Date(it) => (datetime_micros(*it, 0), true, false, None),
        Value::Time(it) => (*it, false, true, None),
        Value::Datetime(it) => (*it, true, true, None),
        Value::Timestamp(it) => {
            let local = shown_in_zone(*it, &zone);
            (local, true, true, Some((local - it) / 60_000_000))
        }
        _ => return Err(mismatch()),
    };
    let mut out = String::new();
    for element in elements(text(args, 1)?)? {
        let part = match &element {
            Element::Literal(it) => it.clone(),
            Element::Blank => " ".to_owned(),
            Element::Fraction(digits) if has_time => fraction(local.rem_euclid(1_000_000), *digits),
            Element::Named(name, written) => {
                let needs_date =
                    "YRD".contains(&name[..1]) || matches!(*name, "MM" | "MON" | "MONTH");
                let needs_zone = name.starts_with("TZ");
                let fits = if needs_zone { offset.is_some() } else { !needs_date || has_date };
                if !fits || !needs_date && !needs_zone && !has_time {
                    return Err(missing());
                }
                named(name, written, local, offset.unwrap_or(0))?
            }
            Element::Fraction(_) => return Err(missing()),
        };
        out.push_str(&part);
    }
    Ok(Value::text(out))
}

fn missing() -> SqlError {
    SqlError::failed("a format of CAST names a part that the value does not have")
}

/// The first digits of a fraction of a second.
fn fraction(micros: i64, digits: usize) -> String {
    format!("{:09}", micros * 1000)[..digits].to_owned()
}

fn named(name: &str, written: &str, local: i64, offset: i64) -> Result<String> {
    let at = civil(local)?;
    let year = i64::from(at.year());
    let second_of_day = local.rem_euclid(DAY_MICROS) / 1_000_000;
    let weekday = at.weekday().to_sunday_zero_offset();
    let day_name = DAYS[usize::try_from(weekday).unwrap_or(0)];
    let month_name = MONTHS[usize::try_from(at.month() - 1).unwrap_or(0)];
    let hour = (at.hour() + 11) % 12 + 1;
    let sign = if offset < 0 { '-' } else { '+' };
    Ok(match name {
        "YYYY" | "RRRR" => format!("{year:04}"),
        "YYY" => format!("{:03}", year % 1000),
        "YY" | "RR" => format!("{:02}", year % 100),
        "Y" => format!("{}", year % 10),
        "Y,YYY" => format!("{},{:03}", year / 1000, year % 1000),
        "MM" => format!("{:02}", at.month()),
        "MON" => cased(written, &month_name[..3]),
        "MONTH" => cased(written, month_name),
        "DDD" => format!("{:03}", at.date().day_of_year()),
        "DD" => format!("{:02}", at.day()),
        "D" => format!("{}", weekday + 1),
        "DAY" => cased(written, day_name),
        "DY" => cased(written, &day_name[..3]),
        "HH" | "HH12" => format!("{hour:02}"),
        "HH24" => format!("{:02}", at.hour()),
        "MI" => format!("{:02}", at.minute()),
        "SS" => format!("{:02}", at.second()),
        "SSSSS" => format!("{second_of_day:05}"),
        "AM" | "PM" => meridian(written, if at.hour() < 12 { "AM" } else { "PM" }),
        "A.M." | "P.M." => meridian(written, if at.hour() < 12 { "A.M." } else { "P.M." }),
        "TZH" => format!("{sign}{:02}", offset.abs() / 60),
        _ => format!("{:02}", offset.abs() % 60),
    })
}

/// A name with the case of its element: DAY, Day or day.
fn cased(written: &str, name: &str) -> String {
    let mut letters = written.chars();
    match (letters.next(), letters.next()) {
        (Some(first), _) if first.is_lowercase() => name.to_lowercase(),
        (_, Some(second)) if second.is_lowercase() => name.to_owned(),
        _ => name.to_uppercase(),
    }
}

/// The case of the first letter counts for all.
fn meridian(written: &str, text: &str) -> String {
    if written.starts_with(|it: char| it.is_lowercase()) {
        text.to_lowercase()
    } else {
        text.to_owned()
    }
}

/// The bits of one digit, and its digits.
fn base_of(format: &str) -> Option<(u32, &'static [u8])> {
    Some(match format {
        "HEX" | "BASE16" => (4, b"0123456789abcdef"),
        "BASE2" => (1, b"01"),
        "BASE8" => (3, b"01234567"),
        "BASE32" => (5, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
        "BASE64" | "BASE64M" => {
            (6, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        }
        _ => return None,
    })
}

fn unknown_bytes_format() -> SqlError {
    SqlError::failed("a format of CAST between BYTES and STRING is not known")
}

fn text_of_bytes(bytes: &[u8], format: &str) -> Result<Value> {
    let format = format.to_ascii_uppercase();
    match format.as_str() {
        "ASCII" if !bytes.is_ascii() => return Err(SqlError::failed("BYTES are not ASCII")),
        "ASCII" | "UTF-8" | "UTF8" => {
            let text = std::str::from_utf8(bytes);
            return text.map(Value::text).map_err(|_| SqlError::failed("BYTES are no valid UTF-8"));
        }
        _ => {}
    }
    let (bits, digits) = base_of(&format).ok_or_else(unknown_bytes_format)?;
    let mut out = String::new();
    let (mut pending, mut length) = (0_u32, 0_u32);
    if bits == 3 {
        // Digits of base 8 end with the last bit: zeros fill the first digit.
        let all = u32::try_from(bytes.len() % 3).unwrap_or(0) * 8;
        length = (bits - all % bits) % bits;
    }
    let push = |value: u32, out: &mut String| {
        if format == "BASE64M" && out.len() % 77 == 76 {
            out.push('\n');
        }
        out.push(digits[value as usize] as char);
    };
    for byte in bytes {
        pending = pending << 8 | u32::from(*byte);
        length += 8;
        while length >= bits {
            length -= bits;
            push(pending >> length & ((1 << bits) - 1), &mut out);
            pending &= (1 << length) - 1;
        }
    }
    if length > 0 {
        push(pending << (bits - length), &mut out);
    }
    let block = match bits {
        5 => 8,
        6 => 4,
        _ => 1,
    };
    while out.chars().filter(|it| *it != '\n').count() % block != 0 {
        out.push('=');
    }
    Ok(Value::text(out))
}

fn bytes_from(value: &str, format: &str) -> Result<Value> {
    let wrong = || SqlError::failed("a text could not be converted to BYTES with this format");
    let format = format.to_ascii_uppercase();
    match format.as_str() {
        "ASCII" if !value.is_ascii() => return Err(wrong()),
        "ASCII" | "UTF-8" | "UTF8" => return Ok(Value::bytes(value)),
        _ => {}
    }
    let (bits, digits) = base_of(&format).ok_or_else(unknown_bytes_format)?;
    let text: String = match bits {
        6 => value.chars().filter(|it| !it.is_whitespace()).collect(),
        _ => value.to_owned(),
    };
    let text = if bits >= 5 { text.trim_end_matches('=') } else { &text };
    let mut all = Vec::new();
    for digit in text.bytes() {
        let digit = if bits == 4 { digit.to_ascii_lowercase() } else { digit };
        let value = digits.iter().position(|it| *it == digit).ok_or_else(wrong)?;
        all.extend((0..bits).rev().map(|bit| value >> bit & 1 == 1));
    }
    let extra = all.len() % 8;
    if bits >= 5 {
        // What is behind the last byte belongs to no digit of its own.
        if extra >= bits as usize {
            return Err(wrong());
        }
        all.truncate(all.len() - extra);
    } else if extra < bits as usize {
        all.drain(..extra);
    } else {
        all.splice(0..0, std::iter::repeat_n(false, 8 - extra));
    }
    let byte = |bits: &[bool]| bits.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit));
    Ok(Value::bytes(all.chunks(8).map(byte).collect::<Vec<_>>()))
}
