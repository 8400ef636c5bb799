//! FORMAT_DATE, FORMAT_TIME, FORMAT_DATETIME and FORMAT_TIMESTAMP.
//!
//! Semantics: GoogleSQL reference, "Format elements for date and time parts".

use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;

use super::{Function, Result, SqlError, mismatch, strict, text};
use crate::bigquery::query::googlesql::calendar::{civil, datetime_micros, shown_in_zone, zone};
use crate::bigquery::query::googlesql::interval::DAY_MICROS;
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict(
        "FORMAT_DATE",
        "STRING, DATE -> STRING | STRING, DATETIME -> STRING | STRING, TIMESTAMP -> STRING",
        |_, args| run(args),
    ),
    strict("FORMAT_TIME", "STRING, TIME -> STRING", |_, args| run(args)),
    strict("FORMAT_DATETIME", "STRING, DATETIME -> STRING", |_, args| run(args)),
    strict("FORMAT_TIMESTAMP", "STRING, TIMESTAMP, STRING? -> STRING", |_, args| run(args)),
];

/// What a value has: elements of the other parts are left as they are written.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Date,
    Time,
    Datetime,
    Timestamp,
}

struct Formatter<'a> {
    kind: Kind,
    /// The time, moved by `cycle` years if it is outside the calendar.
    at: DateTime,
    cycle: i32,
    micros: i64,
    zone: &'a TimeZone,
}

fn run(args: &[Value]) -> Result<Value> {
    let zone = zone(args, 2)?;
    let (kind, micros, instant) = match &args[1] {
        Value::Date(it) => (Kind::Date, datetime_micros(*it, 0), 0),
        Value::Time(it) => (Kind::Time, *it, 0),
        Value::Datetime(it) => (Kind::Datetime, *it, 0),
        Value::Timestamp(it) => (Kind::Timestamp, shown_in_zone(*it, &zone), *it),
        _ => return Err(mismatch()),
    };
    let (at, cycle) = in_calendar(micros)?;
    let formatter = Formatter { kind, at, cycle, micros: instant, zone: &zone };
    formatter.format(text(args, 0)?).map(Value::text)
}

/// The calendar repeats after 400 years, the days of the week included.
const CYCLE_YEARS: i32 = 400;
const CYCLE_MICROS: i64 = 146_097 * DAY_MICROS;

