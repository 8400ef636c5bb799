//! Decides which snapshots to create and delete: a ladder of hourly, daily and weekly
//! snapshots within the quota of the account. Only snapshots that Landbridge created are deleted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Weekday;

use crate::calendar::{Calendar, Hour};
use crate::ids::{SNAPSHOT_PREFIX, SnapshotId};

/// The retention ladder: how many hourly, daily and weekly snapshots are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// Number of newest hours.
    pub hourly: usize,
    /// Number of days; for each, the last snapshot up to the export hour, or the first later one.
    pub daily: usize,
    /// Number of weeks; for each, the daily snapshot of Monday, or of the first day with one.
    pub weekly: usize,
}

/// Limits on the number of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotLimits {
    /// The account's quota for manual snapshots of this kind.
    pub quota: usize,
    /// How many of them Landbridge leaves free for other uses.
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
}

/// What a tick creates and deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPlan {
    /// Whether to create the snapshot of the hour.
    pub create: bool,
    /// The snapshots to delete, oldest first.
    pub delete: Vec<String>,
    /// Whether to delete before creating, because the quota is exhausted.
    pub delete_first: bool,
    /// A warning for the operator, not worth an alert on each tick.
    pub warning: Option<String>,
}

/// Decides what a tick creates and deletes. `hour` is the hour whose snapshot is due, if one is.
///
/// `protected` are the hours whose snapshots are still needed, because the export of their day
/// is not complete. Pinned snapshots, snapshots that are being exported, and snapshots that
/// Landbridge did not create count against the quota and are never deleted.
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
    let prunable = |at: &Hour, snapshot: &ManualSnapshot| {
        !snapshot.pinned
            && !snapshot.exporting
            && snapshot.status == "available"
            && !protected.contains(at)
    };
    // Snapshots that cannot be pruned use part of the quota regardless of the ladder.
    let fixed = snapshots
        .iter()
        .filter(|snapshot| {
            snapshot
                .owned_hour(source)
                .is_none_or(|at| Some(at) != hour && !prunable(&at, snapshot))
        })
        .count();
    let usable = limits.quota.saturating_sub(limits.reserve);
    let room = usable.saturating_sub(fixed);

    let candidates: BTreeSet<Hour> = own
        .iter()
        .filter(|(at, snapshot)| prunable(at, snapshot))
        .map(|(at, _)| *at)
        .chain(hour)
        .collect();
    let all: BTreeSet<Hour> = own.keys().copied().chain(hour).collect();
    let wanted: Vec<Hour> = hours_to_keep(&all, calendar, ladder)
        .into_iter()
        .filter(|at| candidates.contains(at))
        .collect();
    // The most valuable first: if the quota is too small, the last ones are not kept.
    let keep: BTreeSet<Hour> = wanted.iter().take(room).copied().collect();

    let delete: Vec<String> = own
        .iter()
        .filter(|(at, snapshot)| prunable(at, snapshot) && !keep.contains(at))
        .map(|(_, snapshot)| snapshot.id.clone())
        .collect();
    let create = hour.is_some_and(|at| !own.contains_key(&at) && keep.contains(&at));
    RetentionPlan {
        create,
        delete_first: create && snapshots.len() >= usable && !delete.is_empty(),
        delete,
        warning: quota_warning(limits, fixed, room, wanted.len()),
    }
}

/// The warning that the quota has room for no snapshot, or for fewer than are `wanted`. `fixed`
/// snapshots cannot be pruned.
fn quota_warning(
    SnapshotLimits { quota, reserve }: SnapshotLimits,
    fixed: usize,
    room: usize,
    wanted: usize,
) -> Option<String> {
    if room == 0 {
        Some(format!(
            "no snapshot can be created: {fixed} of the quota of {quota} cannot be pruned (pinned, in use, or not created by Landbridge) and {reserve} are reserved; delete snapshots, or raise the quota and `snapshots.quota`"
        ))
    } else if wanted > room {
        Some(format!(
            "the quota of {quota} allows only {room} of the {wanted} snapshots to keep; raise the quota and `snapshots.quota`, or keep fewer"
        ))
    } else {
        None
    }
}

