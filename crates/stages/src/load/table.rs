//! One table, fail-closed: diff the live schema against the contract, set
//! columns and tags before the data, replace the rows, prove rows and tags, write
//! the receipt.

use std::collections::BTreeSet;
use std::time::Duration;

use landbridge_core::calendar::Day;
use landbridge_core::diff::{SchemaChange, TableColumn, diff, tag_of};
use landbridge_core::ids::JobId;
use landbridge_core::plan::table::resolve;
use landbridge_core::plan::{DayPlan, Problem, SourceColumn, TablePlan};
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::rewrite::Action;
use landbridge_core::{Created, Error, ErrorKind, Result};
use landbridge_gcp::bigquery::{JobState, LoadJob, LoadMode, TableInfo};

use super::{facts, is_final, receipt_name};
use crate::ledger::Written;
use crate::records::{self, Claim, EXPORT, ExportRecord, Intent, KeyRecord, TOKEN_KEY};
use crate::{Context, Ledger, Tick, alert, transfer};

/// The first wait between looks at a running job, doubled up to [`LAST_POLL`].
const FIRST_POLL: Duration = Duration::from_millis(100);
/// The longest wait between looks: a load of minutes need not be watched by the second.
const LAST_POLL: Duration = Duration::from_secs(5);
/// URIs of one load job at most. [BigQuery quotas, "Maximum number of source URIs"]
const MAX_URIS: usize = 10_000;

/// Loads a table of which every object is in Cloud Storage. `None`: not finished, the next tick goes on.
///
/// # Errors
/// What waits for a person is [`ErrorKind::Held`], [`ErrorKind::Config`], [`ErrorKind::Corrupt`]
/// or [`ErrorKind::Rejected`]; everything else passes by itself.
pub async fn load(
    context: &Context,
    ledger: &Ledger,
    plan: &DayPlan,
    table: &TablePlan,
    tick: Tick,
) -> Result<Option<Receipt>> {
    if let Some(problem) = &table.problem {
        return held_as(ledger, plan, table, problem.clone(), tick).await.map(Some);
    }
    let warehouse = &context.config.warehouse;
    let place = format!("{}.{}", warehouse.dataset, table.table);
    let live = context.gcp.bigquery.table(&warehouse.dataset, &table.table).await?;
    let live_table = live.as_ref().map(|state| &state.live);
    let contract = context.contract.tables.get(&table.source_table);
    let text = transfer::text::made(ledger, table).await?;
    let resolved = resolve(table, contract, &text)?;
    let facts = facts::gather(ledger, table).await?;
    facts::judge(&facts, context.config.checks.max_misfit_percent, &place)?;
    let change =
        diff(&place, &context.config.source.name, &resolved.columns, live_table, &context.tags)?;
    let key = token_key(ledger, table).await?;
    let intent = intend(ledger, table, live.as_ref(), &change, key.as_deref()).await?;
    match claim(context, ledger, plan, table, &text, key.clone()).await? {
        Turn::Ours => {}
        Turn::Later => return Ok(None),
        Turn::Superseded(by) => return superseded(ledger, plan, table, by, tick).await.map(Some),
    }
    let description = contract.and_then(|contract| contract.description.as_deref());
    prepare(context, table, &change, description).await?;
    let Some((job, rows, ms)) = rows(context, ledger, plan, table, &change, tick).await? else {
        return Ok(None);
    };

    let mut receipt = blank(ledger, plan, table, ReceiptState::Published, tick).await?;
    receipt.columns = facts::columns(table, &resolved, &facts);
    receipt.dropped_columns = facts::dropped_columns(table);
    receipt.warnings = resolved.warnings;
    receipt.warnings.extend(facts::warnings(&facts));
    receipt.job = Some(job.to_string());
    receipt.load_ms = ms;
    receipt.rows_loaded = Some(rows);
    receipt.warnings.extend(intent.changes.iter().map(|change| format!("schema: {change}")));
    if let Some(day) = intent.other_key {
        let warning = format!(
            "its tokens are made with another key than those of {day}: they do not join with what was kept of that day"
        );
        let problem = Problem::notice(
            "the key of tokens was changed",
            format!("secret {}", context.config.transfer.token_key.as_deref().unwrap_or_default()),
            "nothing has to be done if this was meant: the day's tables join with each other, and not with tokens kept from earlier days",
        );
        // The next change is told as well: it is another key.
        alert::notice(ledger, &problem, &key.unwrap_or_default(), plan.day).await?;
        receipt.warnings.push(warning);
    }
    prove(context, ledger, table, &change, &mut receipt, tick).await?;
    shrunk(context, ledger, table, &intent, &mut receipt, tick).await?;
    for warning in receipt.warnings.iter().filter(|warning| warning.contains("masked for everyone"))
    {
        let problem = Problem::notice(
            "the source holds something that the contract does not name",
            format!("{place}: {warning}"),
            "decide what it is and name it in contract.yaml; until then nobody can read it",
        );
        alert::notice(ledger, &problem, &problem.context, plan.day).await?;
    }
    write(ledger, &receipt).await?;
    tracing::info!(table = place, rows, job = job.as_str(), "table published");
    Ok(Some(receipt))
}

