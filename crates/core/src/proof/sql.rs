//! The query that computes the figures of a table's columns in BigQuery. `docs/proof.md` shows it.
//!
//! It contains names of columns and nothing else of the table: no value, no figure and no key. Every
//! person who may list jobs can read the text of a query (`INFORMATION_SCHEMA.JOBS`).

use super::rows::{PLACES, RowColumn, RowSet};
use crate::types::{BigQueryType, ColumnType};
use crate::views::quoted;

/// A column of a proof query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofColumn<'a> {
    /// Its name in BigQuery.
    pub name: &'a str,
    /// Its type there.
    pub ty: ColumnType,
    /// Whether the exact sum of its numbers is wanted. Only if it cannot overflow: see
    /// [`sum_fits`].
    pub total: bool,
    /// Its place in the fingerprints of rows, and how it takes part.
    pub place: (usize, RowColumn),
}

/// Digits before the point up to which a sum of decimals cannot overflow a BIGNUMERIC: 10^10 rows of
/// 10^28 are 10^38, and a BIGNUMERIC holds 5.7 × 10^38.
pub const SUMMABLE_DIGITS: u32 = 28;

/// Whether the sum of decimals with this many digits before the point fits a BIGNUMERIC in any table. A
/// sum that does not is an error of the whole query.
pub const fn sum_fits(integer_digits: u32) -> bool {
    integer_digits <= SUMMABLE_DIGITS
}

/// Whether the values of this type have a canonical text. No load job of Parquet makes JSON columns.
pub const fn has_text(ty: ColumnType) -> bool {
    !matches!(ty.ty, BigQueryType::Json)
}

