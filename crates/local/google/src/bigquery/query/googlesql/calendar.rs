//! The calendar and time zones: what the functions of DATE, TIME, DATETIME and TIMESTAMP share.
//!
//! Semantics: GoogleSQL reference, "Date functions" and "Timestamp functions": proleptic Gregorian
//! calendar, years 1 to 9999, weeks from Sunday, the default zone UTC.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{Offset, TimeZone};

use super::error::{Result, SqlError, mismatch};
use super::interval::{DAY_MICROS, Interval};
use super::value::Value;

/// 0001-01-01 and 9999-12-31, in days since 1970-01-01.
const FIRST_DAY: i64 = -719_162;
pub(crate) const LAST_DAY: i64 = 2_932_896;

/// A day within the range of DATE. `None` is an overflow.
pub(super) fn date_from_days(days: Option<i64>) -> Result<i32> {
    let within = days.filter(|it| (FIRST_DAY..=LAST_DAY).contains(it));
    within.and_then(|it| i32::try_from(it).ok()).ok_or_else(|| SqlError::overflow("DATE"))
}

/// Microseconds within the range of DATETIME and TIMESTAMP.
pub(super) fn check_micros(micros: Option<i64>, of: &str) -> Result<i64> {
    let range = FIRST_DAY * DAY_MICROS..(LAST_DAY + 1) * DAY_MICROS;
    micros.filter(|it| range.contains(it)).ok_or_else(|| SqlError::overflow(of))
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// The calendar day of a DATE.
pub(super) fn date(days: i32) -> Result<Date> {
    EPOCH.checked_add(jiff::Span::new().days(days)).map_err(|_| SqlError::overflow("DATE"))
}

pub(super) fn days(date: Date) -> Result<i32> {
    let span = date.since(EPOCH).map_err(|_| SqlError::overflow("DATE"))?;
    date_from_days(Some(i64::from(span.get_days())))
}

/// The date and time of a DATETIME.
pub(crate) fn civil(micros: i64) -> Result<DateTime> {
    let day =
        i32::try_from(micros.div_euclid(DAY_MICROS)).map_err(|_| SqlError::overflow("DATETIME"))?;
    let rest = micros.rem_euclid(DAY_MICROS);
    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
    let narrow = |it: i64| i8::try_from(it).unwrap_or(0);
    let time = jiff::civil::Time::new(
        narrow(seconds / 3600),
        narrow(seconds / 60 % 60),
        narrow(seconds % 60),
        i32::try_from(micros * 1000).unwrap_or(0),
    );
    Ok(DateTime::from_parts(date(day)?, time.map_err(|_| SqlError::overflow("DATETIME"))?))
}

/// Microseconds of a DATETIME from its parts.
pub(super) fn datetime_micros(day: i32, time: i64) -> i64 {
    i64::from(day) * DAY_MICROS + time
}

/// A time zone by its name or offset, such as `Asia/Seoul` or `+09:00`.
pub(crate) fn parse_zone(name: &str) -> Result<TimeZone> {
    let invalid = || SqlError::failed("a time zone is invalid");
    if name.eq_ignore_ascii_case("UTC") || name.eq_ignore_ascii_case("Z") {
        return Ok(TimeZone::UTC);
    }
    let Some(sign) = name.chars().next().filter(|it| matches!(it, '+' | '-')) else {
        // The engine's data base also knows POSIX strings, which BigQuery does not.
        let plausible = name.chars().all(|it| it.is_ascii_alphanumeric() || "/_+-".contains(it));
        return TimeZone::get(name)
            .ok()
            .filter(|_| plausible && !name.is_empty())
            .ok_or_else(invalid);
    };
    let (hours, minutes) = match name[1..].split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None => (&name[1..], "0"),
    };
    let number = |it: &str| {
        let digits = (1..=2).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_digit());
        it.parse::<i32>().ok().filter(|_| digits)
    };
    let (hours, minutes) =
        (number(hours).ok_or_else(invalid)?, number(minutes).ok_or_else(invalid)?);
    let seconds = (hours * 60 + minutes) * 60;
    if hours > 14 || minutes > 59 || seconds > 14 * 3600 {
        return Err(invalid());
    }
    let offset = Offset::from_seconds(if sign == '-' { -seconds } else { seconds });
    Ok(TimeZone::fixed(offset.map_err(|_| invalid())?))
}

/// The zone in an optional argument, UTC by default.
pub(super) fn zone(args: &[Value], at: usize) -> Result<TimeZone> {
    match args.get(at) {
        Some(Value::Text(name)) => parse_zone(name),
        _ => Ok(TimeZone::UTC),
    }
}

/// The offset of a zone at an instant, in microseconds.
fn offset_at(micros: i64, zone: &TimeZone) -> i64 {
    // The engine's instants end a day before BigQuery's; the offset is the same.
    let last = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let at = Timestamp::from_microsecond(micros).unwrap_or(last);
    i64::from(zone.to_offset(at).seconds()) * 1_000_000
}

