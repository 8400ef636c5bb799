//! Texts with a format as dates and times: `CAST('03-12-2018' AS DATE FORMAT 'DD-MM-YYYY')`.
//!
//! Semantics: GoogleSQL reference, "Format string as date and time". Parts that the format leaves out are
//! today's year and month; a day is the first, a time midnight.

use jiff::tz::{Offset, TimeZone};

use super::cast_elements::{Element, elements};
use super::time_format::MONTHS;
use super::{Result, SqlError};
use crate::bigquery::query::googlesql::calendar::{civil, days};
use crate::bigquery::query::googlesql::interval::DAY_MICROS;

/// What a text becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Date,
    Time,
    Datetime,
    Timestamp,
}

/// The parts that were read.
#[derive(Debug, Default)]
pub(super) struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    second_of_day: Option<i64>,
    micros: i64,
    zone_hour: Option<i64>,
    zone_minute: i64,
}

fn fails() -> SqlError {
    SqlError::failed("a text does not fit the format")
}

fn wrong_format(what: &str) -> SqlError {
    SqlError::failed(format!("a format of CAST {what}"))
}

impl Parts {
    pub(super) fn date(&self) -> Result<i32> {
        day_in(self.year, self.month, self.day)
    }

    /// Microseconds since midnight.
    pub(super) fn time(&self) -> i64 {
        let seconds = self.second_of_day.unwrap_or_else(|| {
            let hour = match self.afternoon {
                None => self.hour,
                Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            };
            (hour * 60 + self.minute) * 60 + self.second
        });
        seconds * 1_000_000 + self.micros
    }

    pub(super) fn zone(&self) -> Result<Option<TimeZone>> {
        let Some(hour) = self.zone_hour else { return Ok(None) };
        let minutes = hour.abs() * 60 + self.zone_minute;
        let seconds = i32::try_from(minutes * 60).map_err(|_| fails())?;
        let seconds = if hour < 0 { -seconds } else { seconds };
        let offset = Offset::from_seconds(seconds).ok().filter(|_| minutes <= 14 * 60);
        Ok(Some(TimeZone::fixed(offset.ok_or_else(fails)?)))
    }
}

/// Reads a text. `today` gives the parts that the format leaves out, in days since 1970.
pub(super) fn parse(text: &str, format: &str, target: Target, today: i32) -> Result<Parts> {
    let elements = elements(format)?;
    check(&elements, target)?;
    let today = civil(i64::from(today) * DAY_MICROS)?;
    let mut parts = Parts {
        year: i64::from(today.year()),
        month: i64::from(today.month()),
        day: 1,
        ..Parts::default()
    };
    let mut reader = Reader { rest: text.trim_start() };
    for (at, element) in elements.iter().enumerate() {
        match element {
            Element::Blank => reader.rest = reader.rest.trim_start(),
            Element::Literal(literal) => {
                reader.rest = reader.rest.strip_prefix(literal.as_str()).ok_or_else(fails)?;
            }
            Element::Fraction(digits) => {
                let (number, length) = reader.digits(1, *digits)?;
                // Digits behind the sixth are left out.
                let scaled = format!("{number:0length$}{:0<9}", "");
                parts.micros = scaled[..6].parse().map_err(|_| fails())?;
            }
            Element::Named(name, _) => {
                let next = elements.get(at + 1);
                let delimited = !matches!(next, Some(Element::Named(..) | Element::Fraction(_)));
                reader.part(name, delimited, &mut parts)?;
            }
        }
    }
    if reader.rest.trim_end().is_empty() { Ok(parts) } else { Err(fails()) }
}

/// The kind of part that an element sets.
fn kind(name: &str) -> &'static str {
    match name {
        "YYYY" | "RRRR" | "YYY" | "YY" | "RR" | "Y" | "Y,YYY" => "year",
        "MM" | "MON" | "MONTH" => "month",
        "DD" => "day",
        "HH" | "HH12" => "twelve hours",
        "HH24" => "hours",
        "MI" => "minute",
        "SS" => "second",
        "SSSSS" => "second of day",
        "AM" | "PM" | "A.M." | "P.M." => "meridian",
        "TZH" => "zone hour",
        "TZM" => "zone minute",
        _ => "only for output",
    }
}

