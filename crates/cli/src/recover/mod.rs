//! `landbridge recover`: the rows of one table as an export has them, in a file or in a new table of a database.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the command |
//! | [`export`] | the table as the export of a day has it |
//! | [`target`] | `--to`: a file, or the address of a database |
//! | [`columns`] | which columns are written, and why the others are not |
//! | [`restored`] | `--from restore`: the table in a temporary copy of the database |
//! | [`find`] | counts rows of a key, for `landbridge forget` |
//! | [`condition`] | `--where`, evaluated on the rows of the export |
//! | [`read`] | the rows of the Parquet files |
//! | [`value`] | how cells are written by the reader |
//! | [`deliver`] | writes to the target: a file or a database |
//! | [`report`] | what is said of it, and the record of the reason |
//! | [`job`] | reads, chooses and writes the rows |
//! | [`sql`] | the SQL statements: a new table and its rows |
//! | [`database`] | a new table of a database, filled over a connection |
//! | [`output`] | the file: its rights, its place, and what becomes of it if the command fails |
//!
//! The live table is never changed: the statements create a table beside it. No message has a cell.

mod columns;
mod condition;
mod database;
mod deliver;
mod export;
pub(crate) mod find;
mod job;
mod output;
mod read;
mod report;
pub(crate) mod restored;
mod sql;
mod target;
mod value;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use landbridge_aws::Aws;
use landbridge_cli_support::args::{FileArgs, Output, OutputArgs, reason};
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::Config;
use landbridge_core::types::Engine;
use landbridge_ledger::Ledger;

use self::columns::Choice;
use self::condition::Condition;
use self::read::RowSource;
use self::target::Target;
use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::render;
use crate::restore::args::IsolationArgs;
use crate::restore::interrupts::Interrupts;

/// Write the rows of one table, as a day's export has them, into a file or a new table
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge recover public.orders --at yesterday --to orders.sql
  landbridge recover public.orders --at 2026-11-21 --where \"id BETWEEN 100 AND 200\" --to orders.sql
  landbridge recover public.orders --at yesterday --to orders.parquet
  landbridge recover public.orders --at yesterday --to postgres://me@127.0.0.1:5433/shop
  landbridge recover public.members --at yesterday --plain --reason 'ticket 4211' --to members.sql

A file of SQL has statements that create a table beside the live one and fill it: `orders_recovered_20261121`.
Nothing is changed in the database until you run them, and the live table is never changed:
  psql \"$SHOP_URL\" -v ON_ERROR_STOP=1 -f orders.sql      (MySQL, MariaDB: mysql shop < orders.sql)
A file of Parquet has the types of the source. The URL of a database makes the new table there, with all rows or
not at all: no existing table is ever changed. The password is not part of the URL: the command reads it from
LANDBRIDGE_RECOVER_PASSWORD, or asks. A connection to another machine needs --ca.

Columns with a class are left out. `--plain` writes them too: it needs the managed policy operator-recover,
like any use of this command, and a reason, which is recorded in the ledger. A column with
`transform: drop` is never written.

The rows are from the export that is kept in S3, for seven days by default. For an older day, or a type
that an export does not contain exactly, `--from restore` restores the day's snapshot to a temporary database,
reads the table there and deletes that database, also after Ctrl-C. It asks first, and takes as long as a drill:
  SHOP_URL=postgres://reader:secret@any/shop landbridge recover public.orders --at 2026-09-01 \\
    --from restore --database-url-env SHOP_URL --ca global-bundle.pem --to orders.sql
  landbridge recover --clean-up
docs/runbooks/recover.md says more.

