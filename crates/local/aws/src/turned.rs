//! Claims that are turned around: the account then behaves as if the sentence of `claims.toml` with this id were
//! false. Tests use it to show that `landbridge probe aws` notices each of them, and names no other.
//!
//! A claim about the files of an export is turned for the exports that end afterwards.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use landbridge_local_database::{ExportQuirks, OddFile};
use serde_json::Value;

/// The ids of all claims that can be turned.
pub const TURNABLE: &[&str] = &[
    "export-columns-optional",
    "export-complete-has-manifests",
    "export-empty-row-groups",
    "export-empty-table",
    "export-encodings",
    "export-layout",
    "export-manifest-names",
    "export-manifest-shape",
    "export-manifest-types",
    "export-mysql-types",
    "export-names-in-keys",
    "export-postgres-text",
    "export-role-s3-actions",
    "export-skipped-in-manifest",
    "export-status-values",
    "export-success-marker",
    "export-tasks-stay-listed",
    "export-warning-message",
    "kms-export-rights",
    "kms-sign-raw-p256",
    "kms-sign-rights",
    "rds-automated-snapshot-exports",
    "rds-snapshot-list-has-tags",
    "rds-snapshot-quota",
    "s3-bucket-key-of-exports",
    "s3-create-if-none-match",
    "s3-etag-follows-content",
    "s3-get-if-match",
    "s3-put-whole",
    "s3-read-after-write",
    "s3-replace-if-match",
];

/// The claim of an account that is turned. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turned(Arc<Mutex<Option<&'static str>>>);

impl Turned {
    /// Turns a claim, or none. Whether the claim can be turned.
    pub(crate) fn set(&self, claim: Option<&str>) -> bool {
        let known = claim.map(|it| TURNABLE.iter().copied().find(|known| *known == it));
        if known == Some(None) {
            return false;
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known.flatten();
        true
    }

    /// Whether the claim is turned.
    pub(crate) fn is(&self, claim: &str) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == Some(claim)
    }

    /// How an export writes its files.
    pub(crate) fn quirks(&self, quirks: ExportQuirks) -> ExportQuirks {
        let odd = match () {
            () if self.is("export-columns-optional") => Some(OddFile::RepeatedColumn),
            () if self.is("export-empty-row-groups") => Some(OddFile::ValuesWithoutRows),
            () => quirks.odd_file,
        };
        let created_by = quirks.created_by.filter(|_| !self.is("export-encodings"));
        ExportQuirks { odd_file: odd, created_by, ..quirks }
    }
}

/// What a turned claim makes of the objects of one export, in the order in which they are written.
pub(crate) struct TurnedExport {
    turned: Turned,
    /// The folders of tables that have files.
    with_files: Mutex<BTreeSet<String>>,
}

impl TurnedExport {
    pub(crate) fn new(turned: Turned) -> Self {
        Self { turned, with_files: Mutex::default() }
    }

    /// The object that is written instead; `None`: none is.
    pub(crate) fn object(&self, key: String, bytes: Bytes) -> Option<(String, Bytes)> {
        let folder = table_folder(&key);
        let mut with_files = self.with_files.lock().unwrap_or_else(PoisonError::into_inner);
        let is_marker = key.ends_with("/_SUCCESS");
        if key.ends_with(".parquet") {
            with_files.insert(folder.clone());
        }
        let has_files = with_files.contains(&folder);
        let is = |claim| self.turned.is(claim);
        let lost =
            is("export-success-marker") && has_files || is("export-empty-table") && !has_files;
        if is_marker && lost {
            return None;
        }
        let is_tables = key.contains("/export_tables_info_");
        Some(match () {
            () if is("export-layout") && !key.ends_with(".json") => {
                let flat = folder.replace('.', "_");
                (key.replacen(&folder, &flat, 1), bytes)
            }
            () if is("export-names-in-keys") && !folder.is_ascii() => {
                let other = folder.replace(|c: char| !c.is_ascii(), "_");
                (key.replacen(&folder, &other, 1), bytes)
            }
            () if is("export-manifest-names") => {
                (key.replacen("/export_info_", "/information_", 1), bytes)
            }
            () if is_tables => (key, self.manifest(bytes)),
            () => (key, bytes),
        })
    }

    fn manifest(&self, bytes: Bytes) -> Bytes {
        const TYPE: &str = r#""originalType":"#;
        if self.turned.is("export-skipped-in-manifest") {
            return without_skipped(bytes);
        }
        let (from, to) = match () {
            () if self.turned.is("export-manifest-shape") => ("perTableStatus", "tables"),
            () if self.turned.is("export-manifest-types") => {
                (r#""timestamp with time zone""#, r#""timestamptz""#)
            }
            () if self.turned.is("export-postgres-text") => (r#""bigint""#, r#""boolean""#),
            () if self.turned.is("export-mysql-types") => (r#""bigint""#, r#""date""#),
            () => return bytes,
        };
        let text = String::from_utf8_lossy(&bytes);
        let prefix = if from.starts_with('"') { TYPE } else { "" };
        Bytes::from(text.replace(&format!("{prefix}{from}"), &format!("{prefix}{to}")))
    }
}

/// A manifest of tables that does not mention the tables that the export skipped.
fn without_skipped(bytes: Bytes) -> Bytes {
    let Ok(mut manifest) = serde_json::from_slice::<Value>(&bytes) else { return bytes };
    if let Some(entries) = manifest.get_mut("perTableStatus").and_then(Value::as_array_mut) {
        entries.retain(|it| it["status"] != "SKIPPED");
    }
    Bytes::from(manifest.to_string())
}

/// The folder of the table of an object: the first one with a dot in its name, with what is before it.
fn table_folder(key: &str) -> String {
    let mut folder = String::new();
    for part in key.split('/') {
        folder.push_str(part);
        if part.contains('.') {
            break;
        }
        folder.push('/');
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_turned_claim_speaks_of_changes() {
        let written = |claim: Option<&str>| {
            let turned = Turned::default();
            assert!(turned.set(claim));
            let export = TurnedExport::new(turned);
            [
                "e/shop/public.a/1/x.parquet",
                "e/shop/public.a/1/_SUCCESS",
                "e/shop/public.b/_SUCCESS",
            ]
            .map(|key| export.object(key.to_owned(), Bytes::new()).map(|it| it.0))
        };
        let [file, marker, empty] = written(None).map(Option::unwrap_or_default);
        assert_eq!(file, "e/shop/public.a/1/x.parquet");
        assert_eq!(
            written(Some("export-success-marker")),
            [Some(file.clone()), None, Some(empty.clone())]
        );
        assert_eq!(
            written(Some("export-empty-table")),
            [Some(file.clone()), Some(marker.clone()), None]
        );
        let flat = [file, marker, empty].map(|it| Some(it.replace("public.", "public_")));
        assert_eq!(written(Some("export-layout")), flat);
        assert!(!Turned::default().set(Some("no-such-claim")));
    }
}
