//! `landbridge restore --swap`: two databases change names, and back.

use std::collections::BTreeMap;

use landbridge_aws::rds::Database;
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
    let there = look(context, source.kind, &names, &mut progress).await?;
    drop(progress);
    let seen = |name: &str| {
        there
            .get(name)
            .map(|it| SwapCandidate { restored_as: it.tags.get(TAG_RESTORED_AS).cloned() })
    };
    let steps = plan_swap(direction, &source.id, restored, seen).map_err(rds_failure)?;
    for it in there.values() {
        if !steps.is_empty() && it.status != "available" {
            return Err(Failure::Failed(format!(
                "{} is {}, and only an available database is renamed; nothing was changed — wait \
                 until it is, then run the same command again",
                it.id, it.status
            )));
        }
    }
    if args.common.output.format == Output::Text {
        render::print(&shown(&steps, direction, restored))?;
    }
    if args.dry_run || steps.is_empty() {
        if args.common.output.format == Output::Json {
            return told(direction, &steps, false);
        }
        return Ok(());
    }
    confirm("RenameStep them? Connections to both break off for a minute or two.", args.yes)?;
    let mut progress = Progress::new();
    if source.kind == SourceKind::Cluster {
        for name in there.keys() {
            members_follow(context, name, &names, &mut progress).await?;
        }
    }
    for step in &steps {
        rename(context, source.kind, &step.from, &step.to, &mut progress).await?;
        if source.kind == SourceKind::Cluster {
            members_follow(context, &step.to, &names, &mut progress).await?;
        }
    }
    drop(progress);
    match args.common.output.format {
        Output::Json => told(direction, &steps, true),
        Output::Text => {
            let back = if args.undo { "" } else { " --undo" };
            render::print(&format!(
                "{} {} answers as {}. The other way round: landbridge restore --as {restored} --swap{back}",
                Paint::stdout().green("swapped"),
                if args.undo { "the original" } else { restored },
                source.id
            ))
        }
    }
}

fn told(direction: SwapDirection, steps: &[RenameStep], done: bool) -> Result {
    render::json(&json!({ "direction": direction, "steps": steps, "done": done }))
}

fn shown(steps: &[RenameStep], direction: SwapDirection, restored: &str) -> String {
    if steps.is_empty() {
        return format!("nothing is left to do: {restored} is where it should be");
    }
    let what = match direction {
        SwapDirection::Swap => "swap names: the restored database in, the original aside",
        SwapDirection::Undo => "swap names back: the original in, the restored database aside",
    };
    let mut text = format!("{what}\n");
    for (number, step) in steps.iter().enumerate() {
        text += &format!("  {}. {} → {}\n", number + 1, step.from, step.to);
    }
    text
}

/// Who has these names now. A renaming that is under way, of a swap that was interrupted, is
/// waited for.
async fn look<'a>(
    context: &RestoreContext,
    kind: SourceKind,
    names: &[&'a str],
    progress: &mut Progress,
) -> Result<BTreeMap<&'a str, Database>> {
    let mut under_way = false;
    for name in names {
        if let Some(it) = context.aws.rds.database(kind, name).await.map_err(rds_failure)?
            && it.status == "renaming"
        {
            under_way = true;
            let over = |it: Option<&Database>| it.is_none_or(|it| it.status == "available");
            wait::until(context, kind, name, progress, over).await?;
        }
    }
    if under_way {
        progress.say("a renaming that was under way is over");
    }
    let mut there = BTreeMap::new();
    for name in names {
        if let Some(it) = context.aws.rds.database(kind, name).await.map_err(rds_failure)? {
            there.insert(*name, it);
        }
    }
    Ok(there)
}

/// Renames one and waits until it has its name.
async fn rename(
    context: &RestoreContext,
    kind: SourceKind,
    from: &str,
    to: &str,
    progress: &mut Progress,
) -> Result {
    progress.say(&format!("renaming {from} to {to}"));
    context.aws.rds.rename_database(kind, from, to).await.map_err(rds_failure)?;
    wait::available(context, kind, to, progress).await?;
    Ok(())
}

/// Members are called after their cluster: those that bear another of the swap's names follow
/// it. A swap that broke off between a cluster and its members goes on with them.
async fn members_follow(
    context: &RestoreContext,
    cluster: &str,
    names: &[&str],
    progress: &mut Progress,
) -> Result {
    let it = context.aws.rds.database(SourceKind::Cluster, cluster).await.map_err(rds_failure)?;
    for member in it.map(|it| it.members).unwrap_or_default() {
        let end = |name: &&str| member.strip_prefix(*name).filter(|end| end.starts_with('-'));
        // `shop-replaced-1` begins with `shop-` as well: the longest name is meant.
        let owner = names.iter().filter(|name| end(name).is_some()).max_by_key(|name| name.len());
        if let Some(owner) = owner.filter(|owner| **owner != cluster) {
            let to = format!("{cluster}{}", end(owner).unwrap_or_default());
            rename(context, SourceKind::Instance, &member, &to, progress).await?;
        }
    }
    Ok(())
}
