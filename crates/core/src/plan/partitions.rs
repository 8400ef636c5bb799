//! Partitions: an export of a partitioned PostgreSQL table holds the rows twice,
//! in the parent's folder and in each child's. Manifests do not say which is
//! whose, so it is told from names, columns and rows.

use std::collections::BTreeMap;

/// What is known of a table from its footers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableShape {
    /// `schema.table`.
    pub source_table: String,
    /// Column names and types, in order, in any comparable form.
    pub columns: Vec<String>,
    /// Rows.
    pub rows: u64,
    /// Whether the contract names it: then people have decided, and it is a table of its own.
    pub declared: bool,
}

/// Each partition with its parent.
///
/// A table is taken for the parent of all the tables whose names begin with its
/// own and an underscore, that have exactly its columns, and whose rows add up
/// to its own. Tables with no rows are never taken for partitions: there is
/// nothing to count twice.
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
        // A partition that is partitioned itself holds its own children's rows again.
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
    fn look_alikes_stay_tables() {
        // other columns; other rows; none at all; declared in the contract
        assert!(names(&[shape("public.a", &["x"], 1), shape("public.a_b", &["y"], 1)]).is_empty());
        assert!(names(&[shape("public.a", &["x"], 2), shape("public.a_b", &["x"], 1)]).is_empty());
        assert!(names(&[shape("public.a", &["x"], 0), shape("public.a_b", &["x"], 0)]).is_empty());
        let declared = TableShape { declared: true, ..shape("public.a_b", &["x"], 1) };
        assert!(names(&[shape("public.a", &["x"], 1), declared]).is_empty());
    }
}
