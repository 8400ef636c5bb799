//! PARSE_DATE, PARSE_TIME, PARSE_DATETIME and PARSE_TIMESTAMP.
//!
//! Semantics: GoogleSQL reference, "Format elements for date and time parts" and "PARSE_TIMESTAMP":
//! parts that are missing are those of 1970-01-01 00:00:00, later elements override earlier ones,
//! blanks fit any number of blanks.

use jiff::civil::{Date, Weekday};
use jiff::tz::{Offset, TimeZone};

use super::time_format::{DAYS, MONTHS};
use super::{Function, Result, SqlError, strict, text};
use crate::bigquery::query::googlesql::calendar::{
    check_micros, date, date_from_days, date_from_parts, datetime_micros, day_of, days, parse_zone,
    timestamp_from_civil, zone,
};
use crate::bigquery::query::googlesql::interval::DAY_MICROS;
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("PARSE_DATE", "STRING, STRING -> DATE", |_, args| {
        Ok(Value::Date(day_of(parse(args, true, false)?.civil()?)))
    }),
    strict("PARSE_TIME", "STRING, STRING -> TIME", |_, args| {
        Ok(Value::Time(parse(args, false, true)?.civil()?.rem_euclid(DAY_MICROS)))
    }),
    strict("PARSE_DATETIME", "STRING, STRING -> DATETIME", |_, args| {
        let parsed = parse(args, true, true)?;
        let micros = match parsed.epoch {
            Some(seconds) => seconds.checked_mul(1_000_000).ok_or_else(fails)?,
            None => parsed.civil()?,
        };
        check_micros(Some(micros), "DATETIME").map(Value::Datetime)
    }),
    strict("PARSE_TIMESTAMP", "STRING, STRING, STRING? -> TIMESTAMP", |_, args| {
        let default = zone(args, 2)?;
        let parsed = parse_with_zone(args)?;
        if let Some(seconds) = parsed.epoch {
            return check_micros(seconds.checked_mul(1_000_000), "TIMESTAMP").map(Value::Timestamp);
        }
        let zone = parsed.zone.as_ref().unwrap_or(&default);
        timestamp_from_civil(parsed.civil()?, zone).map(Value::Timestamp)
    }),
];

fn fails() -> SqlError {
    SqlError::failed("a text does not fit the format")
}

/// The parts that were read.
struct Parsed {
    year: i64,
    century: Option<i64>,
    year_of_century: Option<i64>,
    month: i64,
    day: i64,
    day_of_year: Option<i64>,
    week: Option<(char, i64)>,
    weekday: Option<i64>,
    iso_year: Option<i64>,
    hour: i64,
    twelve: bool,
    afternoon: bool,
    minute: i64,
    second: i64,
    micros: i64,
    zone: Option<TimeZone>,
    epoch: Option<i64>,
}

impl Default for Parsed {
    fn default() -> Self {
        Self {
            year: 1970,
            century: None,
            year_of_century: None,
            month: 1,
            day: 1,
            day_of_year: None,
            week: None,
            weekday: None,
            iso_year: None,
            hour: 0,
            twelve: false,
            afternoon: false,
            minute: 0,
            second: 0,
            micros: 0,
            zone: None,
            epoch: None,
        }
    }
}

fn parse(args: &[Value], date: bool, time: bool) -> Result<Parsed> {
    let mut parser =
        Parser { rest: text(args, 1)?, found: Parsed::default(), date, time, zoned: false };
    parser.run(text(args, 0)?)?;
    Ok(parser.found)
}

fn parse_with_zone(args: &[Value]) -> Result<Parsed> {
    let mut parser = Parser {
        rest: text(args, 1)?,
        found: Parsed::default(),
        date: true,
        time: true,
        zoned: true,
    };
    parser.run(text(args, 0)?)?;
    Ok(parser.found)
}

struct Parser<'a> {
    rest: &'a str,
    found: Parsed,
    date: bool,
    time: bool,
    zoned: bool,
}

