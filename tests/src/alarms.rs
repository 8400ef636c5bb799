//! The alarms of `infra/alarms.json`, evaluated as CloudWatch does (Amazon CloudWatch User Guide, "Alarm
//! evaluation" and "Configuring how CloudWatch alarms treat missing data"):
//!
//! - Values are aggregated over periods; complete periods count.
//! - CloudWatch looks at more periods than the alarm evaluates, the *evaluation range*. Its length is not
//!   documented, except by an example: five for three.
//! - If the range has enough values, the newest ones decide, and missing ones do not matter, even if the
//!   newest periods are the missing ones. Otherwise missing values count as the alarm says.
//!
//! What is not modelled: metrics that arrive late, and the rule that delays an alarm whose only breaching
//! value is about to leave the range.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Periods that CloudWatch looks at in addition to those that the alarm evaluates.
const RANGE_BEYOND: i64 = 2;

/// `infra/alarms.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmFile {
    log_metrics: BTreeMap<String, LogMetric>,
    alarms: BTreeMap<String, Alarm>,
    /// The alarms that exist only with the function `notify`.
    alarms_of_notify: BTreeMap<String, Alarm>,
    /// The alarms that exist only with `transfer.fan_out`.
    #[serde(rename = "alarms_of_fan_out")]
    _alarms_of_fan_out: BTreeMap<String, Alarm>,
    /// The alarms that have no actions with the function `notify`.
    silent_with_notify: BTreeSet<String>,
}

/// Log lines that become values of a metric.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogMetric {
    function: String,
    pattern: String,
    value: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alarm {
    #[serde(rename = "description")]
    _description: String,
    metric: Metric,
    statistic: Statistic,
    period: i64,
    periods: i64,
    datapoints: usize,
    comparison: Comparison,
    threshold: f64,
    missing: Missing,
}

/// A metric: of log lines, of a function, or of the queue of failed events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    of: String,
    name: String,
    #[serde(default)]
    function: String,
    /// The queue, if it is not that of failed events.
    #[serde(default)]
    queue: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Statistic {
    Sum,
    Maximum,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Comparison {
    GreaterThanThreshold,
    LessThanThreshold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Missing {
    #[serde(rename = "missing")]
    NoData,
    NotBreaching,
    Breaching,
}

/// An alarm's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    Alarm,
    InsufficientData,
}

/// A message of an alarm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// When.
    pub at: Timestamp,
    /// The alarm's name without its prefix.
    pub alarm: String,
    /// Whether the alarm rings; otherwise it has ended.
    pub rings: bool,
}

/// The values that were observed, by metric and time.
#[derive(Debug, Default)]
pub struct Observed(BTreeMap<Metric, Vec<(i64, f64)>>);

impl Observed {
    fn add(&mut self, of: &str, name: &str, function: &str, at: Timestamp, value: f64) {
        let metric = Metric {
            of: of.into(),
            name: name.into(),
            function: function.into(),
            queue: String::new(),
        };
        self.0.entry(metric).or_default().push((at.as_second(), value));
    }

    /// An invocation of a function.
    pub fn invocation(&mut self, function: &str, at: Timestamp) {
        self.add("function", "Invocations", function, at, 1.0);
    }

    /// An event that failed after all retries.
    pub fn failed_event(&mut self, at: Timestamp) {
        self.add("queue", "NumberOfMessagesSent", "", at, 1.0);
    }

    /// A log line of a function, if it becomes a value of a metric.
    pub fn log_line(&mut self, file: &AlarmFile, function: &str, at: Timestamp, line: &Value) {
        for (name, metric) in &file.log_metrics {
            if metric.function != "*" && metric.function != function {
                continue;
            }
            if let Some(value) = metric.value_of(line) {
                self.add("log", name, "", at, value);
            }
        }
    }
}

/// The value at a path such as `$.fields.alert`.
fn at_path<'a>(line: &'a Value, path: &str) -> Option<&'a Value> {
    path.strip_prefix("$.")?.split('.').try_fold(line, |value, key| value.get(key))
}

