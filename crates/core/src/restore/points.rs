//! Which snapshot an instant means.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// How far after the asked-for instant another point is worth a word: the snapshot of 14:00
/// is begun some seconds after 14:00, and holds what happened in them.
const JUST_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// What made a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatedBy {
    /// The snapshot function, hourly.
    Landbridge,
    /// Somebody by hand, or another tool.
    Person,
    /// RDS itself, or AWS Backup.
    Aws,
}

impl CreatedBy {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Landbridge => "landbridge",
            Self::Person => "a person",
            Self::Aws => "AWS",
        }
    }
}

/// A snapshot as something to restore from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePoint {
    /// The snapshot's id.
    pub snapshot: String,
    /// Its ARN.
    pub arn: String,
    /// When it was taken; absent while RDS has not begun.
    pub taken_at: Option<Timestamp>,
    /// `available`, `creating`, `deleting`, …
    pub status: String,
    /// What made it.
    pub created_by: CreatedBy,
    /// Why it is pinned, when it is.
    pub pinned: Option<String>,
    /// Size of the storage it was taken of, in GiB.
    pub storage_gib: Option<i64>,
    /// Bytes it holds, where RDS says so.
    pub bytes: Option<u64>,
    /// The engine, as RDS names it.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// The digest of its settings' record.
    pub settings: Option<String>,
}

impl RestorePoint {
    /// Whether it can be restored from now.
    pub fn is_available(&self) -> bool {
        self.status == "available" && self.taken_at.is_some()
    }
}

/// Reads what a person calls an instant: `2026-11-21 14:00` in `zone`, or with an offset of
/// its own as `2026-11-21T14:00:00+09:00`. A wall-clock time that a change of clocks gives
/// twice is the first of both; one that it skips is the one after the gap.
///
/// # Errors
/// [`ErrorKind::Config`], with examples.
pub fn parse_instant(text: &str, zone: &TimeZone) -> Result<Timestamp> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp);
    }
    let civil = text.parse::<DateTime>();
    let zoned = civil.and_then(|civil| civil.to_zoned(zone.clone()));
    zoned.map(|zoned| zoned.timestamp()).map_err(|_| {
        Error::new(
            ErrorKind::Config,
            "not an instant such as `2026-11-21 14:00` or `2026-11-21T14:00:00+09:00`",
            text,
        )
    })
}

/// A picked point, and what should be known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedPoint<'a> {
    /// The point.
    pub point: &'a RestorePoint,
    /// Remarks: points that were passed over, a point just after the instant.
    pub remarks: Vec<String>,
}

/// The newest point at or before `at`, or the newest of all. Points that cannot be restored
/// from now are passed over and told.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is none, naming the oldest.
pub fn select_at(points: &[RestorePoint], at: Option<Timestamp>) -> Result<SelectedPoint<'_>> {
    let mut sorted: Vec<(Timestamp, &RestorePoint)> =
        points.iter().filter_map(|point| Some((point.taken_at?, point))).collect();
    sorted.sort_by(|a, b| (a.0, &a.1.snapshot).cmp(&(b.0, &b.1.snapshot)));
    let mut remarks = Vec::new();
    let before = sorted.iter().rev().filter(|(taken, _)| at.is_none_or(|at| *taken <= at));
    for (_, point) in before {
        if point.is_available() {
            let after = at.and_then(|at| {
                let soon = |taken: Timestamp| taken > at && taken.duration_since(at) <= JUST_AFTER;
                sorted.iter().find(|(taken, point)| soon(*taken) && point.is_available())
            });
            if let Some((taken, after)) = after {
                remarks.push(format!(
                    "{} was taken at {taken}, just after; `--snapshot {}` restores that one",
                    after.snapshot, after.snapshot
                ));
            }
            return Ok(SelectedPoint { point, remarks });
        }
        remarks.push(format!("{} is passed over: it is {}", point.snapshot, point.status));
    }
    let oldest = sorted.iter().find(|(_, point)| point.is_available());
    let context = match (oldest, at) {
        (Some((taken, point)), Some(at)) => {
            format!("{at}; the oldest is {} of {taken}", point.snapshot)
        }
        (_, Some(at)) => at.to_string(),
        (_, None) => String::new(),
    };
    Err(Error::new(
        ErrorKind::NotFound,
        "there is no restore point at or before that time",
        context,
    ))
}

