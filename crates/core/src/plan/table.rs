//! The plan of one table, from its footers, the manifest and the contract.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::config::CLASS_UNCLASSIFIED;
use crate::contract::{self, Transform};
use crate::diff::{DesiredColumn, type_change_error};
use crate::ids::ColumnName;
use crate::manifest::TableStatus;
use crate::plan::columns::plan_column;
use crate::plan::objects::ObjectMeta;
use crate::plan::{ItemSource, Problem, SourceColumn, TablePlan, TransferItem};
use crate::receipt::{Note, NoteCode};
use crate::rewrite::Action;
use crate::types::{BigQueryType, ColumnType, Engine, ParquetColumn, exported_column};
use crate::{Error, ErrorKind, Result};

/// One data object with what its footer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// The object.
    pub object: ObjectMeta,
    /// Rows.
    pub rows: u64,
    /// Top-level columns, in order.
    pub columns: Vec<ParquetColumn>,
    /// How it is cut: consecutive row groups with their rows. One part is the whole file.
    pub parts: Vec<FilePart>,
}

/// A part of a file that is cut at its row groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// Its row groups.
    pub row_groups: Range<usize>,
    /// Their rows.
    pub rows: u64,
}

/// What a table is planned from.
#[derive(Clone, Debug)]
pub struct TableInput<'a> {
    /// `schema.table`.
    pub source_table: &'a str,
    /// The BigQuery table.
    pub table: &'a str,
    /// Which engine wrote it.
    pub engine: Engine,
    /// What the manifest says.
    pub status: &'a TableStatus,
    /// Its data objects, in the order of their keys.
    pub files: &'a [DataFile],
    /// What the contract says of it.
    pub contract: Option<&'a contract::TableContract>,
    /// Where its objects go in Cloud Storage, without a trailing slash.
    pub prefix: &'a str,
}

/// Plans a table. A trouble of this table does not stop the others: it is in
/// [`TablePlan::problem`], and the table keeps yesterday's data.
pub fn plan_table(input: &TableInput<'_>) -> TablePlan {
    let mut plan = TablePlan {
        source_table: input.source_table.to_owned(),
        table: input.table.to_owned(),
        revision: 1,
        columns: Vec::new(),
        items: Vec::new(),
        rows: input.files.iter().map(|file| file.rows).sum(),
        bytes: input.files.iter().map(|file| file.object.bytes).sum(),
        problem: None,
        notes: input
            .status
            .warning
            .iter()
            .map(|warning| Note::new(NoteCode::ExportWarning, warning))
            .collect(),
    };
    match parquet_columns(input) {
        Err(error) => plan.problem = Some(Problem::from(&error)),
        Ok(columns) => {
            plan.columns = columns.iter().map(|parquet| column(input, parquet)).collect();
            plan.items = items(input, columns);
            if !plan.columns.iter().any(|column| in_files(&column.action)) {
                plan.items.clear();
                plan.problem = Some(Problem::new(
                    ErrorKind::Config,
                    "every column of a table is dropped or emptied; leave the table out of the export instead (`export.only`)",
                    input.source_table,
                ));
            }
        }
    }
    plan
}

/// Whether a column that this happens to is in the files that arrive.
fn in_files(action: &Action) -> bool {
    !matches!(action, Action::Drop | Action::SetNull)
}

fn column(input: &TableInput<'_>, parquet: &ParquetColumn) -> SourceColumn {
    let original = input.status.columns.iter().find(|original| original.name == parquet.name);
    let mut column = SourceColumn::new(
        parquet.clone(),
        original.map_or("", |original| original.original_type.as_str()),
    );
    column.precision = original.map_or(0, |original| original.precision);
    column.scale = original.and_then(|original| original.scale);
    let named = input.contract.and_then(|table| table.columns.get(&parquet.name));
    // What cannot land stays as it is: `resolve_table` says why the table waits.
    column.action = plan_column(&column, named).map_or(Action::Keep, |planned| planned.action);
    column
}

