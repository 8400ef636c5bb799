//! One line of the report.

use std::fmt::Write;

use landbridge_core::Error;
use serde::Serialize;

use crate::paint::Paint;
use crate::render::printable;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// ✓
    Good,
    /// ✗
    Bad,
    /// –
    Unchecked,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    /// Where: `files`, `aws`, `google`.
    pub(super) area: &'static str,
    /// What was looked at; stays the same from version to version.
    pub(super) check: &'static str,
    /// How it ended.
    pub(super) state: State,
    /// What was found.
    pub(super) found: String,
    /// What to do, of a bad one; how to look for oneself, of one that is not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Line {
    /// A check that nobody has looked into yet.
    pub(super) fn new(area: &'static str, check: &'static str) -> Self {
        Self { area, check, state: State::Unchecked, found: String::new(), advice: None }
    }

    /// It is as it should be.
    pub(super) fn good(&mut self, found: impl Into<String>) {
        (self.state, self.found, self.advice) = (State::Good, found.into(), None);
    }

    /// It is not, and this is what to do.
    pub(super) fn bad(&mut self, found: impl Into<String>, advice: impl Into<String>) {
        (self.state, self.found, self.advice) = (State::Bad, found.into(), Some(advice.into()));
    }

    /// It could not be looked at, and this is how a person can.
    pub(super) fn unchecked(&mut self, why: impl Into<String>, look: Option<String>) {
        (self.state, self.found, self.advice) = (State::Unchecked, why.into(), look);
    }

    /// Looking at it failed.
    pub(super) fn failed(&mut self, error: &Error, advice: impl Into<String>) {
        self.bad(error.to_string(), advice);
    }
}

/// All lines, by area.
pub(super) fn text(lines: &[Line]) -> String {
    let paint = Paint::stdout();
    let width = lines.iter().map(|line| line.check.chars().count()).max().unwrap_or(0);
    let (mut text, mut area) = (String::new(), "");
    for line in lines {
        if line.area != area {
            area = line.area;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", paint.bold(area));
        }
        let mark = match line.state {
            State::Good => paint.green("✓"),
            State::Bad => paint.red("✗"),
            State::Unchecked => paint.dim("–"),
        };
        let _ = writeln!(text, "  {mark} {:<width$}  {}", line.check, printable(&line.found));
        if let Some(advice) = &line.advice {
            let _ = writeln!(text, "    {:<width$}  → {}", "", printable(advice));
        }
    }
    text
}