/// The point of that name.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Conflict`] when it cannot be restored from now.
pub fn find_by_id<'a>(points: &'a [RestorePoint], snapshot: &str) -> Result<&'a RestorePoint> {
    let point = points.iter().find(|point| point.snapshot == snapshot).ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            "there is no snapshot of that name of this source",
            snapshot,
        )
    })?;
    if point.is_available() {
        return Ok(point);
    }
    Err(Error::new(
        ErrorKind::Conflict,
        "the snapshot cannot be restored from",
        format!("{snapshot} is {}", point.status),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn point(name: &str, taken: Option<&str>, status: &str) -> RestorePoint {
        RestorePoint {
            snapshot: name.into(),
            arn: String::new(),
            taken_at: taken.map(|taken| at(&format!("2026-11-21T{taken}Z"))),
            status: status.into(),
            created_by: CreatedBy::Landbridge,
            pinned: None,
            storage_gib: Some(20),
            bytes: None,
            engine: "postgres".into(),
            engine_version: "16.4".into(),
            settings: None,
        }
    }

    fn points() -> Vec<RestorePoint> {
        vec![
            point("five", Some("05:00:20"), "available"),
            point("three", Some("03:00:10"), "available"),
            point("four", Some("04:00:15"), "deleting"),
            point("six", None, "creating"),
        ]
    }

    #[test]
    fn an_instant_is_read_in_its_zone() {
        let seoul = TimeZone::get("Asia/Seoul").unwrap();
        for (text, expected) in [
            ("2026-11-21 14:00", "2026-11-21T05:00:00Z"),
            ("2026-11-21T14:00:30", "2026-11-21T05:00:30Z"),
            ("2026-11-21 14:00:00+00:00", "2026-11-21T14:00:00Z"),
            ("2026-11-21T05:00:00Z", "2026-11-21T05:00:00Z"),
        ] {
            assert_eq!(parse_instant(text, &seoul).unwrap(), at(expected), "{text}");
        }
        for wrong in ["", "14:00", "yesterday", "2026-13-01 00:00"] {
            assert!(parse_instant(wrong, &seoul).is_err(), "{wrong}");
        }
        // 01:30 happens twice in New York on that night: the earlier one is safer.
        let york = TimeZone::get("America/New_York").unwrap();
        assert_eq!(parse_instant("2026-11-01 01:30", &york).unwrap(), at("2026-11-01T05:30:00Z"));
    }

    #[test]
    fn the_newest_at_or_before() {
        let points = points();
        let picked =
            |time: &str| select_at(&points, Some(at(&format!("2026-11-21T{time}Z")))).unwrap();
        assert_eq!(picked("05:00:20").point.snapshot, "five");
        assert_eq!(picked("12:00:00").point.snapshot, "five");
        // One second too early: the one before, and a word about the one just after.
        let early = picked("05:00:19");
        assert_eq!(early.point.snapshot, "three");
        assert!(early.remarks.iter().any(|it| it.contains("four is passed over: it is deleting")));
        assert!(early.remarks.iter().any(|it| it.contains("--snapshot five")));
        assert_eq!(select_at(&points, None).unwrap().point.snapshot, "five");
        let none = select_at(&points, Some(at("2026-11-21T01:00:00Z"))).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::NotFound);
        assert!(none.to_string().contains("the oldest is three"), "{none}");
    }

    #[test]
    fn a_name_is_there_and_available() {
        let points = points();
        assert_eq!(find_by_id(&points, "five").unwrap().snapshot, "five");
        assert_eq!(find_by_id(&points, "four").unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(find_by_id(&points, "nine").unwrap_err().kind(), ErrorKind::NotFound);
    }
}
