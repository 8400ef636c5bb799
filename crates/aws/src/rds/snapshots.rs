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
    /// Its id; that of an automated snapshot begins with `rds:`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// `available`, `creating`, …
    pub status: String,
    /// When it was taken.
    pub created: Option<Timestamp>,
    /// The engine's name, such as `aurora-postgresql`.
    pub engine: String,
    /// The storage of the database: `gp3`, `io1`, `standard` (magnetic), `aurora`, …
    pub storage_type: String,
}

/// Keys and values of tags, in order.
pub type SortedTags = Vec<(String, String)>;

fn sorted(tags: &[Tag]) -> SortedTags {
    let mut tags: SortedTags =
        tags.iter().map(|tag| (text(tag.key()), text(tag.value()))).collect();
    tags.sort();
    tags
}

impl Rds {
    /// All manual snapshots of this client's kind in the account and region, of any creator:
    /// all count towards the quota. `exporting` is not set: see [`Self::exported_arns`].
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn snapshots(&self) -> Result<Vec<ManualSnapshot>> {
        let manual = Some("manual");
        Ok(match self.kind {
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
        })
    }

    /// The ARNs that export tasks are reading: those of every task that has not ended, of any
    /// creator.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn exported_arns(&self) -> Result<Vec<String>> {
        let reads = |task: &super::ExportTask| {
            matches!(task.status, ExportStatus::Running | ExportStatus::Unknown)
        };
        let tasks = self.export_tasks().await?;
        Ok(tasks.into_iter().filter(reads).map(|task| task.source_arn).collect())
    }

    /// The automated snapshots of a source, in any order.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn automated_snapshots(&self, source: &str) -> Result<Vec<SnapshotInfo>> {
        let automated = Some("automated");
        let of_source = |id: Option<&str>| id.is_some_and(|id| id.eq_ignore_ascii_case(source));
        Ok(match self.kind {
            SourceKind::Instance => {
                let all = self.instance_snapshots(automated).await?;
                let own = all.iter().filter(|it| of_source(it.db_instance_identifier()));
                own.map(instance_snapshot).collect()
            }
            SourceKind::Cluster => {
                let all = self.cluster_snapshots(automated).await?;
                let own = all.iter().filter(|it| of_source(it.db_cluster_identifier()));
                own.map(cluster_snapshot).collect()
            }
        })
    }

    /// The manual snapshots of a source with the tags that the listing shows, by ARN.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn listed_tags(&self, source: &str) -> Result<Vec<(String, SortedTags)>> {
        let manual = Some("manual");
        let of_source = |id: Option<&str>| id.is_some_and(|id| id.eq_ignore_ascii_case(source));
        Ok(match self.kind {
            SourceKind::Instance => {
                let all = self.instance_snapshots(manual).await?;
                let own = all.iter().filter(|it| of_source(it.db_instance_identifier()));
                own.map(|it| (text(it.db_snapshot_arn()), sorted(it.tag_list()))).collect()
            }
            SourceKind::Cluster => {
                let all = self.cluster_snapshots(manual).await?;
                let own = all.iter().filter(|it| of_source(it.db_cluster_identifier()));
                own.map(|it| (text(it.db_cluster_snapshot_arn()), sorted(it.tag_list()))).collect()
            }
        })
    }

    /// The tags of one resource, as `ListTagsForResource` answers.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn tags(&self, arn: &str) -> Result<SortedTags> {
        let answer = self.client.list_tags_for_resource().resource_name(arn).send().await;
        let answer = answer.map_err(|error| failed("the tags cannot be read", arn, error))?;
        Ok(sorted(answer.tag_list()))
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

    /// Describes one snapshot, manual or automated; `None` if it does not exist.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn snapshot(&self, id: &str) -> Result<Option<SnapshotInfo>> {
        let what = "a snapshot cannot be described";
        match self.kind {
            SourceKind::Instance => {
                let call = self.client.describe_db_snapshots().db_snapshot_identifier(id);
                let page = found(call.send().await, "DBSnapshotNotFound", what, id)?;
                Ok(page.and_then(|page| page.db_snapshots().first().map(instance_snapshot)))
            }
            SourceKind::Cluster => {
                let call = self.client.describe_db_cluster_snapshots();
                let call = call.db_cluster_snapshot_identifier(id);
                let page = found(call.send().await, "DBClusterSnapshotNotFoundFault", what, id)?;
                Ok(page.and_then(|page| page.db_cluster_snapshots().first().map(cluster_snapshot)))
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

fn instance_snapshot(it: &DbSnapshot) -> SnapshotInfo {
    SnapshotInfo {
        id: text(it.db_snapshot_identifier()),
        arn: text(it.db_snapshot_arn()),
        status: text(it.status()),
        created: it.snapshot_create_time().and_then(timestamp),
        engine: text(it.engine()),
        storage_type: text(it.storage_type()),
    }
}

fn cluster_snapshot(it: &DbClusterSnapshot) -> SnapshotInfo {
    SnapshotInfo {
        id: text(it.db_cluster_snapshot_identifier()),
        arn: text(it.db_cluster_snapshot_arn()),
        status: text(it.status()),
        created: it.snapshot_create_time().and_then(timestamp),
        engine: text(it.engine()),
        storage_type: text(it.storage_type()),
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
