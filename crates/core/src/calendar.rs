//! Days and hours in the configured time zone: the hour whose snapshot is exported for a
//! day, and the hour of a tick.

use std::fmt;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// A day of the warehouse: a calendar date in the configured zone, written `2026-11-21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(Date);

impl Day {
    /// Creates the day of a date.
    pub const fn new(date: Date) -> Self {
        Self(date)
    }

    /// The date.
    pub const fn date(self) -> Date {
        self.0
    }

    /// The day before; `None` for the first day that a date can be.
    pub fn before(self) -> Option<Self> {
        self.0.yesterday().ok().map(Self)
    }

    /// `20261121`, as used in IDs.
    pub fn compact(self) -> String {
        self.0.strftime("%Y%m%d").to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("`{text}` is not a date such as 2026-11-21"))
    }
}

/// The hour of a snapshot: the start of a wall-clock hour in the configured zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hour(Timestamp);

impl Hour {
    /// The start of the hour.
    pub const fn start(self) -> Timestamp {
        self.0
    }

    /// `20261120t1600z`: the start in UTC, so that an hour that a clock change repeats has two names.
    pub fn compact(self) -> String {
        self.0.strftime("%Y%m%dt%H%Mz").to_string()
    }

    /// Parses the result of [`compact`](Self::compact).
    pub fn parse_compact(text: &str) -> Option<Self> {
        let civil = jiff::civil::DateTime::strptime("%Y%m%dt%H%Mz", text).ok()?;
        Some(Self(civil.to_zoned(TimeZone::UTC).ok()?.timestamp()))
    }
}

/// The days and hours of a time zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    export_hour: i8,
}

impl Calendar {
    /// Creates the calendar of an IANA zone. A day is exported from the snapshot of `export_hour`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the zone or the hour does not exist.
    pub fn new(zone: &str, export_hour: u8) -> Result<Self> {
        let zone = TimeZone::get(zone).map_err(|_| {
            Error::new(
                ErrorKind::Config,
                "`schedule.zone` is not an IANA time zone such as `Asia/Seoul`",
                zone,
            )
        })?;
        let export_hour =
            i8::try_from(export_hour).ok().filter(|hour| *hour < 24).ok_or_else(|| {
                Error::new(ErrorKind::Config, "`schedule.export_hour` must be from 0 to 23", "")
            })?;
        Ok(Self { zone, export_hour })
    }

    /// The zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The day that contains `now`.
    pub fn day_of(&self, now: Timestamp) -> Day {
        Day(now.to_zoned(self.zone.clone()).date())
    }

    /// The hour that contains `now`.
    pub fn hour_of(&self, now: Timestamp) -> Hour {
        let zoned = now.to_zoned(self.zone.clone());
        // Subtracting the time since the start of the hour, instead of constructing a wall-clock
        // time, distinguishes the two equal hours of a clock change.
        let seconds = i64::from(zoned.minute()) * 60 + i64::from(zoned.second());
        let start = Timestamp::from_second(now.as_second() - seconds).unwrap_or(now);
        Hour(start)
    }

    /// The hour whose snapshot is exported for `day`.
    pub fn export_hour(&self, day: Day) -> Hour {
        self.hour_at(day, self.export_hour)
    }

    /// The hour of `day` that begins at this hour of the clock, from 0 to 23.
    pub fn hour_at(&self, day: Day, hour: i8) -> Hour {
        let civil = day.0.to_datetime(Time::new(hour, 0, 0, 0).unwrap_or(Time::midnight()));
        // If a clock change skips the hour, this is the next hour (jiff's "compatible" rule), in
        // which the scheduler fires as well.
        let start = civil
            .to_zoned(self.zone.clone())
            .map(|zoned| zoned.timestamp())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        self.hour_of(start)
    }

    /// The newest hour, at most `hour`, for which a snapshot is scheduled, if one is scheduled every
    /// `every_hours` hours. The export hour of a day always is one; the others are counted from it
    /// on the clock, and an hour that a clock change repeats counts once.
    pub fn scheduled_hour(&self, hour: Hour, every_hours: u8) -> Hour {
        let every = i8::try_from(every_hours).unwrap_or(24).clamp(1, 24);
        let is_scheduled = |at: Hour| {
            let zoned = at.0.to_zoned(self.zone.clone());
            let day = Day(zoned.date());
            let counted = (zoned.hour() - self.export_hour).rem_euclid(every) == 0;
            every == 1
                || at == self.export_hour(day)
                || counted && at == self.hour_at(day, zoned.hour())
        };
        let mut at = hour;
        // One hour more than a day: the export hour of a day that a clock change makes longer.
        for _ in 0..25 {
            if is_scheduled(at) {
                return at;
            }
            at = Hour(at.0.checked_sub(1.hour()).unwrap_or(at.0));
        }
        hour
    }

