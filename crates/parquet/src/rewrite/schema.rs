//! The columns of the output, from a footer and a plan.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use landbridge_core::rewrite::{Action, AnnotateAs, Decimal, OnMisfit, RewritePlan, TargetType};
use landbridge_core::{Error, ErrorKind, Result};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};

use super::column::Work;
use super::report::ColumnReport;
use super::token::TokenKey;
use super::values::Stored;
use crate::Footer;

/// The output's schema, and where each of its columns comes from.
pub(super) struct Layout {
    pub(super) schema: SchemaDescPtr,
    pub(super) columns: Vec<Column>,
    /// Whether anything at all differs from the source.
    pub(super) changed: bool,
}

/// A top-level column of the output.
pub(super) struct Column {
    pub(super) name: String,
    /// Its leaves in the source, and the first of as many in the output.
    pub(super) leaves: Range<usize>,
    pub(super) first: usize,
    pub(super) task: Task,
    pub(super) action: &'static str,
    pub(super) kept_text: bool,
    nested: bool,
}

/// What is done with its chunks.
pub(super) enum Task {
    Copy,
    Convert { work: Work, stored: Stored, optional: bool },
    Null,
}

impl Column {
    pub(super) fn report(&self) -> ColumnReport {
        let mut report = ColumnReport::new(&self.name, self.action);
        report.kept_text = self.kept_text;
        if self.nested { report.unknown() } else { report }
    }
}

/// The columns whose misfits must be known before anything is written.
pub(super) fn may_keep_text(plan: &RewritePlan) -> BTreeSet<String> {
    let keeps = |rule: &Option<OnMisfit>| rule.unwrap_or(plan.on_misfit) == OnMisfit::KeepText;
    let retyped = plan.columns.iter().filter(
        |(_, action)| matches!(action, Action::Retype { on_misfit, .. } if keeps(on_misfit)),
    );
    retyped.map(|(name, _)| name.clone()).collect()
}

impl Layout {
    /// Lays out the columns; those of `text` stay text though the plan retypes them.
    pub(super) fn new(
        footer: &Footer,
        plan: &RewritePlan,
        key: Option<&TokenKey>,
        text: &BTreeSet<String>,
        name: &str,
    ) -> Result<Self> {
        let old = footer.metadata.file_metadata().schema_descr();
        let fields = old.root_schema().get_fields();
        for planned in plan.columns.keys() {
            if !fields.iter().any(|field| field.name() == planned) {
                return Err(held(
                    "the plan names a column that the file does not have",
                    name,
                    planned,
                ));
            }
        }
        let mut layout = Vec::new();
        let mut types = Vec::new();
        let (mut leaf, mut first, mut changed) = (0, 0, false);
        for (place, field) in fields.iter().enumerate() {
            let start = leaf;
            while leaf < old.num_columns() && old.get_column_root_idx(leaf) == place {
                leaf += 1;
            }
            let mut action = plan.action(field.name());
            let kept_text = text.contains(field.name());
            if kept_text {
                action = match is_text(field) {
                    true => Action::Keep,
                    false => Action::Annotate(AnnotateAs::String),
                };
            }
            changed |= action != Action::Keep;
            if action == Action::Drop {
                continue;
            }
            let nested = !field.is_primitive()
                || field.get_basic_info().repetition() == Repetition::REPEATED;
            if nested && action != Action::Keep {
                return Err(held(
                    "a nested column can only be kept or dropped",
                    name,
                    field.name(),
                ));
            }
            let (column, task) = lay(field, &action, key, name)?;
            types.push(column);
            layout.push(Column {
                name: field.name().to_owned(),
                leaves: start..leaf,
                first,
                task,
                action: said(&action),
                kept_text,
                nested,
            });
            first += leaf - start;
        }
        if layout.is_empty() {
            return Err(Error::new(ErrorKind::Config, "the plan leaves no column", name));
        }
        let root = Type::group_type_builder(old.root_schema().name()).with_fields(types).build();
        let root = root.map_err(|error| failed(name).caused_by(error))?;
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
        Ok(Self { schema, columns: layout, changed })
    }
}

