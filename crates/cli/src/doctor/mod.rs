//! `landbridge doctor`: whether both clouds are as they must be, line by line.
//!
//! | module | what it holds |
//! |---|---|
//! | here | the command |
//! | `line` | one line: good, bad or not checked, and what to do |
//! | `files` | the two files and the schedules |
//! | `aws` | account, source, quota, bucket, the last export, snapshots, clock |
//! | `role`, `key`, `schedules` | IAM's role of exports, KMS's key, EventBridge's schedules |
//! | `signed`, `service`, `answer` | how those three services are asked, where, and what they answer |
//! | `document`, `pattern` | IAM documents, read plainly |
//! | `google` | tokens, landing bucket, datasets, policy tags, rights |
//!
//! Nothing is changed: every check only reads.

mod answer;
mod aws;
mod document;
mod files;
mod google;
mod key;
mod line;
mod pattern;
mod role;
mod schedules;
mod service;
mod signed;

use std::path::PathBuf;

use clap::Args;
use landbridge_core::{Error, ErrorKind};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::render::{self, counted};
use landbridge_cli_support::args::{FileArgs, Output};

use line::{Line, State};

/// Check both clouds end to end, before and after they are made; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge doctor --before-apply
  landbridge doctor
  landbridge doctor --output json

Each line is ✓ good, ✗ bad with what to do, or – not checked with the reason. One that is bad ends
with exit code 1. What Terraform makes may be missing with --before-apply.

Credentials come from the environment, as for any client of AWS and Google; what is told of rights is
told of them. With the variables of the function load (LANDBRIDGE_GCP_CREDENTIALS,
LANDBRIDGE_POLICY_TAGS and its role's AWS credentials) federation and its rights are checked as well.
For the local cloud:
  . .landbridge/local.env")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    files: FileArgs,
    /// What Terraform is going to make need not be there yet
    #[arg(long)]
    before_apply: bool,
    /// The schedules that are deployed [default: infra/schedules here or in a folder above]
    #[arg(long, value_name = "DIR")]
    schedules: Option<PathBuf>,
    /// How the lines are shown
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What was found.
#[derive(Serialize)]
struct Report {
    ok: bool,
    good: usize,
    bad: usize,
    unchecked: usize,
    lines: Vec<Line>,
}

/// Whether the checks run before or after `terraform apply`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Phase {
    /// Resources that Terraform creates may be missing.
    before_apply: bool,
}

impl Phase {
    /// The line for a resource that does not exist.
    fn missing(self, mut line: Line, what: &str, advice: &str) -> Line {
        if self.before_apply {
            line.unchecked(format!("{what}; `terraform apply` makes it"), None);
        } else {
            line.bad(what.to_owned(), advice);
        }
        line
    }
}

/// Runs the command.
pub(crate) async fn run(args: DoctorArgs) -> Result {
    let phase = Phase { before_apply: args.before_apply };
    let schedules = args.schedules.unwrap_or_else(files::schedules);
    let (mut lines, files) = files::check(&args.files, &schedules);
    let readable = files.is_some();
    if let Some(files) = &files {
        let (aws, google) = tokio::join!(
            aws::check(files, phase),
            google::check(&files.config, files.contract.as_ref(), phase)
        );
        lines.extend(aws);
        lines.extend(google);
    }
    let count = |state| lines.iter().filter(|line| line.state == state).count();
    let (good, bad, unchecked) = (count(State::Good), count(State::Bad), count(State::Unchecked));
    let report = Report { ok: bad == 0, good, bad, unchecked, lines };
    match args.output {
        Output::Json => render::json(&report)?,
        Output::Text => {
            render::print(&line::text(&report.lines))?;
            let of = counted(report.lines.len(), "check");
            render::print(&format!("{of}: {good} good, {bad} bad, {unchecked} not checked"))?;
        }
    }
    match (readable, bad) {
        // Without the files nothing else could be looked at.
        (false, _) => Err(Failure::Reported),
        (true, 0) => Ok(()),
        (true, bad) => Err(Failure::Failed(format!(
            "{} of {} failed",
            bad,
            counted(report.lines.len(), "check")
        ))),
    }
}

/// What can be done about an error that is not about the thing that was looked for.
fn advice(error: &Error, right: &str) -> String {
    match error.kind() {
        ErrorKind::Denied => format!("give the credentials of this shell the right {right}"),
        kind if kind.is_transient() => "see that this machine reaches it, and try again".to_owned(),
        kind => kind.policy().operator.to_owned(),
    }
}
