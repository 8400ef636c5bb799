//! `landbridge retype`: edits contract.yaml so that a column whose type changed lands beside the column
//! that BigQuery has.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command: what is changed, and what readers see afterwards |
//! | [`landed`] | the types that have landed, from the ledger |
//! | [`swap`] | the plan of a swap of tables, which only people run |

mod landed;
mod swap;

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;

use clap::Args;
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs};
use landbridge_core::config::{CLASS_NONE, Config};
use landbridge_core::contract::{self, Contract, TableContract};
use landbridge_core::names::check_column;
use landbridge_core::retype::{
    ChangedColumn, can_keep, can_widen, changed_columns, command, type_keys,
};
use landbridge_core::types::ColumnType;
use serde::Serialize;

use self::landed::LandedTable;
use crate::failure::{Failure, Result};
use crate::files;
use crate::paint::Paint;
use crate::render;
use crate::restore::confirm;

/// Load a column whose type changed beside the column that BigQuery has
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge retype public.orders
  landbridge retype public.orders --column created_at --name created_at_local --yes
  landbridge retype public.orders --column created_at --landed TIMESTAMP
  landbridge retype public.orders --swap

The type of a column in BigQuery does not change, so a table whose contract asks for another type is
held. This command gives such a column another `name:` in contract.yaml, and keeps everything else in the
file. After the file is deployed, the next load adds the new column, with its policy tag before its first
row. The old column stays: NULL in every row, and unclassified.

Without --yes, the command shows the plan, and asks if it runs in a terminal. It reads the types that have
landed from the ledger, with credentials from the environment; --landed needs neither. It never changes
BigQuery. --swap prints the statements with which a person replaces the table instead.")]
pub(crate) struct RetypeArgs {
    /// The source table, as contract.yaml names it
    #[arg(value_name = "SCHEMA.TABLE")]
    table: String,
    /// Only this column, by its name in contract.yaml [default: each column whose type changed]
    #[arg(long)]
    column: Option<String>,
    /// The name of the new column in BigQuery [default: the column's name and its new type]
    #[arg(long, requires = "column")]
    name: Option<String>,
    /// The type that the column has in BigQuery, for example TIMESTAMP or ARRAY<STRING>; the ledger is
    /// not read
    #[arg(long, value_name = "TYPE", requires = "column", value_parser = column_type)]
    landed: Option<ColumnType>,
    /// Print the plan of a swap of tables; nothing is changed
    #[arg(long, conflicts_with_all = ["name", "yes"])]
    swap: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

fn column_type(text: &str) -> Result<ColumnType, String> {
    let upper = text.to_ascii_uppercase();
    let element = upper.strip_prefix("ARRAY<").and_then(|it| it.strip_suffix('>'));
    Ok(ColumnType { ty: element.unwrap_or(&upper).parse()?, repeated: element.is_some() })
}

/// The result; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct Report {
    /// The source table.
    table: String,
    /// `dataset.table`; `None` if no day of it has landed, or the ledger was not read.
    bigquery_table: Option<String>,
    /// The file.
    contract: String,
    /// Whether the file was changed.
    changed: bool,
    columns: Vec<ColumnReport>,
    /// The plan of a swap of tables, with `--swap`.
    #[serde(skip_serializing_if = "Option::is_none")]
    swap: Option<String>,
}

