//! Snapshots and export tasks. Instances and clusters have calls of their own
//! in RDS; here they are one thing, told apart by [`SourceKind`].
//!
//! | module | what |
//! |---|---|
//! | here | what the stages of a day need |
//! | `database`, `settings` | databases as they are, and what they are set to |
//! | `account` | what an account has: candidates for a source, the quota, the last export |
//! | `restore_points` | snapshots as restore points; tags |
//! | `restore` | making, changing, renaming, deleting databases |

mod account;
mod database;
mod restore;
mod restore_points;
mod settings;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::Tag;
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use landbridge_core::config::SourceKind;
use landbridge_core::ids::{ExportId, SnapshotId, TAG_KEEP, TAG_SETTINGS, TAG_SOURCE};
use landbridge_core::retention::ManualSnapshot;
use landbridge_core::{Created, Error, ErrorKind, Result};

use crate::error::{code, failed, status};

pub use account::{LastExport, SnapshotQuota, SourceCandidate};
pub use database::Database;

/// The RDS client for sources of one kind.
#[derive(Clone, Debug)]
pub struct Rds {
    client: Client,
    kind: SourceKind,
}

/// A snapshot, as far as an export needs it.
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

/// The status of an export task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportStatus {
    /// STARTING or IN_PROGRESS.
    Running,
    /// COMPLETE; not every table need be in it.
    Complete,
    /// FAILED.
    Failed,
    /// CANCELING or CANCELED.
    Canceled,
}

/// An export task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportTask {
    /// Its id.
    pub id: String,
    /// The snapshot's ARN.
    pub source_arn: String,
    /// Its status.
    pub status: ExportStatus,
    /// Percent done.
    pub progress: i32,
    /// Why it failed.
    pub failure: Option<String>,
    /// What it warns of.
    pub warning: Option<String>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// What a new export task needs.
#[derive(Clone, Debug)]
pub struct ExportRequest<'a> {
    /// Its id.
    pub id: &'a ExportId,
    /// The snapshot's ARN.
    pub source_arn: &'a str,
    /// Where to.
    pub bucket: &'a str,
    /// Below which prefix; empty for none.
    pub prefix: &'a str,
    /// The role that RDS assumes.
    pub role_arn: &'a str,
    /// The key that encrypts.
    pub kms_key: &'a str,
    /// What to export; empty for everything.
    pub only: &'a [String],
}

impl Rds {
    /// A client for sources of `kind`.
    pub fn new(client: Client, kind: SourceKind) -> Self {
        Self { client, kind }
    }

    /// All manual snapshots of this kind in the account and region, anybody's: the quota counts them all.
    /// `exporting` is filled in from the running export tasks.
    ///
    /// # Errors
    /// Those of RDS.
    pub async fn snapshots(&self) -> Result<Vec<ManualSnapshot>> {
        let mut snapshots = match self.kind {
            SourceKind::Instance => self.instance_snapshots().await?,
            SourceKind::Cluster => self.cluster_snapshots().await?,
        };
        let running = self.export_tasks().await?;
        for snapshot in &mut snapshots {
            let end = format!("snapshot:{}", snapshot.id);
            snapshot.exporting = running.iter().any(|task| {
                task.status == ExportStatus::Running && task.source_arn.ends_with(&end)
            });
        }
        Ok(snapshots)
    }