fn said(action: &Action) -> &'static str {
    match action {
        Action::Keep => "keep",
        Action::Annotate(_) => "annotate",
        Action::Retype { .. } => "retype",
        Action::Drop => "drop",
        Action::Tokenise { .. } => "tokenise",
        Action::SetNull => "set_null",
    }
}

fn held(what: &'static str, name: &str, column: &str) -> Error {
    Error::new(ErrorKind::Held, what, format!("{name}, column `{column}`"))
}

fn failed(name: &str) -> Error {
    Error::new(ErrorKind::Rejected, "a Parquet schema cannot be written", name)
}

fn is_text(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.converted_type() == ConvertedType::UTF8
        || matches!(info.logical_type_ref(), Some(LogicalType::String))
}

/// The type of a column in the output, and what is done for it.
fn lay(
    field: &TypePtr,
    action: &Action,
    key: Option<&TokenKey>,
    name: &str,
) -> Result<(TypePtr, Task)> {
    let other = |what| held(what, name, field.name());
    let built = |result: Result<Type, ParquetError>| match result {
        Ok(built) => Ok(Arc::new(built)),
        Err(error) => Err(failed(name).caused_by(error)),
    };
    Ok(match action {
        Action::Keep | Action::Drop => (field.clone(), Task::Copy),
        Action::Annotate(what) => {
            let (physical, logical, converted) = annotation(*what);
            if field.get_physical_type() != physical {
                return Err(other("a column does not have the type that its annotation is for"));
            }
            let repetition = field.get_basic_info().repetition();
            let builder = start(field, physical, repetition)
                .with_logical_type(logical)
                .with_converted_type(converted);
            (built(builder.build())?, Task::Copy)
        }
        Action::Retype { to, .. } => {
            if field.get_physical_type() != PhysicalType::BYTE_ARRAY {
                return Err(other("a column is not text, so it cannot be retyped"));
            }
            let work = Work::Retype(to.clone());
            let task = Task::Convert { work, stored: Stored::Text, optional: is_optional(field) };
            (built(target(field, to))?, task)
        }
        Action::Tokenise { domain } => {
            let stored = stored(field).ok_or_else(|| {
                other("a column is neither text nor a whole number, so it cannot be tokenised")
            })?;
            let key =
                key.ok_or_else(|| Error::new(ErrorKind::Config, "tokens need a key", name))?;
            let work = Work::Tokenise(key.domain(domain));
            let task = Task::Convert { work, stored, optional: is_optional(field) };
            let builder = start(field, PhysicalType::BYTE_ARRAY, Repetition::OPTIONAL)
                .with_logical_type(Some(LogicalType::String))
                .with_converted_type(ConvertedType::UTF8);
            (built(builder.build())?, task)
        }
        Action::SetNull => {
            let info = field.get_basic_info();
            let length = match field.as_ref() {
                Type::PrimitiveType { type_length, .. } => *type_length,
                Type::GroupType { .. } => 0,
            };
            let builder = start(field, field.get_physical_type(), Repetition::OPTIONAL)
                .with_length(length)
                .with_precision(field.get_precision())
                .with_scale(field.get_scale())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_converted_type(info.converted_type());
            (built(builder.build())?, Task::Null)
        }
    })
}

fn is_optional(field: &Type) -> bool {
    field.get_basic_info().repetition() == Repetition::OPTIONAL
}

