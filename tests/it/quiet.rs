//! The first two weeks of a deployment, and which alarms ring: ordinary events ring none, and a day that is
//! really missing rings the alarm that says so, until it is published.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use landbridge_local::RunEvent;
use landbridge_local_aws::DatabaseKind::Instance;
use landbridge_tests::alarms::{AlarmFile, Message, Observed, ringing};

use crate::support::{MIDNIGHT, TestEnv, TestEnvBuilder, Ticks, at, root};

const FUNCTIONS: [&str; 5] = ["snapshot", "export", "transfer", "load", "protect"];

fn alarm_file() -> AlarmFile {
    AlarmFile::parse(&std::fs::read_to_string(root().join("infra/alarms.json")).expect("a file"))
}

/// `day` days and `hours` hours after the first midnight.
fn after(day: i64, hours: i64) -> Timestamp {
    at(MIDNIGHT) + SignedDuration::from_hours(24 * day + hours)
}

/// A deployment that is watched.
struct Watched {
    env: TestEnv,
    observed: Observed,
    /// When the schedules were disabled, and enabled again.
    pauses: Vec<(Timestamp, Timestamp)>,
    /// Whether a tick may fail.
    may_fail: bool,
}

impl Watched {
    async fn start() -> Self {
        let mut builder = TestEnvBuilder::small();
        builder.start = after(0, 10);
        // Alarms count the starts of five minutes.
        builder.ticks = Ticks::Every;
        Self {
            env: builder.build().await,
            observed: Observed::default(),
            pauses: Vec::new(),
            may_fail: false,
        }
    }

    async fn run_until(&mut self, until: Timestamp) {
        let observed = &mut self.observed;
        let mut failed = Vec::new();
        let summary = self
            .env
            .cloud
            .run_until(until, &mut |event: &RunEvent| {
                if let RunEvent::Finished { tick, outcome, .. } = event {
                    observed.invocation(&tick.function, tick.scheduled_time);
                    if !outcome.is_response() {
                        failed.push(format!(
                            "{} {}: {outcome:?}",
                            tick.scheduled_time, tick.function
                        ));
                    }
                }
            })
            .await
            .expect("functions that start");
        for (tick, _) in summary.given_up {
            self.observed.failed_event(tick.scheduled_time);
        }
        assert!(self.may_fail || failed.is_empty(), "{failed:#?}");
    }

    /// The schedules are disabled, as by `-var enabled=false`.
    fn pause_until(&mut self, until: Timestamp) {
        let from = self.env.cloud.clock().now();
        self.env.cloud.skip_until(until);
        self.pauses.push((from, until));
    }

    /// The messages of all alarms so far.
    fn messages(&mut self) -> Vec<Message> {
        let file = alarm_file();
        for function in FUNCTIONS {
            for line in self.env.cloud.logs(function).expect("a log") {
                self.observed.log_line(&file, function, line.at, &line.line);
            }
        }
        let enabled = |now: Timestamp| {
            !self.pauses.iter().any(|(from, until)| (*from..*until).contains(&now))
        };
        let until = self.env.cloud.clock().now();
        file.messages(&FUNCTIONS, &self.observed, (after(0, 10), until), &enabled)
    }

    async fn published(&self, day: i64) -> bool {
        let date = jiff::civil::date(2026, 11, 21) + SignedDuration::from_hours(24 * day);
        let record = self.env.ledger(&format!("{date}/day.json")).await;
        record.first().is_some_and(|(_, bytes)| {
            let record: BTreeMap<String, serde_json::Value> =
                serde_json::from_slice(bytes).expect("a record");
            record["published"] == true
        })
    }
}

/// Deployed at ten on the first day; every night a backup of half an hour, in one of them in the export hour;
/// a maintenance; a pause of a week.
#[tokio::test(flavor = "multi_thread")]
async fn a_fortnight_with_a_pause_rings_for_notices_only() {
    let mut watched = Watched::start().await;
    let busy = |status, from: Timestamp, minutes| {
        let until = from + SignedDuration::from_mins(minutes);
        watched.env.cloud.aws().set_busy(Instance, "shop-prod", status, from..until);
    };
    for day in 1..15 {
        let hour = if day == 3 { 0 } else { 22 };
        busy("backing-up", after(day, hour) + SignedDuration::from_mins(50), 30);
    }
    busy("maintenance", after(4, 13), 35);
    watched.run_until(after(5, 10)).await;
    watched.pause_until(after(12, 10));
    watched.run_until(after(15, 10)).await;
    for day in [1, 2, 3, 4, 5, 13, 14, 15] {
        assert!(watched.published(day).await, "day {day}");
    }
    let messages = watched.messages();
    let rings: Vec<_> = messages.iter().filter(|it| it.rings).collect();
    // Notices, in the first night and, because nothing says that they applied in between, in the first
    // night after the pause.
    assert!(rings.iter().all(|it| it.alarm == "alerts"), "{rings:#?}");
    let nights = [after(1, 2), after(13, 2)].map(|from| from..from + SignedDuration::from_hours(2));
    assert_eq!(rings.len(), 2, "{rings:#?}");
    assert!(rings.iter().zip(nights).all(|(it, night)| night.contains(&it.at)), "{rings:#?}");
    for function in FUNCTIONS {
        for alert in watched.env.alerts(function) {
            assert_eq!(alert["fields"]["kind"], "Notice", "{alert}");
        }
    }
    // The first tick after the deployment and after the pause says that the functions run.
    let ended: Vec<_> = messages.iter().filter(|it| !it.rings && it.alarm == "silence").collect();
    assert_eq!(ended.len(), 2, "{messages:#?}");
}

