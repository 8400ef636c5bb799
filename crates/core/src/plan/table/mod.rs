//! Plans one table from its Parquet footers, the manifest and the contract.

pub(super) mod input;

pub use input::{DataFile, FilePart, MAX_LOAD_URIS, TableInput};

use std::collections::BTreeSet;

use crate::config::CLASS_UNCLASSIFIED;
use crate::contract::{self, Others, Transform};
use crate::diff::DesiredColumn;
use crate::ids::short_hash;
use crate::names::columns::{LandedColumn, LandedColumns, NamedColumn, name_columns};
use crate::names::{ColumnNames, column_name, is_same};
use crate::note::{Note, NoteCode};
use crate::personal::{self, Rows, Subject};
use crate::plan::columns::exported_type_error;
use crate::plan::columns::plan_column;
use crate::plan::{ItemSource, Problem, SourceColumn, TablePlan, TransferItem};
use crate::plan::{guard, revision};
use crate::rewrite::Action;
use crate::types::{
    BigQueryType, ColumnType, Engine, ParquetColumn, TimeRules, exported_column, is_naive_column,
    load_mapping,
};
use crate::{Error, ErrorKind, Result};

/// Plans a table. An error that concerns only this table is stored in
/// [`TablePlan::problem`]: the table is not loaded, and other tables
/// are not affected.
pub fn plan_table(input: &TableInput<'_>) -> TablePlan {
    let mut plan = TablePlan {
        source_table: input.source_table.to_owned(),
        table: input.table.to_owned(),
        default_table: if input.default_table == input.table {
            String::new()
        } else {
            input.default_table.to_owned()
        },
        revision: 1,
        redo: 0,
        export_redo: 0,
        columns: Vec::new(),
        items: Vec::new(),
        rows: input.files.iter().map(|file| file.rows).sum(),
        bytes: input.files.iter().map(|file| file.object.bytes).sum(),
        listing: revision::listing(input.files),
        problem: None,
        notes: input
            .status
            .warning
            .iter()
            .map(|warning| Note::new(NoteCode::ExportWarning, warning))
            .collect(),
    };
    match parquet_columns(input) {
        Err(error) => {
            plan.listing.clear();
            plan.problem = Some(Problem::from(&error));
        }
        Ok(columns) => {
            plan.columns = source_columns(input, &columns);
            let folder = format!("{}/{}", input.prefix, plan.digest());
            plan.items = items(input, columns, &folder);
            if !plan.columns.iter().any(|column| in_files(&column.action)) {
                plan.items.clear();
                plan.problem = Some(Problem::new(
                    ErrorKind::Config,
                    "every column of a table is dropped or set to NULL; exclude the table from the export instead (`export.only`)",
                    input.source_table,
                ));
            } else if let Some(problem) = guard::problem(input, &plan.columns) {
                plan.items.clear();
                plan.problem = Some(problem);
            }
        }
    }
    plan
}

/// Whether the transferred files contain a column with this action.
fn in_files(action: &Action) -> bool {
    !matches!(action, Action::Drop | Action::SetNull)
}

/// The columns of the files with their names in BigQuery, and what happens to them.
fn source_columns(input: &TableInput<'_>, columns: &[ParquetColumn]) -> Vec<SourceColumn> {
    let sources: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    // MySQL ignores the letter case of column names.
    let is_one = input.engine == Engine::Mysql;
    let names = name_columns(&sources, input.contract, input.landed, input.column_names, is_one);
    columns.iter().zip(names).map(|(parquet, named)| column(input, parquet, named)).collect()
}

