//! `landbridge contract check`: what a pull request of the application means for the contract.

use clap::{Args, ValueEnum};
use landbridge_cli_support::args::FileArgs;
use landbridge_core::config::Config;
use landbridge_core::contract::review::{Change, review};
use landbridge_core::contract::{Contract, Samples, TableContract};
use landbridge_core::types::Engine;
use landbridge_core::yaml::{self, KeyPath, Violation};
use landbridge_source::ddl::{self, Place, Schema};
use landbridge_source::proposal::{self, reviewed};
use landbridge_source::{Database, EngineFamily, SampleLimits, Tls};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::finding::{Checked, Finding, Format, Level, UNREAD};
use super::{inputs, report};
use crate::failure::{Failure, Result};
use crate::files;
use crate::render::counted;

/// Check what changes of the application's schema mean for the contract
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge contract check migrations/
  landbridge contract check --dump schema.sql migrations/0042_members.sql
  landbridge contract check --dump schema.sql --output github --sarif contract.sarif
  landbridge contract check --source postgres://me@localhost/shop

The files of SQL are applied in their order to the tables of the dump, of the database, or else
of the contract itself. The contract is not changed. A statement that may change a table and
cannot be read is an error with its file and line; --allow-unread makes it a warning. With
--source, a sample of rows is read as well, and a column of class `none` whose values look
personal is named; no value is printed.

Exit codes: 0 nothing to decide; 1 a column without a verdict, a change that holds a table, a table
that is gone, or a statement that cannot be read; 2 invalid usage, or an invalid file.")]
pub(crate) struct ContractCheckArgs {
    /// Migrations, applied in this order; of a directory, all `*.sql` files in the order of their names
    #[arg(value_name = "FILE")]
    pub(crate) migrations: Vec<PathBuf>,
    /// A dump of the whole schema: pg_dump --schema-only, or mysqldump --no-data
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    pub(crate) dump: Vec<PathBuf>,
    /// A database with the schema before the migrations: postgres://… or mysql://…
    #[arg(long, value_name = "URL")]
    pub(crate) source: Option<String>,
    /// Encrypt the connection and trust only the CA certificates in this PEM file
    #[arg(long, value_name = "FILE", requires = "source")]
    pub(crate) ca: Option<PathBuf>,
    /// With --source, how many rows of each table are read to see what its values look like; 0 reads
    /// the catalogue alone
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "source")]
    pub(crate) sample_rows: u32,
    /// The engine [default: the dump's or the database's, else the contract's]
    #[arg(long, value_enum)]
    pub(crate) engine: Option<EngineArg>,
    /// The schema of names without one; for MySQL the database
    /// [default: public; for MySQL the dump's, else the contract's only one]
    #[arg(long, value_name = "NAME")]
    pub(crate) schema: Option<String>,
    /// A statement that cannot be read is a warning, not an error
    #[arg(long)]
    pub(crate) allow_unread: bool,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Also write a SARIF log to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
}

/// `--engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineArg {
    /// PostgreSQL
    Postgres,
    /// MySQL or MariaDB
    Mysql,
}

/// Runs the command.
pub(crate) async fn run(args: ContractCheckArgs) -> Result {
    let config = args.files.read()?;
    let contract_path = args.files.contract_path()?;
    let contract_text = files::read(&contract_path, "--contract")?;
    let contract = files::contract(&contract_path, &config)?;
    if args.migrations.is_empty() && args.dump.is_empty() && args.source.is_none() {
        return Err(Failure::Usage(
            "nothing to compare with the contract; name migrations, --dump FILE or --source URL"
                .to_owned(),
        ));
    }
    let read = schema_of(&args, &contract).await?;
    let place = ContractFile { path: &contract_path, text: &contract_text };
    let checked = compare(&args, read, &contract, &config, &place);
    if let Some(path) = &args.sarif {
        let log = report::sarif_text(&checked)?;
        std::fs::write(path, log).map_err(|error| {
            Failure::Failed(format!(
                "cannot write {}: {error}; name another file with --sarif",
                path.display()
            ))
        })?;
    }
    report::print(&checked, args.output)?;
    match checked.errors() {
        0 => Ok(()),
        errors => Err(Failure::Failed(format!(
            "{} must be decided in {} before the change is merged",
            counted(errors, "finding"),
            contract_path.display()
        ))),
    }
}

