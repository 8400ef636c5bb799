//! The report of a rewrite, for the receipt. It has no bounds of text and bytes columns, because the
//! bound of a text column can be a person's name.

use std::collections::BTreeMap;

use landbridge_core::proof::rows::{RowProof, RowSet};
use landbridge_core::proof::{ColumnProof, TextCounts};
use landbridge_core::rewrite::{Bound, ColumnStats, Misfit};
use landbridge_core::{Error, ErrorKind, Result};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use serde::{Serialize, Serializer};

use super::column::ConversionCounts;
use super::proof::merge::{merged, merged_rows};

/// The report of one rewrite, or of several that were merged.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RewriteReport {
    /// Rows written.
    pub rows: u64,
    /// Row groups written.
    pub row_groups: usize,
    /// Bytes of column chunks that were copied.
    pub bytes_copied: u64,
    /// Bytes of column chunks that were decoded, as stored.
    pub bytes_decoded: u64,
    /// The same bytes after decompression.
    pub bytes_inflated: u64,
    /// Bytes of column chunks that were compressed again, before.
    #[serde(skip_serializing_if = "is_zero")]
    pub recompressed_from: u64,
    /// And after.
    #[serde(skip_serializing_if = "is_zero")]
    pub recompressed_to: u64,
    /// Bytes of the output.
    pub bytes_written: u64,
    /// The columns of the output, in order.
    pub columns: Vec<ColumnReport>,
    /// The fingerprints of the output's rows, if they were asked for and are known. An oracle, as
    /// [`ColumnReport::proof`].
    #[serde(skip)]
    pub row_proofs: BTreeMap<RowSet, RowProof>,
}

/// The report of one top-level column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnReport {
    /// Its name in the source.
    pub name: String,
    /// Its name in the output, if that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_to: Option<String>,
    /// What was done: `keep`, `annotate`, `retype`, `tokenise`, `set_null`.
    pub action: &'static str,
    /// NULLs in the output; `None` if the source has no such statistics.
    pub nulls: Option<u64>,
    /// Values of the source that are not NULL; known only for decoded columns.
    pub values: Option<u64>,
    /// Values that did not fit the new type, by reason.
    pub misfits: BTreeMap<Misfit, u64>,
    /// NULLs that were left out of arrays.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped_nulls: u64,
    /// Local times that a change of the clock skips; they moved on by the gap.
    #[serde(skip_serializing_if = "is_zero")]
    pub skipped_times: u64,
    /// Local times that a change of the clock repeats; each is taken as the first of the two.
    #[serde(skip_serializing_if = "is_zero")]
    pub repeated_times: u64,
    /// Whether the column stayed text because of misfits.
    pub kept_text: bool,
    /// The smallest value of numbers, dates and times; `None` if the source has no such statistics.
    #[serde(serialize_with = "bound_as_text")]
    pub min: Option<Bound>,
    /// The largest value, as for `min`.
    #[serde(serialize_with = "bound_as_text")]
    pub max: Option<Bound>,
    /// The figures of the output's values, if they were asked for and are known. Not written with the
    /// report: they are an oracle, and only the ledger has them, sealed.
    #[serde(skip)]
    pub proof: Option<ColumnProof>,
    /// Whether every row group so far had bounds. Without those of one, both are unknown.
    #[serde(skip)]
    bounded: bool,
}

impl RewriteReport {
    /// Merges the report of another part of the same table that was rewritten by the same plan.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if it has other columns.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        if self.columns.is_empty() {
            *self = other;
            return Ok(());
        }
        let names =
            |report: &Self| report.columns.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        if names(self) != names(&other) {
            return Err(Error::new(
                ErrorKind::Rejected,
                "reports with different columns cannot be merged",
                "",
            ));
        }
        self.rows += other.rows;
        self.row_groups += other.row_groups;
        self.bytes_copied += other.bytes_copied;
        self.bytes_decoded += other.bytes_decoded;
        self.bytes_inflated += other.bytes_inflated;
        self.recompressed_from += other.recompressed_from;
        self.recompressed_to += other.recompressed_to;
        self.bytes_written += other.bytes_written;
        self.row_proofs = merged_rows(&self.row_proofs, &other.row_proofs);
        for (column, other) in self.columns.iter_mut().zip(other.columns) {
            column.merge(other);
        }
        Ok(())
    }

    /// Checks that no column has too many misfits. `name` is that of the table or the file.
    ///
    /// # Errors
    /// [`ErrorKind::Held`] if misfits are more than `max_misfit_share` of the values of a column that
    /// are not NULL. The error names the first such column and the counts by reason.
    pub fn check_misfits(&self, max_misfit_share: f64, name: &str) -> Result<()> {
        for column in self.columns.iter().filter(|column| !column.kept_text) {
            let misfits: u64 = column.misfits.values().sum();
            let values = column.values.unwrap_or(0);
            if misfits > 0 && misfits as f64 > max_misfit_share * values as f64 {
                let reasons: Vec<_> = column
                    .misfits
                    .iter()
                    .map(|(reason, count)| format!("{count} × {reason}"))
                    .collect();
                return Err(Error::new(
                    ErrorKind::Held,
                    "too many values do not fit the type of their column",
                    format!(
                        "{name}, column `{}`: {} of {values} values",
                        column.name,
                        reasons.join(", ")
                    ),
                ));
            }
        }
        Ok(())
    }
}