/// The hours that the ladder keeps, the most valuable first: newest hours, then days, then
/// weeks, each from new to old.
fn hours_to_keep(all: &BTreeSet<Hour>, calendar: &Calendar, ladder: Ladder) -> Vec<Hour> {
    let mut daily: BTreeMap<_, Hour> = BTreeMap::new();
    for at in all {
        let day = calendar.day_of(at.start());
        let best = daily.entry(day).or_insert(*at);
        // The snapshot of the export hour is the one that was loaded for the day.
        if *at <= calendar.export_hour(day) {
            *best = *at;
        }
    }
    let mut weekly: BTreeMap<_, Hour> = BTreeMap::new();
    for (day, at) in &daily {
        let date = day.date();
        let back = i64::from(date.weekday().since(Weekday::Monday));
        let monday = date.checked_sub(jiff::Span::new().days(back)).unwrap_or(date);
        weekly.entry(monday).or_insert(*at);
    }
    let mut seen = BTreeSet::new();
    let hours = all.iter().rev().take(ladder.hourly);
    let days = daily.values().rev().take(ladder.daily);
    let weeks = weekly.values().rev().take(ladder.weekly);
    hours.chain(days).chain(weeks).copied().filter(|at| seen.insert(*at)).collect()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    const LADDER: Ladder = Ladder { hourly: 48, daily: 14, weekly: 4 };

    fn limits(quota: usize) -> SnapshotLimits {
        SnapshotLimits { quota, reserve: 10 }
    }

    fn calendar() -> Calendar {
        Calendar::new("Asia/Seoul", 1).unwrap()
    }

    fn own_snapshot(hour: Hour) -> ManualSnapshot {
        ManualSnapshot {
            id: SnapshotId::for_hour("shop", hour).unwrap().to_string(),
            database_id: "shop-prod".into(),
            created: Some(hour.start()),
            status: "available".into(),
            source_tag: Some("shop".into()),
            pinned: false,
            has_settings: true,
            exporting: false,
        }
    }

    fn other_snapshot(id: &str) -> ManualSnapshot {
        ManualSnapshot { id: id.into(), source_tag: None, ..own_snapshot(start()) }
    }

    fn start() -> Hour {
        calendar().hour_of("2026-01-01T00:00:00Z".parse().unwrap())
    }

    /// Runs hourly ticks and returns what is left.
    fn run(
        hours: i64,
        quota: usize,
        mut snapshots: Vec<ManualSnapshot>,
    ) -> (Vec<ManualSnapshot>, usize) {
        let calendar = calendar();
        let mut most = 0;
        for n in 0..hours {
            let hour = calendar.hour_of(start().start() + n.hours());
            let plan = plan(
                "shop",
                Some(hour),
                &calendar,
                &snapshots,
                LADDER,
                &BTreeSet::new(),
                limits(quota),
            );
            snapshots.retain(|snapshot| !plan.delete.contains(&snapshot.id));
            if plan.create {
                snapshots.push(own_snapshot(hour));
            }
            most = most.max(snapshots.len());
        }
        (snapshots, most)
    }

    #[test]
    fn an_unrestricted_account_keeps_the_complete_ladder() {
        let (left, most) = run(24 * 60, 100, Vec::new());
        // 48 hours hold 2 to 3 of the 14 days, and the days hold 2 to 3 of the 4 weeks.
        assert!((60..=66).contains(&left.len()), "{}", left.len());
        assert!(most <= 66, "{most}");
        let exports = left
            .iter()
            .filter(|s| {
                s.owned_hour("shop")
                    .is_some_and(|h| h == calendar().export_hour(calendar().day_of(h.start())))
            })
            .count();
        assert!(exports >= 14, "the days kept are those that were exported: {exports}");
    }

    #[test]
    fn other_snapshots_count_and_are_never_deleted() {
        let others: Vec<_> =
            (0..60).map(|n| other_snapshot(&format!("before-release-{n}"))).collect();
        let (left, most) = run(24 * 20, 100, others);
        assert_eq!(left.iter().filter(|s| s.source_tag.is_none()).count(), 60);
        assert!(most <= 90, "{most}");
        assert_eq!(left.len(), 90);
    }

    #[test]
    fn an_exhausted_quota_creates_nothing_and_warns() {
        let snapshots: Vec<_> = (0..95).map(|n| other_snapshot(&format!("p{n}"))).collect();
        let plan = plan(
            "shop",
            Some(start()),
            &calendar(),
            &snapshots,
            LADDER,
            &BTreeSet::new(),
            limits(100),
        );
        assert!(!plan.create);
        assert!(plan.delete.is_empty());
        assert!(
            plan.warning.unwrap().starts_with("no snapshot can be created: 95 of the quota of 100")
        );
    }

    #[test]
    fn pinned_exporting_protected_and_untagged_snapshots_stay() {
        let calendar = calendar();
        let old = |n: i64| calendar.hour_of(start().start() + n.hours());
        let mut snapshots: Vec<_> = (0..400).map(|n| own_snapshot(old(n))).collect();
        snapshots[3].pinned = true;
        snapshots[4].exporting = true;
        snapshots[5].status = "creating".into();
        // Named like a snapshot of Landbridge, but without the tag: it was created by a person.
        snapshots[6].source_tag = None;
        let protected = BTreeSet::from([old(7)]);
        let plan =
            plan("shop", Some(old(400)), &calendar, &snapshots, LADDER, &protected, limits(1000));
        for n in [3, 4, 5, 6, 7] {
            assert!(!plan.delete.contains(&snapshots[n].id), "{n}");
        }
        assert!(plan.delete.contains(&snapshots[8].id));
        assert!(plan.create);
    }

    #[test]
    fn repeating_a_tick_changes_nothing() {
        let (left, _) = run(24 * 30, 100, Vec::new());
        let calendar = calendar();
        let hour = calendar.hour_of(start().start() + (24 * 30 - 1).hours());
        let again =
            plan("shop", Some(hour), &calendar, &left, LADDER, &BTreeSet::new(), limits(100));
        assert_eq!((again.create, again.delete.len()), (false, 0));
    }

    #[test]
    fn a_tick_without_a_due_snapshot_deletes_only() {
        let calendar = calendar();
        let snapshots: Vec<_> = (0..60)
            .map(|n: i64| own_snapshot(calendar.hour_of(start().start() + n.hours())))
            .collect();
        let plan = plan("shop", None, &calendar, &snapshots, LADDER, &BTreeSet::new(), limits(100));
        assert!(!plan.create);
        assert!(!plan.delete.is_empty());
    }

    #[test]
    fn a_pinned_snapshot_of_the_current_hour_stays_when_the_quota_is_exhausted() {
        let mut snapshots: Vec<_> = (0..95).map(|n| other_snapshot(&format!("p{n}"))).collect();
        snapshots.push(ManualSnapshot { pinned: true, ..own_snapshot(start()) });
        let plan = plan(
            "shop",
            Some(start()),
            &calendar(),
            &snapshots,
            LADDER,
            &BTreeSet::new(),
            limits(100),
        );
        assert!(plan.delete.is_empty(), "{:?}", plan.delete);
    }
}
