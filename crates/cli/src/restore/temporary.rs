//! A temporary database of a command, which deletes it at its end: of a drill, or of `landbridge recover --from restore`.
//!
//! Its tags say of which source and of which run of the command it is. A database without them is never deleted.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use landbridge_aws::rds::{Database, is_wrong_state};
use landbridge_core::config::SourceKind;
use landbridge_core::ids::{TAG_DRILL, TAG_DRILL_RUN, TAG_RESTORED_FROM};

use super::execute::has_drill_tag;
use super::wait::{self, Progress};
use super::{RestoreContext, rds_failure};
use crate::failure::{Failure, Result};

/// Longest database id that RDS accepts, in bytes.
const MAX_ID_LENGTH: usize = 63;
/// How long RDS may refuse to delete a database because of its state.
const DELETE_TIME_LIMIT: Duration = Duration::from_secs(1800);

/// A temporary database.
pub(crate) struct Temporary<'a> {
    /// Its id.
    pub(crate) target: &'a str,
    /// What it is for: `drill`.
    pub(crate) what: &'static str,
    /// The command that deletes what an interrupted run left.
    pub(crate) clean_up: &'static str,
}

/// The name of a run of the command: its time, and a number that differs between two operators at the same
/// moment. `RandomState` is seeded by the operating system in each process.
pub(crate) fn run_name(now: Timestamp) -> String {
    let number = RandomState::new().build_hasher().finish();
    format!("{}-{number:016x}", now.strftime("%Y%m%dt%H%M%Sz"))
}

/// The id of a temporary database: the source's, with this end.
pub(crate) fn database_name(source: &str, end: &str) -> String {
    let most = source.len().min(MAX_ID_LENGTH - end.len());
    format!("{}{end}", source[..most].trim_end_matches('-'))
}

impl Temporary<'_> {
    /// Fails if a database has this name: it is a database of other use, or of another run of the command, which another
    /// operator may have started.
    ///
    /// # Errors
    /// Its message names what to do.
    pub(crate) async fn require_none(&self, context: &RestoreContext) -> Result {
        let Some(it) = self.existing(context).await? else { return Ok(()) };
        let (target, what) = (self.target, self.what);
        let since =
            it.created.map(|at| format!(" since {}", context.local(at))).unwrap_or_default();
        Err(Failure::Failed(format!(
            "{target} exists{since} and is {}: another {what} is running, or one was interrupted. If none is \
             running, delete it with `{}`; otherwise wait until it is gone",
            it.status, self.clean_up
        )))
    }

    /// The run that an interrupted command began from this origin, so that another one can go on with it.
    ///
    /// # Errors
    /// If there is none, or it was restored from something else.
    pub(crate) async fn run_to_resume(
        &self,
        context: &RestoreContext,
        from: &str,
    ) -> Result<String> {
        let Some(it) = self.existing(context).await? else {
            return Err(Failure::Failed(format!(
                "{} does not exist, so there is no interrupted {} to go on with; run the command without --resume",
                self.target, self.what
            )));
        };
        match (it.tags.get(TAG_RESTORED_FROM), it.tags.get(TAG_DRILL_RUN)) {
            (Some(found), Some(run)) if found == from => Ok(run.clone()),
            (found, _) => Err(Failure::Failed(format!(
                "{} was restored from {}, and the rows are of {from}; delete it with `{}`, then run the command without --resume",
                self.target,
                found.map_or("something else", String::as_str),
                self.clean_up
            ))),
        }
    }

    /// The database, if it exists and is a temporary one of this source.
    ///
    /// # Errors
    /// If RDS refuses, or a database of this name is not a temporary one.
    pub(crate) async fn existing(&self, context: &RestoreContext) -> Result<Option<Database>> {
        let source = &context.config.source;
        let existing =
            context.aws.rds.database(source.kind, self.target).await.map_err(rds_failure)?;
        match existing {
            Some(it) if !has_drill_tag(&it, &source.name) => Err(self.foreign(&source.name)),
            other => Ok(other),
        }
    }

    fn foreign(&self, source: &str) -> Failure {
        let (target, what) = (self.target, self.what);
        Failure::Failed(format!(
            "{target} exists and does not carry the tag {TAG_DRILL}={source}, so it is left alone and no \
             {what} can run. Rename it or delete it by hand"
        ))
    }

    /// Says what an interrupted command does now, and what to run if it is killed meanwhile.
    pub(crate) fn announce<T>(&self, attempt: &Result<T>) {
        if matches!(attempt, Err(Failure::Interrupted)) {
            eprintln!(
                "interrupted: {} is deleted now, if it exists, which can take minutes. If this command is killed, \
                 delete it with `{}`",
                self.target, self.clean_up
            );
        }
    }

    /// Deletes the temporary database of this source, if it exists, and waits until RDS has deleted it. A
    /// database without the tag is never deleted, and with `run`, one of another run neither.
    ///
    /// # Errors
    /// If RDS refuses.
    pub(crate) async fn clean_up(
        &self,
        context: &RestoreContext,
        run: Option<&str>,
        progress: &mut Progress,
    ) -> Result {
        let source = &context.config.source;
        let Some(it) = self.existing(context).await? else { return Ok(()) };
        if run.is_some_and(|run| it.tags.get(TAG_DRILL_RUN).is_none_or(|tag| tag != run)) {
            return Ok(());
        }
        // RDS deletes the members of a Multi-AZ cluster with it.
        let members = it.members.iter().filter(|_| it.engine.starts_with("aurora"));
        for member in members {
            delete(context, SourceKind::Instance, member, progress).await?;
        }
        delete(context, source.kind, self.target, progress).await
    }
}

/// Deletes a temporary database. RDS deletes a database only in certain states: this waits until it
/// is created, and while RDS makes its first backup.
async fn delete(
    context: &RestoreContext,
    kind: SourceKind,
    id: &str,
    progress: &mut Progress,
) -> Result {
    let is_temporary = |it: &Database| has_drill_tag(it, &context.config.source.name);
    let is_deletable = |it: Option<&Database>| it.is_none_or(|it| !wait::is_passing(&it.status));
    let started_at = std::time::Instant::now();
    loop {
        wait::until(context, kind, id, progress, is_deletable).await?;
        match context.aws.rds.delete_database(kind, id, is_temporary).await {
            Ok(()) => break,
            Err(error) if is_wrong_state(&error) && started_at.elapsed() < DELETE_TIME_LIMIT => {
                progress.show(&format!("{id} is busy again; waiting"));
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            Err(error) => return Err(rds_failure(error)),
        }
    }
    wait::gone(context, kind, id, progress).await
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_runs_at_the_same_moment_have_different_names() {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let (one, other) = (super::run_name(now), super::run_name(now));
        assert!(one.starts_with("19700101t000000z-"), "{one}");
        assert_ne!(one, other);
    }
}