/// The query for some columns of `` `project.dataset.table` ``. Its only row has `row_count`, and of the
/// n-th column `count_n`, `sum_n`, `xor_n` and, if wanted, `total_n`. Columns whose type has no
/// [canonical text](has_text) must be left out. For each of `sets`, whose columns must all be there, the row
/// has `sum_` and `xor_` with the name of the set: the fingerprint of the table's rows, of which
/// `all_columns` is the number of columns.
pub fn query(
    project: &str,
    dataset: &str,
    table: &str,
    columns: &[ProofColumn<'_>],
    sets: &[RowSet],
    all_columns: usize,
) -> String {
    let mut outer = vec!["COUNT(*) AS row_count".to_owned()];
    let mut inner = Vec::new();
    for (n, column) in columns.iter().enumerate() {
        // Without an alias, the name of a column that has the name of the table means the whole row.
        let name = format!("r.{}", quoted(column.name));
        // INT64 sums overflow; a BIGNUMERIC takes more than 10^19 hashes.
        outer.push(format!(
            "COUNT(h{n}) AS count_{n}, CAST(SUM(CAST(h{n} AS BIGNUMERIC)) AS STRING) AS sum_{n}, BIT_XOR(h{n}) AS xor_{n}"
        ));
        inner.push(format!("FARM_FINGERPRINT({}) AS h{n}", canonical(&name, column.ty)));
        if column.total {
            outer.push(format!("CAST(SUM(CAST(v{n} AS BIGNUMERIC)) AS STRING) AS total_{n}"));
            inner.push(format!("{name} AS v{n}"));
        }
    }
    if inner.is_empty() {
        inner.push("1 AS nothing".to_owned());
    }
    let mut rows = Vec::new();
    for set in sets {
        let name = set.name();
        outer.push(format!(
            "CAST(SUM(CAST(r_{name} AS BIGNUMERIC)) AS STRING) AS sum_{name}, BIT_XOR(r_{name}) AS xor_{name}"
        ));
        rows.push(format!(",\n    {} AS r_{name}", row_hash(columns, *set, all_columns)));
    }
    let table = quoted(&format!("{project}.{dataset}.{table}"));
    let columns = format!("SELECT\n    {}\n  FROM {table} AS r", inner.join(",\n    "));
    let from = match rows.as_slice() {
        [] => columns,
        rows => format!("SELECT\n    *{}\n  FROM (\n  {columns}\n  )", rows.concat()),
    };
    format!("SELECT\n  {}\nFROM (\n  {from}\n)", outer.join(",\n  "))
}

/// The hash of a row, of the hashes of its columns: `super::rows::row_hash` in GoogleSQL, where a shift to
/// the right fills with zeros.
pub(super) fn row_hash(columns: &[ProofColumn<'_>], set: RowSet, all_columns: usize) -> String {
    let number = |block: usize| {
        let members = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| set.has(column.place.1) && column.place.0 / PLACES == block);
        let parts = members.map(|(n, column)| match column.place.0 % PLACES {
            0 => format!("IFNULL(h{n}, 0)"),
            by => format!("IFNULL((h{n} << {by}) | (h{n} >> {}), 0)", PLACES - by),
        });
        let parts: Vec<String> = parts.collect();
        match parts.is_empty() {
            true => "'0'".to_owned(),
            false => format!("CAST({} AS STRING)", parts.join(" ^ ")),
        }
    };
    let numbers: Vec<String> = (0..all_columns.div_ceil(PLACES)).map(number).collect();
    format!("FARM_FINGERPRINT(CONCAT({}))", numbers.join(", ':', "))
}

/// The text of a part of a key, in GoogleSQL: the canonical text, and hexadecimal digits of BYTES.
pub(super) fn key_text(value: &str, ty: ColumnType) -> String {
    match ty.ty {
        BigQueryType::Bytes if !ty.repeated => format!("TO_HEX({value})"),
        _ => canonical(value, ty),
    }
}

/// The canonical text of a column, in GoogleSQL; that of BYTES are the bytes.
pub(super) fn canonical(value: &str, ty: ColumnType) -> String {
    if !ty.repeated {
        return scalar(value, ty.ty);
    }
    let element = match ty.ty {
        BigQueryType::Bytes => "TO_HEX(e)".to_owned(),
        of => scalar("e", of),
    };
    format!(
        "ARRAY_TO_STRING(ARRAY(SELECT CONCAT(CAST(BYTE_LENGTH(t) AS STRING), ':', t) \
         FROM (SELECT {element} AS t, o FROM UNNEST({value}) AS e WITH OFFSET AS o) ORDER BY o), '')"
    )
}

fn scalar(value: &str, ty: BigQueryType) -> String {
    match ty {
        BigQueryType::String | BigQueryType::Bytes | BigQueryType::Json => value.to_owned(),
        BigQueryType::Int64
        | BigQueryType::Bool
        | BigQueryType::Numeric
        | BigQueryType::BigNumeric => format!("CAST({value} AS STRING)"),
        BigQueryType::Date => format!("CAST(UNIX_DATE({value}) AS STRING)"),
        BigQueryType::Timestamp => format!("CAST(UNIX_MICROS({value}) AS STRING)"),
        BigQueryType::DateTime => {
            format!("CAST(UNIX_MICROS(TIMESTAMP({value}, 'UTC')) AS STRING)")
        }
        BigQueryType::Time => {
            format!("CAST(TIME_DIFF({value}, TIME '00:00:00', MICROSECOND) AS STRING)")
        }
        BigQueryType::Float64 => format!(
            "CASE WHEN IS_NAN({value}) THEN 'NaN' \
             WHEN IS_INF({value}) THEN IF({value} > 0, 'Infinity', '-Infinity') \
             WHEN {value} = 0 THEN '0' \
             WHEN ABS({value}) >= 0.001953125 AND ABS({value}) < 4611686018427387904.0 \
             THEN CONCAT(CAST(CAST(TRUNC({value}) AS INT64) AS STRING), ':', \
             CAST(CAST(({value} - TRUNC({value})) * 4611686018427387904.0 AS INT64) AS STRING)) \
             ELSE FORMAT('%.16e', {value}) END"
        ),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_query_of_every_kind_of_column() {
        let columns = [
            ProofColumn {
                name: "id",
                ty: ColumnType::scalar(BigQueryType::Int64),
                total: true,
                place: (0, RowColumn::Open),
            },
            ProofColumn {
                name: "이름",
                ty: ColumnType::scalar(BigQueryType::String),
                total: false,
                place: (65, RowColumn::Hidden),
            },
            ProofColumn {
                name: "tags",
                ty: ColumnType { ty: BigQueryType::Bytes, repeated: true },
                total: false,
                place: (3, RowColumn::Open),
            },
        ];
        expect![[r#"
            SELECT
              COUNT(*) AS row_count,
              COUNT(h0) AS count_0, CAST(SUM(CAST(h0 AS BIGNUMERIC)) AS STRING) AS sum_0, BIT_XOR(h0) AS xor_0,
              CAST(SUM(CAST(v0 AS BIGNUMERIC)) AS STRING) AS total_0,
              COUNT(h1) AS count_1, CAST(SUM(CAST(h1 AS BIGNUMERIC)) AS STRING) AS sum_1, BIT_XOR(h1) AS xor_1,
              COUNT(h2) AS count_2, CAST(SUM(CAST(h2 AS BIGNUMERIC)) AS STRING) AS sum_2, BIT_XOR(h2) AS xor_2,
              CAST(SUM(CAST(r_open AS BIGNUMERIC)) AS STRING) AS sum_open, BIT_XOR(r_open) AS xor_open,
              CAST(SUM(CAST(r_all AS BIGNUMERIC)) AS STRING) AS sum_all, BIT_XOR(r_all) AS xor_all
            FROM (
              SELECT
                *,
                FARM_FINGERPRINT(CONCAT(CAST(IFNULL(h0, 0) ^ IFNULL((h2 << 3) | (h2 >> 61), 0) AS STRING), ':', '0')) AS r_open,
                FARM_FINGERPRINT(CONCAT(CAST(IFNULL(h0, 0) ^ IFNULL((h2 << 3) | (h2 >> 61), 0) AS STRING), ':', CAST(IFNULL((h1 << 1) | (h1 >> 63), 0) AS STRING))) AS r_all
              FROM (
              SELECT
                FARM_FINGERPRINT(CAST(r.`id` AS STRING)) AS h0,
                r.`id` AS v0,
                FARM_FINGERPRINT(r.`이름`) AS h1,
                FARM_FINGERPRINT(ARRAY_TO_STRING(ARRAY(SELECT CONCAT(CAST(BYTE_LENGTH(t) AS STRING), ':', t) FROM (SELECT TO_HEX(e) AS t, o FROM UNNEST(r.`tags`) AS e WITH OFFSET AS o) ORDER BY o), '')) AS h2
              FROM `p.d.t` AS r
              )
            )"#]]
        .assert_eq(&query("p", "d", "t", &columns, &[RowSet::Open, RowSet::All], 66));
    }

    #[test]
    fn a_query_without_columns_counts_rows() {
        let text = query("p", "d", "t", &[], &[], 0);
        assert_eq!(text.matches("COUNT(").count(), 1, "{text}");
    }
}
