//! Lays out the columns of the output, from a footer and a plan.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use landbridge_core::rewrite::{Action, AnnotateAs, Decimal, OnMisfit, RewritePlan, TargetType};
use landbridge_core::{Error, ErrorKind, Result};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};

use super::column::Conversion;
use super::epoch::Unit;
use super::local_time::time_zone;
use super::report::ColumnReport;
use super::token::TokenKey;
use super::values::SourceType;
use crate::Footer;

/// The schema of the output, and the source of each of its columns.
pub(super) struct OutputLayout {
    pub(super) schema: SchemaDescPtr,
    pub(super) columns: Vec<OutputColumn>,
    /// Whether the output differs from the source.
    pub(super) changed: bool,
}

/// A top-level column of the output.
pub(super) struct OutputColumn {
    /// Its name in the source, as in the plan.
    pub(super) name: String,
    pub(super) output_name: String,
    /// Its elements in the schema of the source, of which the first is the column itself.
    pub(super) elements: Range<usize>,
    pub(super) schema_source: SchemaSource,
    /// The indices of its leaves in the source, and the index of its first leaf in the output.
    pub(super) leaves: Range<usize>,
    pub(super) first: usize,
    pub(super) task: ColumnTask,
    pub(super) action: &'static str,
    pub(super) kept_text: bool,
    nested: bool,
}

/// Where the elements of a column in the schema of the output come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum SchemaSource {
    /// From the source: only the name and the repetition of the column can differ.
    Source { optional: bool },
    /// From the type in the layout's schema.
    Output,
}

/// How the chunks of a column are written.
pub(super) enum ColumnTask {
    Copy,
    /// Copies the values of a REQUIRED column into an OPTIONAL one.
    Relax,
    Convert {
        conversion: Conversion,
        source_type: SourceType,
        optional: bool,
    },
    Null,
}

impl ColumnTask {
    /// Whether the output has the encoded values of the source: bounds, bloom filters and the order of rows stay
    /// valid.
    pub(super) fn keeps_values(&self) -> bool {
        matches!(self, Self::Copy | Self::Relax)
    }
}

impl OutputColumn {
    pub(super) fn report(&self) -> ColumnReport {
        let mut report = ColumnReport::new(&self.name, self.action);
        report.kept_text = self.kept_text;
        report.renamed_to = (self.output_name != self.name).then(|| self.output_name.clone());
        if self.nested { report.unknown() } else { report }
    }
}

/// The columns that stay text if they have a misfit: they must be scanned before anything is written.
pub(super) fn may_keep_text(plan: &RewritePlan) -> BTreeSet<String> {
    let keeps = |rule: &Option<OnMisfit>| rule.unwrap_or(plan.on_misfit) == OnMisfit::KeepText;
    let retyped = plan.columns.iter().filter(
        |(_, action)| matches!(action, Action::Retype { on_misfit, .. } if keeps(on_misfit)),
    );
    retyped.map(|(name, _)| name.clone()).collect()
}

impl OutputLayout {
    /// Lays out the columns. Those in `keep_text` stay text although the plan retypes them.
    pub(super) fn new(
        footer: &Footer,
        plan: &RewritePlan,
        key: Option<&TokenKey>,
        keep_text: &BTreeSet<String>,
        name: &str,
    ) -> Result<Self> {
        let old = footer.metadata.file_metadata().schema_descr();
        let fields = old.root_schema().get_fields();
        check_planned_columns(plan, fields, name)?;
        let mut columns: Vec<OutputColumn> = Vec::new();
        let mut types = Vec::new();
        let (mut leaf, mut first, mut changed) = (0, 0, false);
        // The first element is the root.
        let mut element = 1;
        for (place, field) in fields.iter().enumerate() {
            let start = leaf;
            while leaf < old.num_columns() && old.get_column_root_idx(leaf) == place {
                leaf += 1;
            }
            let elements = element..element + count_elements(field);
            element = elements.end;
            let place = Place { elements, leaves: start..leaf, first };
            let kept_text = keep_text.contains(field.name());
            let Some(laid) = lay_out(field, plan, key, kept_text, place, name)? else {
                changed = true;
                continue;
            };
            changed |= laid.changed;
            types.push(laid.known);
            columns.push(laid.column);
            first += leaf - start;
        }
        if columns.is_empty() {
            return Err(Error::new(ErrorKind::Config, "the plan drops every column", name));
        }
        check_distinct_names(plan, &columns, name)?;
        let root = Type::group_type_builder(old.root_schema().name()).with_fields(types).build();
        let root = root.map_err(|error| schema_error(name).caused_by(error))?;
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
        Ok(Self { schema, columns, changed })
    }
}

