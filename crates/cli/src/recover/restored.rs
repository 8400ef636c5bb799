//! `--from restore`: the table in a temporary copy of the database, restored from the day's snapshot.
//!
//! The copy is deleted at the end, also after an error, Ctrl-C or SIGTERM. What a killed command leaves is shown by `landbridge status`;
//! `--resume` goes on with it, and `--clean-up` deletes it.

use landbridge_cli_support::args::Output;
use landbridge_core::contract::Contract;
use landbridge_core::ids::TAG_RESTORED_FROM;
use landbridge_core::names::columns::{LandedColumn, LandedColumns, name_columns};
use landbridge_core::plan::{SourceColumn, TablePlan};
use landbridge_core::receipt::Receipt;
use landbridge_core::restore::plan::{DrillRun, RestoreOptions};
use landbridge_core::restore::{RestorePlan, Setting, SettingValue, copies};
use landbridge_core::types::{Engine, OriginalColumn, exported_column};
use landbridge_ledger::records::{self, EXPORT, PLAN};
use landbridge_source::{Database, NOT_READABLE, Table, Tls};

use super::columns::{self, Choice};
use super::condition::Condition;
use super::read::{Restored, RowSource};
use super::target::Target;
use super::{Command, Prepared, RecoverArgs, finish};
use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::render;
use crate::restore::execute::execute;
use crate::restore::interrupts::Interrupts;
use crate::restore::temporary::{self, Temporary};
use crate::restore::wait::Progress;
use crate::restore::{RestoreContext, confirm, origin};

/// The id of the copy: `shop-prod-recover`.
pub(crate) fn database_name(source: &str) -> String {
    temporary::database_name(source, "-recover")
}

/// Restores the day's snapshot, writes the rows, and deletes the copy.
///
/// # Errors
/// If the copy cannot be made or read, or the rows cannot be written. The copy is deleted then too.
pub(super) async fn run(command: Command, contract: &Contract, target: &Target) -> Result {
    let (args, config) = (&command.args, &command.config);
    let name = database_name(&config.source.id);
    let temporary = temporary(&name);
    let context = RestoreContext::of(config.clone(), command.aws.clone(), &command.interrupts)?;
    let url = database_url(args.database_url_env.as_deref())?;
    let tls = args.ca.as_deref().map(Tls::trust_file).transpose()?;
    let snapshot = snapshot_of(&command).await?;
    let (point, start) = origin::of_snapshot(&context, &snapshot).await?;
    let resumed = match args.resume {
        true => Some(temporary.run_to_resume(&context, &snapshot).await?),
        false => {
            temporary.require_none(&context).await?;
            None
        }
    };
    let run = resumed.clone().unwrap_or_else(|| temporary::run_name(command.now));
    let drill = DrillRun { source: &config.source.name, run: &run };
    let options = RestoreOptions { drill: Some(drill), ..args.isolation.options() };
    let plan = RestorePlan::new(&start.record, &config.source.id, &name, start.origin, options);
    announce(&command, &plan, &start.remarks)?;
    if args.dry_run {
        return Ok(());
    }
    if resumed.is_none() {
        confirm(
            &format!("Restore {} to {name}, and delete it afterwards?", point.snapshot),
            args.yes,
        )?;
    }
    let mut progress = Progress::new();
    let written = async {
        let outcome = execute(&context, &plan, &mut progress).await?;
        if let Some(why) = outcome.unreachable_reason {
            return Err(Failure::Failed(format!(
                "{name} does not answer at {}:{} from here: {why}. Run the command from the network in which the application runs, or give the copy a network with --subnet-group and --security-group",
                outcome.host, outcome.port
            )));
        }
        progress.show("reading the table");
        let place = (outcome.host.as_str(), outcome.port);
        let database = Database::connect_at(&outcome.engine, &url, place, tls).await?;
        let prepared = prepare(&command, contract, &plan, snapshot, database).await?;
        finish(&command, prepared, target).await
    };
    let written = command.interrupts.unless_interrupted(written).await;
    temporary.announce(&written);
    progress.show(&format!("deleting {name}"));
    let deleted = temporary.clean_up(&context, Some(&run), &mut progress).await;
    drop(progress);
    if let Err(error) = &deleted {
        eprintln!(
            "{} {error}; delete it with `{}`",
            Paint::stderr().yellow("note"),
            temporary.clean_up
        );
    }
    written.and(deleted)
}

