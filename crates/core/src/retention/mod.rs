//! Decides which snapshots to create and delete: a ladder of hourly, daily and weekly
//! snapshots within the quota of the account. Only snapshots that Landbridge created are deleted.
//!
//! A ladder that does not fit loses its hourly snapshots first: seven daily and four weekly ones stay
//! longer than any hourly one but the newest. These twelve also use the places that are reserved for
//! other snapshots, as long as no other snapshot needs them.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Weekday;

use crate::calendar::{Calendar, Day, Hour};
use crate::ids::{SNAPSHOT_PREFIX, SnapshotId};

/// How many daily snapshots stay longer than the hourly ones if the ladder does not fit.
const DAYS_BEFORE_HOURS: usize = 7;

/// How many weekly snapshots stay longer than the hourly ones if the ladder does not fit.
const WEEKS_BEFORE_HOURS: usize = 4;

/// The maximum number of deletions of one tick. A shorter ladder, or a quota that AWS has lowered,
/// takes effect within hours, so a person can correct a mistake before it has deleted everything.
const DELETIONS_PER_TICK: usize = 8;

/// The retention ladder: how many hourly, daily and weekly snapshots are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// Number of newest snapshots.
    pub hourly: usize,
    /// Number of days; for each, the snapshot that was exported: that of the export hour, or else the first one
    /// after it up to the deadline. A day without these keeps the last one before, or the first one after them.
    pub daily: usize,
    /// Number of weeks; for each, the daily snapshot of Monday, or of the first day with one.
    pub weekly: usize,
    /// Hours from one snapshot to the next, from 1 to 24.
    pub every_hours: usize,
    /// The last hour of the clock, from 0 to 23, whose snapshot is exported if that of the export hour is missing.
    pub deadline_hour: i8,
}

impl Ladder {
    /// The number of snapshots that the ladder keeps after it has been in use for long enough, at
    /// most. One snapshot can be an hourly, a daily and a weekly one.
    pub fn places(&self) -> usize {
        let covered_days = self.hourly * self.every_hours / 24;
        let days = self.daily.saturating_sub(covered_days);
        let weeks = self.weekly.saturating_sub(self.daily.max(covered_days) / 7);
        self.hourly.max(1) + days + weeks
    }
}

/// Limits on the number of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotLimits {
    /// The account's quota for manual snapshots of this kind.
    pub quota: usize,
    /// How many of them stay free for other uses.
    pub reserve: usize,
}

/// A manual snapshot of the account, created by Landbridge or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualSnapshot {
    /// Its id.
    pub id: String,
    /// The instance or cluster it was taken from.
    pub database_id: String,
    /// Creation time, if RDS reports it already.
    pub created: Option<Timestamp>,
    /// `available`, `creating`, `deleting`, …
    pub status: String,
    /// The value of the tag `landbridge:source`, if it has one.
    pub source_tag: Option<String>,
    /// Whether it is pinned (tag `landbridge:keep`).
    pub pinned: bool,
    /// Whether the settings of its database are recorded.
    pub has_settings: bool,
    /// Whether an export task is reading it.
    pub exporting: bool,
}

impl ManualSnapshot {
    /// The hour of the snapshot, if Landbridge created it for this source: it must have both the
    /// name **and** the tag.
    pub fn owned_hour(&self, source: &str) -> Option<Hour> {
        if self.source_tag.as_deref() != Some(source) || !self.id.starts_with(SNAPSHOT_PREFIX) {
            return None;
        }
        SnapshotId::new(self.id.clone()).ok()?.hour(source)
    }

    /// Whether RDS could not take it. It contains nothing, so it is the snapshot of no hour; it counts
    /// towards the quota.
    pub fn has_failed(&self) -> bool {
        self.status == "failed"
    }
}

/// What a tick creates and deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPlan {
    /// Whether to create the snapshot of the hour.
    pub create: bool,
    /// The snapshots to delete, the least valuable first. At most eight; the next ticks delete the
    /// remaining ones.
    pub delete: Vec<String>,
    /// How many of them to delete before creating, because the quota is exhausted: 0 or 1, or more if
    /// the account has more snapshots than its quota.
    pub delete_first: usize,
    /// How many snapshots later ticks delete.
    pub deferred: usize,
    /// Set if the quota is too small for the ladder, or for the snapshot of the hour.
    pub shortage: Option<Shortage>,
}