/// Where a column is in the schemas of source and output, as in [`OutputColumn`].
struct Place {
    elements: Range<usize>,
    leaves: Range<usize>,
    first: usize,
}

/// A column that is in the output.
struct LaidOut {
    column: OutputColumn,
    /// Its type with only those annotations that the writer knows.
    known: TypePtr,
    /// Whether it differs from the source.
    changed: bool,
}

/// Lays out one column. `None` if the plan drops it.
fn lay_out(
    field: &TypePtr,
    plan: &RewritePlan,
    key: Option<&TokenKey>,
    kept_text: bool,
    place: Place,
    name: &str,
) -> Result<Option<LaidOut>> {
    let action = match (kept_text, is_text(field)) {
        (false, _) => plan.action(field.name()),
        (true, true) => Action::Keep,
        (true, false) => Action::Annotate(AnnotateAs::String),
    };
    if action == Action::Drop {
        return Ok(None);
    }
    let is_repeated = field.get_basic_info().repetition() == Repetition::REPEATED;
    let nested = !field.is_primitive() || is_repeated;
    if nested && action != Action::Keep {
        let what = "a nested column can only be kept or dropped";
        return Err(unsuitable_plan(what, name, field.name()));
    }
    let failed = |error| schema_error(name).caused_by(error);
    let mut changed = action != Action::Keep;
    let (mut output, mut task) = output_column(field, &action, key, name)?;
    let mut schema_source = match &action {
        Action::Keep | Action::Drop => SchemaSource::Source { optional: false },
        Action::SetNull => SchemaSource::Source { optional: true },
        _ => SchemaSource::Output,
    };
    let is_required = field.get_basic_info().repetition() == Repetition::REQUIRED;
    if plan.relax_required && matches!(task, ColumnTask::Copy) && !nested && is_required {
        let relaxed = optional(&output).map_err(failed)?;
        (output, task, changed) = (Arc::new(relaxed), ColumnTask::Relax, true);
        if let SchemaSource::Source { optional } = &mut schema_source {
            *optional = true;
        }
    }
    let output_name = plan.output_name(field.name());
    if output_name != field.name() {
        output = renamed(&output, output_name).map_err(failed)?;
        changed = true;
    }
    let column = OutputColumn {
        name: field.name().to_owned(),
        output_name: output_name.to_owned(),
        elements: place.elements,
        schema_source,
        leaves: place.leaves,
        first: place.first,
        task,
        action: action_name(&action),
        kept_text,
        nested,
    };
    Ok(Some(LaidOut { column, known: with_known_types(&output).map_err(failed)?, changed }))
}

fn check_planned_columns(plan: &RewritePlan, fields: &[TypePtr], name: &str) -> Result<()> {
    let is_missing = |planned: &&String| !fields.iter().any(|field| field.name() == **planned);
    match plan.columns.keys().chain(plan.rename.keys()).find(is_missing) {
        None => Ok(()),
        Some(planned) => {
            let what = "the plan names a column that the file does not have";
            Err(unsuitable_plan(what, name, planned))
        }
    }
}

