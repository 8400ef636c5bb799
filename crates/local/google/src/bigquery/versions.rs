//! Time travel: the versions of a table's rows, and how long a former version can be read.
//!
//! Follows Google's documentation "Data retention with time travel and fail-safe"
//! (<https://cloud.google.com/bigquery/docs/time-travel>) and the dataset resource of the REST API.
//! The policy tags that the columns have *now*, by name, apply to a former version (Google's
//! documentation, "Introduction to column-level access control", on time travel). A column that exists
//! only in the former version has no tag here; a query of it fails
//! ([`time_travel`](super::query)), and what looks at every version sees the worst case.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::catalog::Table;
use super::rows::TableRows;
use super::schema::{Field, find_field};
use super::settings::int64;
use crate::error::GoogleError;
use crate::turned::is_turned;

/// The property of a dataset that sets the window.
const WINDOW_PROPERTY: &str = "maxTimeTravelHours";
/// The limits of the window in hours; the longest is the default. The value is a multiple of 24.
const WINDOW_HOURS: std::ops::RangeInclusive<i64> = 48..=168;

/// How long a former version can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window(i64);

impl Window {
    /// The window of a dataset with these properties.
    pub(crate) fn of_dataset(properties: &Map<String, Value>) -> Self {
        Self(properties.get(WINDOW_PROPERTY).and_then(int64).unwrap_or(*WINDOW_HOURS.end()))
    }

    pub(crate) fn hours(self) -> i64 {
        self.0
    }

    /// The earliest instant that a query at `now` can read.
    pub(crate) fn start(self, now: Timestamp) -> Timestamp {
        now.checked_sub(SignedDuration::from_hours(self.0)).unwrap_or(Timestamp::MIN)
    }

    /// Whether a query at `now` can read rows that were replaced at `replaced_at`.
    pub(crate) fn reaches(self, now: Timestamp, replaced_at: Timestamp) -> bool {
        replaced_at > self.start(now)
    }
}

/// Checks the window in the body of a call that creates or changes a dataset, and brings it into
/// the form in which the server returns it.
///
/// # Errors
/// 400 unless it is a multiple of 24 hours from 48 to 168.
pub(super) fn check_window(properties: &mut Map<String, Value>) -> Result<(), GoogleError> {
    let Some(value) = properties.get_mut(WINDOW_PROPERTY) else { return Ok(()) };
    match int64(value)
        .filter(|it| is_turned("time-travel-window") || WINDOW_HOURS.contains(it) && it % 24 == 0)
    {
        Some(hours) => {
            *value = json!(hours.to_string());
            Ok(())
        }
        None => Err(GoogleError::invalid(format!(
            "Invalid value for: {WINDOW_PROPERTY} must be a multiple of 24 between {} and {}.",
            WINDOW_HOURS.start(),
            WINDOW_HOURS.end()
        ))),
    }
}

/// Numbers all changes of a catalog, so that no two states of any table have the same number.
/// Clones share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(Arc<AtomicU64>);

impl Changes {
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Rows that a table had before.
#[derive(Clone, Debug)]
pub(crate) struct FormerRows {
    /// The number of this version of the rows.
    pub(crate) number: u64,
    /// The fields when the rows were replaced.
    pub(crate) fields: Vec<Field>,
    pub(crate) rows: Arc<TableRows>,
    pub(crate) since: Timestamp,
    pub(crate) replaced_at: Timestamp,
}

/// One version of a table's rows. Its fields have the policy tags that apply now.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) fields: Vec<Field>,
    pub(crate) rows: Arc<TableRows>,
    pub(crate) since: Timestamp,
    /// `None` for the current rows.
    pub(crate) replaced_at: Option<Timestamp>,
}

impl Table {
    /// The current rows, and then the former rows from the newest to the oldest.
    pub(crate) fn versions(&self) -> Vec<Version> {
        let former = self.former_rows.iter().rev().map(|it| self.former_version(it));
        std::iter::once(self.current_version()).chain(former).collect()
    }

    /// The version with a number.
    pub(crate) fn version_with_number(&self, number: u64) -> Option<Version> {
        if number == self.rows_number {
            return Some(self.current_version());
        }
        let former = self.former_rows.iter().find(|it| it.number == number);
        former.map(|it| self.former_version(it))
    }

    /// The version that was current at an instant since the table's creation. Rows that were
    /// replaced in the second in which they were loaded are never found: the virtual clock shows
    /// whole seconds.
    pub(crate) fn version_at(&self, at: Timestamp) -> Option<Version> {
        if at >= self.rows_since {
            return Some(self.current_version());
        }
        let former = self.former_rows.iter().find(|it| it.since <= at && at < it.replaced_at);
        former.map(|it| self.former_version(it))
    }

    fn current_version(&self) -> Version {
        Version {
            number: self.rows_number,
            fields: self.fields.clone(),
            rows: self.rows.clone(),
            since: self.rows_since,
            replaced_at: None,
        }
    }

    fn former_version(&self, former: &FormerRows) -> Version {
        Version {
            number: former.number,
            fields: match is_turned("time-travel-current-tags") {
                true => former.fields.clone(),
                false => with_tags_of(&former.fields, &self.fields),
            },
            rows: former.rows.clone(),
            since: former.since,
            replaced_at: Some(former.replaced_at),
        }
    }
}

/// `fields` with the tags of the fields of the same name in `current`.
fn with_tags_of(fields: &[Field], current: &[Field]) -> Vec<Field> {
    (fields.iter())
        .map(|field| {
            let now = find_field(current, &field.name);
            Field {
                tags: now.and_then(|it| it.tags.clone()),
                fields: with_tags_of(&field.fields, now.map_or(&[], |it| &it.fields)),
                ..field.clone()
            }
        })
        .collect()
}