impl Parser<'_> {
    fn run(&mut self, pattern: &str) -> Result<()> {
        self.rest = self.rest.trim_start();
        self.elements(pattern)?;
        if self.rest.trim_start().is_empty() { Ok(()) } else { Err(fails()) }
    }

    fn elements(&mut self, pattern: &str) -> Result<()> {
        let mut chars = pattern.chars().peekable();
        while let Some(next) = chars.next() {
            if next.is_whitespace() {
                self.rest = self.rest.trim_start();
                continue;
            }
            if next != '%' {
                self.rest = self.rest.strip_prefix(next).ok_or_else(fails)?;
                continue;
            }
            let mut element = chars.next().ok_or_else(fails)?.to_string();
            if element == "E" || element == "O" {
                while let Some(digit) = chars.next_if(|it| it.is_ascii_digit() || *it == '*') {
                    element.push(digit);
                }
                element.extend(chars.next());
            }
            self.element(&element)?;
        }
        Ok(())
    }

    /// A number of at most `width` digits within a range.
    fn number(&mut self, width: usize, range: std::ops::RangeInclusive<i64>) -> Result<i64> {
        let digits = self.rest.bytes().take(width).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().ok().filter(|it| range.contains(it)).ok_or_else(fails)
    }

    fn name(&mut self, names: &[&str]) -> Result<i64> {
        let fits = |name: &str| {
            self.rest
                .get(..name.len())
                .filter(|it| it.eq_ignore_ascii_case(name))
                .map(|_| name.len())
        };
        let found = names
            .iter()
            .enumerate()
            .find_map(|(at, name)| Some((at, fits(name).or_else(|| fits(&name[..3]))?)));
        let (at, length) = found.ok_or_else(fails)?;
        self.rest = &self.rest[length..];
        i64::try_from(at).map_err(|_| fails())
    }

    fn element(&mut self, element: &str) -> Result<()> {
        let first = element.chars().next().unwrap_or('%');
        match element {
            "n" | "t" => self.rest = self.rest.trim_start(),
            "%" => self.rest = self.rest.strip_prefix('%').ok_or_else(fails)?,
            "c" => {
                self.allow(self.date && self.time)?;
                return self.elements("%a %b %e %H:%M:%S %Y");
            }
            "s" | "Z" | "z" | "Ez" => {
                // Seconds since 1970 are a DATETIME as well, in UTC.
                self.allow(self.zoned || element == "s" && self.date && self.time)?;
                return self.zone_element(element);
            }
            "E4Y" => {
                self.allow(self.date)?;
                self.found.year = self.number(4, 1..=9999)?;
            }
            _ if element.len() == 1 && "AaBbhCDdeFGgjmUuVWwxYyQ".contains(first) => {
                self.allow(self.date)?;
                return self.date_element(first);
            }
            _ if element.len() == 1 && "HIklMPpRSTXr".contains(first) => {
                self.allow(self.time)?;
                return self.time_element(first);
            }
            _ if first == 'E' && element.ends_with('S') => {
                self.allow(self.time)?;
                self.found.second = self.number(2, 0..=60)?;
                return self.fraction(&element[1..element.len() - 1]);
            }
            _ => return Err(SqlError::unknown(format!("the format element %{element}"))),
        }
        Ok(())
    }

    fn allow(&self, allowed: bool) -> Result<()> {
        if allowed { Ok(()) } else { Err(fails()) }
    }

    fn fraction(&mut self, digits: &str) -> Result<()> {
        if digits == "0" {
            return Ok(());
        }
        let Some(rest) = self.rest.strip_prefix('.') else { return Ok(()) };
        let most = if digits == "*" { usize::MAX } else { digits.parse().map_err(|_| fails())? };
        let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return Err(fails());
        }
        let kept = format!("{:0<6}", &rest[..length.min(6)]);
        self.found.micros = kept.parse().map_err(|_| fails())?;
        self.rest = &rest[length..];
        Ok(())
    }

    fn date_element(&mut self, element: char) -> Result<()> {
        let found = &mut self.found;
        match element {
            'D' | 'x' => return self.elements("%m/%d/%y"),
            'F' => return self.elements("%Y-%m-%d"),
            'm' | 'd' | 'e' | 'j' | 'B' | 'b' | 'h' => {
                found.day_of_year = None;
                found.week = None;
            }
            _ => {}
        }
        match element {
            'A' | 'a' => self.found.weekday = Some(self.name(&DAYS)?),
            'B' | 'b' | 'h' => self.found.month = self.name(&MONTHS)? + 1,
            'C' => self.found.century = Some(self.number(2, 0..=99)?),
            'd' | 'e' => {
                // `%e` writes a blank before one digit.
                self.rest = self.rest.trim_start();
                self.found.day = self.number(2, 1..=31)?;
            }
            'G' => self.found.iso_year = Some(self.number(4, 1..=9999)?),
            'g' => self.found.iso_year = Some(two_digit_year(self.number(2, 0..=99)?)),
            'j' => self.found.day_of_year = Some(self.number(3, 1..=366)?),
            'm' => self.found.month = self.number(2, 1..=12)?,
            'Q' => {
                self.found.month = self.number(1, 1..=4)? * 3 - 2;
                self.found.day = 1;
            }
            'U' | 'W' => self.found.week = Some((element, self.number(2, 0..=53)?)),
            'V' => self.found.week = Some(('V', self.number(2, 1..=53)?)),
            'u' => self.found.weekday = Some(self.number(1, 1..=7)? % 7),
            'w' => self.found.weekday = Some(self.number(1, 0..=6)?),
            'Y' => {
                self.found.year = self.number(4, 0..=9999)?;
                self.found.century = None;
                self.found.year_of_century = None;
            }
            _ => self.found.year_of_century = Some(self.number(2, 0..=99)?),
        }
        Ok(())
    }

    fn time_element(&mut self, element: char) -> Result<()> {
        match element {
            'H' | 'k' => {
                self.rest = if element == 'k' { self.rest.trim_start() } else { self.rest };
                self.found.hour = self.number(2, 0..=23)?;
                self.found.twelve = false;
            }
            'I' | 'l' => {
                self.rest = if element == 'l' { self.rest.trim_start() } else { self.rest };
                self.found.hour = self.number(2, 1..=12)? % 12;
                self.found.twelve = true;
            }
            'M' => self.found.minute = self.number(2, 0..=59)?,
            'S' => self.found.second = self.number(2, 0..=60)?,
            'P' | 'p' => {
                let half = self.rest.get(..2).map(str::to_ascii_uppercase).unwrap_or_default();
                self.found.afternoon = match half.as_str() {
                    "AM" => false,
                    "PM" => true,
                    _ => return Err(fails()),
                };
                self.rest = &self.rest[2..];
            }
            'R' => return self.elements("%H:%M"),
            'r' => return self.elements("%I:%M:%S %p"),
            _ => return self.elements("%H:%M:%S"),
        }
        Ok(())
    }

    fn zone_element(&mut self, element: &str) -> Result<()> {
        match element {
            "s" => {
                self.rest = self.rest.trim_start();
                let digits = self.rest.bytes().enumerate();
                let digits = digits
                    .take_while(|(at, it)| it.is_ascii_digit() || *at == 0 && *it == b'-')
                    .count();
                let (number, rest) = self.rest.split_at(digits);
                self.found.epoch = Some(number.parse().map_err(|_| fails())?);
                self.rest = rest;
            }
            "Z" => {
                let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
                let (name, rest) = self.rest.split_at(end);
                // An offset may be written without its colon.
                let is_offset = name.len() == 5 && name.starts_with(['+', '-']);
                let zone = match is_offset && name[1..].bytes().all(|it| it.is_ascii_digit()) {
                    true => parse_zone(&format!("{}:{}", &name[..3], &name[3..])),
                    false => parse_zone(name),
                };
                self.found.zone = Some(zone.map_err(|_| fails())?);
                self.rest = rest;
            }
            _ => {
                // `%z` is `+0900` or `+09`; `%Ez` also `+09:00` and `Z`.
                let extended = element == "Ez";
                if let Some(rest) = self.rest.strip_prefix(['Z', 'z']).filter(|_| extended) {
                    self.rest = rest;
                    self.found.zone = Some(TimeZone::UTC);
                    return Ok(());
                }
                let sign = match self.rest.chars().next() {
                    Some('+') => 1,
                    Some('-') => -1,
                    _ => return Err(fails()),
                };
                self.rest = &self.rest[1..];
                let before = self.rest.len();
                let hours = self.number(2, 0..=14)?;
                if before - self.rest.len() != 2 {
                    return Err(fails());
                }
                let colon = self.rest.strip_prefix(':').filter(|_| extended);
                self.rest = colon.unwrap_or(self.rest);
                let minutes = if self.rest.starts_with(|it: char| it.is_ascii_digit()) {
                    self.number(2, 0..=59)?
                } else {
                    0
                };
                let seconds =
                    i32::try_from(sign * (hours * 60 + minutes) * 60).map_err(|_| fails())?;
                let offset = Offset::from_seconds(seconds).map_err(|_| fails())?;
                self.found.zone = Some(TimeZone::fixed(offset));
            }
        }
        Ok(())
    }
}