/// Records what is found before anything is changed; the first record of the day counts.
async fn intend(
    ledger: &Ledger,
    table: &TablePlan,
    live: Option<&TableInfo>,
    change: &SchemaChange,
    key: Option<&str>,
) -> Result<Intent> {
    let name = records::intent(&table.table);
    if let Some(found) = ledger.get::<Intent>(&name).await? {
        return Ok(found.value);
    }
    let changes = match change {
        SchemaChange::Create(columns) => vec![format!("created with {} columns", columns.len())],
        SchemaChange::Patch { notes, .. } => notes.clone(),
        SchemaChange::Nothing(_) => Vec::new(),
    };
    let other_key = match key {
        Some(key) => made_with_another(ledger, table, key).await?,
        None => None,
    };
    let intent = Intent { rows_before: live.map(|state| state.rows), changes, other_key };
    ledger.create(&name, &intent).await?;
    Ok(ledger.get::<Intent>(&name).await?.map_or(intent, |found| found.value))
}

/// The id of the key that the day's tokens of a table are made with, if it has any.
async fn token_key(ledger: &Ledger, table: &TablePlan) -> Result<Option<String>> {
    let tokens = |column: &SourceColumn| matches!(column.action, Action::Tokenise { .. });
    if !table.columns.iter().any(tokens) {
        return Ok(None);
    }
    Ok(ledger.get::<KeyRecord>(TOKEN_KEY).await?.map(|there| there.value.id))
}

/// The last day of this table, if its tokens were made with another key.
async fn made_with_another(ledger: &Ledger, table: &TablePlan, key: &str) -> Result<Option<Day>> {
    let before = ledger.get_of_source::<Claim>(&records::claim(&table.table)).await?;
    let before = before.map(|there| there.value);
    Ok(before.filter(|it| it.token_key.as_deref().is_some_and(|it| it != key)).map(|it| it.day))
}

enum Turn {
    Ours,
    Later,
    Superseded(Day),
}

/// Takes the table for this day. A late tick of an older day must not replace newer rows.
async fn claim(
    context: &Context,
    ledger: &Ledger,
    plan: &DayPlan,
    table: &TablePlan,
    text: &BTreeSet<String>,
    token_key: Option<String>,
) -> Result<Turn> {
    let name = records::claim(&table.table);
    let ours = Claim {
        day: plan.day,
        job: JobId::for_load(&plan.source, plan.day, &table.table, 1)?.to_string(),
        text: text.clone(),
        token_key,
    };
    let Some(there) = ledger.get_of_source::<Claim>(&name).await? else {
        return Ok(match ledger.create_of_source(&name, &ours).await? {
            Written::Yes => Turn::Ours,
            Written::Overtaken => Turn::Later,
        });
    };
    if there.value.day > plan.day {
        return Ok(Turn::Superseded(there.value.day));
    }
    if there.value.day == plan.day {
        return Ok(Turn::Ours);
    }
    // A job of the older day that still runs would end after ours and win.
    let before = JobId::new(there.value.job.clone())?;
    if matches!(context.gcp.bigquery.job(&before).await?, Some(JobState::Running)) {
        return Ok(Turn::Later);
    }
    Ok(match ledger.replace_of_source(&name, &there.etag, &ours).await? {
        Written::Yes => Turn::Ours,
        Written::Overtaken => Turn::Later,
    })
}