    async fn instance_snapshots(&self) -> Result<Vec<ManualSnapshot>> {
        let mut pages =
            self.client.describe_db_snapshots().snapshot_type("manual").into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                failed("the snapshots cannot be listed", "rds:DescribeDBSnapshots", error)
            })?;
            all.extend(page.db_snapshots().iter().map(|it| {
                tagged(
                    it.db_snapshot_identifier(),
                    it.db_instance_identifier(),
                    it.snapshot_create_time(),
                    it.status(),
                    it.tag_list(),
                )
            }));
        }
        Ok(all)
    }

    async fn cluster_snapshots(&self) -> Result<Vec<ManualSnapshot>> {
        let mut pages = self
            .client
            .describe_db_cluster_snapshots()
            .snapshot_type("manual")
            .into_paginator()
            .send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                failed("the snapshots cannot be listed", "rds:DescribeDBClusterSnapshots", error)
            })?;
            all.extend(page.db_cluster_snapshots().iter().map(|it| {
                tagged(
                    it.db_cluster_snapshot_identifier(),
                    it.db_cluster_identifier(),
                    it.snapshot_create_time(),
                    it.status(),
                    it.tag_list(),
                )
            }));
        }
        Ok(all)
    }

    /// One snapshot, or `None` when there is none of that id.
    ///
    /// # Errors
    /// Those of RDS.
    pub async fn snapshot(&self, id: &SnapshotId) -> Result<Option<SnapshotInfo>> {
        let what = "a snapshot cannot be described";
        match self.kind {
            SourceKind::Instance => {
                match self
                    .client
                    .describe_db_snapshots()
                    .db_snapshot_identifier(id.as_str())
                    .send()
                    .await
                {
                    Ok(page) => Ok(page.db_snapshots().first().map(|it| SnapshotInfo {
                        arn: text(it.db_snapshot_arn()),
                        status: text(it.status()),
                        created: it.snapshot_create_time().and_then(timestamp),
                        engine: text(it.engine()),
                    })),
                    Err(error) if code(&error) == "DBSnapshotNotFound" => Ok(None),
                    Err(error) => Err(failed(what, id.as_str(), error)),
                }
            }
            SourceKind::Cluster => {
                match self
                    .client
                    .describe_db_cluster_snapshots()
                    .db_cluster_snapshot_identifier(id.as_str())
                    .send()
                    .await
                {
                    Ok(page) => Ok(page.db_cluster_snapshots().first().map(|it| SnapshotInfo {
                        arn: text(it.db_cluster_snapshot_arn()),
                        status: text(it.status()),
                        created: it.snapshot_create_time().and_then(timestamp),
                        engine: text(it.engine()),
                    })),
                    Err(error) if code(&error) == "DBClusterSnapshotNotFoundFault" => Ok(None),
                    Err(error) => Err(failed(what, id.as_str(), error)),
                }
            }
        }
    }

    /// Creates a snapshot of `source`. Idempotent: one that exists is left as it is, and `false` returned.
    ///
    /// # Errors
    /// [`ErrorKind::Quota`] when the account is full, [`ErrorKind::Conflict`] when the database is not `available`.
    pub async fn create_snapshot(
        &self,
        id: &SnapshotId,
        source: &str,
        tags: &[(&str, &str)],
    ) -> Result<Created> {
        let what = "the snapshot cannot be created";
        let context = || format!("{id} of {source}");
        let tags = tags
            .iter()
            .map(|(key, value)| Tag::builder().key(*key).value(*value).build())
            .collect();
        match self.kind {
            SourceKind::Instance => {
                let call = self
                    .client
                    .create_db_snapshot()
                    .db_snapshot_identifier(id.as_str())
                    .db_instance_identifier(source)
                    .set_tags(Some(tags));
                match call.send().await {
                    Ok(_) => Ok(Created::New),
                    Err(error) if code(&error) == "DBSnapshotAlreadyExists" => {
                        Ok(Created::AlreadyExists)
                    }
                    Err(error) => Err(failed(what, context(), error)),
                }
            }
            SourceKind::Cluster => {
                let call = self
                    .client
                    .create_db_cluster_snapshot()
                    .db_cluster_snapshot_identifier(id.as_str())
                    .db_cluster_identifier(source)
                    .set_tags(Some(tags));
                match call.send().await {
                    Ok(_) => Ok(Created::New),
                    Err(error) if code(&error) == "DBClusterSnapshotAlreadyExistsFault" => {
                        Ok(Created::AlreadyExists)
                    }
                    Err(error) => Err(failed(what, context(), error)),
                }
            }
        }
    }

    /// Deletes a snapshot. Idempotent: one that is gone is no error.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when it is in use.
    pub async fn delete_snapshot(&self, id: &str) -> Result<()> {
        let what = "a snapshot cannot be deleted";
        match self.kind {
            SourceKind::Instance => {
                match self.client.delete_db_snapshot().db_snapshot_identifier(id).send().await {
                    Ok(_) => Ok(()),
                    Err(error) if code(&error) == "DBSnapshotNotFound" => Ok(()),
                    Err(error) => Err(failed(what, id, error)),
                }
            }
            SourceKind::Cluster => {
                match self
                    .client
                    .delete_db_cluster_snapshot()
                    .db_cluster_snapshot_identifier(id)
                    .send()
                    .await
                {
                    Ok(_) => Ok(()),
                    Err(error) if code(&error) == "DBClusterSnapshotNotFoundFault" => Ok(()),
                    Err(error) => Err(failed(what, id, error)),
                }
            }
        }
    }

    /// All export tasks that RDS still knows.
    ///
    /// # Errors
    /// Those of RDS.
    pub async fn export_tasks(&self) -> Result<Vec<ExportTask>> {
        let mut pages = self.client.describe_export_tasks().into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                failed("the export tasks cannot be listed", "rds:DescribeExportTasks", error)
            })?;
            for task in page.export_tasks() {
                all.push(export_task(task)?);
            }
        }
        Ok(all)
    }

    /// One export task, or `None` when there is none of that id.
    ///
    /// # Errors
    /// Those of RDS.
    pub async fn export_task(&self, id: &ExportId) -> Result<Option<ExportTask>> {
        match self.client.describe_export_tasks().export_task_identifier(id.as_str()).send().await {
            Ok(page) => page.export_tasks().first().map(export_task).transpose(),
            Err(error)
                if matches!(
                    code(&error).as_str(),
                    "ExportTaskNotFound" | "ExportTaskNotFoundFault"
                ) || status(&error) == 404 =>
            {
                Ok(None)
            }
            Err(error) => Err(failed("an export task cannot be described", id.as_str(), error)),
        }
    }

    /// Starts an export task. Idempotent: one of the same id that exists is left, and `false` returned.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] for role or key, [`ErrorKind::NotFound`] for bucket, role or
    /// snapshot, [`ErrorKind::Conflict`] when the snapshot is not ready.
    pub async fn start_export(&self, new: &ExportRequest<'_>) -> Result<Created> {
        let call = self
            .client
            .start_export_task()
            .export_task_identifier(new.id.as_str())
            .source_arn(new.source_arn)
            .s3_bucket_name(new.bucket)
            .set_s3_prefix(Some(new.prefix.to_owned()).filter(|prefix| !prefix.is_empty()))
            .iam_role_arn(new.role_arn)
            .kms_key_id(new.kms_key)
            .set_export_only(Some(new.only.to_vec()).filter(|only| !only.is_empty()));
        match call.send().await {
            Ok(_) => Ok(Created::New),
            Err(error) if code(&error) == "ExportTaskAlreadyExists" => Ok(Created::AlreadyExists),
            Err(error) => Err(failed(
                "the export task cannot be started",
                format!(
                    "{} to s3://{}/{} with role {}",
                    new.id, new.bucket, new.prefix, new.role_arn
                ),
                error,
            )),
        }
    }
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(at.secs()).ok()
}