/// Deletes the copy of an interrupted command; with `--dry-run`, only says which.
///
/// # Errors
/// If RDS refuses, or the database is not such a copy.
pub(super) async fn clean_up(args: &RecoverArgs) -> Result {
    let config = args.files.read()?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let name = database_name(&config.source.id);
    let source = config.source.id.clone();
    let context = RestoreContext::of(config, aws, &Interrupts::default())?;
    let temporary = temporary(&name);
    if !args.dry_run {
        temporary.clean_up(&context, None, &mut Progress::new()).await?;
        return render::print(&format!("no copy of {source} for a recovery exists any more"));
    }
    render::print(&match temporary.existing(&context).await? {
        None => format!("no copy of {source} for a recovery exists, so nothing would be deleted"),
        Some(it) => {
            let since = it.created.map(|at| format!(" since {}", context.local(at)));
            format!(
                "would delete {name}: {}, it exists{}; `{}` deletes it",
                it.status,
                since.unwrap_or_default(),
                temporary.clean_up
            )
        }
    })
}

fn temporary(name: &str) -> Temporary<'_> {
    Temporary { target: name, what: "recovery", clean_up: "landbridge recover --clean-up" }
}

fn database_url(variable: Option<&str>) -> Result<String> {
    let name = variable.ok_or_else(|| {
        Failure::Usage(
            "--from restore: give --database-url-env NAME, an environment variable with the URL of the source; user, password and database of it are used"
                .to_owned(),
        )
    })?;
    std::env::var(name).map_err(|_| {
        Failure::Usage(format!("--database-url-env: the environment variable {name} is not set"))
    })
}

/// The snapshot that the day was exported from.
async fn snapshot_of(command: &Command) -> Result<String> {
    let record = command.ledger.day(command.day).value(&EXPORT).await?;
    record.map(|it| it.snapshot).ok_or_else(|| {
        Failure::Failed(format!(
            "the ledger has no export of {}, so no snapshot is known for that day; `landbridge snapshots` lists the snapshots, and `landbridge restore --snapshot ID --as NAME` restores one",
            command.day
        ))
    })
}

/// Says what will be restored, and what it costs.
fn announce(command: &Command, plan: &RestorePlan, remarks: &[String]) -> Result {
    let text = |setting| match plan.settings.get(setting) {
        Some(SettingValue::Text(text)) => text.clone(),
        Some(SettingValue::Number(number)) => number.to_string(),
        _ => "unknown".to_owned(),
    };
    let first = plan.members.first().and_then(|it| it.settings.get(Setting::Class));
    let class = match first {
        Some(SettingValue::Text(class)) => class.clone(),
        _ => text(Setting::Class),
    };
    let price = format!(
        "{} x {class}, storage {} GiB: billed as the source is, for at least 10 minutes of each instance, until it is deleted",
        plan.members.len().max(1),
        text(Setting::StorageGb)
    );
    if command.args.output.format == Output::Json {
        return match command.args.dry_run {
            true => render::json(
                &serde_json::json!({ "plan": plan, "price": price, "remarks": remarks }),
            ),
            false => Ok(()),
        };
    }
    let from = plan.origin.tag(&plan.source);
    render::print(&format!(
        "{} of {}: from {}, a copy restored from {from} ({TAG_RESTORED_FROM}), which is deleted at the end\n  price   {price}",
        command.args.table_name(),
        command.day,
        plan.target
    ))?;
    for remark in remarks {
        render::print(&format!("  note    {remark}"))?;
    }
    if command.args.isolation.parameter_group.is_none() {
        render::print(&format!("  note    {}", copies::remark(&plan.engine)))?;
    }
    Ok(())
}

/// Finds the table in the copy, and chooses columns by the contract and the day's receipt.
async fn prepare(
    command: &Command,
    contract: &Contract,
    plan: &RestorePlan,
    snapshot: String,
    database: Database,
) -> Result<Prepared> {
    let engine = match database {
        Database::Postgres(_) => Engine::Postgres,
        Database::MySql(_) => Engine::Mysql,
    };
    let Recorded { name, receipt, landed, expected } = recorded(command, &snapshot).await?;
    let table = table(&database, &name).await?;
    let sources: Vec<&str> = table.columns.iter().map(|it| it.name.as_str()).collect();
    let style = command.config.warehouse.column_names;
    let is_one = engine == Engine::Mysql;
    let named = name_columns(&sources, contract.tables.get(&name), &landed, style, is_one);
    let described: Vec<SourceColumn> = table
        .columns
        .iter()
        .zip(named)
        .map(|(column, named)| described(engine, column, named.key))
        .collect();
    let mut chosen =
        columns::choose(&name, &described, contract, receipt.as_ref(), command.args.plain)?;
    let places = as_server_writes(engine, &table, &mut chosen);
    let condition = match &command.args.condition {
        Some(text) => Some(Condition::parse(text, &name, &chosen)?),
        None => None,
    };
    Ok(Prepared {
        announcement: format!("{name} in {}", plan.target),
        source_table: name.clone(),
        engine,
        from: format!("snapshot {snapshot}"),
        export: None,
        snapshot: Some(snapshot),
        rows: None,
        chosen,
        condition,
        source: RowSource::Restored(Box::new(Restored {
            database,
            table,
            places,
            source_table: name,
            day: command.day,
            expected,
        })),
    })
}

