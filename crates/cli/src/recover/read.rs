//! The rows of the Parquet files of a table, in the order of the files.

use std::ops::ControlFlow;

use landbridge_aws::S3;
use landbridge_core::calendar::Day;
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::plan::{ItemSource, TablePlan};
use landbridge_core::{Error, ErrorKind};
use landbridge_parquet::cells::{Cell, Cells};
use landbridge_source::{Database, Table};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::columns::Choice;
use crate::export_file::ExportFile;
use crate::failure::{Failure, Result};

/// Where rows are read.
pub(super) enum RowSource {
    /// The files of an export.
    Exported(Exported),
    /// A temporary copy of the database.
    Restored(Box<Restored>),
}

impl RowSource {
    /// Gives the chosen cells of each row. It blocks, so it needs a thread of its own.
    ///
    /// # Errors
    /// If a row cannot be read, or an error of `each`. No error contains a cell.
    pub(super) fn rows(&self, chosen: &Choice, each: &mut Each<'_>) -> Result {
        match self {
            Self::Exported(exported) => exported.rows(chosen, each),
            Self::Restored(restored) => Handle::current().block_on(restored.rows(each)),
        }
    }
}

/// What is done with the cells of a row.
pub(super) type Each<'a> = dyn FnMut(&[Cell<'_>]) -> Result + Send + 'a;

/// A table of a restored database.
pub(super) struct Restored {
    pub(super) database: Database,
    pub(super) table: Table,
    /// The chosen columns, by their places in the table.
    pub(super) places: Vec<usize>,
    pub(super) source_table: String,
    pub(super) day: Day,
    /// The rows that the day's export of the same snapshot had, if that is known.
    pub(super) expected: Option<u64>,
}

impl Restored {
    async fn rows(&self, each: &mut Each<'_>) -> Result {
        let mut scan = self.database.scan().await?;
        // A scan ends with the last row. The first error ends the wait for it.
        let stop = Notify::new();
        let (mut stopped, mut rows) = (None, 0_u64);
        let read = {
            let give = &mut |cells: &[Cell<'_>]| {
                rows += 1;
                if stopped.is_none()
                    && let Err(error) = each(cells)
                {
                    stopped = Some(error);
                    stop.notify_one();
                }
            };
            tokio::select! {
                read = scan.rows(&self.table, &self.places, give) => read,
                () = stop.notified() => Ok(()),
            }
        };
        if let Some(error) = stopped {
            return Err(error);
        }
        read?;
        self.require_all(rows)
    }

    /// Fails if the copy has not the rows that the day's export had.
    fn require_all(&self, rows: u64) -> Result {
        match self.expected {
            Some(expected) if expected != rows => Err(Failure::Failed(format!(
                "{} of {}: the copy has {rows} rows, and the export of the same snapshot had {expected}; nothing is written. Check that the URL names the database of the source, and that no schedule or subscription changes the copy (--parameter-group, --subnet-group). To look at it, restore the snapshot under another name: `landbridge restore --from-receipt {1} --as NAME`",
                self.source_table, self.day
            ))),
            _ => Ok(()),
        }
    }
}

/// The files of a table.
pub(super) struct Exported {
    s3: S3,
    bucket: String,
    source_table: String,
    day: Day,
    objects: Vec<ObjectMeta>,
    rows: u64,
}

impl Exported {
    /// The files that the day's plan has. A file that is transferred in parts is read once.
    pub(super) fn of(s3: &S3, bucket: &str, plan: &TablePlan, day: Day) -> Self {
        let mut objects: Vec<ObjectMeta> = Vec::new();
        for item in &plan.items {
            if let ItemSource::Object { key, etag, bytes } = &item.from
                && objects.last().is_none_or(|last| last.key != *key)
            {
                let (key, etag) = (key.clone(), etag.clone());
                objects.push(ObjectMeta { key, etag, bytes: *bytes });
            }
        }
        Self {
            s3: s3.clone(),
            bucket: bucket.to_owned(),
            source_table: plan.source_table.clone(),
            day,
            objects,
            rows: plan.rows,
        }
    }

    pub(super) fn files(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.bytes).sum()
    }

    /// Gives the chosen cells of each row. It blocks, so it needs a thread of its own.
    ///
    /// # Errors
    /// If a file is gone, changed or damaged, if it lacks a column, if the rows are not as many as the day's plan has, or
    /// an error of `each`. No error contains a cell.
    fn rows(&self, chosen: &Choice, each: &mut Each<'_>) -> Result {
        let mut rows = 0;
        for object in &self.objects {
            let file = ExportFile::new(&self.s3, &self.bucket, object, chosen.kept.len());
            let mut stopped = None;
            let read = read_file(file.clone(), &object.key, chosen, &mut |cells| {
                rows += 1;
                match each(cells) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        stopped = Some(error);
                        ControlFlow::Break(())
                    }
                }
            });
            if let Some(error) = stopped {
                return Err(error);
            }
            read.map_err(|error| match file.cause() {
                Some(cause) => self.unreachable(cause),
                None => self.damaged(&error),
            })?;
        }
        if rows == self.rows {
            return Ok(());
        }
        Err(Failure::Failed(format!(
            "{} of {}: the files have {rows} rows, and the day's plan has {}; the file is not kept",
            self.source_table, self.day, self.rows
        )))
    }

    fn instead(&self) -> String {
        format!(
            "Restore the snapshot instead: `landbridge restore --from-receipt {} --as NAME`",
            self.day
        )
    }

    /// The failure for a file that S3 does not give.
    fn unreachable(&self, cause: Error) -> Failure {
        match cause.kind() {
            ErrorKind::Corrupt | ErrorKind::Conflict => Failure::Failed(format!(
                "the export of {} is no longer in S3 as it was planned: exports are deleted after `export_retention_days` of Terraform's module aws, 7 by default. {}",
                self.day,
                self.instead()
            )),
            ErrorKind::Denied => Failure::Refused(format!(
                "{}. To read exports you need the managed policy `operator-recover`; see docs/runbooks/recover.md",
                cause.sentence()
            )),
            _ => cause.into(),
        }
    }

    /// The failure for a file that is not what it should be.
    fn damaged(&self, error: &Error) -> Failure {
        Failure::Failed(format!(
            "{} of {}: {error}. {}",
            self.source_table,
            self.day,
            self.instead()
        ))
    }
}

fn read_file(
    file: ExportFile,
    key: &str,
    chosen: &Choice,
    each: &mut dyn FnMut(&[Cell<'_>]) -> ControlFlow<()>,
) -> landbridge_core::Result<()> {
    let cells = Cells::open(file, key)?;
    let names = chosen.kept.iter().map(|column| column.name.as_str());
    let columns = cells.find_all(names)?;
    cells.read(&columns, each)
}
