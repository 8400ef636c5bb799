//! Executes a restore plan against RDS. Every step is derived from what RDS reports now, so running
//! the same plan again continues where the last run was interrupted.

use landbridge_aws::rds::Database;
use landbridge_core::ErrorKind;
use landbridge_core::config::SourceKind;
use landbridge_core::ids::{TAG_DRILL, TAG_RESTORED_FROM};
use landbridge_core::restore::{RestorePlan, Setting, Settings};
use serde::Serialize;

use super::wait::{self, Progress};
use super::{RestoreContext, answer, rds_failure};
use crate::failure::{Failure, Result};

/// What came of a plan.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    /// The restored instance or cluster.
    pub(super) id: String,
    /// Where it is reached.
    pub(super) host: String,
    /// Likewise.
    pub(super) port: u16,
    /// The database made with the source, if any.
    pub(super) database: Option<String>,
    /// The master user; the password is that of the snapshot.
    pub(super) user: String,
    /// As RDS names it.
    pub(super) engine: String,
    /// Members of a cluster.
    pub(super) members: Vec<String>,
    /// Settings that are not as planned, as `member setting`.
    pub(super) not_as_planned: Vec<String>,
    /// Why it did not answer.
    pub(super) silent: Option<String>,
}

/// Succeeds when the plan's restore created the database; the error names what did.
pub(super) fn require_same_restore(it: &Database, plan_tag: &str, target: &str) -> Result {
    match it.tags.get(TAG_RESTORED_FROM) {
        Some(tag) if tag == plan_tag => Ok(()),
        Some(tag) => Err(Failure::Failed(format!(
            "{target} is there already, restored from {tag}; choose another name with --as, or go \
             on with that one by naming it"
        ))),
        None => Err(Failure::Failed(format!(
            "the name {target} is taken by a database that Landbridge did not restore; choose \
             another with --as"
        ))),
    }
}

/// Executes the plan to its end.
pub(super) async fn execute(
    context: &RestoreContext,
    plan: &RestorePlan,
    progress: &mut Progress,
) -> Result<Outcome> {
    start(context, plan, progress).await?;
    let kind = plan.kind;
    wait::available(context, kind, &plan.target, progress).await?;
    for member in &plan.members {
        let there = context
            .aws
            .rds
            .database(SourceKind::Instance, &member.id)
            .await
            .map_err(rds_failure)?;
        match there {
            None => {
                progress.say(&format!("creating {}", member.id));
                context.aws.rds.create_cluster_member(plan, member).await.map_err(rds_failure)?;
            }
            Some(it) => require_same_restore(&it, &plan.origin.tag(&plan.source), &member.id)?,
        }
    }
    let mut not_as_planned = Vec::new();
    for member in &plan.members {
        wait::available(context, SourceKind::Instance, &member.id, progress).await?;
        let left =
            apply_settings(context, SourceKind::Instance, &member.id, &member.settings, progress)
                .await?;
        let named = left.iter().map(|(setting, _)| format!("{} {}", member.id, setting.name()));
        not_as_planned.extend(named);
    }
    let left = apply_settings(context, kind, &plan.target, &plan.settings, progress).await?;
    not_as_planned.extend(left.iter().map(|(setting, _)| setting.name()));

    let it = wait::available(context, kind, &plan.target, progress).await?;
    let Some((host, port)) = it.endpoint else {
        return Err(Failure::Failed(format!("{} has no endpoint", plan.target)));
    };
    progress.say(&format!("asking {host}:{port}"));
    let silent = answer::check(&it.engine, &host, port).await.err();
    let (database, user, engine) = (it.database_name, it.master_user, it.engine);
    let members = plan.members.iter().map(|member| member.id.clone()).collect();
    Ok(Outcome { id: it.id, host, port, database, user, engine, members, not_as_planned, silent })
}

/// Starts the restore unless it was started before.
async fn start(context: &RestoreContext, plan: &RestorePlan, progress: &mut Progress) -> Result {
    let tag = plan.origin.tag(&plan.source);
    let rds = &context.aws.rds;
    if let Some(it) = rds.database(plan.kind, &plan.target).await.map_err(rds_failure)? {
        require_same_restore(&it, &tag, &plan.target)?;
        progress.say(&format!("{} is there already; going on with it", plan.target));
        return Ok(());
    }
    progress.say(&format!("restoring {}", plan.target));
    match rds.start_restore(plan, &plan.restore_call_settings()).await {
        Ok(()) => Ok(()),
        // An answer that was lost may have been a yes: then the name is ours.
        Err(error) if error.kind() == ErrorKind::Conflict => {
            match rds.database(plan.kind, &plan.target).await.map_err(rds_failure)? {
                Some(it) => require_same_restore(&it, &tag, &plan.target),
                None => Err(rds_failure(error)),
            }
        }
        Err(error) => Err(rds_failure(error)),
    }
}

/// Changes the settings that differ from `wanted` and returns those that could not be changed.
async fn apply_settings(
    context: &RestoreContext,
    kind: SourceKind,
    id: &str,
    wanted: &Settings,
    progress: &mut Progress,
) -> Result<Settings> {
    let it = wait::available(context, kind, id, progress).await?;
    let mut missing = changeable(wanted.differing_from(&it.settings));
    if missing.is_empty() {
        return Ok(wanted.differing_from(&it.settings));
    }
    // What hangs together is named together.
    for (one, other) in [
        (Setting::MonitoringSeconds, Setting::MonitoringRole),
        (Setting::PerformanceInsights, Setting::PerformanceInsightsKey),
        (Setting::PerformanceInsights, Setting::PerformanceInsightsDays),
        (Setting::InsightsMode, Setting::PerformanceInsights),
        (Setting::InsightsMode, Setting::PerformanceInsightsDays),
    ] {
        if missing.get(one).is_some() || missing.get(other).is_some() {
            missing.set(one, wanted.get(one).cloned());
            missing.set(other, wanted.get(other).cloned());
        }
    }
    let names: Vec<String> = missing.iter().map(|(setting, _)| setting.name()).collect();
    progress.say(&format!("setting {} of {id}", names.join(", ")));
    context.aws.rds.modify_database(kind, &it, &missing).await.map_err(rds_failure)?;
    // RDS goes on saying `available` for a moment: what counts is that the settings hold. Some
    // wait for a reboot or a window of AWS's own, which is told and not waited for.
    let begun = std::time::Instant::now();
    let holds = |it: Option<&Database>| {
        it.is_some_and(|it| {
            it.status == "available"
                && (changeable(wanted.differing_from(&it.settings)).is_empty()
                    || begun.elapsed() > SETTINGS_TIMEOUT)
        })
    };
    let it = wait::until(context, kind, id, progress, holds).await?;
    Ok(it.map(|it| wanted.differing_from(&it.settings)).unwrap_or_default())
}

/// How long a change is waited for once the database is `available`.
const SETTINGS_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);

/// Without what RDS cannot change once the database is there.
fn changeable(mut settings: Settings) -> Settings {
    settings.remove(Setting::SubnetGroup);
    settings
}

/// Whether a database carries the tag of a drill of this source.
pub(super) fn of_drill(it: &Database, source: &str) -> bool {
    it.tags.get(TAG_DRILL).is_some_and(|tag| tag == source)
}
