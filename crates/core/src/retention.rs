//! Which snapshots to keep: a ladder of hourly, daily and weekly ones, within
//! the account's quota, and never one that is not ours to delete.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Weekday;

use crate::calendar::{Calendar, Hour};
use crate::ids::{SNAPSHOT_PREFIX, SnapshotId};

/// How many of each rung are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// The newest so many hours.
    pub hourly: usize,
    /// The first snapshot at or after the export hour of so many days.
    pub daily: usize,
    /// The daily snapshot of so many weeks (Mondays, or the first day there is).
    pub weekly: usize,
}

/// What bounds the number of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotLimits {
    /// The account's limit for snapshots of this kind.
    pub quota: usize,
    /// How many of them are left free for people.
    pub reserve: usize,
}

/// A manual snapshot of the account, ours or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualSnapshot {
    /// Its id.
    pub id: String,
    /// The instance or cluster it was taken from.
    pub database_id: String,
    /// When it was taken, where the cloud says so already.
    pub created: Option<Timestamp>,
    /// `available`, `creating`, `deleting`, …
    pub status: String,
    /// The value of our source tag, if it carries one.
    pub source_tag: Option<String>,
    /// Whether it is pinned with the keep tag.
    pub pinned: bool,
    /// Whether its source's settings are recorded.
    pub has_settings: bool,
    /// Whether an export task reads it now.
    pub exporting: bool,
}

impl ManualSnapshot {
    /// The hour it stands for, if it is ours: named **and** tagged by us for this source.
    pub fn owned_hour(&self, source: &str) -> Option<Hour> {
        if self.source_tag.as_deref() != Some(source) || !self.id.starts_with(SNAPSHOT_PREFIX) {
            return None;
        }
        SnapshotId::new(self.id.clone()).ok()?.hour(source)
    }
}

/// What a tick does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPlan {
    /// Create the snapshot of the tick's hour.
    pub create: bool,
    /// Delete these, oldest first; must happen before the creation when `delete_first`.
    pub delete: Vec<String>,
    /// The quota leaves no room: deletion must come first.
    pub delete_first: bool,
    /// What the operator should know, without being woken for each tick.
    pub warning: Option<String>,
}

/// Decides what the tick of `hour` creates and deletes.
///
/// `protected` are hours whose snapshot a day still needs (its export is not
/// finished). `quota` is the account's limit for snapshots of this kind,
/// `reserve` what is left free for people. Snapshots of others, pinned ones and
/// those being exported count against the quota and are never deleted.
pub fn plan(
    source: &str,
    hour: Hour,
    calendar: &Calendar,
    snapshots: &[ManualSnapshot],
    ladder: Ladder,
    protected: &BTreeSet<Hour>,
    SnapshotLimits { quota, reserve }: SnapshotLimits,
) -> RetentionPlan {
    let mut ours: BTreeMap<Hour, &ManualSnapshot> = BTreeMap::new();
    for snapshot in snapshots {
        if let Some(hour) = snapshot.owned_hour(source) {
            ours.insert(hour, snapshot);
        }
    }
    let deletable = |snapshot: &ManualSnapshot| {
        !snapshot.pinned && !snapshot.exporting && snapshot.status == "available"
    };
    let exists = ours.contains_key(&hour);
    // What cannot be thinned fills part of the quota whatever the ladder says.
    let fixed = snapshots
        .iter()
        .filter(|snapshot| {
            snapshot
                .owned_hour(source)
                .is_none_or(|hour| !deletable(snapshot) || protected.contains(&hour))
        })
        .filter(|snapshot| snapshot.owned_hour(source) != Some(hour))
        .count();
    let room = quota.saturating_sub(reserve).saturating_sub(fixed);

    let candidates: BTreeSet<Hour> = ours
        .iter()
        .filter(|(at, snapshot)| deletable(snapshot) && !protected.contains(at))
        .map(|(at, _)| *at)
        .chain([hour])
        .collect();
    let all: BTreeSet<Hour> = ours.keys().copied().chain([hour]).collect();
    let rungs = hours_to_keep(&all, calendar, ladder);
    // In the order of worth: what a shrunken quota drops last comes first.
    let mut keep: Vec<Hour> = rungs.into_iter().filter(|at| candidates.contains(at)).collect();
    let wanted = keep.len();
    keep.truncate(room);
    let keep: BTreeSet<Hour> = keep.into_iter().collect();

    let delete: Vec<String> = candidates
        .iter()
        .filter(|at| !keep.contains(at))
        .filter_map(|at| ours.get(at).map(|snapshot| snapshot.id.clone()))
        .collect();
    let create = !exists && keep.contains(&hour);
    let full = snapshots.len() >= quota.saturating_sub(reserve);
    let warning = if room == 0 {
        Some(format!(
            "no snapshot can be made: {fixed} of {quota} are not ours to thin (people's, pinned, or in use) and {reserve} are kept free"
        ))
    } else if wanted > room {
        Some(format!(
            "the quota of {quota} leaves room for {room} of the {wanted} snapshots that the ladder asks for"
        ))
    } else {
        None
    };
    RetentionPlan { create, delete_first: create && full && !delete.is_empty(), delete, warning }
}

