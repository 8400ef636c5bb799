//! Whether a table keeps the rows of an earlier day, because today's export of it has the same content.
//!
//! Three things must be the same as on the day whose rows the table has: the content of the export, everything else
//! that decides the rows ([`Earlier::differs`]), and the table itself ([`TableMark`]). What is not known counts as
//! different, and then the table is transferred and loaded as on every day.
//!
//! Sizes and numbers of rows decide quickly that a table changed. That it did not change is decided by its bytes, or by
//! the checksum that S3 has of the whole content (`transfer.unchanged: checksums`): an ETag may be of the encrypted
//! object. No digest of the content is recorded, because the digest of a file of personal data would be an oracle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::ids::hash;
use crate::plan::objects::ObjectMeta;
use crate::plan::{ItemSource, TablePlan};
use crate::protection::TableRows;

/// A table as BigQuery reports it: a write by anyone changes at least one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableMark {
    /// When it was created (`creationTime`), in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last modified (`lastModifiedTime`), likewise.
    pub modified_ms: i64,
    /// Its rows (`numRows`).
    pub rows: u64,
    /// Its bytes (`numBytes`).
    pub bytes: u64,
}

/// A table's export of today, and the day whose rows the table has.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a> {
    /// Today.
    pub day: Day,
    /// Today's plan.
    pub plan: &'a TablePlan,
    /// The rows in the table.
    pub rows: &'a TableRows,
    /// The plan of the day that was loaded ([`TableRows::day`]).
    pub loaded: &'a TablePlan,
    /// The plan of the newest day with that content ([`TableRows::newest_day`]).
    pub newest: &'a TablePlan,
    /// [`TableRows::made_by`] of an object that is transferred now.
    pub made_by: &'a str,
    /// The id of the key of today's tokens, if the table has tokens.
    pub token_key: Option<&'a str>,
    /// A table is loaded on one day of so many in any case (`transfer.full_every`).
    pub full_every: u16,
}

impl Earlier<'_> {
    /// Why the table cannot keep its rows, whatever the content of the export is; `None` if it can.
    pub fn differs(&self) -> Option<&'static str> {
        let other_rows = self.has_other_rows().then_some("it has another number of rows");
        self.differs_beside_rows().or(other_rows)
    }

    /// Whether the export has another number of rows than the table.
    pub fn has_other_rows(&self) -> bool {
        let rows = self.plan.rows;
        rows != self.loaded.rows || rows != self.newest.rows
    }

    /// Why not even the rows that are the same on both days can stay, whatever they are; `None` if they can.
    pub fn differs_beside_rows(&self) -> Option<&'static str> {
        let Self { plan, rows, loaded, newest, .. } = *self;
        let (Some(since), Some(newest_day)) = (rows.day, rows.newest_day()) else {
            return Some("the day of its rows is not known");
        };
        // Changes that were applied since do not make the rows younger.
        let full = crate::delta::full_day(rows).unwrap_or(since);
        let age = full.date().until(self.day.date()).map_or(i32::MAX, |it| it.get_days());
        let same_table = |other: &TablePlan| {
            (&other.source_table, &other.table, &other.default_table)
                == (&plan.source_table, &plan.table, &plan.default_table)
        };
        let is_of_rows = loaded.redo == rows.redo && (newest_day == since || newest.redo == 0);
        [
            (newest_day >= self.day, "its rows are not of an earlier day"),
            (age >= i32::from(self.full_every), "it was loaded `transfer.full_every` days ago"),
            (self.is_turn(), "it is its day of each `transfer.full_every` days"),
            (plan.redo > 0, "an operator requested the day again"),
            (plan.problem.is_some(), "it has a problem"),
            (!is_of_rows, "the day of its rows is done again"),
            (!same_table(loaded) || !same_table(newest), "it has another name"),
            (
                plan.columns != loaded.columns || plan.columns != newest.columns,
                "its columns, or what is done to them, changed",
            ),
            (rows.made_by.is_empty(), "it is not known what its rows were made by"),
            (
                rows.made_by != self.made_by,
                "the contract, a setting or the version of Landbridge changed",
            ),
            (rows.token_key.as_deref() != self.token_key, "the token key changed"),
        ]
        .into_iter()
        .find_map(|(differs, why)| differs.then_some(why))
    }

    /// Whether this is the table's own day of each `full_every` days, which follows from its name. All tables are loaded on the day
    /// after a release; without turns, all would be due together again, and ten terabytes would leave AWS on one day.
    fn is_turn(&self) -> bool {
        let epoch = jiff::civil::date(1970, 1, 1);
        let day = epoch.until(self.day.date()).map_or(0, |it| it.get_days());
        let digits = hash(&self.plan.source_table);
        let own = i64::from_str_radix(&digits[..8], 16).unwrap_or_default();
        (i64::from(day) + own) % i64::from(self.full_every.max(1)) == 0
    }

    /// The files whose content must be the same, today's first; `None` if their number or a length differs, so
    /// that none needs to be read. Their names differ on every day and say nothing.
    pub fn pairs(&self) -> Option<Vec<(ObjectMeta, ObjectMeta)>> {
        let (today, before) = (files(self.plan), files(self.newest));
        let is_same = today.len() == before.len()
            && today.iter().zip(&before).all(|(one, other)| one.bytes == other.bytes);
        is_same.then(|| today.into_iter().zip(before).collect())
    }
}

