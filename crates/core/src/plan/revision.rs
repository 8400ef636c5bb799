//! When a table's plan is another one: its digest and its revision are in the names of its objects
//! and records.

use crate::ErrorKind;
use crate::ids::{folder_of_revision, short_hash};
use crate::plan::table::input::DataFile;
use crate::plan::{Problem, SourceColumn, TableEntry, TablePlan};

/// See [`TablePlan::listing`].
pub(super) fn listing(files: &[DataFile]) -> String {
    let objects: Vec<_> =
        files.iter().map(|file| (&file.object.key, &file.object.etag, file.object.bytes)).collect();
    short_hash(&serde_json::to_string(&objects).expect("names and numbers are JSON"))
}

impl TableEntry {
    /// The name of the table's plan in the names of records; see [`record_name`].
    pub fn record_name(&self) -> String {
        record_name(&self.table, &self.digest, self.revision)
    }
}

/// `<table>@<digest>`, and `-<revision>` from the second revision on. Table names contain no `@`.
fn record_name(table: &str, digest: &str, revision: u32) -> String {
    match revision {
        1 => format!("{table}@{digest}"),
        _ => format!("{table}@{digest}-{revision}"),
    }
}

/// See [`TablePlan::digest`].
fn digest(source_table: &str, columns: &[SourceColumn]) -> String {
    short_hash(&serde_json::to_string(&(source_table, columns)).expect("names and enums are JSON"))
}

impl TablePlan {
    /// Holds the table if it has other objects than the first plan of the same export found. What was
    /// planned first counts: the rows of an object that disappeared would be lost without an error.
    pub fn keep_listing(&mut self, first: &Self) {
        if self.export_redo != first.export_redo {
            return;
        }
        if first.listing.is_empty() && first.problem.is_none() {
            // The plan of a version that recorded none: the same objects must give the same plan.
            self.listing.clear();
            return;
        }
        if first.listing.is_empty() || self.listing.is_empty() || self.listing == first.listing {
            return;
        }
        self.listing.clone_from(&first.listing);
        self.items.clear();
        self.problem = Some(Problem::new(
            ErrorKind::Corrupt,
            "the objects of a table in the export are not those that the first plan of the day found; run `landbridge redo` with `--export` for the day, unless you put them back",
            format!("{}, {} objects planned first", self.source_table, first.items.len()),
        ));
    }

    /// Digest of the source table and of what the transfer does to its columns. It is part of the
    /// names of the table's objects and records: a function that still has another contract can
    /// write an object at any time, also after a redo of the day, and must not write what a load job
    /// of this plan reads.
    pub fn digest(&self) -> String {
        digest(&self.source_table, &self.columns)
    }

    /// The name of this plan in the names of records; see [`record_name`].
    pub fn record_name(&self) -> String {
        record_name(&self.table, &self.digest(), self.revision)
    }