fn tagged(
    id: Option<&str>,
    of: Option<&str>,
    created: Option<&DateTime>,
    status: Option<&str>,
    tags: &[Tag],
) -> ManualSnapshot {
    let tag = |key: &str| tags.iter().find(|tag| tag.key() == Some(key));
    ManualSnapshot {
        id: text(id),
        database_id: text(of),
        created: created.and_then(timestamp),
        status: text(status),
        source_tag: tag(TAG_SOURCE).and_then(Tag::value).map(str::to_owned),
        pinned: tag(TAG_KEEP).is_some(),
        has_settings: tag(TAG_SETTINGS).is_some(),
        exporting: false,
    }
}

fn export_task(task: &aws_sdk_rds::types::ExportTask) -> Result<ExportTask> {
    let id = text(task.export_task_identifier());
    let status = text(task.status()).to_ascii_uppercase();
    let status = match status.as_str() {
        "STARTING" | "IN_PROGRESS" => ExportStatus::Running,
        "COMPLETE" => ExportStatus::Complete,
        "FAILED" => ExportStatus::Failed,
        "CANCELING" | "CANCELED" => ExportStatus::Canceled,
        other => {
            return Err(Error::new(
                ErrorKind::Rejected,
                "an export task has a status that Landbridge does not know",
                format!("{id}: {other}"),
            ));
        }
    };
    let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(ExportTask {
        source_arn: text(task.source_arn()),
        status,
        progress: task.percent_progress().unwrap_or(0),
        failure: said(task.failure_cause()),
        warning: said(task.warning_message()),
        started: task.task_start_time().and_then(timestamp),
        ended: task.task_end_time().and_then(timestamp),
        id,
    })
}
