//! `landbridge restore --swap`: exchanges the names of source and restored database, and back.

use std::collections::BTreeMap;

use landbridge_aws::rds::Database;
use landbridge_core::ErrorKind;
use landbridge_core::config::SourceKind;
use landbridge_core::ids::{TAG_DRILL, TAG_RESTORED_AS};
use landbridge_core::restore::swap::{
    RenameStep, SwapCandidate, SwapCluster, SwapDirection, plan_member_swap, plan_swap,
    replaced_name,
};
use serde::Serialize;
use serde_json::json;

use super::args::RestoreArgs;
use super::wait::{self, Progress};
use super::{RestoreContext, confirm, rds_failure};
use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::render;
use landbridge_cli_support::args::Output;

/// The renames of a swap that are left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct SwapPlan {
    /// Of instances or clusters, in order.
    steps: Vec<RenameStep>,
    /// Of the members of clusters, afterwards and in order: both clusters have their names as early as
    /// possible.
    members: Vec<RenameStep>,
    /// Notes about members that keep their names.
    notes: Vec<String>,
}

impl SwapPlan {
    fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.members.is_empty()
    }
}

/// Runs the command.
pub(super) async fn run(context: &RestoreContext, args: &RestoreArgs, restored: &str) -> Result {
    let direction = if args.undo { SwapDirection::Undo } else { SwapDirection::Swap };
    let mut progress = Progress::new();
    let plan = read_plan(context, direction, restored, &mut progress).await?;
    drop(progress);
    if args.common.output.format == Output::Text {
        render::print(&describe(&plan, direction, restored))?;
    }
    if args.dry_run || plan.is_empty() {
        if args.common.output.format == Output::Json {
            return print_json(direction, &plan, false);
        }
        return Ok(());
    }
    confirm("Rename them? Connections to both are interrupted for a minute or two.", args.yes)?;
    let mut progress = Progress::new();
    // The question may have been open for a long time.
    if read_plan(context, direction, restored, &mut progress).await? != plan {
        return Err(Failure::Failed(
            "the databases have changed since the plan was shown; this run renamed nothing. Run the same \
             command again"
                .to_owned(),
        ));
    }
    let next_command = NextCommand::new(restored, direction);
    let kind = context.config.source.kind;
    let steps = plan.steps.iter().map(|step| (kind, step));
    let steps = steps.chain(plan.members.iter().map(|step| (SourceKind::Instance, step)));
    for (kind, RenameStep { from, to }) in steps {
        let failure = |error| rename_failure(error, from);
        wait::rename(context, kind, (from, to), &mut progress, failure).await?;
    }
    next_command.not_needed();
    drop(progress);
    match args.common.output.format {
        Output::Json => print_json(direction, &plan, true),
        Output::Text => {
            let back = if args.undo { "" } else { " --undo" };
            render::print(&format!(
                "{} {} now has the name {}. To swap back: landbridge restore --as {restored} --swap{back}",
                Paint::stdout().green("swapped"),
                if args.undo { "the original" } else { restored },
                context.config.source.id
            ))
        }
    }
}

/// Prints the command that continues a swap, if the swap stops in the middle: at an error, and when the
/// operator interrupts it.
struct NextCommand(Option<String>);

impl NextCommand {
    fn new(restored: &str, direction: SwapDirection) -> Self {
        let undo = if direction == SwapDirection::Undo { " --undo" } else { "" };
        Self(Some(format!("landbridge restore --as {restored} --swap{undo} --yes")))
    }

    fn not_needed(mut self) {
        self.0 = None;
    }
}

impl Drop for NextCommand {
    fn drop(&mut self) {
        if let Some(command) = &self.0 {
            eprintln!("the swap is not complete. To continue it: {command}");
        }
    }
}

