//! A file as untouched bytes plus a new footer.

use std::sync::Arc;

use bytes::Bytes;
use landbridge_core::{Error, Kind, Result};
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataWriter};
use parquet::schema::types::{SchemaDescriptor, Type};

use crate::Footer;

/// What an output file is made of: the first `copy` bytes of the input, then `tail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Bytes of the input that go over unchanged, from its start.
    pub copy: u64,
    /// What follows them; empty when the whole file goes over unchanged.
    pub tail: Bytes,
}

impl Splice {
    /// The whole file, unchanged.
    pub fn unchanged(length: u64) -> Self {
        Self { copy: length, tail: Bytes::new() }
    }

    /// The length of the output.
    pub fn length(&self) -> u64 {
        self.copy + self.tail.len() as u64
    }

    /// The same data with the named top-level columns annotated as STRING.
    /// The result depends on the arguments only: made twice, it is the same bytes.
    ///
    /// # Errors
    /// [`Kind::Rejected`] when a column is not there or is no BYTE_ARRAY; `name` is the file's.
    pub fn annotate(footer: &Footer, columns: &[String], name: &str) -> Result<Self> {
        let old = footer.metadata.file_metadata();
        let wrong = |column: &str| {
            Error::new(
                Kind::Rejected,
                "a column cannot be annotated as STRING",
                format!("{name}, column `{column}`"),
            )
        };
        for column in columns {
            let field = old.schema().get_fields().iter().find(|field| field.name() == column);
            if !field.is_some_and(|field| {
                field.is_primitive() && field.get_physical_type() == PhysicalType::BYTE_ARRAY
            }) {
                return Err(wrong(column));
            }
        }
        let failed = |error| {
            Error::new(Kind::Rejected, "a Parquet footer cannot be written", name).caused_by(error)
        };
        let mut fields = Vec::new();
        for field in old.schema().get_fields() {
            if !columns.iter().any(|column| column == field.name()) {
                fields.push(field.clone());
                continue;
            }
            let info = field.get_basic_info();
            let mut builder = Type::primitive_type_builder(field.name(), PhysicalType::BYTE_ARRAY)
                .with_repetition(info.repetition())
                .with_converted_type(ConvertedType::UTF8)
                .with_logical_type(Some(LogicalType::String));
            if info.has_id() {
                builder = builder.with_id(Some(info.id()));
            }
            fields.push(Arc::new(builder.build().map_err(failed)?));
        }
        let root = Type::group_type_builder(old.schema().name())
            .with_fields(fields)
            .build()
            .map_err(failed)?;
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
        let file = FileMetaData::new(
            old.version(),
            old.num_rows(),
            old.created_by().map(str::to_owned),
            old.key_value_metadata().cloned(),
            schema,
            old.column_orders().cloned(),
        );
        // The page indexes were not read, so none are written: their offsets in the
        // column chunks stay and still point at the copied bytes.
        let metadata = ParquetMetaData::new(file, footer.metadata.row_groups().to_vec());
        let mut tail = Vec::new();
        ParquetMetaDataWriter::new(&mut tail, &metadata).finish().map_err(failed)?;
        Ok(Self { copy: footer.start, tail: tail.into() })
    }
}
