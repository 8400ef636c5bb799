//! Progress on standard error: a bar if standard error is a terminal, otherwise one line per day.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_core::calendar::Day;
use landbridge_local::{InvocationOutcome, RunEvent};

/// Shows the simulated hours and collects the failed ticks of a day.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    zone: TimeZone,
    day: String,
    failed_ticks: Vec<String>,
}

impl Progress {
    /// A display for a number of days. It shows nothing until [`Self::start_day`].
    pub(crate) fn new(days: u16) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(u64::from(days) * 24);
            // The template is a constant. If it were invalid, the bar would keep the default style.
            if let Ok(style) =
                ProgressStyle::with_template("{msg:32} {bar:32} {pos}/{len} hours, {elapsed}")
            {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, zone: TimeZone::UTC, day: String::new(), failed_ticks: Vec::new() }
    }

    /// Starts the display of a day. Times are shown in `zone`.
    pub(crate) fn start_day(&mut self, day: Day, zone: &TimeZone) {
        self.zone = zone.clone();
        self.day = day.to_string();
        match &self.bar {
            Some(bar) => bar.set_message(self.day.clone()),
            None => write_stderr(&format!("{day}  hours")),
        }
    }

    /// Updates the display after an event of the local cloud, and records a failed tick.
    pub(crate) fn handle_event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Hour(at) => self.show_hour(*at),
            RunEvent::Started { tick, .. } => {
                if let Some(bar) = &self.bar {
                    let time = self.wall_time(tick.scheduled_time);
                    bar.set_message(format!("{} {time} {}", self.day, tick.function));
                    bar.tick();
                }
            }
            RunEvent::Finished { tick, outcome, .. } => {
                if let Some(reason) = failure_reason(outcome) {
                    let time = self.wall_time(tick.scheduled_time);
                    self.failed_ticks.push(format!("{time} {}: {reason}", tick.function));
                }
            }
        }
    }

    /// Ends the display of a day. Returns its failed ticks: time, function and reason of each.
    pub(crate) fn end_day(&mut self) -> Vec<String> {
        if self.bar.is_none() {
            write_stderr("\n");
        }
        std::mem::take(&mut self.failed_ticks)
    }

    /// Runs `write`, which writes to standard output, while the bar is hidden.
    pub(crate) fn with_bar_hidden<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn show_hour(&self, at: Timestamp) {
        match &self.bar {
            Some(bar) => bar.inc(1),
            None => write_stderr(&format!(" {}", at.to_zoned(self.zone.clone()).strftime("%H"))),
        }
    }

    /// `HH:MM` in the zone of the day.
    fn wall_time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%H:%M").to_string()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Writes text without a newline. Progress is optional, so a closed standard error is ignored.
fn write_stderr(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Why an invocation failed, in one line, or `None` if it succeeded.
pub(crate) fn failure_reason(outcome: &InvocationOutcome) -> Option<String> {
    match outcome {
        InvocationOutcome::Response(_) => None,
        InvocationOutcome::Error { kind, message } => Some(format!("{kind}: {message}")),
        InvocationOutcome::Crashed => {
            Some("the function's process exited before it responded".to_owned())
        }
        InvocationOutcome::TimedOut => Some("the function exceeded its timeout".to_owned()),
    }
}