fn check_distinct_names(plan: &RewritePlan, columns: &[OutputColumn], name: &str) -> Result<()> {
    let is_twice = |new: &&String| columns.iter().filter(|it| it.output_name == **new).count() > 1;
    match plan.rename.values().find(is_twice) {
        None => Ok(()),
        Some(twice) => {
            let what = "the plan gives two columns the same name";
            Err(Error::new(ErrorKind::Config, what, format!("{name}, column `{twice}`")))
        }
    }
}

fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Keep => "keep",
        Action::Annotate(_) => "annotate",
        Action::Retype { .. } => "retype",
        Action::Drop => "drop",
        Action::Tokenise { .. } => "tokenise",
        Action::SetNull => "set_null",
    }
}

fn unsuitable_plan(what: &'static str, name: &str, column: &str) -> Error {
    Error::new(ErrorKind::Held, what, format!("{name}, column `{column}`"))
}

fn schema_error(name: &str) -> Error {
    Error::new(ErrorKind::Rejected, "a Parquet schema cannot be written", name)
}

fn is_text(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.converted_type() == ConvertedType::UTF8
        || matches!(info.logical_type_ref(), Some(LogicalType::String))
}

/// The type of a column in the output, and how its chunks are written.
fn output_column(
    field: &TypePtr,
    action: &Action,
    key: Option<&TokenKey>,
    name: &str,
) -> Result<(TypePtr, ColumnTask)> {
    let mismatch = |what| unsuitable_plan(what, name, field.name());
    let built = |result: Result<Type, ParquetError>| match result {
        Ok(built) => Ok(Arc::new(built)),
        Err(error) => Err(schema_error(name).caused_by(error)),
    };
    Ok(match action {
        Action::Keep | Action::Drop => (field.clone(), ColumnTask::Copy),
        Action::Annotate(what) => {
            let (physical, logical, converted) = annotation(*what);
            if field.get_physical_type() != physical || !can_be_annotated(field) {
                return Err(mismatch(
                    "the plan annotates a column whose type does not allow that annotation",
                ));
            }
            let repetition = field.get_basic_info().repetition();
            let builder = type_builder(field, physical, repetition)
                .with_logical_type(logical)
                .with_converted_type(converted);
            (built(builder.build())?, ColumnTask::Copy)
        }
        Action::Retype { to, .. } => {
            (built(retyped_type(field, to))?, retype_task(field, to, name)?)
        }
        Action::Tokenise { domain } => {
            let builder = type_builder(field, PhysicalType::BYTE_ARRAY, Repetition::OPTIONAL)
                .with_logical_type(Some(LogicalType::String))
                .with_converted_type(ConvertedType::UTF8);
            (built(builder.build())?, token_task(field, domain, key, name)?)
        }
        Action::SetNull => (built(optional(field))?, ColumnTask::Null),
    })
}

/// How a column that gets another type is written.
fn retype_task(field: &TypePtr, to: &TargetType, name: &str) -> Result<ColumnTask> {
    let unit = Unit::of(field);
    let is_time = unit.is_some()
        && matches!(to, TargetType::Datetime | TargetType::Timestamp | TargetType::TimestampIn(_));
    let source_type = match field.get_physical_type() {
        PhysicalType::BYTE_ARRAY if !is_decimal(field) => SourceType::Text,
        PhysicalType::INT96 if is_time => SourceType::Int96,
        PhysicalType::INT64 if is_time => SourceType::Int64 { signed: true },
        _ => {
            let what = "the plan retypes a column that is not text";
            return Err(unsuitable_plan(what, name, field.name()));
        }
    };
    let conversion = match (to.zone(), unit) {
        (Some(zone), _) => {
            Conversion::LocalTimes { zone: time_zone(zone, name)?, unit, target: to.clone() }
        }
        (None, Some(unit)) => Conversion::Micros(unit),
        (None, None) => Conversion::Retype(to.clone()),
    };
    Ok(ColumnTask::Convert { conversion, source_type, optional: is_optional(field) })
}

