//! Which rows differ: rows are put into buckets by the hash of their key, both sides compute the figures of each
//! bucket, and only buckets that differ are read row by row. So few rows are fetched, however large the table is.
//!
//! Only columns of the class `none` take part: keys and columns of another class are neither fetched nor named.

use std::collections::{BTreeMap, BTreeSet};

use super::farm::fingerprint;
use super::rows::{PLACES, RowColumn, RowSet, part, row_hash};
use super::sql::{self, ProofColumn};
use super::text;
use crate::types::ColumnType;
use crate::views::quoted;

/// The bits of a key's hash that one level of buckets reads: 4096 buckets, whose figures fit one answer.
const LEVEL_BITS: u32 = 12;
/// About how many rows a bucket of the last level has.
const ROWS_PER_BUCKET: u64 = 64;
/// More levels are never needed: 2^36 buckets.
const MAX_LEVELS: u32 = 3;
/// Rows that are read of all buckets that differ: a key that was reset can put a whole table into one.
pub const MAX_ROWS: usize = 10_000;

/// A column of the key or of the rows, with the class `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedColumn {
    /// Its name in BigQuery.
    pub name: String,
    /// Its type there.
    pub ty: ColumnType,
}

/// The columns whose rows are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// `` `project.dataset.table` ``, quoted.
    table: String,
    key: Vec<KeyedColumn>,
    columns: Vec<KeyedColumn>,
}

/// The figures of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Rows.
    pub rows: u64,
    /// The sum of the hashes of the rows.
    pub sum: i128,
    /// Their XOR.
    pub xor: u64,
}

/// Buckets of one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within {
    shift: u32,
    buckets: BTreeSet<u64>,
}

/// Rows by their keys; of each row the hashes of its columns, 0 for NULL.
pub type Rows = BTreeMap<Vec<u8>, Vec<Vec<u64>>>;

/// How the rows of one key differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowDifference {
    /// BigQuery has no such row.
    Missing,
    /// The source has no such row.
    Added,
    /// Another number of rows has this key: in the source, in BigQuery.
    Repeated(usize, usize),
    /// These columns have other values, by their places.
    Columns(Vec<usize>),
}

/// How many levels of buckets a table of so many rows needs.
pub const fn levels(rows: u64) -> u32 {
    let buckets = rows / ROWS_PER_BUCKET;
    let bits = u64::BITS - buckets.leading_zeros();
    match bits.div_ceil(LEVEL_BITS) {
        0 => 1,
        levels if levels > MAX_LEVELS => MAX_LEVELS,
        levels => levels,
    }
}

const fn shift(level: u32) -> u32 {
    u64::BITS - LEVEL_BITS * level
}

impl Bucket {
    /// Adds a row by its hash.
    pub const fn add(&mut self, hash: u64) {
        self.rows += 1;
        self.sum += hash.cast_signed() as i128;
        self.xor ^= hash;
    }
}

impl Within {
    /// The first `most` buckets of a level, counted from 1, that differ; `None` if none does.
    pub fn differing(
        level: u32,
        source: &BTreeMap<u64, Bucket>,
        bigquery: &BTreeMap<u64, Bucket>,
        most: usize,
    ) -> Option<Self> {
        let all: BTreeSet<u64> = source.keys().chain(bigquery.keys()).copied().collect();
        let differ = all.into_iter().filter(|it| source.get(it) != bigquery.get(it));
        let buckets: BTreeSet<u64> = differ.take(most).collect();
        (!buckets.is_empty()).then_some(Self { shift: shift(level), buckets })
    }

    /// Whether the row of this key hash is in one of the buckets.
    pub fn has(&self, key_hash: u64) -> bool {
        self.buckets.contains(&(key_hash >> self.shift))
    }

    fn condition(&self) -> String {
        let numbers: Vec<String> = self.buckets.iter().map(u64::to_string).collect();
        format!("(k >> {}) IN ({})", self.shift, numbers.join(", "))
    }
}