/// One column.
#[derive(Serialize)]
struct ColumnReport {
    column: String,
    class: String,
    /// The column that stays.
    landed_name: String,
    landed_type: String,
    /// The column that the next load adds.
    new_name: String,
    new_type: String,
    /// What to write in contract.yaml to keep the type, if that is possible.
    keep: Option<String>,
    /// Whether a person can change the type in place with `ALTER COLUMN SET DATA TYPE`.
    can_widen: bool,
    /// The line of the column in contract.yaml.
    line: usize,
    removed_lines: Vec<String>,
    added_lines: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(args: RetypeArgs) -> Result {
    let config = args.files.read()?;
    let path = args.files.contract_path()?;
    let contract = files::contract(&path, &config)?;
    let table = find_table(&contract, &args)?;
    let landed = match args.landed {
        Some(ty) => {
            let column = args.column.as_deref().unwrap_or_default();
            LandedTable::given((&args.table, column), table, ty, &config)
        }
        None => landed::read(&config, &args.table, table).await?,
    };
    let mut columns = changed_columns(table, &landed.columns, config.warehouse.column_names);
    columns.retain(|it| args.column.as_ref().is_none_or(|column| it.column == *column));
    if let Some(name) = &args.name {
        check_column(name, config.warehouse.column_names)
            .map_err(|rule| Failure::Usage(format!("--name cannot be `{name}`: {rule}")))?;
        columns.iter_mut().for_each(|column| name.clone_into(&mut column.new_name));
    }
    let text = files::read(&path, "--contract")?;
    let edited = edit(&path, text, &contract, (&args.table, &columns), &config)?;
    let mut report = Report {
        table: args.table.clone(),
        bigquery_table: landed
            .name
            .as_ref()
            .map(|table| format!("{}.{table}", config.warehouse.dataset)),
        contract: path.display().to_string(),
        changed: false,
        columns: edited.columns,
        swap: None,
    };
    if report.columns.is_empty() {
        return match args.output.format {
            Output::Json => render::json(&report),
            Output::Text => render::print(&report.nothing(landed.has_landed, &args)),
        };
    }
    if args.swap {
        let name = landed.name.as_deref().unwrap_or("TABLE");
        let plan = swap::plan(&config, (&args.table, name), &landed.columns, &columns);
        report.swap = Some(plan.clone());
        return match args.output.format {
            Output::Json => render::json(&report),
            Output::Text => render::print(&plan),
        };
    }
    write(&path, &edited.text, report, &args)
}

/// Shows the plan and writes the file, if the operator wants it.
fn write(path: &Path, text: &str, mut report: Report, args: &RetypeArgs) -> Result {
    let shown = args.output.format == Output::Text;
    if shown {
        render::print(&report.text(Paint::stdout()))?;
    }
    if !args.yes && (!shown || !std::io::stdin().is_terminal()) {
        eprintln!("Nothing was changed: add --yes to write {}.", report.contract);
        return if shown { Ok(()) } else { render::json(&report) };
    }
    confirm(&format!("Write {}?", report.contract), args.yes)?;
    std::fs::write(path, text)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))?;
    report.changed = true;
    match args.output.format {
        Output::Json => render::json(&report),
        Output::Text => render::print(&format!(
            "{} is written. Deploy it: the next load does the rest.",
            report.contract
        )),
    }
}

/// The table and, if one is given, the column.
fn find_table<'a>(contract: &'a Contract, args: &RetypeArgs) -> Result<&'a TableContract> {
    let list =
        |names: Vec<&String>| names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let Some(table) = contract.tables.get(&args.table) else {
        return Err(Failure::Usage(format!(
            "the contract has no table `{}`. It has: {}",
            args.table,
            list(contract.tables.keys().collect())
        )));
    };
    match &args.column {
        Some(column) if !table.columns.contains_key(column) => Err(Failure::Usage(format!(
            "the contract has no column `{column}` of `{}`. It has: {}",
            args.table,
            list(table.columns.keys().collect())
        ))),
        _ => Ok(table),
    }
}

/// A contract with other names.
struct EditedContract {
    text: String,
    columns: Vec<ColumnReport>,
}

