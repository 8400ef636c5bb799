//! Fields of a table schema: JSON form, naming rules, Arrow types, and permitted changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema, SchemaRef, TimeUnit};
use serde_json::{Map, Value, json};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::error::GoogleError;
use crate::turned::is_turned;

/// The time zone of TIMESTAMP columns.
pub(crate) const UTC: &str = "+00:00";

/// A type of a BigQuery field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldType {
    String,
    Bytes,
    Integer,
    Float,
    Boolean,
    Timestamp,
    Date,
    Time,
    Datetime,
    Numeric,
    Bignumeric,
    Json,
    Geography,
    /// In results only: no table has such a column here.
    Interval,
    Record,
}

impl FieldType {
    /// The name in the REST API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Integer => "INTEGER",
            Self::Float => "FLOAT",
            Self::Boolean => "BOOLEAN",
            Self::Timestamp => "TIMESTAMP",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::Datetime => "DATETIME",
            Self::Numeric => "NUMERIC",
            Self::Bignumeric => "BIGNUMERIC",
            Self::Json => "JSON",
            Self::Geography => "GEOGRAPHY",
            Self::Interval => "INTERVAL",
            Self::Record => "RECORD",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "STRING" => Self::String,
            "BYTES" => Self::Bytes,
            "INTEGER" | "INT64" => Self::Integer,
            "FLOAT" | "FLOAT64" => Self::Float,
            "BOOLEAN" | "BOOL" => Self::Boolean,
            "TIMESTAMP" => Self::Timestamp,
            "DATE" => Self::Date,
            "TIME" => Self::Time,
            "DATETIME" => Self::Datetime,
            "NUMERIC" => Self::Numeric,
            "BIGNUMERIC" => Self::Bignumeric,
            "JSON" => Self::Json,
            "GEOGRAPHY" => Self::Geography,
            "RECORD" | "STRUCT" => Self::Record,
            _ => return None,
        })
    }

    /// The Arrow type that stores its values.
    fn arrow_type(self, fields: &[Field]) -> DataType {
        match self {
            Self::String | Self::Json | Self::Geography | Self::Interval => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            Self::Datetime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Numeric => DataType::Decimal128(38, 9),
            Self::Bignumeric => DataType::Decimal256(76, 38),
            Self::Record => DataType::Struct(fields.iter().map(Field::arrow_field).collect()),
        }
    }
}

/// Whether a field is nullable, required or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldMode {
    Nullable,
    Required,
    Repeated,
}

impl FieldMode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nullable => "NULLABLE",
            Self::Required => "REQUIRED",
            Self::Repeated => "REPEATED",
        }
    }
}

/// A column, or a member of a RECORD.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) field_type: FieldType,
    pub(crate) mode: FieldMode,
    /// At most one policy tag. `None`: the request has no `policyTags`; an empty list removes the
    /// tag.
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) fields: Vec<Field>,
    /// The values of the [`FIELD_PROPERTIES`] that were set.
    pub(crate) properties: Map<String, Value>,
}

const FIELD_PROPERTIES: [&str; 6] =
    ["description", "precision", "scale", "maxLength", "defaultValueExpression", "roundingMode"];

