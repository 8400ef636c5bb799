//! `landbridge drill`: restores a snapshot, checks and times the restore, and deletes the database.

use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Timestamp;
use landbridge_aws::rds::{Database, is_wrong_state};
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::SourceKind;
use landbridge_core::ids::{TAG_DRILL, TAG_DRILL_RUN};
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::restore::plan::{DrillRun, RestoreOptions};
use landbridge_core::restore::{RestorePlan, RestorePoint, copies};
use landbridge_ledger::records::{self, Drill};
use landbridge_source::Tls;
use landbridge_source::rows::{self, RowCount};
use serde::Serialize;

use super::args::DrillArgs;
use super::execute::{execute, has_drill_tag};
use super::wait::{self, Progress};
use super::{RestoreContext, confirm, origin, rds_failure, show};
use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::receipt;
use crate::render::{self, counted, grouped, left, right};
use landbridge_cli_support::args::Output;

/// How many days back the drill searches for receipts.
const LOOK_BACK_DAYS: u32 = 14;
/// Longest database id that RDS accepts, in bytes.
const MAX_ID_LENGTH: usize = 63;

/// How long RDS may refuse to delete a database because of its state.
const DELETE_TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(1800);

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
    let mut progress = Progress::new();
    if args.clean_up {
        clean_up(&context, &target, None, &mut progress).await?;
        return render::print(&format!("no drill database of {} exists any more", source.id));
    }
    require_no_drill(&context, &target).await?;
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
    let run = run_name(context.clock.now());
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
    require_no_drill(&context, &target).await?;

    let started_at = context.clock.now();
    let attempt = restore_and_verify(
        &context,
        &plan,
        &point,
        url.as_deref().map(|url| (url, tls)),
        started_at,
        &mut progress,
    )
    .await;
    progress.show(&format!("deleting {target}"));
    let deleted = clean_up(&context, &target, Some(&run), &mut progress).await;
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

/// The name of a run of the command: its time, and a number that differs between two operators at the same
/// moment. `RandomState` is seeded by the operating system in each process.
fn run_name(now: Timestamp) -> String {
    let number = RandomState::new().build_hasher().finish();
    format!("{}-{number:016x}", now.strftime("%Y%m%dt%H%M%Sz"))
}

/// The name of the drill's database: `shop-prod-drill`.
pub(super) fn drill_database_name(source: &str) -> String {
    const END: &str = "-drill";
    let most = source.len().min(MAX_ID_LENGTH - END.len());
    format!("{}{END}", source[..most].trim_end_matches('-'))
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

/// Fails if a database has the name of the drill's: it is a database of other use, or that of a drill that another
/// operator may be running now.
async fn require_no_drill(context: &RestoreContext, target: &str) -> Result {
    let source = &context.config.source;
    let existing = context.aws.rds.database(source.kind, target).await.map_err(rds_failure)?;
    let Some(it) = existing else { return Ok(()) };
    if !has_drill_tag(&it, &source.name) {
        return Err(foreign_database(target, &source.name));
    }
    let since = it.created.map(|at| format!(" since {}", context.local(at))).unwrap_or_default();
    Err(Failure::Failed(format!(
        "{target} exists{since} and is {}: another drill is running, or one was interrupted. If none is \
         running, delete it with `landbridge drill --clean-up`; otherwise wait until it is gone",
        it.status
    )))
}

fn foreign_database(target: &str, source: &str) -> Failure {
    Failure::Failed(format!(
        "{target} exists and does not carry the tag {TAG_DRILL}={source}, so it is left alone and no \
         drill can run. Rename it or delete it by hand"
    ))
}

/// Deletes the drill database of this source, if it exists, and waits until RDS has deleted it. A
/// database without the drill's tag is never deleted, and with `run`, one of another run neither.
async fn clean_up(
    context: &RestoreContext,
    target: &str,
    run: Option<&str>,
    progress: &mut Progress,
) -> Result {
    let source = &context.config.source;
    let rds = &context.aws.rds;
    let Some(it) = rds.database(source.kind, target).await.map_err(rds_failure)? else {
        return Ok(());
    };
    if !has_drill_tag(&it, &source.name) {
        return Err(foreign_database(target, &source.name));
    }
    if run.is_some_and(|run| it.tags.get(TAG_DRILL_RUN).is_none_or(|tag| tag != run)) {
        return Ok(());
    }
    // RDS deletes the members of a Multi-AZ cluster with it.
    let members = it.members.iter().filter(|_| it.engine.starts_with("aurora"));
    for member in members {
        delete(context, SourceKind::Instance, member, progress).await?;
    }
    delete(context, source.kind, target, progress).await
}

/// Deletes a database of a drill. RDS deletes a database only in certain states: this waits until it
/// is created, and while RDS makes its first backup.
async fn delete(
    context: &RestoreContext,
    kind: SourceKind,
    id: &str,
    progress: &mut Progress,
) -> Result {
    let is_drill = |it: &Database| has_drill_tag(it, &context.config.source.name);
    let is_deletable = |it: Option<&Database>| it.is_none_or(|it| !wait::is_passing(&it.status));
    let started_at = std::time::Instant::now();
    loop {
        wait::until(context, kind, id, progress, is_deletable).await?;
        match context.aws.rds.delete_database(kind, id, is_drill).await {
            Ok(()) => break,
            Err(error) if is_wrong_state(&error) && started_at.elapsed() < DELETE_TIME_LIMIT => {
                progress.show(&format!("{id} is busy again; waiting"));
                tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            }
            Err(error) => return Err(rds_failure(error)),
        }
    }
    wait::gone(context, kind, id, progress).await
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

    #[test]
    fn two_runs_at_the_same_moment_have_different_names() {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let (one, other) = (super::run_name(now), super::run_name(now));
        assert!(one.starts_with("19700101t000000z-"), "{one}");
        assert_ne!(one, other);
    }
}