impl LogMetric {
    /// The value of the line, if the pattern matches. The two forms that the file uses: `{ $.a = "*" }`,
    /// a text, and `{ $.a >= 0 }`, a number.
    fn value_of(&self, line: &Value) -> Option<f64> {
        let pattern = self.pattern.strip_prefix("{ ")?.strip_suffix(" }")?;
        let (path, test) = pattern.split_once(' ').expect("a path and a test");
        let found = at_path(line, path)?;
        let matches = match test {
            "= \"*\"" => found.is_string(),
            ">= 0" => found.as_f64().is_some_and(|value| value >= 0.0),
            other => panic!("the pattern {other} is not implemented"),
        };
        if !matches {
            return None;
        }
        self.value.parse().ok().or_else(|| at_path(line, &self.value)?.as_f64())
    }
}

impl AlarmFile {
    /// Reads the file's text. Its variables appear in descriptions only.
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).expect("infra/alarms.json")
    }

    /// How many alarms and how many metrics from logs there are, with or without the function `notify`.
    pub fn count(&self, notify: bool) -> (usize, usize) {
        let alarms = self.alarms.len() + if notify { self.alarms_of_notify.len() } else { 0 };
        let metrics = self.log_metrics.values().filter(|it| notify || it.function != "notify");
        (alarms, metrics.count())
    }

    /// All alarms by name.
    fn alarms(&self, functions: &[&str]) -> BTreeMap<String, Alarm> {
        let mut all = self.alarms.clone();
        if functions.contains(&"notify") {
            all.extend(self.alarms_of_notify.clone());
            all.retain(|name, _| !self.silent_with_notify.contains(name));
        }
        all
    }

    /// The messages of all alarms between two times, in order. The alarms are created at `from`; while
    /// `enabled` is false their actions are disabled, so they send nothing.
    pub fn messages(
        &self,
        functions: &[&str],
        observed: &Observed,
        (from, until): (Timestamp, Timestamp),
        enabled: &dyn Fn(Timestamp) -> bool,
    ) -> Vec<Message> {
        let mut messages = Vec::new();
        for (name, alarm) in self.alarms(functions) {
            let none = Vec::new();
            let points = alarm.aggregate(observed.0.get(&alarm.metric).unwrap_or(&none));
            let mut state = State::InsufficientData;
            for second in (from.as_second()..=until.as_second()).step_by(60) {
                let next = alarm.evaluate(&points, second);
                let at = Timestamp::from_second(second).expect("a time");
                if next != state && enabled(at) {
                    let rings = next == State::Alarm
                        || next == State::InsufficientData && alarm.missing == Missing::NoData;
                    messages.push(Message { at, alarm: name.clone(), rings });
                }
                state = next;
            }
        }
        messages.sort();
        messages
    }
}

impl Alarm {
    /// The values by the number of their period.
    fn aggregate(&self, values: &[(i64, f64)]) -> BTreeMap<i64, f64> {
        let mut points = BTreeMap::new();
        for (second, value) in values {
            points
                .entry(second.div_euclid(self.period))
                .and_modify(|known: &mut f64| match self.statistic {
                    Statistic::Sum => *known += value,
                    Statistic::Maximum => *known = known.max(*value),
                })
                .or_insert(*value);
        }
        points
    }

    fn evaluate(&self, points: &BTreeMap<i64, f64>, now: i64) -> State {
        let current = now.div_euclid(self.period);
        let range = current - self.periods - RANGE_BEYOND..current;
        let mut real: Vec<f64> = points.range(range).rev().map(|(_, value)| *value).collect();
        if real.is_empty() && self.missing == Missing::NoData {
            return State::InsufficientData;
        }
        // Not breaching, or not counted at all, is the same here.
        let periods = usize::try_from(self.periods).expect("a small number");
        real.truncate(periods);
        let missing = if self.missing == Missing::Breaching { periods - real.len() } else { 0 };
        let breaching = real.iter().filter(|value| match self.comparison {
            Comparison::GreaterThanThreshold => **value > self.threshold,
            Comparison::LessThanThreshold => **value < self.threshold,
        });
        if breaching.count() + missing >= self.datapoints { State::Alarm } else { State::Ok }
    }
}

/// The alarms that ring, by name.
pub fn ringing(messages: &[Message]) -> BTreeSet<&str> {
    messages.iter().filter(|message| message.rings).map(|message| message.alarm.as_str()).collect()
}
