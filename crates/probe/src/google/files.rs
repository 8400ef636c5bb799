//! Parquet files of generated rows, in forms that only a probe needs.

use std::sync::Arc;

use parquet::basic::Repetition;
use parquet::data_type::{
    ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type, Int96, Int96Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// The values of one column.
pub(super) enum Column {
    /// INT64.
    Int64(Vec<i64>),
    /// BYTE_ARRAY.
    Bytes(Vec<&'static str>),
    /// FIXED_LEN_BYTE_ARRAY.
    Fixed(Vec<Vec<u8>>),
    /// INT96, the microsecond zero of a day.
    Days96(Vec<u32>),
    /// A repeated leaf: the lists of INT64 of each row.
    Int64Lists(Vec<Vec<i64>>),
    /// A repeated leaf: the lists of BYTE_ARRAY of each row.
    BytesLists(Vec<Vec<&'static str>>),
}

/// A file with the columns of `message` (Parquet's text form of a schema), in one row group; without
/// columns, a file without row groups.
pub(super) fn file(message: &str, columns: &[Column]) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(message)?);
    let repetitions: Vec<Repetition> =
        (schema.get_fields().iter()).map(|field| field.get_basic_info().repetition()).collect();
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties)?;
    if !columns.is_empty() {
        let mut group = writer.next_row_group()?;
        for (column, repetition) in columns.iter().zip(repetitions) {
            write(&mut group, column, repetition)?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(bytes)
}

fn write<W: std::io::Write + Send>(
    group: &mut parquet::file::writer::SerializedRowGroupWriter<'_, W>,
    column: &Column,
    repetition: Repetition,
) -> Result<(), ParquetError> {
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns".to_owned()));
    };
    let present = |rows: usize| (repetition == Repetition::OPTIONAL).then(|| vec![1_i16; rows]);
    match column {
        Column::Int64(values) => {
            let levels = present(values.len());
            writer.typed::<Int64Type>().write_batch(values, levels.as_deref(), None)?;
        }
        Column::Bytes(values) => {
            let values: Vec<ByteArray> = values.iter().map(|it| ByteArray::from(*it)).collect();
            let levels = present(values.len());
            writer.typed::<ByteArrayType>().write_batch(&values, levels.as_deref(), None)?;
        }
        Column::Fixed(values) => {
            let values: Vec<FixedLenByteArray> =
                values.iter().map(|it| FixedLenByteArray::from(it.clone())).collect();
            let levels = present(values.len());
            writer.typed::<FixedLenByteArrayType>().write_batch(
                &values,
                levels.as_deref(),
                None,
            )?;
        }
        Column::Days96(days) => {
            let value = |day: &u32| {
                let mut value = Int96::new();
                value.set_data(0, 0, *day);
                value
            };
            let values: Vec<Int96> = days.iter().map(value).collect();
            let levels = present(values.len());
            writer.typed::<Int96Type>().write_batch(&values, levels.as_deref(), None)?;
        }
        Column::Int64Lists(lists) => {
            let (levels, starts) = list_levels(lists);
            let values: Vec<i64> = lists.iter().flatten().copied().collect();
            writer.typed::<Int64Type>().write_batch(&values, Some(&levels), Some(&starts))?;
        }
        Column::BytesLists(lists) => {
            let (levels, starts) = list_levels(lists);
            let values: Vec<ByteArray> =
                lists.iter().flatten().map(|it| ByteArray::from(*it)).collect();
            writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), Some(&starts))?;
        }
    }
    writer.close()
}

/// The definition and repetition levels of a repeated leaf.
fn list_levels<T>(lists: &[Vec<T>]) -> (Vec<i16>, Vec<i16>) {
    let (mut defined, mut repeated) = (Vec::new(), Vec::new());
    for list in lists {
        if list.is_empty() {
            defined.push(0);
            repeated.push(0);
        }
        for at in 0..list.len() {
            defined.push(1);
            repeated.push(i16::from(at > 0));
        }
    }
    (defined, repeated)
}

/// A file with one column of INT64 with any name, and one row.
pub(super) fn named(name: &str) -> Result<Vec<u8>, ParquetError> {
    use parquet::basic::Type as Physical;
    use parquet::schema::types::Type;
    let column = Type::primitive_type_builder(name, Physical::INT64)
        .with_repetition(Repetition::OPTIONAL)
        .build()?;
    let schema = Type::group_type_builder("m").with_fields(vec![Arc::new(column)]).build()?;
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(&mut bytes, Arc::new(schema), properties)?;
    let mut group = writer.next_row_group()?;
    write(&mut group, &Column::Int64(vec![1]), Repetition::OPTIONAL)?;
    group.close()?;
    writer.close()?;
    Ok(bytes)
}
