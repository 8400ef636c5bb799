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
}

/// Maps each partition to its parent.
///
/// A table is the parent of all tables whose names start with its name and an underscore,
/// that have the same columns, and whose row counts add up to its own. Empty tables have no
/// partitions: no row could be loaded twice.
pub fn find_partitions(shapes: &[TableShape]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for parent in shapes.iter().filter(|shape| shape.rows > 0) {
        let start = format!("{}_", parent.source_table);
        let below: Vec<&TableShape> = shapes
            .iter()
            .filter(|child| {
                child.source_table.starts_with(&start)
                    && child.columns == parent.columns
                    && !child.declared
            })
            .collect();
        // A partition that is partitioned itself contains the rows of its children again.
        let direct = below.iter().filter(|child| {
            !below
                .iter()
                .any(|other| child.source_table.starts_with(&format!("{}_", other.source_table)))
        });
        let rows: u64 = direct.map(|child| child.rows).sum();
        if rows == parent.rows {
            for child in below {
                found
                    .entry(child.source_table.clone())
                    .or_insert_with(|| parent.source_table.clone());
            }
        }
    }
    found
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
        }
    }

    fn names(shapes: &[TableShape]) -> Vec<String> {
        find_partitions(shapes)
            .into_iter()
            .map(|(child, parent)| format!("{child} of {parent}"))
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
        let declared = TableShape { declared: true, ..shape("public.a_b", &["x"], 1) };
        assert!(names(&[shape("public.a", &["x"], 1), declared]).is_empty());
    }
}