/// A time of the calendar, and the years by which it was moved. In another zone, the first and the last
/// instants of the calendar are outside it: 9999-12-31 23:59 UTC is in the year 10000 in Seoul.
fn in_calendar(micros: i64) -> Result<(DateTime, i32)> {
    if let Ok(at) = civil(micros) {
        return Ok((at, 0));
    }
    match civil(micros - CYCLE_MICROS) {
        Ok(at) => Ok((at, CYCLE_YEARS)),
        Err(_) => Ok((civil(micros + CYCLE_MICROS)?, -CYCLE_YEARS)),
    }
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Formatter<'_> {
    /// Four digits; a year with more of them has a sign.
    fn long_year(&self) -> String {
        let year = self.year();
        if year > 9999 { format!("+{year}") } else { format!("{year:04}") }
    }

    fn year(&self) -> i32 {
        i32::from(self.at.year()) + self.cycle
    }

    fn format(&self, pattern: &str) -> Result<String> {
        let mut out = String::new();
        let mut chars = pattern.chars().peekable();
        while let Some(next) = chars.next() {
            if next != '%' {
                out.push(next);
                continue;
            }
            let mut element = match chars.next() {
                Some(it) => it.to_string(),
                None => {
                    out.push('%');
                    break;
                }
            };
            if element == "E" || element == "O" {
                while let Some(digit) = chars.next_if(|it| it.is_ascii_digit() || *it == '*') {
                    element.push(digit);
                }
                element.extend(chars.next());
            }
            match self.element(&element)? {
                Some(text) => out.push_str(&text),
                None => {
                    out.push('%');
                    out.push_str(&element);
                }
            }
        }
        Ok(out)
    }

    /// The text of an element; `None` if the value has no such part.
    fn element(&self, element: &str) -> Result<Option<String>> {
        let has_date = self.kind != Kind::Time;
        let has_time = self.kind != Kind::Date;
        let is_date = "AaBbhCDdeFGgjmUuVWwxYyQJ";
        let is_time = "HIklMPpRSTXrnt%";
        let first = element.chars().next().unwrap_or('%');
        if matches!(element, "n" | "t" | "%") {
            return Ok(Some(match element {
                "n" => "\n".to_owned(),
                "t" => "\t".to_owned(),
                _ => "%".to_owned(),
            }));
        }
        if element.len() == 1 && is_date.contains(first) {
            return if has_date { self.date_element(first).map(Some) } else { Ok(None) };
        }
        if element.len() == 1 && is_time.contains(first) {
            return if has_time { Ok(Some(self.time_element(first))) } else { Ok(None) };
        }
        match element {
            "c" if has_date && has_time => Ok(Some(format!(
                "{} {}",
                [self.date_element('a')?, self.date_element('b')?, self.date_element('e')?]
                    .join(" "),
                [self.time_element('T'), self.long_year()].join(" ")
            ))),
            "s" | "Z" | "z" | "Ez" if self.kind == Kind::Timestamp => {
                self.zone_element(element).map(Some)
            }
            "E4Y" if has_date => Ok(Some(format!("{:04}", self.year()))),
            "E*S" if has_time => Ok(Some(self.seconds(None))),
            _ if first == 'E' && element.ends_with('S') && has_time => {
                let digits = element[1..element.len() - 1].parse::<usize>();
                let digits = digits.ok().filter(|it| *it <= 9).ok_or_else(|| unknown(element))?;
                Ok(Some(self.seconds(Some(digits))))
            }
            "c" | "s" | "Z" | "z" | "Ez" | "E4Y" | "E*S" => Ok(None),
            _ if first == 'E' && element.ends_with('S') => Ok(None),
            _ => Err(unknown(element)),
        }
    }

    fn date_element(&self, element: char) -> Result<String> {
        let at = &self.at;
        let date = at.date();
        let sunday = i32::from(date.weekday().since(Weekday::Sunday));
        let monday = i32::from(date.weekday().since(Weekday::Monday));
        let day_of_year = i32::from(date.day_of_year());
        let iso = date.iso_week_date();
        Ok(match element {
            'A' => DAYS[sunday as usize].to_owned(),
            'a' => DAYS[sunday as usize][..3].to_owned(),
            'B' => MONTHS[at.month() as usize - 1].to_owned(),
            'b' | 'h' => MONTHS[at.month() as usize - 1][..3].to_owned(),
            'C' => format!("{:02}", self.year() / 100),
            'D' | 'x' => format!("{:02}/{:02}/{:02}", at.month(), at.day(), self.year() % 100),
            'd' => format!("{:02}", at.day()),
            'e' => format!("{:2}", at.day()),
            'F' => format!("{}-{:02}-{:02}", self.long_year(), at.month(), at.day()),
            'G' => format!("{:04}", (i32::from(iso.year()) + self.cycle)),
            'g' => format!("{:02}", (i32::from(iso.year()) + self.cycle) % 100),
            'j' => format!("{day_of_year:03}"),
            'm' => format!("{:02}", at.month()),
            'Q' => format!("{}", (at.month() - 1) / 3 + 1),
            'U' => format!("{:02}", (day_of_year + 6 - sunday) / 7),
            'W' => format!("{:02}", (day_of_year + 6 - monday) / 7),
            'u' => format!("{}", monday + 1),
            'V' => format!("{:02}", iso.week()),
            'w' => format!("{sunday}"),
            'Y' => format!("{}", self.year()),
            'J' => return Err(SqlError::unknown("the format element %J")),
            _ => format!("{:02}", self.year() % 100),
        })
    }

    fn time_element(&self, element: char) -> String {
        let at = &self.at;
        let hour = at.hour();
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        let half = if hour < 12 { "AM" } else { "PM" };
        match element {
            'H' => format!("{hour:02}"),
            'I' => format!("{twelve:02}"),
            'k' => format!("{hour:2}"),
            'l' => format!("{twelve:2}"),
            'M' => format!("{:02}", at.minute()),
            'P' => half.to_lowercase(),
            'p' => half.to_owned(),
            'R' => format!("{hour:02}:{:02}", at.minute()),
            'r' => format!("{twelve:02}:{:02}:{:02} {half}", at.minute(), at.second()),
            'S' => format!("{:02}", at.second()),
            _ => format!("{hour:02}:{:02}:{:02}", at.minute(), at.second()),
        }
    }

    /// Seconds with a number of decimal digits, or with those that are not zero.
    fn seconds(&self, digits: Option<usize>) -> String {
        let fraction = format!("{:09}", self.at.subsec_nanosecond());
        let fraction = match digits {
            Some(digits) => &fraction[..digits],
            None => fraction.trim_end_matches('0'),
        };
        let dot = if fraction.is_empty() { "" } else { "." };
        format!("{:02}{dot}{fraction}", self.at.second())
    }

    fn zone_element(&self, element: &str) -> Result<String> {
        let offset = (shown_in_zone(self.micros, self.zone) - self.micros) / 1_000_000;
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.abs() / 60;
        Ok(match element {
            "s" => self.micros.div_euclid(1_000_000).to_string(),
            "z" => format!("{sign}{:02}{:02}", minutes / 60, minutes % 60),
            "Ez" => format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60),
            // The offset, not an abbreviation such as KST.
            _ if offset == 0 => "UTC".to_owned(),
            _ if minutes % 60 == 0 => format!("UTC{sign}{}", minutes / 60),
            _ => format!("UTC{sign}{:02}{:02}", minutes / 60, minutes % 60),
        })
    }
}

fn unknown(element: &str) -> SqlError {
    SqlError::unknown(format!("the format element %{element}"))
}
