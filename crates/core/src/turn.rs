//! Whose export starts next, where several databases share the exports that RDS runs at once in an account and region.
//!
//! There is no list to keep. Each tick sees the account's export tasks and the configuration of all databases, and from
//! both every tick draws the same order: who has waited longest goes first. A database whose export cannot start
//! for another reason keeps one place free until its deadline, and no longer.

use jiff::Timestamp;

use crate::Result;
use crate::calendar::Calendar;
use crate::config::Config;

/// Exports that RDS runs at once: "You have reached the limit of 5 concurrent export tasks" is the message of the
/// fault `ExportTaskLimitReachedFault`, as public code quotes it. The service model names neither.
pub const EXPORTS_AT_ONCE: usize = 5;

/// A database whose export of the day has not started.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiter {
    /// Since when its export could have started: the export hour of its day.
    pub since: Timestamp,
    /// `source.name`, which decides among those that wait equally long.
    pub name: String,
}

/// The database of this configuration, if its export of the day has no task although its hour has come, and its
/// deadline has not. `tasks` are the ids of all export tasks of the account that RDS lists, ended ones included.
///
/// # Errors
/// The time zone is unknown.
pub fn waiter<'a>(
    config: &Config,
    tasks: impl IntoIterator<Item = &'a str>,
    now: Timestamp,
) -> Result<Option<Waiter>> {
    let schedule = &config.schedule;
    let calendar = Calendar::new(&schedule.zone, schedule.export_hour)?;
    let day = calendar.day_of(now);
    let since = calendar.export_hour(day).start();
    if now < since || now >= schedule.deadline(&calendar, day).start() {
        return Ok(None);
    }
    // As `ExportId::for_day`, whatever the attempt.
    let name = &config.source.name;
    let id = format!("landbridge-{name}-{}-a", day.compact());
    let has_task = tasks.into_iter().any(|task| task.starts_with(&id));
    Ok((!has_task).then(|| Waiter { since, name: name.clone() }))
}

/// The databases that go before `own`, the one that has waited longest first; none if there is a place for all of
/// them and `own`, or if no other has waited longer: then RDS says whether the export can start. `running` are the
/// export tasks in progress in the account, also those that other programs started.
pub fn before(own: &Waiter, others: &[Waiter], running: usize) -> Vec<String> {
    let mut longer: Vec<&Waiter> = others.iter().filter(|it| *it < own).collect();
    if running + longer.len() < EXPORTS_AT_ONCE {
        return Vec::new();
    }
    longer.sort();
    longer.into_iter().map(|it| it.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn waiter_of(name: &str, since: &str) -> Waiter {
        Waiter { since: since.parse().expect("a time"), name: name.to_owned() }
    }

    const ONE: &str = "2026-11-20T16:00:00Z";
    const TWO: &str = "2026-11-20T17:00:00Z";

    #[test]
    fn who_has_waited_longest_goes_first() {
        let others = [waiter_of("c", TWO), waiter_of("b", ONE), waiter_of("a", ONE)];
        let before = |name, since, running| before(&waiter_of(name, since), &others, running);
        // There is a place for all.
        assert_eq!(before("d", TWO, 1), [] as [&str; 0]);
        // There are two places, and three have waited longer.
        assert_eq!(before("d", TWO, 3), ["a", "b", "c"]);
        assert_eq!(before("c", TWO, 4), ["a", "b"]);
        assert_eq!(before("b", ONE, 4), ["a"]);
        // No other has waited longer: RDS decides, whose limit may be another one by now.
        assert_eq!(before("a", ONE, 5), [] as [&str; 0]);
        assert_eq!(before("a", ONE, 9), [] as [&str; 0]);
    }

    #[test]
    fn a_database_waits_from_its_hour_to_its_deadline_unless_it_has_a_task() {
        let text = include_str!("../../../examples/two-databases/landbridge.yaml");
        let databases = crate::config::parse_databases("landbridge.yaml", text).expect("valid");
        let billing = &databases.one(Some("billing")).expect("it").config;
        let since = |now: &str, tasks: &[&str]| {
            let now = now.parse().expect("a time");
            waiter(billing, tasks.iter().copied(), now)
                .expect("a zone")
                .map(|it| it.since.to_string())
        };
        // Its export hour is 02:00 in Seoul, its deadline 05:00.
        assert_eq!(since("2026-11-20T16:59:00Z", &[]), None);
        assert_eq!(since(TWO, &[]).as_deref(), Some(TWO));
        assert_eq!(since("2026-11-20T19:59:00Z", &[]).as_deref(), Some(TWO));
        assert_eq!(since("2026-11-20T20:00:00Z", &[]), None);
        for (task, waits) in [
            ("landbridge-billing-20261121-a2", false),
            ("landbridge-billing-20261120-a1", true),
            ("landbridge-shop-20261121-a1", true),
        ] {
            assert_eq!(since(TWO, &[task]).is_some(), waits, "{task}");
        }
    }

    /// Seven databases with the same hour and five places, whatever the order of their ticks: every export runs, the
    /// two that wait go in order, and no place stays empty once all have had a tick.
    #[test]
    fn seven_databases_share_five_places_in_the_order_of_their_waiting() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        for turn in 0..names.len() {
            let mut order: Vec<&str> = names.to_vec();
            order.rotate_left(turn);
            // The step at which each export ends.
            let mut running: BTreeMap<&str, usize> = BTreeMap::new();
            let mut started: Vec<&str> = Vec::new();
            for step in 0..20 {
                running.retain(|_, ends| *ends > step);
                for name in &order {
                    if started.contains(name) {
                        continue;
                    }
                    let waiting: Vec<Waiter> = names
                        .iter()
                        .filter(|it| *it != name && !started.contains(it))
                        .map(|it| waiter_of(it, ONE))
                        .collect();
                    let may_try = before(&waiter_of(name, ONE), &waiting, running.len()).is_empty();
                    if may_try && running.len() < EXPORTS_AT_ONCE {
                        // The exports end one after the other.
                        running.insert(name, step + 3 + started.len());
                        started.push(name);
                    }
                }
            }
            assert_eq!(started.len(), names.len(), "{order:?}: {started:?}");
            // The sixth and the seventh start in the order of their names.
            assert!(started[5] < started[6], "{order:?}: {started:?}");
        }
    }
}
