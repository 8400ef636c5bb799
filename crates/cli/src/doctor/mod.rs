//! `landbridge doctor`: checks the configuration files and both clouds and prints one line per check.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command and its report |
//! | `line` | one line of the report: good, bad or not checked, and what to do |
//! | `files` | checks of `landbridge.yaml`, `contract.yaml` and the schedule files |
//! | `aws` | checks of account, source, quota, export bucket, last export, token key, snapshots, clock |
//! | `source` | checks of the source: status, storage, what snapshots do to it, automated backups |
//! | `role`, `key`, `schedules` | checks of the export role, the export key and the deployed schedules |
//! | `sign` | checks of the key that signs days |
//! | `memory` | compares the memory of the functions with the size of the contract |
//! | `workers` | checks the queue of the workers and what starts them |
//! | `google` | checks of access token, landing bucket, datasets, policy tags and permissions |
//! | `project` | checks of quota project, enabled APIs, taxonomies, masks and organisation policies |
//! | `bucket_readers` | checks who may read the landing bucket |
//!
//! The calls of AWS are in `landbridge_aws::inspect`, the rules of its policies in `landbridge_core::iam`.
//!
//! Every check only reads; no check changes a resource.

mod aws;
mod bucket_readers;
mod files;
mod google;
mod key;
mod line;
mod memory;
mod project;
mod role;
mod schedules;
mod sign;
mod source;
mod workers;

use std::path::PathBuf;

use clap::Args;
use landbridge_core::access::Deployment;
use landbridge_core::{Error, ErrorKind};
use landbridge_gcp::error::ApiDisabled;
use serde::Serialize;

use crate::databases;
use crate::failure::{Failure, Result};
use crate::render::{self, counted};
use landbridge_cli_support::args::{FileArgs, Output};
use landbridge_cli_support::files::NamesDatabase;

pub(crate) use google::tags_by_class;
use line::{CheckState, ReportLine};

/// Check the files and both clouds, before or after `terraform apply`; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge doctor --before-apply
  landbridge doctor
  landbridge doctor --output json

Each line is ✓ good, ✗ bad with the fix, ! a warning with the consequence, or – not checked with the
reason. The exit code is 1 if at least one line is bad. With --before-apply, resources that Terraform creates may be missing.

Credentials come from the environment, as for any AWS or Google client; results about permissions
apply to these credentials. To check federation and the permissions of the function load, set that
function's LANDBRIDGE_GCP_CREDENTIALS, LANDBRIDGE_POLICY_TAGS and the AWS credentials of its role.
For the local cloud:
  . .landbridge/local.env")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Accept that resources which Terraform creates do not exist yet
    #[arg(long)]
    before_apply: bool,
    /// Directory of the schedule files [default: infra/schedules here or in a parent directory]
    #[arg(long, value_name = "DIR")]
    schedules: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// The report: the result of every check. Its fields are the keys of `--output json`.
#[derive(Serialize)]
struct Report {
    ok: bool,
    good: usize,
    bad: usize,
    warnings: usize,
    unchecked: usize,
    lines: Vec<ReportLine>,
}

/// Whether the checks run before or after `terraform apply`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Phase {
    /// Resources that Terraform creates may be missing.
    before_apply: bool,
}

impl Phase {
    /// The line for a resource that does not exist.
    fn missing(self, mut line: ReportLine, what: &str, advice: &str) -> ReportLine {
        if self.before_apply {
            line.unchecked(format!("{what}; `terraform apply` creates it"), None);
        } else {
            line.bad(what.to_owned(), advice);
        }
        line
    }
}

/// Runs the command.
pub(crate) async fn run(args: DoctorArgs) -> Result {
    // A file that cannot be read is a line of the report.
    let Ok(_) = args.files.each() else { return check(&args, &args.files).await };
    databases::each(&args.files, args.output, async |of| check(&args, of).await).await
}

/// Checks one database.
async fn check(args: &DoctorArgs, of: &FileArgs) -> Result {
    let phase = Phase { before_apply: args.before_apply };
    let schedules = args.schedules.clone().unwrap_or_else(files::default_schedules_dir);
    let (mut lines, files) = files::check(of, &schedules);
    let readable = files.is_some();
    if let Some(files) = &files {
        let deployment = match of.read_all() {
            Ok(databases) => Deployment::of(&databases),
            Err(_) => Deployment::of_one(&files.config),
        };
        let (aws, google) = tokio::join!(
            aws::check(files, phase),
            google::check(&files.config, files.contract.as_ref(), &deployment, phase)
        );
        lines.extend(aws);
        lines.extend(google);
    }
    let count = |state| lines.iter().filter(|line| line.state == state).count();
    let (good, bad) = (count(CheckState::Good), count(CheckState::Bad));
    let (warnings, unchecked) = (count(CheckState::Warning), count(CheckState::Unchecked));
    let report = Report { ok: bad == 0, good, bad, warnings, unchecked, lines };
    match args.output {
        Output::Json => render::json(&report)?,
        Output::Text => {
            render::print(&line::render(&report.lines))?;
            let total = counted(report.lines.len(), "check");
            let warnings = counted(warnings, "warning");
            render::print(&format!(
                "{total}: {good} good, {bad} bad, {warnings}, {unchecked} not checked"
            ))?;
        }
    }
    match (readable, bad) {
        // Without a valid landbridge.yaml, no other check can run.
        (false, _) => Err(Failure::Reported),
        (true, 0) => Ok(()),
        (true, bad) => Err(Failure::Failed(format!(
            "{} of {} failed",
            bad,
            counted(report.lines.len(), "check")
        ))),
    }
}

/// The next step after a failed call. `permission` is the permission that the call needs.
fn advice(error: &Error, permission: &str) -> String {
    if let Some(disabled) = ApiDisabled::cause_of(error) {
        let service = &disabled.service;
        return format!(
            "gcloud services enable {service} --project PROJECT, and wait a few minutes; \
             `terraform apply` enables the APIs of the module gcp"
        );
    }
    match error.kind() {
        ErrorKind::Denied => {
            format!("grant the credentials of this shell the permission {permission}")
        }
        kind if kind.is_transient() => {
            "check that this machine can reach the service, then run the command again".to_owned()
        }
        kind => kind.policy().operator.to_owned(),
    }
}
