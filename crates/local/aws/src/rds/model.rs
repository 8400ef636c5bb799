//! Databases, snapshots and export tasks, with their status at a virtual time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use landbridge_local_database::{DatabaseSnapshot, ExportQuirks, SourceDatabase};

use super::kind::DatabaseKind;
use super::names::Resource;
use super::settings::DatabaseSettings;
use super::views::{ExportView, SnapshotType, SnapshotView};
use crate::options::AwsOptions;

/// A DB instance, an Aurora cluster or a Multi-AZ cluster.
pub(super) struct Database {
    pub(super) id: String,
    pub(super) kind: DatabaseKind,
    /// As in the API: `postgres`, `aurora-mysql`.
    pub(super) engine: String,
    pub(super) version: String,
    /// The data. `None` for the members of a cluster, because the data belongs to the cluster,
    /// and until a restore has created it.
    pub(super) source: Option<Arc<dyn SourceDatabase>>,
    /// The cluster of which it is a member.
    pub(super) cluster: Option<String>,
    /// Whether it is the writer of its cluster.
    pub(super) is_writer: bool,
    /// The status while there is no task.
    pub(super) status: String,
    pub(super) created: Timestamp,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) database_name: Option<String>,
    pub(super) master_username: String,
    pub(super) settings: DatabaseSettings,
    /// The id that does not change when the database is renamed.
    pub(super) resource_id: String,
    /// Host and port of the server that accepts connections, if there is one.
    pub(super) endpoint: Option<(String, u16)>,
    /// Keeps the server behind the endpoint running.
    pub(super) server: Option<ServerHandle>,
    /// The operation of RDS in progress.
    pub(super) task: Option<DatabaseTask>,
}

/// Stops a server when it is dropped.
pub(super) type ServerHandle = Arc<dyn std::any::Any + Send + Sync>;

/// An operation of RDS on a database that takes until the virtual time `ready`.
#[derive(Clone, Debug)]
pub(super) enum DatabaseTask {
    /// Creation. It also waits until the data exists.
    Creating { ready: Timestamp },
    /// Modification of settings, or renaming.
    Changing { ready: Timestamp, settings: Box<DatabaseSettings>, new_id: Option<String> },
    /// Deletion.
    Deleting { ready: Timestamp },
}

impl DatabaseTask {
    /// The status of the database during the task.
    pub(super) fn status(&self) -> &'static str {
        match self {
            Self::Creating { .. } => "creating",
            Self::Changing { new_id: Some(_), .. } => "renaming",
            Self::Changing { .. } => "modifying",
            Self::Deleting { .. } => "deleting",
        }
    }
}

impl Database {
    pub(super) fn resource(&self) -> Resource {
        Resource::Database(self.kind, self.id.clone())
    }

    /// Whether it is a Multi-AZ cluster or a member of one. RDS creates and deletes the members.
    pub(super) fn is_multi_az_cluster(&self) -> bool {
        let of_a_cluster = self.kind == DatabaseKind::Cluster || self.cluster.is_some();
        of_a_cluster && !self.engine.starts_with("aurora")
    }
}

/// The directory with the data of a snapshot, removed when no user is left.
pub(super) struct SnapshotDir(pub(super) PathBuf);

impl Drop for SnapshotDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "could not remove the directory of a snapshot");
        }
    }
}

/// The data of a snapshot.
#[derive(Clone)]
pub(super) enum SnapshotData {
    /// The database is still being read.
    Pending,
    /// The data exists.
    Captured(Arc<dyn DatabaseSnapshot>),
    /// The snapshot has no data: it exists only to be counted.
    Absent,
}

/// A snapshot.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) id: String,
    pub(super) kind: DatabaseKind,
    /// The id of the instance or cluster.
    pub(super) database: String,
    /// The id of the instance or cluster that no rename changes.
    pub(super) resource_id: String,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) snapshot_type: SnapshotType,
    pub(super) created: Timestamp,
    /// When it becomes `available`, if its data exists by then.
    pub(super) available: Timestamp,
    pub(super) data: SnapshotData,
    pub(super) tags: BTreeMap<String, String>,
    /// Keeps the files of the data.
    pub(super) dir: Option<Arc<SnapshotDir>>,
    /// The settings of the database at that time; a snapshot of AWS contains few of them.
    pub(super) settings: DatabaseSettings,
    pub(super) database_name: Option<String>,
    pub(super) master_username: String,
    /// Whether RDS is deleting it.
    pub(super) deleting: bool,
    /// Whether RDS could not take it.
    pub(super) failed: bool,
}

