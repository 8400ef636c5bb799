//! The rows of a table from the source database, or from the files of the day's export.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use landbridge_aws::S3;
use landbridge_core::ErrorKind;
use landbridge_core::calendar::Day;
use landbridge_core::config::Config;
use landbridge_core::plan::ItemSource;
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::proof::source::Against;
use landbridge_core::types::{BigQueryType, Engine};
use landbridge_ledger::Ledger;
use landbridge_ledger::records::EXPORT;
use landbridge_parquet::cells::Cells;
use landbridge_source::scan::{Cell, Scan};
use landbridge_source::{Database, EngineFamily, Table, Tls};

use super::args::VerifyArgs;
use super::difference::Named;
use super::recorded::{RecordedColumn, RecordedTable};
use crate::export_file::ExportFile;
use crate::failure::{Failure, Result};

/// What is compared with BigQuery beside the figures of the transfer.
#[allow(clippy::large_enum_variant)] // a process has one of them
pub(super) enum Other {
    /// The source database, and what is in it.
    Source(Database, Vec<Table>),
    /// The files of exports.
    Export(Box<Export>),
}

/// Where the files of exports are.
pub(super) struct Export {
    s3: S3,
    ledger: Ledger,
    config: Config,
}

/// The rows of one table.
#[allow(clippy::large_enum_variant)] // one exists at a time
pub(super) enum TableRows<'a> {
    Source(&'a Database, Scan<'a>, &'a Table),
    Export(ExportRows<'a>),
}

/// The files of a table in the export of a day.
pub(super) struct ExportRows<'a> {
    export: &'a Export,
    engine: Engine,
    day: Day,
    objects: Vec<ObjectMeta>,
    /// The names of the columns, which are their positions too.
    columns: Vec<String>,
}

impl Other {
    /// Connects to the database whose URL is in the environment variable that the operator named, if the comparison is
    /// with the source.
    ///
    /// # Errors
    /// `Usage` if the variable is not set or has no URL, or is not needed; any error of the database.
    pub(super) async fn connect(
        args: &VerifyArgs,
        config: &Config,
        s3: &S3,
        ledger: &Ledger,
    ) -> Result<Option<Self>> {
        match (args.against.map(Against::from), args.database_url_env.as_deref()) {
            (None, _) => Ok(None),
            (Some(Against::Export), None) => Ok(Some(Self::Export(Box::new(Export {
                s3: s3.clone(),
                ledger: ledger.clone(),
                config: config.clone(),
            })))),
            (Some(Against::Export), Some(_)) => Err(Failure::Usage(
                "--database-url-env belongs to --against source; an export is read from S3"
                    .to_owned(),
            )),
            (Some(Against::Source), variable) => {
                let variable = variable.unwrap_or_default();
                let url = std::env::var(variable).map_err(|_| {
                    Failure::Usage(format!(
                        "--database-url-env: the environment variable {variable} is not set"
                    ))
                })?;
                let tls = args.ca.as_deref().map(Tls::trust_file).transpose()?;
                let database = Database::connect(&url, tls).await?;
                let tables = database.tables().await?;
                Ok(Some(Self::Source(database, tables)))
            }
        }
    }

    pub(super) fn against(&self) -> Against {
        match self {
            Self::Source(..) => Against::Source,
            Self::Export(_) => Against::Export,
        }
    }

    /// Opens a table; otherwise the reason why it cannot be read.
    pub(super) async fn open(&self, recorded: &RecordedTable) -> Result<TableRows<'_>, String> {
        match self {
            Self::Source(database, tables) => {
                let is_it =
                    |it: &&Table| format!("{}.{}", it.schema, it.name) == recorded.source_table;
                let table = tables.iter().find(is_it);
                let table = table.ok_or_else(|| "the source has no such table now".to_owned())?;
                let scan = database.scan().await.map_err(|error| error.to_string())?;
                Ok(TableRows::Source(database, scan, table))
            }
            Self::Export(export) => {
                let day = recorded.day;
                let record = export.ledger.day(day).value(&EXPORT).await;
                let record = record.map_err(|error| error.to_string())?;
                let record = record
                    .ok_or_else(|| format!("the ledger has no record of the export of {day}"))?;
                Ok(TableRows::Export(ExportRows {
                    export,
                    engine: record.engine,
                    day,
                    objects: objects(recorded),
                    columns: recorded.columns.iter().map(|it| it.source.clone()).collect(),
                }))
            }
        }
    }
}

/// The files of the table, each once: a large one is transferred as several items.
fn objects(recorded: &RecordedTable) -> Vec<ObjectMeta> {
    let mut found = BTreeMap::new();
    for from in &recorded.from {
        if let ItemSource::Object { key, etag, bytes } = from {
            let object = ObjectMeta { key: key.clone(), etag: etag.clone(), bytes: *bytes };
            found.insert(key, object);
        }
    }
    found.into_values().collect()
}

