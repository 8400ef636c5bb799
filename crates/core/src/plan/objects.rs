//! Assigns the objects of an export to tables.
//!
//! An export is below `<prefix>/<export-id>/`, and a table below `<database>/<schema>.<table>/`.
//! Everything below that belongs to the table, whatever its name: AWS documents that file
//! names may change.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::TableStatus;
use crate::types::Engine;

/// An object in an S3 listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its key.
    pub key: String,
    /// Its ETag.
    pub etag: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The objects of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableFolder {
    /// Data objects, sorted by key.
    pub data: Vec<ObjectMeta>,
    /// Whether there is a `_SUCCESS` object.
    pub success: bool,
    /// The folders in it that contain files and no `_SUCCESS`, sorted: keys that end with a slash.
    pub unmarked: Vec<String>,
}

/// Groups the objects of an export by `<database>.<schema>.<table>`, as spelt in the folder names.
///
/// `root` is `<prefix>/<export-id>/`. What is directly in it or in a database's folder, as the manifests
/// are, belongs to no table.
pub fn group_by_table(
    root: &str,
    listed: impl IntoIterator<Item = ObjectMeta>,
) -> BTreeMap<String, TableFolder> {
    let mut folders: BTreeMap<String, TableFolder> = BTreeMap::new();
    let mut marked: BTreeSet<String> = BTreeSet::new();
    for object in listed {
        let Some(below) = object.key.strip_prefix(root) else { continue };
        let mut parts = below.splitn(3, '/');
        let (Some(database), Some(table), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let folder = folders.entry(format!("{database}.{table}")).or_default();
        let name = rest.rsplit('/').next().unwrap_or(rest);
        if name == "_SUCCESS" {
            folder.success = true;
            marked.insert(parent(&object.key).to_owned());
        } else if !name.is_empty() && !name.starts_with(['_', '.']) {
            folder.data.push(object);
        }
    }
    for folder in folders.values_mut() {
        folder.data.sort_by(|a, b| a.key.cmp(&b.key));
        let parents: BTreeSet<&str> =
            folder.data.iter().map(|object| parent(&object.key)).collect();
        let is_marked = |it: &&str| ancestors(it).any(|folder| marked.contains(folder));
        let unmarked = parents.into_iter().filter(|it| !is_marked(it));
        folder.unmarked = unmarked.map(str::to_owned).collect();
    }
    folders
}

/// A folder and those that contain it.
fn ancestors(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |it| {
        Some(parent(it.strip_suffix('/')?)).filter(|it| !it.is_empty())
    })
}

/// The folder of an object, with its slash.
fn parent(key: &str) -> &str {
    &key[..key.rfind('/').map_or(0, |at| at + 1)]
}

/// The folder name of a target: RDS replaces `\`, backtick, `"` and space with `_`. [Amazon RDS User Guide]
pub fn folder_name(target: &str) -> String {
    target.chars().map(|c| if matches!(c, '\\' | '`' | '"' | ' ') { '_' } else { c }).collect()
}

/// A source table that is in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceTable {
    /// Its database.
    pub database: String,
    /// `schema.table`; for MySQL, the schema is the database.
    pub name: String,
}

/// Parses the target of a manifest entry; `None` for a database-level entry.
///
/// PostgreSQL targets are `database.schema.table`. MySQL targets are `database.table` or
/// `database.database.table`; both occur in real exports.
pub fn parse_source_table(engine: Engine, text: &str) -> Option<SourceTable> {
    let (database, rest) = text.split_once('.')?;
    let name = match engine {
        Engine::Postgres => rest.contains('.').then(|| rest.to_owned())?,
        Engine::Mysql
            if rest.strip_prefix(database).is_some_and(|table| table.starts_with('.')) =>
        {
            rest.to_owned()
        }
        Engine::Mysql => text.to_owned(),
    };
    Some(SourceTable { database: database.to_owned(), name })
}

