//! What a rewrite did: for the receipt. Bounds of text and bytes are left out on purpose,
//! since the bound of a text column is somebody's name.

use std::collections::BTreeMap;

use landbridge_core::rewrite::{Bound, ColumnStats, Misfit};
use landbridge_core::{Error, ErrorKind, Result};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use serde::{Serialize, Serializer};

use super::column::Tally;

/// What one call did, or several together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RewriteReport {
    /// Rows written.
    pub rows: u64,
    /// Row groups written.
    pub row_groups: usize,
    /// Bytes of column chunks that went over unchanged.
    pub bytes_copied: u64,
    /// Bytes of column chunks that were decoded, as they are stored.
    pub bytes_decoded: u64,
    /// The same bytes after decompression.
    pub bytes_inflated: u64,
    /// Bytes of the output.
    pub bytes_written: u64,
    /// The columns of the output, in order.
    pub columns: Vec<ColumnReport>,
}

/// What happened to one top-level column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// What happened: `keep`, `annotate`, `retype`, `tokenise`, `set_null`.
    pub action: &'static str,
    /// NULLs in the output; `None` where the source does not say.
    pub nulls: Option<u64>,
    /// Values of the source that are not NULL; known of decoded columns only.
    pub values: Option<u64>,
    /// Values that did not fit, by their reason.
    pub misfits: BTreeMap<Misfit, u64>,
    /// Whether the column stayed text because of them.
    pub kept_text: bool,
    /// The least value, of numbers, dates and times; `None` where the source does not say.
    #[serde(serialize_with = "in_words")]
    pub min: Option<Bound>,
    /// The largest one.
    #[serde(serialize_with = "in_words")]
    pub max: Option<Bound>,
    /// Whether every row group so far had bounds: one without makes both unknown.
    #[serde(skip)]
    bounded: bool,
}

impl RewriteReport {
    /// Adds what happened to another part of the same table, rewritten by the same plan.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] when it has other columns.
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
                "reports of different columns cannot be added",
                "",
            ));
        }
        self.rows += other.rows;
        self.row_groups += other.row_groups;
        self.bytes_copied += other.bytes_copied;
        self.bytes_decoded += other.bytes_decoded;
        self.bytes_inflated += other.bytes_inflated;
        self.bytes_written += other.bytes_written;
        for (column, other) in self.columns.iter_mut().zip(other.columns) {
            column.merge(other);
        }
        Ok(())
    }

    /// Whether the misfits are few enough; `name` is the table's or the file's.
    ///
    /// # Errors
    /// [`ErrorKind::Held`], naming the first column with a larger share of misfits among its values
    /// that are not NULL, with the counts by reason.
    pub fn judge(&self, max_misfit_share: f64, name: &str) -> Result<()> {
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
    /// What a receipt keeps of it.
    pub fn stats(&self) -> ColumnStats {
        ColumnStats {
            nulls: self.nulls,
            values: self.values,
            misfits: self.misfits.clone(),
            bounded: self.bounded,
            min: self.min,
            max: self.max,
        }
    }

    pub(super) fn new(name: &str, action: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            action,
            nulls: Some(0),
            values: None,
            misfits: BTreeMap::new(),
            kept_text: false,
            min: None,
            max: None,
            bounded: true,
        }
    }

    /// A column of which nothing is known: a nested one.
    pub(super) fn unknown(mut self) -> Self {
        self.nulls = None;
        self.bounded = false;
        self
    }

    /// Counts what was converted.
    pub(super) fn count(&mut self, tally: &Tally) {
        *self.values.get_or_insert(0) += tally.values;
        for (misfit, count) in Misfit::ALL.into_iter().zip(tally.misfits) {
            if count > 0 {
                *self.misfits.entry(misfit).or_default() += count;
            }
        }
    }

    /// Adds `count` NULLs, or the news that nobody knows.
    pub(super) fn add_nulls(&mut self, count: Option<u64>) {
        self.nulls = self.nulls.zip(count).map(|(a, b)| a + b);
    }

    /// Takes in the bounds of one more chunk, as it is in the output.
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
        self.kept_text |= other.kept_text;
        self.bounded &= other.bounded;
        if self.bounded {
            self.widen(other.min, other.max);
        } else {
            (self.min, self.max) = (None, None);
        }
    }
}

fn in_words<S: Serializer>(bound: &Option<Bound>, serializer: S) -> Result<S::Ok, S::Error> {
    match bound {
        Some(bound) => serializer.collect_str(bound),
        None => serializer.serialize_none(),
    }
}

/// The bounds of a chunk by its statistics.
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
                    both(min, max, Bound::Timestamp)
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
            Bound::Decimal(units(it.min_opt()?.data())?, scale),
            Bound::Decimal(units(it.max_opt()?.data())?, scale),
        )),
        _ => None,
    }
}

/// Big-endian bytes in two's complement, where they fit 128 bits.
fn units(bytes: &[u8]) -> Option<i128> {
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
            (Bound::Time(86_399_000_000), "23:59:59"),
            (Bound::Decimal(-5, 2), "-0.05"),
            (Bound::Decimal(123_456, 2), "1234.56"),
            (Bound::Decimal(7, 0), "7"),
        ] {
            assert_eq!(bound.to_string(), text);
        }
    }

    #[test]
    fn too_many_misfits_are_told_without_a_value() {
        let mut column = ColumnReport::new("born", "retype");
        column.values = Some(1000);
        column.misfits.insert(Misfit::Infinite, 1);
        let mut report = RewriteReport { columns: vec![column], ..RewriteReport::default() };
        report.judge(0.001, "people").expect("one in a thousand is allowed");
        report.columns[0].misfits.insert(Misfit::Malformed, 2);
        let error = report.judge(0.001, "people").expect_err("three are not");
        assert_eq!(error.kind(), ErrorKind::Held);
        assert_eq!(
            error.context(),
            "people, column `born`: 1 × infinity, 2 × malformed of 1000 values"
        );
        report.columns[0].kept_text = true;
        report.judge(0.001, "people").expect("text fits text");
    }

    #[test]
    fn long_decimals_fit_or_not() {
        assert_eq!(units(&[0xff]), Some(-1));
        assert_eq!(units(&[0x01, 0x00]), Some(256));
        let mut wide = [0; 32];
        wide[31] = 7;
        assert_eq!(units(&wide), Some(7));
        wide[15] = 1;
        assert_eq!(units(&wide), None);
    }
}
