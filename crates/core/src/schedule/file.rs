//! One file of `infra/schedules`. Terraform reads the same files; their README describes them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use super::CronExpression;
use crate::config::Config;

/// The placeholder that EventBridge Scheduler replaces with the time at which the tick was due.
const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

/// A schedule file whose `${variables}` are filled in.
#[derive(Clone, Debug)]
pub struct ScheduleFile {
    /// The function that the schedule starts.
    pub function: String,
    /// When, in EventBridge's syntax.
    pub expression: String,
    /// The IANA name of the zone in which `expression` is evaluated.
    pub zone: String,
    /// The event; its placeholders are not replaced.
    pub input: Value,
    /// How many more times a failed invocation is attempted.
    pub retries: u32,
    /// Seconds after which an event is too old for another attempt.
    pub max_age_seconds: u32,
    cron: CronExpression,
    time_zone: TimeZone,
}

/// The file's JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    function: String,
    #[serde(rename = "description")]
    _description: String,
    expression: String,
    zone: String,
    input: Value,
    retry: Retry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    maximum_retry_attempts: u32,
    maximum_event_age_seconds: u32,
}

impl ScheduleFile {
    /// Parses the text of a file and fills in its `${variables}`.
    ///
    /// # Errors
    /// One sentence about the first fault: a variable without a value, an unknown field, zone,
    /// expression or placeholder, or a retry setting outside Lambda's limits.
    pub fn parse(text: &str, variables: &BTreeMap<String, String>) -> Result<Self, String> {
        let document: Document = serde_json::from_str(&fill_template(text, variables)?)
            .map_err(|error| format!("not a schedule: {error}"))?;
        if with_time(&document.input, "").to_string().contains("<aws.scheduler.") {
            return Err(format!("`input` may use {SCHEDULED_TIME} and no other placeholder"));
        }
        // The limits of Lambda's asynchronous invocation (AWS documentation).
        if document.retry.maximum_retry_attempts > 2 {
            return Err("`maximum_retry_attempts` is at most 2".into());
        }
        if !(60..=21_600).contains(&document.retry.maximum_event_age_seconds) {
            return Err("`maximum_event_age_seconds` is between 60 and 21600".into());
        }
        Ok(Self {
            cron: CronExpression::parse(&document.expression)?,
            time_zone: TimeZone::get(&document.zone)
                .map_err(|_| format!("`{}` is not an IANA time zone", document.zone))?,
            function: document.function,
            expression: document.expression,
            zone: document.zone,
            input: document.input,
            retries: document.retry.maximum_retry_attempts,
            max_age_seconds: document.retry.maximum_event_age_seconds,
        })
    }

    /// The same schedule for one database of several: its event names it.
    #[must_use]
    pub fn of_database(mut self, name: &str) -> Self {
        self.input["database"] = name.into();
        self
    }

    /// Whether the schedule fires at this full minute. A wall-clock time that daylight saving
    /// repeats fires the first time only, and one that it skips does not fire (AWS
    /// documentation, EventBridge Scheduler, "Schedule types").
    pub fn fires_at(&self, minute: Timestamp) -> bool {
        let civil = self.time_zone.to_datetime(minute);
        self.cron.matches(civil)
            && self
                .time_zone
                .to_ambiguous_timestamp(civil)
                .compatible()
                .is_ok_and(|first| first == minute)
    }

    /// The event of the tick that was due at this time.
    pub fn event_at(&self, scheduled_time: Timestamp) -> Value {
        with_time(&self.input, &scheduled_time.to_string())
    }
}

