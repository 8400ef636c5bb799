//! Executes a restore plan against RDS. Every step is derived from what RDS reports now, so running
//! the same plan again continues where the last run was interrupted.

use landbridge_aws::rds::Database;
use landbridge_core::ErrorKind;
use landbridge_core::config::SourceKind;
use landbridge_core::ids::{TAG_DRILL, TAG_DRILL_RUN, TAG_RESTORED_FROM};
use landbridge_core::restore::{RestorePlan, Setting, Settings};
use serde::Serialize;

use super::wait::{self, Progress};
use super::{RestoreContext, probe, rds_failure};
use crate::failure::{Failure, Result};

/// The result of an executed plan; its fields are the keys of `outcome` in `--output json`.
#[derive(Debug, Serialize)]
pub(crate) struct RestoreOutcome {
    /// The restored instance or cluster.
    pub(crate) id: String,
    /// The endpoint's host name.
    pub(crate) host: String,
    /// The endpoint's port.
    pub(crate) port: u16,
    /// The initial database of the source, if it has one.
    pub(crate) database: Option<String>,
    /// The master user. Its password is the one at the time of the snapshot.
    pub(crate) user: String,
    /// RDS's name of the engine.
    pub(crate) engine: String,
    /// The members, if it is a cluster.
    pub(crate) members: Vec<String>,
    /// Settings that differ from the plan, as `setting` or `member setting`.
    pub(crate) not_as_planned: Vec<String>,
    /// Why it could not be reached from this machine; `None` if it answered.
    pub(crate) unreachable_reason: Option<String>,
}

/// Succeeds if the plan's restore created the database. The error names the restore that created it.
pub(crate) fn require_same_restore(it: &Database, plan_tag: &str, target: &str) -> Result {
    match it.tags.get(TAG_RESTORED_FROM) {
        Some(tag) if tag == plan_tag => Ok(()),
        Some(tag) => Err(Failure::Failed(format!(
            "{target} already exists, restored from {tag}. Choose another name with --as, or \
             continue that restore by giving its restore point"
        ))),
        None => Err(Failure::Failed(format!(
            "the name {target} is taken by a database that Landbridge did not restore. Choose \
             another name with --as"
        ))),
    }
}

/// Succeeds unless the plan is that of a drill and another run of `landbridge drill` restored the database: that
/// run deletes it at its end.
fn require_same_run(it: &Database, plan: &RestorePlan) -> Result {
    let run = plan.drill_run();
    if run.is_none() || it.tags.get(TAG_DRILL_RUN).map(String::as_str) == run {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "another drill began to restore {} at the same moment; this one restored nothing and deletes nothing. \
         Wait until `landbridge status` does not list {0} any more, then run the same command again",
        plan.target
    )))
}

/// Executes the plan: starts the restore, creates cluster members, applies and reads back the
/// settings, and checks that the database answers. Can be repeated after an interruption.
pub(crate) async fn execute(
    context: &RestoreContext,
    plan: &RestorePlan,
    progress: &mut Progress,
) -> Result<RestoreOutcome> {
    start_restore(context, plan, progress).await?;
    let kind = plan.kind;
    wait::available(context, kind, &plan.target, progress).await?;
    create_members(context, plan, progress).await?;
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
    not_as_planned.extend(differing_members(plan, &it));
    let Some((host, port)) = it.endpoint else {
        return Err(Failure::Failed(format!("{} has no endpoint", plan.target)));
    };
    progress.show(&format!("connecting to {host}:{port}"));
    let unreachable_reason = probe::check(&it.engine, &host, port).await.err();
    let (database, user, engine) = (it.database_name, it.master_user, it.engine);
    let members = plan.members.iter().map(|member| member.id.clone()).collect();
    Ok(RestoreOutcome {
        id: it.id,
        host,
        port,
        database,
        user,
        engine,
        members,
        not_as_planned,
        unreachable_reason,
    })
}