/// What was read.
struct Read {
    /// The schema after all files.
    schema: Schema,
    /// What the values of the database look like.
    samples: Samples,
    /// Files and samples that were not read, each with the reason.
    not_read: Vec<String>,
}

async fn schema_of(args: &ContractCheckArgs, contract: &Contract) -> Result<Read> {
    let dumps = inputs::texts(&args.dump, "--dump")?;
    let (migrations, mut not_read) = inputs::migrations(&args.migrations)?;
    let mut samples = Samples::new();
    let mut schema = match &args.source {
        Some(url) => {
            let tls = args.ca.as_deref().map(Tls::trust_file).transpose()?;
            let database = Database::connect(url, tls).await?;
            let family = database.engine().family();
            let current = current_schema(args, family, &dumps, contract)?;
            let tables = database.tables().await?;
            let limits = (args.sample_rows > 0).then(|| SampleLimits::rows(args.sample_rows));
            let (found, failed) = proposal::sample(&database, &tables, limits).await?;
            samples = found;
            not_read.extend(failed.into_iter().map(|it| format!("no sample of {it}")));
            Schema::of_catalogue(family, &current, tables)
        }
        None => {
            let family = engine(args, &dumps, contract)?;
            let current = current_schema(args, family, &dumps, contract)?;
            match dumps.is_empty() {
                true => Schema::of_contract(family, &current, contract),
                false => Schema::empty(family, &current),
            }
        }
    };
    for (file, text) in dumps.iter().chain(&migrations) {
        schema.read(file, text);
    }
    Ok(Read { schema, samples, not_read })
}

fn engine(
    args: &ContractCheckArgs,
    dumps: &[(String, String)],
    contract: &Contract,
) -> Result<EngineFamily> {
    let stated = args.engine.map(|engine| match engine {
        EngineArg::Postgres => EngineFamily::Postgres,
        EngineArg::Mysql => EngineFamily::MySql,
    });
    let of_dump = || dumps.iter().find_map(|(_, text)| ddl::engine_of_dump(text));
    let of_contract = || match contract.engine()? {
        Engine::Postgres => Some(EngineFamily::Postgres),
        Engine::Mysql => Some(EngineFamily::MySql),
    };
    stated.or_else(of_dump).or_else(of_contract).ok_or_else(|| {
        Failure::Usage(
            "neither a dump nor the contract says which engine the SQL is for; add --engine postgres or --engine mysql"
                .to_owned(),
        )
    })
}

/// The schema of names without one.
fn current_schema(
    args: &ContractCheckArgs,
    family: EngineFamily,
    dumps: &[(String, String)],
    contract: &Contract,
) -> Result<String> {
    if let Some(stated) = &args.schema {
        return Ok(stated.clone());
    }
    if family == EngineFamily::Postgres {
        return Ok("public".to_owned());
    }
    let of_dump = dumps.iter().find_map(|(_, text)| ddl::database_of_dump(text));
    let mut of_contract = contract.tables.keys().filter_map(|key| Some(key.split_once('.')?.0));
    let first = of_contract.next();
    let only = first.filter(|first| of_contract.all(|other| other == *first));
    of_dump.or(only).map(str::to_owned).ok_or_else(|| {
        Failure::Usage(
            "the contract does not have exactly one database; name that of the files with --schema NAME"
                .to_owned(),
        )
    })
}

/// The contract's file, in which a finding without another place has its own.
struct ContractFile<'a> {
    path: &'a Path,
    text: &'a str,
}

