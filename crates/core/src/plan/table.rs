//! The plan of one table, from its footers, the manifest and the contract.

use crate::contract;
use crate::diff::{CLASS_UNCLASSIFIED, Wanted, type_changed};
use crate::ids::ColumnName;
use crate::manifest::TableStatus;
use crate::plan::objects::Listed;
use crate::plan::{Item, Origin, Problem, SourceColumn, TablePlan};
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
    /// Where its objects go in Cloud Storage, without a trailing slash.
    pub prefix: &'a str,
}

/// Plans a table. A trouble of this table does not stop the others: it is in
/// [`TablePlan::problem`], and the table keeps yesterday's data.
pub fn plan(input: &Input<'_>) -> TablePlan {
    let mut plan = TablePlan {
        target: input.target.to_owned(),
        table: input.table.to_owned(),
        columns: Vec::new(),
        items: Vec::new(),
        rows: input.files.iter().map(|file| file.rows).sum(),
        bytes: input.files.iter().map(|file| file.object.bytes).sum(),
        problem: None,
        warnings: input.status.warning.iter().cloned().collect(),
    };
    match parquet_columns(input) {
        Err(error) => plan.problem = Some(Problem::from(&error)),
        Ok(columns) => {
            let source_type = |name: &str| {
                let original = input.status.columns.iter().find(|original| original.name == name);
                original.map_or_else(String::new, |original| original.original_type.clone())
            };
            let column = |parquet: &ParquetColumn| SourceColumn {
                source: source_type(&parquet.name),
                parquet: parquet.clone(),
            };
            plan.columns = columns.iter().map(column).collect();
            let annotate = plan.columns.iter().filter(|column| {
                landing(&column.parquet, &column.source)
                    .is_ok_and(|landing| landing.fix == Fix::AnnotateString)
            });
            let annotate = annotate.map(|column| column.parquet.name.clone()).collect();
            plan.items = items(input, columns, annotate);
        }
    }
    plan
}

/// What the contract makes of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The columns as they should be in the warehouse: the source's order, then what the source lacks.
    pub columns: Vec<Wanted>,
    /// What the receipt should mention.
    pub warnings: Vec<String>,
}

/// Applies the contract to a planned table.
///
/// # Errors
/// [`Kind::Held`] when a column cannot be loaded, or its type is not the contract's any more.
pub fn resolve(plan: &TablePlan, contract: Option<&contract::Table>) -> Result<Resolved> {
    let mut columns: Vec<Wanted> = Vec::with_capacity(plan.columns.len());
    let mut warnings = plan.warnings.clone();
    if contract.is_none() {
        warnings.push(
            "the contract does not name this table: every column is masked for everyone".to_owned(),
        );
    }
    for SourceColumn { parquet, source } in &plan.columns {
        let place = || format!("{}.{}", plan.table, parquet.name);
        ColumnName::new(parquet.name.clone()).map_err(|error| {
            Error::new(
                Kind::Held,
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
                Kind::Held,
                "two columns differ in upper and lower case only",
                place(),
            ));
        }
        let landing = landing(parquet, source).map_err(|why| {
            Error::new(Kind::Held, "a column cannot be loaded", format!("{}: {why}", place()))
        })?;
        let named = contract.and_then(|table| table.columns.get(&parquet.name));
        match named {
            Some(named) if named.bigquery_type != landing.ty => {
                return Err(type_changed(&plan.table, &parquet.name, named.bigquery_type.name(), landing.ty));
            }
            None if contract.is_some() => warnings.push(format!(
                "column `{}` is not in the contract: it is masked for everyone until contract.yaml names it",
                parquet.name
            )),
            _ => {}
        }
        columns.push(Wanted {
            name: parquet.name.clone(),
            ty: landing.ty,
            class: named.map_or(CLASS_UNCLASSIFIED, |named| named.class.as_str()).to_owned(),
            description: named.and_then(|named| named.description.clone()),
            in_source: true,
            in_contract: named.is_some(),
        });
    }
    for (name, named) in contract.iter().flat_map(|table| &table.columns) {
        if columns.iter().any(|column| column.name == *name) {
            continue;
        }
        warnings.push(format!(
            "column `{name}` is in the contract and not in today's export: it is filled with NULL"
        ));
        columns.push(Wanted {
            name: name.clone(),
            ty: named.bigquery_type,
            class: named.class.clone(),
            description: named.description.clone(),
            in_source: false,
            in_contract: true,
        });
    }
    Ok(Resolved { columns, warnings })
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
        return vec![Item {
            number: 0,
            from: Origin::NoRows { columns },
            object: name(0),
            rows: 0,
            annotate,
        }];
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