/// What a quota that is too small leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShortageEffect {
    /// The ladder is not complete yet. When it is, it will not fit.
    WillCut,
    /// Snapshots of the ladder are deleted, or were deleted, because they do not fit.
    Cuts,
    /// The snapshot of the hour cannot be created.
    NoPlace,
}

/// A quota that is too small, with the figures. [`Display`](fmt::Display) gives them in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What it leads to.
    pub effect: ShortageEffect,
    /// The limits.
    pub limits: SnapshotLimits,
    /// Snapshots that Landbridge did not create for this source.
    pub others: usize,
    /// Own snapshots that cannot be deleted now: pinned, in use, or needed for an export.
    pub held: usize,
    /// Places for the ladder, in addition to `held`.
    pub room: usize,
    /// The number of snapshots of the complete ladder.
    pub needed: usize,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limits: SnapshotLimits { quota, reserve }, others, held, room, needed, .. } =
            self;
        if self.effect == ShortageEffect::NoPlace {
            write!(f, "the quota of {quota} is used up: ")?;
        } else {
            write!(
                f,
                "the quota of {quota} has {room} places for the {needed} snapshots to keep: "
            )?;
        }
        write!(
            f,
            "{others} snapshots were not created by Landbridge (snapshots.reserve is {reserve}), and {held} \
             of Landbridge's are pinned or in use"
        )
    }
}

/// Decides what a tick creates and deletes. `hour` is the hour whose snapshot is due, if one is.
///
/// `protected` are the hours whose snapshots are still needed, because the export of their day
/// is not complete. Never deleted, however small the quota is: these, pinned snapshots, snapshots that
/// are being exported, and snapshots that Landbridge did not create. The newest own snapshot is deleted
/// only if the hour's one needs its place. The snapshot of the hour is created as long as the account
/// has a place for it.
pub fn plan(
    source: &str,
    hour: Option<Hour>,
    calendar: &Calendar,
    snapshots: &[ManualSnapshot],
    ladder: Ladder,
    protected: &BTreeSet<Hour>,
    limits: SnapshotLimits,
) -> RetentionPlan {
    let own: BTreeMap<Hour, &ManualSnapshot> = snapshots
        .iter()
        .filter_map(|snapshot| Some((snapshot.owned_hour(source)?, snapshot)))
        .collect();
    let deletable = |at: &Hour, snapshot: &ManualSnapshot| {
        snapshot.status == "available"
            && !snapshot.pinned
            && !snapshot.exporting
            && !protected.contains(at)
    };
    let candidates: BTreeSet<Hour> =
        own.iter().filter(|(at, it)| deletable(at, it)).map(|(at, _)| *at).collect();
    let others = snapshots.len() - own.len();
    let held = own.len() - candidates.len();

    let missing = hour.filter(|at| own.get(at).is_none_or(|it| it.has_failed()));
    let new = missing.filter(|_| others + held < limits.quota);
    // A snapshot that is being deleted, or that failed, is no restore point of its day.
    let usable = own.iter().filter(|(_, it)| matches!(&*it.status, "available" | "creating"));
    let existing: BTreeSet<Hour> = usable.map(|(at, _)| *at).chain(new).collect();
    let ladder_hours = hours_to_keep(&existing, calendar, ladder);
    let is_held = |at: &&Hour| !candidates.contains(*at) && Some(**at) != new;
    let held_hours = ladder_hours.iter().filter(is_held).count();
    let existing_wanted = ladder_hours.iter().filter(|at| candidates.contains(*at)).copied();
    let wanted: Vec<Hour> = new.into_iter().chain(existing_wanted).collect();
    let first = first_to_keep(&existing, calendar, ladder);
    let first = wanted.iter().filter(|at| first.contains(at)).count();
    let free = limits.quota.saturating_sub(others + held);
    let room = free.saturating_sub(limits.reserve).max(first.min(free)).max(1);
    let keep: BTreeSet<Hour> = wanted.iter().take(room).copied().collect();

    let mut delete: Vec<Hour> = candidates.difference(&keep).copied().collect();
    // What the ladder has no use for first, then its least valuable part.
    let rank = |at: &Hour| wanted.iter().position(|it| it == at).unwrap_or(usize::MAX);
    delete.sort_by_key(|at| Reverse(rank(at)));
    let deferred = delete.len().saturating_sub(DELETIONS_PER_TICK);
    delete.truncate(DELETIONS_PER_TICK);
    let excess = (snapshots.len() + 1).saturating_sub(limits.quota);
    let needed = ladder.places().saturating_sub(held_hours);
    let effect = if missing != new {
        Some(ShortageEffect::NoPlace)
    } else if wanted.len() > room {
        Some(ShortageEffect::Cuts)
    } else {
        (needed > room).then_some(ShortageEffect::WillCut)
    };
    RetentionPlan {
        create: new.is_some(),
        delete_first: if new.is_some() { excess.min(delete.len()) } else { 0 },
        delete: delete.iter().map(|at| own[at].id.clone()).collect(),
        deferred,
        shortage: effect.map(|effect| Shortage { effect, limits, others, held, room, needed }),
    }
}

