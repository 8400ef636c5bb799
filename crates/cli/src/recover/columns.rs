//! Which columns are written, and why the others are not.
//!
//! A column with a class is left out: a masked value in a file of SQL statements would be written into the
//! database as if it were the value. The stricter of today's contract and of the day's receipt decides, so a column that was
//! protected on that day stays so, and one that looked personal does.

use landbridge_core::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use landbridge_core::contract::{ColumnContract, Contract, Transform};
use landbridge_core::plan::{SourceColumn, TablePlan};
use landbridge_core::receipt::Receipt;
use landbridge_core::rewrite::Action;
use serde::Serialize;

use super::value::Form;
use crate::failure::{Failure, Result};

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Choice {
    /// The columns to write, in the order of the files.
    pub(super) kept: Vec<Column>,
    pub(super) left_out: Vec<LeftOut>,
}

/// A column to write.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// What the export's manifest says of its type; empty if nothing.
    pub(super) source: String,
    pub(super) digits: (u32, Option<u32>),
    pub(super) kind: Kind,
    pub(super) form: Form,
    /// The class, if it is not `none`.
    class: Option<String>,
}

/// A column that is not written; its fields are keys of `--output json`.
#[derive(Debug, Serialize)]
pub(super) struct LeftOut {
    pub(super) column: String,
    pub(super) reason: String,
}

/// How values of a column are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Number,
    Time,
    Text,
    Bytes,
}

#[cfg(test)]
impl Column {
    /// A column of the class `none`.
    pub(super) fn test(name: &str, kind: Kind) -> Self {
        let (name, source) = (name.to_owned(), String::new());
        let form = match kind {
            Kind::Bool => Form::Bool,
            Kind::Number => Form::Digits,
            Kind::Time | Kind::Text => Form::Text,
            Kind::Bytes => Form::Bytes,
        };
        Self { name, source, digits: (0, None), kind, form, class: None }
    }
}

impl Choice {
    /// The place of a column in a row.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.kept.iter().position(|column| column.name == name)
    }

    /// The columns that are written although they have a class.
    pub(super) fn in_plain(&self) -> Vec<String> {
        let with_class = self.kept.iter().filter(|column| column.class.is_some());
        with_class.map(|column| column.name.clone()).collect()
    }
}

/// Chooses the columns of a table.
///
/// # Errors
/// `Usage` if no column is left.
pub(super) fn choose(
    plan: &TablePlan,
    contract: &Contract,
    receipt: Option<&Receipt>,
    plain: bool,
) -> Result<Choice> {
    let named = contract.tables.get(&plan.source_table);
    let mut choice = Choice { kept: Vec::new(), left_out: Vec::new() };
    for column in &plan.columns {
        let name = &column.parquet.name;
        let key = column.contract_key.as_ref().unwrap_or(name);
        let contract = named.and_then(|table| table.columns.get(key));
        match why_left_out(column, contract, receipt, plain) {
            Err(reason) => choice.left_out.push(LeftOut { column: name.clone(), reason }),
            Ok(class) => {
                choice.kept.push(Column {
                    name: name.clone(),
                    source: column.source.clone(),
                    digits: (column.precision, column.scale),
                    kind: kind(column),
                    form: Form::of(&column.parquet),
                    class,
                });
            }
        }
    }
    if choice.kept.is_empty() {
        return Err(Failure::Usage(format!(
            "every column of {} has a class or is dropped, so there is nothing to write; --plain --reason TEXT writes the columns that have a class",
            plan.source_table
        )));
    }
    Ok(choice)
}

/// The class of a column that is written if it has one, or why the column is not written.
fn why_left_out(
    column: &SourceColumn,
    contract: Option<&ColumnContract>,
    receipt: Option<&Receipt>,
    plain: bool,
) -> Result<Option<String>, String> {
    let transform = contract.and_then(|contract| contract.transform);
    if transform == Some(Transform::Drop) || column.action == Action::Drop {
        return Err("transform: drop, it leaves AWS in no form".to_owned());
    }
    let today = contract.map_or(CLASS_UNCLASSIFIED, |contract| contract.class.as_str());
    let name = &column.parquet.name;
    let landed = receipt.and_then(|receipt| {
        let is_it = |it: &&landbridge_core::receipt::ReceiptColumn| {
            it.source_column.as_ref().unwrap_or(&it.name) == name
        };
        receipt.columns.iter().find(is_it)
    });
    let then = landed.map_or(CLASS_NONE, |column| column.class.as_str());
    let class = [today, then].into_iter().find(|class| *class != CLASS_NONE);
    // A replaced value has a reason, whatever the class: tokens are for cards and the like.
    let class = class.or(transform.map(|_| "its values are replaced"));
    match class {
        Some(class) if !plain => Err(match transform.is_some() && class.contains(' ') {
            true => format!("{class} before they leave AWS"),
            false => format!("class {class}"),
        }),
        class => Ok(class.map(str::to_owned)),
    }
}

/// How a column is compared: by its form in the export, and where that is text, by the source's type.
fn kind(column: &SourceColumn) -> Kind {
    let declared = column.source.trim().to_ascii_lowercase();
    let is = |prefix: &str| declared.starts_with(prefix);
    match Form::of(&column.parquet) {
        Form::Bool => Kind::Bool,
        Form::Digits | Form::Float => Kind::Number,
        Form::Time => Kind::Time,
        Form::Bytes if is("char") => Kind::Text,
        Form::Bytes => Kind::Bytes,
        Form::Text if declared == "date" || is("timestamp") => Kind::Time,
        Form::Text if is("numeric") || is("decimal") => Kind::Number,
        Form::Text => Kind::Text,
    }
}