/// A status and percent of completion.
pub(super) type Progress = (&'static str, i64);

impl Snapshot {
    pub(super) fn resource(&self) -> Resource {
        Resource::Snapshot(self.kind, self.id.clone())
    }

    pub(super) fn progress(&self, now: Timestamp) -> Progress {
        if self.deleting {
            return ("deleting", 100);
        }
        if self.failed {
            return ("failed", 0);
        }
        if now >= self.available && !matches!(self.data, SnapshotData::Pending) {
            return ("available", 100);
        }
        ("creating", percent(self.created, self.available, now))
    }

    pub(super) fn view(&self, now: Timestamp, options: &AwsOptions) -> SnapshotView {
        let (status, percent) = self.progress(now);
        SnapshotView {
            kind: self.kind,
            id: self.id.clone(),
            arn: self.resource().arn(options),
            database: self.database.clone(),
            snapshot_type: self.snapshot_type,
            status,
            percent,
            created: self.created,
            tags: self.tags.clone(),
        }
    }
}

/// How an export task will end, unless it is cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PlannedEnd {
    Complete,
    Failed(String),
    Canceled,
}

/// How an export task has ended. Its objects are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ExportResult {
    Complete { whole_gb: i64, warning: Option<String> },
    Failed(String),
    Canceled,
}

/// An export task.
#[derive(Clone)]
pub(super) struct ExportTask {
    pub(super) id: String,
    /// Kind and id of the snapshot.
    pub(super) source: (DatabaseKind, String),
    pub(super) source_arn: String,
    pub(super) snapshot_time: Timestamp,
    pub(super) data: Arc<dyn DatabaseSnapshot>,
    pub(super) bucket: String,
    pub(super) prefix: Option<String>,
    pub(super) role: String,
    pub(super) key: String,
    pub(super) only: Vec<String>,
    pub(super) quirks: ExportQuirks,
    pub(super) requested: Timestamp,
    /// When `STARTING` becomes `IN_PROGRESS`.
    pub(super) begins: Timestamp,
    /// When it would end without failure or cancellation; percentages refer to this time.
    pub(super) planned: Timestamp,
    /// When it ends.
    pub(super) ends: Timestamp,
    pub(super) planned_end: PlannedEnd,
    /// Set once the objects are written.
    pub(super) result: Option<ExportResult>,
}

impl ExportTask {
    /// Status and percent at `now`.
    pub(super) fn progress(&self, now: Timestamp) -> Progress {
        let percent_at = |at| percent(self.begins, self.planned, at);
        match (&self.result, &self.planned_end) {
            (Some(ExportResult::Complete { .. }), _) => ("COMPLETE", 100),
            (Some(ExportResult::Failed(_)), _) => ("FAILED", percent_at(self.ends)),
            (Some(ExportResult::Canceled), _) => ("CANCELED", percent_at(self.ends)),
            (None, PlannedEnd::Canceled) => ("CANCELING", percent_at(now)),
            (None, _) if now < self.begins || now == self.requested => ("STARTING", 0),
            (None, _) => ("IN_PROGRESS", percent_at(now)),
        }
    }

    pub(super) fn view(&self, now: Timestamp) -> ExportView {
        let (status, percent) = self.progress(now);
        ExportView {
            id: self.id.clone(),
            source_arn: self.source_arn.clone(),
            bucket: self.bucket.clone(),
            prefix: self.prefix.clone(),
            status,
            percent,
            requested: self.requested,
            ended: self.result.as_ref().map(|_| self.ends),
            warning: self.warning(),
            failure: self.failure(),
        }
    }

    pub(super) fn warning(&self) -> Option<String> {
        match &self.result {
            Some(ExportResult::Complete { warning, .. }) => warning.clone(),
            _ => None,
        }
    }

    pub(super) fn failure(&self) -> Option<String> {
        match &self.result {
            Some(ExportResult::Failed(cause)) => Some(cause.clone()),
            _ => None,
        }
    }
}

/// The whole percent of the interval that has passed; at most 99, because completion is a status
/// of its own.
fn percent(from: Timestamp, to: Timestamp, now: Timestamp) -> i64 {
    let total = to.duration_since(from).as_secs().max(1);
    let elapsed = now.duration_since(from).as_secs().max(0);
    (elapsed * 100 / total).min(99)
}

/// The time `seconds` after `at`, limited to the maximum timestamp.
pub(super) fn seconds_after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