/// Sets the new names in the text of the contract, and checks that the result is the same contract
/// with these names.
fn edit(
    path: &Path,
    mut text: String,
    contract: &Contract,
    (table, columns): (&str, &[ChangedColumn]),
    config: &Config,
) -> Result<EditedContract> {
    let file = path.display().to_string();
    let mut expected = contract.clone();
    let mut reports = Vec::new();
    for changed in columns {
        let ChangedColumn { column, new_name, .. } = changed;
        let by_hand = || {
            Failure::Failed(format!(
                "the entry of `{column}` in {file} cannot be edited safely; write `name: {new_name}` there by hand"
            ))
        };
        let edited =
            contract::set_column_name(&text, table, column, new_name).ok_or_else(by_hand)?;
        let entry = expected.tables.get_mut(table).and_then(|it| it.columns.get_mut(column));
        entry.ok_or_else(by_hand)?.name = Some(new_name.clone());
        let parsed = contract::parse(&file, &edited.text, config).map_err(|faults| {
            Failure::Usage(format!("with `name: {new_name}`, {file} would be invalid\n{faults}"))
        })?;
        if parsed != expected {
            return Err(by_hand());
        }
        let (removed_lines, added_lines) = changed_lines(&text, &edited.text);
        reports.push(ColumnReport {
            column: column.clone(),
            class: changed.class.clone(),
            landed_name: changed.landed.name.clone(),
            landed_type: changed.landed.ty.to_string(),
            new_name: new_name.clone(),
            new_type: changed.wanted.to_string(),
            keep: can_keep(contract, config, table, column, changed.landed.ty)
                .is_ok()
                .then(|| type_keys(changed.landed.ty)),
            can_widen: can_widen(changed.landed.ty, changed.wanted),
            line: edited.line,
            removed_lines,
            added_lines,
        });
        text = edited.text;
    }
    Ok(EditedContract { text, columns: reports })
}

/// The lines that only one of two texts has, if they differ in one place.
fn changed_lines(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let end = old[same..].iter().rev().zip(new[same..].iter().rev());
    let end = end.take_while(|(old, new)| old == new).count();
    let part = |lines: &[&str]| {
        lines[same..lines.len() - end].iter().map(|line| (*line).to_owned()).collect()
    };
    (part(&old), part(&new))
}

impl Report {
    fn nothing(&self, has_landed: bool, args: &RetypeArgs) -> String {
        let what = match &args.column {
            Some(column) => format!("{}.{column}", self.table),
            None => self.table.clone(),
        };
        if has_landed {
            format!(
                "{what}: nothing to do. BigQuery has the type that {} gives, or the contract already loads it as another column. A column that contract.yaml does not name must be added to it first.",
                self.contract
            )
        } else {
            format!(
                "{what}: nothing to do. No day of it has landed, so its type in {} can still be changed freely.",
                self.contract
            )
        }
    }

    fn text(&self, paint: Paint) -> String {
        let destination = self.bigquery_table.as_ref().map(|table| format!(" → {table}"));
        let mut text = format!("{}{}\n", paint.bold(&self.table), destination.unwrap_or_default());
        for column in &self.columns {
            self.column(&mut text, column);
        }
        let _ = writeln!(
            text,
            "\nQueries that read an old column continue to run and get NULL, so filters and joins on it match no row; \
             change them to the new column. `SELECT *` returns one column more for each."
        );
        if self.columns.iter().any(|column| column.can_widen) {
            let _ = writeln!(
                text,
                "BigQuery can change a type in place where it becomes wider: {} --swap",
                command(&self.table)
            );
        }
        text
    }

    /// What happens to one column. Writing to a String cannot fail.
    fn column(&self, text: &mut String, column: &ColumnReport) {
        let ColumnReport { landed_name, landed_type, new_name, new_type, class, line, .. } = column;
        let _ = writeln!(
            text,
            "\n  {}: {landed_type} in BigQuery, {new_type} in contract.yaml",
            column.column
        );
        let _ = writeln!(text, "    {}:{line}", self.contract);
        for (sign, lines) in [('-', &column.removed_lines), ('+', &column.added_lines)] {
            for line in lines {
                let _ = writeln!(text, "    {sign} {}", line.trim());
            }
        }
        let tag = match class.as_str() {
            CLASS_NONE => "class none, readable for everyone with access to the dataset",
            _ => "its policy tag is set before its first row",
        };
        let class = if class == CLASS_NONE { String::new() } else { format!("class {class}, ") };
        let _ = writeln!(text, "    the next load adds  {new_name} {new_type}: {class}{tag}");
        let _ = writeln!(
            text,
            "    the old one stays   {landed_name} {landed_type}: NULL in every row, unclassified"
        );
        if let Some(keep) = &column.keep {
            let _ = writeln!(text, "    to keep the type    write `{keep}` there instead");
        }
    }
}