/// The same alarms, when something is wrong: they ring, and they end.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_day_and_functions_that_stop_ring_until_they_are_back() {
    let mut watched = Watched::start().await;
    watched.run_until(after(1, 10)).await;
    // The export of the second day takes longer than its night.
    watched.env.cloud.aws().set_export_minutes(5 * 60);
    watched.run_until(after(2, 10)).await;
    watched.env.cloud.aws().set_export_minutes(20);
    watched.run_until(after(3, 5)).await;
    assert!(watched.published(3).await);
    // Nothing starts the functions for ten hours, and they are not paused.
    watched.env.cloud.skip_until(after(3, 15));
    watched.run_until(after(3, 16)).await;
    let messages = watched.messages();
    let of = |alarm: &str| {
        let of_alarm = messages.iter().filter(|it| it.alarm == alarm);
        of_alarm.map(|it| (it.at, it.rings)).collect::<Vec<_>>()
    };
    let within = |time: Timestamp, from: Timestamp, minutes: i64| {
        (from..=from + SignedDuration::from_mins(minutes)).contains(&time)
    };
    let unpublished = of("unpublished");
    assert_eq!(unpublished.iter().filter(|it| it.1).count(), 1, "{unpublished:?}");
    let rang = unpublished.iter().position(|it| it.1).unwrap();
    assert!(within(unpublished[rang].0, after(2, 4), 10), "{unpublished:?}");
    let ended = unpublished[rang + 1].0;
    assert!(within(ended, after(3, 2), 60), "{unpublished:?}");
    for (alarm, minutes) in [("silence", 4 * 60), ("unprotected", 30)] {
        let [.., (rang, true), (ended, false)] = of(alarm)[..] else {
            panic!("{alarm}: {messages:#?}")
        };
        assert!(within(rang, after(3, 5), minutes), "{alarm} {rang}");
        assert!(within(ended, after(3, 15), 90), "{alarm} {ended}");
    }
    // A day that is late is an alert of its own; no function failed.
    let expected = ["alerts", "no-day", "silence", "unprotected", "unpublished"];
    assert!(ringing(&messages).is_subset(&expected.into()), "{messages:#?}");
}

/// One alarm for all functions: it rings when starts fail, and when Lambda delays them; it ends by itself.
#[tokio::test(flavor = "multi_thread")]
async fn starts_that_fail_and_starts_that_are_late_ring_one_alarm() {
    let mut watched = Watched::start().await;
    watched.run_until(after(1, 10)).await;
    assert_eq!(ringing(&watched.messages()), ["alerts"].into());
    // Half an hour in which the functions may not read the bucket, as after a wrong bucket policy.
    watched.may_fail = true;
    let bucket = watched.env.cloud.config().export.bucket.clone();
    watched.env.cloud.aws().deny_bucket(&bucket, "the bucket policy says no");
    watched.run_until(after(1, 10) + SignedDuration::from_mins(30)).await;
    watched.env.cloud.aws().allow_bucket(&bucket);
    watched.may_fail = false;
    watched.run_until(after(1, 15)).await;
    // Starts wait until the account has concurrency again.
    watched.env.cloud.clock().advance_to(after(1, 15) + SignedDuration::from_mins(28));
    watched.run_until(after(1, 20)).await;
    let messages = watched.messages();
    let starts: Vec<_> = messages.iter().filter(|it| it.alarm == "starts").collect();
    let [created, failing, healed, late, ended] = starts[..] else { panic!("{starts:#?}") };
    assert!(!created.rings && failing.rings && !healed.rings && late.rings && !ended.rings);
    let within = |it: &Message, from: Timestamp, minutes| {
        (from..=from + SignedDuration::from_mins(minutes)).contains(&it.at)
    };
    assert!(within(failing, after(1, 10), 20), "{starts:#?}");
    assert!(within(healed, after(1, 10) + SignedDuration::from_mins(30), 75), "{starts:#?}");
    assert!(within(late, after(1, 15) + SignedDuration::from_mins(28), 20), "{starts:#?}");
    // What failed after all retries is in the queue, which rings as before; what was only late is not.
    let failures = messages.iter().filter(|it| it.alarm == "failures" && it.rings);
    assert_eq!(failures.count(), 1, "{messages:#?}");
}

/// Ten alarms and ten metrics are free in each account (Amazon CloudWatch pricing), so with and without `notify`
/// there are no more; `landbridge cost` counts the same.
#[test]
fn the_alarms_are_as_many_as_are_free_and_as_the_estimate_counts() {
    let file = alarm_file();
    for alerts in [false, true] {
        let (alarms, metrics) = file.count(alerts);
        assert!(alarms <= 10 && metrics <= 10, "{alarms} alarms, {metrics} metrics");
        assert_eq!((alarms, metrics), landbridge_core::cost::workload::alarms_and_metrics(alerts));
    }
}

/// One event in the queue of failed events, which is not purged.
#[test]
fn a_failed_event_rings_once_and_ends_without_a_purge() {
    let mut observed = Observed::default();
    observed.failed_event(after(1, 3));
    let times = (after(0, 10), after(3, 0));
    let messages = alarm_file().messages(&FUNCTIONS, &observed, times, &|_| true);
    assert_eq!(ringing(&messages), ["failures"].into(), "{messages:#?}");
    let of_failures: Vec<_> = messages.iter().filter(|it| it.alarm == "failures").collect();
    let [created, rang, ended] = of_failures[..] else { panic!("{of_failures:#?}") };
    assert!(!created.rings && rang.rings && !ended.rings, "{of_failures:#?}");
    assert!(rang.at <= after(1, 3) + SignedDuration::from_mins(20), "{rang:?}");
    assert!((after(1, 4)..=after(1, 5)).contains(&ended.at), "{ended:?}");
}