/// The files of a plan, by length and then in the order of the plan. A file that is cut is one file.
pub fn files(plan: &TablePlan) -> Vec<ObjectMeta> {
    let mut files: BTreeMap<&str, ObjectMeta> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for item in &plan.items {
        let ItemSource::Object { key, etag, bytes } = &item.from else { continue };
        let file = || {
            order.push(key);
            ObjectMeta { key: key.clone(), etag: etag.clone(), bytes: *bytes }
        };
        files.entry(key).or_insert_with(file);
    }
    let mut files: Vec<ObjectMeta> = order.iter().filter_map(|key| files.remove(key)).collect();
    files.sort_by_key(|file| file.bytes);
    files
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::{Problem, SourceColumn};
    use crate::rewrite::Action;
    use crate::types::{Annotation, ParquetColumn, Physical};

    fn plan(files: &[(&str, u64)]) -> TablePlan {
        let items: Vec<_> = files
            .iter()
            .enumerate()
            .map(|(number, (key, bytes))| {
                json!({ "number": number, "object": "o", "rows": 1,
                    "from": { "object": { "key": key, "etag": "e", "bytes": bytes } } })
            })
            .collect();
        let parquet = ParquetColumn {
            name: "id".to_owned(),
            physical: Physical::Int64,
            annotation: Annotation::None,
        };
        let mut plan: TablePlan = serde_json::from_value(json!({
            "source_table": "public.t", "table": "t", "columns": [], "rows": 7, "bytes": 0,
            "notes": [], "items": items,
        }))
        .unwrap();
        plan.columns.push(SourceColumn::new(parquet, "bigint"));
        plan
    }

    fn rows() -> TableRows {
        TableRows {
            day: Some("2026-11-21".parse().unwrap()),
            made_by: "m".to_owned(),
            token_key: Some("k".to_owned()),
            ..TableRows::unknown()
        }
    }

    /// What is changed in one of the four before they are compared.
    type Change = fn(&mut TablePlan, &mut TableRows, &mut TablePlan, &mut TablePlan);

    fn differs(day: &str, change: Change) -> Option<&'static str> {
        let (mut today, mut rows) = (plan(&[("b", 3)]), rows());
        let (mut loaded, mut newest) = (plan(&[("a", 3)]), plan(&[("a", 3)]));
        change(&mut today, &mut rows, &mut loaded, &mut newest);
        Earlier {
            day: day.parse().unwrap(),
            plan: &today,
            rows: &rows,
            loaded: &loaded,
            newest: &newest,
            made_by: "m",
            token_key: Some("k"),
            full_every: 7,
        }
        .differs()
    }

    #[test]
    fn a_table_keeps_its_rows_only_if_everything_is_the_same() {
        let same: Change = |_, _, _, _| {};
        assert_eq!(differs("2026-11-22", same), None);
        assert_eq!(differs("2026-11-27", same), None);
        // A day that was unchanged itself moves what is compared, and not the seventh day.
        let second: Change = |_, rows, _, _| rows.equal_on = Some("2026-11-26".parse().unwrap());
        assert_eq!(differs("2026-11-27", second), None);
        assert!(differs("2026-11-28", second).unwrap().contains("full_every"));
        // Nor do changes that were applied.
        let applied: Change = |_, rows, _, _| rows.full_on = Some("2026-11-15".parse().unwrap());
        assert!(differs("2026-11-22", applied).unwrap().contains("full_every"));
        let cases: [(Change, &str); 16] = [
            (|_, rows, _, _| rows.day = None, "not known"),
            (|_, rows, _, _| rows.equal_on = Some("2026-11-22".parse().unwrap()), "earlier day"),
            (|today, _, _, _| today.redo = 1, "requested"),
            (
                |today, _, _, _| {
                    today.problem = Some(Problem::new(crate::ErrorKind::Held, "w", "c"));
                },
                "problem",
            ),
            (|_, _, loaded, _| loaded.redo = 1, "done again"),
            (
                |_, rows, _, newest| {
                    rows.equal_on = Some("2026-11-21".parse().unwrap());
                    newest.redo = 1;
                    rows.day = Some("2026-11-20".parse().unwrap());
                },
                "done again",
            ),
            (|today, _, _, _| today.table = "u".to_owned(), "another name"),
            (|today, _, _, _| today.default_table = "u".to_owned(), "another name"),
            (|_, _, _, newest| newest.source_table = "public.u".to_owned(), "another name"),
            (|today, _, _, _| today.columns[0].action = Action::SetNull, "columns"),
            (|today, _, _, _| today.columns[0].source = "integer".to_owned(), "columns"),
            (|_, _, loaded, _| loaded.columns.clear(), "columns"),
            (|_, rows, _, _| rows.made_by.clear(), "made by"),
            (|_, rows, _, _| rows.made_by.push('2'), "contract"),
            (|_, rows, _, _| rows.token_key = None, "token key"),
            (|today, _, _, _| today.rows = 8, "number of rows"),
        ];
        for (change, why) in cases {
            let found = differs("2026-11-22", change);
            assert!(found.is_some_and(|it| it.contains(why)), "{why}: {found:?}");
        }
        assert!(differs("2026-11-21", same).unwrap().contains("earlier day"));
        assert!(differs("2026-11-28", same).unwrap().contains("full_every"));
        // Over the end of a month.
        assert!(differs("2027-01-21", same).unwrap().contains("full_every"));
    }

    /// Without turns, tables that are loaded on one day are due on one day.
    #[test]
    fn tables_have_their_turns_on_different_days() {
        let mut due = [0_u32; 30];
        for table in 0..3_000 {
            let mut today = plan(&[("b", 3)]);
            today.source_table = format!("public.table_{table}");
            let mut days = 0;
            for (at, count) in due.iter_mut().enumerate() {
                let day = jiff::civil::date(2026, 12, 10) + jiff::Span::new().days(at as i64);
                let is_turn = Earlier {
                    day: day.to_string().parse().unwrap(),
                    plan: &today,
                    rows: &rows(),
                    loaded: &today,
                    newest: &today,
                    made_by: "m",
                    token_key: None,
                    full_every: 30,
                }
                .is_turn();
                days += u32::from(is_turn);
                *count += u32::from(is_turn);
            }
            assert_eq!(days, 1, "{}", today.source_table);
        }
        assert!(due.iter().all(|it| (60..150).contains(it)), "{due:?}");
    }

    #[test]
    fn files_are_read_only_if_their_number_and_lengths_are_the_same() {
        let pairs = |today: &[(&str, u64)], before: &[(&str, u64)]| {
            let (today, before, rows) = (plan(today), plan(before), rows());
            let earlier = Earlier {
                day: "2026-11-22".parse().unwrap(),
                plan: &today,
                rows: &rows,
                loaded: &before,
                newest: &before,
                made_by: "m",
                token_key: None,
                full_every: 7,
            };
            let keys = |pairs: Vec<(ObjectMeta, ObjectMeta)>| {
                let pairs = pairs.iter().map(|(one, other)| format!("{}={}", one.key, other.key));
                pairs.collect::<Vec<_>>().join(" ")
            };
            earlier.pairs().map(keys)
        };
        assert_eq!(pairs(&[], &[]).as_deref(), Some(""));
        assert_eq!(pairs(&[("a", 1), ("b", 2)], &[("c", 1)]), None);
        assert_eq!(pairs(&[("a", 1), ("b", 2)], &[("c", 1), ("d", 3)]), None);
        // In another order, files are found by their lengths.
        assert_eq!(pairs(&[("a", 1), ("b", 2)], &[("c", 2), ("d", 1)]).as_deref(), Some("a=d b=c"));
        assert_eq!(pairs(&[("a", 1), ("b", 1)], &[("d", 1), ("c", 1)]).as_deref(), Some("a=d b=c"));
        // Parts of one file.
        let cut = [("a", 5), ("a", 5), ("b", 5)];
        assert_eq!(pairs(&cut, &[("c", 5), ("d", 5), ("d", 5)]).as_deref(), Some("a=c b=d"));
    }
}