Exit codes: 0 all rows are written; 1 failed, and nothing is left; 2 invalid usage; 3 access denied.")]
pub(crate) struct RecoverArgs {
    /// The table: its name in the source (`public.orders`), or in BigQuery
    #[arg(required_unless_present = "clean_up")]
    table: Option<String>,
    /// The day of the export: `yesterday`, `today`, or a date such as 2026-11-21
    #[arg(long = "at", value_name = "DAY", value_parser = at, required_unless_present = "clean_up")]
    at: Option<At>,
    /// FILE.sql, FILE.parquet, or postgres://user@host:port/database (mysql://…). A file's directory must exist, and
    /// must not be in a git work tree
    #[arg(long, value_name = "TARGET", required_unless_present = "clean_up")]
    to: Option<String>,
    /// Where the rows come from
    #[arg(long, value_name = "SOURCE", value_enum, default_value_t)]
    from: From,
    /// Only rows for which this is true: comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// The name of the new table [default: TABLE_recovered_YYYYMMDD]
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Where the types of the new table come from [default: the live table; if a database lacks it, the export]
    #[arg(long, value_name = "FROM", value_enum)]
    types: Option<Types>,
    /// With --from restore: environment variable with the URL of the source. Host and port of the copy take the place of its own
    #[arg(long, value_name = "NAME")]
    database_url_env: Option<String>,
    /// With --from restore: go on with the copy of an interrupted command of the same day
    #[arg(long)]
    resume: bool,
    /// Only delete the copy that an interrupted command left
    #[arg(long, conflicts_with_all = [
        "table", "at", "to", "condition", "name", "types", "database_url_env", "resume", "parameter_group", "subnet_group",
        "security_group", "password_env", "ca", "plain", "reason",
    ])]
    clean_up: bool,
    /// With --from restore: show what would be restored; with --clean-up: what would be deleted. Changes nothing
    #[arg(long)]
    dry_run: bool,
    /// With --from restore: do not ask for confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    isolation: IsolationArgs,
    /// Environment variable that has the password of the database [default: LANDBRIDGE_RECOVER_PASSWORD, else asked]
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// Trust the certificates in this file; for RDS, AWS's global-bundle.pem
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Write the columns that have a class too
    #[arg(long, requires = "reason")]
    plain: bool,
    /// Why: recorded in the ledger
    #[arg(long, value_name = "TEXT", requires = "plain", value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl RecoverArgs {
    /// The table's name; empty only with `--clean-up`.
    fn table_name(&self) -> &str {
        self.table.as_deref().unwrap_or_default()
    }

    /// Fails if an option is given that has a meaning only with `--from restore`: an operator who writes `--dry-run` expects that
    /// no row is written. `--yes` answers a question that is not asked here, so it is accepted.
    fn require_used(&self) -> Result {
        let isolation = &self.isolation;
        let options = [
            ("--dry-run", self.dry_run),
            ("--resume", self.resume),
            ("--database-url-env", self.database_url_env.is_some()),
            ("--parameter-group", isolation.parameter_group.is_some()),
            ("--subnet-group", isolation.subnet_group.is_some()),
            ("--security-group", !isolation.security_group.is_empty()),
        ];
        match options.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) if self.from != From::Restore => Err(Failure::Usage(format!(
                "{option} is for --from restore, and this command reads the export in S3: add --from restore, or leave {option} out"
            ))),
            _ => Ok(()),
        }
    }
}

/// Where the rows come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// The export of the day, kept in S3
    #[default]
    Export,
    /// A temporary copy of the database, restored from the day's snapshot and deleted at the end
    Restore,
}

/// Where the types of the new table's columns come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Types {
    /// The live table: user-defined types are in it. A type that the export knows is taken without the live table's size,
    /// which could cut values (PostgreSQL)
    Live,
    /// The export: for a table that is gone. Lengths and user-defined types are not in it. With --from restore, the copy:
    /// without user-defined types
    Export,
}

/// `--at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Today,
    Yesterday,
    Day(Day),
}

fn at(text: &str) -> Result<At, String> {
    match text {
        "today" => Ok(At::Today),
        "yesterday" => Ok(At::Yesterday),
        day => day
            .parse()
            .map(At::Day)
            .map_err(|_| "must be `yesterday`, `today`, or a date such as 2026-11-21".to_owned()),
    }
}

/// What all parts of the command use.
struct Command {
    args: RecoverArgs,
    config: Config,
    aws: Aws,
    ledger: Ledger,
    now: Timestamp,
    day: Day,
    interrupts: Interrupts,
}

/// A table whose rows can be read.
struct Prepared {
    source_table: String,
    engine: Engine,
    /// `export of 2026-11-21`, for the comment of a file.
    from: String,
    /// The export task, if the rows are of an export.
    export: Option<String>,
    /// The snapshot, if it is restored.
    snapshot: Option<String>,
    /// How many rows there are, if that is known before they are read.
    rows: Option<u64>,
    /// What is printed before the first row is read.
    announcement: String,
    chosen: Choice,
    condition: Option<Condition>,
    source: RowSource,
}

/// Runs the command.
pub(crate) async fn run(args: RecoverArgs) -> Result {
    if args.clean_up {
        return restored::clean_up(&args).await;
    }
    args.require_used()?;
    let to = args.to.as_deref().unwrap_or_default();
    let target = Target::parse(to).map_err(|why| Failure::Usage(format!("--to: {why}")))?;
    let config = args.files.read()?;
    let contract = args.files.read_contract(&config)?;
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let now = Clock::from_env()?.now();
    let day = resolve(args.at.unwrap_or(At::Yesterday), now, &config)?;
    let ledger = Ledger::for_operator(aws.s3.clone(), &config);
    let interrupts = Interrupts::default();
    let command = Command { args, config, aws, ledger, now, day, interrupts };
    if command.args.from == From::Restore {
        return Box::pin(restored::run(command, &contract, &target)).await;
    }
    let written = async {
        let prepared = export::prepare(&command, &contract).await?;
        finish(&command, prepared, &target).await
    };
    command.interrupts.unless_interrupted(Box::pin(written)).await
}

/// Writes the rows, and says what was written.
async fn finish(command: &Command, prepared: Prepared, target: &Target) -> Result {
    let is_text = command.args.output.format == Output::Text;
    if is_text {
        render::print(&prepared.announcement)?;
    }
    let engine = prepared.engine;
    let progress = report::progress(prepared.rows, is_text);
    let report = deliver::deliver(command, prepared, target, progress).await?;
    if is_text { report::show(&report, engine) } else { render::json(&report) }
}

fn resolve(at: At, now: Timestamp, config: &Config) -> Result<Day> {
    let schedule = &config.schedule;
    let today = Calendar::new(&schedule.zone, schedule.export_hour)?.day_of(now);
    Ok(match at {
        At::Today => today,
        At::Yesterday => today.before().unwrap_or(today),
        At::Day(day) => day,
    })
}