/// What the ledger has of the table on the day.
struct Recorded {
    /// Its name in the source.
    name: String,
    receipt: Option<Receipt>,
    landed: LandedColumns,
    /// How many rows the export of the same snapshot had, if that is known.
    expected: Option<u64>,
}

async fn recorded(command: &Command, snapshot: &str) -> Result<Recorded> {
    let records = command.ledger.day(command.day);
    let given = command.args.table_name();
    let planned = records.value(&PLAN).await?;
    let is_same_snapshot = planned.as_ref().is_some_and(|plan| plan.snapshot == snapshot);
    let entry = planned.and_then(|plan| {
        plan.tables.into_iter().find(|it| it.source_table == given || it.table == given)
    });
    let Some(entry) = entry else {
        let (name, landed) = (given.to_owned(), LandedColumns::new());
        return Ok(Recorded { name, receipt: None, landed, expected: None });
    };
    let (receipt, plan) = match entry.table.as_str() {
        "" => (None, None),
        table => (
            records.value(&records::receipt(table)).await?,
            records.value(&records::table_plan(table)).await?,
        ),
    };
    let landed = plan.as_ref().map(landed).unwrap_or_default();
    // Unless its files could not be read.
    let is_counted = is_same_snapshot && !entry.has_problem && !entry.unread;
    let expected = is_counted.then_some(entry.rows);
    Ok(Recorded { name: entry.source_table, receipt, landed, expected })
}

async fn table(database: &Database, name: &str) -> Result<Table> {
    let tables = database.tables().await?;
    let full = |it: &Table| format!("{}.{}", it.schema, it.name);
    if let Some(found) = tables.iter().find(|it| full(it) == name) {
        return match found.skip_reason.as_deref() {
            None => Ok(found.clone()),
            Some(NOT_READABLE) => Err(Failure::Failed(format!(
                "the user of --database-url-env may not read all rows of {name}: it lacks the right to read the table, or row-level security applies to it. Use a URL of the table's owner, of a superuser or of a role with BYPASSRLS, as it was at the snapshot"
            ))),
            Some(reason) => Err(Failure::Failed(format!(
                "{name} has no rows in a snapshot: {reason}. It cannot be recovered"
            ))),
        };
    }
    let names: Vec<String> = tables.iter().map(full).collect();
    Err(Failure::Usage(format!(
        "the snapshot has no table `{name}` in the database {}. There are: {}",
        database.name(),
        names.join(", ")
    )))
}

/// What the columns were called when the day was planned, so that each column has the contract entry that it had in the export of that day.
fn landed(plan: &TablePlan) -> LandedColumns {
    let landed = |column: &SourceColumn| {
        let (name, key) = (column.name().to_owned(), column.contract_key.clone());
        (column.parquet.name.clone(), LandedColumn { name, key })
    };
    plan.columns.iter().map(landed).collect()
}

/// The column as an export of it would be, which decides how it is compared and what it is in Parquet. `key` is its entry in the
/// contract, if it has one.
fn described(
    engine: Engine,
    column: &landbridge_source::Column,
    key: Option<String>,
) -> SourceColumn {
    let original = OriginalColumn {
        name: column.name.clone(),
        original_type: column.data_type.clone(),
        precision: column.numeric_precision.unwrap_or_default(),
        scale: column.numeric_scale,
        expected_exported: String::new(),
    };
    let mut described =
        SourceColumn::new(exported_column(engine, &original), column.data_type.clone());
    (described.precision, described.scale) = (original.precision, original.scale);
    described.contract_key = key;
    described
}

/// Gives the chosen columns the forms in which a server writes its cells, and returns their places in the table.
fn as_server_writes(engine: Engine, table: &Table, chosen: &mut Choice) -> Vec<usize> {
    let mut places = Vec::new();
    for kept in &mut chosen.kept {
        let at = table.columns.iter().position(|it| it.name == kept.name).unwrap_or_default();
        if let Some(column) = table.columns.get(at) {
            kept.as_server_writes(engine, &column.declaration, column.data_type == "USER-DEFINED");
        }
        places.push(at);
    }
    places
}