impl TablePlan {
    /// The first revision as another one: its objects have names of their own.
    #[must_use]
    pub fn with_revision(mut self, revision: u32) -> Self {
        if revision == self.revision {
            return self;
        }
        self.revision = revision;
        for item in &mut self.items {
            if let Some((folder, name)) = item.object.rsplit_once('/') {
                item.object = format!("{folder}/r{revision}/{name}");
            }
        }
        self
    }
}

/// What the contract makes of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedTable {
    /// The columns as they should be in the warehouse: the source's order, then what the source lacks.
    pub columns: Vec<DesiredColumn>,
    /// What the receipt must mention.
    pub notes: Vec<Note>,
}

/// Applies the contract to a planned table.
///
/// `text` are the columns that stay text because a value did not fit.
///
/// # Errors
/// [`ErrorKind::Held`] when a column cannot be loaded, or its type is not the contract's any more;
/// [`ErrorKind::Transient`] when the contract asks for another way than the plan took.
pub fn resolve_table(
    plan: &TablePlan,
    contract: Option<&contract::TableContract>,
    text: &BTreeSet<String>,
) -> Result<ResolvedTable> {
    let mut columns: Vec<DesiredColumn> = Vec::with_capacity(plan.columns.len());
    let mut notes = plan.notes.clone();
    if contract.is_none() {
        notes.push(Note::new(
            NoteCode::TableNotInContract,
            "the contract does not contain this table: every column is masked for everyone",
        ));
    }
    for column in &plan.columns {
        let parquet = &column.parquet;
        let named = contract.and_then(|table| table.columns.get(&parquet.name));
        let place = || format!("{}.{}", plan.table, parquet.name);
        ColumnName::new(parquet.name.clone()).map_err(|error| {
            Error::new(
                ErrorKind::Held,
                "BigQuery cannot take a column's name",
                format!(
                    "{}: {}; rename it in the source, or leave its table out of the export",
                    place(),
                    error.what()
                ),
            )
        })?;
        if columns.iter().any(|other| other.name.eq_ignore_ascii_case(&parquet.name)) {
            return Err(Error::new(
                ErrorKind::Held,
                "two columns differ in upper and lower case only",
                place(),
            ));
        }
        let planned = plan_column(column, named).map_err(|why| {
            Error::new(ErrorKind::Held, "a column cannot be loaded", format!("{}: {why}", place()))
        })?;
        if planned.action != column.action {
            return Err(Error::new(
                ErrorKind::Transient,
                "the contract asks for another way than the day's plan took; the next tick of the transfer carries the table anew",
                place(),
            ));
        }
        let Some(mut column_type) = planned.column_type else {
            continue;
        };
        if text.contains(&parquet.name) {
            column_type = ColumnType::scalar(BigQueryType::String);
        }
        match named {
            Some(named) if text.contains(&parquet.name) => notes.push(Note::of_column(
                NoteCode::ColumnStaysText,
                &parquet.name,
                format!(
                    "column `{}` stays STRING: not all its values can be read as {}",
                    parquet.name, named.bigquery_type
                ),
            )),
            Some(named) if named.column_type() != column_type => {
                return Err(type_change_error(&plan.table, &parquet.name, &named.column_type().to_string(), column_type));
            }
            None if contract.is_some() => notes.push(Note::of_column(
                NoteCode::ColumnNotInContract,
                &parquet.name,
                format!(
                    "column `{}` is not in the contract: it is masked for everyone until contract.yaml contains it",
                    parquet.name
                ),
            )),
            _ => {}
        }
        columns.push(DesiredColumn {
            name: parquet.name.clone(),
            ty: column_type.ty,
            repeated: column_type.repeated,
            class: named.map_or(CLASS_UNCLASSIFIED, |named| named.class.as_str()).to_owned(),
            description: named.and_then(|named| named.description.clone()),
            in_source: true,
            in_contract: named.is_some(),
        });
    }
    for (name, named) in contract.iter().flat_map(|table| &table.columns) {
        if named.transform == Some(Transform::Drop)
            || columns.iter().any(|column| column.name == *name)
        {
            continue;
        }
        notes.push(Note::of_column(
            NoteCode::ColumnNotInExport,
            name,
            format!("column `{name}` is in the contract and not in today's export: it is NULL"),
        ));
        columns.push(DesiredColumn {
            name: name.clone(),
            ty: named.bigquery_type,
            repeated: !named.mode.is_nullable(),
            class: named.class.clone(),
            description: named.description.clone(),
            in_source: false,
            in_contract: true,
        });
    }
    Ok(ResolvedTable { columns, notes })
}