/// The bucket of a key's hash on a level, counted from 1.
pub const fn bucket(level: u32, key_hash: u64) -> u64 {
    key_hash >> shift(level)
}

/// Appends a part of a key: the length of its text in bytes, a colon, the text; `-` for NULL.
pub fn key_part(value: Option<&[u8]>, out: &mut Vec<u8>) {
    match value {
        Some(value) => text::element(value, out),
        None => out.push(b'-'),
    }
}

/// The parts of a key's text, and `None` for NULL. `None` if it is none.
pub fn key_parts(mut key: &[u8]) -> Option<Vec<Option<&[u8]>>> {
    let mut parts = Vec::new();
    while !key.is_empty() {
        if let Some(rest) = key.strip_prefix(b"-") {
            parts.push(None);
            key = rest;
            continue;
        }
        let colon = key.iter().position(|byte| *byte == b':')?;
        let length: usize = std::str::from_utf8(&key[..colon]).ok()?.parse().ok()?;
        let (part, rest) = key[colon + 1..].split_at_checked(length)?;
        parts.push(Some(part));
        key = rest;
    }
    Some(parts)
}

/// The hash of a row of these hashes of columns, as the queries compute it.
pub fn hash_of(columns: &[u64], text: &mut Vec<u8>) -> u64 {
    let number = |columns: &[u64]| {
        columns.iter().enumerate().fold(0, |sum, (place, hash)| sum ^ part(*hash, place))
    };
    row_hash(columns.chunks(PLACES).map(number), text)
}

/// The hash of a key.
pub fn key_hash(key: &[u8]) -> u64 {
    fingerprint(key)
}

impl Keyed {
    /// Rows of a table, compared by these columns.
    pub fn new(table: &str, key: Vec<KeyedColumn>, columns: Vec<KeyedColumn>) -> Self {
        Self { table: quoted(table), key, columns }
    }

    /// The columns of the key.
    pub fn key(&self) -> &[KeyedColumn] {
        &self.key
    }

    /// The columns that are compared.
    pub fn columns(&self) -> &[KeyedColumn] {
        &self.columns
    }

    /// The query of the figures of a level's buckets. Its only row has `found`: see [`parse_buckets`].
    pub fn bucket_query(&self, level: u32, within: Option<&Within>) -> String {
        let condition = within.map(|it| format!("\n    WHERE {}", it.condition()));
        format!(
            "SELECT STRING_AGG(CONCAT(CAST(b AS STRING), ' ', CAST(n AS STRING), ' ', s, ' ', CAST(x AS STRING)), ';') AS found\nFROM (\n  SELECT b, COUNT(*) AS n, CAST(SUM(CAST(h AS BIGNUMERIC)) AS STRING) AS s, BIT_XOR(h) AS x\n  FROM (\n    SELECT k >> {} AS b, {} AS h\n    FROM (\n{}\n    ){}\n  )\n  GROUP BY b\n)",
            shift(level),
            sql::row_hash(&self.proof_columns(), RowSet::Open, self.columns.len()),
            self.rows(),
            condition.unwrap_or_default(),
        )
    }

    /// The query of the rows of some buckets. Its only row has `found`: see [`parse_rows`].
    pub fn row_query(&self, within: &Within) -> String {
        let hashes: Vec<String> = (0..self.columns.len())
            .map(|n| format!(", ' ', CAST(IFNULL(h{n}, 0) AS STRING)"))
            .collect();
        format!(
            "SELECT STRING_AGG(CONCAT(TO_HEX(CAST(t AS BYTES)){}), ';') AS found\nFROM (\n  SELECT *\n  FROM (\n{}\n  )\n  WHERE {}\n  ORDER BY k\n  LIMIT {MAX_ROWS}\n)",
            hashes.concat(),
            self.rows(),
            within.condition(),
        )
    }