/// How a column of tokens is written.
fn token_task(
    field: &TypePtr,
    domain: &str,
    key: Option<&TokenKey>,
    name: &str,
) -> Result<ColumnTask> {
    let source_type = source_type_of(field).ok_or_else(|| {
        let what = "the plan tokenises a column that is neither text nor an integer";
        unsuitable_plan(what, name, field.name())
    })?;
    let key = key.ok_or_else(|| {
        Error::new(ErrorKind::Config, "the plan makes tokens, but no token key is set", name)
    })?;
    let conversion = Conversion::Tokenise(key.domain(domain));
    Ok(ColumnTask::Convert { conversion, source_type, optional: is_optional(field) })
}

/// The same type, OPTIONAL. Only for a primitive type.
fn optional(field: &Type) -> Result<Type, ParquetError> {
    let info = field.get_basic_info();
    let length = match field {
        Type::PrimitiveType { type_length, .. } => *type_length,
        Type::GroupType { .. } => 0,
    };
    type_builder(field, field.get_physical_type(), Repetition::OPTIONAL)
        .with_length(length)
        .with_precision(field.get_precision())
        .with_scale(field.get_scale())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_converted_type(info.converted_type())
        .build()
}

/// The same type with another name.
fn renamed(field: &Type, name: &str) -> Result<TypePtr, ParquetError> {
    let info = field.get_basic_info();
    let id = info.has_id().then(|| info.id());
    let renamed = match field {
        Type::PrimitiveType { physical_type, type_length, scale, precision, .. } => {
            Type::primitive_type_builder(name, *physical_type)
                .with_repetition(info.repetition())
                .with_length(*type_length)
                .with_precision(*precision)
                .with_scale(*scale)
                .with_logical_type(info.logical_type_ref().cloned())
                .with_converted_type(info.converted_type())
                .with_id(id)
                .build()?
        }
        Type::GroupType { fields, .. } => Type::group_type_builder(name)
            .with_repetition(info.repetition())
            .with_fields(fields.clone())
            .with_logical_type(info.logical_type_ref().cloned())
            .with_converted_type(info.converted_type())
            .with_id(id)
            .build()?,
    };
    Ok(Arc::new(renamed))
}

/// The same type without logical types that the `parquet` crate does not know and cannot write. The footer of the
/// output has the elements of the source in their place.
fn with_known_types(field: &TypePtr) -> Result<TypePtr, ParquetError> {
    let info = field.get_basic_info();
    let known = !matches!(info.logical_type_ref(), Some(LogicalType::_Unknown { .. }));
    let id = info.has_id().then(|| info.id());
    Ok(match field.as_ref() {
        Type::PrimitiveType { .. } if known => field.clone(),
        Type::PrimitiveType { physical_type, type_length, .. } => {
            let builder = Type::primitive_type_builder(field.name(), *physical_type)
                .with_repetition(info.repetition())
                .with_length(*type_length)
                .with_id(id);
            Arc::new(builder.build()?)
        }
        Type::GroupType { fields, .. } => {
            let members = fields.iter().map(with_known_types).collect::<Result<Vec<_>, _>>()?;
            if known && members.iter().zip(fields).all(|(new, old)| Arc::ptr_eq(new, old)) {
                return Ok(field.clone());
            }
            let logical = info.logical_type_ref().filter(|_| known).cloned();
            let builder = Type::group_type_builder(field.name())
                .with_repetition(info.repetition())
                .with_fields(members)
                .with_logical_type(logical)
                .with_converted_type(info.converted_type())
                .with_id(id);
            Arc::new(builder.build()?)
        }
    })
}

