//! `--against source`: the figures of a table from the rows of the source database, and the rows that differ.

use landbridge_core::config::{CLASS_NONE, WarehouseConfig};
use landbridge_core::proof::farm::fingerprint;
use landbridge_core::proof::keyed::{Keyed, KeyedColumn};
use landbridge_core::proof::source::{Gap, SourceForm, SourceVerdict, compare_source};
use landbridge_core::proof::verdict::Observed;
use landbridge_core::proof::{Figures, sql};
use landbridge_core::types::Engine;
use landbridge_gcp::BigQuery;
use landbridge_source::scan::{Cell, Scan};
use landbridge_source::{Database, EngineFamily, Table, Tls};

use super::VerifyArgs;
use super::named::{self, Named};
use super::observed::{Prepared, Seen};
use super::recorded::{RecordedColumn, RecordedTable};
use crate::failure::{Failure, Result};

/// The source database, and what is in it.
pub(super) struct Source {
    database: Database,
    tables: Vec<Table>,
    /// Rows of a table that are named at most.
    most: usize,
}

/// What a comparison with the source says of a table.
pub(super) struct SourceReport {
    /// Rows of the source.
    pub(super) rows: Option<u64>,
    /// For each column of the table.
    pub(super) columns: Vec<SourceVerdict>,
    /// The rows in which source and BigQuery differ.
    pub(super) named: Named,
    /// Why the table is not compared with the source.
    pub(super) reason: Option<String>,
}

/// A column that is read from the source: its place in the table there, and how its values are read.
#[derive(Clone, Copy, Debug)]
struct Read {
    position: usize,
    form: SourceForm,
}

impl Source {
    /// Connects to the database whose URL is in the environment variable that the operator named.
    ///
    /// # Errors
    /// `Usage` if the variable is not set or has no URL; any error of the database.
    pub(super) async fn connect(args: &VerifyArgs) -> Result<Option<Self>> {
        let Some(variable) = args.database_url_env.as_ref().filter(|_| args.against.is_some())
        else {
            return Ok(None);
        };
        let url = std::env::var(variable).map_err(|_| {
            Failure::Usage(format!(
                "--database-url-env: the environment variable {variable} is not set"
            ))
        })?;
        let tls = args.ca.as_deref().map(Tls::trust_file).transpose()?;
        let database = Database::connect(&url, tls).await?;
        let tables = database.tables().await?;
        Ok(Some(Self { database, tables, most: args.rows }))
    }

    /// Compares a table. An error of the database concerns this table alone, and is its reason.
    ///
    /// # Errors
    /// Any BigQuery error.
    pub(super) async fn compare(
        &self,
        bigquery: &BigQuery,
        warehouse: &WarehouseConfig,
        prepared: &Prepared,
        seen: &Seen,
    ) -> Result<SourceReport> {
        let recorded = &prepared.recorded;
        let is_it = |it: &&Table| format!("{}.{}", it.schema, it.name) == recorded.source_table;
        let Some(table) = self.tables.iter().find(is_it) else {
            return Ok(SourceReport::nothing(
                recorded,
                "the source has no such table now".to_owned(),
            ));
        };
        let mut scan = match self.database.scan().await {
            Ok(scan) => scan,
            Err(error) => return Ok(SourceReport::nothing(recorded, error.to_string())),
        };
        let reads: Vec<Result<Read, Gap>> =
            recorded.columns.iter().map(|column| self.read(table, column)).collect();
        let (rows, figures) = match figures(&mut scan, table, &reads).await {
            Ok(found) => found,
            Err(error) => return Ok(SourceReport::nothing(recorded, error.to_string())),
        };
        let all = recorded.columns.iter().zip(&seen.columns).zip(&figures);
        let verdict = |((column, seen), figures): (
            (&RecordedColumn, &Option<Observed>),
            &Result<Figures, Gap>,
        )| {
            let figures = figures.as_ref().map_err(|gap| *gap);
            let is_open = column.class == CLASS_NONE;
            compare_source(figures, column.proof.as_ref(), seen.as_ref(), is_open)
        };
        let columns = all.map(verdict).collect();
        // Figures of columns do not see cells that two rows exchanged, so rows are compared in any case.
        let named = match rows.max(seen.rows) {
            0 => Named::Nothing,
            rows => {
                let both = (prepared, seen);
                match self.keyed(&mut scan, table, both, &reads, warehouse).await {
                    Ok((keyed, reader)) => {
                        let search = named::Search { bigquery, keyed: &keyed, most: self.most };
                        search.run(&mut scan, table, reader, rows).await?
                    }
                    Err(named) => named,
                }
            }
        };
        Ok(SourceReport { rows: Some(rows), columns, named, reason: None })
    }

    /// How a column is read.
    fn read(&self, table: &Table, column: &RecordedColumn) -> Result<Read, Gap> {
        let engine = match self.database.engine().family() {
            EngineFamily::Postgres => Engine::Postgres,
            EngineFamily::MySql => Engine::Mysql,
        };
        let position = table.columns.iter().position(|it| it.name == column.source);
        let position = position.ok_or(Gap::NotInSource)?;
        let data_type = &table.columns[position].data_type;
        if !sql::has_text(column.ty) {
            return Err(Gap::Type);
        }
        SourceForm::of(engine, data_type, &column.landed).map(|form| Read { position, form })
    }