fn parquet_columns(input: &TableInput<'_>) -> Result<Vec<ParquetColumn>> {
    let Some((first, rest)) = input.files.split_first() else {
        if input.status.columns.is_empty() {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the export holds neither a file nor the columns of a table",
                input.source_table,
            ));
        }
        let columns = input.status.columns.iter();
        return Ok(columns.map(|original| exported_column(input.engine, original)).collect());
    };
    if let Some(other) = rest.iter().find(|file| file.columns != first.columns) {
        return Err(Error::new(
            ErrorKind::Corrupt,
            "a Parquet file has another schema than its siblings",
            format!("{} differs from {}", other.object.key, first.object.key),
        ));
    }
    Ok(first.columns.clone())
}

fn items(input: &TableInput<'_>, columns: Vec<ParquetColumn>) -> Vec<TransferItem> {
    let name = |number: usize| format!("{}/{number:05}.parquet", input.prefix);
    if input.files.is_empty() {
        return vec![TransferItem {
            number: 0,
            from: ItemSource::NoRows { columns },
            object: name(0),
            rows: 0,
            row_groups: None,
        }];
    }
    let item = |(number, (file, part)): (usize, (&DataFile, Option<&FilePart>))| TransferItem {
        number,
        from: ItemSource::Object {
            key: file.object.key.clone(),
            etag: file.object.etag.clone(),
            bytes: file.object.bytes,
        },
        object: name(number),
        rows: part.map_or(file.rows, |part| part.rows),
        row_groups: part.map(|part| part.row_groups.clone()),
    };
    let pieces = input.files.iter().flat_map(|file| {
        let parts: Vec<Option<&FilePart>> = match file.parts.len() {
            0 | 1 => vec![None],
            _ => file.parts.iter().map(Some).collect(),
        };
        parts.into_iter().map(move |part| (file, part))
    });
    pieces.enumerate().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_cut_becomes_as_many_objects() {
        let file = |key: &str, rows: &[u64]| DataFile {
            object: ObjectMeta { key: key.to_owned(), etag: "e".to_owned(), bytes: 9 },
            rows: rows.iter().sum(),
            columns: Vec::new(),
            parts: rows
                .iter()
                .enumerate()
                .map(|(at, rows)| FilePart { row_groups: at * 2..at * 2 + 2, rows: *rows })
                .collect(),
        };
        let files = [file("a", &[5, 6, 7]), file("b", &[8])];
        let input = TableInput {
            source_table: "public.t",
            table: "t",
            engine: Engine::Postgres,
            status: &TableStatus {
                target: "shop.public.t".to_owned(),
                status: String::new(),
                warning: None,
                columns: Vec::new(),
            },
            files: &files,
            contract: None,
            prefix: "p",
        };
        let items = items(&input, Vec::new());
        let told: Vec<_> = items
            .iter()
            .map(|item| (item.object.as_str(), item.rows, item.row_groups.clone()))
            .collect();
        assert_eq!(
            told,
            [
                ("p/00000.parquet", 5, Some(0..2)),
                ("p/00001.parquet", 6, Some(2..4)),
                ("p/00002.parquet", 7, Some(4..6)),
                ("p/00003.parquet", 8, None),
            ]
        );
    }
}