    /// Gives the plan another revision, whose objects have other names.
    #[must_use]
    pub fn with_revision(mut self, revision: u32) -> Self {
        let former = folder_of_revision("", self.revision);
        self.revision = revision;
        for item in &mut self.items {
            if let Some((folder, name)) = item.object.rsplit_once('/') {
                // Not a folder in the other's folder, which a load job's wildcard would read.
                let folder = folder.strip_suffix(&former).unwrap_or(folder);
                item.object = format!("{}/{name}", folder_of_revision(folder, revision));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(listing: &str, problem: bool) -> TablePlan {
        let problem = problem.then(|| Problem::new(ErrorKind::Held, "held", ""));
        serde_json::from_value(serde_json::json!({
            "source_table": "public.t", "table": "t", "columns": [], "rows": 0, "bytes": 0, "notes": [],
            "listing": listing, "problem": problem,
            "items": [{ "number": 0, "from": { "no_rows": { "columns": [] } }, "object": "o", "rows": 0 }],
        }))
        .unwrap()
    }

    #[test]
    fn another_export_of_the_day_may_have_other_objects() {
        let (first, mut next) = (plan("a", true), plan("b", false));
        next.export_redo = 1;
        next.keep_listing(&first);
        assert_eq!((next.problem, next.listing.as_str()), (None, "b"));
    }

    #[test]
    fn the_objects_of_the_first_plan_of_a_day_count() {
        // listing of the first plan, whether it is held, listing now; whether the table is held now,
        // and the listing that is recorded
        for (first, was_held, now, is_held, recorded) in [
            ("a", false, "a", false, "a"),
            ("a", false, "b", true, "a"),
            // It stays held until the objects are back.
            ("a", true, "b", true, "a"),
            ("a", true, "a", false, "a"),
            // A file could not be read, so nothing was planned.
            ("", true, "b", false, "b"),
            ("a", false, "", false, ""),
            // A plan of an earlier version.
            ("", false, "b", false, ""),
        ] {
            let mut next = plan(now, false);
            next.keep_listing(&plan(first, was_held));
            let case = (first, was_held, now);
            assert_eq!(
                (next.problem.is_some(), next.listing.as_str()),
                (is_held, recorded),
                "{case:?}"
            );
            assert_eq!(next.items.is_empty(), is_held, "{case:?}");
        }
    }

    #[test]
    fn names_of_records_and_objects_contain_the_revision_from_the_second_on() {
        let mut first = plan("a", false);
        first.items[0].object = "p/t/d1/00000.parquet".to_owned();
        let digest = first.digest();
        let entry = |plan: &TablePlan| -> TableEntry {
            let json = serde_json::json!({
                "source_table": "public.t", "table": "t", "items": 1, "rows": 0, "bytes": 0,
                "digest": plan.digest(), "revision": plan.revision,
            });
            serde_json::from_value(json).unwrap()
        };
        for (revision, suffix, folder) in [
            (1, "", "d1"),
            (2, "-2", "d1-r2"),
            (12, "-12", "d1-r12"),
            (2, "-2", "d1-r2"),
            (1, "", "d1"),
        ] {
            first = first.with_revision(revision);
            let name = format!("t@{digest}{suffix}");
            assert_eq!((first.revision, first.record_name()), (revision, name.clone()));
            assert_eq!(entry(&first).record_name(), name);
            assert_eq!(first.items[0].object, format!("p/t/{folder}/00000.parquet"));
        }
    }

    /// Names of objects and records that exist already: another digest would transfer every table again.
    #[test]
    fn a_digest_is_that_of_the_source_table_and_its_columns() {
        use crate::rewrite::Action;
        use crate::types::{Annotation, ParquetColumn, Physical};
        let parquet = ParquetColumn {
            name: "a".to_owned(),
            physical: Physical::Int64,
            annotation: Annotation::None,
        };
        let column = SourceColumn::new(parquet, "bigint");
        let dropped = SourceColumn { action: Action::Drop, ..column.clone() };
        let empty = plan("a", false);
        let plans = [
            TablePlan { table: "other".to_owned(), ..empty.clone() },
            TablePlan { source_table: "public.u".to_owned(), ..empty.clone() },
            TablePlan { columns: vec![column], ..empty.clone() },
            TablePlan { columns: vec![dropped], ..empty },
        ];
        let digests = plans.map(|plan| plan.digest());
        expect_test::expect![[r#"
            [
                "4acc6c7900478250",
                "a568e1d382a30449",
                "e4da5eb055bf505c",
                "b93002c2afdb8942",
            ]
        "#]]
        .assert_debug_eq(&digests);
    }

    #[test]
    fn a_listing_is_that_of_keys_etags_and_lengths() {
        use crate::plan::objects::ObjectMeta;
        let of = |key: &str, etag: &str, bytes| {
            let object = ObjectMeta { key: key.to_owned(), etag: etag.to_owned(), bytes };
            listing(&[DataFile { object, rows: 1, columns: [].into(), parts: Vec::new() }])
        };
        let all =
            [of("k", "e", 1), of("l", "e", 1), of("k", "f", 1), of("k", "e", 2), listing(&[])];
        let different: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
        assert_eq!(of("k", "e", 1), all[0]);
    }
}