/// Creates the members of an Aurora cluster. RDS makes the first available one the writer, so the others
/// are created after it.
async fn create_members(
    context: &RestoreContext,
    plan: &RestorePlan,
    progress: &mut Progress,
) -> Result {
    let rds = &context.aws.rds;
    for (number, member) in plan.members.iter().enumerate() {
        match rds.database(SourceKind::Instance, &member.id).await.map_err(rds_failure)? {
            None => {
                progress.show(&format!("creating {}", member.id));
                let create = async |_: &Database| {
                    context.interrupts.unbroken(rds.create_cluster_member(plan, member)).await
                };
                wait::call_when_available(
                    context,
                    plan.kind,
                    &plan.target,
                    progress,
                    create,
                    rds_failure,
                )
                .await?;
            }
            Some(it) => require_same_restore(&it, &plan.origin.tag(&plan.source), &member.id)?,
        }
        if number == 0 {
            wait::available(context, SourceKind::Instance, &member.id, progress).await?;
        }
    }
    Ok(())
}

/// The members that are missing in a restored cluster, and `writer` if another member is its writer.
fn differing_members(plan: &RestorePlan, it: &Database) -> Vec<String> {
    let missing = plan.members.iter().filter(|member| !it.members.contains(&member.id));
    let mut all: Vec<String> = missing.map(|member| format!("{} member", member.id)).collect();
    let writer = plan.members.first().map(|member| member.id.as_str());
    if writer.is_some() && it.writer.as_deref() != writer {
        all.push("writer".to_owned());
    }
    all
}

/// Starts the restore, unless an earlier run started it.
async fn start_restore(
    context: &RestoreContext,
    plan: &RestorePlan,
    progress: &mut Progress,
) -> Result {
    let tag = plan.origin.tag(&plan.source);
    let rds = &context.aws.rds;
    if let Some(it) = rds.database(plan.kind, &plan.target).await.map_err(rds_failure)? {
        require_same_restore(&it, &tag, &plan.target)?;
        require_same_run(&it, plan)?;
        progress.show(&format!("{} already exists; continuing its restore", plan.target));
        return Ok(());
    }
    progress.show(&format!("restoring {}", plan.target));
    // A clean-up does not find what a call makes that is still on its way.
    let settings = plan.restore_call_settings();
    match context.interrupts.unbroken(rds.start_restore(plan, &settings)).await {
        Ok(()) => Ok(()),
        // An earlier call whose response was lost may have succeeded; then the database is ours.
        Err(error) if error.kind() == ErrorKind::Conflict => {
            match rds.database(plan.kind, &plan.target).await.map_err(rds_failure)? {
                Some(it) => {
                    require_same_restore(&it, &tag, &plan.target)?;
                    require_same_run(&it, plan)
                }
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
    // RDS requires these settings to be sent together.
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
    progress.show(&format!("setting {} of {id}", names.join(", ")));
    let modify = async |it: &Database| context.aws.rds.modify_database(kind, it, &missing).await;
    wait::call_when_available(context, kind, id, progress, modify, rds_failure).await?;
    // RDS still reports `available` for a moment after the call, so wait for the settings. Some take
    // effect only at a reboot or in a maintenance window: these are reported as not as planned.
    let started_at = std::time::Instant::now();
    let applied = |it: Option<&Database>| {
        it.is_some_and(|it| {
            it.status == "available"
                && (changeable(wanted.differing_from(&it.settings)).is_empty()
                    || started_at.elapsed() > SETTINGS_TIMEOUT)
        })
    };
    let it = wait::until(context, kind, id, progress, applied).await?;
    Ok(it.map(|it| wanted.differing_from(&it.settings)).unwrap_or_default())
}

/// How long to wait for changed settings once the database is `available`.
const SETTINGS_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);

/// Removes the settings that RDS cannot change on an existing database.
fn changeable(mut settings: Settings) -> Settings {
    settings.remove(Setting::SubnetGroup);
    settings
}

/// Whether a database has the tag of a drill of this source.
pub(super) fn has_drill_tag(it: &Database, source: &str) -> bool {
    it.tags.get(TAG_DRILL).is_some_and(|tag| tag == source)
}
