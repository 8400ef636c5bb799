//! Sketches of HLL_COUNT: the set of the hashes of all values, so every count is exact.
//!
//! BigQuery's sketches are estimates in a format of their own (GoogleSQL reference, "HyperLogLog++
//! functions"); the count that it extracts from a small one is exact as well. The bytes of a sketch here
//! are not BigQuery's, so BigQuery cannot read them, and they cannot be compared with its own.

use std::collections::BTreeSet;

use super::farm::fingerprint;
use super::{Function, Result, SqlError, lenient};
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    // A NULL sketch has no values.
    lenient("HLL_COUNT.EXTRACT", "BYTES -> INT64", |_, args| match &args[0] {
        Value::Null => Ok(Value::Int(0)),
        Value::Bytes(bytes) => Ok(Sketch::read(bytes)?.count()),
        _ => Err(super::mismatch()),
    }),
];

/// How the bytes of a sketch begin.
const MAGIC: &[u8] = b"landbridge-local-hll-1";
/// A sketch has at most 10 MiB, BigQuery's limit for a cell.
const MOST_VALUES: usize = (10 << 20) / 8 - 8;

/// The values of an aggregate.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sketch {
    /// The letter of the values' type; sketches of different types cannot be merged.
    kind: u8,
    hashes: BTreeSet<u64>,
}

impl Sketch {
    pub(crate) fn add(&mut self, value: &Value) -> Result<()> {
        let (kind, bytes) = match value {
            Value::Int(it) => (b'I', it.to_le_bytes().to_vec()),
            Value::Numeric(it) => (b'N', it.to_le_bytes().to_vec()),
            Value::BigNumeric(it) => (b'M', it.to_le_bytes().to_vec()),
            Value::Text(it) => (b'S', it.as_bytes().to_vec()),
            Value::Bytes(it) => (b'B', it.to_vec()),
            _ => return Err(super::mismatch()),
        };
        self.kind = kind;
        self.hashes.insert(fingerprint(&bytes));
        Ok(())
    }

    pub(crate) fn merge(&mut self, bytes: &[u8]) -> Result<()> {
        let other = Self::read(bytes)?;
        if !self.hashes.is_empty() && self.kind != other.kind {
            return Err(SqlError::failed("sketches of values of different types cannot be merged"));
        }
        self.kind = other.kind;
        self.hashes.extend(other.hashes);
        Ok(())
    }

    pub(crate) fn count(&self) -> Value {
        Value::Int(i64::try_from(self.hashes.len()).unwrap_or(i64::MAX))
    }

    pub(crate) fn write(&self) -> Result<Value> {
        if self.hashes.len() > MOST_VALUES {
            return Err(SqlError::unknown(format!(
                "HLL_COUNT sketches of more than {MOST_VALUES} different values"
            )));
        }
        let mut bytes = MAGIC.to_vec();
        bytes.push(self.kind);
        self.hashes.iter().for_each(|it| bytes.extend_from_slice(&it.to_le_bytes()));
        Ok(Value::bytes(bytes))
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        let wrong = || {
            SqlError::failed(
                "the bytes are no sketch of the local warehouse (it cannot read BigQuery's)",
            )
        };
        let (kind, hashes) =
            bytes.strip_prefix(MAGIC).and_then(|it| it.split_first()).ok_or_else(wrong)?;
        if hashes.len() % 8 != 0 {
            return Err(wrong());
        }
        let hash = |it: &[u8]| it.try_into().map(u64::from_le_bytes).unwrap_or_default();
        Ok(Self { kind: *kind, hashes: hashes.chunks_exact(8).map(hash).collect() })
    }
}
