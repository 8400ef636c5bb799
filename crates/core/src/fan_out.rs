//! Which objects of a day the transfer hands to workers by a queue, which it carries itself, and for which it waits.
//!
//! Nothing here has to be true for a day to be right: a message may be lost, delivered twice or a day late, and the
//! counts of a queue are approximate (SQS API reference, `GetQueueAttributes`). An object has one name and one
//! record, which are created only if they do not exist, so the worst that a wrong decision costs is a second look at
//! an object, or a transfer that the transfer function does itself.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::config::FanOutConfig;

/// A table's messages are sent so often. What is left then, the transfer carries itself.
pub const MAX_SENDS: u32 = 3;
/// After so many sends, objects that do not arrive are reported. One message may be lost by a deployment, which
/// ends workers, without anything to do for a person.
pub const REPORTED_SENDS: u32 = 2;
/// Counts of a queue are trusted so long after the last message was sent: "at least 1 minute after the producers
/// stop sending" (SQS API reference, `GetQueueAttributes`).
pub const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// Objects wait in the queue, and none of them was recorded for so long: the workers do not run. Four ticks of the
/// transfer, and longer than a worker may take for what it has started.
pub const STALLED_AFTER: SignedDuration = SignedDuration::from_mins(20);
/// A message goes to the dead-letter queue after so many receives. A worker gives back what it has no time for, and
/// a cloud that throttles delays objects, so it is more than a handful.
pub const MAX_RECEIVES: u32 = 12;
/// Seconds for which a message is hidden after its first failure; they double with each further one.
const FIRST_PAUSE: u32 = 30;
/// The longest pause, in seconds.
const LONGEST_PAUSE: u32 = 900;

/// The identity of an object, as a message names it. It contains no value of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemMessage {
    /// The day.
    pub day: Day,
    /// The plan of the table, `<table>@<digest>`: `TablePlan::record_name`.
    pub table: String,
    /// What the contract asked of the table's transfer when the message was sent: the plan's fingerprint.
    pub fingerprint: String,
    /// The number of the object within the plan.
    pub object: usize,
}

impl ItemMessage {
    /// The name of the table in BigQuery, by which its plan is found.
    pub fn table_name(&self) -> &str {
        // Table names contain no `@`.
        self.table.split_once('@').map_or(self.table.as_str(), |(table, _)| table)
    }

    /// The text of the message.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("names and numbers are JSON")
    }

    /// Reads the text of a message. `None`: it is another text.
    pub fn parse(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }
}

/// What the transfer of a day has handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// By the names of the tables' plans, as [`ItemMessage::table`]: how often messages were sent for the objects
    /// that were not recorded.
    pub tables: BTreeMap<String, u32>,
    /// Messages that were sent, in all.
    pub sent: u64,
    /// When the last one was sent.
    pub sent_at: Timestamp,
    /// Objects that were handed over and not recorded, at the last look.
    pub left: u64,
    /// When this number was another one.
    pub moved_at: Timestamp,
}

/// The objects of a table that are not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The name of the table's plan.
    pub table: String,
    /// Objects.
    pub items: u64,
    /// Bytes of the export's files.
    pub bytes: u64,
}

/// What a tick does with the tables that have objects left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Their objects are handed over, by the names of their plans.
    pub send: Vec<String>,
    /// The tick carries their objects itself.
    pub carry: Vec<String>,
    /// Workers have their objects.
    pub wait: Vec<String>,
    /// Their objects were handed over [`REPORTED_SENDS`] times and did not arrive.
    pub lost: Vec<String>,
    /// Whether the workers do not run: messages wait, and no object is recorded.
    pub stalled: bool,
}

/// Whether the queue has to be asked before [`decide`]: not as long as nothing was handed over.
pub fn asks_queue(handed: Option<&Handed>, left: &[Left]) -> bool {
    handed.is_some_and(|handed| left.iter().any(|it| handed.tables.contains_key(&it.table)))
}

