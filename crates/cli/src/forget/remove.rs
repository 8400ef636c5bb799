//! Removes what the plan found. Each step can be repeated: a file that is gone and a row that is gone are done.

use landbridge_core::contract::ColumnContract;
use landbridge_core::forget::{Copies, Forgotten, Remains, remains};
use landbridge_core::restore::{Setting, SettingValue};

use super::others::OtherTable;
use super::plan::Plan;
use super::warehouse::{full, rows_in_warehouse};
use super::{Command, figures, landing, others, record, with_rights};
use crate::failure::{Failure, Result};

/// Removes the rows, and records it.
///
/// # Errors
/// The first error; the record then has no end, and the next command of the same key goes on.
pub(super) async fn run(command: &Command, plan: &Plan) -> Result<Forgotten> {
    let mut forgotten = record::begin(command, plan).await?;
    // Also files that an earlier, interrupted command found: it may have deleted only some of their versions.
    forgotten.files.extend(plan.files.iter().map(|it| it.key.clone()));
    for key in &forgotten.files {
        delete_file(command, key).await?;
    }
    for landed in &plan.landed {
        landing::delete(command, landed).await?;
    }
    forgotten.landed = forgotten.landed.max(plan.landed.len() as u64);
    for key in &plan.figures {
        figures::remove(command, key).await?;
    }
    forgotten.figures = forgotten.figures.max(plan.figures.len() as u64);
    let deleted = delete_rows(command, plan).await?;
    forgotten.warehouse_rows = forgotten.warehouse_rows.max(deleted);
    let others = none_left(command, plan).await?;
    forgotten.remains = what_remains(command, plan, &others).await?;
    forgotten.finished_at = Some(command.now);
    record::end(command, &forgotten).await
}

/// Deletes all versions of an object.
async fn delete_file(command: &Command, key: &str) -> Result {
    let (s3, bucket) = (&command.aws.s3, command.config.export.bucket.as_str());
    let versions = s3.versions(bucket, key).await.map_err(with_rights)?;
    for version in versions.iter().filter(|it| it.key == key) {
        s3.delete_version(bucket, key, &version.id).await.map_err(with_rights)?;
    }
    let left = s3.versions(bucket, key).await.map_err(with_rights)?;
    if left.iter().any(|it| it.key == key) {
        return Err(Failure::Failed(format!(
            "s3://{bucket}/{key} has versions still, after they were deleted; run the command again"
        )));
    }
    Ok(())
}

/// Deletes the rows in BigQuery, in histories too, and counts again.
async fn delete_rows(command: &Command, plan: &Plan) -> Result<u64> {
    let table = (plan.table.as_str(), plan.condition.as_str(), plan.warehouse_rows);
    let others = plan.other_tables.iter();
    let others = others.map(|it| (it.table.as_str(), it.condition.as_str(), it.rows));
    let mut deleted = 0;
    for (table, condition, rows) in std::iter::once(table).chain(others) {
        if rows > 0 {
            deleted += delete_in(command, table, condition).await?;
        }
    }
    Ok(deleted)
}

/// Looks again: a load that began before the record was written may have kept a day since. Returns the other tables as they are now.
async fn none_left(command: &Command, plan: &Plan) -> Result<Vec<OtherTable>> {
    let others = others::find(command, &plan.newest, &plan.key).await?;
    let in_table = rows_in_warehouse(command, &plan.table, &plan.condition).await?;
    match in_table + others.iter().map(|it| it.rows).sum::<u64>() {
        0 => Ok(others),
        rows => Err(Failure::Failed(format!(
            "BigQuery has {rows} rows of the key that a load wrote since; run the command again"
        ))),
    }
}

async fn delete_in(command: &Command, table: &str, condition: &str) -> Result<u64> {
    let sql = format!("DELETE FROM {} WHERE {condition}", full(command, table));
    let request = format!("forget-{}", jiff::Timestamp::now().as_microsecond());
    let deleted = command.bigquery.change_rows(table, &sql, &request).await;
    let deleted = deleted.map_err(with_rights)?;
    match rows_in_warehouse(command, table, condition).await? {
        0 => Ok(deleted),
        rows => Err(Failure::Failed(format!(
            "{table} has {rows} rows of the key still; a load job may have written at the same time. Run the command again"
        ))),
    }
}

async fn what_remains(
    command: &Command,
    plan: &Plan,
    other_tables: &[OtherTable],
) -> Result<Vec<Remains>> {
    let (config, rds) = (&command.config, &command.aws.rds);
    let points = rds.restore_points(&config.source.name, &config.source.id).await?;
    let database = rds.database(config.source.kind, &config.source.id).await?;
    let backup_days = database.and_then(|it| match it.settings.get(Setting::BackupRetentionDays) {
        Some(SettingValue::Number(days)) => Some(*days),
        _ => None,
    });
    let hours = match plan.table.as_str() {
        "" if plan.other_tables.is_empty() => None,
        _ => Some(command.bigquery.time_travel_hours(&config.warehouse.dataset).await?),
    };
    let contract = command.contract.tables.get(&plan.source_table);
    let mut all = remains(&Copies {
        points: &points,
        absent_at: plan.absent_at,
        backup_days,
        time_travel_hours: hours,
        landing: command.args.keep_landed.then_some(
            "the bucket deletes them `landing_retention_days` of Terraform's module gcp after their transfer, 3 by default",
        ),
        has_deltas: config.delta_of(&plan.source_table).is_some(),
        has_partitions: plan.has_partitions,
        has_queries: !plan.table.is_empty() || !plan.other_tables.is_empty(),
        has_bounds: contract.is_some_and(|it| it.columns.values().any(ColumnContract::allows_bounds)),
        now: command.now,
    });
    let not_reached = other_tables.iter().filter_map(others::remains);
    all.extend(not_reached.map(|(what, until)| Remains { what, until }));
    Ok(all)
}