/// The values of the `${variables}` that a schedule file may use.
pub fn variables(config: &Config) -> BTreeMap<String, String> {
    let schedule = &config.schedule;
    let pairs = [
        ("zone", schedule.zone.clone()),
        ("export_hour", schedule.export_hour.to_string()),
        ("transfer_from_hour", schedule.transfer_from_hour.to_string()),
        ("deadline_hour", schedule.deadline_hour.to_string()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Fills in the plain `${name}` form of Terraform's `templatefile`.
fn fill_template(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        let end = from.find('}').ok_or("`${` without `}`")?;
        let name = &from[2..end];
        let value = variables.get(name).ok_or_else(|| {
            let known: Vec<&str> = variables.keys().map(String::as_str).collect();
            format!("`${{{name}}}` has no value; the variables are {}", known.join(", "))
        })?;
        filled.push_str(before);
        filled.push_str(value);
        rest = &from[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The input with every placeholder, at any depth, replaced by the time.
fn with_time(input: &Value, scheduled_time: &str) -> Value {
    match input {
        Value::String(text) => Value::String(text.replace(SCHEDULED_TIME, scheduled_time)),
        Value::Array(items) => items.iter().map(|item| with_time(item, scheduled_time)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), with_time(value, scheduled_time)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "function": "export",
        "description": "…",
        "expression": "cron(0/10 ${from}-${to} * * ? *)",
        "zone": "${zone}",
        "input": { "at": "<aws.scheduler.scheduled-time>", "list": ["x<aws.scheduler.scheduled-time>", 1] },
        "retry": { "maximum_retry_attempts": 2, "maximum_event_age_seconds": 60 }
    }"#;

    fn values(zone: &str) -> BTreeMap<String, String> {
        let pairs = [("zone", zone), ("from", "1"), ("to", "2")];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_schedule_fires_at_its_times_of_the_clock() {
        let seoul = ScheduleFile::parse(FILE, &values("Asia/Seoul")).expect("a schedule");
        assert_eq!((seoul.expression.as_str(), seoul.retries), ("cron(0/10 1-2 * * ? *)", 2));
        for (minute, fires) in [
            ("2026-11-20T15:50:00Z", false),
            ("2026-11-20T16:00:00Z", true),
            ("2026-11-20T16:05:00Z", false),
            ("2026-11-20T17:50:00Z", true),
            ("2026-11-20T18:00:00Z", false),
        ] {
            assert_eq!(seoul.fires_at(at(minute)), fires, "{minute}");
        }
        // 01:30 comes twice on 1 November, and 02:30 does not come on 8 March.
        let york = ScheduleFile::parse(FILE, &values("America/New_York")).expect("a schedule");
        for (minute, fires) in [
            ("2026-11-01T05:30:00Z", true),
            ("2026-11-01T06:30:00Z", false),
            ("2026-11-01T07:30:00Z", true),
            ("2026-03-08T06:30:00Z", true),
            ("2026-03-08T07:30:00Z", false),
        ] {
            assert_eq!(york.fires_at(at(minute)), fires, "{minute}");
        }
    }

    #[test]
    fn an_event_has_the_time_in_every_place() {
        let seoul = ScheduleFile::parse(FILE, &values("Asia/Seoul")).expect("a schedule");
        assert_eq!(
            seoul.event_at(at("2026-11-20T16:00:00Z")),
            serde_json::json!({ "at": "2026-11-20T16:00:00Z", "list": ["x2026-11-20T16:00:00Z", 1] })
        );
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_reason() {
        let wrong = |from: &str, to: &str| {
            let text = FILE.replacen(from, to, 1);
            ScheduleFile::parse(&text, &values("Asia/Seoul")).expect_err("refused")
        };
        for (from, to, why) in [
            ("${zone}", "${town}", "`${town}` has no value; the variables are from, to, zone"),
            ("${zone}", "Asia/Seul", "`Asia/Seul` is not an IANA time zone"),
            ("\"function\"", "\"functions\"", "not a schedule: unknown field `functions`"),
            ("attempts\": 2", "attempts\": 3", "`maximum_retry_attempts` is at most 2"),
            (
                "seconds\": 60",
                "seconds\": 59",
                "`maximum_event_age_seconds` is between 60 and 21600",
            ),
            (
                "seconds\": 60",
                "seconds\": 21601",
                "`maximum_event_age_seconds` is between 60 and 21600",
            ),
            ("<aws.scheduler.scheduled-time>", "<aws.scheduler.execution-id>", "`input` may use"),
        ] {
            assert!(wrong(from, to).starts_with(why), "{}", wrong(from, to));
        }
        let open = ScheduleFile::parse("{ \"zone\": \"${zone", &values("Asia/Seoul"));
        assert_eq!(open.expect_err("refused"), "`${` without `}`");
    }

    #[test]
    fn the_variables_are_the_hours_and_the_zone() {
        let text = include_str!("../../../../examples/demo/landbridge.yaml");
        let config =
            crate::config::parse("landbridge.yaml", text).expect("the demo's file is valid");
        let shown: Vec<String> =
            variables(&config).iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = "deadline_hour=4 export_hour=1 transfer_from_hour=2 zone=Asia/Seoul";
        assert_eq!(shown.join(" "), expected);
    }
}
