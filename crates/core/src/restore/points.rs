//! Selects the snapshot to restore for an instant.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// A point at most this long after the requested instant is mentioned in a remark: the snapshot
/// of 14:00 starts some seconds after 14:00 and contains the changes of these seconds.
const JUST_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// Who created a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatedBy {
    /// The snapshot function, hourly.
    Landbridge,
    /// A person, or another tool.
    Person,
    /// RDS itself, or AWS Backup.
    Aws,
}

impl CreatedBy {
    /// The name in the output of the command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Landbridge => "landbridge",
            Self::Person => "a person",
            Self::Aws => "AWS",
        }
    }
}

/// A snapshot that a database can be restored from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePoint {
    /// The snapshot's id.
    pub snapshot: String,
    /// Its ARN.
    pub arn: String,
    /// When it was taken; `None` until RDS starts it.
    pub taken_at: Option<Timestamp>,
    /// `available`, `creating`, `deleting`, …
    pub status: String,
    /// Who created it.
    pub created_by: CreatedBy,
    /// The reason for which it is pinned; `None` if it is not.
    pub pinned: Option<String>,
    /// The allocated storage of its database, in GiB.
    pub storage_gib: Option<i64>,
    /// Its size in bytes, if RDS reports it.
    pub bytes: Option<u64>,
    /// The engine, as RDS names it.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// The digest of the [`SettingsRecord`](super::SettingsRecord) that was stored with it.
    pub settings: Option<String>,
    /// The id of its database that no rename changes (`DbiResourceId`, `DbClusterResourceId`), if RDS
    /// reports it.
    pub resource_id: Option<String>,
}

impl RestorePoint {
    /// Whether a restore from it can start now.
    pub fn is_available(&self) -> bool {
        self.status == "available" && self.taken_at.is_some()
    }

    /// Whether it was taken of another database than `current`, the resource id of the one that has
    /// the source's name now: the names were swapped since, or the source was deleted and created again.
    pub fn is_of_another_database(&self, current: Option<&str>) -> bool {
        current.zip(self.resource_id.as_deref()).is_some_and(|(current, own)| current != own)
    }
}

/// An instant in a zone, to the second: `2026-11-21 14:00:20 KST`.
pub fn in_zone(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%F %H:%M:%S %Z").to_string()
}

/// Parses an instant: `2026-11-21 14:00` in `zone`, or with its own offset, such as
/// `2026-11-21T14:00:00+09:00`. A wall-clock time that a clock change repeats means its first
/// occurrence; one that is skipped is moved forward by the length of the gap.
///
/// # Errors
/// [`ErrorKind::Config`], with examples of valid instants.
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
            "not a date and time such as `2026-11-21 14:00` or `2026-11-21T14:00:00+09:00`",
            text,
        )
    })
}

/// The selected restore point, with remarks for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedPoint<'a> {
    /// The selected point.
    pub point: &'a RestorePoint,
    /// Points that were skipped, and a point just after the instant.
    pub remarks: Vec<String>,
}

/// Selects the newest available point at or before `at`, or the newest of all. A newer point that
/// is not available is skipped, with a remark. Remarks and errors give times in `zone`.
///
/// # Errors
/// [`ErrorKind::NotFound`] if there is none; names the oldest available point.
pub fn select_at<'a>(
    points: &'a [RestorePoint],
    at: Option<Timestamp>,
    zone: &TimeZone,
) -> Result<SelectedPoint<'a>> {
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
                    "{} was taken at {}, just after that time; `--snapshot {}` restores it",
                    after.snapshot,
                    in_zone(*taken, zone),
                    after.snapshot
                ));
            }
            return Ok(SelectedPoint { point, remarks });
        }
        remarks.push(format!("{} is skipped: its status is {}", point.snapshot, point.status));
    }
    let oldest = sorted.iter().find(|(_, point)| point.is_available());
    let context = match (oldest, at) {
        (Some((taken, point)), Some(at)) => {
            let (at, taken) = (in_zone(at, zone), in_zone(*taken, zone));
            format!("{at}; the oldest is {}, taken at {taken}", point.snapshot)
        }
        (_, Some(at)) => in_zone(at, zone),
        (_, None) => String::new(),
    };
    Err(Error::new(ErrorKind::NotFound, "no restore point exists at or before that time", context))
}