/// Creates or patches the table, and reads the tags back before any row arrives.
async fn prepare(
    context: &Context,
    table: &TablePlan,
    change: &SchemaChange,
    description: Option<&str>,
) -> Result<()> {
    let dataset = &context.config.warehouse.dataset;
    let bigquery = &context.gcp.bigquery;
    match change {
        SchemaChange::Nothing(_) => return Ok(()),
        SchemaChange::Create(columns) => {
            let source = &context.config.source.name;
            let created =
                bigquery.create_table(dataset, &table.table, columns, source, description).await?;
            if created == Created::AlreadyExists {
                // It appeared since we looked: the next tick compares it.
                return Err(Error::new(
                    ErrorKind::Transient,
                    "a table appeared while it was being created",
                    format!("{dataset}.{}", table.table),
                ));
            }
        }
        SchemaChange::Patch { columns, .. } => {
            bigquery.patch_table(dataset, &table.table, columns).await?
        }
    }
    let state = read_back(context, table).await?;
    match untagged(&state, change.columns()) {
        None => Ok(()),
        Some(column) => Err(Error::new(
            ErrorKind::Rejected,
            "a policy tag was set and did not stick, so no data is loaded",
            format!("{dataset}.{}.{column}", table.table),
        )),
    }
}

async fn read_back(context: &Context, table: &TablePlan) -> Result<TableInfo> {
    let dataset = &context.config.warehouse.dataset;
    context.gcp.bigquery.table(dataset, &table.table).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Transient,
            "a table is gone that was there just before",
            format!("{dataset}.{}", table.table),
        )
    })
}

/// The first column whose tag is not the one it should have.
fn untagged(state: &TableInfo, columns: &[TableColumn]) -> Option<String> {
    columns
        .iter()
        .find(|column| {
            let live =
                state.live.columns.iter().find(|live| live.name.eq_ignore_ascii_case(&column.name));
            live.is_none_or(|live| live.policy_tag != column.policy_tag)
        })
        .map(|column| column.name.clone())
        .or_else(|| {
            let known =
                |name: &str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
            state
                .live
                .columns
                .iter()
                .find(|live| !known(&live.name) && live.policy_tag.is_none())
                .map(|live| live.name.clone())
        })
}

/// Runs the load job to its end; `None` when this tick's time does not suffice.
async fn rows(
    context: &Context,
    ledger: &Ledger,
    plan: &DayPlan,
    table: &TablePlan,
    change: &SchemaChange,
    tick: Tick,
) -> Result<Option<(JobId, u64, Option<u64>)>> {
    let bucket = &context.config.transfer.bucket;
    let mut uris: Vec<String> =
        table.items.iter().map(|item| format!("gs://{bucket}/{}", item.object)).collect();
    if uris.len() > MAX_URIS
        && let Some((folder, _)) = table.items.first().and_then(|item| item.object.rsplit_once('/'))
    {
        // The folder is named for this export and holds this table's objects only.
        uris = vec![format!("gs://{bucket}/{folder}/*.parquet")];
    }
    let dataset = &context.config.warehouse.dataset;
    let attempts = context.config.load.max_attempts;
    let mut last = None;
    for attempt in 1..=attempts {
        let id = JobId::for_load(&plan.source, plan.day, &table.table, attempt)?;
        if attempt > 1 {
            reclaim(ledger, plan, table, &id).await?;
        }
        let job = LoadJob {
            id: &id,
            dataset,
            table: &table.table,
            uris: uris.clone(),
            columns: change.columns(),
            mode: LoadMode::ReplaceRows,
        };
        let inserted = context.gcp.bigquery.insert_load_job(&job).await?;
        match finish(context, &id, tick).await? {
            None => return Ok(None),
            Some(JobState::Done { rows, duration_ms }) => {
                return Ok(Some((id, rows, duration_ms)));
            }
            Some(JobState::Running) => return Ok(None),
            Some(JobState::Failed { reason, kind, message }) => {
                let said = message.map_or(reason.clone(), |message| format!("{reason}: {message}"));
                let place = format!("{dataset}.{}, job {id}: {said}", table.table);
                if inserted.is_new() && !kind.is_transient() {
                    // A new attempt would fail alike; somebody may mend it before the next tick.
                    return Err(Error::new(refused(kind), "a load job was refused", place));
                }
                tracing::warn!(job = id.as_str(), reason, "load job failed");
                last = Some(place);
            }
        }
    }
    Err(Error::new(
        ErrorKind::Held,
        "every attempt to load a table failed",
        last.unwrap_or_default(),
    ))
}

