//! What kind of values a column's type has.

use crate::types::{BigQueryType, is_array};

/// What kind of values a type has, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Integer,
    Decimal,
    Bool,
    Date,
    Instant,
    Uuid,
    Network,
    Place,
    Json,
    Bytes,
    Other,
}

/// The shape of a source type, or else of the type in BigQuery.
pub(super) fn shape(source_type: &str, bigquery_type: BigQueryType) -> Shape {
    let source = source_type.to_ascii_lowercase();
    // The type of an array's elements does not say that they are harmless, and neither does one bit.
    if is_array(&source) || source.starts_with("bit") {
        return Shape::Text;
    }
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| source.starts_with(prefix));
    if starts(&["inet", "cidr", "macaddr"]) {
        return Shape::Network;
    }
    if starts(&["point", "geometry", "geography", "polygon", "path", "line", "box", "circle"]) {
        return Shape::Place;
    }
    if source == "uuid" {
        return Shape::Uuid;
    }
    if starts(&["timestamp", "datetime"]) {
        return Shape::Instant;
    }
    if source == "date" {
        return Shape::Date;
    }
    if starts(&["json"]) {
        return Shape::Json;
    }
    if starts(&["time", "interval", "pg_lsn"]) {
        return Shape::Other;
    }
    if starts(&["numeric", "decimal", "money"]) {
        return Shape::Decimal;
    }
    match bigquery_type {
        BigQueryType::Bool => Shape::Bool,
        BigQueryType::Int64 => Shape::Integer,
        BigQueryType::Float64 | BigQueryType::Numeric | BigQueryType::BigNumeric => Shape::Decimal,
        BigQueryType::Time => Shape::Other,
        BigQueryType::Timestamp | BigQueryType::DateTime => Shape::Instant,
        BigQueryType::Date => Shape::Date,
        BigQueryType::String => Shape::Text,
        BigQueryType::Bytes => Shape::Bytes,
        BigQueryType::Json => Shape::Json,
    }
}
