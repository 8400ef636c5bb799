//! The type INTERVAL: months, days and microseconds.
//!
//! Semantics: GoogleSQL reference, "Interval type" and "Interval functions".

use super::error::{Result, SqlError};

const MONTH_MICROS: i128 = 30 * DAY_MICROS as i128;
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;
/// 10,000 years.
const MAX_MONTHS: i64 = 120_000;
const MAX_DAYS: i64 = 3_660_000;
const MAX_MICROS: i64 = 87_840_000 * 3_600_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) months: i64,
    pub(crate) days: i64,
    pub(crate) micros: i64,
}

impl Interval {
    /// An interval within the type's range.
    pub(crate) fn new(months: i64, days: i64, micros: i64) -> Result<Self> {
        let within = months.abs() <= MAX_MONTHS
            && days.checked_abs().is_some_and(|it| it <= MAX_DAYS)
            && micros.checked_abs().is_some_and(|it| it <= MAX_MICROS);
        if within { Ok(Self { months, days, micros }) } else { Err(SqlError::overflow("INTERVAL")) }
    }

    /// A number of one part, such as `INTERVAL 3 WEEK`.
    pub(crate) fn of_part(count: i64, part: &str) -> Result<Self> {
        let times =
            |factor: i64| count.checked_mul(factor).ok_or_else(|| SqlError::overflow("INTERVAL"));
        match part {
            "YEAR" => Self::new(times(12)?, 0, 0),
            "QUARTER" => Self::new(times(3)?, 0, 0),
            "MONTH" => Self::new(count, 0, 0),
            "WEEK" => Self::new(0, times(7)?, 0),
            "DAY" => Self::new(0, count, 0),
            "HOUR" => Self::new(0, 0, times(3_600_000_000)?),
            "MINUTE" => Self::new(0, 0, times(60_000_000)?),
            "SECOND" => Self::new(0, 0, times(1_000_000)?),
            "MILLISECOND" => Self::new(0, 0, times(1000)?),
            "MICROSECOND" => Self::new(0, 0, count),
            _ => Err(SqlError::invalid(format!("Unsupported interval datetime field {part}"))),
        }
    }

    /// The length with months of 30 days: the order of intervals.
    pub(crate) fn total_micros(&self) -> i128 {
        i128::from(self.months) * MONTH_MICROS
            + i128::from(self.days) * i128::from(DAY_MICROS)
            + i128::from(self.micros)
    }

    pub(crate) fn plus(&self, other: &Self) -> Result<Self> {
        Self::new(self.months + other.months, self.days + other.days, self.micros + other.micros)
    }

    pub(crate) fn times(&self, factor: i64) -> Result<Self> {
        let times = |it: i64| it.checked_mul(factor).ok_or_else(|| SqlError::overflow("INTERVAL"));
        Self::new(times(self.months)?, times(self.days)?, times(self.micros)?)
    }

    /// Division; the remainder of months goes to days, that of days to microseconds.
    pub(crate) fn divided_by(&self, divisor: i64) -> Result<Self> {
        if divisor == 0 {
            return Err(SqlError::failed("division by zero"));
        }
        let (months, rest) = (self.months / divisor, self.months % divisor);
        let days = self.days + rest * 30;
        let (days, rest) = (days / divisor, days % divisor);
        let micros = i128::from(rest) * i128::from(DAY_MICROS) + i128::from(self.micros);
        let micros = i64::try_from(micros / i128::from(divisor));
        Self::new(months, days, micros.map_err(|_| SqlError::overflow("INTERVAL"))?)
    }

    /// Days of 24 hours out of the microseconds, with one sign.
    pub(crate) fn justify_hours(&self) -> Result<Self> {
        let (mut days, mut micros) =
            (self.days + self.micros / DAY_MICROS, self.micros % DAY_MICROS);
        if days > 0 && micros < 0 {
            days -= 1;
            micros += DAY_MICROS;
        } else if days < 0 && micros > 0 {
            days += 1;
            micros -= DAY_MICROS;
        }
        Self::new(self.months, days, micros)
    }

