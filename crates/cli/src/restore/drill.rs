//! `landbridge drill`: restores a snapshot, checks and times the restore, and deletes the database.

use jiff::Timestamp;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::restore::plan::{DrillRun, RestoreOptions};
use landbridge_core::restore::{RestorePlan, RestorePoint, copies};
use landbridge_ledger::records::{self, Drill};
use landbridge_source::Tls;
use landbridge_source::rows::{self, RowCount};
use serde::Serialize;

use super::args::DrillArgs;
use super::execute::execute;
use super::temporary::{self, Temporary};
use super::wait::Progress;
use super::{RestoreContext, confirm, origin, show};
use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::receipt;
use crate::render::{self, counted, grouped, left, right};
use landbridge_cli_support::args::Output;

/// How many days back the drill searches for receipts.
const LOOK_BACK_DAYS: u32 = 14;
/// The row counts of one table: in its receipt and in the restored database.
#[derive(Debug, Serialize)]
struct RowComparison {
    /// The source table.
    table: String,
    receipt_rows: u64,
    /// `None` if the restored database has no such table.
    restored_rows: Option<u64>,
    /// Set if tables inherit from it: an export contains one of the two numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_rows_without_children: Option<u64>,
    matches: bool,
}

/// Runs the command.
pub(crate) async fn run(args: DrillArgs) -> Result {
    let context = RestoreContext::new(&args.common, None).await?;
    let source = &context.config.source;
    let target = drill_database_name(&source.id);
    let temporary =
        Temporary { target: &target, what: "drill", clean_up: "landbridge drill --clean-up" };
    let mut progress = Progress::new();
    if args.clean_up {
        temporary.clean_up(&context, None, &mut progress).await?;
        return render::print(&format!("no drill database of {} exists any more", source.id));
    }
    temporary.require_none(&context).await?;
    let url = match &args.database_url_env {
        None => None,
        Some(name) => Some(std::env::var(name).map_err(|_| {
            Failure::Usage(format!(
                "--database-url-env: the environment variable {name} is not set"
            ))
        })?),
    };
    let tls = args.ca.as_deref().map(Tls::trust_file).transpose()?;
    let (point, start) = origin::newest(&context, args.from_receipt).await?;
    let run = temporary::run_name(context.clock.now());
    let drill = DrillRun { source: &source.name, run: &run };
    let options = RestoreOptions { drill: Some(drill), ..args.isolation.options() };
    let plan = RestorePlan::new(&start.record, &source.id, &target, start.origin, options);
    let question = format!(
        "Restore {} to {target} and delete it afterwards? While it exists, it costs as much as {}.",
        point.snapshot, source.id
    );
    if args.isolation.parameter_group.is_none() {
        eprintln!("{} {}", Paint::stderr().yellow("note"), copies::remark(&plan.engine));
    }
    confirm(&question, args.yes)?;
    temporary.require_none(&context).await?;

    let started_at = context.clock.now();
    let work = restore_and_verify(
        &context,
        &plan,
        &point,
        url.as_deref().map(|url| (url, tls)),
        started_at,
        &mut progress,
    );
    let attempt = context.interrupts.unless_interrupted(work).await;
    temporary.announce(&attempt);
    progress.show(&format!("deleting {target}"));
    let deleted = temporary.clean_up(&context, Some(&run), &mut progress).await;
    drop(progress);
    if let Err(error) = &deleted {
        eprintln!(
            "{} {error}; delete it with `landbridge drill --clean-up`",
            Paint::stderr().yellow("note")
        );
    }
    let (drill, comparisons) = attempt?;
    let record = records::drill(&started_at.strftime("%Y%m%dt%H%M%Sz").to_string());
    context.ledger().source().create(&record, &drill).await?;
    match args.common.output.format {
        Output::Json => {
            render::json(&serde_json::json!({ "drill": drill, "tables": comparisons }))?
        }
        Output::Text => render::print(&report(&drill, &comparisons))?,
    }
    deleted?;
    if drill.good {
        return Ok(());
    }
    Err(Failure::Failed(format!("the drill failed: {}", drill.problems.join("; "))))
}

/// The name of the drill's database: `shop-prod-drill`.
pub(super) fn drill_database_name(source: &str) -> String {
    temporary::database_name(source, "-drill")
}