/// 69 to 99 are in the 20th century.
fn two_digit_year(year: i64) -> i64 {
    if year >= 69 { 1900 + year } else { 2000 + year }
}

impl Parsed {
    /// Microseconds since 1970 of the calendar date and time.
    fn civil(&self) -> Result<i64> {
        let hour = self.hour + if self.twelve && self.afternoon { 12 } else { 0 };
        let seconds = (hour * 60 + self.minute) * 60 + self.second;
        Ok(datetime_micros(self.date()?, 0) + seconds * 1_000_000 + self.micros)
    }

    fn date(&self) -> Result<i32> {
        let year = match (self.century, self.year_of_century) {
            (Some(century), year) => century * 100 + year.unwrap_or(self.year % 100),
            (None, Some(year)) => two_digit_year(year),
            (None, None) => self.year,
        };
        if let Some(day) = self.day_of_year {
            let first = date_from_parts(year, 1, 1).map_err(|_| fails())?;
            let on = first + i32::try_from(day).map_err(|_| fails())? - 1;
            let same_year = date(on)?.year();
            return if i64::from(same_year) == year { Ok(on) } else { Err(fails()) };
        }
        match self.week {
            Some(('V', week)) => self.iso_date(self.iso_year.unwrap_or(year), week),
            Some((kind, week)) => self.week_date(year, kind, week),
            None if self.iso_year.is_some() => self.iso_date(self.iso_year.unwrap_or(year), 1),
            None => date_from_parts(year, self.month, self.day).map_err(|_| fails()),
        }
    }

    fn iso_date(&self, year: i64, week: i64) -> Result<i32> {
        let fourth = date_from_parts(year, 1, 4).map_err(|_| fails())?;
        let monday = fourth - i32::from(date(fourth)?.weekday().since(Weekday::Monday));
        let weekday = (self.weekday.unwrap_or(1) + 6) % 7;
        let day = i64::from(monday) + (week - 1) * 7 + weekday;
        date_from_days(Some(day))
    }

    fn week_date(&self, year: i64, kind: char, week: i64) -> Result<i32> {
        let year = i16::try_from(year).map_err(|_| fails())?;
        let start = if kind == 'U' { Weekday::Sunday } else { Weekday::Monday };
        let first = Date::new(year, 1, 1).map_err(|_| fails())?;
        let to_start = i64::from(start.since(first.weekday()));
        let weekday = self.weekday.unwrap_or(if kind == 'U' { 0 } else { 1 });
        let in_week = if kind == 'U' { weekday } else { (weekday + 6) % 7 };
        let day = i64::from(days(first)?) + to_start + (week - 1) * 7 + in_week;
        date_from_days(Some(day))
    }
}
