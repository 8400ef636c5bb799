//! The canonical text of a value as the source database writes it, and what a comparison with the source, or with the
//! export in S3, says.
//!
//! A server writes each value as text, and so is an export read; here it becomes the text whose hash the transfer and BigQuery compute
//! too. This is a reader of its own, and shares no code with the transfer's: a value that the transfer
//! converts wrongly differs from what is read here.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text;
use super::verdict::{Difference, Observed, difference};
use super::{ColumnProof, Figures};
use crate::protection::ColumnRows;
use crate::types::{BigQueryType, Engine};

const DAY_MICROS: i64 = 86_400_000_000;
/// Digits after the point of NUMERIC and BIGNUMERIC, and before it (Google's documentation, "Data types").
const NUMERIC: (usize, usize) = (29, 9);
const BIGNUMERIC: (usize, usize) = (38, 38);

/// How the values of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceForm {
    /// Text that lands as it is.
    Text,
    /// Bytes that land as they are.
    Bytes,
    /// Whole numbers.
    Integer,
    /// Decimals with so many digits before and after the point.
    Decimal {
        /// Digits before the point.
        whole: usize,
        /// Digits after it.
        scale: usize,
    },
    /// Numbers of 64 bits.
    Double,
    /// Numbers of 32 bits, which the server writes with as many digits as distinguish these.
    Single,
    /// `t`, `true`, `1`, and the others.
    Boolean,
    /// Dates.
    Date,
    /// Times of a day.
    Time,
    /// Dates with a time, in UTC or without a zone.
    Instant,
}

/// Why a column is not compared with the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// The source has no such column now.
    NotInSource,
    /// The transfer replaced the values: `tokenise` or `set_null`.
    Transformed,
    /// The values are local times, which the transfer converted with the zone of the contract.
    Zone,
    /// The values are not compared with the source for this type: arrays, bits that land as BYTES, geometry.
    Type,
    /// The day has no figures of it, and the caller may not see its values.
    NotRecorded,
}

/// What tables are compared with beside the figures of the transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The rows of the source database, or of its restored snapshot.
    #[default]
    Source,
    /// The Parquet files of the day's export.
    Export,
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Source => "source",
            Self::Export => "export",
        })
    }
}

/// What a comparison with the source says of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceVerdict {
    /// The source has the values that were transferred. Without figures of the day: that BigQuery has.
    Equal,
    /// It has others.
    Differs(Difference),
    /// Nothing can be said.
    NotProvable(Gap),
}

impl Gap {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::NotInSource, Self::Transformed, Self::Zone, Self::Type, Self::NotRecorded];
}

impl SourceVerdict {
    /// For people.
    pub fn text(self, against: Against) -> String {
        match self {
            Self::Equal => format!("the {against} has the same values"),
            Self::Differs(Difference::Count) => {
                format!("the {against} has another number of values")
            }
            Self::Differs(_) => format!("the {against} has other values"),
            Self::NotProvable(Gap::NotInSource) => match against {
                Against::Source => "not in the source now".to_owned(),
                Against::Export => "not in the export".to_owned(),
            },
            Self::NotProvable(gap) => {
                let why = match gap {
                    Gap::NotInSource | Gap::Type => "its type",
                    Gap::Transformed => "the transfer replaces the values",
                    Gap::Zone => "the transfer converts local times",
                    Gap::NotRecorded => "no figures of that day, and you do not see its values",
                };
                format!("not compared with the {against}: {why}")
            }
        }
    }
}

/// Compares the figures of the source with the figures of the transfer; without them, with BigQuery's figures if
/// the class of the column is `none`, because a mask can stand between.
pub fn compare_source(
    source: Result<&Figures, Gap>,
    recorded: Option<&ColumnProof>,
    observed: Option<&Observed>,
    is_open: bool,
) -> SourceVerdict {
    let source = match source {
        Ok(source) => source,
        Err(gap) => return SourceVerdict::NotProvable(gap),
    };
    let found = match (recorded, observed) {
        (Some(recorded), _) => difference(&recorded.plain, &Observed::of(source)),
        (None, Some(observed)) if is_open => difference(source, observed),
        (None, _) => return SourceVerdict::NotProvable(Gap::NotRecorded),
    };
    found.map_or(SourceVerdict::Equal, SourceVerdict::Differs)
}