/// The hours that the ladder keeps, the most valuable first: the [first ones](first_to_keep), then all
/// hours, days and weeks, each from new to old.
fn hours_to_keep(all: &BTreeSet<Hour>, calendar: &Calendar, ladder: Ladder) -> Vec<Hour> {
    let (daily, weekly) = days_and_weeks(all, calendar, ladder);
    let mut seen = BTreeSet::new();
    first_to_keep(all, calendar, ladder)
        .iter()
        .chain(all.iter().rev().take(ladder.hourly))
        .chain(daily.iter().take(ladder.daily))
        .chain(weekly.iter().take(ladder.weekly))
        .copied()
        .filter(|at| seen.insert(*at))
        .collect()
}

/// The newest hour and the first days and weeks of the ladder, which are kept longest.
fn first_to_keep(all: &BTreeSet<Hour>, calendar: &Calendar, ladder: Ladder) -> Vec<Hour> {
    let (daily, weekly) = days_and_weeks(all, calendar, ladder);
    let days = daily.iter().take(ladder.daily.min(DAYS_BEFORE_HOURS));
    let weeks = weekly.iter().take(ladder.weekly.min(WEEKS_BEFORE_HOURS));
    all.last().into_iter().chain(days).chain(weeks).copied().collect()
}

/// The hours that stand for days and for weeks, each from new to old.
fn days_and_weeks(
    all: &BTreeSet<Hour>,
    calendar: &Calendar,
    ladder: Ladder,
) -> (Vec<Hour>, Vec<Hour>) {
    let mut days: BTreeMap<Day, Vec<Hour>> = BTreeMap::new();
    for at in all {
        days.entry(calendar.day_of(at.start())).or_default().push(*at);
    }
    let mut daily: BTreeMap<Day, Hour> = BTreeMap::new();
    for (day, hours) in days {
        let last = calendar.hour_at(day, ladder.deadline_hour);
        if let Some(at) = hour_of_day(&hours, calendar.export_hour(day), last) {
            daily.insert(day, at);
        }
    }
    let mut weekly: BTreeMap<_, Hour> = BTreeMap::new();
    for (day, at) in &daily {
        let date = day.date();
        let back = i64::from(date.weekday().since(Weekday::Monday));
        let monday = date.checked_sub(jiff::Span::new().days(back)).unwrap_or(date);
        weekly.entry(monday).or_insert(*at);
    }
    (daily.into_values().rev().collect(), weekly.into_values().rev().collect())
}

/// The hour of a day, of these from old to new, that stands for it. The rule of the export stage: the export
/// hour, or else the first later one up to `last`. Only such a snapshot was loaded; without one, the nearest
/// earlier one is kept, or else the first later one.
fn hour_of_day(hours: &[Hour], export: Hour, last: Hour) -> Option<Hour> {
    let exported = hours.iter().find(|at| (export..=last).contains(*at));
    let earlier = hours.iter().rev().find(|at| **at < export);
    exported.or(earlier).or(hours.first()).copied()
}