/// The local time of an instant, as a DATETIME.
pub(crate) fn timestamp_in_zone(micros: i64, zone: &TimeZone) -> i64 {
    micros + offset_at(micros, zone)
}

/// The local time as texts show it: of the offset, they have hours and minutes only. Offsets of more
/// than a century ago have seconds.
pub(crate) fn shown_in_zone(micros: i64, zone: &TimeZone) -> i64 {
    micros + offset_at(micros, zone) / 60_000_000 * 60_000_000
}

/// The instant of a local time. A time that a change of clocks skips or repeats has the offset
/// before the change.
pub(crate) fn timestamp_from_civil(micros: i64, zone: &TimeZone) -> Result<i64> {
    let exact = civil(micros).ok().and_then(|it| zone.to_ambiguous_timestamp(it).compatible().ok());
    let instant = match exact {
        Some(instant) => instant.as_microsecond(),
        None => micros - offset_at(micros, zone),
    };
    check_micros(Some(instant), "TIMESTAMP")
}

/// The parts of fixed length, in microseconds.
pub(super) fn fixed_part(part: &str) -> Option<i64> {
    Some(match part {
        "MICROSECOND" => 1,
        "MILLISECOND" => 1000,
        "SECOND" => 1_000_000,
        "MINUTE" => 60_000_000,
        "HOUR" => 3_600_000_000,
        _ => return None,
    })
}

/// The first day of a week part.
fn week_start(part: &str) -> Option<Weekday> {
    Some(match part {
        "WEEK" | "WEEK(SUNDAY)" => Weekday::Sunday,
        "ISOWEEK" | "WEEK(MONDAY)" => Weekday::Monday,
        "WEEK(TUESDAY)" => Weekday::Tuesday,
        "WEEK(WEDNESDAY)" => Weekday::Wednesday,
        "WEEK(THURSDAY)" => Weekday::Thursday,
        "WEEK(FRIDAY)" => Weekday::Friday,
        "WEEK(SATURDAY)" => Weekday::Saturday,
        _ => return None,
    })
}

pub(super) fn wrong_part(part: &str) -> SqlError {
    SqlError::invalid(format!("The date part {part} is not supported here"))
}

/// The start of the part that contains the day.
pub(super) fn truncate_day(day: i32, part: &str) -> Result<i32> {
    if i64::from(day) == LAST_DAY + 1 {
        return truncate_day_after_the_last(day, part);
    }
    let on = date(day)?;
    if let Some(start) = week_start(part) {
        return date_from_days(Some(i64::from(day) - i64::from(on.weekday().since(start))));
    }
    let start = match part {
        "DAY" => return Ok(day),
        "MONTH" => on.first_of_month(),
        "QUARTER" => Date::constant(on.year(), (on.month() - 1) / 3 * 3 + 1, 1),
        "YEAR" => on.first_of_year(),
        "ISOYEAR" => return iso_year_start(i32::from(on.iso_week_date().year())),
        _ => return Err(wrong_part(part)),
    };
    days(start)
}

/// The local time of the last instants can be on 10000-01-01, a Saturday.
fn truncate_day_after_the_last(day: i32, part: &str) -> Result<i32> {
    if let Some(start) = week_start(part) {
        return Ok(day - i32::from(Weekday::Saturday.since(start)));
    }
    match part {
        "DAY" | "MONTH" | "QUARTER" | "YEAR" => Ok(day),
        "ISOYEAR" => iso_year_start(9999),
        _ => Err(wrong_part(part)),
    }
}

/// The Monday of the first ISO week.
fn iso_year_start(year: i32) -> Result<i32> {
    let year = i16::try_from(year).map_err(|_| SqlError::overflow("DATE"))?;
    // The fourth of January is in the first week.
    let fourth = Date::new(year, 1, 4).map_err(|_| SqlError::overflow("DATE"))?;
    let back = i64::from(fourth.weekday().since(Weekday::Monday));
    let fourth = fourth.since(EPOCH).map_err(|_| SqlError::overflow("DATE"))?;
    date_from_days(Some(i64::from(fourth.get_days()) - back))
}

/// The days after `day` in its week; `None` if the part is no week.
pub(super) fn days_left_of_week(day: i32, part: &str) -> Result<Option<i64>> {
    let Some(start) = week_start(part) else { return Ok(None) };
    Ok(Some(6 - i64::from(date(day)?.weekday().since(start))))
}

/// The start of the part that contains the time.
pub(super) fn truncate_micros(micros: i64, part: &str) -> Result<i64> {
    if let Some(length) = fixed_part(part) {
        return Ok(micros.div_euclid(length) * length);
    }
    let day =
        i32::try_from(micros.div_euclid(DAY_MICROS)).map_err(|_| SqlError::overflow("DATETIME"))?;
    Ok(i64::from(truncate_day(day, part)?) * DAY_MICROS)
}