/// The elements of a column in the schema of a footer: itself and all that it contains.
fn count_elements(field: &Type) -> usize {
    match field {
        Type::PrimitiveType { .. } => 1,
        Type::GroupType { fields, .. } => {
            1 + fields.iter().map(|field| count_elements(field)).sum::<usize>()
        }
    }
}

fn is_optional(field: &Type) -> bool {
    field.get_basic_info().repetition() == Repetition::OPTIONAL
}

/// Whether it is a decimal. In BYTE_ARRAY, the same number can have several forms, and none is text.
fn is_decimal(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.converted_type() == ConvertedType::DECIMAL
        || matches!(info.logical_type_ref(), Some(LogicalType::Decimal(_)))
}

/// Whether the values of a column stay in order, and mean the same, under another annotation: not those
/// of a decimal, of an unsigned number, or of a time in another unit.
fn can_be_annotated(field: &Type) -> bool {
    use ConvertedType as C;
    let info = field.get_basic_info();
    let in_micros = |unit: &TimeUnit| *unit == TimeUnit::MICROS;
    !is_decimal(field)
        && !matches!(info.converted_type(), C::UINT_8 | C::UINT_16 | C::UINT_32 | C::UINT_64)
        && !matches!(info.converted_type(), C::TIME_MILLIS | C::TIMESTAMP_MILLIS)
        && match info.logical_type_ref() {
            Some(LogicalType::Integer(it)) => it.is_signed,
            Some(LogicalType::Timestamp(it)) => in_micros(&it.unit),
            Some(LogicalType::Time(it)) => in_micros(&it.unit),
            _ => true,
        }
}

fn source_type_of(field: &Type) -> Option<SourceType> {
    let info = field.get_basic_info();
    if is_decimal(field) {
        return None;
    }
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
        PhysicalType::BYTE_ARRAY => Some(SourceType::Text),
        PhysicalType::INT32 if plain => Some(SourceType::Int32 { signed }),
        PhysicalType::INT64 if plain => Some(SourceType::Int64 { signed }),
        _ => None,
    }
}

fn type_builder<'a>(
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
        AnnotateAs::LocalTimestamp => {
            (PhysicalType::INT64, Some(LogicalType::timestamp(false, micros)), C::TIMESTAMP_MICROS)
        }
        AnnotateAs::Time => {
            (PhysicalType::INT64, Some(LogicalType::time(true, micros)), C::TIME_MICROS)
        }
    }
}

/// The type of a retyped column. A list is a bare repeated leaf: BigQuery reads it as REPEATED without
/// an option of the load job, while the three-level LIST needs one (`enableListInference`). BigQuery
/// arrays cannot be NULL or contain NULL, so the bare leaf loses nothing.
fn retyped_type(field: &Type, to: &TargetType) -> Result<Type, ParquetError> {
    let (of, repetition) = match to.element() {
        Some(of) => (of, Repetition::REPEATED),
        None => (to, Repetition::OPTIONAL),
    };
    let annotated = |what| {
        let (physical, logical, converted) = annotation(what);
        type_builder(field, physical, repetition)
            .with_logical_type(logical)
            .with_converted_type(converted)
    };
    let plain = |physical| type_builder(field, physical, repetition);
    match of {
        TargetType::Date => annotated(AnnotateAs::Date),
        TargetType::Timestamp | TargetType::TimestampIn(_) => annotated(AnnotateAs::Timestamp),
        TargetType::Datetime => annotated(AnnotateAs::LocalTimestamp),
        TargetType::Time => annotated(AnnotateAs::Time),
        TargetType::Text | TargetType::ArrayJson(_) => annotated(AnnotateAs::String),
        TargetType::Int64 => plain(PhysicalType::INT64),
        TargetType::Float64 => plain(PhysicalType::DOUBLE),
        TargetType::Bool => plain(PhysicalType::BOOLEAN),
        TargetType::Bytes | TargetType::List(_) | TargetType::ListWithoutNulls(_) => {
            plain(PhysicalType::BYTE_ARRAY)
        }
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
