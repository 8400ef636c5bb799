//! The table as the export of a day has it.

use landbridge_core::calendar::Day;
use landbridge_core::contract::Contract;
use landbridge_core::plan::TablePlan;
use landbridge_core::types::Engine;
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, EXPORT, PLAN};

use super::columns;
use super::condition::Condition;
use super::read::{Exported, RowSource};
use super::{Command, Prepared};
use crate::failure::{Failure, Result};
use crate::render::{self, bytes};

/// Finds the export's files of the table, and chooses columns.
///
/// # Errors
/// If the day has no export of the table, the condition is wrong, or the ledger cannot be read.
pub(super) async fn prepare(command: &Command, contract: &Contract) -> Result<Prepared> {
    let args = &command.args;
    let (day, records) = (command.day, command.ledger.day(command.day));
    let (plan, export) = planned(&records, day, args.table_name()).await?;
    let receipt = match plan.table.as_str() {
        "" => None,
        table => records.value(&records::receipt(table)).await?,
    };
    let chosen =
        columns::choose(&plan.source_table, &plan.columns, contract, receipt.as_ref(), args.plain)?;
    let condition = match &args.condition {
        Some(text) => Some(Condition::parse(text, &plan.source_table, &chosen)?),
        None => None,
    };
    let exported = Exported::of(&command.aws.s3, &command.config.export.bucket, &plan, day);
    let forgotten =
        crate::forget::record::of_day(&command.ledger, Some(&plan.source_table), day).await?;
    let announcement = format!(
        "{} of {day}: {} in {} ({}), export {export}",
        plan.source_table,
        render::counted(usize::try_from(plan.rows).unwrap_or(usize::MAX), "row"),
        render::counted(exported.files(), "file"),
        bytes(exported.bytes()),
    ) + &forgotten.map(|it| format!("\n  note    {it}")).unwrap_or_default();
    Ok(Prepared {
        source_table: plan.source_table,
        engine: engine(&records, day).await?,
        from: format!("export of {day}"),
        export: Some(export),
        snapshot: None,
        rows: Some(plan.rows),
        announcement,
        chosen,
        condition,
        source: RowSource::Exported(exported),
    })
}

/// The engine of the exported snapshot.
async fn engine(records: &DayLedger, day: Day) -> Result<Engine> {
    let export = records.value(&EXPORT).await?;
    export.map(|export| export.engine).ok_or_else(|| {
        Failure::Failed(format!(
            "the ledger has no record of the export of {day}; see `landbridge days`"
        ))
    })
}

/// The plan of the table on that day, and the export task.
async fn planned(records: &DayLedger, day: Day, table: &str) -> Result<(TablePlan, String)> {
    let Some(plan) = records.value(&PLAN).await? else {
        return Err(Failure::Failed(format!(
            "no export of {day} is planned, so there are no rows of that day in S3; `landbridge days` lists the days, and `landbridge snapshots` the snapshots that can be restored"
        )));
    };
    let is_it =
        |it: &&landbridge_core::plan::TableEntry| it.source_table == table || it.table == table;
    let Some(entry) = plan.tables.iter().find(is_it) else {
        let skipped = plan.skipped.iter().find(|it| it.source_table == table);
        return Err(match skipped {
            Some(skipped) => Failure::Failed(format!(
                "{table} of {day} is not in the export's plan: {}. Read it from the snapshot instead: add --from restore",
                skipped.reason
            )),
            None => Failure::Usage(format!(
                "the export of {day} has no table `{table}`. There are: {}",
                plan.tables
                    .iter()
                    .map(|it| it.source_table.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        });
    };
    let table_plan = records.table_plan(entry).await?.ok_or_else(|| {
        Failure::Failed(format!(
            "{} is being planned again at this moment; run the command again",
            entry.source_table
        ))
    })?;
    if let Some(problem) = &table_plan.problem {
        return Err(Failure::Failed(format!(
            "{} of {day} was held, so its files are not listed: {}. Read it from the snapshot instead: add --from restore",
            entry.source_table, problem.what
        )));
    }
    Ok((table_plan, plan.export))
}
