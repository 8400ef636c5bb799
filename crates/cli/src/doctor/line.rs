//! One line of the report.

use std::fmt::Write;

use landbridge_aws::inspect::CallError;
use landbridge_core::{Error, ErrorKind};
use serde::Serialize;

use super::advice;
use crate::paint::Paint;
use crate::render::printable;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckState {
    /// The check passed; shown as ✓.
    Good,
    /// The check failed; shown as ✗.
    Bad,
    /// It works, with a consequence that the operator should know; shown as !.
    Warning,
    /// The check could not run or could not decide; shown as –.
    Unchecked,
}

/// One check and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ReportLine {
    /// `files`, `aws` or `google`.
    pub(super) area: &'static str,
    /// The check's name. Scripts select lines by it, so it is stable across versions.
    pub(super) check: &'static str,
    /// The result.
    pub(super) state: CheckState,
    /// What was found.
    pub(super) found: String,
    /// Of a bad line or a warning: what to do. Of an unchecked line: how the operator can check it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl ReportLine {
    /// A check that has not run yet.
    pub(super) fn new(area: &'static str, check: &'static str) -> Self {
        Self { area, check, state: CheckState::Unchecked, found: String::new(), advice: None }
    }

    /// Records that the check passed.
    pub(super) fn good(&mut self, found: impl Into<String>) {
        (self.state, self.found, self.advice) = (CheckState::Good, found.into(), None);
    }

    /// Records that the check failed, and how to fix it.
    pub(super) fn bad(&mut self, found: impl Into<String>, advice: impl Into<String>) {
        (self.state, self.found, self.advice) =
            (CheckState::Bad, found.into(), Some(advice.into()));
    }

    /// Records a consequence that the operator should know, and what to do about it.
    pub(super) fn warn(&mut self, found: impl Into<String>, advice: impl Into<String>) {
        (self.state, self.found, self.advice) =
            (CheckState::Warning, found.into(), Some(advice.into()));
    }

    /// Records that the check could not run, and the command with which the operator can check.
    pub(super) fn unchecked(&mut self, why: impl Into<String>, manual_check: Option<String>) {
        (self.state, self.found, self.advice) = (CheckState::Unchecked, why.into(), manual_check);
    }

    /// Records that a call for a required resource of AWS failed. `manual_check` is a command that shows the resource
    /// to a caller who has the permission.
    pub(super) fn call_failed(&mut self, error: CallError, manual_check: String) {
        match error {
            CallError::MissingPermission(permission) => {
                self.unchecked(format!("these credentials lack {permission}"), Some(manual_check));
            }
            CallError::NoEndpoint(service) => self.unchecked(
                format!("AWS_ENDPOINT_URL_* replaces AWS, and {} is not set", service.variable()),
                None,
            ),
            CallError::NotFound => self.bad("it does not exist", manual_check),
            // Denied for another reason than a missing permission.
            CallError::Failed(error) if error.kind() == ErrorKind::Denied => self.failed(
                &error,
                "check that the credentials are complete and have not expired, and that the clock is correct",
            ),
            CallError::Failed(error) => self.failed(&error, advice(&error, "")),
        }
    }

    /// Records that a call of the check failed.
    pub(super) fn failed(&mut self, error: &Error, advice: impl Into<String>) {
        self.bad(error.to_string(), advice);
    }
}

/// The report as text: a heading per area, one line per check, the advice below it.
pub(super) fn render(lines: &[ReportLine]) -> String {
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
            CheckState::Good => paint.green("✓"),
            CheckState::Bad => paint.red("✗"),
            CheckState::Warning => paint.yellow("!"),
            CheckState::Unchecked => paint.dim("–"),
        };
        let _ = writeln!(text, "  {mark} {:<width$}  {}", line.check, printable(&line.found));
        if let Some(advice) = &line.advice {
            let _ = writeln!(text, "    {:<width$}  → {}", "", printable(advice));
        }
    }
    text
}
