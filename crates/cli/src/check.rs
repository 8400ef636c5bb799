//! `landbridge check`: validates `landbridge.yaml` and `contract.yaml` and lists all errors.

use clap::Args;
use landbridge_cli_support::args::{DatabaseArgs, FileArgs, Output, OutputArgs};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use landbridge_core::audit::{audits_notes, audits_violations};
use landbridge_core::config::{self, Config, Database, Mask};
use landbridge_core::contract::{self, Contract, TableContract};
use landbridge_core::memory::{CONTRACT_READERS, ContractReader, needed_mb};
use landbridge_core::models::ga4_violations;
use landbridge_core::yaml::{self, Diagnostic, Diagnostics};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::files;
use crate::render::{self, counted};
use landbridge_cli_support::receipts::classes_of;

/// Check landbridge.yaml and contract.yaml and list all errors
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge check
  landbridge check --config examples/demo/landbridge.yaml
  landbridge check --database billing")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The result; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct CheckReport {
    ok: bool,
    errors: Vec<FileError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contents: Option<String>,
}

/// One error, with its place in the file.
#[derive(Serialize)]
struct FileError {
    file: String,
    line: usize,
    column: usize,
    path: String,
    message: String,
    help: Option<String>,
}

impl From<&Diagnostic> for FileError {
    fn from(error: &Diagnostic) -> Self {
        Self {
            file: error.file.clone(),
            line: error.line,
            column: error.column,
            path: error.path.clone(),
            message: error.message.clone(),
            help: error.help.clone(),
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &CheckArgs) -> Result {
    let config_path = files::config_path(args.files.config.as_deref());
    let config_text = files::read(&config_path, "--config")?;
    let result = if config::has_databases(&config_text) {
        check_databases(args, &config_path, &config_text)?
    } else {
        if let Some(named) = args.files.one.name() {
            // The only database may have this name; any other is an error, as for every command.
            if config::parse_databases(&config_path.display().to_string(), &config_text).is_ok() {
                let one = DatabaseArgs { database: Some(named) };
                files::database(&config_path, &one)?;
            }
        }
        let contract_path = match &args.files.contract {
            Some(path) => path.clone(),
            None => files::only_contract(&config_path, args.files.config.is_none()),
        };
        let contract_text = files::read(&contract_path, "--contract")?;
        check(&config_path, &config_text, &contract_path, &contract_text)
    };
    let (errors, contents) = match result {
        Ok(contents) => (Vec::new(), Some(contents)),
        Err(errors) => (errors, None),
    };
    if args.output.format == Output::Json {
        let list = errors.iter().flat_map(|file| file.all()).map(FileError::from).collect();
        render::json(&CheckReport { ok: errors.is_empty(), errors: list, contents })?;
    } else if let Some(contents) = contents {
        render::print(&contents)?;
    } else {
        for file in &errors {
            eprintln!("{file}");
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Failure::Reported) }
}

/// Checks a configuration with several databases and the contract of each, or of the one that is named. The rules
/// between databases hold for all of them in any case.
fn check_databases(
    args: &CheckArgs,
    config_path: &Path,
    config_text: &str,
) -> Result<Result<String, Vec<Diagnostics>>> {
    let config_name = config_path.display().to_string();
    let databases = match config::parse_databases_with_borders(&config_name, config_text) {
        Ok(databases) => databases,
        Err(errors) => return Ok(Err(vec![errors])),
    };
    let named = args.files.one.name();
    let chosen: Vec<&Database> = match &named {
        Some(_) => {
            files::database(config_path, &args.files.one)?;
            databases.one(named.as_deref()).into_iter().collect()
        }
        None if args.files.contract.is_some() => {
            return Err(Failure::Usage(
                "--contract is of one database; name it with --database".to_owned(),
            ));
        }
        None => databases.all().iter().collect(),
    };
    let mut errors = Vec::new();
    let mut contracts: BTreeMap<&str, Contract> = BTreeMap::new();
    let mut texts = Vec::new();
    for database in &chosen {
        let path = match &args.files.contract {
            Some(path) => path.clone(),
            None => files::contract_of(database, config_path, false),
        };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::Usage(format!(
                "database `{of}`: cannot read the contract {name}: {error}; `landbridge contract propose --database {of} --source URL > {name}` writes a first one",
                of = database.name
            ))
        })?;
        match contract::parse(&name, &text, &database.config) {
            Ok(contract) => {
                texts.push(format!(
                    "{}\n{}\n",
                    config_summary(&format!("{config_name}, {}", database.name), &database.config),
                    contract_summary(&name, &contract, &database.config)
                ));
                contracts.insert(&database.config.source.name, contract);
            }
            Err(faults) => errors.push(faults),
        }
    }
    // The functions do not stop at these faults, so they are checked only here and by doctor.
    let more = config::check_databases(&config_name, config_text, |config| {
        let Some(contract) = contracts.get(config.source.name.as_str()) else { return Vec::new() };
        let mut problems = ga4_violations(config, contract);
        problems.extend(audits_violations(config, contract));
        problems
    });
    errors.extend(more.err());
    Ok(if errors.is_empty() { Ok(texts.join("\n")) } else { Err(errors) })
}