/// A finished job's trouble, as this table's: what is permanent waits for a person.
fn refused(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::Denied | ErrorKind::NotFound | ErrorKind::Quota => kind,
        _ => ErrorKind::Rejected,
    }
}

/// Notes the job that may be running, for the claim of a later day.
async fn reclaim(ledger: &Ledger, plan: &DayPlan, table: &TablePlan, id: &JobId) -> Result<()> {
    let name = records::claim(&table.table);
    if let Some(there) = ledger.get_of_source::<Claim>(&name).await?
        && there.value.day == plan.day
        && there.value.job.as_str() < id.as_str()
    {
        let ours = Claim { job: id.to_string(), ..there.value };
        ledger.replace_of_source(&name, &there.etag, &ours).await?;
    }
    Ok(())
}

/// Waits for a job's end; `None` when this tick's time is up.
pub(super) async fn finish(context: &Context, id: &JobId, tick: Tick) -> Result<Option<JobState>> {
    let mut wait = FIRST_POLL;
    loop {
        match context.gcp.bigquery.job(id).await? {
            Some(JobState::Running) if tick.has(wait) => tokio::time::sleep(wait).await,
            Some(JobState::Running) => return Ok(None),
            Some(state) => return Ok(Some(state)),
            None => {
                return Err(Error::new(
                    ErrorKind::Transient,
                    "a job that was inserted cannot be found",
                    id.as_str(),
                ));
            }
        }
        wait = (wait * 2).min(LAST_POLL);
    }
}

/// Compares rows and tags with the plan; what does not agree is never published.
async fn prove(
    context: &Context,
    ledger: &Ledger,
    table: &TablePlan,
    change: &SchemaChange,
    receipt: &mut Receipt,
    tick: Tick,
) -> Result<()> {
    let place = format!("{}.{}", context.config.warehouse.dataset, table.table);
    let state = read_back(context, table).await?;
    receipt.rows_table = Some(state.rows);
    let loaded = receipt.rows_loaded.unwrap_or(0);
    if loaded != table.rows || state.rows != table.rows {
        return Err(Error::new(
            ErrorKind::Corrupt,
            "the rows of a table do not add up",
            format!(
                "{place}: {} planned, {loaded} loaded, {} in the table",
                table.rows, state.rows
            ),
        ));
    }
    if let Some(column) = untagged(&state, change.columns()) {
        // The rows are in: close the column at once, then say so.
        context
            .gcp
            .bigquery
            .patch_table(&context.config.warehouse.dataset, &table.table, change.columns())
            .await?;
        let problem = Problem::new(
            ErrorKind::Rejected,
            "a policy tag was lost during the load and is set again",
            format!("{place}.{column}"),
        );
        alert::raise(ledger, &problem, &table.table, tick.now).await?;
        receipt.warnings.push(problem.to_string());
        let state = read_back(context, table).await?;
        if let Some(column) = untagged(&state, change.columns()) {
            return Err(Error::new(
                ErrorKind::Rejected,
                "a policy tag does not stick",
                format!("{place}.{column}"),
            ));
        }
    }
    for column in &mut receipt.columns {
        let wanted = tag_of(&column.class, &context.tags)?;
        let live =
            state.live.columns.iter().find(|live| live.name.eq_ignore_ascii_case(&column.name));
        column.tag_read_back =
            wanted.is_none() || live.is_some_and(|live| live.policy_tag.as_ref() == wanted);
    }
    Ok(())
}

