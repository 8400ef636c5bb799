//! Export tasks: list, describe, start.

use jiff::Timestamp;
use landbridge_core::ids::ExportId;
use landbridge_core::{Created, Result};

use super::{Rds, non_empty, text, timestamp};
use crate::error::{code, created, failed, status};

/// The status of an export task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportStatus {
    /// STARTING or IN_PROGRESS.
    Running,
    /// COMPLETE. The export may still lack some tables.
    Complete,
    /// FAILED.
    Failed,
    /// CANCELING or CANCELED.
    Canceled,
    /// A status that Landbridge does not know; [`ExportTask::status_text`] has it. Such a task is
    /// treated like a running one: it may be reading its snapshot.
    Unknown,
}

/// An export task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportTask {
    /// Its id.
    pub id: String,
    /// The ARN of the exported snapshot.
    pub source_arn: String,
    /// Its status.
    pub status: ExportStatus,
    /// Its status as RDS writes it.
    pub status_text: String,
    /// Progress in percent.
    pub progress: i32,
    /// Why it failed.
    pub failure: Option<String>,
    /// The warning that RDS attached to it.
    pub warning: Option<String>,
    /// The ARN of the role that RDS assumes to write to the bucket.
    pub role_arn: String,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// The parameters of a new export task.
#[derive(Clone, Debug)]
pub struct ExportRequest<'a> {
    /// The id of the task.
    pub id: &'a ExportId,
    /// The ARN of the snapshot to export.
    pub source_arn: &'a str,
    /// The bucket that RDS writes to.
    pub bucket: &'a str,
    /// The prefix of the keys; empty for none.
    pub prefix: &'a str,
    /// The role that RDS assumes to write to the bucket.
    pub role_arn: &'a str,
    /// The KMS key that encrypts the exported objects.
    pub kms_key: &'a str,
    /// The databases, schemas or tables to export; empty for all.
    pub only: &'a [String],
}

impl Rds {
    /// All export tasks that RDS still lists.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn export_tasks(&self) -> Result<Vec<ExportTask>> {
        Ok(self.raw_export_tasks().await?.iter().map(export_task).collect())
    }

    pub(super) async fn raw_export_tasks(&self) -> Result<Vec<aws_sdk_rds::types::ExportTask>> {
        let pages = self.client.describe_export_tasks().into_paginator();
        pages.items().send().try_collect().await.map_err(|error| {
            failed("the export tasks cannot be listed", "rds:DescribeExportTasks", error)
        })
    }

    /// Describes one export task; `None` if it does not exist.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn export_task(&self, id: &ExportId) -> Result<Option<ExportTask>> {
        match self.client.describe_export_tasks().export_task_identifier(id.as_str()).send().await {
            Ok(page) => Ok(page.export_tasks().first().map(export_task)),
            Err(error)
                if matches!(code(&error), "ExportTaskNotFound" | "ExportTaskNotFoundFault")
                    || status(&error) == 404 =>
            {
                Ok(None)
            }
            Err(error) => Err(failed("an export task cannot be described", id.as_str(), error)),
        }
    }

    /// Starts an export task. Idempotent: an existing task with this id is not changed.
    ///
    /// # Errors
    /// `Denied` if the role or the KMS key may not be used, `NotFound` if the bucket, the role or
    /// the snapshot does not exist, `Conflict` if the snapshot cannot be exported now, `Quota` if
    /// too many tasks are running; any other RDS error.
    pub async fn start_export(&self, request: &ExportRequest<'_>) -> Result<Created> {
        let ExportRequest { id, bucket, prefix, role_arn, .. } = request;
        let call = self
            .client
            .start_export_task()
            .export_task_identifier(id.as_str())
            .source_arn(request.source_arn)
            .s3_bucket_name(*bucket)
            .set_s3_prefix(non_empty(Some(prefix)))
            .iam_role_arn(*role_arn)
            .kms_key_id(request.kms_key)
            .set_export_only(Some(request.only.to_vec()).filter(|only| !only.is_empty()));
        let context = format!("{id} to s3://{bucket}/{prefix} with role {role_arn}");
        let what = "the export task cannot be started";
        created(call.send().await, "ExportTaskAlreadyExists", what, context)
    }
}

fn export_task(task: &aws_sdk_rds::types::ExportTask) -> ExportTask {
    let status_text = text(task.status()).to_ascii_uppercase();
    ExportTask {
        id: text(task.export_task_identifier()),
        source_arn: text(task.source_arn()),
        status: export_status(&status_text),
        status_text,
        progress: task.percent_progress().unwrap_or(0),
        failure: non_empty(task.failure_cause()),
        warning: non_empty(task.warning_message()),
        role_arn: text(task.iam_role_arn()),
        started: task.task_start_time().and_then(timestamp),
        ended: task.task_end_time().and_then(timestamp),
    }
}

/// The status of a task. RDS may add others: the list is from the API reference of `ExportTask`,
/// whose field is a text without a list of values in the service model.
fn export_status(status: &str) -> ExportStatus {
    match status {
        "STARTING" | "IN_PROGRESS" => ExportStatus::Running,
        "COMPLETE" => ExportStatus::Complete,
        "FAILED" => ExportStatus::Failed,
        "CANCELING" | "CANCELED" => ExportStatus::Canceled,
        _ => ExportStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_of_another_program_is_read_whatever_its_status() {
        let task = aws_sdk_rds::types::ExportTask::builder()
            .export_task_identifier("theirs")
            .status("Paused")
            .source_arn("arn:aws:rds:ap-northeast-2:1:cluster:theirs")
            .build();
        let task = export_task(&task);
        assert_eq!((task.status, task.status_text.as_str()), (ExportStatus::Unknown, "PAUSED"));
        assert_eq!(export_status("COMPLETE"), ExportStatus::Complete);
    }
}
