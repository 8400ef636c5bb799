//! Waiting with progress.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use landbridge_core::config::SourceKind;

use super::{RestoreContext, rds_failure};
use crate::failure::{Failure, Result};
use landbridge_aws::rds::Database;

/// The pause before the second look, half as long again for each further one: what ends soon
/// is seen soon, and half an hour costs RDS no more than some 130 calls.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long anything of RDS is waited for.
const LIMIT: Duration = Duration::from_secs(6 * 3600);
/// Looks in a row that may fail for a reason that passes.
const FAILED_LOOKS: usize = 20;

/// States that nothing leads out of by itself (RDS User Guide, "Viewing DB instance status").
const DEAD_ENDS: [&str; 10] = [
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

/// Tells on standard error what is waited for: a line that moves on a terminal, else one
/// line per change.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    last: String,
}

impl Progress {
    pub(super) fn new() -> Self {
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

    /// What is going on now.
    pub(super) fn say(&mut self, text: &str) {
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

/// Looks at a database until `enough` says so. `None` is one that is not there. Answers that
/// pass (throttling, a lost connection) are waited out.
pub(super) async fn until(
    context: &RestoreContext,
    kind: SourceKind,
    id: &str,
    progress: &mut Progress,
    enough: impl Fn(Option<&Database>) -> bool,
) -> Result<Option<Database>> {
    let begun = Instant::now();
    let (mut pause, mut failed) = (FIRST_PAUSE, 0);
    loop {
        match context.aws.rds.database(kind, id).await {
            Ok(seen) => {
                failed = 0;
                if enough(seen.as_ref()) {
                    return Ok(seen);
                }
                let status = seen.as_ref().map_or("not there", |it| it.status.as_str());
                progress.say(&format!("{id} is {status}"));
                if DEAD_ENDS.contains(&status) {
                    return Err(Failure::Failed(format!(
                        "{id} is {status}, which does not pass by itself; its events in the RDS \
                         console say why. Nothing of the source was changed"
                    )));
                }
            }
            Err(error) if error.kind().is_transient() && failed < FAILED_LOOKS => {
                failed += 1;
                progress.say(&format!("{id}: {error}; looking again"));
            }
            Err(error) => return Err(rds_failure(error)),
        }
        if begun.elapsed() > LIMIT {
            return Err(Failure::Failed(format!(
                "{id} took more than {} hours; run the same command again to go on waiting",
                LIMIT.as_secs() / 3600
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
    seen.ok_or_else(|| Failure::Failed(format!("{id} is gone")))
}

/// Waits until a database is gone.
pub(super) async fn gone(
    context: &RestoreContext,
    kind: SourceKind,
    id: &str,
    progress: &mut Progress,
) -> Result {
    until(context, kind, id, progress, |it| it.is_none()).await?;
    Ok(())
}
