//! Finds the rows in which the source, or the export, and BigQuery differ.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::date;
use landbridge_core::proof::keyed::{
    self, Bucket, Keyed, KeyedColumn, MAX_ROWS, RowDifference, Rows, Within,
};
use landbridge_core::types::BigQueryType;
use landbridge_gcp::BigQuery;
use landbridge_source::scan::Cell;

use super::difference::{Difference, Named, NamedRow};
use super::observed::request;
use super::row_reader::RowReader;
use super::rows::TableRows;
use crate::failure::{Failure, Result};

/// What a search needs of BigQuery.
pub(super) struct Search<'a> {
    pub(super) bigquery: &'a BigQuery,
    pub(super) keyed: &'a Keyed,
    /// Rows that are named at most.
    pub(super) most: usize,
}

impl Search<'_> {
    /// Searches level by level, and names the rows. `rows` is the number of rows of the larger side. Memory is bounded by
    /// the number of buckets of a level.
    pub(super) async fn run(
        &self,
        table: &mut TableRows<'_>,
        reader: RowReader,
        rows: u64,
    ) -> Result<Named> {
        let positions = reader.positions();
        let mut within: Option<Within> = None;
        for level in 1..=keyed::levels(rows) {
            let mut source: BTreeMap<u64, Bucket> = BTreeMap::new();
            let mut text = Vec::new();
            let mut each = |cells: &[Cell<'_>]| {
                let (key, hashes) = reader.read(cells);
                let key = keyed::key_hash(&key);
                if within.as_ref().is_none_or(|within| within.has(key)) {
                    let hash = keyed::hash_of(&hashes, &mut text);
                    source.entry(keyed::bucket(level, key)).or_default().add(hash);
                }
            };
            if let Err(error) = table.each(&positions, &mut each).await {
                return Ok(Named::Failed(error));
            }
            let found = self.found(&self.keyed.bucket_query(level, within.as_ref())).await?;
            let bigquery = keyed::parse_buckets(&found).ok_or_else(unknown_form)?;
            within = Within::differing(level, &source, &bigquery, self.most);
            if within.is_none() {
                return Ok(Named::Nothing);
            }
        }
        let Some(within) = within else { return Ok(Named::Nothing) };
        let mut source = Rows::new();
        let mut count = 0;
        let mut each = |cells: &[Cell<'_>]| {
            let (key, hashes) = reader.read(cells);
            if count < MAX_ROWS && within.has(keyed::key_hash(&key)) {
                count += 1;
                source.entry(key).or_default().push(hashes);
            }
        };
        if let Err(error) = table.each(&positions, &mut each).await {
            return Ok(Named::Failed(error));
        }
        let found = self.found(&self.keyed.row_query(&within)).await?;
        let (bigquery, may_be_more) =
            keyed::parse_rows(&found, self.keyed.columns().len()).ok_or_else(unknown_form)?;
        if may_be_more || count >= MAX_ROWS {
            return Ok(Named::NotPossible(
                "too many rows have the same key or differ; its number of rows says more",
            ));
        }
        Ok(self.named(&keyed::differing(&source, &bigquery)))
    }

    fn named(&self, found: &[(&[u8], RowDifference)]) -> Named {
        let named = found.iter().take(self.most).map(|(key, difference)| NamedRow {
            key: self.key(key),
            difference: match difference {
                RowDifference::Missing => Difference::Missing,
                RowDifference::Added => Difference::Added,
                RowDifference::Repeated(source, bigquery) => {
                    Difference::Repeated { source: *source, bigquery: *bigquery }
                }
                RowDifference::Columns(columns) => {
                    let name = |at: &usize| self.keyed.columns()[*at].name.clone();
                    Difference::Values { columns: columns.iter().map(name).collect() }
                }
            },
        });
        Named::Rows(named.collect(), found.len() >= self.most)
    }

    fn key(&self, key: &[u8]) -> BTreeMap<String, Option<String>> {
        let parts = keyed::key_parts(key).unwrap_or_default();
        let columns = self.keyed.key().iter();
        columns
            .zip(parts)
            .map(|(it, part)| (it.name.clone(), part.map(|it2| shown(it, it2))))
            .collect()
    }

    /// The only cell of the only row.
    async fn found(&self, query: &str) -> Result<String> {
        let row = self.bigquery.query_row("rows", query, &request()).await?;
        row.get("found").cloned().map(Option::unwrap_or_default).ok_or_else(unknown_form)
    }
}

fn unknown_form() -> Failure {
    Failure::Failed("BigQuery's answer to a query of rows has an unknown form".to_owned())
}

/// A part of a key as people write it: dates and times are numbers in canonical text.
fn shown(column: &KeyedColumn, part: &[u8]) -> String {
    let text = String::from_utf8_lossy(part).into_owned();
    let number = || text.parse::<i64>().ok();
    let shown = match column.ty.ty {
        BigQueryType::Date => number().and_then(|days| {
            let days = jiff::Span::new().try_days(days).ok()?;
            Some(date(1970, 1, 1).checked_add(days).ok()?.to_string())
        }),
        BigQueryType::Timestamp => {
            number().and_then(|micros| Some(Timestamp::from_microsecond(micros).ok()?.to_string()))
        }
        BigQueryType::DateTime => number().and_then(|micros| {
            let at = Timestamp::from_microsecond(micros).ok()?;
            Some(at.to_zoned(jiff::tz::TimeZone::UTC).datetime().to_string())
        }),
        _ => None,
    };
    shown.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use landbridge_core::types::ColumnType;

    use super::*;

    #[test]
    fn keys_are_shown_as_people_write_them() {
        for (ty, part, expected) in [
            (BigQueryType::Int64, "-7", "-7"),
            (BigQueryType::String, "a b", "a b"),
            (BigQueryType::Date, "20778", "2026-11-21"),
            (BigQueryType::Date, "-719162", "0001-01-01"),
            (BigQueryType::Timestamp, "1500000", "1970-01-01T00:00:01.5Z"),
            (BigQueryType::DateTime, "-1000000", "1969-12-31T23:59:59"),
            (BigQueryType::DateTime, "253402300799999999", "253402300799999999"),
        ] {
            let column = KeyedColumn { name: "id".to_owned(), ty: ColumnType::scalar(ty) };
            assert_eq!(shown(&column, part.as_bytes()), expected, "{ty}");
        }
    }
}
