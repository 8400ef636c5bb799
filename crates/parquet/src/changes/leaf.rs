//! Reads the rows of one leaf column: their levels and values.

use parquet::basic::Type as Physical;
use parquet::column::reader::ColumnReader;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{AsBytes, ByteArray, FixedLenByteArray, Int96};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;

/// The values of some rows of a leaf column, without NULLs.
pub(super) enum Values {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int96(Vec<Int96>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

/// Some rows of a leaf column.
pub(super) struct Leaf {
    pub(super) values: Values,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    max_definition: i16,
    max_repetition: i16,
}

/// Does the same with the values and the reader, or writer, of whatever type a leaf has.
macro_rules! with_type {
    ($values:expr, $column:expr, $kind:ident, $of:ident, $it:ident => $do:expr, $other:expr) => {
        match ($values, $column) {
            (Values::Bool($of), $kind::BoolColumnReader($it)) => $do,
            (Values::Int32($of), $kind::Int32ColumnReader($it)) => $do,
            (Values::Int64($of), $kind::Int64ColumnReader($it)) => $do,
            (Values::Int96($of), $kind::Int96ColumnReader($it)) => $do,
            (Values::Float($of), $kind::FloatColumnReader($it)) => $do,
            (Values::Double($of), $kind::DoubleColumnReader($it)) => $do,
            (Values::Bytes($of), $kind::ByteArrayColumnReader($it)) => $do,
            (Values::Fixed($of), $kind::FixedLenByteArrayColumnReader($it)) => $do,
            _ => $other,
        }
    };
}

impl Leaf {
    pub(super) fn new(column: &ColumnDescriptor) -> Self {
        Self {
            values: Values::of(column.physical_type()),
            definitions: Vec::new(),
            repetitions: Vec::new(),
            max_definition: column.max_def_level(),
            max_repetition: column.max_rep_level(),
        }
    }

    /// Forgets the rows.
    pub(super) fn clear(&mut self) {
        self.definitions.clear();
        self.repetitions.clear();
        match &mut self.values {
            Values::Bool(it) => it.clear(),
            Values::Int32(it) => it.clear(),
            Values::Int64(it) => it.clear(),
            Values::Int96(it) => it.clear(),
            Values::Float(it) => it.clear(),
            Values::Double(it) => it.clear(),
            Values::Bytes(it) => it.clear(),
            Values::Fixed(it) => it.clear(),
        }
    }

    /// Adds the next `rows` rows.
    ///
    /// # Errors
    /// Fewer rows than that are an error, and any error of decoding.
    pub(super) fn read(
        &mut self,
        reader: &mut ColumnReader,
        rows: usize,
    ) -> Result<(), ParquetError> {
        let Self { definitions, repetitions, .. } = self;
        let mut levels = (
            (self.max_definition > 0).then_some(definitions),
            (self.max_repetition > 0).then_some(repetitions),
        );
        let mut read = 0;
        while read < rows {
            let (definitions, repetitions) = (levels.0.as_deref_mut(), levels.1.as_deref_mut());
            let wanted = rows - read;
            let count = with_type!(
                &mut self.values, &mut *reader, ColumnReader, values, it
                    => it.read_records(wanted, definitions, repetitions, values)?.0,
                return Err(other_type())
            );
            if count == 0 {
                return Err(ParquetError::General("too few rows".to_owned()));
            }
            read += count;
        }
        Ok(())
    }

    /// Leaves out the next `rows` rows.
    pub(super) fn skip(&self, reader: &mut ColumnReader, rows: usize) -> Result<(), ParquetError> {
        if rows == 0 {
            return Ok(());
        }
        let skipped = with_type!(
            &self.values, reader, ColumnReader, _values, it => it.skip_records(rows)?,
            return Err(other_type())
        );
        if skipped == rows { Ok(()) } else { Err(ParquetError::General("too few rows".to_owned())) }
    }

    /// Copies the values out of the pages that they were read from, which then need no memory any more. `from` is the number
    /// of values that are copied already.
    pub(super) fn detach(&mut self, from: usize) {
        match &mut self.values {
            Values::Bytes(values) => {
                for value in values.iter_mut().skip(from) {
                    *value = ByteArray::from(value.data().to_vec());
                }
            }
            Values::Fixed(values) => {
                for value in values.iter_mut().skip(from) {
                    *value = ByteArray::from(value.data().to_vec()).into();
                }
            }
            _ => {}
        }
    }

    /// Number of values, without NULLs.
    pub(super) fn count(&self) -> usize {
        self.values.count()
    }

    /// The bytes of the values behind the first `from`, and of the levels.
    pub(super) fn bytes(&self, from: usize) -> usize {
        self.values.bytes(from)
    }

    /// Calls `each` with every row, encoded so that two rows with different levels or values never have the same
    /// bytes, and with whether it is NULL at the top.
    pub(super) fn rows(&self, mut each: impl FnMut(usize, &[u8], bool)) {
        match &self.values {
            Values::Bool(values) => self.rows_of(values, &mut each),
            Values::Int32(values) => self.rows_of(values, &mut each),
            Values::Int64(values) => self.rows_of(values, &mut each),
            Values::Int96(values) => self.rows_of(values, &mut each),
            Values::Float(values) => self.rows_of(values, &mut each),
            Values::Double(values) => self.rows_of(values, &mut each),
            Values::Bytes(values) => self.rows_of(values, &mut each),
            Values::Fixed(values) => self.rows_of(values, &mut each),
        }
    }

    fn rows_of<T: AsBytes>(&self, values: &[T], each: &mut impl FnMut(usize, &[u8], bool)) {
        let mut encoded = Vec::new();
        let mut values = values.iter();
        let mut add = |encoded: &mut Vec<u8>| {
            let value = values.next().map_or(&[][..], AsBytes::as_bytes);
            encoded.extend_from_slice(&(value.len() as u64).to_le_bytes());
            encoded.extend_from_slice(value);
        };
        if self.max_definition == 0 {
            for row in 0..self.count() {
                encoded.clear();
                add(&mut encoded);
                each(row, &encoded, false);
            }
            return;
        }
        let (mut row, mut is_null) = (None, false);
        for (at, definition) in self.definitions.iter().enumerate() {
            let repetition = self.repetitions.get(at).copied().unwrap_or(0);
            if repetition == 0 {
                if let Some(row) = row {
                    each(row, &encoded, is_null);
                }
                encoded.clear();
                (row, is_null) = (Some(row.map_or(0, |row| row + 1)), *definition == 0);
            }
            encoded.extend_from_slice(&repetition.to_le_bytes());
            encoded.extend_from_slice(&definition.to_le_bytes());
            if *definition == self.max_definition {
                add(&mut encoded);
            }
        }
        if let Some(row) = row {
            each(row, &encoded, is_null);
        }
    }

    /// Writes the rows as a column chunk.
    pub(super) fn write(&self, writer: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let definitions = (self.max_definition > 0).then_some(self.definitions.as_slice());
        let repetitions = (self.max_repetition > 0).then_some(self.repetitions.as_slice());
        macro_rules! write {
            ($($kind:ident => $column:ident),*) => {
                match (&self.values, writer) {
                    $((Values::$kind(values), ColumnWriter::$column(it)) => {
                        it.write_batch(values, definitions, repetitions)?;
                    })*
                    _ => return Err(other_type()),
                }
            };
        }
        write!(
            Bool => BoolColumnWriter,
            Int32 => Int32ColumnWriter,
            Int64 => Int64ColumnWriter,
            Int96 => Int96ColumnWriter,
            Float => FloatColumnWriter,
            Double => DoubleColumnWriter,
            Bytes => ByteArrayColumnWriter,
            Fixed => FixedLenByteArrayColumnWriter
        );
        Ok(())
    }
}

impl Values {
    fn of(ty: Physical) -> Self {
        match ty {
            Physical::BOOLEAN => Self::Bool(Vec::new()),
            Physical::INT32 => Self::Int32(Vec::new()),
            Physical::INT64 => Self::Int64(Vec::new()),
            Physical::INT96 => Self::Int96(Vec::new()),
            Physical::FLOAT => Self::Float(Vec::new()),
            Physical::DOUBLE => Self::Double(Vec::new()),
            Physical::BYTE_ARRAY => Self::Bytes(Vec::new()),
            Physical::FIXED_LEN_BYTE_ARRAY => Self::Fixed(Vec::new()),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Bool(it) => it.len(),
            Self::Int32(it) => it.len(),
            Self::Int64(it) => it.len(),
            Self::Int96(it) => it.len(),
            Self::Float(it) => it.len(),
            Self::Double(it) => it.len(),
            Self::Bytes(it) => it.len(),
            Self::Fixed(it) => it.len(),
        }
    }

    fn bytes(&self, from: usize) -> usize {
        const NUMBER: usize = 16;
        match self {
            Self::Bytes(it) => it.iter().skip(from).map(|it| it.len() + NUMBER).sum(),
            Self::Fixed(it) => it.iter().skip(from).map(|it| it.len() + NUMBER).sum(),
            _ => self.count().saturating_sub(from) * NUMBER,
        }
    }
}

fn other_type() -> ParquetError {
    ParquetError::General("another type".to_owned())
}