/// Checks both files and summarises them. The errors are grouped by file. If the configuration is
/// invalid, the contract is still checked for everything that does not depend on it.
fn check(
    config_path: &Path,
    config_text: &str,
    contract_path: &Path,
    contract_text: &str,
) -> Result<String, Vec<Diagnostics>> {
    let config_name = config_path.display().to_string();
    let contract_name = contract_path.display().to_string();
    match config::parse_with_borders(&config_name, config_text) {
        Ok(config) => match contract::parse(&contract_name, contract_text, &config) {
            Ok(contract) => {
                // The functions do not stop at these faults, so they are checked only here and by doctor.
                let mut problems = ga4_violations(&config, &contract);
                problems.extend(audits_violations(&config, &contract));
                problems.extend(config::tables_violations(&config, &contract));
                yaml::parse_checked(&config_name, config_text, |_: &Config| problems)
                    .map_err(|errors| vec![errors])?;
                Ok(format!(
                    "{}\n{}\n",
                    config_summary(&config_name, &config),
                    contract_summary(&contract_name, &contract, &config)
                ))
            }
            Err(errors) => Err(vec![errors]),
        },
        Err(errors) => {
            let contract_errors = yaml::parse::<Contract>(&contract_name, contract_text).err();
            Err([Some(errors), contract_errors].into_iter().flatten().collect())
        }
    }
}

fn config_summary(name: &str, config: &Config) -> String {
    let Config { source, schedule, warehouse, pii, .. } = config;
    let kind = match source.kind {
        config::SourceKind::Instance => "instance",
        config::SourceKind::Cluster => "cluster",
    };
    let mut line = format!("{name}: good\n");
    // Writing to a String cannot fail.
    let _ = writeln!(
        line,
        "  from  {kind} {} in {}, named `{}`",
        source.id, source.region, source.name
    );
    let _ = writeln!(
        line,
        "  to    {}.{} in {}",
        warehouse.project, warehouse.dataset, warehouse.location
    );
    let _ = writeln!(
        line,
        "  when  export at {:02}:00, transfer from {:02}:00, published by {:02}:00, {}",
        schedule.export_hour, schedule.transfer_from_hour, schedule.deadline_hour, schedule.zone
    );
    if let Some(basis) = &config.transfer.cross_border {
        let country = |it: Option<&'static str>| it.unwrap_or("a country that is not known here");
        let _ = writeln!(
            line,
            "  law   from {} to {}: {basis}",
            country(config::country_of_aws_region(&source.region)),
            country(config::country_of_google_location(&warehouse.location))
        );
    }
    let mut masks: BTreeMap<Mask, Vec<String>> = BTreeMap::new();
    for (class, rule) in pii.all() {
        masks.entry(rule.mask).or_default().push(class);
    }
    let masks: Vec<String> =
        masks.iter().map(|(mask, classes)| format!("{mask}: {}", classes.join(", "))).collect();
    let _ = write!(line, "  masks {}", masks.join("\n        "));
    for (class, _) in pii.classes.iter().filter(|(name, class)| class.overrides_small_domain(name))
    {
        let _ = write!(
            line,
            "\n  note  class `{class}` has `domain: large`: its mask hides nothing if all possible values can be listed"
        );
    }
    line
}