/// The number of a date part in a day.
pub(super) fn extract_day(day: i32, part: &str) -> Result<i64> {
    if i64::from(day) == LAST_DAY + 1 {
        return extract_day_after_the_last(part);
    }
    let on = date(day)?;
    if part == "ISOWEEK" {
        return Ok(i64::from(on.iso_week_date().week()));
    }
    if let Some(start) = week_start(part) {
        // Days before the first start of the week are in week 0.
        let since_start = i64::from(on.weekday().since(start));
        return Ok((i64::from(on.day_of_year()) - 1 - since_start + 7).div_euclid(7));
    }
    Ok(match part {
        "DAYOFWEEK" => i64::from(on.weekday().since(Weekday::Sunday)) + 1,
        "DAY" => i64::from(on.day()),
        "DAYOFYEAR" => i64::from(on.day_of_year()),
        "MONTH" => i64::from(on.month()),
        "QUARTER" => i64::from((on.month() - 1) / 3 + 1),
        "YEAR" => i64::from(on.year()),
        "ISOYEAR" => i64::from(on.iso_week_date().year()),
        _ => return Err(wrong_part(part)),
    })
}

/// The local time of the last instants can be on 10000-01-01, a Saturday.
fn extract_day_after_the_last(part: &str) -> Result<i64> {
    if part == "ISOWEEK" {
        return Ok(52);
    }
    if let Some(start) = week_start(part) {
        return Ok(i64::from(start == Weekday::Saturday));
    }
    Ok(match part {
        "DAYOFWEEK" => 7,
        "DAY" | "DAYOFYEAR" | "MONTH" | "QUARTER" => 1,
        "YEAR" => 10_000,
        "ISOYEAR" => 9999,
        _ => return Err(wrong_part(part)),
    })
}

/// The number of a time part in microseconds of a day.
pub(super) fn extract_time(micros: i64, part: &str) -> Result<i64> {
    let micros = micros.rem_euclid(DAY_MICROS);
    Ok(match part {
        "MICROSECOND" => micros % 1_000_000,
        "MILLISECOND" => micros / 1000 % 1000,
        "SECOND" => micros / 1_000_000 % 60,
        "MINUTE" => micros / 60_000_000 % 60,
        "HOUR" => micros / 3_600_000_000,
        _ => return Err(wrong_part(part)),
    })
}

/// The number of boundaries of a part between two days.
pub(super) fn day_diff(a: i32, b: i32, part: &str) -> Result<i64> {
    let (a, b) = (i64::from(a), i64::from(b));
    if let Some(start) = week_start(part) {
        // Day 0 is a Thursday.
        let shift = i64::from(Weekday::Thursday.since(start));
        return Ok((a + shift).div_euclid(7) - (b + shift).div_euclid(7));
    }
    let narrow = |it: i64| i32::try_from(it).map_err(|_| SqlError::overflow("DATE"));
    let (on_a, on_b) = (date(narrow(a)?)?, date(narrow(b)?)?);
    let months = |on: Date| i64::from(on.year()) * 12 + i64::from(on.month()) - 1;
    Ok(match part {
        "DAY" => a - b,
        "MONTH" => months(on_a) - months(on_b),
        "QUARTER" => months(on_a).div_euclid(3) - months(on_b).div_euclid(3),
        "YEAR" => i64::from(on_a.year()) - i64::from(on_b.year()),
        "ISOYEAR" => {
            i64::from(on_a.iso_week_date().year()) - i64::from(on_b.iso_week_date().year())
        }
        _ => return Err(wrong_part(part)),
    })
}

/// The number of boundaries of a part between two times.
pub(super) fn micros_diff(a: i64, b: i64, part: &str) -> Result<i64> {
    if let Some(length) = fixed_part(part) {
        return Ok(a.div_euclid(length) - b.div_euclid(length));
    }
    let day = |it: i64| {
        i32::try_from(it.div_euclid(DAY_MICROS)).map_err(|_| SqlError::overflow("DATETIME"))
    };
    day_diff(day(a)?, day(b)?, part)
}

/// Adds months; a day that the month does not have becomes its last.
pub(super) fn add_months(day: i32, months: i64) -> Result<i32> {
    let on = date(day)?;
    let total = i64::from(on.year()) * 12 + i64::from(on.month()) - 1;
    let total = total.checked_add(months).ok_or_else(|| SqlError::overflow("DATE"))?;
    let year = i16::try_from(total.div_euclid(12)).ok().filter(|it| (1..=9999).contains(it));
    let year = year.ok_or_else(|| SqlError::overflow("DATE"))?;
    let month = i8::try_from(total.rem_euclid(12) + 1).unwrap_or(1);
    let first = Date::new(year, month, 1).map_err(|_| SqlError::overflow("DATE"))?;
    days(Date::constant(year, month, on.day().min(first.days_in_month())))
}

