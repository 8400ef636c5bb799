//! `landbridge drill`: a restore that is checked, timed and thrown away.

use jiff::Timestamp;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::SourceKind;
use landbridge_core::ids::TAG_DRILL;
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::restore::plan::RestoreOptions;
use landbridge_core::restore::{RestorePlan, RestorePoint};
use landbridge_ledger::name::SourceName;
use landbridge_ledger::records::DRILLS;
use landbridge_source::{Tls, rows};
use serde::{Deserialize, Serialize};

use super::args::DrillArgs;
use super::execute::{execute, of_drill};
use super::wait::{self, Progress};
use super::{RestoreContext, confirm, origin, rds_failure, show};
use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::receipt;
use crate::render::{self, counted, grouped, left, right};
use landbridge_cli_support::args::Output;

/// Days looked back for receipts.
const LOOK_BACK: u32 = 14;
/// Longest id of a database.
const LONGEST: usize = 63;

/// A drill, as the ledger keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Drill {
    /// When it began.
    pub(super) at: Timestamp,
    /// The snapshot.
    pub(super) snapshot: String,
    /// From the request until the database answered: the recovery time.
    pub(super) seconds: i64,
    /// The day whose receipts were compared, if any.
    pub(super) day: Option<Day>,
    /// Tables whose rows were counted.
    pub(super) tables: usize,
    /// Whether all of it was as it should be.
    pub(super) good: bool,
    /// What was not.
    pub(super) problems: Vec<String>,
}

/// A table's rows in a receipt and in the restored database.
#[derive(Debug, Serialize)]
struct Compared {
    target: String,
    receipt: u64,
    restored: Option<u64>,
    good: bool,
}

/// The name of a drill's record.
pub(super) fn record_name(time: &str) -> SourceName<Drill> {
    SourceName::new(format!("{DRILLS}/{time}.json"))
}

/// Runs the command.
pub(crate) async fn run(args: DrillArgs) -> Result {
    let context = RestoreContext::new(&args.common, None).await?;
    let source = &context.config.source;
    let target = name(&source.id);
    let mut progress = Progress::new();
    if args.clean_up {
        clean_up(&context, &target, &mut progress).await?;
        return render::print(&format!("nothing of a drill is left of {}", source.id));
    }
    let url = match &args.database_url_env {
        None => None,
        Some(name) => Some(std::env::var(name).map_err(|_| {
            Failure::Usage(format!("--database-url-env: there is no variable {name}"))
        })?),
    };
    let tls = args.ca.as_deref().map(Tls::trust_file).transpose()?;
    let (point, start) = origin::newest(&context, args.from_receipt).await?;
    let options = RestoreOptions { public: false, drill: Some(&source.name) };
    let plan = RestorePlan::new(&start.record, &source.id, &target, start.origin, options);
    let question = format!(
        "Restore {} to {target}, which costs as much as {} while it is there, and delete it again?",
        point.snapshot, source.id
    );
    confirm(&question, args.yes)?;
    // What an interrupted drill left would make the time too short.
    clean_up(&context, &target, &mut progress).await?;

    let begun = context.clock.now();
    let tried = attempt(
        &context,
        &plan,
        &point,
        url.as_deref().map(|url| (url, tls)),
        begun,
        &mut progress,
    )
    .await;
    progress.say(&format!("deleting {target}"));
    let deleted = clean_up(&context, &target, &mut progress).await;
    drop(progress);
    if let Err(error) = &deleted {
        eprintln!(
            "{} {error}; delete it with `landbridge drill --clean-up`",
            Paint::stderr().yellow("note")
        );
    }
    let (drill, compared) = tried?;
    let record = record_name(&begun.strftime("%Y%m%dt%H%M%Sz").to_string());
    context.ledger().source().create(&record, &drill).await?;
    match args.common.output.format {
        Output::Json => render::json(&serde_json::json!({ "drill": drill, "tables": compared }))?,
        Output::Text => render::print(&shown(&drill, &compared))?,
    }
    deleted?;
    if drill.good {
        return Ok(());
    }
    Err(Failure::Failed(format!("the drill failed: {}", drill.problems.join("; "))))
}

/// `shop-prod-drill`.
fn name(source: &str) -> String {
    const END: &str = "-drill";
    let most = source.len().min(LONGEST - END.len());
    format!("{}{END}", source[..most].trim_end_matches('-'))
}