/// Reserved prefixes of field names (BigQuery's documentation, "Column names").
const RESERVED_PREFIXES: [&str; 7] =
    ["_PARTITION", "_TABLE_", "_FILE_", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER", "_CHANGE_"];

impl Field {
    /// A field with a name, a type and a mode, and no other properties.
    pub(crate) fn new(name: impl Into<String>, field_type: FieldType, mode: FieldMode) -> Self {
        Self {
            name: name.into(),
            field_type,
            mode,
            tags: None,
            fields: Vec::new(),
            properties: Map::new(),
        }
    }

    /// The field's policy tag, if any.
    pub(crate) fn tag(&self) -> Option<&str> {
        self.tags.as_ref().and_then(|tags| tags.first()).map(String::as_str)
    }

    fn parse(value: &Value) -> Result<Self, GoogleError> {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let name = text("name").unwrap_or_default().to_owned();
        check_field_name(&name)?;
        let field_type = text("type").and_then(FieldType::parse).ok_or_else(|| {
            GoogleError::invalid(format!(
                "Invalid value for type of field {name}: not a valid value"
            ))
        })?;
        let mode = match text("mode").map(str::to_ascii_uppercase).as_deref() {
            None | Some("" | "NULLABLE") => FieldMode::Nullable,
            Some("REQUIRED") => FieldMode::Required,
            Some("REPEATED") => FieldMode::Repeated,
            Some(_) => {
                return Err(GoogleError::invalid(format!(
                    "Invalid value for mode of field {name}: not a valid value"
                )));
            }
        };
        let fields = parse_fields(value.get("fields"))?;
        if (field_type == FieldType::Record) == fields.is_empty() {
            return Err(GoogleError::invalid(if field_type == FieldType::Record {
                format!("Field {name} is type RECORD but has no schema")
            } else {
                format!("Field {name} is not of type RECORD but has nested fields")
            }));
        }
        let tags = match value.get("policyTags") {
            None | Some(Value::Null) => None,
            Some(tags) => Some(
                (tags.get("names").and_then(Value::as_array).into_iter().flatten())
                    .filter_map(|it| it.as_str().map(str::to_owned))
                    .collect::<Vec<_>>(),
            ),
        };
        if tags.as_ref().is_some_and(|it| it.len() > 1) && !is_turned("tag-one-per-column") {
            return Err(GoogleError::invalid(format!(
                "Field {name} has more than one policy tag: at most one is allowed."
            )));
        }
        if field_type == FieldType::Record && tags.as_ref().is_some_and(|it| !it.is_empty()) {
            return Err(GoogleError::invalid(format!(
                "Policy tags can only be set on leaf fields; {name} is a RECORD."
            )));
        }
        let properties = FIELD_PROPERTIES
            .into_iter()
            .filter_map(|key| {
                Some((key.to_owned(), value.get(key).filter(|it| !it.is_null())?.clone()))
            })
            .collect();
        Ok(Self { name, field_type, mode, tags, fields, properties })
    }

    /// The JSON form that `tables.get` returns.
    pub(crate) fn resource(&self) -> Value {
        let mut value =
            json!({"name": self.name, "type": self.field_type.name(), "mode": self.mode.name()});
        if let Some(target) = value.as_object_mut() {
            target.extend(self.properties.clone());
            if let Some(tag) = self.tag() {
                target.insert("policyTags".to_owned(), json!({"names": [tag]}));
            }
            if !self.fields.is_empty() {
                target.insert("fields".to_owned(), fields_resource(&self.fields));
            }
        }
        value
    }

    /// The Arrow field that stores its values.
    pub(crate) fn arrow_field(&self) -> ArrowField {
        let value_type = self.field_type.arrow_type(&self.fields);
        match self.mode {
            FieldMode::Repeated => {
                let item = Arc::new(ArrowField::new_list_field(value_type, true));
                ArrowField::new(&self.name, DataType::List(item), true)
            }
            // A load checks REQUIRED. The Arrow field stays nullable, so that existing batches
            // remain valid when the mode is relaxed.
            FieldMode::Nullable | FieldMode::Required => {
                ArrowField::new(&self.name, value_type, true)
            }
        }
    }
}

/// The fields as JSON.
pub(crate) fn fields_resource(fields: &[Field]) -> Value {
    fields.iter().map(Field::resource).collect()
}

/// The Arrow schema of the fields.
pub(crate) fn arrow_schema(fields: &[Field]) -> SchemaRef {
    Arc::new(Schema::new(fields.iter().map(Field::arrow_field).collect::<Fields>()))
}

/// Parses a `schema.fields` value. A missing value has no fields.
pub(crate) fn parse_fields(value: Option<&Value>) -> Result<Vec<Field>, GoogleError> {
    let fields: Vec<Field> = value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(Field::parse)
        .collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    for field in &fields {
        if !seen.insert(field.name.to_lowercase()) {
            return Err(GoogleError::invalid(format!("Duplicate column name: {}", field.name)));
        }
    }
    Ok(fields)
}

/// Parses a `schema` value, such as that of a table or a load job.
pub(crate) fn parse_schema(schema: Option<&Value>) -> Result<Vec<Field>, GoogleError> {
    parse_fields(schema.and_then(|it| it.get("fields")))
}

/// Whether a column name may contain the character (Google's documentation, "Flexible column names").
pub(crate) fn is_flexible(c: char) -> bool {
    use GeneralCategoryGroup::{Letter, Mark, Number};
    matches!(c.general_category_group(), Letter | Mark | Number)
        || matches!(
            c.general_category(),
            GeneralCategory::ConnectorPunctuation | GeneralCategory::DashPunctuation
        )
        || matches!(c, '&' | '%' | '=' | '+' | ':' | '\'' | '<' | '>' | '#' | '|')
        || c.is_whitespace()
}

/// Whether two names are those of one column.
pub(crate) fn is_same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Finds a field by name. As in BigQuery, case is ignored.
pub(crate) fn find_field<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    fields.iter().find(|it| is_same_name(&it.name, name))
}

