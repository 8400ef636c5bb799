//! Files with what Landbridge expects of no export or of few: for tests of what notices it.

use std::sync::Arc;

use bytes::Bytes;
use parquet::data_type::Int64Type;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// The bytes after a file's metadata: their length, and the magic number.
const TRAILER: usize = 8;

/// What the files of an export have beside their rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddFile {
    /// A last row group without rows and values, with the offsets of the one before it.
    EmptyRowGroup,
    /// The same, whose columns say that they have values.
    ValuesWithoutRows,
    /// One REPEATED column instead of the columns of the table.
    RepeatedColumn,
}

impl OddFile {
    /// The file with this oddity. A file without row groups stays as it is.
    pub(super) fn of(
        self,
        bytes: Vec<u8>,
        properties: WriterProperties,
    ) -> Result<Bytes, ParquetError> {
        match self {
            Self::EmptyRowGroup => with_empty_group(bytes, 0),
            Self::ValuesWithoutRows => with_empty_group(bytes, 1),
            Self::RepeatedColumn => repeated_column(properties),
        }
    }
}

/// The file with one more row group, of no rows and so many values per column.
fn with_empty_group(bytes: Vec<u8>, values: i64) -> Result<Bytes, ParquetError> {
    let bytes = Bytes::from(bytes);
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes)?;
    let Some(last) = metadata.row_groups().last() else { return Ok(bytes) };
    let empty = empty_group(last, values)?;
    let groups = [metadata.row_groups(), &[empty]].concat();
    let metadata: ParquetMetaData = metadata.into_builder().set_row_groups(groups).build();
    let length = bytes.get(bytes.len() - TRAILER..bytes.len() - TRAILER / 2);
    let length: [u8; 4] = length
        .and_then(|it| it.try_into().ok())
        .ok_or_else(|| ParquetError::General("the file has no trailer".to_owned()))?;
    let body = bytes.len() - TRAILER - u32::from_le_bytes(length) as usize;
    let mut file = bytes[..body].to_vec();
    ParquetMetaDataWriter::new(&mut file, &metadata).finish()?;
    Ok(Bytes::from(file))
}

fn empty_group(of: &RowGroupMetaData, values: i64) -> Result<RowGroupMetaData, ParquetError> {
    let columns = of.columns().iter();
    let columns = columns.map(|it| it.clone().into_builder().set_num_values(values).build());
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    of.clone().into_builder().set_num_rows(0).set_column_metadata(columns).build()
}

fn repeated_column(properties: WriterProperties) -> Result<Bytes, ParquetError> {
    let schema = Arc::new(parse_message_type("message spark_schema { repeated int64 several; }")?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    if let Some(mut column) = group.next_column()? {
        column.typed::<Int64Type>().write_batch(&[1, 2], Some(&[1, 1]), Some(&[0, 1]))?;
        column.close()?;
    }
    group.close()?;
    Ok(Bytes::from(writer.into_inner()?))
}
