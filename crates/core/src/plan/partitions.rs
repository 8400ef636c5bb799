//! Finds partitions: an export of a partitioned PostgreSQL table contains its rows twice,
//! in the folder of the parent and in those of the children. Manifests do not contain this
//! relation, so it is derived from names, columns and row counts.

use std::collections::BTreeMap;

/// The properties of a table that identify partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableShape {
    /// `schema.table`.
    pub source_table: String,
    /// Column names and types in order, in any comparable form.
    pub columns: Vec<String>,
    /// Number of rows.
    pub rows: u64,
    /// Whether the contract contains it; then it is a table of its own.
    pub declared: bool,
    /// Whether it has landed as a table of its own.
    pub landed: bool,
}

/// What a table that is not loaded is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partition {
    /// A partition of this table, which contains its rows.
    Of(String),
    /// A table without rows that looks like a partition of this table without rows.
    EmptyOf(String),
}

/// The tables that are partitions.
///
/// A table is the parent of all tables whose names start with its name and an underscore,
/// that have the same columns, and whose row counts add up to its own. A single one is its partition
/// only if its name ends in a number or in `default`. What has landed before stays a table.
///
/// Of a table without rows, those without rows are its partitions whose names end in a number or
/// in `default`. That hides no row: such a table lands as soon as it has one that its parent has
/// not, and what has landed before, or is in the contract, stays a table.
pub fn find_partitions(shapes: &[TableShape]) -> BTreeMap<String, Partition> {
    let by_name: BTreeMap<&str, &TableShape> =
        shapes.iter().map(|shape| (shape.source_table.as_str(), shape)).collect();
    let mut found = BTreeMap::new();
    for parent in shapes {
        let start = format!("{}_", parent.source_table);
        let below: BTreeMap<&str, &TableShape> = by_name
            .range(start.as_str()..)
            .take_while(|(name, _)| name.starts_with(&start))
            .filter(|(_, child)| child.columns == parent.columns)
            .map(|(name, child)| (*name, *child))
            .collect();
        let of = || parent.source_table.clone();
        if parent.rows == 0 {
            let empty = below.into_values().filter(|child| {
                child.rows == 0 && !child.declared && !child.landed && is_numbered(child, &start)
            });
            for child in empty {
                found.entry(child.source_table.clone()).or_insert_with(|| Partition::EmptyOf(of()));
            }
            continue;
        }
        // A partition that is partitioned itself contains the rows of its children again.
        let direct = below.values().filter(|child| {
            !names_above(&child.source_table).any(|other| below.contains_key(other))
        });
        // A partition that the contract names is a table of its own, and its rows are the parent's too.
        let rows: u64 = direct.map(|child| child.rows).sum();
        // A copy such as `users_backup` has the columns and rows of its original too.
        let only = below.values().next().filter(|_| below.len() == 1);
        let is_copy = only.is_some_and(|only| !is_numbered(only, &start));
        if rows == parent.rows && !is_copy {
            for child in below.values().filter(|child| !child.declared && !child.landed) {
                found.entry(child.source_table.clone()).or_insert_with(|| Partition::Of(of()));
            }
        }
    }
    found
}

/// The names of which this one could be a partition: what is before each of its underscores.
pub fn names_above(source_table: &str) -> impl Iterator<Item = &str> {
    source_table.match_indices('_').map(|(at, _)| &source_table[..at])
}