fn stored(field: &Type) -> Option<Stored> {
    let info = field.get_basic_info();
    let signed = match info.logical_type_ref() {
        None => !matches!(
            info.converted_type(),
            ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64
        ),
        Some(LogicalType::Integer(it)) => it.is_signed,
        Some(_) if field.get_physical_type() == PhysicalType::BYTE_ARRAY => true,
        Some(_) => return None,
    };
    let plain = matches!(info.logical_type_ref(), Some(LogicalType::Integer(_)))
        || matches!(
            info.converted_type(),
            ConvertedType::NONE
                | ConvertedType::INT_8
                | ConvertedType::INT_16
                | ConvertedType::INT_32
                | ConvertedType::INT_64
                | ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64
        );
    match field.get_physical_type() {
        PhysicalType::BYTE_ARRAY => Some(Stored::Text),
        PhysicalType::INT32 if plain => Some(Stored::Int32 { signed }),
        PhysicalType::INT64 if plain => Some(Stored::Int64 { signed }),
        _ => None,
    }
}

fn start<'a>(
    field: &'a Type,
    physical: PhysicalType,
    repetition: Repetition,
) -> parquet::schema::types::PrimitiveTypeBuilder<'a> {
    let info = field.get_basic_info();
    let id = info.has_id().then(|| info.id());
    Type::primitive_type_builder(field.name(), physical).with_repetition(repetition).with_id(id)
}

fn annotation(what: AnnotateAs) -> (PhysicalType, Option<LogicalType>, ConvertedType) {
    use ConvertedType as C;
    let micros = TimeUnit::MICROS;
    match what {
        AnnotateAs::String => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String), C::UTF8),
        AnnotateAs::Json => (PhysicalType::BYTE_ARRAY, Some(LogicalType::Json), C::JSON),
        AnnotateAs::Bytes => (PhysicalType::BYTE_ARRAY, None, C::NONE),
        AnnotateAs::Date => (PhysicalType::INT32, Some(LogicalType::Date), C::DATE),
        AnnotateAs::Timestamp => {
            (PhysicalType::INT64, Some(LogicalType::timestamp(true, micros)), C::TIMESTAMP_MICROS)
        }
        AnnotateAs::Time => {
            (PhysicalType::INT64, Some(LogicalType::time(true, micros)), C::TIME_MICROS)
        }
    }
}

/// A retyped column. A list is a bare repeated leaf: BigQuery reads it as REPEATED with no
/// option of the load job, where the three-level LIST needs one (`enableListInference`); and
/// since an array of BigQuery is never NULL and holds none, nothing is lost by it.
fn target(field: &Type, to: &TargetType) -> Result<Type, ParquetError> {
    let (of, repetition) = match to {
        TargetType::List(of) => (of.as_ref(), Repetition::REPEATED),
        to => (to, Repetition::OPTIONAL),
    };
    let annotated = |what| {
        let (physical, logical, converted) = annotation(what);
        start(field, physical, repetition).with_logical_type(logical).with_converted_type(converted)
    };
    let plain = |physical| start(field, physical, repetition);
    match of {
        TargetType::Date => annotated(AnnotateAs::Date),
        TargetType::Timestamp => annotated(AnnotateAs::Timestamp),
        TargetType::Time => annotated(AnnotateAs::Time),
        TargetType::Text => annotated(AnnotateAs::String),
        TargetType::Int64 => plain(PhysicalType::INT64),
        TargetType::Float64 => plain(PhysicalType::DOUBLE),
        TargetType::Bool => plain(PhysicalType::BOOLEAN),
        TargetType::Bytes | TargetType::List(_) => plain(PhysicalType::BYTE_ARRAY),
        TargetType::Numeric(of) | TargetType::Bignumeric(of) => {
            let Decimal { precision, scale } = *of;
            let (precision, scale) = (i32::from(precision), i32::from(scale));
            let (physical, length) = match of.precision {
                ..=18 => (PhysicalType::INT64, 0),
                19..=38 => (PhysicalType::FIXED_LEN_BYTE_ARRAY, 16),
                _ => (PhysicalType::FIXED_LEN_BYTE_ARRAY, 32),
            };
            plain(physical)
                .with_length(length)
                .with_precision(precision)
                .with_scale(scale)
                .with_logical_type(Some(LogicalType::decimal(scale, precision)))
                .with_converted_type(ConvertedType::DECIMAL)
        }
    }
    .build()
}
