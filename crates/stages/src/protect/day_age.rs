//! How old the newest published day is, in every tick's log: two numbers from which CloudWatch makes
//! metrics. The alarms `unpublished` and `no-day` (`infra/alarms.json`) read them, so that they begin and
//! end with the fact itself, also if the stage load was never started.
//!
//! A deployment that was just created or resumed has no day yet and owes none: what counts is only the
//! time since the functions run without a pause, which `running.json` records.

use jiff::{SignedDuration, Timestamp};
use landbridge_core::Result;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_ledger::SourceLedger;
use landbridge_ledger::records::{DAY, RUNNING, RunningRecord};

use crate::{Context, Tick};

/// How often the record is written: each write costs, and a pause is measured in hours.
const RECORD_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// After this long without a record the functions were paused, and the time starts again. More than
/// [`RECORD_EVERY`], so that some missed ticks are not a pause.
const PAUSED_AFTER: SignedDuration = SignedDuration::from_hours(2);
/// The days in which the newest published one is looked for: today and the two before. An older one is
/// late in any case.
const DAYS: usize = 3;

/// The two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DayAge {
    /// Full hours since a day was published, or since the functions run, whichever is later.
    hours_without_day: i64,
    /// Whether the newest day whose deadline has passed should be published and is not, nor is a newer one.
    overdue: bool,
}

/// Logs the two numbers. A tick with an earlier time than another one logs nothing.
///
/// # Errors
/// Any ledger error.
pub(super) async fn report(context: &Context, tick: Tick) -> Result<()> {
    let Some(running_since) = running_since(&context.ledger.source(), tick.now).await? else {
        return Ok(());
    };
    let days = newest_days(&context.calendar, tick.now);
    let mut published = None;
    for day in &days {
        let record = context.ledger(*day).value(&DAY).await?;
        if let Some(record) = record.filter(|record| record.published) {
            published = Some((*day, record.finished_at));
            break;
        }
    }
    let due_at = |day| context.deadline(day).start();
    let age = day_age(&context.calendar, due_at, tick.now, running_since, published);
    tracing::info!(
        hours_without_day = age.hours_without_day,
        day_overdue = i64::from(age.overdue),
        "age of the newest published day"
    );
    Ok(())
}

/// Since when the functions run without a pause; `None` if the record is from a later tick.
async fn running_since(ledger: &SourceLedger, now: Timestamp) -> Result<Option<Timestamp>> {
    let Some(recorded) = ledger.get(&RUNNING).await? else {
        let first = RunningRecord { since: now, seen: now };
        return Ok(Some(ledger.create_or_get(&RUNNING, &first).await?.value.since));
    };
    let RunningRecord { since, seen } = recorded.value;
    let silent = now.duration_since(seen);
    if silent.is_negative() {
        return Ok(None);
    }
    let since = if silent > PAUSED_AFTER { now } else { since };
    if silent >= RECORD_EVERY {
        // If another tick has written meanwhile, its record says the same.
        ledger.replace(&RUNNING, &recorded.etag, &RunningRecord { since, seen: now }).await?;
    }
    Ok(Some(since))
}

/// Today and the days before, newest first.
fn newest_days(calendar: &Calendar, now: Timestamp) -> Vec<Day> {
    std::iter::successors(Some(calendar.day_of(now)), |day| day.before()).take(DAYS).collect()
}

fn day_age(
    calendar: &Calendar,
    due_at: impl Fn(Day) -> Timestamp,
    now: Timestamp,
    running_since: Timestamp,
    published: Option<(Day, Timestamp)>,
) -> DayAge {
    let days = newest_days(calendar, now);
    let before = days.last().and_then(|day| day.before());
    let oldest = before.map_or(now, |before| calendar.end_of(before));
    let latest = published.map_or(oldest, |(_, at)| at);
    let hours = now.duration_since(latest.max(running_since)).as_hours().max(0);
    let due = days.into_iter().find(|day| due_at(*day) <= now);
    let overdue = due.is_some_and(|due| {
        // A day whose export hour was missed because nothing ran is not owed.
        running_since <= calendar.export_hour(due).start()
            && published.is_none_or(|(published, _)| published < due)
    });
    DayAge { hours_without_day: hours, overdue }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_overdue_from_its_deadline_until_it_or_a_newer_one_is_published() {
        let calendar = Calendar::new("Asia/Seoul", 1).unwrap();
        let at = |text: &str| {
            format!("{text}:00[Asia/Seoul]").parse::<jiff::Zoned>().unwrap().timestamp()
        };
        let cases = [
            // now, running since, the newest published day and when: hours, overdue
            ("2026-11-21T10:00", "2026-11-21T10:00", None, (0, false)),
            ("2026-11-22T03:55", "2026-11-21T10:00", None, (17, false)),
            ("2026-11-22T04:00", "2026-11-21T10:00", None, (18, true)),
            (
                "2026-11-22T04:00",
                "2026-11-21T10:00",
                Some(("2026-11-22", "2026-11-22T02:30")),
                (1, false),
            ),
            // Enabled after the export hour: the first day is the next one.
            ("2026-11-22T04:00", "2026-11-22T01:05", None, (2, false)),
            (
                "2026-11-23T03:59",
                "2026-11-22T02:30",
                Some(("2026-11-22", "2026-11-22T02:30")),
                (25, false),
            ),
            (
                "2026-11-23T04:00",
                "2026-11-22T02:30",
                Some(("2026-11-22", "2026-11-22T02:30")),
                (25, true),
            ),
            // It stays overdue over midnight, until its own day is published late or the next one is.
            (
                "2026-11-24T00:10",
                "2026-11-20T00:00",
                Some(("2026-11-22", "2026-11-22T02:30")),
                (45, true),
            ),
            (
                "2026-11-24T00:15",
                "2026-11-20T00:00",
                Some(("2026-11-23", "2026-11-24T00:12")),
                (0, false),
            ),
            (
                "2026-11-24T02:40",
                "2026-11-20T00:00",
                Some(("2026-11-24", "2026-11-24T02:35")),
                (0, false),
            ),
            // After days without any: at least two days.
            ("2026-11-24T05:00", "2026-11-01T00:00", None, (53, true)),
            // A week's pause.
            ("2026-11-24T12:00", "2026-11-24T11:00", None, (1, false)),
        ];
        for (now, since, published, (hours_without_day, overdue)) in cases {
            let published =
                published.map(|(day, when): (&str, &str)| (day.parse().unwrap(), at(when)));
            let due_at = |day| calendar.hour_at(day, 4).start();
            let age = day_age(&calendar, due_at, at(now), at(since), published);
            assert_eq!(age, DayAge { hours_without_day, overdue }, "{now} {since} {published:?}");
        }
    }
}