/// Finds the point of the snapshot with this id.
///
/// # Errors
/// [`ErrorKind::NotFound`] if there is none, [`ErrorKind::Conflict`] if it is not available.
pub fn find_by_id<'a>(points: &'a [RestorePoint], snapshot: &str) -> Result<&'a RestorePoint> {
    let point = points.iter().find(|point| point.snapshot == snapshot).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "the source has no snapshot of that name", snapshot)
    })?;
    if point.is_available() {
        return Ok(point);
    }
    Err(Error::new(
        ErrorKind::Conflict,
        "only an available snapshot can be restored",
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
            resource_id: None,
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
    fn an_instant_is_parsed_in_the_given_zone() {
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
    fn the_newest_available_point_at_or_before_the_instant_is_selected() {
        let points = points();
        let seoul = TimeZone::get("Asia/Seoul").unwrap();
        let selected = |time: &str| {
            select_at(&points, Some(at(&format!("2026-11-21T{time}Z"))), &seoul).unwrap()
        };
        assert_eq!(selected("05:00:20").point.snapshot, "five");
        assert_eq!(selected("12:00:00").point.snapshot, "five");
        // One second too early: the point before, with a remark about the one just after.
        let early = selected("05:00:19");
        assert_eq!(early.point.snapshot, "three");
        assert!(
            early.remarks.iter().any(|it| it.contains("four is skipped: its status is deleting"))
        );
        assert!(early.remarks.iter().any(|it| it.contains("--snapshot five")));
        // In the zone in which the time was given.
        assert!(early.remarks.iter().any(|it| it.contains("2026-11-21 14:00:20 KST")), "{early:?}");
        assert_eq!(select_at(&points, None, &seoul).unwrap().point.snapshot, "five");
        let none = select_at(&points, Some(at("2026-11-21T01:00:00Z")), &seoul).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::NotFound);
        for part in
            ["2026-11-21 10:00:00 KST", "the oldest is three, taken at 2026-11-21 12:00:10 KST"]
        {
            assert!(none.to_string().contains(part), "{none}");
        }
    }

    #[test]
    fn a_point_of_another_database_with_the_same_name_is_recognised() {
        let of = |id: Option<&str>| RestorePoint {
            resource_id: id.map(str::to_owned),
            ..point("five", Some("05:00:20"), "available")
        };
        assert!(of(Some("db-OLD")).is_of_another_database(Some("db-NEW")));
        assert!(!of(Some("db-NEW")).is_of_another_database(Some("db-NEW")));
        assert!(!of(None).is_of_another_database(Some("db-NEW")));
        assert!(!of(Some("db-OLD")).is_of_another_database(None));
    }

    #[test]
    fn a_point_is_found_by_id_only_if_it_is_available() {
        let points = points();
        assert_eq!(find_by_id(&points, "five").unwrap().snapshot, "five");
        assert_eq!(find_by_id(&points, "four").unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(find_by_id(&points, "nine").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_point_just_after_the_instant_is_at_most_ten_minutes_later() {
        let points = [
            point("before", Some("04:00:00"), "available"),
            point("after", Some("05:00:00"), "available"),
        ];
        let remarks = |time: &str| {
            let at = at(&format!("2026-11-21T{time}Z"));
            let selected = select_at(&points, Some(at), &TimeZone::UTC).unwrap();
            (selected.point.snapshot.clone(), selected.remarks.len())
        };
        assert_eq!(remarks("04:50:00"), ("before".to_owned(), 1));
        assert_eq!(remarks("04:49:59"), ("before".to_owned(), 0));
        assert_eq!(remarks("05:00:00"), ("after".to_owned(), 0));
        let none = select_at(&[], None, &TimeZone::UTC).unwrap_err();
        assert_eq!(none.context(), "");
    }
}