fn column(input: &TableInput<'_>, parquet: &ParquetColumn, named: NamedColumn) -> SourceColumn {
    let original = input.status.columns.iter().find(|original| original.name == parquet.name);
    let mut column = SourceColumn::new(
        parquet.clone(),
        original.map_or("", |original| original.original_type.as_str()),
    );
    column.precision = original.map_or(0, |original| original.precision);
    column.scale = original.and_then(|original| original.scale);
    let entry = input.contract.and_then(|table| table.columns.get(named.key.as_ref()?));
    if entry.is_none() && is_naive_column(parquet, &column.source) {
        // Only what differs from the rule: a plan that is made again after its rows have landed must
        // be the same, or every object would be transferred a second time.
        let landed = input.landed_types.get(&parquet.name).copied();
        column.landed_type = landed.filter(|ty| *ty != input.times.default_type());
    }
    // A column that cannot be loaded is kept here; `resolve_table` returns the error.
    let stays = entry.is_none().then(|| stays_in_aws(input.source_table, &column, input.others));
    column.action = match stays.flatten() {
        Some(_) => Action::Drop,
        None => {
            plan_column(&column, entry, input.times).map_or(Action::Keep, |planned| planned.action)
        }
    };
    column.set_name(named);
    column
}

/// Why a column that the contract does not name stays in AWS; `None` if it does not.
///
/// Resident registration numbers may leave only with a legal basis in the contract (Personal
/// Information Protection Act, Article 24-2), and such a column has none, not even masked for everyone.
fn stays_in_aws(source_table: &str, column: &SourceColumn, others: Others) -> Option<&'static str> {
    if others == Others::Drop {
        return Some("because of `others: drop`");
    }
    let ty = load_mapping(&column.parquet, &column.source).map_or(BigQueryType::String, |it| it.ty);
    let subject = Subject {
        table: source_table.split_once('.').map_or(source_table, |(_, table)| table),
        column: &column.parquet.name,
        source_type: &column.source,
        bigquery_type: ty,
        rows: Rows::Unknown,
    };
    personal::is_resident_number(subject).then_some(
        "because its name says that it contains resident registration numbers; name it in contract.yaml with `transform: drop`, with `legal_basis`, or with `resident_number: false`",
    )
}

impl TablePlan {
    /// The BigQuery table that the source table has if the contract sets no other.
    pub fn default_table(&self) -> &str {
        if self.default_table.is_empty() { &self.table } else { &self.default_table }
    }

    /// The names that the planned columns have by this contract; those of the plan, unless the
    /// contract changed.
    fn names_now(
        &self,
        contract: Option<&contract::TableContract>,
        column_names: ColumnNames,
    ) -> Vec<NamedColumn> {
        let sources: Vec<&str> = self.columns.iter().map(|it| it.parquet.name.as_str()).collect();
        let planned = |column: &SourceColumn| {
            let landed =
                LandedColumn { name: column.name().to_owned(), key: column.contract_key.clone() };
            (column.parquet.name.clone(), landed)
        };
        let planned: LandedColumns = self.columns.iter().map(planned).collect();
        name_columns(&sources, contract, &planned, column_names, false)
    }
}

/// A planned table with the contract applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedTable {
    /// The desired columns: those of the export in its order, then those only in the contract.
    pub columns: Vec<DesiredColumn>,
    /// Notes for the receipt.
    pub notes: Vec<Note>,
}