/// Checks the rules for column names, with those of flexible names (Google's documentation,
/// "Flexible column names").
pub(crate) fn check_field_name(name: &str) -> Result<(), GoogleError> {
    let length = name.chars().count();
    if length == 0 || length > 300 || !name.chars().all(is_flexible) {
        return Err(GoogleError::invalid(format!(
            "Invalid field name \"{name}\". Fields must contain the allowed characters, and be at \
             most 300 characters long. For allowed characters, please refer to \
             https://cloud.google.com/bigquery/docs/schemas#column_names"
        )));
    }
    let upper = name.to_uppercase();
    if is_turned("column-name-rules") {
        return Ok(());
    }
    match RESERVED_PREFIXES.iter().find(|prefix| upper.starts_with(**prefix)) {
        Some(prefix) => Err(GoogleError::invalid(format!(
            "Invalid field name \"{name}\". Field names are not allowed to start with the \
             (case-insensitive) prefix {prefix}"
        ))),
        None => Ok(()),
    }
}

/// What a change of a table does with the policy tag of a field whose new form has no `policyTags`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OmittedTags {
    /// The field keeps its tag.
    Kept,
    /// The field has no tag any more.
    Cleared,
}

/// The fields after a `tables.patch` or `tables.update` with `new`. Fields may be added and modes
/// relaxed; no field may be removed or change its type.
pub(crate) fn patched_fields(
    old: &[Field],
    new: Vec<Field>,
    omitted: OmittedTags,
    table: &str,
) -> Result<Vec<Field>, GoogleError> {
    let schema_mismatch = |what: String| {
        Err(GoogleError::invalid(format!("Provided Schema does not match Table {table}. {what}")))
    };
    for field in old {
        if find_field(&new, &field.name).is_none() {
            return schema_mismatch(format!("Field {} is missing in new schema", field.name));
        }
    }
    let mut result = Vec::with_capacity(new.len());
    for mut field in new {
        let name = field.name.clone();
        let Some(before) = find_field(old, &name) else {
            if field.mode == FieldMode::Required {
                return schema_mismatch(format!(
                    "Cannot add required fields to an existing schema. (field: {name})"
                ));
            }
            result.push(field);
            continue;
        };
        if before.field_type != field.field_type {
            let (from, to) = (before.field_type.name(), field.field_type.name());
            return schema_mismatch(format!("Field {name} has changed type from {from} to {to}"));
        }
        let relaxed = before.mode == FieldMode::Required && field.mode == FieldMode::Nullable;
        if before.mode != field.mode && !relaxed {
            let (from, to) = (before.mode.name(), field.mode.name());
            return schema_mismatch(format!("Field {name} has changed mode from {from} to {to}"));
        }
        field.name.clone_from(&before.name);
        if is_turned("patch-empty-tags-clear") {
            field.tags = field.tags.filter(|it| !it.is_empty());
        }
        if is_turned("patch-named-tags-stay") && field.tags.is_some() && field.tags == before.tags {
            field.tags = Some(Vec::new());
        }
        if omitted == OmittedTags::Kept {
            field.tags = field.tags.or_else(|| before.tags.clone());
        }
        field.fields = patched_fields(&before.fields, field.fields, omitted, table)?;
        result.push(field);
    }
    Ok(result)
}

