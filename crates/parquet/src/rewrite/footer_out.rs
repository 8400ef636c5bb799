//! The bytes of the new footer. The `parquet` crate writes most of it; what it would change of columns
//! that are the same as in the source comes from the source's footer:
//!
//! - The elements of the schema. The crate adds a converted type to every logical type, and a reader
//!   that knows only converted types would take a local time for UTC.
//! - The orders of the columns' bounds. The crate always writes one order for all columns. Readers do
//!   not trust bounds without an order, so an order that the source does not have would be a claim about
//!   its bounds.

use std::borrow::Cow;

use super::error::RewriteError;
use super::schema::{OutputColumn, OutputLayout, SchemaSource};
use crate::raw_footer::RawFooter;
use crate::thrift::{
    RawField, integer_field, raw_fields, raw_structs, structs_field, text_field, write_fields,
};

/// `FileMetaData.schema` and `.column_orders`, in parquet.thrift.
const SCHEMA: i16 = 2;
const COLUMN_ORDERS: i16 = 7;
/// `SchemaElement.repetition_type`, `.name`, `.converted_type` and `.logicalType`.
const REPETITION: i16 = 3;
const NAME: i16 = 4;
const CONVERTED_TYPE: i16 = 6;
const LOGICAL_TYPE: i16 = 10;
/// `LogicalType.TIMESTAMP`, and `TimestampType.isAdjustedToUTC`.
const TIMESTAMP: i16 = 8;
const ADJUSTED_TO_UTC: i16 = 1;
/// `FieldRepetitionType.OPTIONAL`
const OPTIONAL: i32 = 1;
/// `ColumnOrder.TYPE_ORDER`, with an empty structure.
const TYPE_ORDER: &[u8] = &[0x1c, 0, 0];

/// The length of the footer and the magic bytes, which follow it.
const TAIL_BYTES: usize = 8;

/// The footer that the `parquet` crate wrote, with the parts that come from the footer of the source.
pub(super) fn restored(
    written: &[u8],
    source: &RawFooter,
    layout: &OutputLayout,
) -> Result<Vec<u8>, RewriteError> {
    let invalid = |_| RewriteError::Malformed("the schema of the footer cannot be read");
    let written = &written[..written.len().saturating_sub(TAIL_BYTES)];
    let mut footer = Vec::new();
    for field in raw_fields(written).map_err(invalid)? {
        match field.id {
            SCHEMA => {
                let elements = schema(&field.value, source, layout).map_err(invalid)?;
                footer.push(structs_field(SCHEMA, elements.iter().map(AsRef::as_ref)));
            }
            // The last field that the crate writes.
            COLUMN_ORDERS => {}
            _ => footer.push(field),
        }
    }
    if let Some(orders) = &source.column_orders {
        let orders: Vec<&[u8]> =
            layout.columns.iter().flat_map(|column| column_orders(column, orders)).collect();
        footer.push(structs_field(COLUMN_ORDERS, orders.into_iter()));
    }
    let mut bytes = write_fields(&footer);
    let length = u32::try_from(bytes.len()).map_err(|_| RewriteError::PageTooLarge)?;
    bytes.extend(length.to_le_bytes());
    bytes.extend(b"PAR1");
    Ok(bytes)
}

type ThriftResult<T> = Result<T, crate::thrift::ThriftError>;

/// The elements of the schema: `written` contains those that the crate wrote.
fn schema<'a>(
    written: &'a [u8],
    source: &'a RawFooter,
    layout: &OutputLayout,
) -> ThriftResult<Vec<Cow<'a, [u8]>>> {
    let mut written = raw_structs(written)?.into_iter();
    let mut elements = Vec::with_capacity(written.len());
    elements.extend(written.next().map(Cow::Borrowed));
    for column in &layout.columns {
        let written = written.by_ref().take(column.elements.len());
        match &column.schema_source {
            SchemaSource::Output => {
                for element in written {
                    elements.push(without_zone_of_local_time(element)?);
                }
            }
            SchemaSource::Source { optional } => {
                written.for_each(drop);
                for (at, element) in column.elements.clone().zip(0..) {
                    let bytes = source.schema.get(at).map_or(&[][..], AsRef::as_ref);
                    elements.push(match element {
                        0 => changed(bytes, &column.output_name, *optional)?.into(),
                        _ => bytes.into(),
                    });
                }
            }
        }
    }
    Ok(elements)
}

/// The element with another name, and OPTIONAL if `optional`.
fn changed(element: &[u8], name: &str, optional: bool) -> ThriftResult<Vec<u8>> {
    let mut fields = raw_fields(element)?;
    for field in &mut fields {
        match field.id {
            NAME => *field = text_field(NAME, name),
            REPETITION if optional => *field = integer_field(REPETITION, OPTIONAL),
            _ => {}
        }
    }
    Ok(write_fields(&fields))
}

/// The element without its converted type, if it is a timestamp without a zone: the converted types of
/// timestamps mean UTC to readers that know no logical types. pyarrow writes none either, and files of
/// pyarrow are known to load as DATETIME (python-bigquery #985).
fn without_zone_of_local_time(element: &[u8]) -> ThriftResult<Cow<'_, [u8]>> {
    let mut fields = raw_fields(element)?;
    let logical = fields.iter().find(|field| field.id == LOGICAL_TYPE);
    if !logical.map_or(Ok(false), is_local_timestamp)? {
        return Ok(element.into());
    }
    fields.retain(|field| field.id != CONVERTED_TYPE);
    Ok(write_fields(&fields).into())
}

fn is_local_timestamp(logical: &RawField<'_>) -> ThriftResult<bool> {
    let union = raw_fields(&logical.value)?;
    let Some(timestamp) = union.iter().find(|field| field.id == TIMESTAMP) else {
        return Ok(false);
    };
    let timestamp = raw_fields(&timestamp.value)?;
    Ok(timestamp.iter().any(|field| field.id == ADJUSTED_TO_UTC && field.is_false()))
}

/// The orders of the leaves of a column. Copied bounds keep their order; those that were computed from
/// converted values have the order of the type.
fn column_orders<'a>(
    column: &OutputColumn,
    source: &'a [Box<[u8]>],
) -> impl Iterator<Item = &'a [u8]> {
    let copied = column.task.keeps_values();
    column.leaves.clone().map(move |leaf| match source.get(leaf) {
        Some(order) if copied => order.as_ref(),
        _ => TYPE_ORDER,
    })
}