/// The rules for a format that reads (GoogleSQL reference, "Format model rules").
fn check(elements: &[Element], target: Target) -> Result<()> {
    let mut kinds: Vec<&str> = Vec::new();
    for element in elements {
        let kind = match element {
            Element::Named(name, _) => kind(name),
            Element::Fraction(_) => "fraction",
            _ => continue,
        };
        if kinds.contains(&kind) {
            return Err(wrong_format("names a part twice"));
        }
        kinds.push(kind);
    }
    let has = |kind: &str| kinds.contains(&kind);
    if has("only for output") {
        return Err(wrong_format("has an element that only writes"));
    }
    let of_date = ["year", "month", "day"];
    let of_zone = ["zone hour", "zone minute"];
    let fits = |kind: &&str| match target {
        Target::Date => of_date.contains(kind),
        Target::Time => !of_date.contains(kind) && !of_zone.contains(kind),
        Target::Datetime => !of_zone.contains(kind),
        Target::Timestamp => true,
    };
    if !kinds.iter().all(fits) {
        return Err(wrong_format("names a part that the type does not have"));
    }
    let clock = ["hours", "twelve hours", "minute", "second", "meridian"];
    let wrong = has("hours") && (has("twelve hours") || has("meridian"))
        || has("twelve hours") != has("meridian")
        || has("second of day") && clock.iter().any(|it| has(it))
        || has("zone minute") && !has("zone hour");
    if wrong { Err(wrong_format("combines parts that exclude each other")) } else { Ok(()) }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// A number of `least` to `most` digits, and how many it has.
    fn digits(&mut self, least: usize, most: usize) -> Result<(i64, usize)> {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        let number = digits.parse().ok().filter(|_| length >= least).ok_or_else(fails)?;
        Ok((number, length))
    }

    fn number(&mut self, digits: usize, range: std::ops::RangeInclusive<i64>) -> Result<i64> {
        // One digit is enough for two.
        let (number, _) = self.digits(if digits == 2 { 1 } else { digits }, digits)?;
        if range.contains(&number) { Ok(number) } else { Err(fails()) }
    }

    fn word(&mut self, names: &[&str], length: Option<usize>) -> Result<i64> {
        let fits = |name: &&str| {
            let name = &name[..length.unwrap_or(name.len())];
            self.rest.get(..name.len()).filter(|it| it.eq_ignore_ascii_case(name)).map(str::len)
        };
        let found = names.iter().enumerate().find_map(|(at, it)| Some((at, fits(it)?)));
        let (at, length) = found.ok_or_else(fails)?;
        self.rest = &self.rest[length..];
        i64::try_from(at).map_err(|_| fails())
    }

    fn part(&mut self, name: &str, delimited: bool, parts: &mut Parts) -> Result<()> {
        let year = parts.year;
        // Fewer digits are enough where no other number follows.
        let least = |most: usize| if delimited { 1 } else { most };
        match name {
            "YYYY" | "RRRR" => {
                parts.year = self.digits(least(4), if delimited { 5 } else { 4 })?.0;
            }
            "Y,YYY" => {
                let (thousands, _) = self.digits(1, 2)?;
                self.rest = self.rest.strip_prefix(',').ok_or_else(fails)?;
                parts.year = thousands * 1000 + self.digits(3, 3)?.0;
            }
            "YYY" => parts.year = year / 1000 * 1000 + self.digits(least(3), 3)?.0,
            "YY" => parts.year = year / 100 * 100 + self.digits(least(2), 2)?.0,
            "Y" => parts.year = year / 10 * 10 + self.digits(1, 1)?.0,
            "RR" => {
                let two = self.digits(least(2), 2)?.0;
                let century = match (two < 50, year % 100 < 50) {
                    (true, false) => year / 100 + 1,
                    (false, true) => year / 100 - 1,
                    _ => year / 100,
                };
                parts.year = century * 100 + two;
            }
            "MM" => parts.month = self.number(2, 1..=12)?,
            "MON" => parts.month = self.word(&MONTHS, Some(3))? + 1,
            "MONTH" => parts.month = self.word(&MONTHS, None)? + 1,
            "DD" => parts.day = self.number(2, 1..=31)?,
            "HH" | "HH12" => parts.hour = self.number(2, 1..=12)?,
            "HH24" => parts.hour = self.number(2, 0..=23)?,
            "MI" => parts.minute = self.number(2, 0..=59)?,
            "SS" => parts.second = self.number(2, 0..=59)?,
            "SSSSS" => {
                let seconds = self.digits(1, 5)?.0;
                parts.second_of_day = Some(seconds).filter(|it| *it < 86_400);
                parts.second_of_day.ok_or_else(fails)?;
            }
            "AM" | "PM" => parts.afternoon = Some(self.word(&["AM", "PM"], None)? == 1),
            "A.M." | "P.M." => parts.afternoon = Some(self.word(&["A.M.", "P.M."], None)? == 1),
            "TZH" => {
                let negative = self.rest.starts_with('-');
                self.rest = self.rest.trim_start_matches(['-', '+', ' ']);
                let hour = self.number(2, 0..=14)?;
                parts.zone_hour = Some(if negative { -hour } else { hour });
            }
            _ => parts.zone_minute = self.number(2, 0..=59)?,
        }
        Ok(())
    }
}

/// The day of a year and a month, which exist.
fn day_in(year: i64, month: i64, day: i64) -> Result<i32> {
    let invalid = || SqlError::failed("a text does not fit the format");
    let narrow = |it: i64| i8::try_from(it).map_err(|_| invalid());
    let year = i16::try_from(year).ok().filter(|it| (1..=9999).contains(it)).ok_or_else(invalid)?;
    days(jiff::civil::Date::new(year, narrow(month)?, narrow(day)?).map_err(|_| invalid())?)
}
