//! The hours as they pass: a moving bar where standard error is a terminal, else a line
//! a day.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_core::calendar::Day;
use landbridge_local::{InvocationOutcome, RunEvent};

/// What is shown while time passes.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    zone: TimeZone,
    day: String,
    troubles: Vec<String>,
}

impl Progress {
    /// A display of so many days. Nothing is shown yet.
    pub(crate) fn new(days: u16) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(u64::from(days) * 24);
            // The template is fixed text; a wrong one would only cost the looks.
            if let Ok(style) =
                ProgressStyle::with_template("{msg:32} {bar:32} {pos}/{len} hours, {elapsed}")
            {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, zone: TimeZone::UTC, day: String::new(), troubles: Vec::new() }
    }

    /// A day begins.
    pub(crate) fn day(&mut self, day: Day, zone: &TimeZone) {
        self.zone = zone.clone();
        self.day = day.to_string();
        match &self.bar {
            Some(bar) => bar.set_message(self.day.clone()),
            None => show(&format!("{day}  hours")),
        }
    }

    /// Something happened.
    pub(crate) fn see(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Hour(at) => self.hour(*at),
            RunEvent::Started { tick, .. } => {
                if let Some(bar) = &self.bar {
                    let at = self.clock(tick.scheduled_time);
                    bar.set_message(format!("{} {at} {}", self.day, tick.function));
                    bar.tick();
                }
            }
            RunEvent::Finished { tick, outcome, .. } => {
                if let Some(why) = problem(outcome) {
                    let at = self.clock(tick.scheduled_time);
                    self.troubles.push(format!("{at} {}: {why}", tick.function));
                }
            }
        }
    }

    /// The day is over. What went wrong in it, tick by tick.
    pub(crate) fn day_over(&mut self) -> Vec<String> {
        if self.bar.is_none() {
            show("\n");
        }
        std::mem::take(&mut self.troubles)
    }

    /// Writes to standard output without tearing the bar.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn hour(&self, at: Timestamp) {
        match &self.bar {
            Some(bar) => bar.inc(1),
            None => show(&format!(" {}", at.to_zoned(self.zone.clone()).strftime("%H"))),
        }
    }

    fn clock(&self, at: Timestamp) -> String {
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

/// Part of a line. A standard error that is gone is nobody's loss.
fn show(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Why an invocation was none that counts, in one line.
pub(crate) fn problem(outcome: &InvocationOutcome) -> Option<String> {
    match outcome {
        InvocationOutcome::Response(_) => None,
        InvocationOutcome::Error { kind, message } => Some(format!("{kind}: {message}")),
        InvocationOutcome::Crashed => Some("the process ended before it answered".to_owned()),
        InvocationOutcome::TimedOut => Some("it took too long".to_owned()),
    }
}
