//! What an account has, looked at and not touched: databases, quota, and what its last export
//! shows of role and key.

use jiff::Timestamp;
use landbridge_core::Result;
use landbridge_core::config::SourceKind;

use super::{Rds, text, timestamp};
use crate::error::failed;

/// A database that could be a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCandidate {
    /// Whether it is an instance or a cluster. Members of a cluster are no candidates.
    pub kind: SourceKind,
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// As RDS names it.
    pub engine: String,
    /// `available`, `creating`, …
    pub status: String,
    /// Its storage in GiB; clusters of Aurora do not tell.
    pub storage_gib: Option<u32>,
}

impl SourceCandidate {
    /// The account it is in: the fifth field of its ARN.
    pub fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }
}

/// The quota of manual snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotQuota {
    /// How many there are.
    pub used: u64,
    /// How many there may be.
    pub max: u64,
}

/// What the newest export task to a bucket with a role showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastExport {
    /// Its id.
    pub id: String,
    /// Its status in upper case, such as `COMPLETE`.
    pub status: String,
    /// Why it failed.
    pub failure: Option<String>,
    /// The key it used.
    pub kms_key: String,
    /// When it started.
    pub started: Option<Timestamp>,
}

impl Rds {
    /// All instances and clusters of the account in the region, whatever kind this client is of.
    ///
    /// # Errors
    /// Those of RDS.
    pub async fn source_candidates(&self) -> Result<Vec<SourceCandidate>> {
        let mut all = Vec::new();
        let mut pages = self.client.describe_db_clusters().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                failed("the clusters cannot be listed", "rds:DescribeDBClusters", error)
            })?;
            all.extend(page.db_clusters().iter().map(|it| SourceCandidate {
                kind: SourceKind::Cluster,
                id: text(it.db_cluster_identifier()),
                arn: text(it.db_cluster_arn()),
                engine: text(it.engine()),
                status: text(it.status()),
                storage_gib: storage(it.allocated_storage()),
            }));
        }
        let mut pages = self.client.describe_db_instances().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                failed("the instances cannot be listed", "rds:DescribeDBInstances", error)
            })?;
            let alone =
                page.db_instances().iter().filter(|it| it.db_cluster_identifier().is_none());
            all.extend(alone.map(|it| SourceCandidate {
                kind: SourceKind::Instance,
                id: text(it.db_instance_identifier()),
                arn: text(it.db_instance_arn()),
                engine: text(it.engine()),
                status: text(it.db_instance_status()),
                storage_gib: storage(it.allocated_storage()),
            }));
        }
        Ok(all)
    }

    /// The account's quota of manual snapshots of this client's kind in the region, or `None`
    /// when RDS does not tell it.
    ///
    /// # Errors
    /// Those of RDS.
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

    /// The newest export task to a bucket with a role, or `None` when RDS knows none.
    ///
    /// # Errors
    /// Those of RDS.
    pub async fn last_export(&self, bucket: &str, role: &str) -> Result<Option<LastExport>> {
        let mut pages = self.client.describe_export_tasks().into_paginator().send();
        let mut last: Option<LastExport> = None;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                failed("the export tasks cannot be listed", "rds:DescribeExportTasks", error)
            })?;
            let ours = page
                .export_tasks()
                .iter()
                .filter(|it| it.s3_bucket() == Some(bucket) && it.iam_role_arn() == Some(role));
            for task in ours {
                let started = task.task_start_time().and_then(timestamp);
                if last.as_ref().is_none_or(|last| last.started <= started) {
                    last = Some(LastExport {
                        id: text(task.export_task_identifier()),
                        status: text(task.status()).to_ascii_uppercase(),
                        failure: task
                            .failure_cause()
                            .filter(|it| !it.is_empty())
                            .map(str::to_owned),
                        kms_key: text(task.kms_key_id()),
                        started,
                    });
                }
            }
        }
        Ok(last)
    }
}

/// Aurora says 0 or 1 for storage that grows by itself.
fn storage(gib: Option<i32>) -> Option<u32> {
    gib.and_then(|gib| u32::try_from(gib).ok()).filter(|gib| *gib > 1)
}
