//! EventBridge Scheduler on a virtual clock: what fires when.
//!
//! It reads the files of `infra/schedules`, the same that Terraform reads; their
//! README describes them. The rules of time come from AWS documentation
//! (EventBridge Scheduler, "Schedule types").

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use landbridge_core::schedule::Schedule;
use serde::Deserialize;
use serde_json::Value;

use crate::error::LocalError;

/// The order of ticks that are due in the same minute: the way the data goes.
/// (In the cloud they come in any order; here a run shall be repeatable.)
const PIPELINE: [&str; 4] = ["snapshot", "export", "transfer", "load"];

/// What Scheduler replaces by the time the tick was due.
const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

/// A function to be invoked.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Which function.
    pub function: String,
    /// When it was due.
    pub scheduled_time: Timestamp,
    /// The event.
    pub payload: Value,
    /// How many more attempts a failing one gets.
    pub retries: u32,
}

/// How often a failed invocation is repeated.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    maximum_retry_attempts: u32,
    maximum_event_age_seconds: u32,
}

/// A file of `infra/schedules`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScheduleFile {
    function: String,
    #[serde(rename = "description")]
    _description: String,
    expression: String,
    zone: String,
    input: Value,
    retry: Retry,
}

/// What a file says, its variables filled in.
#[derive(Clone, Debug)]
pub struct Written {
    /// Which function it starts.
    pub function: String,
    /// When, as EventBridge writes it.
    pub expression: String,
    /// The zone of that, an IANA name.
    pub zone: String,
    /// The event, its placeholders as they stand.
    pub input: Value,
}

struct Entry {
    written: Written,
    schedule: Schedule,
    zone: TimeZone,
    retries: u32,
}

/// All schedules of one deployment.
pub struct Scheduler {
    entries: Vec<Entry>,
}

impl Scheduler {
    /// Reads every `*.json` of a directory, its `${variables}` filled in.
    ///
    /// # Errors
    /// [`LocalError::Schedule`] naming the file: a variable without a value, an unknown
    /// field, zone or expression, a placeholder this scheduler does not know.
    pub fn load(dir: &Path, variables: &BTreeMap<String, String>) -> Result<Self, LocalError> {
        let mut entries = Vec::new();
        for file in json_files(dir)? {
            let text = std::fs::read_to_string(&file).map_err(LocalError::io("read", &file))?;
            let entry = read_entry(&text, variables)
                .map_err(|message| LocalError::Schedule { file: file.clone(), message })?;
            entries.push(entry);
        }
        entries.sort_by_key(|entry| {
            let function = &entry.written.function;
            let place = PIPELINE.iter().position(|name| name == function);
            (place.unwrap_or(PIPELINE.len()), function.clone())
        });
        Ok(Self { entries })
    }

    /// The functions that have a schedule.
    pub fn functions(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| entry.written.function.as_str()).collect()
    }

    /// What the files say.
    pub fn written(&self) -> Vec<Written> {
        self.entries.iter().map(|entry| entry.written.clone()).collect()
    }

    /// Every tick due after `from` and up to `to`, earliest first.
    pub fn due(&self, from_exclusive: Timestamp, to_inclusive: Timestamp) -> Vec<Tick> {
        let mut ticks = Vec::new();
        let mut minute = next_minute(from_exclusive);
        while minute <= to_inclusive {
            let firing = self.entries.iter().filter(|entry| entry.fires_at(minute));
            ticks.extend(firing.map(|entry| entry.tick(minute)));
            minute = next_minute(minute);
        }
        ticks
    }
}

impl Entry {
    fn fires_at(&self, minute: Timestamp) -> bool {
        let civil = self.zone.to_datetime(minute);
        if !self.schedule.matches(civil) {
            return false;
        }
        // A wall-clock time that daylight saving repeats fires the first time only.
        let first = self.zone.to_ambiguous_timestamp(civil).compatible();
        first.is_ok_and(|first| first == minute)
    }

    fn tick(&self, at: Timestamp) -> Tick {
        Tick {
            function: self.written.function.clone(),
            scheduled_time: at,
            payload: fill_in(&self.written.input, &at.to_string()),
            retries: self.retries,
        }
    }
}

fn next_minute(at: Timestamp) -> Timestamp {
    let minutes = at.as_second().div_euclid(60) + 1;
    Timestamp::from_second(minutes * 60).unwrap_or(Timestamp::MAX)
}

fn json_files(dir: &Path) -> Result<Vec<PathBuf>, LocalError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(LocalError::io("list", dir))? {
        let path = entry.map_err(LocalError::io("list", dir))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        let message = "no schedule (*.json) lies in this directory".to_owned();
        return Err(LocalError::Schedule { file: dir.to_owned(), message });
    }
    Ok(files)
}

fn read_entry(text: &str, variables: &BTreeMap<String, String>) -> Result<Entry, String> {
    let file: ScheduleFile = serde_json::from_str(&fill_template(text, variables)?)
        .map_err(|error| format!("not a schedule: {error}"))?;
    if fill_in(&file.input, "").to_string().contains("<aws.scheduler.") {
        return Err(format!("`input` may use {SCHEDULED_TIME} and no other placeholder"));
    }
    // The limits of Lambda's asynchronous invocation (AWS documentation).
    if file.retry.maximum_retry_attempts > 2 {
        return Err("`maximum_retry_attempts` is at most 2".into());
    }
    if !(60..=21_600).contains(&file.retry.maximum_event_age_seconds) {
        return Err("`maximum_event_age_seconds` is between 60 and 21600".into());
    }
    Ok(Entry {
        schedule: Schedule::parse(&file.expression)?,
        zone: TimeZone::get(&file.zone)
            .map_err(|_| format!("`{}` is not an IANA time zone", file.zone))?,
        retries: file.retry.maximum_retry_attempts,
        written: Written {
            function: file.function,
            expression: file.expression,
            zone: file.zone,
            input: file.input,
        },
    })
}

/// Terraform's `templatefile`, as far as plain `${name}` goes.
fn fill_template(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        let end = from.find('}').ok_or("`${` without `}`")?;
        let name = &from[2..end];
        let value = variables.get(name).ok_or_else(|| {
            let known: Vec<&str> = variables.keys().map(String::as_str).collect();
            format!("`${{{name}}}` has no value; there are {}", known.join(", "))
        })?;
        filled.push_str(before);
        filled.push_str(value);
        rest = &from[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The input with its placeholders replaced, wherever in it they stand.
fn fill_in(input: &Value, scheduled_time: &str) -> Value {
    match input {
        Value::String(text) => Value::String(text.replace(SCHEDULED_TIME, scheduled_time)),
        Value::Array(items) => items.iter().map(|item| fill_in(item, scheduled_time)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), fill_in(value, scheduled_time)))
            .collect(),
        other => other.clone(),
    }
}

/// The full hours after `from` and up to `to`, for a display of the hours passing.
pub(crate) fn hours(from_exclusive: Timestamp, to_inclusive: Timestamp) -> Vec<Timestamp> {
    let mut hours = Vec::new();
    let first = (from_exclusive.as_second().div_euclid(3600) + 1) * 3600;
    let mut hour = Timestamp::from_second(first).unwrap_or(Timestamp::MAX);
    while hour <= to_inclusive {
        hours.push(hour);
        match hour.checked_add(1.hour()) {
            Ok(next) => hour = next,
            Err(_) => break,
        }
    }
    hours
}
