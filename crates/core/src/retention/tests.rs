//! The ladder over simulated months, and properties that hold for every account.

use expect_test::expect;
use jiff::ToSpan;
use proptest::prelude::*;

use super::*;

const LADDER: Ladder =
    Ladder { hourly: 48, daily: 14, weekly: 4, every_hours: 1, deadline_hour: 4 };

fn limits(quota: usize) -> SnapshotLimits {
    SnapshotLimits { quota, reserve: 10 }
}

fn calendar() -> Calendar {
    Calendar::new("Asia/Seoul", 1).unwrap()
}

/// Hour `n` of the simulated time.
fn hour(n: i64) -> Hour {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    calendar().hour_of(start + n.hours())
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

/// Snapshots that a person took.
fn others(count: usize) -> Vec<ManualSnapshot> {
    (0..count)
        .map(|n| ManualSnapshot {
            id: format!("before-release-{n}"),
            source_tag: None,
            ..own_snapshot(hour(0))
        })
        .collect()
}

fn plan_at(
    at: Option<Hour>,
    snapshots: &[ManualSnapshot],
    limits: SnapshotLimits,
) -> RetentionPlan {
    plan("shop", at, &calendar(), snapshots, LADDER, &BTreeSet::new(), limits)
}

/// Applies the plan of one hour.
fn tick(at: Hour, snapshots: &mut Vec<ManualSnapshot>, quota: usize) -> RetentionPlan {
    let plan = plan_at(Some(at), snapshots, limits(quota));
    let first = &plan.delete[..plan.delete_first];
    snapshots.retain(|snapshot| !first.contains(&snapshot.id));
    if plan.create {
        assert!(snapshots.len() < quota, "RDS refuses a snapshot above the quota");
        snapshots.push(own_snapshot(at));
    }
    snapshots.retain(|snapshot| !plan.delete.contains(&snapshot.id));
    plan
}

/// The numbers of hourly (up to two days old), daily and weekly snapshots at `now`.
fn rungs(snapshots: &[ManualSnapshot], now: Hour) -> (usize, usize, usize) {
    let own: BTreeSet<Hour> = snapshots.iter().filter_map(|it| it.owned_hour("shop")).collect();
    let days: BTreeSet<_> = own.iter().map(|at| calendar().day_of(at.start())).collect();
    let weeks: BTreeSet<_> = days.iter().map(|day| day.date().iso_week_date().week()).collect();
    let two_days = jiff::SignedDuration::from_hours(48);
    let recent = own.iter().filter(|at| now.start().duration_since(at.start()) < two_days).count();
    (recent, days.len(), weeks.len())
}

#[test]
fn an_unrestricted_account_keeps_the_complete_ladder() {
    let mut snapshots = Vec::new();
    for n in 0..24 * 60 {
        let plan = tick(hour(n), &mut snapshots, 100);
        assert!(plan.create && plan.delete_first == 0, "{n}");
        assert_eq!(plan.shortage, None, "{n}");
        assert!(snapshots.len() <= LADDER.places(), "{n}: {}", snapshots.len());
    }
    assert_eq!(LADDER.places(), 62);
    let (hourly, days, weeks) = rungs(&snapshots, hour(24 * 60 - 1));
    assert_eq!((hourly, days, weeks >= 4), (48, 16, true), "two weeks outlive their days");
    let is_export = |at: &Hour| *at == calendar().export_hour(calendar().day_of(at.start()));
    let exports = snapshots.iter().filter_map(|it| it.owned_hour("shop")).filter(is_export).count();
    assert!(exports >= 14, "the days kept are those that were exported: {exports}");
}

/// Ten places stay free for others while the hourly snapshots make room one by one. Then others use the
/// free places, and each hour has its snapshot until the account has no place.
#[test]
fn other_snapshots_displace_the_hourly_ones_first() {
    let mut text = String::new();
    let mut snapshots = Vec::new();
    for n in 0..24 * 60 {
        tick(hour(n), &mut snapshots, 100);
    }
    for (step, count) in [0, 10, 20, 38, 45, 60, 80, 88, 95].into_iter().enumerate() {
        let mut now = 24 * 60 + 40 * step as i64;
        let missing = count - snapshots.iter().filter(|it| it.source_tag.is_none()).count();
        let place = 100_usize.saturating_sub(snapshots.len());
        let add = |snapshots: &mut Vec<ManualSnapshot>, many: usize| {
            let from = snapshots.len();
            snapshots.extend(
                others(many)
                    .into_iter()
                    .enumerate()
                    .map(|(n, it)| ManualSnapshot { id: format!("{}-{from}-{n}", it.id), ..it }),
            );
        };
        add(&mut snapshots, missing.min(place));
        let mut last = None;
        for _ in 0..40 {
            last = Some(tick(hour(now), &mut snapshots, 100));
            let missing = count - snapshots.iter().filter(|it| it.source_tag.is_none()).count();
            let place = 100_usize.saturating_sub(snapshots.len());
            add(&mut snapshots, missing.min(place));
            now += 1;
        }
        let last = last.unwrap();
        let effect = last.shortage.map(|it| format!(" {:?}", it.effect)).unwrap_or_default();
        text.push_str(&format!(
            "{count} others: {:?}, {} in all, created {}{effect}\n",
            rungs(&snapshots, hour(now - 1)),
            snapshots.len(),
            last.create,
        ));
    }
    expect![[r#"
        0 others: (48, 16, 4), 61 in all, created true
        10 others: (48, 16, 4), 72 in all, created true
        20 others: (48, 16, 4), 82 in all, created true
        38 others: (45, 10, 4), 90 in all, created true Cuts
        45 others: (37, 10, 4), 90 in all, created true Cuts
        60 others: (22, 10, 4), 90 in all, created true Cuts
        80 others: (3, 10, 4), 90 in all, created true Cuts
        88 others: (3, 10, 4), 99 in all, created true Cuts
        95 others: (3, 8, 2), 100 in all, created true Cuts
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_used_up_quota_creates_and_deletes_nothing() {
    let plan = plan_at(Some(hour(0)), &others(100), limits(100));
    assert_eq!((plan.create, plan.delete.len(), plan.deferred), (false, 0, 0));
    let shortage = plan.shortage.unwrap();
    assert_eq!(shortage.effect, ShortageEffect::NoPlace);
    expect!["the quota of 100 is used up: 100 snapshots were not created by Landbridge (snapshots.reserve is 10), and 0 of Landbridge's are pinned or in use"]
        .assert_eq(&shortage.to_string());
}

/// The ladder is not complete yet, so nothing is deleted; the person learns of it in time.
#[test]
fn a_ladder_that_will_not_fit_is_reported_before_anything_is_deleted() {
    let effect = |quota| {
        let plan = plan_at(Some(hour(0)), &[], limits(quota));
        plan.shortage.map(|it| it.effect)
    };
    // Ten reserved places, and the places of the ladder.
    let fits = 10 + LADDER.places();
    assert_eq!((effect(fits), effect(fits - 1)), (None, Some(ShortageEffect::WillCut)));
    let mut snapshots = others(45);
    for n in [-1800, -900] {
        snapshots.push(ManualSnapshot { pinned: true, ..own_snapshot(hour(n)) });
    }
    for n in 0..43 {
        let plan = tick(hour(n), &mut snapshots, 100);
        let shortage = plan.shortage.expect("a shortage");
        assert_eq!(shortage.effect, ShortageEffect::WillCut, "{n}");
        assert!(plan.delete.is_empty(), "{n}: {plan:?}");
        if n == 0 {
            expect!["the quota of 100 has 43 places for the 60 snapshots to keep: 45 snapshots were not created by Landbridge (snapshots.reserve is 10), and 2 of Landbridge's are pinned or in use"].assert_eq(&shortage.to_string());
        }
    }
}

#[test]
fn pinned_exporting_protected_and_untagged_snapshots_stay() {
    let mut snapshots: Vec<_> = (0..400).map(|n| own_snapshot(hour(n))).collect();
    snapshots[3].pinned = true;
    snapshots[4].exporting = true;
    snapshots[5].status = "creating".into();
    // Named like a snapshot of Landbridge, but without the tag: it was created by a person.
    snapshots[6].source_tag = None;
    let protected = BTreeSet::from([hour(7)]);
    for quota in [1000, 401, 400, 100] {
        let mut left = snapshots.clone();
        // Each tick deletes at most eight.
        for _ in 0..60 {
            let at = Some(hour(400));
            let limits = limits(quota);
            let plan = plan("shop", at, &calendar(), &left, LADDER, &protected, limits);
            assert!(plan.delete.len() <= DELETIONS_PER_TICK);
            left.retain(|it| !plan.delete.contains(&it.id));
        }
        for (n, snapshot) in snapshots.iter().enumerate().take(8).skip(3) {
            assert!(left.contains(snapshot), "{n} with a quota of {quota}");
        }
        assert!(!left.contains(&snapshots[8]), "{quota}");
    }
}

/// A person deletes the day's snapshot: while RDS is deleting it, another one is the day's.
#[test]
fn a_snapshot_that_is_being_deleted_or_failed_stands_for_no_day() {
    let day = |status: &str| {
        let mut snapshots: Vec<_> = (0..24 * 10).map(|n| own_snapshot(hour(n))).collect();
        // 16:00 in UTC is the export hour in Seoul.
        snapshots[24 * 8 + 16].status = status.into();
        for n in 240..400 {
            tick(hour(n), &mut snapshots, 1000);
        }
        let is_of_day = |at: &Hour| {
            calendar().day_of(at.start()) == calendar().day_of(hour(24 * 8 + 16).start())
        };
        snapshots.iter().filter_map(|it| it.owned_hour("shop")).filter(is_of_day).count()
    };
    assert_eq!((day("available"), day("deleting"), day("failed")), (1, 2, 2));
}

/// The export takes the first later snapshot up to the deadline, 04:00, if that of 01:00 is missing.
#[test]
fn the_snapshot_that_was_exported_stands_for_its_day() {
    // 15:00 in UTC is midnight in Seoul.
    let midnight: i64 = 24 * 8 + 15;
    let kept = |missing: &[i64]| {
        let exist = (0_i64..24 * 10).filter(|n| !missing.contains(&(*n - midnight)));
        let mut snapshots: Vec<_> = exist.map(|n| own_snapshot(hour(n))).collect();
        for n in 240..400 {
            tick(hour(n), &mut snapshots, 1000);
        }
        let own: BTreeSet<Hour> = snapshots.iter().filter_map(|it| it.owned_hour("shop")).collect();
        (0_i64..24).filter(|n| own.contains(&hour(midnight + *n))).collect::<Vec<_>>()
    };
    assert_eq!(kept(&[]), [1]);
    assert_eq!(kept(&[1]), [2]);
    assert_eq!(kept(&[1, 2, 3]), [4]);
    // Nothing was exported.
    assert_eq!(kept(&[1, 2, 3, 4]), [0]);
    assert_eq!(kept(&[0, 1, 2, 3, 4]), [5]);
}

#[test]
fn a_failed_snapshot_is_not_that_of_its_hour() {
    for (status, create) in
        [("failed", true), ("available", false), ("creating", false), ("deleting", false)]
    {
        let mut snapshots = others(98);
        snapshots.push(ManualSnapshot { status: status.into(), ..own_snapshot(hour(0)) });
        let plan = plan_at(Some(hour(0)), &snapshots, limits(100));
        assert_eq!((plan.create, plan.delete.len()), (create, 0), "{status}");
        // It uses a place of the quota.
        snapshots.extend(others(99).pop());
        let plan = plan_at(Some(hour(0)), &snapshots, limits(100));
        let effect = plan.shortage.map(|it| it.effect);
        assert_eq!((plan.create, effect == Some(ShortageEffect::NoPlace)), (false, create));
    }
}

#[test]
fn repeating_a_tick_changes_nothing() {
    let mut snapshots = Vec::new();
    for n in 0..24 * 30 {
        tick(hour(n), &mut snapshots, 100);
    }
    let again = plan_at(Some(hour(24 * 30 - 1)), &snapshots, limits(100));
    assert_eq!((again.create, again.delete.len(), again.delete_first), (false, 0, 0));
}

#[test]
fn a_tick_without_a_due_snapshot_deletes_only() {
    let snapshots: Vec<_> = (0..60).map(|n| own_snapshot(hour(n))).collect();
    let plan = plan_at(None, &snapshots, limits(100));
    assert!(!plan.create && plan.delete_first == 0);
    assert!(!plan.delete.is_empty());
}

#[test]
fn a_pinned_snapshot_of_the_current_hour_stays_when_the_quota_is_used_up() {
    let mut snapshots = others(99);
    snapshots.push(ManualSnapshot { pinned: true, ..own_snapshot(hour(0)) });
    let plan = plan_at(Some(hour(0)), &snapshots, limits(100));
    assert!(plan.delete.is_empty(), "{:?}", plan.delete);
    assert!(!plan.create);
    assert_ne!(plan.shortage.map(|it| it.effect), Some(ShortageEffect::NoPlace));
}

#[test]
fn the_places_of_a_ladder_count_each_snapshot_once() {
    let places = |hourly, daily, weekly, every_hours| {
        Ladder { hourly, daily, weekly, every_hours, ..LADDER }.places()
    };
    assert_eq!(places(48, 14, 4, 1), 48 + 12 + 2);
    assert_eq!(places(48, 14, 4, 24), 48, "48 days contain six weeks");
    assert_eq!(places(48, 14, 8, 24), 48 + 2);
    assert_eq!(places(0, 7, 4, 1), 1 + 7 + 3);
    assert_eq!(places(12, 0, 0, 6), 12);
}

/// An account: own snapshots with their states, snapshots of others, limits, the due hour.
#[derive(Clone, Debug)]
struct Account {
    snapshots: Vec<ManualSnapshot>,
    ladder: Ladder,
    protected: BTreeSet<Hour>,
    limits: SnapshotLimits,
    hour: Option<Hour>,
}

prop_compose! {
    fn account()(
        own in prop::collection::btree_map(0_i64..900, (0_u8..12, 0_u8..12), 0..90),
        other in 0_usize..110,
        quota in 0_usize..120,
        reserve in 0_usize..30,
        ladder in (0_usize..60, 0_usize..20, 0_usize..8, 1_usize..25),
        now in prop::option::of(895_i64..903),
    ) -> Account {
        let mut protected = BTreeSet::new();
        let mut snapshots = others(other);
        for (n, (state, is_protected)) in own {
            let mut snapshot = own_snapshot(hour(n));
            match state {
                0 => snapshot.pinned = true,
                1 => snapshot.exporting = true,
                2 => snapshot.status = "creating".into(),
                3 => snapshot.status = "deleting".into(),
                4 => snapshot.status = "failed".into(),
                _ => {}
            }
            if is_protected == 0 {
                protected.insert(hour(n));
            }
            snapshots.push(snapshot);
        }
        let (hourly, daily, weekly, every_hours) = ladder;
        Account {
            snapshots,
            ladder: Ladder { hourly, daily, weekly, every_hours, ..LADDER },
            protected,
            limits: SnapshotLimits { quota, reserve },
            hour: now.map(hour),
        }
    }
}

impl Account {
    fn plan(&self) -> RetentionPlan {
        let Self { snapshots, ladder, protected, limits, hour } = self;
        plan("shop", *hour, &calendar(), snapshots, *ladder, protected, *limits)
    }

    /// Whether the plan may delete it.
    fn may_delete(&self, it: &ManualSnapshot) -> bool {
        let is_needed = |at: Hour| self.protected.contains(&at);
        it.status == "available"
            && !it.pinned
            && !it.exporting
            && it.owned_hour("shop").is_some_and(|at| !is_needed(at))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_must_be_kept_is_never_deleted(account in account()) {
        let plan = account.plan();
        prop_assert!(plan.delete.len() <= 8);
        prop_assert!(plan.deferred == 0 || plan.delete.len() == 8);
        let deleted: BTreeSet<&String> = plan.delete.iter().collect();
        prop_assert_eq!(deleted.len(), plan.delete.len());
        for id in &plan.delete {
            let snapshot = account.snapshots.iter().find(|it| it.id == *id);
            prop_assert!(snapshot.is_some_and(|it| account.may_delete(it)), "{}", id);
        }
        // The newest restore point stays, unless its successor needs its place.
        let usable = |it: &&ManualSnapshot| matches!(&*it.status, "available" | "creating");
        let own = account.snapshots.iter().filter(usable);
        let newest = own.filter_map(|it| Some((it.owned_hour("shop")?, it))).max_by_key(|it| it.0);
        if let Some((_, newest)) = newest {
            prop_assert!(plan.create || !deleted.contains(&newest.id));
        }
    }

    #[test]
    fn the_hour_has_its_snapshot_while_the_account_has_a_place(account in account()) {
        let plan = account.plan();
        let total = account.snapshots.len();
        let removable = account.snapshots.iter().filter(|it| account.may_delete(it)).count();
        let own = account.snapshots.iter().filter(|it| it.status != "failed");
        let hours: BTreeSet<Hour> = own.filter_map(|it| it.owned_hour("shop")).collect();
        let exists = |at| hours.contains(&at);
        let missing = account.hour.is_some_and(|at| !exists(at));
        let has_place = total - removable < account.limits.quota;
        prop_assert_eq!(plan.create, missing && has_place);
        let effect = plan.shortage.map(|it| it.effect);
        prop_assert_eq!(effect == Some(ShortageEffect::NoPlace), missing && !has_place);
        prop_assert!(plan.delete_first <= plan.delete.len());
        if plan.create && total <= account.limits.quota {
            prop_assert_eq!(plan.delete_first, usize::from(total == account.limits.quota));
        }
        if !plan.create {
            prop_assert_eq!(plan.delete_first, 0);
        }
    }

    #[test]
    fn the_ladder_is_cut_only_if_it_does_not_fit(account in account()) {
        let plan = account.plan();
        let usable = |it: &&ManualSnapshot| matches!(&*it.status, "available" | "creating");
        let own = account.snapshots.iter().filter(usable).filter_map(|it| it.owned_hour("shop"));
        let hours: BTreeSet<Hour> = own.chain(account.hour.filter(|_| plan.create)).collect();
        let ladder = hours_to_keep(&hours, &calendar(), account.ladder);
        let at = |id: &String| SnapshotId::new(id.clone()).unwrap().hour("shop").unwrap();
        let places: Vec<_> = plan.delete.iter().map(|id| ladder.iter().position(|it| *it == at(id))).collect();
        // First what the ladder does not keep, the oldest first; then its end, backwards.
        let useless = places.iter().take_while(|it| it.is_none()).count();
        prop_assert!(plan.delete[..useless].is_sorted_by_key(at));
        prop_assert!(places[useless..].is_sorted_by_key(|it| Reverse(it.unwrap_or(usize::MAX))));
        let cut = &places[useless..];
        let left = account.snapshots.len() + usize::from(plan.create) - plan.delete.len() - plan.deferred;
        let kept = account.snapshots.iter().filter(|it| account.may_delete(it)).count()
            + usize::from(plan.create) - plan.delete.len() - plan.deferred;
        let SnapshotLimits { quota, reserve } = account.limits;
        // What is reserved stays free, but for the newest, seven days and four weeks.
        prop_assert!(left + reserve <= quota || kept <= 1 + 7 + 4, "{} {}", left, kept);
        prop_assert!(left <= quota || kept <= 1, "{} {}", left, kept);
        if !cut.is_empty() {
            let effect = plan.shortage.map(|it| it.effect);
            prop_assert!(matches!(effect, Some(ShortageEffect::Cuts | ShortageEffect::NoPlace)));
            // Not one place is given up without need.
            prop_assert!(left + reserve >= quota, "{} {}", left, kept);
        }
    }

    #[test]
    fn seven_days_and_four_weeks_outlive_every_hour_but_the_newest(account in account()) {
        let ladder = Ladder { daily: account.ladder.daily.max(7), weekly: account.ladder.weekly.max(4), ..account.ladder };
        let account = Account { ladder, ..account };
        let mut snapshots = account.snapshots.clone();
        // The state that the ticks of this hour lead to.
        loop {
            let account = Account { snapshots: snapshots.clone(), hour: None, ..account.clone() };
            let plan = account.plan();
            if plan.delete.is_empty() {
                break;
            }
            snapshots.retain(|it| !plan.delete.contains(&it.id));
        }
        let usable = |it: &&ManualSnapshot| matches!(&*it.status, "available" | "creating");
        let own = |all: &[ManualSnapshot]| -> BTreeSet<Hour> {
            all.iter().filter(usable).filter_map(|it| it.owned_hour("shop")).collect()
        };
        let (before, after) = (own(&account.snapshots), own(&snapshots));
        let first = Ladder { hourly: 0, daily: 7, weekly: 4, ..LADDER };
        let valuable: BTreeSet<Hour> = hours_to_keep(&before, &calendar(), first).into_iter().collect();
        if !valuable.is_subset(&after) {
            for at in after.difference(&valuable) {
                let held = account.snapshots.iter().find(|it| it.owned_hour("shop") == Some(*at));
                prop_assert!(held.is_some_and(|it| !account.may_delete(it)), "an hourly one is kept");
            }
        }
    }
}