impl SourceForm {
    /// How the values of a column are read that has landed like this, by its type in the source's catalogue now:
    /// `character varying`, `bigint unsigned`, `ARRAY`.
    ///
    /// # Errors
    /// The reason why they are not compared.
    pub fn of(engine: Engine, data_type: &str, landed: &ColumnRows) -> Result<Self, Gap> {
        if landed.transform.is_some() {
            return Err(Gap::Transformed);
        }
        if landed.zone.is_some() {
            return Err(Gap::Zone);
        }
        let base = data_type.trim_end_matches(" unsigned");
        if landed.repeated || base == "ARRAY" {
            return Err(Gap::Type);
        }
        let form = match (landed.ty, engine) {
            (BigQueryType::String, Engine::Postgres) => (base != "bytea").then_some(Self::Text),
            (BigQueryType::String, Engine::Mysql) => is_mysql_text(base).then_some(Self::Text),
            (BigQueryType::Bytes, Engine::Postgres) => (base == "bytea").then_some(Self::Bytes),
            (BigQueryType::Bytes, Engine::Mysql) => {
                (base.contains("blob") || base.contains("binary")).then_some(Self::Bytes)
            }
            (BigQueryType::Int64, _) => Some(Self::Integer),
            (BigQueryType::Float64, Engine::Postgres) if base == "real" => Some(Self::Single),
            (BigQueryType::Float64, _) => Some(Self::Double),
            (BigQueryType::Bool, _) => Some(Self::Boolean),
            (BigQueryType::Numeric, _) => Some(Self::decimal(NUMERIC)),
            (BigQueryType::BigNumeric, _) => Some(Self::decimal(BIGNUMERIC)),
            (BigQueryType::Date, _) => Some(Self::Date),
            (BigQueryType::Time, _) => Some(Self::Time),
            (BigQueryType::DateTime | BigQueryType::Timestamp, _) => Some(Self::Instant),
            (BigQueryType::Json, _) => None,
        };
        form.ok_or(Gap::Type)
    }

    const fn decimal((whole, scale): (usize, usize)) -> Self {
        Self::Decimal { whole, scale }
    }

    /// Writes the canonical text of a value, in place of what is in `out`. `None` if the value does not fit the
    /// type of the column, so that it is NULL in BigQuery.
    #[must_use]
    pub fn canonical(self, raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
        out.clear();
        match self {
            Self::Text => out.extend_from_slice(std::str::from_utf8(raw).ok()?.as_bytes()),
            Self::Bytes => out.extend_from_slice(raw),
            Self::Integer => text::integer(parsed(raw)?, out),
            Self::Decimal { whole, scale } => decimal(raw, whole, scale, out)?,
            Self::Double => text::double(parsed(raw)?, out),
            Self::Single => text::double(parsed::<f32>(raw)?.into(), out),
            Self::Boolean => out.extend_from_slice(text::boolean(match raw {
                b"t" | b"true" | b"1" => true,
                b"f" | b"false" | b"0" => false,
                _ => return None,
            })),
            Self::Date => text::integer(day(raw)?, out),
            Self::Time => text::integer(time(raw)?, out),
            Self::Instant => {
                let (date, rest) = raw.split_at_checked(10)?;
                let rest = rest.strip_prefix(b" ")?;
                // A session in UTC writes no other offset.
                let clock = rest.strip_suffix(b"+00").unwrap_or(rest);
                text::integer(day(date)? * DAY_MICROS + time(clock)?, out);
            }
        }
        Some(())
    }
}

/// Whether a server of MySQL or MariaDB writes the type as the text that an export contains.
fn is_mysql_text(base: &str) -> bool {
    const OTHERS: [&str; 8] =
        ["bit", "float", "double", "datetime", "timestamp", "geometry", "point", "linestring"];
    !(OTHERS.contains(&base)
        || base.contains("blob")
        || base.contains("binary")
        || base.contains("polygon")
        || base.starts_with("multi")
        || base.starts_with("geom"))
}

fn parsed<T: std::str::FromStr>(raw: &[u8]) -> Option<T> {
    std::str::from_utf8(raw).ok()?.parse().ok()
}

