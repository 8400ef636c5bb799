//! Snapshots and exports as the public API returns and accepts them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::kind::DatabaseKind;

/// How a snapshot was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotType {
    /// Created through the API by a person or a program. Counts against the quota.
    Manual,
    /// Created by RDS itself. The API cannot delete it.
    Automated,
}

impl SnapshotType {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Automated => "automated",
        }
    }
}

/// A snapshot to create without an API call.
#[derive(Clone, Debug)]
pub struct NewSnapshot {
    /// Whether it is a snapshot of an instance or of a cluster.
    pub kind: DatabaseKind,
    /// Any id; the ids of automated snapshots begin with `rds:`.
    pub id: String,
    /// The id of the instance or cluster, which does not need to exist.
    pub database: String,
    /// How it was created.
    pub snapshot_type: SnapshotType,
    /// The virtual time of its creation. It is `available` immediately.
    pub created: Timestamp,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Whether it contains the current data of the database. A snapshot without data costs
    /// nothing and cannot be exported (`InvalidExportSourceState`).
    pub with_data: bool,
}

/// The public view of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotView {
    /// Whether it is a snapshot of an instance or of a cluster.
    pub kind: DatabaseKind,
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The id of the instance or cluster.
    pub database: String,
    /// How it was created.
    pub snapshot_type: SnapshotType,
    /// `creating`, `available`, `failed` or `deleting`.
    pub status: &'static str,
    /// 0 to 100.
    pub percent: i64,
    /// The virtual time of the request.
    pub created: Timestamp,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// The public view of an export task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportView {
    /// The id of the task.
    pub id: String,
    /// The ARN of the snapshot.
    pub source_arn: String,
    /// The bucket that it writes to.
    pub bucket: String,
    /// The prefix, as given in the request.
    pub prefix: Option<String>,
    /// `STARTING`, `IN_PROGRESS`, `COMPLETE`, `FAILED`, `CANCELING` or `CANCELED`.
    pub status: &'static str,
    /// 0 to 100.
    pub percent: i64,
    /// The virtual time of the request.
    pub requested: Timestamp,
    /// The virtual time of its end, once it has ended.
    pub ended: Option<Timestamp>,
    /// `WarningMessage` in the API.
    pub warning: Option<String>,
    /// `FailureCause` in the API.
    pub failure: Option<String>,
}