    /// The first instant of the next day.
    pub fn end_of(&self, day: Day) -> Timestamp {
        day.0
            .checked_add(1.day())
            .ok()
            .and_then(|next| next.to_zoned(self.zone.clone()).ok())
            .map(|zoned| zoned.timestamp())
            .unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_follow_the_zone() {
        let calendar = Calendar::new("Asia/Seoul", 1).unwrap();
        let day = calendar.day_of(at("2026-11-20T16:00:00Z"));
        assert_eq!(day.to_string(), "2026-11-21");
        assert_eq!(calendar.export_hour(day).compact(), "20261120t1600z");
        assert_eq!(calendar.end_of(day), at("2026-11-21T15:00:00Z"));
        // One minute before midnight in Seoul is still the day before.
        assert_eq!(calendar.day_of(at("2026-11-20T14:59:00Z")).to_string(), "2026-11-20");
    }

    #[test]
    fn snapshots_are_scheduled_from_the_export_hour_on() {
        let calendar = Calendar::new("Asia/Seoul", 1).unwrap();
        // 20 November, 23:30, and 21 November, 00:30 to 08:30 in Seoul.
        let scheduled = |every| {
            let hours = (0..10).map(|n| at("2026-11-20T14:30:00Z") + n.hours());
            let wall = |hour: Hour| hour.0.to_zoned(calendar.zone.clone()).hour().to_string();
            let hours = hours.map(|it| wall(calendar.scheduled_hour(calendar.hour_of(it), every)));
            hours.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(scheduled(1), "23 0 1 2 3 4 5 6 7 8");
        assert_eq!(scheduled(2), "23 23 1 1 3 3 5 5 7 7");
        assert_eq!(scheduled(6), "19 19 1 1 1 1 1 1 7 7");
        assert_eq!(scheduled(24), "1 1 1 1 1 1 1 1 1 1");
    }

    #[test]
    fn a_clock_change_neither_skips_nor_repeats_the_scheduled_export_hour() {
        // 02:00 is skipped on 8 March; 01:00 is repeated on 1 November.
        for (export_hour, day) in [(2, "2026-03-08"), (1, "2026-11-01")] {
            let calendar = Calendar::new("America/New_York", export_hour).unwrap();
            let day: Day = day.parse().unwrap();
            let export = calendar.export_hour(day);
            for n in 0..24 {
                let hour = calendar.hour_of(export.0 + i64::from(n).hours());
                if calendar.day_of(hour.0) == day {
                    assert_eq!(calendar.scheduled_hour(hour, 24), export, "{n} hours later");
                }
            }
        }
    }

    #[test]
    fn hours_of_a_zone_with_a_half_hour_offset() {
        let calendar = Calendar::new("Asia/Kolkata", 1).unwrap();
        assert_eq!(calendar.hour_of(at("2026-11-20T16:20:00Z")).compact(), "20261120t1530z");
    }

    #[test]
    fn a_repeated_hour_has_two_names() {
        let calendar = Calendar::new("America/New_York", 1).unwrap();
        let first = calendar.hour_of(at("2026-11-01T05:30:00Z"));
        let second = calendar.hour_of(at("2026-11-01T06:30:00Z"));
        assert_ne!(first, second);
        assert_eq!(Hour::parse_compact(&first.compact()), Some(first));
    }

    #[test]
    fn a_day_has_a_short_form_and_a_day_before() {
        let day: Day = "2026-03-01".parse().unwrap();
        assert_eq!(day.compact(), "20260301");
        assert_eq!(day.before().unwrap().to_string(), "2026-02-28");
        assert_eq!(Day::new(Date::MIN).before(), None);
        let calendar = Calendar::new("Asia/Seoul", 1).unwrap();
        let hour = calendar.hour_of(at("2026-11-20T16:59:59.5Z"));
        assert_eq!(hour, calendar.hour_of(at("2026-11-20T16:00:00Z")));
        assert_eq!(hour.compact(), "20261120t1600z");
    }
}