/// The digits of a decimal without zeros at the end of the fraction and before the first digit.
fn decimal(raw: &[u8], max_whole: usize, max_scale: usize, out: &mut Vec<u8>) -> Option<()> {
    let (negative, unsigned) = match raw.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, raw),
    };
    let mut parts = unsigned.splitn(2, |byte| *byte == b'.');
    let (whole, fraction) = (parts.next()?, parts.next().unwrap_or_default());
    let is_number = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    if whole.len() + fraction.len() == 0 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let zeros = whole.iter().take_while(|digit| **digit == b'0').count();
    let whole = &whole[zeros..];
    let kept = fraction.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    let fraction = &fraction[..kept];
    if whole.len() > max_whole || fraction.len() > max_scale {
        return None;
    }
    if negative && whole.len() + fraction.len() > 0 {
        out.push(b'-');
    }
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
    Some(())
}

/// The days from 1970-01-01 to `YYYY-MM-DD` of the years that BigQuery has, 1 to 9999.
fn day(raw: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *raw else { return None };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if year == 0 || day == 0 || day > length {
        return None;
    }
    // Years that begin in March end with the leap day.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = years / 4 - years / 100 + years / 400;
    Some(years * 365 + leap_days + (153 * months + 2) / 5 + day - 1 - 719_468)
}

/// The microseconds from midnight to `HH:MM:SS`, with at most six digits of a fraction.
fn time(raw: &[u8]) -> Option<i64> {
    let (clock, fraction) = raw.split_at_checked(8)?;
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *clock else { return None };
    let (hours, minutes, seconds) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let micros = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=6).contains(&digits.len()) => {
            number(digits)? * 10_i64.pow(6 - digits.len() as u32)
        }
        _ => return None,
    };
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
}