/// Applies the contract to a planned table.
///
/// `text_columns` are the columns that stay text because of a misfit; `others` says what happens to
/// columns that the contract does not name.
///
/// # Errors
/// [`ErrorKind::Held`] if a column cannot be loaded or its type differs from the contract;
/// [`ErrorKind::Transient`] if the contract requires another transformation than the plan.
pub fn resolve_table(
    plan: &TablePlan,
    contract: Option<&contract::TableContract>,
    others: Others,
    text_columns: &BTreeSet<String>,
    column_names: ColumnNames,
    times: &TimeRules,
) -> Result<ResolvedTable> {
    let columns = Vec::with_capacity(plan.columns.len());
    let mut resolved = ResolvedTable { columns, notes: plan.notes.clone() };
    if contract.is_none() {
        resolved.notes.push(Note::new(
            NoteCode::TableNotInContract,
            "the contract does not contain this table: every column is masked for everyone",
        ));
    }
    let mut keys = BTreeSet::new();
    for (column, now) in plan.columns.iter().zip(plan.names_now(contract, column_names)) {
        let named = contract.and_then(|table| table.columns.get(now.key.as_ref()?));
        let is_text = text_columns.contains(&column.parquet.name);
        keys.extend(now.key.clone());
        if named.is_none()
            && let Some(why) = stays_in_aws(&plan.source_table, column, others)
        {
            if column.action != Action::Drop {
                return Err(contract_changed(&plan.table, column));
            }
            resolved.note_dropped(&column.parquet.name, why);
            continue;
        }
        let column_type = planned_type(&plan.table, column, named, times)?;
        let Some(column_type) = column_type else { continue };
        if now.name != column.name() {
            return Err(contract_changed(&plan.table, column));
        }
        resolved.add_exported(&plan.table, column, column_type, named, is_text)?;
        resolved.note_name(column, &now, named);
        if named.is_none()
            && let Some(contract) = contract
        {
            resolved.note_not_in_contract(&column.parquet.name, contract);
        }
    }
    resolved.add_missing(contract, &keys, column_names);
    Ok(resolved)
}

fn contract_changed(table: &str, column: &SourceColumn) -> Error {
    Error::new(
        ErrorKind::Transient,
        "the contract changed after the day was planned; the next tick of the transfer stage transfers the table again",
        format!("{table}.{}", column.parquet.name),
    )
}

/// The column type that the plan produces; `None` for a dropped column.
fn planned_type(
    table: &str,
    column: &SourceColumn,
    named: Option<&contract::ColumnContract>,
    times: &TimeRules,
) -> Result<Option<ColumnType>> {
    let name = &column.parquet.name;
    let planned = plan_column(column, named, times).map_err(|why| {
        Error::new(ErrorKind::Held, "a column cannot be loaded", format!("{table}.{name}: {why}"))
    })?;
    if planned.action != column.action {
        return Err(contract_changed(table, column));
    }
    Ok(planned.column_type)
}

impl ResolvedTable {
    /// Adds a column of the export.
    fn add_exported(
        &mut self,
        table: &str,
        column: &SourceColumn,
        planned: ColumnType,
        named: Option<&contract::ColumnContract>,
        stays_text: bool,
    ) -> Result<()> {
        let name = &column.parquet.name;
        let actual = if stays_text { ColumnType::scalar(BigQueryType::String) } else { planned };
        if let Some(named) = named {
            if stays_text {
                self.notes.push(Note::of_column(
                    NoteCode::ColumnStaysText,
                    name,
                    format!(
                        "column `{name}` stays STRING{}: not all its values can be read as {}",
                        if named.mode.is_nullable() { "" } else { ", with its arrays as JSON" },
                        named.column_type()
                    ),
                ));
            } else if named.column_type() != actual {
                return Err(exported_type_error(table, column, named, actual));
            }
        }
        self.columns.push(DesiredColumn {
            name: column.name().to_owned(),
            source_column: column.parquet.name.clone(),
            ty: actual.ty,
            repeated: actual.repeated,
            class: named.map_or(CLASS_UNCLASSIFIED, |named| named.class.as_str()).to_owned(),
            description: named.and_then(contract::ColumnContract::shown_description),
            in_source: true,
            in_contract: named.is_some(),
        });
        Ok(())
    }

    fn note_not_in_contract(&mut self, name: &str, contract: &contract::TableContract) {
        // None is spelled like the column: that one would describe it.
        let alike = contract.columns.keys().find(|key| is_same(key, name));
        let alike = alike
            .map(|key| format!("; it has `{key}`, which is another column"))
            .unwrap_or_default();
        self.notes.push(Note::of_column(
            NoteCode::ColumnNotInContract,
            name,
            format!(
                "column `{name}` is not in the contract: it is masked for everyone until contract.yaml contains it{alike}"
            ),
        ));
    }

