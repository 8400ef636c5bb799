//! What a footer contains beyond what the `parquet` crate keeps of it.

use crate::thrift::{ThriftError, ThriftReader};

/// Parts of a footer (`FileMetaData` in parquet.thrift) as bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawFooter {
    /// The elements of the schema, in their order in the file. The first is the root.
    pub(crate) schema: Vec<Box<[u8]>>,
    /// How the bounds of each leaf column are ordered; `None` if the file does not say. Readers do not
    /// trust bounds without an order.
    pub(crate) column_orders: Option<Vec<Box<[u8]>>>,
    /// Whether the file names an encryption algorithm, or a column has a key: the footer is readable,
    /// and columns are not.
    pub(crate) encrypted: bool,
}

impl RawFooter {
    /// Reads the parts from the bytes of a footer.
    pub(crate) fn read(footer: &[u8]) -> Result<Self, ThriftError> {
        let mut parts = Self::default();
        ThriftReader::new(footer).read_struct(|id, field, reader| {
            match id {
                2 => parts.schema = structs(reader.list(field)?, reader)?,
                4 => {
                    for _ in 0..reader.list(field)? {
                        parts.encrypted |= has_encrypted_column(reader)?;
                    }
                }
                7 => parts.column_orders = Some(structs(reader.list(field)?, reader)?),
                // `encryption_algorithm` and `footer_signing_key_metadata`
                8 | 9 => {
                    parts.encrypted = true;
                    return Ok(false);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(parts)
    }
}

fn structs(count: usize, reader: &mut ThriftReader<'_>) -> Result<Vec<Box<[u8]>>, ThriftError> {
    (0..count).map(|_| reader.raw_struct().map(Box::from)).collect()
}

/// Reads a row group. A chunk is encrypted if it has `crypto_metadata` or `encrypted_column_metadata`.
fn has_encrypted_column(reader: &mut ThriftReader<'_>) -> Result<bool, ThriftError> {
    let mut encrypted = false;
    reader.read_struct(|id, field, reader| {
        if id != 1 {
            return Ok(false);
        }
        for _ in 0..reader.list(field)? {
            reader.read_struct(|id, _, _| {
                encrypted |= matches!(id, 8 | 9);
                Ok(false)
            })?;
        }
        Ok(true)
    })?;
    Ok(encrypted)
}
