//! Goes through the records of a source in S3 and removes bounds from them, and the older versions
//! of objects that contain bounds.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use landbridge_aws::S3;
use landbridge_aws::s3::{ConditionalWrite, ObjectVersion};
use landbridge_core::contract::Contract;
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::{ErrorKind, Result};
use serde::Serialize;

use super::progress::Progress;
use super::strip::{RecordKind, Stripped, strip};

/// Objects at once: they are small, and the network's latency dominates.
const AT_ONCE: usize = 16;
/// How often a record is read again because a function replaced it in between.
const MAX_READS: usize = 4;

/// The records of one source.
pub(super) struct Sweep<'a> {
    pub(super) s3: &'a S3,
    pub(super) bucket: &'a str,
    /// The key prefix of the source's ledger, with a slash at its end.
    pub(super) root: String,
    pub(super) contract: &'a Contract,
    /// Whether to change anything.
    pub(super) act: bool,
}

/// What was found in the current records, and done.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct CurrentRecords {
    /// Records that can contain bounds.
    pub(super) read: usize,
    /// Records that contained bounds which the contract does not allow.
    pub(super) with_bounds: usize,
    /// Records that were written without them.
    pub(super) rewritten: usize,
    /// The columns, as `table.column`.
    pub(super) columns: BTreeSet<String>,
    /// Records that could not be read as such or that change all the time; they are unchanged.
    pub(super) unreadable: Vec<String>,
}

/// What was found in older versions, and done.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct OlderVersions {
    /// Older versions of such records.
    pub(super) read: usize,
    /// Those that contained bounds which the contract does not allow.
    pub(super) with_bounds: usize,
    /// Those that were deleted.
    pub(super) deleted: usize,
    /// Delete markers of objects without any other version, which were deleted too.
    pub(super) delete_markers: usize,
    /// AWS CLI commands for what this caller may not delete.
    pub(super) commands: Vec<String>,
}

/// What happened to one current record.
enum Outcome {
    Clean,
    Found { columns: BTreeSet<String>, rewritten: bool },
    Unreadable(String),
}

impl Sweep<'_> {
    /// Reads all current records, and rewrites those with bounds. Idempotent; a run that was
    /// interrupted is continued by the next one.
    ///
    /// # Errors
    /// Any S3 error.
    pub(super) async fn current(&self, progress: &Progress) -> Result<CurrentRecords> {
        let objects = self.s3.list(self.bucket, &self.root).await?;
        let records: Vec<(ObjectMeta, RecordKind)> = objects
            .into_iter()
            .filter_map(|object| self.kind(&object.key).map(|kind| (object, kind)))
            .collect();
        progress.start("records", records.len());
        let mut found = CurrentRecords { read: records.len(), ..CurrentRecords::default() };
        let mut outcomes = futures::stream::iter(&records)
            .map(|(object, kind)| self.record(&object.key, kind))
            .buffer_unordered(AT_ONCE);
        while let Some(outcome) = outcomes.try_next().await? {
            progress.step();
            match outcome {
                Outcome::Clean => {}
                Outcome::Found { columns, rewritten } => {
                    found.with_bounds += 1;
                    found.rewritten += usize::from(rewritten);
                    found.columns.extend(columns);
                }
                Outcome::Unreadable(key) => found.unreadable.push(key),
            }
        }
        found.unreadable.sort();
        Ok(found)
    }

    /// Reads the older versions of such records, and deletes those with bounds for good.
    ///
    /// # Errors
    /// Any S3 error; a deletion that is denied is a command in the result instead.
    pub(super) async fn older(&self, progress: &Progress) -> Result<OlderVersions> {
        let all = self.s3.versions(self.bucket, &self.root).await?;
        let records: Vec<(ObjectVersion, RecordKind)> = all
            .into_iter()
            .filter_map(|version| self.kind(&version.key).map(|kind| (version, kind)))
            .collect();
        let contents = records.iter().filter(|(version, _)| !version.is_delete_marker);
        let older: Vec<_> = contents.filter(|(version, _)| !version.is_latest).collect();
        progress.start("older versions", older.len());
        let mut found = OlderVersions { read: older.len(), ..OlderVersions::default() };
        let mut remaining: BTreeMap<&str, usize> = BTreeMap::new();
        for (version, _) in &records {
            let content = usize::from(!version.is_delete_marker);
            *remaining.entry(version.key.as_str()).or_default() += content;
        }
        let mut checked = futures::stream::iter(older)
            .map(|(version, kind)| async move {
                Ok::<_, landbridge_core::Error>((version, self.has_bounds(version, kind).await?))
            })
            .buffer_unordered(AT_ONCE);
        while let Some((version, has_bounds)) = checked.try_next().await? {
            progress.step();
            if !has_bounds {
                continue;
            }
            found.with_bounds += 1;
            if self.act && self.delete(version, &mut found.commands).await? {
                found.deleted += 1;
                *remaining.entry(version.key.as_str()).or_default() -= 1;
            }
        }
        drop(checked);
        let markers = records.iter().filter(|(version, _)| version.is_delete_marker);
        for (marker, _) in markers.filter(|(it, _)| remaining.get(it.key.as_str()) == Some(&0)) {
            let deleted = self.act && self.delete(marker, &mut found.commands).await?;
            found.delete_markers += usize::from(deleted);
        }
        Ok(found)
    }

    /// The kind of the record with this key, if it can contain bounds.
    fn kind(&self, key: &str) -> Option<RecordKind> {
        RecordKind::of(key.strip_prefix(&self.root)?)
    }

    /// Reads one record, and writes it without bounds in the version that was read.
    async fn record(&self, key: &str, kind: &RecordKind) -> Result<Outcome> {
        for _ in 0..MAX_READS {
            let Some((bytes, etag)) = self.s3.get(self.bucket, key).await? else {
                return Ok(Outcome::Clean);
            };
            let Stripped { bytes, columns } = match strip(kind, &bytes, self.contract) {
                Err(_) => return Ok(Outcome::Unreadable(key.to_owned())),
                Ok(None) => return Ok(Outcome::Clean),
                Ok(Some(stripped)) => stripped,
            };
            if !self.act {
                return Ok(Outcome::Found { columns, rewritten: false });
            }
            let write = self.s3.replace(self.bucket, key, &etag, Bytes::from(bytes)).await?;
            if matches!(write, ConditionalWrite::Written { .. }) {
                return Ok(Outcome::Found { columns, rewritten: true });
            }
            // A function replaced it, or the response of our own write was lost: read it again.
        }
        Ok(Outcome::Unreadable(key.to_owned()))
    }

    /// Whether an older version has bounds that the contract does not allow. A version that cannot
    /// be read as a record counts: nothing needs it.
    async fn has_bounds(&self, version: &ObjectVersion, kind: &RecordKind) -> Result<bool> {
        let bytes = self.s3.get_version(self.bucket, &version.key, &version.id).await?;
        Ok(bytes.is_some_and(|bytes| !matches!(strip(kind, &bytes, self.contract), Ok(None))))
    }

    /// Deletes a version. If that is denied, adds a command for somebody who may.
    async fn delete(&self, version: &ObjectVersion, commands: &mut Vec<String>) -> Result<bool> {
        match self.s3.delete_version(self.bucket, &version.key, &version.id).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Denied => {
                commands.push(format!(
                    "aws s3api delete-object --bucket '{}' --key '{}' --version-id '{}'",
                    self.bucket, version.key, version.id
                ));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
