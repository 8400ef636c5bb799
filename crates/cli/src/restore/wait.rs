//! Waits for the status of a database and shows the progress.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use landbridge_aws::rds::{Database, is_wrong_state};
use landbridge_core::config::SourceKind;
use landbridge_core::{Error, ErrorKind};

use super::{RestoreContext, rds_failure};
use crate::failure::{Failure, Result};

/// The pause before the second call; each further pause is 1.5 times as long, up to
/// [`LONGEST_PAUSE`]. Short operations end without delay, and half an hour takes about 130 calls.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long the command waits for one operation of RDS.
const TIME_LIMIT: Duration = Duration::from_secs(6 * 3600);
/// How many calls in a row may fail with a transient error.
const MAX_TRANSIENT_FAILURES: usize = 20;

/// States that RDS never leaves without help (RDS User Guide, "Viewing DB instance status").
const FINAL_STATES: [&str; 10] = [
    "failed",
    "incompatible-restore",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-create",
    "insufficient-capacity",
    "inaccessible-encryption-credentials",
    "restore-error",
    "storage-full",
];

/// How often in a row RDS may refuse a call because of the database's state although it reports
/// `available`: with the pauses between, about four minutes.
const MAX_REFUSALS: usize = 20;

/// States that RDS leaves by itself within minutes, and in which it accepts no modification (RDS User
/// Guide, "Viewing DB instance status"). `storage-optimization` is not one of them: it can last days.
const PASSING_STATES: [&str; 11] = [
    "backing-up",
    "configuring-enhanced-monitoring",
    "configuring-iam-database-auth",
    "configuring-log-exports",
    "creating",
    "maintenance",
    "modifying",
    "rebooting",
    "renaming",
    "resetting-master-credentials",
    "starting",
];

/// Whether RDS leaves this state by itself within minutes.
pub(super) fn is_passing(status: &str) -> bool {
    PASSING_STATES.contains(&status)
}

/// Shows on standard error what the command waits for: an animated line on a terminal, else one line
/// per change.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    last: String,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, last: String::new() }
    }

    /// Shows the current step.
    pub(crate) fn show(&mut self, text: &str) {
        if self.last == text {
            return;
        }
        text.clone_into(&mut self.last);
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Reads a database until `is_done` accepts it; `None` means that it does not exist. Transient errors
/// (throttling, a lost connection) are retried.
///
/// # Errors
/// `Failed` if the database is in one of [`FINAL_STATES`] or the time limit has passed; otherwise the
/// RDS error.
pub(super) async fn until(
    context: &RestoreContext,
    kind: SourceKind,
    id: &str,
    progress: &mut Progress,
    is_done: impl Fn(Option<&Database>) -> bool,
) -> Result<Option<Database>> {
    let started_at = Instant::now();
    let (mut pause, mut failed) = (FIRST_PAUSE, 0);
    loop {
        match context.aws.rds.database(kind, id).await {
            Ok(seen) => {
                failed = 0;
                if is_done(seen.as_ref()) {
                    return Ok(seen);
                }
                let status = seen.as_ref().map_or("not found yet", |it| it.status.as_str());
                progress.show(&format!("{id} is {status}"));
                if FINAL_STATES.contains(&status) {
                    return Err(Failure::Failed(format!(
                        "{id} is {status}, a state that RDS does not leave automatically. See its \
                         events in the RDS console; the source was not changed"
                    )));
                }
            }
            Err(error) if error.kind().is_transient() && failed < MAX_TRANSIENT_FAILURES => {
                failed += 1;
                progress.show(&format!("{id}: {error}; retrying"));
            }
            Err(error) => return Err(rds_failure(error)),
        }
        if started_at.elapsed() > TIME_LIMIT {
            return Err(Failure::Failed(format!(
                "{id} was not ready after {} hours. Check its events in the RDS console, then run the \
                 same command again to continue waiting",
                TIME_LIMIT.as_secs() / 3600
            )));
        }
        tokio::time::sleep(pause).await;
        pause = pause.mul_f32(1.5).min(LONGEST_PAUSE);
    }
}

/// Waits until a database is `available`.
pub(super) async fn available(
    context: &RestoreContext,
    kind: SourceKind,
    id: &str,
    progress: &mut Progress,
) -> Result<Database> {
    let is_available = |it: Option<&Database>| it.is_some_and(|it| it.status == "available");
    let seen = until(context, kind, id, progress, is_available).await?;
    seen.ok_or_else(|| Failure::Failed(format!("{id} does not exist: it was deleted or renamed")))
}

/// Makes a call that RDS accepts only while the database is `available`. RDS reports `available` after
/// a restore or a rename and then goes on to `backing-up` or `modifying`: when it refuses the call
/// because of the state, this waits and repeats the call.
///
/// # Errors
/// As [`until`]; the error of the call, mapped by `failure`.
pub(super) async fn call_when_available(
    context: &RestoreContext,
    kind: SourceKind,
    id: &str,
    progress: &mut Progress,
    call: impl AsyncFn(&Database) -> landbridge_core::Result<()>,
    failure: impl Fn(Error) -> Failure,
) -> Result {
    let mut pause = FIRST_PAUSE;
    for refusals in 0.. {
        let database = available(context, kind, id, progress).await?;
        match call(&database).await {
            Ok(()) => break,
            Err(error) if is_wrong_state(&error) && refusals < MAX_REFUSALS => {
                progress.show(&format!("{id} is busy again; waiting until it is available"));
            }
            Err(error) => return Err(failure(error)),
        }
        tokio::time::sleep(pause).await;
        pause = pause.mul_f32(1.5).min(LONGEST_PAUSE);
    }
    Ok(())
}

/// Renames a database as soon as it is available, and waits until it is available under its new name. A
/// rename that an interrupted run started is waited for.
///
/// # Errors
/// As [`until`]; the error of the call, mapped by `failure`.
pub(super) async fn rename(
    context: &RestoreContext,
    kind: SourceKind,
    (from, to): (&str, &str),
    progress: &mut Progress,
    failure: impl Fn(Error) -> Failure,
) -> Result {
    progress.show(&format!("renaming {from} to {to}"));
    let mut pause = FIRST_PAUSE;
    let settled = |it: Option<&Database>| it.is_none_or(|it| it.status == "available");
    for refusals in 0.. {
        if until(context, kind, from, progress, settled).await?.is_none() {
            let renamed = context.aws.rds.database(kind, to).await.map_err(&failure)?;
            if renamed.is_none() {
                let what = "the database does not exist";
                return Err(failure(Error::new(ErrorKind::NotFound, what, from)));
            }
            break;
        }
        match context.aws.rds.rename_database(kind, from, to).await {
            Ok(()) => break,
            Err(error) if is_wrong_state(&error) && refusals < MAX_REFUSALS => {
                progress.show(&format!("{from} is busy again; waiting until it is available"));
            }
            Err(error) => return Err(failure(error)),
        }
        tokio::time::sleep(pause).await;
        pause = pause.mul_f32(1.5).min(LONGEST_PAUSE);
    }
    available(context, kind, to, progress).await?;
    Ok(())
}

/// Waits until RDS has deleted a database.
pub(super) async fn gone(
    context: &RestoreContext,
    kind: SourceKind,
    id: &str,
    progress: &mut Progress,
) -> Result {
    until(context, kind, id, progress, |it| it.is_none()).await?;
    Ok(())
}