/// The hours that the ladder keeps, most worth keeping first: newest hours, then
/// days, then weeks, each from new to old.
fn hours_to_keep(all: &BTreeSet<Hour>, calendar: &Calendar, ladder: Ladder) -> Vec<Hour> {
    let mut daily: BTreeMap<_, Hour> = BTreeMap::new();
    for at in all {
        let day = calendar.day_of(at.start());
        let best = daily.entry(day).or_insert(*at);
        // The export hour's snapshot is the one that the warehouse's day came from.
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

    fn ours(hour: Hour) -> ManualSnapshot {
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

    fn people(id: &str) -> ManualSnapshot {
        ManualSnapshot { id: id.into(), source_tag: None, ..ours(start()) }
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
            let plan =
                plan("shop", hour, &calendar, &snapshots, LADDER, &BTreeSet::new(), limits(quota));
            snapshots.retain(|snapshot| !plan.delete.contains(&snapshot.id));
            if plan.create {
                snapshots.push(ours(hour));
            }
            most = most.max(snapshots.len());
        }
        (snapshots, most)
    }

    #[test]
    fn a_quiet_account_holds_the_whole_ladder() {
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
    fn peoples_snapshots_count_and_are_never_deleted() {
        let people: Vec<_> = (0..60).map(|n| people(&format!("before-release-{n}"))).collect();
        let (left, most) = run(24 * 20, 100, people);
        assert_eq!(left.iter().filter(|s| s.source_tag.is_none()).count(), 60);
        assert!(most <= 90, "{most}");
        assert_eq!(left.len(), 90);
    }

    #[test]
    fn a_full_account_makes_nothing_and_says_why() {
        let snapshots: Vec<_> = (0..95).map(|n| people(&format!("p{n}"))).collect();
        let plan =
            plan("shop", start(), &calendar(), &snapshots, LADDER, &BTreeSet::new(), limits(100));
        assert!(!plan.create);
        assert!(plan.delete.is_empty());
        assert!(plan.warning.unwrap().starts_with("no snapshot can be made: 95 of 100"));
    }

    #[test]
    fn pinned_exporting_protected_and_look_alikes_stay() {
        let calendar = calendar();
        let old = |n: i64| calendar.hour_of(start().start() + n.hours());
        let mut snapshots: Vec<_> = (0..400).map(|n| ours(old(n))).collect();
        snapshots[3].pinned = true;
        snapshots[4].exporting = true;
        snapshots[5].status = "creating".into();
        // Named like ours, but never tagged: a person's copy.
        snapshots[6].source_tag = None;
        let protected = BTreeSet::from([old(7)]);
        let plan = plan("shop", old(400), &calendar, &snapshots, LADDER, &protected, limits(1000));
        for n in [3, 4, 5, 6, 7] {
            assert!(!plan.delete.contains(&snapshots[n].id), "{n}");
        }
        assert!(plan.delete.contains(&snapshots[8].id));
        assert!(plan.create);
    }

    #[test]
    fn the_same_tick_again_does_nothing_more() {
        let (left, _) = run(24 * 30, 100, Vec::new());
        let calendar = calendar();
        let hour = calendar.hour_of(start().start() + (24 * 30 - 1).hours());
        let again = plan("shop", hour, &calendar, &left, LADDER, &BTreeSet::new(), limits(100));
        assert_eq!((again.create, again.delete.len()), (false, 0));
    }
}