/// A number of a few digits.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::farm;
    use super::*;

    fn read(form: SourceForm, raw: &str) -> Option<String> {
        let mut out = b"what was there".to_vec();
        form.canonical(raw.as_bytes(), &mut out)?;
        String::from_utf8(out).ok()
    }

    /// What each server writes, and the text whose hash BigQuery computes. `-` does not fit the type.
    #[test]
    fn texts_of_both_servers() {
        use SourceForm::{Boolean, Bytes, Date, Double, Instant, Integer, Single, Text, Time};
        let (short, long) = (SourceForm::decimal(NUMERIC), SourceForm::decimal(BIGNUMERIC));
        for (form, raw, text) in [
            (Text, "김 a\tb", "김 a\tb"),
            (Bytes, "raw", "raw"),
            (Integer, "-9223372036854775808", "-9223372036854775808"),
            (Integer, "007", "7"),
            (Integer, "9223372036854775808", "-"),
            (short, "12.50", "12.5"),
            (short, "-0.00", "0"),
            (short, "-0.010", "-0.01"),
            (short, "0.0000000001", "-"),
            (short, "18446744073709551615", "18446744073709551615"),
            (short, "100000000000000000000000000000", "-"),
            (short, "NaN", "-"),
            (short, "", "-"),
            (
                long,
                "0.00000000000000000000000000000000000001",
                "0.00000000000000000000000000000000000001",
            ),
            (Double, "1.5", "1:2305843009213693952"),
            (Double, "NaN", "NaN"),
            (Double, "-Infinity", "-Infinity"),
            (Double, "-0", "0"),
            (Double, "5e-324", "4.9406564584124654e-324"),
            (Single, "0.1", "0:461168608714686464"),
            (Boolean, "t", "true"),
            (Boolean, "0", "false"),
            (Boolean, "yes", "-"),
            (Date, "1970-01-01", "0"),
            (Date, "0001-01-01", "-719162"),
            (Date, "9999-12-31", "2932896"),
            (Date, "2024-02-29", "19782"),
            (Date, "2023-02-29", "-"),
            (Date, "0000-00-00", "-"),
            (Date, "0044-03-15 BC", "-"),
            (Date, "10000-01-01", "-"),
            (Date, "infinity", "-"),
            (Time, "23:59:59.999999", "86399999999"),
            (Time, "09:30:00.5", "34200500000"),
            (Time, "24:00:00", "-"),
            (Time, "-01:00:00", "-"),
            (Instant, "1970-01-01 00:00:01", "1000000"),
            (Instant, "1969-12-31 23:59:59.999999+00", "-1"),
            (Instant, "9999-12-31 23:59:59.999999+00", "253402300799999999"),
            (Instant, "2026-11-21 09:00:00+09", "-"),
            (Instant, "infinity", "-"),
            (Instant, "0000-00-00 00:00:00", "-"),
        ] {
            let expected = (text != "-").then(|| text.to_owned());
            assert_eq!(read(form, raw), expected, "{form:?} of {raw:?}");
        }
    }

    /// The days of 4,000 years, against another calendar.
    #[test]
    fn days_are_those_of_another_calendar() {
        let first = jiff::civil::date(1, 1, 1);
        let epoch = jiff::civil::date(1970, 1, 1);
        for n in (0..3_652_000).step_by(17) {
            let date = first.checked_add(jiff::Span::new().days(n)).expect("a date");
            let expected = (date - epoch).get_days();
            assert_eq!(day(date.to_string().as_bytes()), Some(expected.into()), "{date}");
        }
    }

    fn landed(ty: BigQueryType) -> ColumnRows {
        let rows = serde_json::json!({ "source": "", "type": ty });
        serde_json::from_value(rows).expect("rows")
    }

    #[test]
    fn the_form_of_a_column() {
        use BigQueryType::{Bytes, DateTime, Float64, Int64, String as Text};
        let of = |engine, data_type: &str, ty| SourceForm::of(engine, data_type, &landed(ty));
        assert_eq!(of(Engine::Postgres, "money", Text), Ok(SourceForm::Text));
        assert_eq!(of(Engine::Postgres, "bytea", Bytes), Ok(SourceForm::Bytes));
        assert_eq!(of(Engine::Postgres, "bit", Bytes), Err(Gap::Type));
        assert_eq!(of(Engine::Postgres, "real", Float64), Ok(SourceForm::Single));
        assert_eq!(of(Engine::Postgres, "ARRAY", Text), Err(Gap::Type));
        assert_eq!(of(Engine::Mysql, "float", Float64), Ok(SourceForm::Double));
        assert_eq!(of(Engine::Mysql, "int unsigned", Int64), Ok(SourceForm::Integer));
        assert_eq!(of(Engine::Mysql, "longblob", Bytes), Ok(SourceForm::Bytes));
        assert_eq!(of(Engine::Mysql, "multipolygon", Bytes), Err(Gap::Type));
        assert_eq!(of(Engine::Mysql, "datetime", Text), Err(Gap::Type));
        assert_eq!(of(Engine::Mysql, "datetime", DateTime), Ok(SourceForm::Instant));
        let mut column = landed(DateTime);
        column.zone = Some("Asia/Seoul".to_owned());
        assert_eq!(SourceForm::of(Engine::Mysql, "datetime", &column), Err(Gap::Zone));
        column.transform = Some(crate::contract::Transform::SetNull);
        assert_eq!(SourceForm::of(Engine::Mysql, "datetime", &column), Err(Gap::Transformed));
    }

    #[test]
    fn the_source_is_compared_with_the_transfer_or_with_bigquery() {
        let figures = |texts: &[&str]| {
            let mut figures = Figures::none(None);
            texts.iter().for_each(|text| figures.add(farm::fingerprint(text.as_bytes())));
            figures
        };
        let recorded =
            ColumnProof { plain: figures(&["a", "b"]), masked: None, texts: None, content: None };
        let (same, other) = (figures(&["b", "a"]), figures(&["b", "c"]));
        let seen = Observed::of(&other);
        let check = |source, recorded, seen, open| compare_source(source, recorded, seen, open);
        let differs = SourceVerdict::Differs(Difference::Values);
        // The transfer decides, whatever BigQuery shows.
        assert_eq!(check(Ok(&same), Some(&recorded), Some(&seen), true), SourceVerdict::Equal);
        assert_eq!(check(Ok(&other), Some(&recorded), Some(&seen), true), differs);
        assert_eq!(check(Ok(&same), Some(&recorded), None, false), SourceVerdict::Equal);
        // Without its figures, BigQuery.
        assert_eq!(check(Ok(&other), None, Some(&seen), true), SourceVerdict::Equal);
        assert_eq!(check(Ok(&same), None, Some(&seen), true), differs);
        let nothing = SourceVerdict::NotProvable(Gap::NotRecorded);
        assert_eq!(check(Ok(&other), None, Some(&seen), false), nothing, "a mask may be between");
        assert_eq!(check(Ok(&other), None, None, true), nothing);
        let gap = SourceVerdict::NotProvable(Gap::Zone);
        assert_eq!(check(Err(Gap::Zone), Some(&recorded), Some(&seen), true), gap);
    }
}