/// A table of the manifests, with its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedTable<'a> {
    /// The table.
    pub source: SourceTable,
    /// Its entry in the manifests.
    pub status: &'a TableStatus,
    /// Its objects; none if the export contains no folder for it, or if it shares one.
    pub folder: TableFolder,
    /// The other tables whose rows are in the same folder: they cannot be separated.
    pub shares_folder_with: Vec<String>,
}

/// The objects of an export by table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned<'a> {
    /// The tables of the manifests, sorted by folder and name.
    pub tables: Vec<AssignedTable<'a>>,
    /// Folders with objects that belong to no table of the manifests.
    pub unknown_folders: Vec<String>,
}

/// Assigns folders to the tables of the manifests. Two tables can share a folder, because RDS
/// replaces some characters of their names: neither gets its objects, since rows would be loaded
/// into the wrong table.
pub fn assign_folders(
    engine: Engine,
    statuses: &[TableStatus],
    mut folders: BTreeMap<String, TableFolder>,
) -> Assigned<'_> {
    let mut by_folder: BTreeMap<String, BTreeMap<SourceTable, &TableStatus>> = BTreeMap::new();
    for status in statuses {
        let Some(source) = parse_source_table(engine, &status.target) else { continue };
        let folder = folder_name(&format!("{}.{}", source.database, source.name));
        // A table may be in two manifest files.
        by_folder.entry(folder).or_default().insert(source, status);
    }
    let mut assigned = Assigned::default();
    for (name, tables) in by_folder {
        let folder = folders.remove(&name).unwrap_or_default();
        let names: Vec<String> = tables.keys().map(|source| source.name.clone()).collect();
        let is_shared = names.len() > 1;
        for (source, status) in tables {
            let others = names.iter().filter(|other| **other != source.name).cloned().collect();
            let folder = if is_shared { TableFolder::default() } else { folder.clone() };
            let shares_folder_with = others;
            assigned.tables.push(AssignedTable { source, status, folder, shares_folder_with });
        }
    }
    let unknown = folders.into_iter().filter(|(_, folder)| !folder.data.is_empty());
    assigned.unknown_folders = unknown.map(|(name, _)| name).collect();
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(key: &str) -> ObjectMeta {
        ObjectMeta { key: key.into(), etag: "e".into(), bytes: 1 }
    }

    fn status(target: &str) -> TableStatus {
        TableStatus {
            target: target.into(),
            status: "COMPLETE".into(),
            warning: None,
            columns: vec![],
        }
    }

    #[test]
    fn all_objects_below_a_table_belong_to_it() {
        let folders = group_by_table(
            "exports/x/",
            [
                "exports/x/export_info_x.json",
                "exports/x/export_tables_info_x_from_1_to_2.json",
                "exports/x/shop/export_info_x.json",
                "exports/x/shop/public.orders/1/",
                "exports/x/shop/public.orders/1/_metadata",
                "exports/x/shop/public.orders/1/.part-00001-u-c000.gz.parquet.crc",
                "exports/x/shop/public.orders/1/part-00003-u-c000.gz.parquet",
                "exports/x/shop/public.orders/1/part-00001-u-c000.gz.parquet",
                "exports/x/shop/public.orders/2/_SUCCESS",
                "exports/x/shop/public.old/some-other-name",
                "exports/x/shop/public.empty/1/_SUCCESS",
                "exports/y/shop/public.orders/1/part-0.parquet",
            ]
            .map(listed),
        );
        assert_eq!(folders.len(), 3);
        assert_eq!(folders["shop.public.orders"].data.len(), 2);
        assert!(folders["shop.public.orders"].data[0].key.contains("part-00001"));
        assert_eq!(folders["shop.public.old"].data.len(), 1);
        let empty = TableFolder { success: true, ..TableFolder::default() };
        assert_eq!(folders["shop.public.empty"], empty);
        assert_eq!(folders["shop.public.orders"].unmarked, ["exports/x/shop/public.orders/1/"]);
        assert_eq!(folders["shop.public.old"].unmarked, ["exports/x/shop/public.old/"]);
    }

    #[test]
    fn folders_with_files_and_without_a_marker_are_named() {
        let folders = group_by_table(
            "x/",
            [
                "x/shop/public.two/1/part-0.parquet",
                "x/shop/public.two/1/_SUCCESS",
                "x/shop/public.two/2/part-0.parquet",
                // Earlier exports have no folders of batches.
                "x/shop/public.flat/part-0.parquet",
                "x/shop/public.flat/_SUCCESS",
                "x/shop/public.above/_SUCCESS",
                "x/shop/public.above/1/part-0.parquet",
                "x/shop/public.above/1/2/part-0.parquet",
            ]
            .map(listed),
        );
        assert_eq!(folders["shop.public.two"].unmarked, ["x/shop/public.two/2/"]);
        for marked in ["shop.public.flat", "shop.public.above"] {
            assert!(folders[marked].unmarked.is_empty(), "{marked}");
        }
    }

    #[test]
    fn names_with_replaced_characters_match_their_folder() {
        let statuses = [status("shop.public.order \"items\"")];
        let folders = group_by_table("", [listed("shop/public.order__items_/1/p")]);
        let assigned = assign_folders(Engine::Postgres, &statuses, folders).tables;
        assert_eq!(assigned[0].source.name, "public.order \"items\"");
        assert_eq!(assigned[0].folder.data.len(), 1);
        assert_eq!(folder_name(r#"s.p.a\b`c"d e.f-g"#), "s.p.a_b_c_d_e.f-g");
    }

    #[test]
    fn targets_of_both_engines() {
        let name = |engine, text| {
            parse_source_table(engine, text)
                .map(|target| format!("{} | {}", target.database, target.name))
        };
        assert_eq!(name(Engine::Postgres, "shop.public.orders").unwrap(), "shop | public.orders");
        assert_eq!(name(Engine::Postgres, "shop.public.a.b").unwrap(), "shop | public.a.b");
        assert_eq!(name(Engine::Mysql, "shop.orders").unwrap(), "shop | shop.orders");
        assert_eq!(name(Engine::Mysql, "shop.shop.orders").unwrap(), "shop | shop.orders");
        for (engine, text) in [
            (Engine::Postgres, "postgres"),
            (Engine::Postgres, "shop.public"),
            (Engine::Mysql, "sys"),
        ] {
            assert_eq!(name(engine, text), None, "{text}");
        }
    }

    #[test]
    fn tables_that_share_a_folder_get_no_objects_and_the_others_theirs() {
        let statuses = [status("s.public.a b"), status("s.public.a_b"), status("s.public.c")];
        let folders = group_by_table("", ["s/public.a_b/1/p", "s/public.c/1/p"].map(listed));
        let assigned = assign_folders(Engine::Postgres, &statuses, folders);
        let shown: Vec<_> = assigned
            .tables
            .iter()
            .map(|it| {
                (it.source.name.as_str(), it.folder.data.len(), it.shares_folder_with.clone())
            })
            .collect();
        let with = |other: &str| vec![other.to_owned()];
        assert_eq!(
            shown,
            [
                ("public.a b", 0, with("public.a_b")),
                ("public.a_b", 0, with("public.a b")),
                ("public.c", 1, vec![]),
            ]
        );
        assert!(assigned.unknown_folders.is_empty());
    }

    #[test]
    fn files_of_no_table_are_reported_and_stop_no_other() {
        let statuses = [status("s.public.c"), status("s.public.c")];
        let keys = ["s/public.unknown/1/p", "s/public.c/1/p", "s/public.empty/_SUCCESS"];
        let folders = group_by_table("", keys.map(listed));
        let assigned = assign_folders(Engine::Postgres, &statuses, folders);
        assert_eq!((assigned.tables.len(), assigned.tables[0].folder.data.len()), (1, 1));
        assert_eq!(assigned.unknown_folders, ["s.public.unknown"]);
    }
}
