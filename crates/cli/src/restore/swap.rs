//! `landbridge restore --swap`: exchanges the names of source and restored database, and back.

use std::collections::BTreeMap;

use landbridge_aws::rds::Database;
use landbridge_core::ErrorKind;
use landbridge_core::config::SourceKind;
use landbridge_core::ids::TAG_RESTORED_AS;
use landbridge_core::restore::swap::{
    RenameStep, SwapCandidate, SwapDirection, plan_swap, replaced_name,
};
use serde_json::json;

use super::args::RestoreArgs;
use super::wait::{self, Progress};
use super::{RestoreContext, confirm, rds_failure};
use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::render;
use landbridge_cli_support::args::Output;

/// Runs the command.
pub(super) async fn run(context: &RestoreContext, args: &RestoreArgs, restored: &str) -> Result {
    let source = &context.config.source;
    let direction = if args.undo { SwapDirection::Undo } else { SwapDirection::Swap };
    let aside = replaced_name(&source.id);
    let names = [source.id.as_str(), restored, aside.as_str()];
    let mut progress = Progress::new();
    let existing = read_databases(context, source.kind, &names, &mut progress).await?;
    drop(progress);
    let candidate = |name: &str| {
        existing
            .get(name)
            .map(|it| SwapCandidate { restored_as: it.tags.get(TAG_RESTORED_AS).cloned() })
    };
    let steps = plan_swap(direction, &source.id, restored, candidate)
        .map_err(|error| swap_failure(&error, restored))?;
    for it in existing.values() {
        // `rename` waits while RDS makes a backup or applies a modification.
        let may_rename = it.status == "available" || wait::is_passing(&it.status);
        if !steps.is_empty() && !may_rename {
            return Err(Failure::Failed(format!(
                "{} is {}, and RDS renames only an available database; this run renamed nothing. Wait \
                 until it is available, then run the same command again",
                it.id, it.status
            )));
        }
    }
    if args.common.output.format == Output::Text {
        render::print(&describe(&steps, direction, restored))?;
    }
    if args.dry_run || steps.is_empty() {
        if args.common.output.format == Output::Json {
            return print_json(direction, &steps, false);
        }
        return Ok(());
    }
    confirm("Rename them? Connections to both are interrupted for a minute or two.", args.yes)?;
    let mut progress = Progress::new();
    if source.kind == SourceKind::Cluster {
        for name in existing.keys() {
            rename_members(context, name, &names, &mut progress).await?;
        }
    }
    for step in &steps {
        rename(context, source.kind, &step.from, &step.to, &mut progress).await?;
        if source.kind == SourceKind::Cluster {
            rename_members(context, &step.to, &names, &mut progress).await?;
        }
    }
    drop(progress);
    match args.common.output.format {
        Output::Json => print_json(direction, &steps, true),
        Output::Text => {
            let back = if args.undo { "" } else { " --undo" };
            render::print(&format!(
                "{} {} now has the name {}. To swap back: landbridge restore --as {restored} --swap{back}",
                Paint::stdout().green("swapped"),
                if args.undo { "the original" } else { restored },
                source.id
            ))
        }
    }
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

fn print_json(direction: SwapDirection, steps: &[RenameStep], done: bool) -> Result {
    render::json(&json!({ "direction": direction, "steps": steps, "done": done }))
}

fn describe(steps: &[RenameStep], direction: SwapDirection, restored: &str) -> String {
    if steps.is_empty() {
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
    for (number, step) in steps.iter().enumerate() {
        text += &format!("  {}. {} → {}\n", number + 1, step.from, step.to);
    }
    text
}

/// The databases that have these names now. If an interrupted swap is still renaming one of them,
/// this waits until RDS has finished.
async fn read_databases<'a>(
    context: &RestoreContext,
    kind: SourceKind,
    names: &[&'a str],
    progress: &mut Progress,
) -> Result<BTreeMap<&'a str, Database>> {
    let mut was_renaming = false;
    for name in names {
        if let Some(it) = context.aws.rds.database(kind, name).await.map_err(rds_failure)?
            && it.status == "renaming"
        {
            was_renaming = true;
            let finished = |it: Option<&Database>| it.is_none_or(|it| it.status == "available");
            wait::until(context, kind, name, progress, finished).await?;
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

/// Renames a database as soon as it is available, and waits until it is available under the new name.
async fn rename(
    context: &RestoreContext,
    kind: SourceKind,
    from: &str,
    to: &str,
    progress: &mut Progress,
) -> Result {
    let call = async |_: &Database| context.aws.rds.rename_database(kind, from, to).await;
    let failure = |error| rename_failure(error, from);
    progress.show(&format!("renaming {from} to {to}"));
    wait::call_when_available(context, kind, from, progress, call, failure).await?;
    wait::available(context, kind, to, progress).await?;
    Ok(())
}

/// Renames the members of a cluster that are still named after another cluster of the swap. This also
/// continues a swap that was interrupted between a cluster and its members.
async fn rename_members(
    context: &RestoreContext,
    cluster: &str,
    names: &[&str],
    progress: &mut Progress,
) -> Result {
    let it = context.aws.rds.database(SourceKind::Cluster, cluster).await.map_err(rds_failure)?;
    for member in it.map(|it| it.members).unwrap_or_default() {
        let suffix = |name: &&str| member.strip_prefix(*name).filter(|rest| rest.starts_with('-'));
        // `shop-replaced-1` also starts with `shop-`: use the longest matching name.
        let owner =
            names.iter().filter(|name| suffix(name).is_some()).max_by_key(|name| name.len());
        if let Some(owner) = owner.filter(|owner| **owner != cluster) {
            let to = format!("{cluster}{}", suffix(owner).unwrap_or_default());
            rename(context, SourceKind::Instance, &member, &to, progress).await?;
        }
    }
    Ok(())
}
