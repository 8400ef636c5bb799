//! Reads the rows, chooses some, and writes them. It blocks, so it runs on a thread of its own.

use indicatif::ProgressBar;
use landbridge_parquet::table::{RowError, TableColumn, TableWriter};
use tokio::sync::mpsc::Sender;

use super::Prepared;
use super::output::OutputFile;
use super::read::Each;
use super::report::Report;
use super::sql::{Inserts, Sink, Statements};
use crate::failure::{Failure, Result};
use crate::restore::interrupts::Interrupts;

/// All that reading and writing need.
pub(super) struct Job {
    rows: Rows,
    destination: Destination,
}

/// Where the rows go.
pub(super) enum Destination {
    /// A file of statements, which begins with a comment.
    Sql { file: OutputFile, comment: String, statements: Statements },
    /// A Parquet file.
    Parquet { file: OutputFile },
    /// INSERT statements for a connection, which another task has.
    Database { send: Sender<String>, statements: Statements },
}

impl Job {
    /// The rows of a table, and where they go.
    pub(super) fn new(
        prepared: Prepared,
        destination: Destination,
        interrupts: &Interrupts,
    ) -> Self {
        Self { rows: Rows { prepared, interrupts: interrupts.clone() }, destination }
    }

    /// Writes all rows for which the condition is true, and reports how many. The thread goes on if this is dropped, so the caller
    /// awaits it with [`Interrupts::unbroken`]: it ends at the next row if the command is interrupted.
    ///
    /// # Errors
    /// If a row cannot be read, compared or written exactly, or the command is interrupted; then no file is left.
    pub(super) async fn spawn(self, progress: ProgressBar, report: &mut Report) -> Result {
        let Self { rows, destination } = self;
        let task = tokio::task::spawn_blocking(move || {
            let written = destination.write(&rows, &progress);
            progress.finish_and_clear();
            written.map(|written| (written, rows.prepared.chosen.left_out))
        });
        let ended = task.await;
        (report.rows_written, report.left_out) = ended
            .map_err(|error| Failure::Failed(format!("the rows are not written: {error}")))??;
        Ok(())
    }
}

/// The rows to write.
struct Rows {
    prepared: Prepared,
    interrupts: Interrupts,
}

impl Rows {
    /// Gives each row for which the condition is true, and returns how many there are.
    fn each(&self, progress: &ProgressBar, each: &mut Each<'_>) -> Result<u64> {
        let mut rows = 0;
        self.prepared.source.rows(&self.prepared.chosen, &mut |cells| {
            self.interrupts.check()?;
            progress.inc(1);
            let is_wanted = match &self.prepared.condition {
                Some(condition) => condition.is_true(cells)?,
                None => true,
            };
            if is_wanted {
                rows += 1;
                each(cells)?;
            }
            Ok(())
        })?;
        Ok(rows)
    }
}

impl Destination {
    fn write(self, source: &Rows, progress: &ProgressBar) -> Result<u64> {
        match self {
            Self::Sql { mut file, comment, statements } => {
                file.put(&comment)?;
                file.put(statements.begin())?;
                let rows = statements_of(source, progress, statements.rows(), &mut file)?;
                file.put(&statements.end(rows))?;
                source.interrupts.check()?;
                file.finish()?;
                Ok(rows)
            }
            Self::Parquet { file } => parquet(source, progress, file),
            Self::Database { send, statements } => {
                statements_of(source, progress, statements.rows(), &mut Channel(send))
            }
        }
    }
}

fn statements_of(
    source: &Rows,
    progress: &ProgressBar,
    mut out: Inserts<'_>,
    sink: &mut (dyn Sink + Send),
) -> Result<u64> {
    let rows = source.each(progress, &mut |cells| out.row(sink, cells))?;
    out.flush(sink)?;
    Ok(rows)
}

fn parquet(source: &Rows, progress: &ProgressBar, file: OutputFile) -> Result<u64> {
    let (kept, source_table) = (&source.prepared.chosen.kept, &source.prepared.source_table);
    let columns: Vec<TableColumn> =
        kept.iter().map(|it| TableColumn { name: it.name.clone(), ty: it.ty }).collect();
    let mut writer = TableWriter::new(file, &columns)?;
    let rows = source.each(progress, &mut |cells| {
        writer.row(cells).map_err(|error| match error {
            RowError::File(error) => error.into(),
            RowError::Misfit(at) => Failure::Failed(format!(
                "{source_table}.{} has a value that its type in a Parquet file cannot hold exactly, for example a date that no calendar has; write a file of SQL statements instead: --to FILE.sql",
                kept.get(at).map_or("", |column| column.name.as_str())
            )),
        })
    })?;
    let mut file = writer.finish()?;
    source.interrupts.check()?;
    file.finish()?;
    Ok(rows)
}

/// Statements for the task that has the connection. It waits while that is busy, so two statements are in memory.
struct Channel(Sender<String>);

impl Sink for Channel {
    fn put(&mut self, text: &str) -> Result {
        // The task ends early only with an error of its own, which is reported instead of this one.
        futures::executor::block_on(self.0.send(text.to_owned()))
            .map_err(|_| Failure::Failed("the database takes no more rows".to_owned()))
    }
}
