//! EventBridge Scheduler on a virtual clock: which functions are due when.
//!
//! `landbridge_core::schedule` parses the files and decides in which minutes they fire.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan};
use landbridge_core::schedule::{self, ScheduleFile};
use serde_json::{Value, json};

use crate::databases::Deployed;
use crate::error::LocalError;

/// The order of ticks that are due in the same minute: the order of the pipeline, with the protection
/// pass before the load, which then finds the deployed contract in force.
/// (AWS guarantees no order; a local run must be repeatable.)
const PIPELINE: [&str; 7] =
    ["snapshot", "export", "transfer", "protect", "load", "views", "notify"];

/// A function to be invoked.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The function.
    pub function: String,
    /// When it was due.
    pub scheduled_time: Timestamp,
    /// The event.
    pub payload: Value,
    /// How many more times a failed invocation is attempted.
    pub retries: u32,
}

/// All schedules of one deployment.
pub struct Scheduler {
    files: Vec<ScheduleFile>,
}

impl Scheduler {
    /// Reads every `*.json` of a directory and fills in its `${variables}`.
    ///
    /// # Errors
    /// [`LocalError::Schedule`] names the file and what [`ScheduleFile::parse`] rejects.
    pub fn load(dir: &Path, variables: &BTreeMap<String, String>) -> Result<Self, LocalError> {
        let mut files = Vec::new();
        for path in json_files(dir)? {
            let text = std::fs::read_to_string(&path).map_err(LocalError::io("read", &path))?;
            let file = ScheduleFile::parse(&text, variables)
                .map_err(|message| LocalError::Schedule { file: path.clone(), message })?;
            files.push(file);
        }
        files.sort_by_key(|file| {
            let place = PIPELINE.iter().position(|name| *name == file.function);
            (place.unwrap_or(PIPELINE.len()), file.function.clone())
        });
        Ok(Self { files })
    }

    /// The schedules of all databases, each with its own hours and zone. With several, the names of the functions
    /// and the events say which database is meant.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub(crate) fn of_all(dir: &Path, deployed: &Deployed) -> Result<Self, LocalError> {
        let mut files = Vec::new();
        for database in deployed.databases.all() {
            let config = &database.config;
            let own = Self::load(dir, &schedule::variables(config))?.of(&config.functions());
            if !deployed.databases.is_many() {
                return Ok(own);
            }
            files.extend(own.files.into_iter().map(|file| {
                let mut file = file.of_database(&database.name);
                file.function = deployed.function_name(config, &file.function);
                file
            }));
        }
        Ok(Self { files })
    }

    /// Only the schedules of these functions: those that a configuration deploys.
    #[must_use]
    pub fn of(mut self, functions: &[&str]) -> Self {
        self.files.retain(|file| functions.contains(&file.function.as_str()));
        self
    }

    /// The functions that have a schedule, in the order of the pipeline.
    pub fn functions(&self) -> Vec<&str> {
        self.files.iter().map(|file| file.function.as_str()).collect()
    }

    /// The schedules as Scheduler's `GetSchedule` shows them, by the name of the function. `target` is the ARN of a
    /// function.
    pub(crate) fn described(&self, target: impl Fn(&str) -> String) -> Value {
        let schedules = self.files.iter().map(|file| {
            let schedule = json!({
                "ScheduleExpression": file.expression,
                "ScheduleExpressionTimezone": file.zone,
                "Target": {
                    "Arn": target(&file.function),
                    "Input": file.input.to_string(),
                    "RetryPolicy": {
                        "MaximumRetryAttempts": file.retries,
                        "MaximumEventAgeInSeconds": file.max_age_seconds,
                    },
                },
            });
            (file.function.clone(), schedule)
        });
        Value::Object(schedules.collect())
    }

    /// Every tick due after `from_exclusive` and up to `to_inclusive`, earliest first.
    pub fn due(&self, from_exclusive: Timestamp, to_inclusive: Timestamp) -> Vec<Tick> {
        let mut ticks = Vec::new();
        let mut minute = next_minute(from_exclusive);
        while minute <= to_inclusive {
            let due = self.files.iter().filter(|file| file.fires_at(minute));
            ticks.extend(due.map(|file| Tick {
                function: file.function.clone(),
                scheduled_time: minute,
                payload: file.event_at(minute),
                retries: file.retries,
            }));
            minute = next_minute(minute);
        }
        ticks
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
        let message = "the directory contains no schedule (*.json)".to_owned();
        return Err(LocalError::Schedule { file: dir.to_owned(), message });
    }
    Ok(files)
}

/// The full hours after `from_exclusive` and up to `to_inclusive`, for a progress display.
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