async fn attempt(
    context: &RestoreContext,
    plan: &RestorePlan,
    point: &RestorePoint,
    url: Option<(&str, Option<Tls>)>,
    begun: Timestamp,
    progress: &mut Progress,
) -> Result<(Drill, Vec<Compared>)> {
    let outcome = execute(context, plan, progress).await?;
    let seconds = context.clock.now().duration_since(begun).as_secs();
    let mut problems: Vec<String> = outcome
        .not_as_planned
        .iter()
        .map(|setting| format!("{setting} is not as recorded"))
        .collect();
    problems.extend(outcome.silent.as_ref().map(|why| format!("it does not answer: {why}")));
    let (mut day, mut compared) = (None, Vec::new());
    if let Some((url, tls)) = url.filter(|_| outcome.silent.is_none()) {
        progress.say("counting rows");
        if let Some((of, receipts)) = receipts_for(context, point).await? {
            day = Some(of);
            let published = receipts.iter().filter(|it| it.state == ReceiptState::Published);
            let targets: Vec<String> = published.map(|it| it.source_table.clone()).collect();
            let place = (outcome.host.as_str(), outcome.port);
            let rows = rows::count(&outcome.engine, url, place, tls, &targets).await?;
            compared = compare(context, point, &receipts, &rows);
        } else {
            problems.push(format!("no receipts of the last {LOOK_BACK} days to compare with"));
        }
    }
    for it in compared.iter().filter(|it| !it.good) {
        let restored = it.restored.map_or("no such table".to_owned(), grouped);
        problems.push(format!("{}: {} in the receipt, {restored}", it.target, grouped(it.receipt)));
    }
    let drill = Drill {
        at: begun,
        snapshot: point.snapshot.clone(),
        seconds,
        day,
        tables: compared.len(),
        good: problems.is_empty(),
        problems,
    };
    Ok((drill, compared))
}

/// The receipts of the snapshot's own day, else the newest before it.
async fn receipts_for(
    context: &RestoreContext,
    point: &RestorePoint,
) -> Result<Option<(Day, Vec<Receipt>)>> {
    let schedule = &context.config.schedule;
    let calendar = Calendar::new(&schedule.zone, schedule.export_hour)?;
    let mut day = calendar.day_of(point.taken_at.unwrap_or_else(|| context.clock.now()));
    for _ in 0..LOOK_BACK {
        let receipts = receipt::read(&context.config, &context.aws, day).await?;
        if receipts.iter().any(|it| it.state == ReceiptState::Published) {
            return Ok(Some((day, receipts)));
        }
        let Ok(before) = day.date().yesterday() else { break };
        day = Day::new(before);
    }
    Ok(None)
}

fn compare(
    context: &RestoreContext,
    point: &RestorePoint,
    receipts: &[Receipt],
    rows: &std::collections::BTreeMap<String, Option<u64>>,
) -> Vec<Compared> {
    let kept = 100 - u64::from(context.config.checks.max_shrink_percent);
    let compare = |receipt: &Receipt| {
        let restored = *rows.get(&receipt.source_table)?;
        let expected = receipt.rows_footer;
        let good = restored.is_some_and(|restored| {
            if receipt.snapshot == point.snapshot {
                restored == expected
            } else {
                u128::from(restored) * 100 >= u128::from(expected) * u128::from(kept)
            }
        });
        Some(Compared { target: receipt.source_table.clone(), receipt: expected, restored, good })
    };
    receipts.iter().filter(|it| it.state == ReceiptState::Published).filter_map(compare).collect()
}

/// Deletes what carries the tag of this source's drill, and waits until it is gone.
async fn clean_up(context: &RestoreContext, target: &str, progress: &mut Progress) -> Result {
    let source = &context.config.source;
    let rds = &context.aws.rds;
    let Some(it) = rds.database(source.kind, target).await.map_err(rds_failure)? else {
        return Ok(());
    };
    let mine = |it: &landbridge_aws::rds::Database| of_drill(it, &source.name);
    if !mine(&it) {
        return Err(Failure::Failed(format!(
            "{target} is there and does not carry the tag {TAG_DRILL}={}: it is left alone, and \
             no drill is done",
            source.name
        )));
    }
    for member in &it.members {
        let kind = SourceKind::Instance;
        rds.delete_database(kind, member, mine).await.map_err(rds_failure)?;
        wait::gone(context, kind, member, progress).await?;
    }
    // One that is just being made can be deleted when it is there.
    let at_rest = |it: Option<&landbridge_aws::rds::Database>| {
        it.is_none_or(|it| !matches!(it.status.as_str(), "creating" | "modifying" | "backing-up"))
    };
    wait::until(context, source.kind, target, progress, at_rest).await?;
    rds.delete_database(source.kind, target, mine).await.map_err(rds_failure)?;
    wait::gone(context, source.kind, target, progress).await
}

fn shown(drill: &Drill, compared: &[Compared]) -> String {
    let paint = Paint::stdout();
    let verdict = if drill.good { paint.green("good") } else { paint.red("failed") };
    let mut text = format!(
        "drill {verdict}: {} restored and answering after {}\n",
        drill.snapshot,
        show::took(drill.seconds)
    );
    match drill.day {
        Some(day) if drill.good => {
            let tables = drill.tables;
            text += &format!(
                "{tables} of {} the row counts of the {day} receipts.\n",
                counted(tables, "table") + if tables == 1 { " has" } else { " have" }
            );
        }
        Some(_) => {}
        None => text += "rows were not counted\n",
    }
    if !compared.is_empty() {
        let columns = [left("table"), right("in the receipt"), right("restored"), left("")];
        let rows = compared.iter().map(|it| {
            let verdict = if it.good { "" } else { "≠" };
            let restored = it.restored.map_or("–".to_owned(), grouped);
            vec![it.target.clone(), grouped(it.receipt), restored, verdict.to_owned()]
        });
        text += &render::table(&columns, rows.collect(), 2);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_drill_has_a_name_that_rds_takes() {
        assert_eq!(super::name("shop-prod"), "shop-prod-drill");
        assert!(super::name(&"a-".repeat(31)).len() <= 63);
    }
}