    fn proof_columns(&self) -> Vec<ProofColumn<'_>> {
        let column = |(place, it): (usize, &KeyedColumn)| ProofColumn {
            // The hashes are computed in `rows`; only the number of a column counts here.
            name: "",
            ty: it.ty,
            total: false,
            place: (place, RowColumn::Open),
        };
        self.columns.iter().enumerate().map(column).collect()
    }

    /// Of each row its key `t`, the hash `k` of the key, and the hashes `h0`, … of the columns.
    fn rows(&self) -> String {
        let text = |column: &KeyedColumn| {
            let text = sql::key_text(&format!("r.{}", quoted(&column.name)), column.ty);
            format!("IFNULL(CONCAT(CAST(BYTE_LENGTH({text}) AS STRING), ':', {text}), '-')")
        };
        let key: Vec<String> = self.key.iter().map(text).collect();
        let hash = |(n, column): (usize, &KeyedColumn)| {
            let text = sql::canonical(&format!("r.{}", quoted(&column.name)), column.ty);
            format!(", FARM_FINGERPRINT({text}) AS h{n}")
        };
        let hashes: String = self.columns.iter().enumerate().map(hash).collect();
        format!(
            "      SELECT *, FARM_FINGERPRINT(t) AS k FROM (\n        SELECT CONCAT({}) AS t{hashes}\n        FROM {} AS r\n      )",
            key.join(", "),
            self.table
        )
    }
}

/// The figures of buckets from the answer; `None` if it has another form.
pub fn parse_buckets(found: &str) -> Option<BTreeMap<u64, Bucket>> {
    let bucket = |line: &str| {
        let mut words = line.split(' ');
        let number = words.next()?.parse().ok()?;
        let rows = words.next()?.parse().ok()?;
        let sum = words.next()?.parse().ok()?;
        let xor = words.next()?.parse::<i64>().ok()?.cast_unsigned();
        words.next().is_none().then_some((number, Bucket { rows, sum, xor }))
    };
    found.split(';').filter(|line| !line.is_empty()).map(bucket).collect()
}

/// The rows from the answer, and whether there may be more; `None` if it has another form.
pub fn parse_rows(found: &str, columns: usize) -> Option<(Rows, bool)> {
    let mut rows = Rows::new();
    let mut count = 0;
    for line in found.split(';').filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let key = bytes_of_hex(words.next()?)?;
        let hashes: Vec<u64> = words
            .map(|word| word.parse::<i64>().map(i64::cast_unsigned).ok())
            .collect::<Option<_>>()?;
        (hashes.len() == columns).then_some(())?;
        rows.entry(key).or_default().push(hashes);
        count += 1;
    }
    Some((rows, count >= MAX_ROWS))
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(|[a, b]| Some((digit(*a)? << 4 | digit(*b)?) as u8)).collect()
}