/// A table that lost more rows than the limit is published and never silent.
async fn shrunk(
    context: &Context,
    ledger: &Ledger,
    table: &TablePlan,
    intent: &Intent,
    receipt: &mut Receipt,
    tick: Tick,
) -> Result<()> {
    let limit = u64::from(context.config.checks.max_shrink_percent);
    let Some(before) = intent.rows_before.filter(|before| *before > 0) else { return Ok(()) };
    let lost = before.saturating_sub(table.rows);
    if lost.saturating_mul(100) <= before.saturating_mul(limit) {
        return Ok(());
    }
    let rows = format!("{before} rows before, {} today", table.rows);
    let problem = Problem::notice(
        "a table shrank beyond the limit",
        format!("{}: {rows}", table.table),
        "look whether the source meant it; today's rows are published, and the snapshot of the day before still holds the others",
    );
    alert::raise(ledger, &problem, &table.table, tick.now).await?;
    receipt.warnings.push(format!("{}: {rows}", problem.what));
    Ok(())
}

/// The receipt of a table that waits for a person.
///
/// # Errors
/// Those of the ledger.
pub async fn held(
    ledger: &Ledger,
    plan: &DayPlan,
    table: &TablePlan,
    error: &Error,
    tick: Tick,
) -> Result<Receipt> {
    held_as(ledger, plan, table, Problem::from(error), tick).await
}

/// The same, of a problem that was recorded.
///
/// # Errors
/// Those of the ledger.
pub async fn held_as(
    ledger: &Ledger,
    plan: &DayPlan,
    table: &TablePlan,
    problem: Problem,
    tick: Tick,
) -> Result<Receipt> {
    alert::raise(ledger, &problem, &table.table, tick.now).await?;
    let mut receipt = blank(ledger, plan, table, ReceiptState::Held, tick).await?;
    receipt.problem = Some(problem);
    write(ledger, &receipt).await
}

async fn superseded(
    ledger: &Ledger,
    plan: &DayPlan,
    table: &TablePlan,
    by: Day,
    tick: Tick,
) -> Result<Receipt> {
    let mut receipt = blank(ledger, plan, table, ReceiptState::Superseded, tick).await?;
    receipt
        .warnings
        .push(format!("the table holds {by} already, so this day's rows are not loaded"));
    write(ledger, &receipt).await
}

async fn blank(
    ledger: &Ledger,
    plan: &DayPlan,
    table: &TablePlan,
    state: ReceiptState,
    tick: Tick,
) -> Result<Receipt> {
    let export = ledger.get::<ExportRecord>(EXPORT).await?.map(|record| record.value);
    Ok(Receipt {
        source: plan.source.clone(),
        day: plan.day,
        source_table: table.source_table.clone(),
        table: table.table.clone(),
        state,
        snapshot: plan.snapshot.clone(),
        snapshot_at: export.as_ref().and_then(|export| export.snapshot_at),
        export: plan.export.clone(),
        files: table.items.len() as u64,
        bytes: table.bytes,
        rows_footer: table.rows,
        rows_planned: table.items.iter().map(|item| item.rows).sum(),
        rows_loaded: None,
        rows_table: None,
        job: None,
        columns: Vec::new(),
        dropped_columns: Vec::new(),
        warnings: table.warnings.clone(),
        problem: None,
        export_started_at: export.as_ref().and_then(|export| export.started_at),
        export_ended_at: export.as_ref().and_then(|export| export.ended_at),
        planned_at: Some(plan.planned_at),
        recorded_at: tick.now,
        load_ms: None,
    })
}

/// Writes a receipt over one that is not final. Returns the one that counts.
async fn write(ledger: &Ledger, receipt: &Receipt) -> Result<Receipt> {
    let name = receipt_name(&receipt.table);
    let written = match ledger.get::<Receipt>(&name).await? {
        Some(there)
            if is_final(&there.value)
                || there.value.state == receipt.state && there.value.problem == receipt.problem =>
        {
            return Ok(there.value);
        }
        Some(there) => ledger.replace(&name, &there.etag, receipt).await?,
        None => ledger.create(&name, receipt).await?,
    };
    match written {
        Written::Yes => Ok(receipt.clone()),
        Written::Overtaken => Ok(ledger
            .get::<Receipt>(&name)
            .await?
            .map_or_else(|| receipt.clone(), |there| there.value)),
    }
}