/// Plans the renames that are left, from the databases that exist now.
async fn read_plan(
    context: &RestoreContext,
    direction: SwapDirection,
    restored: &str,
    progress: &mut Progress,
) -> Result<SwapPlan> {
    let source = &context.config.source;
    let aside = replaced_name(&source.id);
    let names = [source.id.as_str(), restored, aside.as_str()];
    let existing = read_databases(context, source.kind, &names, progress).await?;
    let candidate = |name: &str| {
        existing.get(name).map(|it| SwapCandidate {
            restored_as: it.tags.get(TAG_RESTORED_AS).cloned(),
            drill: it.tags.contains_key(TAG_DRILL),
        })
    };
    let steps = plan_swap(direction, &source.id, restored, candidate)
        .map_err(|error| swap_failure(&error, restored))?;
    for it in existing.values() {
        // `wait::rename` waits while RDS makes a backup or applies a modification.
        let may_rename = it.status == "available" || wait::is_passing(&it.status);
        if !steps.is_empty() && !may_rename {
            return Err(Failure::Failed(format!(
                "{} is {}, and RDS renames only an available database; this run renamed nothing. Wait \
                 until it is available, then run the same command again",
                it.id, it.status
            )));
        }
    }
    let clusters: Vec<SwapCluster> = existing
        .iter()
        // RDS does not rename the members of a Multi-AZ cluster (RDS User Guide, "Modifying a Multi-AZ
        // DB cluster").
        .filter(|(_, it)| it.engine.starts_with("aurora"))
        .map(|(name, it)| {
            let step = steps.iter().find(|step| step.from == **name);
            let name = step.map_or((*name).to_owned(), |step| step.to.clone());
            SwapCluster { name, members: it.members.clone() }
        })
        .collect();
    let members =
        plan_member_swap(&names, &clusters).map_err(|error| swap_failure(&error, restored))?;
    let is_foreign = |id: &&String| names.iter().all(|name| !id.starts_with(&format!("{name}-")));
    let notes =
        clusters.iter().flat_map(|cluster| {
            cluster.members.iter().filter(is_foreign).map(|id| {
                format!("{id} keeps its name and is a member of {} afterwards", cluster.name)
            })
        });
    Ok(SwapPlan { notes: notes.collect(), steps, members })
}

/// An error of [`plan_swap`]: the names do not allow this swap.
fn swap_failure(error: &landbridge_core::Error, restored: &str) -> Failure {
    Failure::Failed(match error.kind() {
        ErrorKind::NotFound => format!(
            "{error} — this run renamed nothing. Restore it first with `landbridge restore … --as \
             {restored}`, or give the name of the restored database after --as"
        ),
        _ => format!(
            "{error} — this run renamed nothing. Check in the RDS console which databases have \
             these names, then run the same command again"
        ),
    })
}

/// An RDS error while `database` gets its new name.
fn rename_failure(error: landbridge_core::Error, database: &str) -> Failure {
    if error.kind() == ErrorKind::NotFound {
        return Failure::Failed(format!(
            "{error} — {database} was deleted or renamed during the swap. Check the names in the \
             RDS console, then run the same command again: it continues where it stopped"
        ));
    }
    rds_failure(error)
}

fn print_json(direction: SwapDirection, plan: &SwapPlan, done: bool) -> Result {
    let SwapPlan { steps, members, notes } = plan;
    render::json(&json!({
        "direction": direction, "steps": steps, "members": members, "notes": notes, "done": done
    }))
}

fn describe(plan: &SwapPlan, direction: SwapDirection, restored: &str) -> String {
    if plan.is_empty() {
        return match direction {
            SwapDirection::Swap => {
                format!("nothing to rename: {restored} already has the name of the source")
            }
            SwapDirection::Undo => {
                "nothing to rename: the original already has its name".to_owned()
            }
        };
    }
    let what = match direction {
        SwapDirection::Swap => {
            "swap names: the restored database gets the source's name, the original a new one"
        }
        SwapDirection::Undo => {
            "swap names back: the original and the restored database get their former names"
        }
    };
    let mut text = format!("{what}\n");
    for (number, step) in plan.steps.iter().chain(&plan.members).enumerate() {
        text += &format!("  {}. {} → {}\n", number + 1, step.from, step.to);
    }
    for note in &plan.notes {
        text += &format!("  {} {note}\n", Paint::stdout().yellow("note"));
    }
    text
}

/// The databases that have these names now. If an interrupted swap is still renaming one of them, or one
/// of their members, this waits until RDS has finished.
async fn read_databases<'a>(
    context: &RestoreContext,
    kind: SourceKind,
    names: &[&'a str],
    progress: &mut Progress,
) -> Result<BTreeMap<&'a str, Database>> {
    let mut ids = names.iter().map(|name| (kind, (*name).to_owned())).collect::<Vec<_>>();
    if kind == SourceKind::Cluster {
        for name in names {
            let it = context.aws.rds.database(kind, name).await.map_err(rds_failure)?;
            let members = it.map(|it| it.members).unwrap_or_default();
            ids.extend(members.into_iter().map(|member| (SourceKind::Instance, member)));
        }
    }
    let mut was_renaming = false;
    for (kind, id) in &ids {
        if let Some(it) = context.aws.rds.database(*kind, id).await.map_err(rds_failure)?
            && it.status == "renaming"
        {
            was_renaming = true;
            let finished = |it: Option<&Database>| it.is_none_or(|it| it.status != "renaming");
            wait::until(context, *kind, id, progress, finished).await?;
        }
    }
    if was_renaming {
        progress.show("the earlier rename has finished");
    }
    let mut existing = BTreeMap::new();
    for name in names {
        if let Some(it) = context.aws.rds.database(kind, name).await.map_err(rds_failure)? {
            existing.insert(*name, it);
        }
    }
    Ok(existing)
}