/// The keys whose rows differ, in order.
pub fn differing<'a>(source: &'a Rows, bigquery: &'a Rows) -> Vec<(&'a [u8], RowDifference)> {
    let keys: BTreeSet<&Vec<u8>> = source.keys().chain(bigquery.keys()).collect();
    let of = |key: &'a Vec<u8>| {
        let difference = match (source.get(key), bigquery.get(key)) {
            (Some(_), None) => RowDifference::Missing,
            (None, _) => RowDifference::Added,
            (Some(a), Some(b)) if a.len() != b.len() => RowDifference::Repeated(a.len(), b.len()),
            (Some(a), Some(b)) => {
                let sorted = |rows: &[Vec<u64>]| {
                    let mut rows = rows.to_vec();
                    rows.sort_unstable();
                    rows
                };
                let (a, b) = (sorted(a), sorted(b));
                let mut columns = BTreeSet::new();
                for (a, b) in a.iter().zip(&b) {
                    columns.extend((0..a.len()).filter(|at| a[*at] != b[*at]));
                }
                if columns.is_empty() {
                    return None;
                }
                RowDifference::Columns(columns.into_iter().collect())
            }
        };
        Some((key.as_slice(), difference))
    };
    keys.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::types::BigQueryType;

    fn keyed() -> Keyed {
        let column =
            |name: &str, ty| KeyedColumn { name: name.to_owned(), ty: ColumnType::scalar(ty) };
        let (id, day) = (column("id", BigQueryType::Int64), column("day", BigQueryType::Date));
        Keyed::new("p.d.t", vec![id.clone(), day], vec![id, column("t", BigQueryType::String)])
    }

    #[test]
    fn the_queries() {
        let buckets: BTreeMap<u64, Bucket> =
            [(3, Bucket::default()), (9, Bucket::default())].into();
        let within = Within::differing(1, &buckets, &BTreeMap::new(), 20).expect("buckets");
        expect![[r"
            SELECT STRING_AGG(CONCAT(CAST(b AS STRING), ' ', CAST(n AS STRING), ' ', s, ' ', CAST(x AS STRING)), ';') AS found
            FROM (
              SELECT b, COUNT(*) AS n, CAST(SUM(CAST(h AS BIGNUMERIC)) AS STRING) AS s, BIT_XOR(h) AS x
              FROM (
                SELECT k >> 40 AS b, FARM_FINGERPRINT(CONCAT(CAST(IFNULL(h0, 0) ^ IFNULL((h1 << 1) | (h1 >> 63), 0) AS STRING))) AS h
                FROM (
                  SELECT *, FARM_FINGERPRINT(t) AS k FROM (
                    SELECT CONCAT(IFNULL(CONCAT(CAST(BYTE_LENGTH(CAST(r.`id` AS STRING)) AS STRING), ':', CAST(r.`id` AS STRING)), '-'), IFNULL(CONCAT(CAST(BYTE_LENGTH(CAST(UNIX_DATE(r.`day`) AS STRING)) AS STRING), ':', CAST(UNIX_DATE(r.`day`) AS STRING)), '-')) AS t, FARM_FINGERPRINT(CAST(r.`id` AS STRING)) AS h0, FARM_FINGERPRINT(r.`t`) AS h1
                    FROM `p.d.t` AS r
                  )
                )
                WHERE (k >> 52) IN (3, 9)
              )
              GROUP BY b
            )"]]
        .assert_eq(&keyed().bucket_query(2, Some(&within)));
        expect![[r"
            SELECT STRING_AGG(CONCAT(TO_HEX(CAST(t AS BYTES)), ' ', CAST(IFNULL(h0, 0) AS STRING), ' ', CAST(IFNULL(h1, 0) AS STRING)), ';') AS found
            FROM (
              SELECT *
              FROM (
                  SELECT *, FARM_FINGERPRINT(t) AS k FROM (
                    SELECT CONCAT(IFNULL(CONCAT(CAST(BYTE_LENGTH(CAST(r.`id` AS STRING)) AS STRING), ':', CAST(r.`id` AS STRING)), '-'), IFNULL(CONCAT(CAST(BYTE_LENGTH(CAST(UNIX_DATE(r.`day`) AS STRING)) AS STRING), ':', CAST(UNIX_DATE(r.`day`) AS STRING)), '-')) AS t, FARM_FINGERPRINT(CAST(r.`id` AS STRING)) AS h0, FARM_FINGERPRINT(r.`t`) AS h1
                    FROM `p.d.t` AS r
                  )
              )
              WHERE (k >> 52) IN (3, 9)
              ORDER BY k
              LIMIT 10000
            )"]]
        .assert_eq(&keyed().row_query(&within));
    }

    #[test]
    fn levels_grow_with_the_rows() {
        for (rows, expected) in [
            (0, 1),
            (1, 1),
            (100_000, 1),
            (262_143, 1),
            (262_144, 2),
            (1 << 29, 2),
            (1 << 40, 3),
            (u64::MAX, 3),
        ] {
            assert_eq!(levels(rows), expected, "{rows}");
        }
    }

    #[test]
    fn a_key_is_read_back_part_by_part() {
        let mut key = Vec::new();
        for value in [Some(&b"7"[..]), None, Some(b""), Some("가:-".as_bytes())] {
            key_part(value, &mut key);
        }
        assert_eq!(key, "1:7-0:5:가:-".as_bytes());
        let parts = key_parts(&key).expect("parts");
        assert_eq!(parts, [Some(&b"7"[..]), None, Some(b""), Some("가:-".as_bytes())]);
        for broken in ["1", "2:a", "x:a", ":"] {
            assert_eq!(key_parts(broken.as_bytes()), None, "{broken}");
        }
    }

    fn rows(list: &[(&str, [u64; 2])]) -> Rows {
        let mut rows = Rows::new();
        for (key, hashes) in list {
            rows.entry(key.as_bytes().to_vec()).or_default().push(hashes.to_vec());
        }
        rows
    }

    #[test]
    fn rows_that_differ_are_named_with_their_columns() {
        let source =
            rows(&[("a", [1, 1]), ("b", [2, 2]), ("c", [3, 3]), ("d", [4, 4]), ("e", [5, 5])]);
        let bigquery = rows(&[
            ("a", [1, 1]),
            ("b", [2, 7]),
            ("d", [4, 4]),
            ("d", [4, 4]),
            ("e", [5, 5]),
            ("f", [6, 6]),
        ]);
        let found: Vec<(&str, RowDifference)> = differing(&source, &bigquery)
            .into_iter()
            .map(|(key, it)| (std::str::from_utf8(key).expect("a key"), it))
            .collect();
        assert_eq!(
            found,
            [
                ("b", RowDifference::Columns(vec![1])),
                ("c", RowDifference::Missing),
                ("d", RowDifference::Repeated(1, 2)),
                ("f", RowDifference::Added),
            ]
        );
        assert_eq!(differing(&source, &source), []);
        // Rows of one key are compared without their order.
        let doubled =
            [rows(&[("a", [1, 1]), ("a", [2, 2])]), rows(&[("a", [2, 2]), ("a", [1, 1])])];
        assert_eq!(differing(&doubled[0], &doubled[1]), []);
    }

    #[test]
    fn answers() {
        let found = parse_buckets("3 2 -12 -1;4095 1 5 5").expect("buckets");
        assert_eq!(found[&3], Bucket { rows: 2, sum: -12, xor: u64::MAX });
        assert_eq!(found[&4095], Bucket { rows: 1, sum: 5, xor: 5 });
        assert_eq!(parse_buckets(""), Some(BTreeMap::new()));
        assert_eq!(parse_buckets("3 2 -12"), None);
        let (read, more) = parse_rows("61 1 -1;61 1 2", 2).expect("rows");
        assert_eq!((read, more), (rows(&[("a", [1, u64::MAX]), ("a", [1, 2])]), false));
        assert_eq!(parse_rows("61 1", 2), None);
        assert_eq!(parse_rows("6g 1 2", 2), None);
    }

    #[test]
    fn buckets_that_differ_hold_the_rows_that_differ() {
        let mut sides = [BTreeMap::new(), BTreeMap::new()];
        for n in 0..1000_u64 {
            let key = n.to_string();
            for (at, side) in sides.iter_mut().enumerate() {
                let value = if n == 77 { at as u64 } else { 9 };
                let hash = hash_of(&[key_hash(key.as_bytes()), value], &mut Vec::new());
                let bucket: &mut Bucket =
                    side.entry(bucket(1, key_hash(key.as_bytes()))).or_default();
                bucket.add(hash);
            }
        }
        let within = Within::differing(1, &sides[0], &sides[1], 20).expect("a difference");
        let inside = (0..1000_u64).filter(|n| within.has(key_hash(n.to_string().as_bytes())));
        let inside: Vec<u64> = inside.collect();
        assert!(inside.contains(&77) && inside.len() < 10, "{inside:?}");
        assert_eq!(Within::differing(1, &sides[0], &sides[0], 20), None);
    }
}
