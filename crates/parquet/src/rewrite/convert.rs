//! From text to what a column is written as.

use bytes::{Bytes, BytesMut};
use landbridge_core::rewrite::{Decimal, Misfit};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, Int32Type, Int64Type,
};

use super::text::{self, moment, number};
use super::token::Tokens;

/// Makes a value of a column out of text. Nothing is allocated per value: those of variable
/// length share buffers.
pub(super) trait Convert {
    /// The column's physical type.
    type Data: DataType;

    /// The value, or why there is none.
    fn convert(&mut self, text: &[u8]) -> Result<<Self::Data as DataType>::T, Misfit>;
}

pub(super) struct ToDate;

impl Convert for ToDate {
    type Data = Int32Type;

    fn convert(&mut self, text: &[u8]) -> Result<i32, Misfit> {
        moment::date(text)
    }
}

/// Timestamps, times and whole numbers.
pub(super) struct ToInt64(pub(super) fn(&[u8]) -> Result<i64, Misfit>);

impl Convert for ToInt64 {
    type Data = Int64Type;

    fn convert(&mut self, text: &[u8]) -> Result<i64, Misfit> {
        (self.0)(text)
    }
}

/// A decimal of up to 18 digits.
pub(super) struct ToShortDecimal(pub(super) Decimal);

impl Convert for ToShortDecimal {
    type Data = Int64Type;

    fn convert(&mut self, text: &[u8]) -> Result<i64, Misfit> {
        i64::try_from(number::decimal(text, self.0)?).map_err(|_| Misfit::OutOfRange)
    }
}

/// A decimal of up to 38 digits in 16 bytes, or up to 76 in 32.
pub(super) struct ToLongDecimal(pub(super) Decimal, pub(super) Arena);

impl Convert for ToLongDecimal {
    type Data = FixedLenByteArrayType;

    fn convert(&mut self, text: &[u8]) -> Result<FixedLenByteArray, Misfit> {
        let bytes = if self.0.precision <= 38 {
            self.1.hold(&number::decimal(text, self.0)?.to_be_bytes())
        } else {
            self.1.hold(&number::wide_decimal(text, self.0)?)
        };
        Ok(ByteArray::from(bytes).into())
    }
}

pub(super) struct ToDouble;

impl Convert for ToDouble {
    type Data = DoubleType;

    fn convert(&mut self, text: &[u8]) -> Result<f64, Misfit> {
        number::double(text)
    }
}

pub(super) struct ToBool;

impl Convert for ToBool {
    type Data = BoolType;

    fn convert(&mut self, text: &[u8]) -> Result<bool, Misfit> {
        text::boolean(text)
    }
}

#[derive(Default)]
pub(super) struct ToBytes(pub(super) Arena, Vec<u8>);

impl Convert for ToBytes {
    type Data = ByteArrayType;

    fn convert(&mut self, text: &[u8]) -> Result<ByteArray, Misfit> {
        self.1.clear();
        text::bits(text, &mut self.1)?;
        Ok(self.0.hold(&self.1).into())
    }
}

#[derive(Default)]
pub(super) struct ToText(Arena);

impl Convert for ToText {
    type Data = ByteArrayType;

    fn convert(&mut self, text: &[u8]) -> Result<ByteArray, Misfit> {
        Ok(self.0.hold(text::utf8(text)?).into())
    }
}

pub(super) struct ToToken(pub(super) Tokens, pub(super) Arena);

impl Convert for ToToken {
    type Data = ByteArrayType;

    fn convert(&mut self, text: &[u8]) -> Result<ByteArray, Misfit> {
        Ok(self.1.hold(&self.0.token(text)).into())
    }
}

/// Shared buffers for values of variable length. A buffer lives as long as any value in it,
/// which is a batch or a dictionary.
#[derive(Default)]
pub(super) struct Arena(BytesMut);

impl Arena {
    const BUFFER: usize = 64 * 1024;

    fn hold(&mut self, bytes: &[u8]) -> Bytes {
        if self.0.capacity() < bytes.len() {
            self.0.reserve(bytes.len().max(Self::BUFFER));
        }
        self.0.extend_from_slice(bytes);
        self.0.split().freeze()
    }
}