    /// Months of 30 days out of the days.
    pub(crate) fn justify_days(&self) -> Result<Self> {
        let (mut months, mut days) = (self.months + self.days / 30, self.days % 30);
        if months > 0 && days < 0 {
            months -= 1;
            days += 30;
        } else if months < 0 && days > 0 {
            months += 1;
            days -= 30;
        }
        Self::new(months, days, self.micros)
    }

    /// Both justifications, with one sign.
    pub(crate) fn justify(&self) -> Result<Self> {
        let total = self.total_micros();
        let months = total / MONTH_MICROS;
        let rest = total % MONTH_MICROS;
        let day = i128::from(DAY_MICROS);
        let narrow = |it: i128| i64::try_from(it).map_err(|_| SqlError::overflow("INTERVAL"));
        Self::new(narrow(months)?, narrow(rest / day)?, narrow(rest % day)?)
    }

    /// A part of the interval, for EXTRACT.
    pub(crate) fn extract(&self, part: &str) -> Result<i64> {
        Ok(match part {
            "YEAR" => self.months / 12,
            "MONTH" => self.months % 12,
            "DAY" => self.days,
            "HOUR" => self.micros / 3_600_000_000,
            "MINUTE" => self.micros / 60_000_000 % 60,
            "SECOND" => self.micros / 1_000_000 % 60,
            "MILLISECOND" => self.micros / 1000 % 1000,
            "MICROSECOND" => self.micros % 1_000_000,
            _ => return Err(SqlError::failed(format!("EXTRACT of {part} from an INTERVAL"))),
        })
    }

    /// Reads an ISO 8601 duration, such as `P1Y2M3DT4H5M6.789S`.
    pub(crate) fn parse_iso(text: &str) -> Option<Self> {
        let (dates, times) = text.strip_prefix('P')?.split_once('T').map_or_else(
            || (text.strip_prefix('P').unwrap_or(""), None),
            |(dates, times)| (dates, Some(times)),
        );
        if dates.is_empty() && times.is_none() || times == Some("") {
            return None;
        }
        let (mut months, mut days, mut micros) = (0_i64, 0_i64, 0_i64);
        read_units(dates, &["Y", "M", "W", "D"], &mut |sign, number, unit| {
            let count = sign * parse_digits(number)?;
            match unit {
                'Y' => months = months.checked_add(count.checked_mul(12)?)?,
                'M' => months = months.checked_add(count)?,
                'W' => days = days.checked_add(count.checked_mul(7)?)?,
                _ => days = days.checked_add(count)?,
            }
            Some(())
        })?;
        read_units(times.unwrap_or(""), &["H", "M", "S"], &mut |sign, number, unit| {
            let (whole, fraction) = match number.split_once(['.', ',']) {
                Some((whole, fraction)) if unit == 'S' && (1..=6).contains(&fraction.len()) => {
                    (whole, fraction)
                }
                Some(_) => return None,
                None => (number, "0"),
            };
            let length = match unit {
                'H' => 3_600_000_000,
                'M' => 60_000_000,
                _ => 1_000_000,
            };
            let part = parse_digits(fraction)? * 10_i64.pow(6 - fraction.len() as u32);
            let count = parse_digits(whole)?.checked_mul(length)?.checked_add(part)?;
            micros = micros.checked_add(sign * count)?;
            Some(())
        })?;
        Self::new(months, days, micros).ok()
    }

    /// Reads a text without the names of its parts: `Y-M D H:M:S.F`, or some of the three pieces in this
    /// order. A number of days alone could be anything, so it is none of them.
    pub(crate) fn parse_any(text: &str) -> Option<Self> {
        let pieces: Vec<&str> = text.split(' ').collect();
        let is_clock = |it: &&str| it.contains(':');
        let is_months = |it: &&str| it.trim_start_matches(['-', '+']).contains('-');
        let from = match (pieces.first()?, pieces.len()) {
            (it, _) if is_months(it) => "YEAR",
            (it, 1) if is_clock(it) => "HOUR",
            (_, 2) => "DAY",
            _ => return None,
        };
        let to = match pieces.last()? {
            it if is_clock(it) => "SECOND",
            it if is_months(it) => "MONTH",
            _ if from == "YEAR" => "DAY",
            _ => return None,
        };
        Self::parse(text, from, to)
    }