/// Whether the name ends like that of a partition: in a number, or in `default`.
fn is_numbered(child: &TableShape, start: &str) -> bool {
    let rest = child.source_table.strip_prefix(start).unwrap_or_default();
    rest == "default" || rest.ends_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(source_table: &str, columns: &[&str], rows: u64) -> TableShape {
        TableShape {
            source_table: source_table.into(),
            columns: columns.iter().map(ToString::to_string).collect(),
            rows,
            declared: false,
            landed: false,
        }
    }

    fn names(shapes: &[TableShape]) -> Vec<String> {
        find_partitions(shapes)
            .into_iter()
            .map(|(child, parent)| match parent {
                Partition::Of(parent) => format!("{child} of {parent}"),
                Partition::EmptyOf(parent) => format!("{child}, empty, of {parent}"),
            })
            .collect()
    }

    #[test]
    fn children_whose_rows_add_up() {
        let shapes = [
            shape("public.events", &["a"], 30),
            shape("public.events_2025", &["a"], 10),
            shape("public.events_2026", &["a"], 20),
        ];
        assert_eq!(
            names(&shapes),
            ["public.events_2025 of public.events", "public.events_2026 of public.events"]
        );
    }

    #[test]
    fn partitions_of_partitions() {
        let shapes = [
            shape("public.events", &["a"], 30),
            shape("public.events_2025", &["a"], 30),
            shape("public.events_2025_01", &["a"], 30),
        ];
        assert_eq!(names(&shapes).len(), 2);
    }

    #[test]
    fn tables_that_only_look_like_partitions_stay_tables() {
        // other columns; other rows; none at all; declared in the contract
        assert!(names(&[shape("public.a", &["x"], 1), shape("public.a_b", &["y"], 1)]).is_empty());
        assert!(names(&[shape("public.a", &["x"], 2), shape("public.a_b", &["x"], 1)]).is_empty());
        assert!(names(&[shape("public.a", &["x"], 0), shape("public.a_b", &["x"], 0)]).is_empty());
        let declared = TableShape { declared: true, ..shape("public.a_1", &["x"], 1) };
        assert!(names(&[shape("public.a", &["x"], 1), declared]).is_empty());
        let landed = TableShape { landed: true, ..shape("public.a_1", &["x"], 1) };
        assert!(names(&[shape("public.a", &["x"], 1), landed]).is_empty());
        let copy = shape("public.users_backup", &["x"], 5);
        assert!(names(&[shape("public.users", &["x"], 5), copy]).is_empty());
    }

    #[test]
    fn the_name_of_a_single_partition_shows_that_it_is_one() {
        for (child, is_partition) in [
            ("public.events_2025", true),
            ("public.events_p1", true),
            ("public.events_default", true),
            ("public.events_my_default", false),
            ("public.events_2025_copy", false),
            ("public.events2_1", false),
        ] {
            let found = names(&[shape("public.events", &["a"], 5), shape(child, &["a"], 5)]);
            assert_eq!(!found.is_empty(), is_partition, "{child}");
        }
        // Two copies with the rows of their original between them are partitions, for example by region.
        let regions = ["public.events_eu", "public.events_us"].map(|it| shape(it, &["a"], 5));
        let [eu, us] = regions;
        let other = shape("public.f_1", &["a"], 90);
        assert_eq!(
            names(&[shape("public.events", &["a"], 10), eu, us, other]),
            ["public.events_eu of public.events", "public.events_us of public.events"]
        );
    }

    #[test]
    fn names_above_are_cut_at_each_underscore() {
        let above: Vec<&str> = names_above("public.a_b_1").collect();
        assert_eq!(above, ["public.a", "public.a_b"]);
    }

    #[test]
    fn a_partition_in_the_contract_leaves_the_others_partitions() {
        let declared = TableShape { declared: true, ..shape("public.events_1", &["a"], 10) };
        let shapes = [
            shape("public.events", &["a"], 30),
            declared,
            shape("public.events_2", &["a"], 20),
            shape("public.events_3", &["a"], 0),
        ];
        assert_eq!(
            names(&shapes),
            ["public.events_2 of public.events", "public.events_3 of public.events"]
        );
    }

    #[test]
    fn partitions_of_an_empty_table_are_no_tables_until_they_have_rows() {
        let child = |name: &str, rows| shape(name, &["a"], rows);
        let landed = TableShape { landed: true, ..child("public.events_2024_01", 0) };
        let declared = TableShape { declared: true, ..child("public.events_2024_02", 0) };
        let shapes = [
            child("public.events", 0),
            child("public.events_2025_01", 0),
            child("public.events_default", 0),
            child("public.events_archive", 0),
            child("public.events_2026", 7),
            shape("public.events_9", &["b"], 0),
            landed,
            declared,
        ];
        assert_eq!(
            names(&shapes),
            [
                "public.events_2025_01, empty, of public.events",
                "public.events_default, empty, of public.events",
            ]
        );
    }
}
