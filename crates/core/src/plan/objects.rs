//! Which object belongs to which table.
//!
//! An export lies under `<prefix>/<export-id>/`; a table under
//! `<database>/<schema>.<table>/`. Everything below is the table's, whatever it
//! is called: AWS documents that file names may change.

use std::collections::BTreeMap;

use crate::manifest::{ManifestFile, TableStatus};
use crate::{Error, Kind, Result};

/// An object as S3 lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its ETag.
    pub etag: String,
    /// Its length.
    pub bytes: u64,
}

/// What lies under one table's prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Data objects, in the order of their keys.
    pub data: Vec<Listed>,
    /// Whether a `_SUCCESS` stands anywhere below.
    pub success: bool,
}

/// The objects of an export by `<database>.<schema>.<table>` as the folders spell it.
///
/// `root` is `<prefix>/<export-id>/`. Manifests are left out.
pub fn group(root: &str, listed: impl IntoIterator<Item = Listed>) -> BTreeMap<String, Folder> {
    let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
    for object in listed {
        let Some(below) = object.key.strip_prefix(root) else { continue };
        let mut parts = below.splitn(3, '/');
        let (Some(database), Some(table), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if ManifestFile::of_key(&object.key).is_some() && rest.is_empty() {
            continue;
        }
        let folder = folders.entry(format!("{database}.{table}")).or_default();
        let name = rest.rsplit('/').next().unwrap_or(rest);
        if name == "_SUCCESS" {
            folder.success = true;
        } else if !name.is_empty() && !name.starts_with(['_', '.']) {
            folder.data.push(object);
        }
    }
    for folder in folders.values_mut() {
        folder.data.sort_by(|a, b| a.key.cmp(&b.key));
    }
    folders
}

/// How the folders spell a target: RDS replaces `\`, backtick, `"` and space by `_`. [Amazon RDS User Guide]
pub fn folder_of(target: &str) -> String {
    target
        .chars()
        .map(|c| if matches!(c, '\\' | '`' | '"' | ' ') { '_' } else { c })
        .collect()
}

/// `shop.public.orders` → (`shop`, `public.orders`); `None` for a database-level entry.
pub fn split_target(target: &str) -> Option<(&str, &str)> {
    let (database, rest) = target.split_once('.')?;
    rest.contains('.').then_some((database, rest))
}

/// Each table of the manifests with its folder (empty when the export has none for it).
///
/// # Errors
/// [`Kind::Corrupt`] when a folder belongs to no table of the manifests, or two
/// tables share one: rows would end up in the wrong place.
pub fn assign<'a>(
    statuses: &'a [TableStatus],
    mut folders: BTreeMap<String, Folder>,
) -> Result<Vec<(&'a TableStatus, Folder)>> {
    let mut by_folder: BTreeMap<String, &TableStatus> = BTreeMap::new();
    for status in statuses.iter().filter(|status| split_target(&status.target).is_some()) {
        if let Some(other) = by_folder.insert(folder_of(&status.target), status) {
            // The same table may stand in two manifest files; two different ones may not share a folder.
            if other.target != status.target {
                return Err(Error::new(
                    Kind::Corrupt,
                    "two tables of the export share one folder, so their rows cannot be told apart",
                    format!("{} and {}", other.target, status.target),
                ));
            }
        }
    }
    let assigned = by_folder
        .into_iter()
        .map(|(folder, status)| (status, folders.remove(&folder).unwrap_or_default()))
        .collect();
    if let Some((folder, _)) = folders.iter().find(|(_, folder)| !folder.data.is_empty()) {
        return Err(Error::new(
            Kind::Corrupt,
            "the export holds files of a table that its manifests do not name",
            folder.clone(),
        ));
    }
    Ok(assigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(key: &str) -> Listed {
        Listed { key: key.into(), etag: "e".into(), bytes: 1 }
    }

    fn status(target: &str) -> TableStatus {
        TableStatus { target: target.into(), status: "COMPLETE".into(), warning: None, columns: vec![] }
    }

    #[test]
    fn everything_below_a_table_is_its_own() {
        let folders = group(
            "exports/x/",
            [
                "exports/x/export_info_x.json",
                "exports/x/export_tables_info_x_from_1_to_2.json",
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
        assert_eq!(folders["shop.public.empty"], Folder { data: vec![], success: true });
    }

    #[test]
    fn odd_names_find_their_folder() {
        let statuses = [status("shop.public.order \"items\"")];
        let folders = group("", [listed("shop/public.order__items_/1/p")]);
        let assigned = assign(&statuses, folders).unwrap();
        assert_eq!(assigned[0].1.data.len(), 1);
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        let statuses = [status("s.public.a b"), status("s.public.a_b")];
        assert_eq!(assign(&statuses, BTreeMap::new()).unwrap_err().kind(), Kind::Corrupt);
        let stray = group("", [listed("s/public.unknown/1/p")]);
        assert_eq!(assign(&[], stray).unwrap_err().kind(), Kind::Corrupt);
    }
}
