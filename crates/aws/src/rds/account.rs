//! Read-only checks of the account: databases that can be a source, the snapshot quota, and the
//! role and key of the last export.

use jiff::Timestamp;
use landbridge_core::Result;
use landbridge_core::config::SourceKind;

use super::settings::is_aurora;
use super::{Rds, non_empty, text, timestamp};
use crate::error::failed;

/// A database that can be a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCandidate {
    /// Instance or cluster. A member of a cluster is not a candidate.
    pub kind: SourceKind,
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The engine, as RDS names it.
    pub engine: String,
    /// `available`, `creating`, …
    pub status: String,
    /// Its allocated storage in GiB; `None` for Aurora clusters.
    pub storage_gib: Option<u32>,
    /// The type of its storage: `gp3`, `io2`, `standard` (magnetic), `aurora`, …
    pub storage_type: String,
    /// Whether it has a standby in another availability zone.
    pub multi_az: bool,
    /// The ARN of the KMS key that encrypts it; `None` if it is not encrypted.
    pub kms_key: Option<String>,
    /// Days for which RDS keeps automated backups; 0 means that there are none, and no
    /// point-in-time recovery.
    pub backup_days: u32,
}

/// The storage type of magnetic disks (RDS API reference, `DBInstance`, `StorageType`).
const MAGNETIC: &str = "standard";

impl SourceCandidate {
    /// The id of its AWS account: the fifth field of its ARN.
    pub fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    /// Whether each snapshot suspends reads and writes for seconds to minutes: that of a Single-AZ
    /// instance. RDS takes the snapshot of a Multi-AZ instance from its standby; Aurora is not
    /// affected (RDS User Guide, "Creating a DB snapshot for a Single-AZ DB instance").
    pub fn is_suspended_by_snapshots(&self) -> bool {
        self.kind == SourceKind::Instance && !self.multi_az && !is_aurora(&self.engine)
    }

    /// Whether RDS cannot export it: magnetic storage (RDS User Guide, "Exporting DB snapshot data
    /// to Amazon S3").
    pub fn is_magnetic(&self) -> bool {
        self.storage_type == MAGNETIC
    }
}

/// The quota of manual snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotQuota {
    /// How many snapshots exist.
    pub used: u64,
    /// How many are allowed.
    pub max: u64,
}

/// The newest export task to a bucket with a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastExport {
    /// Its id.
    pub id: String,
    /// Its status in upper case, such as `COMPLETE`.
    pub status: String,
    /// Why it failed.
    pub failure: Option<String>,
    /// The KMS key that it used.
    pub kms_key: String,
    /// When it started.
    pub started: Option<Timestamp>,
}

impl Rds {
    /// All instances and clusters of the account in the region, of both kinds.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn source_candidates(&self) -> Result<Vec<SourceCandidate>> {
        let pages = self.client.describe_db_clusters().into_paginator();
        let clusters = pages.items().send().try_collect().await.map_err(|error| {
            failed("the clusters cannot be listed", "rds:DescribeDBClusters", error)
        })?;
        let pages = self.client.describe_db_instances().into_paginator();
        let instances = pages.items().send().try_collect().await.map_err(|error| {
            failed("the instances cannot be listed", "rds:DescribeDBInstances", error)
        })?;
        let clusters = clusters.iter().map(|it| SourceCandidate {
            kind: SourceKind::Cluster,
            id: text(it.db_cluster_identifier()),
            arn: text(it.db_cluster_arn()),
            engine: text(it.engine()),
            status: text(it.status()),
            storage_gib: storage_gib(it.allocated_storage()),
            storage_type: text(it.storage_type()),
            multi_az: it.multi_az() == Some(true),
            kms_key: non_empty(it.kms_key_id()),
            backup_days: days(it.backup_retention_period()),
        });
        let standalone = instances.iter().filter(|it| it.db_cluster_identifier().is_none());
        let standalone = standalone.map(|it| SourceCandidate {
            kind: SourceKind::Instance,
            id: text(it.db_instance_identifier()),
            arn: text(it.db_instance_arn()),
            engine: text(it.engine()),
            status: text(it.db_instance_status()),
            storage_gib: storage_gib(it.allocated_storage()),
            storage_type: text(it.storage_type()),
            multi_az: it.multi_az() == Some(true),
            kms_key: non_empty(it.kms_key_id()),
            backup_days: days(it.backup_retention_period()),
        });
        Ok(clusters.chain(standalone).collect())
    }

    /// The account's quota of manual snapshots of this client's kind in the region; `None` if RDS
    /// does not report it.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn snapshot_quota(&self) -> Result<Option<SnapshotQuota>> {
        let answer = self.client.describe_account_attributes().send().await.map_err(|error| {
            failed("the quotas cannot be read", "rds:DescribeAccountAttributes", error)
        })?;
        let name = match self.kind {
            SourceKind::Instance => "ManualSnapshots",
            SourceKind::Cluster => "ManualClusterSnapshots",
        };
        let quota = answer.account_quotas().iter().find(|it| it.account_quota_name() == Some(name));
        let count = |number: Option<i64>| number.and_then(|it| u64::try_from(it).ok());
        Ok(quota
            .and_then(|it| Some(SnapshotQuota { used: count(it.used())?, max: count(it.max())? })))
    }

    /// The newest export task to a bucket with a role; `None` if RDS lists none.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn last_export(&self, bucket: &str, role: &str) -> Result<Option<LastExport>> {
        let tasks = self.raw_export_tasks().await?;
        let last = tasks
            .iter()
            .filter(|it| it.s3_bucket() == Some(bucket) && it.iam_role_arn() == Some(role))
            .max_by_key(|it| it.task_start_time().and_then(timestamp));
        Ok(last.map(|task| LastExport {
            id: text(task.export_task_identifier()),
            status: text(task.status()).to_ascii_uppercase(),
            failure: non_empty(task.failure_cause()),
            kms_key: text(task.kms_key_id()),
            started: task.task_start_time().and_then(timestamp),
        }))
    }
}

fn days(period: Option<i32>) -> u32 {
    period.and_then(|days| u32::try_from(days).ok()).unwrap_or_default()
}

/// `None` for Aurora, which reports 0 or 1 because its storage grows automatically.
fn storage_gib(gib: Option<i32>) -> Option<u32> {
    gib.and_then(|gib| u32::try_from(gib).ok()).filter(|gib| *gib > 1)
}