impl ColumnReport {
    /// The statistics that a receipt stores.
    pub fn stats(&self) -> ColumnStats {
        ColumnStats {
            nulls: self.nulls,
            values: self.values,
            misfits: self.misfits.clone(),
            dropped_nulls: self.dropped_nulls,
            skipped_times: self.skipped_times,
            repeated_times: self.repeated_times,
            damaged: self.texts().map(|it| it.damaged),
            unlisted: self.texts().and_then(|it| it.unlisted),
            bounded: self.bounded,
            min: self.min,
            max: self.max,
        }
    }

    /// What was counted of the values of a text column, if they were read.
    fn texts(&self) -> Option<TextCounts> {
        self.proof.as_ref()?.texts
    }

    pub(super) fn new(name: &str, action: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            renamed_to: None,
            action,
            nulls: Some(0),
            values: None,
            misfits: BTreeMap::new(),
            dropped_nulls: 0,
            skipped_times: 0,
            repeated_times: 0,
            kept_text: false,
            min: None,
            max: None,
            proof: None,
            bounded: true,
        }
    }

    /// The report of a nested column, without statistics.
    pub(super) fn unknown(mut self) -> Self {
        self.nulls = None;
        self.bounded = false;
        self
    }

    /// Adds the counts of a converted chunk.
    pub(super) fn add_counts(&mut self, counts: &ConversionCounts) {
        *self.values.get_or_insert(0) += counts.values;
        self.dropped_nulls += counts.dropped_nulls;
        self.skipped_times += counts.skipped_times;
        self.repeated_times += counts.repeated_times;
        for (misfit, count) in Misfit::ALL.into_iter().zip(counts.misfits) {
            if count > 0 {
                *self.misfits.entry(misfit).or_default() += count;
            }
        }
    }

    /// Adds the figures of a chunk; `None` makes them unknown.
    pub(super) fn add_proof(&mut self, chunk: Option<ColumnProof>) {
        self.proof = merged(self.proof, chunk);
    }

    /// Adds `count` NULLs; `None` makes the number unknown.
    pub(super) fn add_nulls(&mut self, count: Option<u64>) {
        self.nulls = self.nulls.zip(count).map(|(a, b)| a + b);
    }

    /// Widens the bounds by those of a chunk of the output.
    pub(super) fn add_bounds(&mut self, chunk: &ColumnChunkMetaData) {
        let all_null = chunk.statistics().and_then(Statistics::null_count_opt)
            == u64::try_from(chunk.num_values()).ok();
        if all_null {
            return;
        }
        match bounds(chunk) {
            Some((min, max)) if self.bounded => self.widen(Some(min), Some(max)),
            _ => {
                self.bounded = false;
                (self.min, self.max) = (None, None);
            }
        }
    }

    fn widen(&mut self, min: Option<Bound>, max: Option<Bound>) {
        let pick = |a: Option<Bound>, b: Option<Bound>, larger: bool| match (a, b) {
            (Some(a), Some(b)) => Some(if b.is_above(a) == larger { b } else { a }),
            (a, b) => a.or(b),
        };
        self.min = pick(self.min, min, false);
        self.max = pick(self.max, max, true);
    }

    fn merge(&mut self, other: Self) {
        self.nulls = self.nulls.zip(other.nulls).map(|(a, b)| a + b);
        self.values = match (self.values, other.values) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        for (reason, count) in other.misfits {
            *self.misfits.entry(reason).or_default() += count;
        }
        self.dropped_nulls += other.dropped_nulls;
        self.skipped_times += other.skipped_times;
        self.repeated_times += other.repeated_times;
        self.kept_text |= other.kept_text;
        self.proof = merged(self.proof, other.proof);
        self.bounded &= other.bounded;
        if self.bounded {
            self.widen(other.min, other.max);
        } else {
            (self.min, self.max) = (None, None);
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn bound_as_text<S: Serializer>(bound: &Option<Bound>, serializer: S) -> Result<S::Ok, S::Error> {
    match bound {
        Some(bound) => serializer.collect_str(bound),
        None => serializer.serialize_none(),
    }
}

/// The bounds of a chunk, from its statistics.
fn bounds(chunk: &ColumnChunkMetaData) -> Option<(Bound, Bound)> {
    let column = chunk.column_descr();
    let logical = column.logical_type_ref();
    let scale = u8::try_from(column.type_scale()).unwrap_or(0);
    let decimal = matches!(logical, Some(LogicalType::Decimal(_)))
        || column.converted_type() == ConvertedType::DECIMAL;
    let unsigned = matches!(logical, Some(LogicalType::Integer(it)) if !it.is_signed);
    let both = |min: i64, max: i64, make: fn(i64) -> Bound| Some((make(min), make(max)));
    match chunk.statistics()? {
        _ if unsigned => None,
        Statistics::Boolean(it) => Some((Bound::Bool(*it.min_opt()?), Bound::Bool(*it.max_opt()?))),
        Statistics::Double(it) => {
            Some((Bound::Double(*it.min_opt()?), Bound::Double(*it.max_opt()?)))
        }
        Statistics::Float(it) => {
            Some((Bound::Double((*it.min_opt()?).into()), Bound::Double((*it.max_opt()?).into())))
        }
        Statistics::Int32(it) => {
            let (min, max) = (*it.min_opt()?, *it.max_opt()?);
            if decimal {
                Some((Bound::Decimal(min.into(), scale), Bound::Decimal(max.into(), scale)))
            } else if matches!(logical, Some(LogicalType::Date))
                || column.converted_type() == ConvertedType::DATE
            {
                Some((Bound::Date(min), Bound::Date(max)))
            } else if matches!(logical, None | Some(LogicalType::Integer(_))) {
                both(min.into(), max.into(), Bound::Integer)
            } else {
                None
            }
        }
        Statistics::Int64(it) => {
            let (min, max) = (*it.min_opt()?, *it.max_opt()?);
            match logical {
                _ if decimal => {
                    Some((Bound::Decimal(min.into(), scale), Bound::Decimal(max.into(), scale)))
                }
                Some(LogicalType::Timestamp(it)) if it.unit == TimeUnit::MICROS => {
                    let bound =
                        if it.is_adjusted_to_u_t_c { Bound::Timestamp } else { Bound::Datetime };
                    both(min, max, bound)
                }
                Some(LogicalType::Time(it)) if it.unit == TimeUnit::MICROS => {
                    both(min, max, Bound::Time)
                }
                None if column.converted_type() == ConvertedType::TIMESTAMP_MICROS => {
                    both(min, max, Bound::Timestamp)
                }
                None | Some(LogicalType::Integer(_))
                    if column.converted_type() != ConvertedType::TIMESTAMP_MILLIS =>
                {
                    both(min, max, Bound::Integer)
                }
                _ => None,
            }
        }
        Statistics::FixedLenByteArray(it) if decimal => Some((
            Bound::Decimal(decimal_units(it.min_opt()?.data())?, scale),
            Bound::Decimal(decimal_units(it.max_opt()?.data())?, scale),
        )),
        _ => None,
    }
}

/// A big-endian two's complement number; `None` if it does not fit 128 bits.
fn decimal_units(bytes: &[u8]) -> Option<i128> {
    let fill = if bytes.first()? & 0x80 == 0 { 0 } else { 0xff };
    let cut = bytes.len().saturating_sub(16);
    if bytes[..cut].iter().any(|byte| *byte != fill)
        || (cut > 0 && bytes[cut] & 0x80 != fill & 0x80)
    {
        return None;
    }
    let mut word = [fill; 16];
    let bytes = &bytes[cut..];
    word[16 - bytes.len()..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_in_words() {
        for (bound, text) in [
            (Bound::Integer(-5), "-5"),
            (Bound::Date(0), "1970-01-01"),
            (Bound::Date(-719_162), "0001-01-01"),
            (Bound::Date(2_932_896), "9999-12-31"),
            (Bound::Timestamp(-1), "1969-12-31T23:59:59.999999Z"),
            (Bound::Datetime(0), "1970-01-01T00:00:00"),
            (Bound::Time(86_399_000_000), "23:59:59"),
            (Bound::Decimal(-5, 2), "-0.05"),
            (Bound::Decimal(123_456, 2), "1234.56"),
            (Bound::Decimal(7, 0), "7"),
        ] {
            assert_eq!(bound.to_string(), text);
        }
    }

    #[test]
    fn the_misfit_error_contains_no_value() {
        let mut column = ColumnReport::new("born", "retype");
        column.values = Some(1000);
        column.misfits.insert(Misfit::Infinite, 1);
        let mut report = RewriteReport { columns: vec![column], ..RewriteReport::default() };
        report.check_misfits(0.001, "people").expect("one in a thousand is allowed");
        report.columns[0].misfits.insert(Misfit::Malformed, 2);
        let error = report.check_misfits(0.001, "people").expect_err("three are not");
        assert_eq!(error.kind(), ErrorKind::Held);
        assert_eq!(
            error.context(),
            "people, column `born`: 1 × infinity, 2 × malformed of 1000 values"
        );
        report.columns[0].kept_text = true;
        report.check_misfits(0.001, "people").expect("text fits text");
    }

    #[test]
    fn long_decimals_fit_or_not() {
        assert_eq!(decimal_units(&[0xff]), Some(-1));
        assert_eq!(decimal_units(&[0x01, 0x00]), Some(256));
        let mut wide = [0; 32];
        wide[31] = 7;
        assert_eq!(decimal_units(&wide), Some(7));
        wide[15] = 1;
        assert_eq!(decimal_units(&wide), None);
    }
}