impl ContractFile<'_> {
    /// The line of an entry; 1 if the file does not have it.
    fn place(&self, table: &str, column: Option<&str>) -> Place {
        let file = self.path.display().to_string();
        let mut path = KeyPath::of("tables").key(table);
        if let Some(column) = column {
            path = path.key("columns").key(column);
        }
        let placed = yaml::parse_checked::<Contract>(&file, self.text, |_| {
            vec![Violation::new(path, String::new())]
        });
        let line = placed.err().and_then(|all| all.all().first().map(|it| it.line));
        Place { file, line: line.unwrap_or(1) as u64 }
    }
}

fn compare(
    args: &ContractCheckArgs,
    read: Read,
    contract: &Contract,
    config: &Config,
    contract_file: &ContractFile<'_>,
) -> Checked {
    let Read { schema, samples, not_read } = read;
    let schema = &schema;
    let compared = reviewed(schema, contract, config);
    let engine = match schema.family() {
        EngineFamily::Postgres => Engine::Postgres,
        EngineFamily::MySql => Engine::Mysql,
    };
    let changes = review(contract, config, engine, &compared.tables, &samples);
    let places = Places::of(schema);
    let mut findings: Vec<Finding> = changes
        .into_iter()
        .map(|change| {
            let (place, renamed) = places.of_change(&change, contract_file);
            let concerns = contract.tables.get(&change.table).and_then(TableContract::concerns);
            finding(change, place, renamed, concerns)
        })
        .collect();
    findings.extend(schema.unread.iter().map(|unread| Finding {
        level: if args.allow_unread { Level::Warning } else { Level::Error },
        rule: UNREAD.0,
        file: unread.place.file.clone(),
        line: unread.place.line,
        table: None,
        column: None,
        message: format!("cannot read a statement, which may change a table: {}", unread.what),
        proposal: None,
        readers: Vec::new(),
    }));
    findings.sort_by(|one, other| {
        (one.level, &one.file, one.line).cmp(&(other.level, &other.file, other.line))
    });
    Checked {
        findings,
        tables: compared.tables.len(),
        columns: compared.tables.iter().map(|it| it.columns.len()).sum(),
        left_out: compared.left_out,
        not_read,
    }
}

fn finding(
    change: Change,
    place: Place,
    renamed: Option<String>,
    concerns: Option<String>,
) -> Finding {
    let renamed = renamed.map(|to| format!(" (it is renamed to `{to}`)")).unwrap_or_default();
    // Of the table, for the reviewers of the change.
    let concerns = concerns.map(|it| format!(" [{it}]")).unwrap_or_default();
    Finding {
        level: if change.kind.is_error() { Level::Error } else { Level::Warning },
        rule: change.kind.name(),
        file: place.file,
        line: place.line,
        table: Some(change.table),
        column: change.column,
        message: change.message + &renamed + &concerns,
        proposal: change.proposal,
        readers: change.readers,
    }
}

/// Where tables and columns were written, and where they were removed.
struct Places<'a> {
    written: BTreeMap<(String, Option<&'a str>), &'a Place>,
    removed: BTreeMap<(&'a str, Option<&'a str>), &'a ddl::Removed>,
}

impl<'a> Places<'a> {
    fn of(schema: &'a Schema) -> Self {
        let mut written = BTreeMap::new();
        for table in schema.tables() {
            let key = format!("{}.{}", table.schema, table.name);
            if let Some(place) = &table.place {
                written.insert((key.clone(), None), place);
            }
            for column in &table.columns {
                if let Some(place) = column.place.as_ref().or(table.place.as_ref()) {
                    written.insert((key.clone(), Some(column.column.name.as_str())), place);
                }
            }
        }
        let removed = schema.removed.iter();
        let removed = removed.map(|it| ((it.table.as_str(), it.column.as_deref()), it)).collect();
        Self { written, removed }
    }

    /// The place of a change, and the new name of what was renamed.
    fn of_change(&self, change: &Change, contract: &ContractFile<'_>) -> (Place, Option<String>) {
        let column = change.column.as_deref();
        if let Some(place) = self.written.get(&(change.table.clone(), column)) {
            return ((*place).clone(), None);
        }
        match self.removed.get(&(change.table.as_str(), column)) {
            Some(removed) => (removed.place.clone(), removed.to.clone()),
            None => (contract.place(&change.table, column), None),
        }
    }
}
