//! Which columns are written, and why the others are not.
//!
//! A column with a class is left out: a masked value in a file of SQL statements would be written into the
//! database as if it were the value. The stricter of today's contract and of the day's receipt decides, so a column that was
//! protected on that day stays so, and one that looked personal does.

use landbridge_core::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use landbridge_core::contract::{ColumnContract, Contract, Transform};
use landbridge_core::plan::SourceColumn;
use landbridge_core::receipt::Receipt;
use landbridge_core::rewrite::Action;
use landbridge_core::types::{Annotation, Engine, Physical};
use landbridge_parquet::table::CellType;
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
    /// What it is in a Parquet file.
    pub(super) ty: CellType,
    /// Its type with its size, as `CREATE TABLE` has it; an export does not have it.
    pub(super) declared: Option<String>,
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
        let ty = CellType::Text;
        Self { name, source, digits: (0, None), kind, form, ty, declared: None, class: None }
    }
}

impl Column {
    /// Changes the column of an export to the column of a server, which writes each value as text by its type.
    pub(super) fn as_server_writes(
        &mut self,
        engine: Engine,
        declaration: &str,
        is_user_defined: bool,
    ) {
        let is_float = matches!(self.ty, CellType::Float | CellType::Double);
        self.form = match (self.kind, engine) {
            (Kind::Bytes, _) => Form::Bytes,
            (Kind::Number, _) if is_float => Form::Float,
            (Kind::Number, Engine::Mysql) => Form::Digits,
            // A numeric of PostgreSQL can be NaN.
            _ => Form::Text,
        };
        self.declared = (!is_user_defined).then(|| declaration.to_owned());
    }

    /// Whether it is a `character(n)` of PostgreSQL: blanks at its end mean nothing in a comparison. MySQL and MariaDB give a CHAR
    /// without them.
    pub(super) fn is_padded(&self) -> bool {
        let declared = self.source.trim().to_ascii_lowercase();
        declared == "character" || declared.starts_with("character(")
    }
}

impl Choice {
    /// One column, whatever its class: for a comparison, not for writing.
    pub(super) fn of(column: &SourceColumn) -> Self {
        let kept = Column {
            name: column.parquet.name.clone(),
            // A key is compared byte by byte, as BigQuery compares it: both must find the same rows.
            source: String::new(),
            digits: (column.precision, column.scale),
            kind: kind(column),
            form: Form::of(&column.parquet),
            ty: cell_type(column),
            declared: None,
            class: None,
        };
        Self { kept: vec![kept], left_out: Vec::new() }
    }

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
    source_table: &str,
    columns: &[SourceColumn],
    contract: &Contract,
    receipt: Option<&Receipt>,
    plain: bool,
) -> Result<Choice> {
    let named = contract.tables.get(source_table);
    let mut choice = Choice { kept: Vec::new(), left_out: Vec::new() };
    for column in columns {
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
                    ty: cell_type(column),
                    declared: None,
                    class,
                });
            }
        }
    }
    if choice.kept.is_empty() {
        return Err(Failure::Usage(format!(
            "every column of {source_table} has a class or is dropped, so there is nothing to write; --plain --reason TEXT writes the columns that have a class"
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

/// What the column is in a Parquet file: its type in the source, where Parquet has it, else text. The export itself has dates, times
/// and numbers of PostgreSQL as text.
fn cell_type(column: &SourceColumn) -> CellType {
    let declared = column.source.trim().to_ascii_lowercase();
    let base = declared.split(['(', ' ']).next().unwrap_or_default();
    let is_local = base == "datetime" || declared == "timestamp without time zone";
    let time = |utc| CellType::Timestamp { utc: utc && !is_local };
    match (column.parquet.physical, column.parquet.annotation) {
        (Physical::Boolean, _) => CellType::Bool,
        (Physical::Float, _) => CellType::Float,
        (Physical::Double, _) => CellType::Double,
        (_, Annotation::Decimal { precision, scale }) => CellType::decimal(precision, scale),
        (_, Annotation::Date) => CellType::Date,
        (_, Annotation::TimeMicros) => CellType::Time,
        (
            _,
            Annotation::TimestampMillis | Annotation::TimestampMicros | Annotation::TimestampNanos,
        ) => time(true),
        (
            _,
            Annotation::LocalTimestampMillis
            | Annotation::LocalTimestampMicros
            | Annotation::LocalTimestampNanos,
        ) => time(false),
        (_, Annotation::Int { bits: 64, signed: false }) => CellType::decimal(20, 0),
        (_, Annotation::Int { bits: 32, signed: false }) | (Physical::Int64, _) => CellType::Int64,
        (Physical::Int32, _) => CellType::Int32,
        (_, Annotation::String | Annotation::Enum | Annotation::Json) => {
            text_type(column, &declared)
        }
        _ if base == "char" => CellType::Text,
        _ => CellType::Bytes,
    }
}

/// The type of a column that the export has as text.
fn text_type(column: &SourceColumn, declared: &str) -> CellType {
    match (declared, column.precision, column.scale) {
        ("date", ..) => CellType::Date,
        ("time without time zone", ..) => CellType::Time,
        ("timestamp without time zone", ..) => CellType::Timestamp { utc: false },
        ("timestamp with time zone", ..) => CellType::Timestamp { utc: true },
        ("json" | "jsonb", ..) => CellType::Json,
        ("uuid", ..) => CellType::Uuid,
        ("numeric" | "decimal", precision, Some(scale)) => CellType::decimal(precision, scale),
        _ => CellType::Text,
    }
}
