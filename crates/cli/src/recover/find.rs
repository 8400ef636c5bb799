//! Counts the rows of an export's file that have a key, for `landbridge forget`.

use std::ops::ControlFlow;
use std::sync::Arc;

use landbridge_aws::S3;
use landbridge_core::plan::SourceColumn;
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_parquet::cells::Cells;

use super::columns::Choice;
use super::condition::Condition;
use crate::export_file::ExportFile;
use crate::failure::{Failure, Result};

/// The rows of a file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    /// Rows of the key.
    pub(crate) matching: u64,
    /// All rows.
    pub(crate) all: u64,
}

/// Finds rows by the value of one column.
pub(crate) struct Finder {
    s3: S3,
    bucket: String,
    column: String,
    condition: Arc<Condition>,
}

impl Finder {
    /// A finder of rows in which the column has the value.
    ///
    /// # Errors
    /// `Usage` if the column's values cannot be compared with it. The message has not the value.
    pub(crate) fn new(
        s3: &S3,
        bucket: &str,
        source_table: &str,
        column: &SourceColumn,
        value: &str,
    ) -> Result<Self> {
        let chosen = Choice::of(column);
        let name = column.parquet.name.replace('"', "\"\"");
        let text = format!("\"{name}\" = '{}'", value.replace('\'', "''"));
        let condition = Condition::parse(&text, source_table, &chosen).map_err(|_| {
            Failure::Usage(format!(
                "{source_table}.{} cannot be compared with this value; use a column of whole numbers or text",
                column.parquet.name
            ))
        })?;
        Ok(Self {
            s3: s3.clone(),
            bucket: bucket.to_owned(),
            column: column.parquet.name.clone(),
            condition: Arc::new(condition),
        })
    }

    /// How many rows the file has, and how many of the key. A file that is gone has none.
    ///
    /// # Errors
    /// If the file cannot be read; the message has no cell.
    pub(crate) async fn rows(&self, object: &ObjectMeta) -> Result<Found> {
        let file = ExportFile::new(&self.s3, &self.bucket, object, 1);
        let (condition, key) = (Arc::clone(&self.condition), object.key.clone());
        let column = self.column.clone();
        let counted = tokio::task::spawn_blocking(move || {
            let cause = file.clone();
            let count = || -> landbridge_core::Result<Result<Found>> {
                let cells = Cells::open(file, &key)?;
                let places = cells.find_all(std::iter::once(column.as_str()))?;
                let (mut found, mut failed) = (Found::default(), None);
                cells.read(&places, &mut |cells| match condition.is_true(cells) {
                    Ok(is_it) => {
                        found.all += 1;
                        found.matching += u64::from(is_it);
                        ControlFlow::Continue(())
                    }
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                })?;
                Ok(failed.map_or(Ok(found), Err))
            };
            match count() {
                Ok(counted) => counted,
                Err(error) => match cause.cause() {
                    // S3 says so of an object that was deleted since it was listed.
                    Some(it) if it.kind() == landbridge_core::ErrorKind::Corrupt => {
                        Ok(Found::default())
                    }
                    Some(it) => Err(it.into()),
                    None => Err(error.into()),
                },
            }
        });
        counted.await.map_err(|error| Failure::Failed(format!("a file is not read: {error}")))?
    }
}
