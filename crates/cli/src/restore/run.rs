//! `landbridge restore`.

use landbridge_core::ids::{DatabaseId, TAG_RESTORED_FROM};
use landbridge_core::restore::RestorePlan;
use landbridge_core::restore::plan::RestoreOptions;
use serde_json::json;

use super::args::RestoreArgs;
use super::execute::{self, execute};
use super::wait::Progress;
use super::{RestoreContext, confirm, origin, rds_failure, show, swap};
use crate::failure::{Failure, Result};
use crate::render;
use landbridge_cli_support::args::Output;

/// Runs the command.
pub(crate) async fn run(args: RestoreArgs) -> Result {
    let context = RestoreContext::new(&args.common, args.zone.as_deref()).await?;
    let target = DatabaseId::new(args.target.to_ascii_lowercase()).map_err(|_| {
        Failure::Usage(format!(
            "`--as '{}'`: `--as` must be a name that RDS accepts: 1 to 63 letters, digits and single \
             hyphens, starting with a letter, for example shop-restored.",
            args.target
        ))
    })?;
    let (source, target) = (&context.config.source, target.as_str());
    if target == source.id {
        return Err(Failure::Usage(format!(
            "--as: {target} is the source itself; restore under another name, then swap the two \
             with --swap"
        )));
    }
    if args.swap {
        return swap::run(&context, &args, target).await;
    }
    let there = context.aws.rds.database(source.kind, target).await.map_err(rds_failure)?;
    let begun = there.as_ref().and_then(|it| it.tags.get(TAG_RESTORED_FROM));
    let start = origin::find(&context, &args, begun.map(String::as_str)).await?;
    let options = RestoreOptions { public: args.public, drill: None };
    let plan = RestorePlan::new(&start.record, &source.id, target, start.origin, options);
    if let Some(it) = &there {
        execute::require_same_restore(it, &plan.origin.tag(&plan.source), target)?;
    }

    // The source may be gone, which is no reason not to restore it.
    let now = context.aws.rds.settings_record(&source.id).await.ok();
    let lines = plan.compare_with(now.as_ref());
    if args.dry_run && args.common.output.format == Output::Json {
        return render::json(&json!({ "plan": plan, "lines": lines, "remarks": start.remarks }));
    }
    let shown = show::plan(&context, &plan, &lines, &start.remarks);
    if args.common.output.format == Output::Text {
        render::print(&shown)?;
    }
    if args.dry_run {
        return Ok(());
    }
    if there.is_none() {
        confirm(&format!("Restore {target}?"), args.yes)?;
    }

    let begun = context.clock.now();
    let mut progress = Progress::new();
    let outcome = execute(&context, &plan, &mut progress).await?;
    drop(progress);
    let seconds = context.clock.now().duration_since(begun).as_secs();
    match args.common.output.format {
        Output::Json => render::json(&json!({
            "plan": plan,
            "remarks": start.remarks,
            "outcome": outcome,
            "seconds": seconds,
        }))?,
        Output::Text => render::print(&show::outcome(&plan, &outcome, &show::took(seconds)))?,
    }
    match (&outcome.silent, outcome.not_as_planned.is_empty()) {
        (Some(why), _) => Err(Failure::Partly(format!(
            "{target} is restored but does not answer at {}:{} from here: {why}. Try from where \
             the application runs",
            outcome.host, outcome.port
        ))),
        (None, false) => Err(Failure::Partly(format!(
            "{target} is restored, but not all is as planned: {}; set it by hand, or run the same \
             command again",
            outcome.not_as_planned.join(", ")
        ))),
        (None, true) => Ok(()),
    }
}