/// Adds a number of a part to a day.
pub(super) fn add_to_day(day: i32, count: i64, part: &str) -> Result<i32> {
    let overflow = || SqlError::overflow("DATE");
    let times = |factor: i64| count.checked_mul(factor).ok_or_else(overflow);
    match part {
        "DAY" => date_from_days(i64::from(day).checked_add(count)),
        "WEEK" => date_from_days(i64::from(day).checked_add(times(7)?)),
        "MONTH" => add_months(day, count),
        "QUARTER" => add_months(day, times(3)?),
        "YEAR" => add_months(day, times(12)?),
        _ => Err(wrong_part(part)),
    }
}

/// Adds a number of a part to a DATETIME.
pub(super) fn add_to_micros(micros: i64, count: i64, part: &str) -> Result<i64> {
    let overflow = || SqlError::overflow("DATETIME");
    if let Some(length) = fixed_part(part) {
        let sum = count.checked_mul(length).and_then(|it| micros.checked_add(it));
        return check_micros(sum, "DATETIME");
    }
    let day = i32::try_from(micros.div_euclid(DAY_MICROS)).map_err(|_| overflow())?;
    let day = add_to_day(day, count, part).map_err(|error| match error {
        SqlError::Failed(_) => overflow(),
        other => other,
    })?;
    Ok(datetime_micros(day, micros.rem_euclid(DAY_MICROS)))
}

/// Adds an INTERVAL to a DATETIME or TIMESTAMP.
pub(super) fn add_interval(to: &Value, interval: &Interval) -> Result<Value> {
    let days_and_micros =
        i128::from(interval.days) * i128::from(DAY_MICROS) + i128::from(interval.micros);
    let add = |micros: i64, of: &str| {
        check_micros(i64::try_from(i128::from(micros) + days_and_micros).ok(), of)
    };
    match to {
        Value::Datetime(micros) => {
            let moved = add_to_micros(*micros, interval.months, "MONTH")?;
            add(moved, "DATETIME").map(Value::Datetime)
        }
        Value::Timestamp(micros) if interval.months == 0 => {
            add(*micros, "TIMESTAMP").map(Value::Timestamp)
        }
        Value::Timestamp(_) => {
            Err(SqlError::failed("an INTERVAL with months is added to a TIMESTAMP"))
        }
        _ => Err(mismatch()),
    }
}

/// The INTERVAL between two values: days of dates, hours of times.
pub(super) fn subtract_instants(a: &Value, b: &Value) -> Result<Value> {
    let interval = match (a, b) {
        (Value::Date(a), Value::Date(b)) => Interval::new(0, i64::from(*a) - i64::from(*b), 0)?,
        (Value::Time(a), Value::Time(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => {
            Interval::new(0, 0, a - b)?
        }
        (Value::Datetime(a), Value::Datetime(b)) => {
            let micros = a - b;
            Interval::new(0, micros / DAY_MICROS, micros % DAY_MICROS)?
        }
        _ => return Err(mismatch()),
    };
    Ok(Value::Interval(Box::new(interval)))
}

/// The day of microseconds since 1970.
pub(super) fn day_of(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX)
}

/// A day by year, month and day.
pub(super) fn date_from_parts(year: i64, month: i64, day: i64) -> Result<i32> {
    let invalid = || SqlError::failed("the parts of a date are outside their ranges");
    let year = i16::try_from(year).ok().filter(|it| (1..=9999).contains(it)).ok_or_else(invalid)?;
    let month = i8::try_from(month).map_err(|_| invalid())?;
    let day = i8::try_from(day).map_err(|_| invalid())?;
    days(Date::new(year, month, day).map_err(|_| invalid())?)
}

/// The instant at which a day starts in a zone.
pub(super) fn start_of_day(day: i32, zone: &TimeZone) -> Result<i64> {
    date(day)?;
    timestamp_from_civil(datetime_micros(day, 0), zone)
}

/// Truncates an instant in a zone.
pub(super) fn truncate_in_zone(micros: i64, part: &str, zone: &TimeZone) -> Result<i64> {
    // Parts below a day are truncated as instants, so that a repeated hour stays itself.
    match part {
        "MICROSECOND" | "MILLISECOND" | "SECOND" => truncate_micros(micros, part),
        "MINUTE" | "HOUR" => {
            let offset = timestamp_in_zone(micros, zone) - micros;
            let start = truncate_micros(micros + offset, part)? - offset;
            check_micros(Some(start), "TIMESTAMP")
        }
        _ => timestamp_from_civil(truncate_micros(timestamp_in_zone(micros, zone), part)?, zone),
    }
}