impl TableRows<'_> {
    pub(super) fn engine(&self) -> Engine {
        match self {
            Self::Source(database, ..) => match database.engine().family() {
                EngineFamily::Postgres => Engine::Postgres,
                EngineFamily::MySql => Engine::Mysql,
            },
            Self::Export(export) => export.engine,
        }
    }

    /// The position of a column here, and its type in the source.
    pub(super) fn find(&self, column: &RecordedColumn) -> Option<(usize, String)> {
        match self {
            Self::Source(_, _, table) => {
                let position = table.columns.iter().position(|it| it.name == column.source)?;
                Some((position, table.columns[position].data_type.clone()))
            }
            Self::Export(export) => {
                let position = export.columns.iter().position(|it| *it == column.source)?;
                Some((position, base_type(&column.landed.source)))
            }
        }
    }

    /// The columns of the key; otherwise why there is none. An export has no keys: the declared one counts, or `id`.
    pub(super) async fn key(&mut self, recorded: &RecordedTable) -> Result<Vec<String>, Named> {
        match self {
            Self::Source(_, scan, table) => {
                let key = scan.primary_key(table).await;
                let key = key.map_err(|error| Named::Failed(error.to_string()))?;
                match key.is_empty() {
                    true => Err(Named::NotPossible("the table has no primary key in the source")),
                    false => Ok(key),
                }
            }
            Self::Export(rows) => {
                let audits = rows.export.config.audits.table(&recorded.source_table);
                let declared = audits.and_then(|table| table.key.clone());
                let is_id = |it: &&RecordedColumn| {
                    it.source == "id" && it.ty.ty == BigQueryType::Int64 && !it.ty.repeated
                };
                let id = || recorded.columns.iter().find(is_id).map(|it| it.source.clone());
                declared.or_else(id).map(|key| vec![key]).ok_or(Named::NotPossible(
                    "landbridge.yaml declares no key of the table (`audits.tables`), and it has no column `id` of whole numbers",
                ))
            }
        }
    }

    /// Gives the cells of some columns, by their positions, of each row. One row of a database is in memory at a time, a
    /// thousand of an export, whose files are read in blocks.
    ///
    /// # Errors
    /// Why the rows cannot be read. No text contains a cell.
    pub(super) async fn each(
        &mut self,
        positions: &[usize],
        each: &mut (dyn FnMut(&[Cell<'_>]) + Send),
    ) -> Result<(), String> {
        match self {
            Self::Source(_, scan, table) => {
                scan.rows(table, positions, each).await.map_err(|error| error.to_string())
            }
            Self::Export(rows) => {
                let names: Vec<&str> =
                    positions.iter().map(|at| rows.columns[*at].as_str()).collect();
                for object in &rows.objects {
                    // It blocks, so other tasks get other threads.
                    tokio::task::block_in_place(|| rows.read(object, &names, each))?;
                }
                Ok(())
            }
        }
    }
}

impl ExportRows<'_> {
    /// Gives the cells of these columns of an object's rows.
    fn read(
        &self,
        object: &ObjectMeta,
        names: &[&str],
        each: &mut (dyn FnMut(&[Cell<'_>]) + Send),
    ) -> Result<(), String> {
        let bucket = &self.export.config.export.bucket;
        let file = ExportFile::new(&self.export.s3, bucket, object, names.len());
        let mut read = || {
            let cells = Cells::open(file.clone(), &object.key)?;
            let columns = cells.find_all(names.iter().copied())?;
            cells.read(&columns, &mut |row| {
                each(row);
                ControlFlow::Continue(())
            })
        };
        read().map_err(|error: landbridge_core::Error| match file.cause() {
            Some(cause) if cause.kind() == ErrorKind::Corrupt => format!(
                "the export of {} is no longer in S3, or not all of it: s3://{bucket}/{} (exports expire; restore the snapshot and use --against source)",
                self.day, object.key
            ),
            cause => cause.unwrap_or(error).to_string(),
        })
    }
}

/// A type of a manifest as a catalogue names it: `timestamp(3) with time zone` is `timestamp with time zone`.
fn base_type(manifest: &str) -> String {
    let lower = manifest.to_ascii_lowercase();
    let (start, rest) = lower.split_once('(').unwrap_or((&lower, ""));
    let rest = rest.split_once(')').map_or("", |(_, rest)| rest);
    format!("{}{}", start.trim_end(), rest.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_manifests() {
        for (manifest, catalogue) in [
            ("bigint", "bigint"),
            ("varchar(80)", "varchar"),
            ("timestamp(3) with time zone", "timestamp with time zone"),
            ("decimal(12,2) unsigned", "decimal unsigned"),
            ("INT UNSIGNED", "int unsigned"),
            ("", ""),
        ] {
            assert_eq!(base_type(manifest), catalogue);
        }
    }
}
