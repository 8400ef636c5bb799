//! Manual snapshots: list, describe, create, delete.

use aws_sdk_rds::types::{DbClusterSnapshot, DbSnapshot, Tag};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use landbridge_core::config::SourceKind;
use landbridge_core::ids::{SnapshotId, TAG_KEEP, TAG_SETTINGS, TAG_SOURCE};
use landbridge_core::retention::ManualSnapshot;
use landbridge_core::{Created, Result};

use super::{ExportStatus, Rds, tag_value, text, timestamp, to_tags};
use crate::error::{created, failed, found};

/// The properties of a snapshot that an export needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its ARN.
    pub arn: String,
    /// `available`, `creating`, …
    pub status: String,
    /// When it was taken.
    pub created: Option<Timestamp>,
    /// The engine's name, such as `aurora-postgresql`.
    pub engine: String,
}

impl Rds {
    /// All manual snapshots of this client's kind in the account and region, of any creator:
    /// all count towards the quota. `exporting` is set from the running export tasks.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn snapshots(&self) -> Result<Vec<ManualSnapshot>> {
        let manual = Some("manual");
        let mut snapshots: Vec<_> = match self.kind {
            SourceKind::Instance => {
                let all = self.instance_snapshots(manual).await?;
                all.iter()
                    .map(|it| {
                        snapshot(
                            it.db_snapshot_identifier(),
                            it.db_instance_identifier(),
                            it.snapshot_create_time(),
                            it.status(),
                            it.tag_list(),
                        )
                    })
                    .collect()
            }
            SourceKind::Cluster => {
                let all = self.cluster_snapshots(manual).await?;
                all.iter()
                    .map(|it| {
                        snapshot(
                            it.db_cluster_snapshot_identifier(),
                            it.db_cluster_identifier(),
                            it.snapshot_create_time(),
                            it.status(),
                            it.tag_list(),
                        )
                    })
                    .collect()
            }
        };
        let tasks = self.export_tasks().await?;
        for snapshot in &mut snapshots {
            let arn_end = format!("snapshot:{}", snapshot.id);
            snapshot.exporting = tasks.iter().any(|task| {
                task.status == ExportStatus::Running && task.source_arn.ends_with(&arn_end)
            });
        }
        Ok(snapshots)
    }

    /// All instance snapshots, of all types or of one.
    pub(super) async fn instance_snapshots(
        &self,
        snapshot_type: Option<&str>,
    ) -> Result<Vec<DbSnapshot>> {
        let call = self.client.describe_db_snapshots();
        let call = call.set_snapshot_type(snapshot_type.map(str::to_owned));
        call.into_paginator().items().send().try_collect().await.map_err(|error| {
            failed("the snapshots cannot be listed", "rds:DescribeDBSnapshots", error)
        })
    }

    /// All cluster snapshots, of all types or of one.
    pub(super) async fn cluster_snapshots(
        &self,
        snapshot_type: Option<&str>,
    ) -> Result<Vec<DbClusterSnapshot>> {
        let call = self.client.describe_db_cluster_snapshots();
        let call = call.set_snapshot_type(snapshot_type.map(str::to_owned));
        call.into_paginator().items().send().try_collect().await.map_err(|error| {
            failed("the snapshots cannot be listed", "rds:DescribeDBClusterSnapshots", error)
        })
    }

    /// Describes one snapshot; `None` if it does not exist.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn snapshot(&self, id: &SnapshotId) -> Result<Option<SnapshotInfo>> {
        let (what, id) = ("a snapshot cannot be described", id.as_str());
        match self.kind {
            SourceKind::Instance => {
                let call = self.client.describe_db_snapshots().db_snapshot_identifier(id);
                let page = found(call.send().await, "DBSnapshotNotFound", what, id)?;
                Ok(page.and_then(|page| {
                    page.db_snapshots().first().map(|it| SnapshotInfo {
                        arn: text(it.db_snapshot_arn()),
                        status: text(it.status()),
                        created: it.snapshot_create_time().and_then(timestamp),
                        engine: text(it.engine()),
                    })
                }))
            }
            SourceKind::Cluster => {
                let call = self.client.describe_db_cluster_snapshots();
                let call = call.db_cluster_snapshot_identifier(id);
                let page = found(call.send().await, "DBClusterSnapshotNotFoundFault", what, id)?;
                Ok(page.and_then(|page| {
                    page.db_cluster_snapshots().first().map(|it| SnapshotInfo {
                        arn: text(it.db_cluster_snapshot_arn()),
                        status: text(it.status()),
                        created: it.snapshot_create_time().and_then(timestamp),
                        engine: text(it.engine()),
                    })
                }))
            }
        }
    }

    /// Creates a snapshot of `source`. Idempotent: an existing snapshot with this id is not changed.
    ///
    /// # Errors
    /// [`ErrorKind::Quota`](landbridge_core::ErrorKind::Quota) if the account's snapshot quota is
    /// used up, [`ErrorKind::Conflict`](landbridge_core::ErrorKind::Conflict) if the database is not
    /// `available`; any other RDS error.
    pub async fn create_snapshot(
        &self,
        id: &SnapshotId,
        source: &str,
        tags: &[(&str, &str)],
    ) -> Result<Created> {
        let what = "the snapshot cannot be created";
        let context = format!("{id} of {source}");
        match self.kind {
            SourceKind::Instance => {
                let call = self.client.create_db_snapshot().set_tags(to_tags(tags));
                let call = call.db_snapshot_identifier(id.as_str()).db_instance_identifier(source);
                created(call.send().await, "DBSnapshotAlreadyExists", what, context)
            }
            SourceKind::Cluster => {
                let call = self.client.create_db_cluster_snapshot().set_tags(to_tags(tags));
                let call = call.db_cluster_snapshot_identifier(id.as_str());
                let result = call.db_cluster_identifier(source).send().await;
                created(result, "DBClusterSnapshotAlreadyExistsFault", what, context)
            }
        }
    }

    /// Deletes a snapshot. Idempotent: a snapshot that does not exist is not an error.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](landbridge_core::ErrorKind::Conflict) if it is in use; any other RDS
    /// error.
    pub async fn delete_snapshot(&self, id: &str) -> Result<()> {
        let what = "a snapshot cannot be deleted";
        match self.kind {
            SourceKind::Instance => {
                let call = self.client.delete_db_snapshot().db_snapshot_identifier(id);
                found(call.send().await, "DBSnapshotNotFound", what, id).map(|_| ())
            }
            SourceKind::Cluster => {
                let call = self.client.delete_db_cluster_snapshot();
                let result = call.db_cluster_snapshot_identifier(id).send().await;
                found(result, "DBClusterSnapshotNotFoundFault", what, id).map(|_| ())
            }
        }
    }
}

fn snapshot(
    id: Option<&str>,
    source: Option<&str>,
    created: Option<&DateTime>,
    status: Option<&str>,
    tags: &[Tag],
) -> ManualSnapshot {
    ManualSnapshot {
        id: text(id),
        database_id: text(source),
        created: created.and_then(timestamp),
        status: text(status),
        source_tag: tag_value(tags, TAG_SOURCE),
        pinned: tag_value(tags, TAG_KEEP).is_some(),
        has_settings: tag_value(tags, TAG_SETTINGS).is_some(),
        exporting: false,
    }
}