    fn note_dropped(&mut self, name: &str, why: &str) {
        let text = format!("column `{name}` is not in the contract and stays in AWS, {why}");
        self.notes.push(Note::of_column(NoteCode::ColumnStaysInAws, name, text));
    }

    /// Notes that a column has another name than in the source or in the contract.
    fn note_name(
        &mut self,
        column: &SourceColumn,
        named: &NamedColumn,
        entry: Option<&contract::ColumnContract>,
    ) {
        let (source, landed) = (&column.parquet.name, &named.name);
        let is_set = entry.is_some_and(|entry| entry.name.is_some());
        if let Some(key) = named.key.as_ref().filter(|key| *key != source) {
            let text = format!(
                "column `{source}` is described by `{key}` of contract.yaml: BigQuery ignores letter case"
            );
            self.notes.push(Note::of_column(NoteCode::LetterCaseDiffers, source, text));
        } else if !is_set && !is_same(source, landed) {
            let text = format!(
                "column `{source}` is loaded as `{landed}`, because BigQuery does not take its name, or another column has it; `name:` in contract.yaml sets another"
            );
            self.notes.push(Note::of_column(NoteCode::NameDiffers, source, text));
        }
    }

    /// Adds the columns of the contract that the export does not contain, except dropped ones.
    /// `keys` are the entries that describe a column of the export.
    fn add_missing(
        &mut self,
        contract: Option<&contract::TableContract>,
        keys: &BTreeSet<String>,
        column_names: ColumnNames,
    ) {
        for (key, named) in contract.iter().flat_map(|table| &table.columns) {
            let name = column_name(named.name.as_ref().unwrap_or(key), column_names);
            if named.transform == Some(Transform::Drop)
                || keys.contains(key)
                || self.columns.iter().any(|column| is_same(&column.name, &name))
            {
                continue;
            }
            self.notes.push(Note::of_column(
                NoteCode::ColumnNotInExport,
                key,
                format!("column `{key}` is in the contract and not in today's export: it is NULL"),
            ));
            self.columns.push(DesiredColumn {
                name,
                source_column: key.clone(),
                ty: named.bigquery_type,
                repeated: !named.mode.is_nullable(),
                class: named.class.clone(),
                description: named.shown_description(),
                in_source: false,
                in_contract: true,
            });
        }
    }
}

fn parquet_columns(input: &TableInput<'_>) -> Result<Vec<ParquetColumn>> {
    let Some((first, rest)) = input.files.split_first() else {
        if input.status.columns.is_empty() {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the export contains neither a file nor column definitions for a table",
                input.source_table,
            ));
        }
        let columns = input.status.columns.iter();
        return Ok(columns.map(|original| exported_column(input.engine, original)).collect());
    };
    if let Some(other) = rest.iter().find(|file| file.columns != first.columns) {
        return Err(Error::new(
            ErrorKind::Corrupt,
            "a Parquet file has another schema than the other files of its table",
            format!("{} differs from {}", other.object.key, first.object.key),
        ));
    }
    Ok(first.columns.to_vec())
}

/// The objects to transfer, with their names in `folder` of Cloud Storage. A wildcard also finds the objects of another plan in the same folder, so the
/// folder of a table that needs one is named after its objects as well.
fn items(input: &TableInput<'_>, columns: Vec<ParquetColumn>, folder: &str) -> Vec<TransferItem> {
    let items = items_in(input, columns.clone(), folder);
    if items.len() <= input.max_load_uris {
        return items;
    }
    let all: Vec<_> = items.iter().map(|item| (&item.from, &item.row_groups)).collect();
    let digest = short_hash(&serde_json::to_string(&all).expect("names and numbers are JSON"));
    items_in(input, columns, &format!("{folder}-{digest}"))
}

fn items_in(
    input: &TableInput<'_>,
    columns: Vec<ParquetColumn>,
    folder: &str,
) -> Vec<TransferItem> {
    let name = |number: usize| format!("{folder}/{number:05}.parquet");
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
mod tests;