/// Decides for each table with objects left. `in_queue` are the messages of the queue, those in flight included; it
/// counts only if [`asks_queue`].
pub fn decide(
    settings: &FanOutConfig,
    handed: Option<&Handed>,
    left: &[Left],
    in_queue: u64,
    now: Timestamp,
) -> Decision {
    let is_above = exceeds(settings, left);
    let sends = |table: &String| handed.and_then(|it| it.tables.get(table)).copied().unwrap_or(0);
    let (new, old): (Vec<&Left>, Vec<&Left>) = left.iter().partition(|it| sends(&it.table) == 0);
    let mut decision = Decision::default();
    let names = |tables: &[&Left]| tables.iter().map(|it| it.table.clone()).collect::<Vec<_>>();
    match handed.filter(|_| !old.is_empty()) {
        None => {}
        Some(handed) if in_queue > 0 => {
            decision.stalled = now.duration_since(handed.moved_at) >= STALLED_AFTER;
            let place = if decision.stalled { &mut decision.carry } else { &mut decision.wait };
            place.extend(names(&old));
        }
        Some(handed) if now.duration_since(handed.sent_at) < SETTLED_AFTER => {
            decision.wait = names(&old);
        }
        Some(_) => {
            for it in &old {
                let again = is_above && sends(&it.table) < MAX_SENDS;
                let place = if again { &mut decision.send } else { &mut decision.carry };
                place.push(it.table.clone());
                if sends(&it.table) >= REPORTED_SENDS {
                    decision.lost.push(it.table.clone());
                }
            }
        }
    }
    let place = match is_above && !decision.stalled {
        true => &mut decision.send,
        false => &mut decision.carry,
    };
    place.extend(names(&new));
    decision
}

/// Whether there is more left than the transfer carries itself.
fn exceeds(settings: &FanOutConfig, left: &[Left]) -> bool {
    let items: u64 = left.iter().map(|it| it.items).sum();
    let bytes: u64 = left.iter().map(|it| it.bytes).sum();
    items > u64::from(settings.above_items) || bytes > u64::from(settings.above_gib) << 30
}