fn contract_summary(name: &str, contract: &Contract, config: &Config) -> String {
    let columns = contract.tables.values().flat_map(|table| table.columns.values());
    let count = columns.clone().count();
    let mut text = format!(
        "{name}: good\n  {}, {}: {}",
        counted(contract.tables.len(), "table"),
        counted(count, "column"),
        classes_of(columns.map(|column| column.class.as_str()))
    );
    text.push_str(&memory_note(contract, config));
    for note in audits_notes(config, contract) {
        text.push_str(&format!("\n  note  {note}"));
    }
    for (table, column) in contract.columns_of_domains() {
        let named = &contract.tables[table].columns[column];
        let (source, ty) = (&named.source, named.column_type());
        text.push_str(&format!(
            "\n  note  column `{column}` of `{table}` is {ty}: an export writes this for a domain over `{source}`. If the column is a plain `{source}`, the table will be held"
        ));
    }
    for (source_table, table) in &contract.tables {
        for (column, named) in &table.columns {
            if let Some(basis) = &named.legal_basis {
                text.push_str(&format!("\n  law   column `{column}` of `{source_table}`: {basis}"));
            }
        }
        if table.time_travel_forbidden {
            text.push_str(&row_policy_note(source_table, table, config));
        }
    }
    text
}

/// The functions that cannot read a contract of this size with Terraform's default memory.
fn memory_note(contract: &Contract, config: &Config) -> String {
    let needed = |it: &ContractReader| needed_mb(it.name, contract, config.transfer.memory_mib);
    let deployed = config.all_functions();
    let too_small: Vec<String> = CONTRACT_READERS
        .iter()
        .filter(|it| deployed.contains(&it.name) && needed(it) > it.default_mb)
        .map(|it| format!("{} = {}", it.name, needed(it)))
        .collect();
    match too_small.as_slice() {
        [] => String::new(),
        list => format!(
            "\n  note  functions read the whole contract, and Terraform's default memory is too small for this one: set memory_mb = {{ {} }} in the module aws, or more; `landbridge doctor` compares",
            list.join(", ")
        ),
    }
}

/// What a table with `time_travel_forbidden` needs, and what it means.
fn row_policy_note(source_table: &str, table: &TableContract, config: &Config) -> String {
    let (schema, name) = source_table.split_once('.').unwrap_or(("", source_table));
    let default = || contract::default_table_name(schema, schema, name);
    let table = table.table.clone().unwrap_or_else(default);
    let warehouse = &config.warehouse;
    let all = config.pii.all();
    let members: BTreeSet<&String> =
        all.values().flat_map(|class| class.readers.iter().chain(&class.masked_readers)).collect();
    let members: Vec<String> = members.into_iter().map(|member| format!("{member:?}")).collect();
    format!(
        "\n  note  table `{source_table}` has `time_travel_forbidden`: it needs a row access policy, which only a person who may read the table can create. Add every other reader of the dataset, and the `load` function's principal: a reader whom no policy names sees no rows. Time travel stays impossible after the policy is deleted.\n        CREATE ROW ACCESS POLICY all_rows ON `{}.{}.{table}` GRANT TO ({}) FILTER USING (TRUE)",
        warehouse.project,
        warehouse.dataset,
        members.join(", ")
    )
}