/// Restores the snapshot, measures the time and compares the row counts with the receipts.
async fn restore_and_verify(
    context: &RestoreContext,
    plan: &RestorePlan,
    point: &RestorePoint,
    url: Option<(&str, Option<Tls>)>,
    started_at: Timestamp,
    progress: &mut Progress,
) -> Result<(Drill, Vec<RowComparison>)> {
    let outcome = execute(context, plan, progress).await?;
    let seconds = context.clock.now().duration_since(started_at).as_secs();
    let mut problems: Vec<String> = outcome
        .not_as_planned
        .iter()
        .map(|setting| format!("the setting {setting} differs from the record"))
        .collect();
    problems.extend(
        outcome
            .unreachable_reason
            .as_ref()
            .map(|why| format!("the database does not answer: {why}")),
    );
    let (mut day, mut comparisons) = (None, Vec::new());
    if let Some((url, tls)) = url.filter(|_| outcome.unreachable_reason.is_none()) {
        progress.show("counting rows");
        if let Some((of, receipts)) = receipts_for(context, point).await? {
            day = Some(of);
            let published = receipts.iter().filter(|it| it.state == ReceiptState::Published);
            let targets: Vec<String> = published.map(|it| it.source_table.clone()).collect();
            let place = (outcome.host.as_str(), outcome.port);
            let rows = rows::count(&outcome.engine, url, place, tls, &targets).await?;
            comparisons = compare_rows(context, point, &receipts, &rows);
        } else {
            problems.push(format!(
                "there are no receipts of the last {LOOK_BACK_DAYS} days to compare with"
            ));
        }
    }
    for it in comparisons.iter().filter(|it| !it.matches) {
        let restored = match (it.restored_rows, it.restored_rows_without_children) {
            (None, _) => "no such table".to_owned(),
            (Some(rows), None) => grouped(rows),
            (Some(rows), Some(own)) => {
                format!(
                    "{} ({} without the tables that inherit from it)",
                    grouped(rows),
                    grouped(own)
                )
            }
        };
        let in_receipt = grouped(it.receipt_rows);
        problems.push(format!(
            "{}: {in_receipt} in the receipt, {restored} in the restored database",
            it.table
        ));
    }
    let drill = Drill {
        at: started_at,
        snapshot: point.snapshot.clone(),
        seconds,
        day,
        tables: comparisons.len(),
        good: problems.is_empty(),
        problems,
    };
    Ok((drill, comparisons))
}

/// The receipts of the snapshot's day, else of the newest earlier day that has published tables.
async fn receipts_for(
    context: &RestoreContext,
    point: &RestorePoint,
) -> Result<Option<(Day, Vec<Receipt>)>> {
    let schedule = &context.config.schedule;
    let calendar = Calendar::new(&schedule.zone, schedule.export_hour)?;
    let mut day = calendar.day_of(point.taken_at.unwrap_or_else(|| context.clock.now()));
    for _ in 0..LOOK_BACK_DAYS {
        let receipts = receipt::read(&context.config, &context.aws, day).await?;
        if receipts.iter().any(|it| it.state == ReceiptState::Published) {
            return Ok(Some((day, receipts)));
        }
        let Some(before) = day.before() else { break };
        day = before;
    }
    Ok(None)
}

/// Compares the rows of every published table. They must be equal if the day was exported from this
/// snapshot; otherwise they may be fewer by at most `checks.max_shrink_percent`.
fn compare_rows(
    context: &RestoreContext,
    point: &RestorePoint,
    receipts: &[Receipt],
    rows: &std::collections::BTreeMap<String, Option<RowCount>>,
) -> Vec<RowComparison> {
    let min_percent = 100 - u64::from(context.config.checks.max_shrink_percent);
    let compare = |receipt: &Receipt| {
        let restored = *rows.get(&receipt.source_table)?;
        let expected = receipt.rows_footer;
        let matches = |restored: u64| {
            if receipt.snapshot == point.snapshot {
                restored == expected
            } else {
                u128::from(restored) * 100 >= u128::from(expected) * u128::from(min_percent)
            }
        };
        Some(RowComparison {
            table: receipt.source_table.clone(),
            receipt_rows: expected,
            restored_rows: restored.map(|it| it.all),
            restored_rows_without_children: restored.and_then(|it| it.own),
            matches: restored.is_some_and(|it| it.any(matches)),
        })
    };
    receipts.iter().filter(|it| it.state == ReceiptState::Published).filter_map(compare).collect()
}

fn report(drill: &Drill, comparisons: &[RowComparison]) -> String {
    let paint = Paint::stdout();
    let verdict = if drill.good { paint.green("good") } else { paint.red("failed") };
    let mut text = format!(
        "drill {verdict}: {} was restored and answered after {}\n",
        drill.snapshot,
        show::duration(drill.seconds)
    );
    match drill.day {
        Some(day) if drill.good => {
            let tables = drill.tables;
            text += &format!(
                "{tables} of {} {} the row counts of the {day} receipts\n",
                counted(tables, "table"),
                if tables == 1 { "has" } else { "have" }
            );
        }
        Some(_) => {}
        None => text += "rows were not counted\n",
    }
    if !comparisons.is_empty() {
        let columns = [left("table"), right("in the receipt"), right("restored"), left("")];
        let rows = comparisons.iter().map(|it| {
            let mark = if it.matches { "" } else { "≠" };
            let restored = it.restored_rows.map_or("–".to_owned(), grouped);
            vec![it.table.clone(), grouped(it.receipt_rows), restored, mark.to_owned()]
        });
        text += &render::table(&columns, rows.collect(), 2);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_drill_database_has_a_valid_name() {
        assert_eq!(super::drill_database_name("shop-prod"), "shop-prod-drill");
        assert!(super::drill_database_name(&"a-".repeat(31)).len() <= 63);
    }
}