    /// Reads `Y-M D H:M:S.F` or the parts from `from` to `to`.
    pub(crate) fn parse(text: &str, from: &str, to: &str) -> Option<Self> {
        let order = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
        let start = order.iter().position(|it| *it == from)?;
        let end = order.iter().position(|it| *it == to)?;
        let mut pieces: Vec<&str> = text.split(' ').collect();
        if pieces.len() > 3 || pieces.iter().any(|it| it.is_empty()) {
            return None;
        }
        let mut found = Self::default();
        if start <= 1 {
            let piece = pieces.remove(0);
            let (sign, piece) = split_sign(piece);
            let numbers: Vec<i64> = piece.split('-').map(parse_digits).collect::<Option<_>>()?;
            let wanted = end.min(1) - start + 1;
            if numbers.len() != wanted {
                return None;
            }
            found.months = sign
                * match (start, numbers.as_slice()) {
                    (0, [years]) => years.checked_mul(12)?,
                    (0, [years, months]) => years.checked_mul(12)?.checked_add(*months)?,
                    (_, [months]) => *months,
                    _ => return None,
                };
        }
        if start <= 2 && end >= 2 {
            if pieces.is_empty() {
                return None;
            }
            let (sign, piece) = split_sign(pieces.remove(0));
            found.days = sign * parse_digits(piece)?;
        }
        if end >= 3 {
            if pieces.is_empty() {
                return None;
            }
            found.micros = parse_clock(pieces.remove(0), start.max(3), end)?;
        }
        if !pieces.is_empty() {
            return None;
        }
        Self::new(found.months, found.days, found.micros).ok()
    }
}

/// Reads numbers that each have a unit, in the order of `units`.
fn read_units(
    text: &str,
    units: &[&str],
    take: &mut dyn FnMut(i64, &str, char) -> Option<()>,
) -> Option<()> {
    let mut rest = text;
    let mut units = units.iter();
    while !rest.is_empty() {
        let at = rest.find(|it: char| it.is_ascii_uppercase())?;
        let unit = &rest[at..=at];
        units.find(|it| **it == unit)?;
        let (sign, number) = split_sign(&rest[..at]);
        take(sign, number, unit.chars().next()?)?;
        rest = &rest[at + 1..];
    }
    Some(())
}

fn split_sign(text: &str) -> (i64, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn parse_digits(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// `H:M:S.F`, or the parts from index `start` to `end` of it.
fn parse_clock(text: &str, start: usize, end: usize) -> Option<i64> {
    let (sign, text) = split_sign(text);
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) if end == 5 => (clock, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let numbers: Vec<i64> = clock.split(':').map(parse_digits).collect::<Option<_>>()?;
    if numbers.len() != end - start + 1 || fraction.len() > 6 {
        return None;
    }
    let units = [3_600_000_000_i64, 60_000_000, 1_000_000];
    let mut micros = 0_i64;
    for (number, unit) in numbers.iter().zip(&units[start - 3..]) {
        micros = micros.checked_add(number.checked_mul(*unit)?)?;
    }
    if !fraction.is_empty() {
        micros += parse_digits(fraction)? * 10_i64.pow(6 - fraction.len() as u32);
    } else if text.contains('.') {
        return None;
    }
    Some(sign * micros)
}

impl std::fmt::Display for Interval {
    /// `Y-M D H:M:S[.F]`, as CAST to STRING writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = |negative: bool| if negative { "-" } else { "" };
        let (months, micros) = (self.months.abs(), self.micros.unsigned_abs());
        write!(f, "{}{}-{} {}", sign(self.months < 0), months / 12, months % 12, self.days)?;
        let seconds = micros / 1_000_000;
        let minutes = seconds / 60;
        write!(f, " {}{}:{}:{}", sign(self.micros < 0), minutes / 60, minutes % 60, seconds % 60)?;
        match micros % 1_000_000 {
            0 => Ok(()),
            it if it % 1000 == 0 => write!(f, ".{:03}", it / 1000),
            it => write!(f, ".{it:06}"),
        }
    }
}
