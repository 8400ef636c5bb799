//! The plan of one table, from its footers, the manifest and the contract.

use crate::contract;
use crate::diff::{CLASS_UNCLASSIFIED, Wanted, type_changed};
use crate::ids::ColumnName;
use crate::manifest::TableStatus;
use crate::plan::objects::Listed;
use crate::plan::{Item, Origin, Problem, TablePlan};
use crate::types::{Engine, Fix, ParquetColumn, exported, landing};
use crate::{Error, Kind, Result};

/// One data object with what its footer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The object.
    pub object: Listed,
    /// Rows.
    pub rows: u64,
    /// Top-level columns, in order.
    pub columns: Vec<ParquetColumn>,
}

/// What a table is planned from.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// `schema.table`.
    pub target: &'a str,
    /// The BigQuery table.
    pub table: &'a str,
    /// Which engine wrote it.
    pub engine: Engine,
    /// What the manifest says.
    pub status: &'a TableStatus,
    /// Its data objects, in the order of their keys.
    pub files: &'a [File],
    /// What the contract says, if it names the table.
    pub contract: Option<&'a contract::Table>,
    /// Where its objects go in Cloud Storage, without a trailing slash.
    pub prefix: &'a str,
}

/// Plans a table. A trouble of this table does not stop the others: it is in
/// [`TablePlan::problem`], and the table keeps yesterday's data.
pub fn plan(input: &Input<'_>) -> TablePlan {
    let mut plan = TablePlan {
        target: input.target.to_owned(),
        table: input.table.to_owned(),
        description: input.contract.and_then(|table| table.description.clone()),
        columns: Vec::new(),
        source_types: Vec::new(),
        items: Vec::new(),
        rows: input.files.iter().map(|file| file.rows).sum(),
        bytes: input.files.iter().map(|file| file.object.bytes).sum(),
        problem: None,
        warnings: input.status.warning.iter().cloned().collect(),
    };
    if input.contract.is_none() {
        plan.warnings.push("the contract does not name this table: every column is masked for everyone".to_owned());
    }
    if let Err(error) = fill(input, &mut plan) {
        plan.problem = Some(Problem::from(&error));
    }
    plan
}

fn fill(input: &Input<'_>, plan: &mut TablePlan) -> Result<()> {
    let columns = parquet_columns(input)?;
    let mut annotate = Vec::new();
    for column in &columns {
        let original = input.status.columns.iter().find(|original| original.name == column.name);
        let source_type = original.map_or("", |original| original.original_type.as_str());
        let place = || format!("{}.{}", input.table, column.name);
        ColumnName::new(column.name.clone()).map_err(|error| {
            Error::new(Kind::Held, "BigQuery cannot take a column's name", format!("{}: {}", place(), error.what()))
        })?;
        if plan.columns.iter().any(|other| other.name.eq_ignore_ascii_case(&column.name)) {
            return Err(Error::new(Kind::Held, "two columns differ in upper and lower case only", place()));
        }
        let landing = landing(column, source_type)
            .map_err(|why| Error::new(Kind::Held, "a column cannot be loaded", format!("{}: {why}", place())))?;
        if landing.fix == Fix::AnnotateString {
            annotate.push(column.name.clone());
        }
        let contract = input.contract.and_then(|table| table.columns.get(&column.name));
        if let Some(contract) = contract {
            if contract.bigquery_type != landing.ty {
                return Err(type_changed(input.table, &column.name, contract.bigquery_type.name(), landing.ty));
            }
        } else if input.contract.is_some() {
            plan.warnings.push(format!(
                "column `{}` is not in the contract: it is masked for everyone until contract.yaml names it",
                column.name
            ));
        }
        plan.source_types.push((column.name.clone(), source_type.to_owned()));
        plan.columns.push(Wanted {
            name: column.name.clone(),
            ty: landing.ty,
            class: contract.map_or(CLASS_UNCLASSIFIED, |contract| contract.class.as_str()).to_owned(),
            description: contract.and_then(|contract| contract.description.clone()),
            in_source: true,
            in_contract: contract.is_some(),
        });
    }
    for (name, contract) in input.contract.iter().flat_map(|table| &table.columns) {
        if columns.iter().any(|column| column.name == *name) {
            continue;
        }
        plan.warnings.push(format!("column `{name}` is in the contract and not in today's export: it is filled with NULL"));
        plan.columns.push(Wanted {
            name: name.clone(),
            ty: contract.bigquery_type,
            class: contract.class.clone(),
            description: contract.description.clone(),
            in_source: false,
            in_contract: true,
        });
    }
    plan.items = items(input, columns, annotate);
    Ok(())
}

fn parquet_columns(input: &Input<'_>) -> Result<Vec<ParquetColumn>> {
    let Some((first, rest)) = input.files.split_first() else {
        if input.status.columns.is_empty() {
            return Err(Error::new(
                Kind::Corrupt,
                "the export holds neither a file nor the columns of a table",
                input.target,
            ));
        }
        let columns = input.status.columns.iter();
        return Ok(columns.map(|original| exported(input.engine, original)).collect());
    };
    if let Some(other) = rest.iter().find(|file| file.columns != first.columns) {
        return Err(Error::new(
            Kind::Corrupt,
            "a Parquet file has another schema than its siblings",
            format!("{} differs from {}", other.object.key, first.object.key),
        ));
    }
    Ok(first.columns.clone())
}

fn items(input: &Input<'_>, columns: Vec<ParquetColumn>, annotate: Vec<String>) -> Vec<Item> {
    let name = |number: usize| format!("{}/{number:05}.parquet", input.prefix);
    if input.files.is_empty() {
        return vec![Item { number: 0, from: Origin::NoRows { columns }, object: name(0), rows: 0, annotate }];
    }
    let item = |(number, file): (usize, &File)| Item {
        number,
        from: Origin::Object {
            key: file.object.key.clone(),
            etag: file.object.etag.clone(),
            bytes: file.object.bytes,
        },
        object: name(number),
        rows: file.rows,
        annotate: annotate.clone(),
    };
    input.files.iter().enumerate().map(item).collect()
}
