//! Converts local times of an IANA time zone to instants in UTC.
//!
//! Where the clock changes, a local time can be skipped or repeated. Both get the offset before the
//! change (RFC 5545, section 3.3.5): a skipped time moves on by the gap, a repeated one is the first of
//! the two. PostgreSQL's `AT TIME ZONE` takes the second.

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use landbridge_core::rewrite::Misfit;
use landbridge_core::{Error, ErrorKind, Result};

use super::convert::{ClockChange, Convert, put};
use super::epoch::Unit;
use super::text::datetime;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const MICROS: i64 = 1_000_000;

/// The zone with this IANA name, from the database compiled into the program.
///
/// # Errors
/// [`ErrorKind::Config`] if there is no such zone. `name` is the file's.
pub(super) fn time_zone(zone: &str, name: &str) -> Result<TimeZone> {
    TimeZone::get(zone).map_err(|_| {
        Error::new(
            ErrorKind::Config,
            "the plan names an unknown time zone",
            format!("{name}, {zone}"),
        )
    })
}

/// Converts values to instants, as [`Convert`].
pub(super) struct LocalTimes<'a> {
    zone: &'a TimeZone,
    /// The unit of the values; `None` if they are text.
    unit: Option<Unit>,
    change: Option<ClockChange>,
}

impl<'a> LocalTimes<'a> {
    pub(super) fn new(zone: &'a TimeZone, unit: Option<Unit>) -> Self {
        Self { zone, unit, change: None }
    }

    /// The instant of a local time, both in microseconds since 1970.
    fn instant(&mut self, local: i64) -> Result<i64, Misfit> {
        let clock = EPOCH.checked_add(SignedDuration::from_micros(local));
        let Ok(clock) = clock else {
            return Err(if local < 0 { Misfit::YearBefore1 } else { Misfit::YearBeyond9999 });
        };
        // Not an instant of jiff, which ends 26 hours before the year 10000.
        let offset = match self.zone.to_ambiguous_timestamp(clock).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } => {
                self.change = Some(ClockChange::Skipped);
                before
            }
            AmbiguousOffset::Fold { before, .. } => {
                self.change = Some(ClockChange::Repeated);
                before
            }
        };
        datetime::in_range(local - i64::from(offset.seconds()) * MICROS)
    }
}

impl Convert for LocalTimes<'_> {
    fn convert(&mut self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.change = None;
        let instant = match self.unit {
            Some(unit) => self.instant(unit.micros(value)?)?,
            None => match datetime::clock_and_offset(value)? {
                // A zone in the value counts.
                (local, Some(offset)) => datetime::in_range(local - offset * MICROS)?,
                (local, None) => self.instant(local)?,
            },
        };
        put(instant.to_le_bytes(), out);
        Ok(())
    }

    fn clock_change(&self) -> Option<ClockChange> {
        self.change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(zone: &str, text: &str) -> Result<(String, Option<ClockChange>), Misfit> {
        let zone = time_zone(zone, "t").expect("a zone");
        let mut times = LocalTimes::new(&zone, None);
        let mut out = Vec::new();
        times.convert(text.as_bytes(), &mut out)?;
        let micros = i64::from_le_bytes(out.as_slice().try_into().expect("eight bytes"));
        let clock = EPOCH.checked_add(SignedDuration::from_micros(micros)).expect("a time");
        Ok((clock.to_string(), times.clock_change()))
    }

    #[test]
    fn local_times_become_instants() {
        use ClockChange::{Repeated, Skipped};
        let (seoul, paris, york) = ("Asia/Seoul", "Europe/Paris", "America/New_York");
        for (zone, text, expected, change) in [
            (seoul, "2026-11-27 09:00:00", "2026-11-27T00:00:00", None),
            (seoul, "2026-11-27 09:00:00.123456", "2026-11-27T00:00:00.123456", None),
            // Korea had daylight saving time in 1988.
            (seoul, "1988-07-01 09:00:00", "1988-06-30T23:00:00", None),
            (seoul, "9999-12-31 23:59:59.999999", "9999-12-31T14:59:59.999999", None),
            // Before 1908, the local mean time of Seoul.
            (seoul, "1900-01-01 08:27:52", "1900-01-01T00:00:00", None),
            // A zone of the value counts.
            (seoul, "2026-11-27 09:00:00+00", "2026-11-27T09:00:00", None),
            (seoul, "2026-11-27 09:00:00Z", "2026-11-27T09:00:00", None),
            (paris, "2026-07-01 12:00:00", "2026-07-01T10:00:00", None),
            (paris, "2026-03-29 01:59:59", "2026-03-29T00:59:59", None),
            (paris, "2026-03-29 02:30:00", "2026-03-29T01:30:00", Some(Skipped)),
            (paris, "2026-03-29 03:00:00", "2026-03-29T01:00:00", None),
            (paris, "2026-10-25 02:30:00", "2026-10-25T00:30:00", Some(Repeated)),
            (york, "2026-11-01 01:30:00", "2026-11-01T05:30:00", Some(Repeated)),
        ] {
            let result = instant(zone, text);
            assert_eq!(result, Ok((expected.to_owned(), change)), "{text} in {zone}");
        }
        for (zone, text, misfit) in [
            (york, "9999-12-31 23:59:59", Misfit::YearBeyond9999),
            (seoul, "0001-01-01 00:00:00", Misfit::YearBefore1),
            (seoul, "infinity", Misfit::Infinite),
            (seoul, "2026-13-01 00:00:00", Misfit::NoSuchDate),
            (seoul, "noon", Misfit::Malformed),
        ] {
            assert_eq!(instant(zone, text), Err(misfit), "{text} in {zone}");
        }
    }

    #[test]
    fn microseconds_become_instants() {
        let zone = time_zone("Asia/Seoul", "t").expect("a zone");
        let mut times = LocalTimes::new(&zone, Some(Unit::Micros));
        let mut out = Vec::new();
        assert_eq!(times.convert(b"32400000001", &mut out), Ok(()));
        assert_eq!(out, 1_i64.to_le_bytes());
        let (first, last) = (i64::MIN.to_string(), i64::MAX.to_string());
        assert_eq!(times.convert(first.as_bytes(), &mut out), Err(Misfit::YearBefore1));
        assert_eq!(times.convert(last.as_bytes(), &mut out), Err(Misfit::YearBeyond9999));
        assert_eq!(out.len(), 8, "a misfit appends nothing");
        assert!(time_zone("Asia/Soul", "t").is_err());
    }
}
