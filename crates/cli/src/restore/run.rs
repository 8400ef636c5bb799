//! `landbridge restore`.

use landbridge_core::ids::{DatabaseId, TAG_RESTORED_FROM};
use landbridge_core::restore::plan::RestoreOptions;
use landbridge_core::restore::{RestorePlan, copies};
use serde_json::json;

use super::args::RestoreArgs;
use super::execute::{self, RestoreOutcome, execute};
use super::wait::Progress;
use super::{RestoreContext, confirm, origin, rds_failure, show, swap};
use crate::failure::{Failure, Result};
use crate::render;
use landbridge_cli_support::args::Output;

/// Runs the command.
pub(crate) async fn run(args: RestoreArgs) -> Result {
    let context = RestoreContext::new(&args.common, args.zone.as_deref()).await?;
    let source = &context.config.source;
    let target = target(&args, &source.id)?;
    let target = target.as_str();
    if args.swap {
        return swap::run(&context, &args, target).await;
    }
    let existing = context.aws.rds.database(source.kind, target).await.map_err(rds_failure)?;
    let started_from = existing.as_ref().and_then(|it| it.tags.get(TAG_RESTORED_FROM));
    let start = origin::resolve(&context, &args, started_from.map(String::as_str)).await?;
    let options = RestoreOptions { public: args.public, ..args.isolation.options() };
    let plan = RestorePlan::new(&start.record, &source.id, target, start.origin, options);
    let mut remarks = start.remarks;
    if let Some(it) = &existing {
        execute::require_same_restore(it, &plan.origin.tag(&plan.source), target)?;
    }

    // A restore does not need the source: it may have been deleted.
    let current = context.aws.rds.settings_record(&source.id).await.ok();
    let lines = plan.compare_with(current.as_ref());
    remarks.extend(plan.member_remarks(current.as_ref()));
    if args.isolation.parameter_group.is_none() {
        remarks.push(copies::remark(&plan.engine).to_owned());
    }
    if args.dry_run && args.common.output.format == Output::Json {
        return render::json(&json!({ "plan": plan, "lines": lines, "remarks": remarks }));
    }
    let shown = show::plan(&context, &plan, &lines, &remarks);
    if args.common.output.format == Output::Text {
        render::print(&shown)?;
    }
    if args.dry_run {
        return Ok(());
    }
    if existing.is_none() {
        confirm(&format!("Restore {target}?"), args.yes)?;
    }

    let started_at = context.clock.now();
    let mut progress = Progress::new();
    let outcome = execute(&context, &plan, &mut progress).await?;
    drop(progress);
    let seconds = context.clock.now().duration_since(started_at).as_secs();
    match args.common.output.format {
        Output::Json => render::json(&json!({
            "plan": plan,
            "remarks": remarks,
            "outcome": outcome,
            "seconds": seconds,
        }))?,
        Output::Text => render::print(&show::outcome(&plan, &outcome, &show::duration(seconds)))?,
    }
    complete(target, &outcome)
}

/// The name of the restored database.
fn target(args: &RestoreArgs, source: &str) -> Result<DatabaseId> {
    let target = DatabaseId::new(args.target.to_ascii_lowercase()).map_err(|_| {
        Failure::Usage(format!(
            "`--as '{}'`: `--as` must be a name that RDS accepts: 1 to 63 letters, digits and single \
             hyphens, starting with a letter, for example shop-restored.",
            args.target
        ))
    })?;
    if target.as_str() == source {
        return Err(Failure::Usage(format!(
            "--as: {source} is the source itself. Restore under another name, then swap the names \
             with --swap"
        )));
    }
    Ok(target)
}

/// Succeeds if the restored database answers and has the settings of the plan.
fn complete(target: &str, outcome: &RestoreOutcome) -> Result {
    match (&outcome.unreachable_reason, outcome.not_as_planned.is_empty()) {
        (Some(why), _) => Err(Failure::Partly(format!(
            "{target} is restored but does not answer at {}:{} from here: {why}. Try to connect \
             from the network in which the application runs",
            outcome.host, outcome.port
        ))),
        (None, false) => Err(Failure::Partly(format!(
            "{target} is restored, but these settings differ from the plan: {}. Run the same \
             command again, or change them in the RDS console",
            outcome.not_as_planned.join(", ")
        ))),
        (None, true) => Ok(()),
    }
}