/// All fields without members, with their dotted paths.
pub(crate) fn leaf_fields(fields: &[Field]) -> Vec<(String, &Field)> {
    let mut found = Vec::new();
    for field in fields {
        if field.fields.is_empty() {
            found.push((field.name.clone(), field));
        }
        for (path, leaf) in leaf_fields(&field.fields) {
            found.push((format!("{}.{path}", field.name), leaf));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: Value) -> Result<Vec<Field>, GoogleError> {
        parse_fields(Some(&value))
    }

    fn message<T: std::fmt::Debug>(result: Result<T, GoogleError>) -> String {
        result.expect_err("an error").message
    }

    #[test]
    fn invalid_field_names_are_rejected() {
        for (name, part) in [
            ("", "Invalid field name"),
            ("a.b", "Invalid field name"),
            ("price ($)", "Invalid field name"),
            ("_PARTITIONTIME", "prefix _PARTITION"),
            ("_change_type", "prefix _CHANGE_"),
        ] {
            let rejection = message(fields(json!([{"name": name, "type": "STRING"}])));
            assert!(rejection.contains(part), "{name}: {rejection}");
        }
        let twice = json!([{"name": "id", "type": "STRING"}, {"name": "ID", "type": "STRING"}]);
        assert_eq!(message(fields(twice)), "Duplicate column name: ID");
        for name in ["이름", "the column", "1st", "user-id", "a%b", "étudiant"] {
            assert!(fields(json!([{"name": name, "type": "STRING"}])).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_patch_may_only_add_fields_and_relax_modes() {
        let old = fields(json!([
            {"name": "id", "type": "INT64", "mode": "REQUIRED"},
            {"name": "email", "type": "STRING", "policyTags": {"names": ["t"]}},
        ]))
        .expect("old");
        let patch = |new: Value| {
            patched_fields(&old, fields(new).expect("new"), OmittedTags::Kept, "p:d.t")
        };
        let email = json!({"name": "email", "type": "STRING"});
        for (new, want) in [
            (json!([email]), "Field id is missing in new schema"),
            (
                json!([{"name": "id", "type": "STRING", "mode": "REQUIRED"}, email]),
                "Field id has changed type from INTEGER to STRING",
            ),
            (
                json!([{"name": "id", "type": "INTEGER"}, {"name": "email", "type": "STRING", "mode": "REQUIRED"}]),
                "Field email has changed mode from NULLABLE to REQUIRED",
            ),
            (
                json!([{"name": "id", "type": "INTEGER"}, email, {"name": "x", "type": "DATE", "mode": "REQUIRED"}]),
                "Cannot add required fields to an existing schema. (field: x)",
            ),
        ] {
            let rejection = message(patch(new));
            assert_eq!(rejection, format!("Provided Schema does not match Table p:d.t. {want}"));
        }
        let silent = patch(json!([{"name": "id", "type": "INTEGER"}, email])).expect("relaxed");
        assert_eq!((silent[0].mode, silent[1].tag()), (FieldMode::Nullable, Some("t")));
        let cleared = patch(json!([
            {"name": "id", "type": "INTEGER"},
            {"name": "email", "type": "STRING", "policyTags": {"names": []}},
        ]));
        assert_eq!(cleared.expect("cleared")[1].tag(), None);
    }
}