    /// What rows are compared by, if the table has a key that everyone may see.
    async fn keyed(
        &self,
        scan: &mut Scan<'_>,
        table: &Table,
        (prepared, seen): (&Prepared, &Seen),
        reads: &[Result<Read, Gap>],
        warehouse: &WarehouseConfig,
    ) -> Result<(Keyed, RowReader), Named> {
        let columns = &prepared.recorded.columns;
        let key =
            scan.primary_key(table).await.map_err(|error| Named::Failed(error.to_string()))?;
        if key.is_empty() {
            return Err(Named::NotPossible("the table has no primary key in the source"));
        }
        let place = |name: &String| columns.iter().position(|column| column.source == *name);
        let key: Option<Vec<usize>> = key.iter().map(place).collect();
        let key = key.ok_or(Named::NotPossible("a column of its key is not in BigQuery"))?;
        if key.iter().any(|at| columns[*at].class != CLASS_NONE) {
            let reason = "its key has a class, and values with a class are not shown";
            return Err(Named::NotPossible(reason));
        }
        if key.iter().any(|at| reads[*at].is_err()) {
            return Err(Named::NotPossible(
                "a column of its key cannot be compared with the source",
            ));
        }
        let is_open = |at: &usize| {
            columns[*at].class == CLASS_NONE && reads[*at].is_ok() && seen.columns[*at].is_some()
        };
        let open: Vec<usize> = (0..columns.len()).filter(is_open).collect();
        let column =
            |at: &usize| KeyedColumn { name: columns[*at].name.clone(), ty: columns[*at].ty };
        let of = |places: &[usize]| places.iter().map(column).collect();
        let name = &prepared.recorded.name;
        let name = format!("{}.{}.{name}", warehouse.project, warehouse.dataset);
        Ok((Keyed::new(&name, of(&key), of(&open)), RowReader::new(reads, &key, &open)))
    }
}

impl SourceReport {
    fn nothing(recorded: &RecordedTable, reason: String) -> Self {
        let verdict = SourceVerdict::NotProvable(Gap::NotInSource);
        let columns = vec![verdict; recorded.columns.len()];
        Self { rows: None, columns, named: Named::Nothing, reason: Some(reason) }
    }
}

/// The rows of the source, and the figures of each column that is read.
async fn figures(
    scan: &mut Scan<'_>,
    table: &Table,
    reads: &[Result<Read, Gap>],
) -> landbridge_source::Result<(u64, Vec<Result<Figures, Gap>>)> {
    let read: Vec<Read> = reads.iter().filter_map(|it| it.as_ref().ok().copied()).collect();
    let positions: Vec<usize> = read.iter().map(|it| it.position).collect();
    let mut figures = vec![Figures::none(None); read.len()];
    let (mut rows, mut text) = (0, Vec::new());
    let mut each = |cells: &[Cell<'_>]| {
        rows += 1;
        for ((cell, read), figures) in cells.iter().zip(&read).zip(&mut figures) {
            if cell.and_then(|raw| read.form.canonical(raw, &mut text)).is_some() {
                figures.add(fingerprint(&text));
            }
        }
    };
    scan.rows(table, &positions, &mut each).await?;
    let mut figures = figures.into_iter();
    let of = |read: &Result<Read, Gap>| match read {
        Ok(_) => figures.next().ok_or(Gap::Type),
        Err(gap) => Err(*gap),
    };
    let figures = reads.iter().map(of).collect();
    Ok((rows, figures))
}

/// Makes keys and hashes of the rows that the source gives.
pub(super) struct RowReader {
    reads: Vec<Read>,
    /// The places of the key's columns in `reads`.
    key: Vec<usize>,
    /// The places of the compared columns.
    columns: Vec<usize>,
}

impl RowReader {
    fn new(reads: &[Result<Read, Gap>], key: &[usize], columns: &[usize]) -> Self {
        let mut all: Vec<usize> = key.iter().chain(columns).copied().collect();
        all.sort_unstable();
        all.dedup();
        let places = |wanted: &[usize]| {
            wanted.iter().filter_map(|it| all.iter().position(|at| at == it)).collect()
        };
        Self {
            key: places(key),
            columns: places(columns),
            reads: all.iter().filter_map(|at| reads[*at].as_ref().ok().copied()).collect(),
        }
    }

    /// The columns of the source that are read.
    pub(super) fn positions(&self) -> Vec<usize> {
        self.reads.iter().map(|read| read.position).collect()
    }

    /// The key of a row, and the hashes of its compared columns, 0 for NULL.
    pub(super) fn read(&self, cells: &[Cell<'_>]) -> (Vec<u8>, Vec<u64>) {
        let texts: Vec<Option<Vec<u8>>> = cells
            .iter()
            .zip(&self.reads)
            .map(|(cell, read)| {
                let mut text = Vec::new();
                cell.and_then(|raw| read.form.canonical(raw, &mut text)).map(|()| text)
            })
            .collect();
        let mut key = Vec::new();
        for at in &self.key {
            named::push_key(self.reads[*at].form, texts[*at].as_deref(), &mut key);
        }
        let hash = |at: &usize| texts[*at].as_deref().map_or(0, fingerprint);
        (key, self.columns.iter().map(hash).collect())
    }
}