/// Seconds for which a message is hidden that failed when it was received for the `receives`-th time.
pub fn pause_seconds(receives: u32) -> u32 {
    let doubled = receives.saturating_sub(1).min(10);
    (FIRST_PAUSE << doubled).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        let start: Timestamp = "2026-11-20T17:00:00Z".parse().unwrap();
        start + SignedDuration::from_mins(minute)
    }

    fn left(tables: &[(&str, u64, u64)]) -> Vec<Left> {
        let of = |(table, items, gib): &(&str, u64, u64)| Left {
            table: (*table).to_owned(),
            items: *items,
            bytes: gib << 30,
        };
        tables.iter().map(of).collect()
    }

    /// Tables that were handed over in minute 0, with nothing recorded since minute `moved`.
    fn handed(tables: &[(&str, u32)], moved: i64) -> Handed {
        Handed {
            tables: tables.iter().map(|(table, sends)| ((*table).to_owned(), *sends)).collect(),
            sent: 1,
            sent_at: at(0),
            left: 1,
            moved_at: at(moved),
        }
    }

    const SETTINGS: FanOutConfig = FanOutConfig { above_items: 10, above_gib: 2, workers: 2 };

    /// send | carry | wait | lost, and `stalled`.
    fn check(
        handed: Option<&Handed>,
        tables: &[(&str, u64, u64)],
        in_queue: u64,
        minute: i64,
        expected: &str,
    ) {
        let left = left(tables);
        let it = decide(&SETTINGS, handed, &left, in_queue, at(minute));
        let text = [&it.send, &it.carry, &it.wait, &it.lost].map(|tables| tables.join(","));
        let stalled = if it.stalled { " stalled" } else { "" };
        let found = format!("{}{stalled}", text.join("|"));
        assert_eq!(found, expected, "{tables:?} {in_queue} {minute} {handed:?}");
        // Every table has one fate.
        let mut all = [it.send, it.carry, it.wait].concat();
        all.sort();
        let mut given: Vec<String> = left.into_iter().map(|it| it.table).collect();
        given.sort();
        assert_eq!(all, given);
    }

    #[test]
    fn only_more_than_a_limit_is_handed_over() {
        check(None, &[], 0, 0, "|||");
        check(None, &[("a", 10, 2)], 0, 0, "|a||");
        check(None, &[("a", 6, 0), ("b", 5, 0)], 0, 0, "a,b|||");
        check(None, &[("a", 1, 3)], 0, 0, "a|||");
    }

    #[test]
    fn the_queue_is_asked_only_about_tables_that_were_handed_over() {
        assert!(!asks_queue(None, &left(&[("a", 99, 99)])));
        assert!(!asks_queue(Some(&handed(&[("a", 1)], 0)), &left(&[("b", 99, 99)])));
        assert!(!asks_queue(Some(&handed(&[("a", 1)], 0)), &[]));
        assert!(asks_queue(Some(&handed(&[("a", 1)], 0)), &left(&[("a", 1, 0)])));
    }

    #[test]
    fn what_workers_have_is_waited_for_and_a_new_plan_is_not() {
        let handed = handed(&[("a", 1)], 3);
        check(Some(&handed), &[("a", 99, 0)], 7, 5, "||a|");
        check(Some(&handed), &[("a", 9, 0), ("b", 2, 0)], 7, 5, "b||a|");
        // Few are left: no message for them.
        check(Some(&handed), &[("a", 3, 0), ("b", 2, 0)], 7, 5, "|b|a|");
        // The count of the queue may be late.
        check(Some(&handed), &[("a", 99, 0)], 0, 1, "||a|");
    }

    #[test]
    fn what_is_neither_recorded_nor_in_the_queue_is_sent_again_and_carried_in_the_end() {
        check(Some(&handed(&[("a", 1)], 0)), &[("a", 99, 0)], 0, 5, "a|||");
        check(Some(&handed(&[("a", 2)], 0)), &[("a", 99, 0)], 0, 5, "a|||a");
        check(Some(&handed(&[("a", 3)], 0)), &[("a", 99, 0)], 0, 5, "|a||a");
        // A few lost messages are no reason for new ones.
        check(Some(&handed(&[("a", 1)], 0)), &[("a", 3, 0)], 0, 5, "|a||");
    }

    #[test]
    fn workers_that_do_not_run_delay_a_day_by_twenty_minutes() {
        let handed = handed(&[("a", 1)], 4);
        check(Some(&handed), &[("a", 99, 0), ("b", 1, 0)], 99, 23, "b||a|");
        check(Some(&handed), &[("a", 99, 0), ("b", 1, 0)], 99, 24, "|a,b|| stalled");
    }

    #[test]
    fn a_message_is_an_identity_and_reads_back() {
        let message = ItemMessage {
            day: "2026-11-21".parse().unwrap(),
            table: "orders@ab12-2".to_owned(),
            fingerprint: "f".to_owned(),
            object: 17,
        };
        let body = r#"{"day":"2026-11-21","table":"orders@ab12-2","fingerprint":"f","object":17}"#;
        assert_eq!(message.body(), body);
        assert_eq!(ItemMessage::parse(body), Some(message.clone()));
        assert_eq!(message.table_name(), "orders");
        for other in ["", "{}", "[]", r#"{"day":"x","table":"t","fingerprint":"","object":1}"#] {
            assert_eq!(ItemMessage::parse(other), None, "{other}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let pauses: Vec<u32> = [0, 1, 2, 3, 5, 6, 99].map(pause_seconds).to_vec();
        assert_eq!(pauses, [30, 30, 60, 120, 480, 900, 900]);
    }
}
