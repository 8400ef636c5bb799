use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_local::Scheduler;
use serde_json::json;

fn infra() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../infra/schedules")
}

fn variables(zone: &str) -> BTreeMap<String, String> {
    let pairs =
        [("zone", zone), ("export_hour", "1"), ("transfer_from_hour", "2"), ("deadline_hour", "4")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The ticks of one wall-clock day: function and minutes, one line per hour, or per run
/// of hours that look alike with none missing between them.
fn check(zone: &str, date: &str, expected: Expect) {
    let scheduler = Scheduler::load(&infra(), &variables(zone)).unwrap();
    let tz = TimeZone::get(zone).unwrap();
    let date: jiff::civil::Date = date.parse().unwrap();
    let start = date.to_zoned(tz.clone()).unwrap();
    let end = start.tomorrow().unwrap().timestamp();
    let before = Timestamp::from_second(start.timestamp().as_second() - 1).unwrap();
    let last = Timestamp::from_second(end.as_second() - 1).unwrap();
    let mut hours: BTreeMap<Timestamp, Vec<(String, String)>> = BTreeMap::new();
    for tick in scheduler.due(before, last) {
        assert_eq!(tick.payload, json!({"scheduled_time": tick.scheduled_time.to_string()}));
        let due = tick.scheduled_time.to_zoned(tz.clone());
        assert_eq!(due.second(), 0);
        let past = i64::from(due.minute()) * 60;
        let hour = Timestamp::from_second(tick.scheduled_time.as_second() - past).unwrap();
        let functions = hours.entry(hour).or_default();
        match functions.iter_mut().find(|(function, _)| *function == tick.function) {
            Some((_, minutes)) => minutes.push_str(&format!(",{}", due.minute())),
            None => functions.push((tick.function, due.minute().to_string())),
        }
    }
    let mut lines: Vec<(String, String, String)> = Vec::new();
    let mut previous = None;
    for (hour, functions) in hours {
        let follows = previous.replace(hour.as_second()) == Some(hour.as_second() - 3600);
        let hour = hour.to_zoned(tz.clone()).strftime("%H (%:::z)").to_string();
        let ticks: String =
            functions.iter().map(|(function, minutes)| format!(" {function} {minutes}")).collect();
        match lines.last_mut() {
            Some((_, last, same)) if follows && *same == ticks => *last = format!("..{hour}"),
            _ => lines.push((hour, String::new(), ticks)),
        }
    }
    let text: String =
        lines.iter().map(|(first, last, ticks)| format!("{first}{last}{ticks}\n")).collect();
    expected.assert_eq(&text);
}

#[test]
fn a_day_in_seoul() {
    check(
        "Asia/Seoul",
        "2026-11-21",
        expect![[r#"
            00 (+09) snapshot 0,20,40 protect 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
            01 (+09) snapshot 0,20,40 export 0,10,20,30,40,50 protect 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
            02 (+09)..04 (+09) snapshot 0,20,40 export 0,10,20,30,40,50 transfer 0,5,10,15,20,25,30,35,40,45,50,55 protect 0,5,10,15,20,25,30,35,40,45,50,55 load 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
            05 (+09)..23 (+09) snapshot 0,20,40 protect 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
        "#]],
    );
}

#[test]
fn an_hour_that_daylight_saving_skips_fires_nothing() {
    check(
        "Europe/Berlin",
        "2026-03-29",
        expect![[r#"
            00 (+01) snapshot 0,20,40 protect 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
            01 (+01) snapshot 0,20,40 export 0,10,20,30,40,50 protect 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
            03 (+02)..04 (+02) snapshot 0,20,40 export 0,10,20,30,40,50 transfer 0,5,10,15,20,25,30,35,40,45,50,55 protect 0,5,10,15,20,25,30,35,40,45,50,55 load 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
            05 (+02)..23 (+02) snapshot 0,20,40 protect 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
        "#]],
    );
}

#[test]
fn an_hour_that_daylight_saving_repeats_fires_once_and_has_two_snapshots() {
    check(
        "Europe/Berlin",
        "2026-10-25",
        expect![[r#"
            00 (+02) snapshot 0,20,40 protect 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
            01 (+02) snapshot 0,20,40 export 0,10,20,30,40,50 protect 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
            02 (+02) snapshot 0,20,40 export 0,10,20,30,40,50 transfer 0,5,10,15,20,25,30,35,40,45,50,55 protect 0,5,10,15,20,25,30,35,40,45,50,55 load 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
            02 (+01) snapshot 0,20,40
            03 (+01)..04 (+01) snapshot 0,20,40 export 0,10,20,30,40,50 transfer 0,5,10,15,20,25,30,35,40,45,50,55 protect 0,5,10,15,20,25,30,35,40,45,50,55 load 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
            05 (+01)..23 (+01) snapshot 0,20,40 protect 0,5,10,15,20,25,30,35,40,45,50,55 notify 2,7,12,17,22,27,32,37,42,47,52,57 views 4,14,24,34,44,54
        "#]],
    );
}

#[test]
fn seoul_is_nine_hours_ahead() {
    let scheduler = Scheduler::load(&infra(), &variables("Asia/Seoul")).unwrap();
    assert_eq!(
        scheduler.functions(),
        ["snapshot", "export", "transfer", "protect", "load", "views", "notify"]
    );
    // The export of 21 November starts on the 20th of the machine's clock.
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let ticks = scheduler.due(at("2026-11-20T15:59:59Z"), at("2026-11-20T16:00:00Z"));
    let names: Vec<&str> = ticks.iter().map(|tick| tick.function.as_str()).collect();
    assert_eq!(names, ["snapshot", "export", "protect"]);
    // Exclusive at one end, inclusive at the other: runs that follow each other miss and double none.
    assert!(scheduler.due(at("2026-11-20T16:02:00Z"), at("2026-11-20T16:03:59Z")).is_empty());
}

#[test]
fn errors_of_a_schedule_name_the_file_and_the_problem() {
    let check = |name: &str, change: (&str, &str), expected: Expect| {
        let dir = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(infra().join("export.json")).unwrap();
        assert!(text.contains(change.0), "{name}");
        std::fs::write(dir.path().join("export.json"), text.replace(change.0, change.1)).unwrap();
        let error = Scheduler::load(dir.path(), &variables("Asia/Seoul")).err().unwrap();
        let text = error.to_string().replace(dir.path().to_str().unwrap(), "DIR");
        expected.assert_eq(&text);
    };
    check(
        "variable",
        ("${export_hour}", "${exprot_hour}"),
        expect![
            "DIR/export.json: `${exprot_hour}` has no value; the variables are deadline_hour, export_hour, transfer_from_hour, zone"
        ],
    );
    check(
        "zone",
        ("${zone}", "Asia/Soul"),
        expect!["DIR/export.json: `Asia/Soul` is not an IANA time zone"],
    );
    check(
        "cron",
        ("* * ? *", "* * * *"),
        expect![
            "DIR/export.json: `cron(0/10 1-4 * * * *)` must have `?` in exactly one of day-of-month and day-of-week"
        ],
    );
    check(
        "placeholder",
        ("scheduled-time", "execution-id"),
        expect![
            "DIR/export.json: `input` may use <aws.scheduler.scheduled-time> and no other placeholder"
        ],
    );
    check(
        "field",
        ("\"retry\"", "\"retries\""),
        expect![
            "DIR/export.json: not a schedule: unknown field `retries`, expected one of `function`, `description`, `expression`, `zone`, `input`, `retry` at line 7 column 11"
        ],
    );
    check(
        "retries",
        ("attempts\": 2", "attempts\": 185"),
        expect!["DIR/export.json: `maximum_retry_attempts` is at most 2"],
    );
}
