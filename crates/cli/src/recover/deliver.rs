//! Writes the rows to the target.

use indicatif::ProgressBar;
use landbridge_core::types::Engine;

use super::database::{self, TargetDatabase};
use super::job::{Destination, Job};
use super::output::OutputFile;
use super::report::{Report, log};
use super::sql::{self, Names, Statements};
use super::target::{Address, Target};
use super::{Command, Prepared, Types};
use crate::failure::{Failure, Result};
use std::path::Path;

/// Writes the rows, and reports what was written.
///
/// # Errors
/// If nothing is written: no file and no new table is left.
pub(super) async fn deliver(
    command: &Command,
    prepared: Prepared,
    target: &Target,
    progress: ProgressBar,
) -> Result<Report> {
    let mut report = Report::of(&prepared, command.day);
    match target {
        Target::Sql(path) => sql_file(command, prepared, path, &mut report, progress).await?,
        Target::Parquet(path) => parquet(command, prepared, path, &mut report, progress).await?,
        Target::Database(address) => {
            database(command, prepared, address, &mut report, progress).await?;
        }
    }
    Ok(report)
}

async fn sql_file(
    command: &Command,
    prepared: Prepared,
    path: &Path,
    report: &mut Report,
    progress: ProgressBar,
) -> Result {
    let args = &command.args;
    let names = Names::of(&prepared.source_table, command.day, args.name.as_deref(), false)?;
    let types = args.types.unwrap_or(Types::Live);
    let statements = Statements::new(&prepared, &names, types, sql::Into::File);
    if types == Types::Live {
        report.notes.extend(sql::remark(&prepared, command.day, false));
    }
    let file = OutputFile::create(path)?;
    report.record = log(command, &prepared, "a file").await?;
    report.creates = Some(statements.table().to_owned());
    report.file = Some(path.display().to_string());
    let comment = sql::comment(&prepared);
    let destination = Destination::Sql { file, comment, statements };
    let job = Job::new(prepared, destination, &command.interrupts);
    command.interrupts.unbroken(job.spawn(progress, report)).await
}

async fn parquet(
    command: &Command,
    prepared: Prepared,
    path: &Path,
    report: &mut Report,
    progress: ProgressBar,
) -> Result {
    if command.args.name.is_some() || command.args.types.is_some() {
        return Err(Failure::Usage(
            "--as and --types are for a new table of a database; a Parquet file has no name and the types of the source"
                .to_owned(),
        ));
    }
    let file = OutputFile::create(path)?;
    report.record = log(command, &prepared, "a file").await?;
    report.file = Some(path.display().to_string());
    let job = Job::new(prepared, Destination::Parquet { file }, &command.interrupts);
    command.interrupts.unbroken(job.spawn(progress, report)).await
}

async fn database(
    command: &Command,
    prepared: Prepared,
    address: &Address,
    report: &mut Report,
    progress: ProgressBar,
) -> Result {
    let args = &command.args;
    require_engine(address.engine, prepared.engine)?;
    let to = TargetDatabase::connect(command, address).await?;
    let may_be_live = !to.may_be_source;
    let names = Names::of(&prepared.source_table, command.day, args.name.as_deref(), may_be_live)?;
    let names = to.place(names);
    let decided = to.types(prepared.engine, args.types, &names, &prepared.chosen).await?;
    report.notes.extend(decided.note);
    if decided.types == Types::Live {
        report.notes.extend(sql::remark(&prepared, command.day, true));
    }
    let statements = Statements::new(&prepared, &names, decided.types, sql::Into::Database)
        .limited(decided.fractions);
    let place = to.database.place();
    report.record = log(command, &prepared, &place).await?;
    report.creates = Some(format!("{}.{}", names.schema, names.new));
    report.database = Some(place);
    // To its end, so that a table that is interrupted is deleted, and one that is there is reported.
    let filled = async {
        let mut filling = to.begin(&names, statements.begin()).await?;
        let (send, receive) = tokio::sync::mpsc::channel(database::WAITING);
        let destination = Destination::Database { send, statements };
        let job = Job::new(prepared, destination, &command.interrupts);
        let (inserted, read) =
            tokio::join!(database::insert(&mut filling, receive), job.spawn(progress, report));
        let rows = database::finish(filling, inserted, read.map(|()| report.rows_written)).await?;
        report.rows_written = rows;
        Ok::<(), Failure>(())
    };
    command.interrupts.unbroken(filled).await
}

fn require_engine(target: Engine, source: Engine) -> Result {
    if target == source {
        return Ok(());
    }
    let name = |engine| match engine {
        Engine::Postgres => "PostgreSQL",
        Engine::Mysql => "MySQL or MariaDB",
    };
    Err(Failure::Usage(format!(
        "--to: the source is {}, and its values can only be written exactly into a database of the same kind, not into {}; write a file instead: --to FILE.parquet",
        name(source),
        name(target)
    )))
}
