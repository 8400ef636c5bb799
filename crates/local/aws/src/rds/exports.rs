//! Export tasks.

use landbridge_local_database::check_export_only;

use super::error::RdsError;
use super::form::Form;
use super::model::{ExportResult, ExportTask, PlannedEnd, Snapshot, SnapshotData, seconds_after};
use super::names::{self, Resource};
use super::state::{Rds, RdsState};
use super::xml::Xml;

/// Seconds from `CANCELING` to `CANCELED`.
const CANCELING_SECONDS: i64 = 60;

/// `StartExportTask`
pub(super) fn start(rds: &Rds, form: &Form) -> Result<Xml, RdsError> {
    let id = names::export_id(form.required("ExportTaskIdentifier")?)?;
    let source_arn = form.required("SourceArn")?;
    let bucket = form.required("S3BucketName")?;
    let role = form.required("IamRoleArn")?;
    let key = form.required("KmsKeyId")?;
    let only = form.list("ExportOnly", "member");
    let options = rds.options();
    let now = rds.now();

    let mut state = rds.state();
    if state.exports.contains_key(&id) {
        let message =
            format!("You can't start an export task that's already running or complete: {id}");
        return Err(RdsError::bad_request("ExportTaskAlreadyExists", message));
    }
    let snapshot = exportable_snapshot(rds, &state, source_arn)?;
    let SnapshotData::Captured(data) = snapshot.data.clone() else {
        let message = format!("The snapshot {} holds no data to export.", snapshot.id);
        return Err(invalid_source_state(message));
    };
    check_role(&state, role)?;
    check_kms_key(&state, key)?;
    if rds.store.check_bucket(bucket).is_err() {
        let message = format!("The specified Amazon S3 bucket {bucket} could not be found.");
        return Err(RdsError::bad_request("InvalidS3BucketFault", message));
    }
    check_export_only(data.as_ref(), &only)
        .map_err(|error| RdsError::bad_request("InvalidExportOnly", error.to_string()))?;
    let in_progress = state.exports.values().filter(|task| task.result.is_none()).count();
    if in_progress >= options.export_limit {
        let message = format!("At most {} export tasks can run at once.", options.export_limit);
        return Err(RdsError::bad_request(options.export_limit_code, message));
    }

    let seconds = state.export_minutes.unwrap_or(options.export_minutes) * 60;
    let failure = state.export_failures.pop_front();
    let planned = seconds_after(now, seconds);
    let task = ExportTask {
        id: id.clone(),
        source: (snapshot.kind, snapshot.id.clone()),
        source_arn: snapshot.resource().arn(options),
        snapshot_time: snapshot.created,
        data,
        bucket: bucket.to_owned(),
        prefix: form.get("S3Prefix").map(str::to_owned),
        role: role.to_owned(),
        key: key.to_owned(),
        only,
        quirks: state.export_quirks.clone(),
        requested: now,
        begins: seconds_after(now, seconds / 8),
        planned,
        // RDS restores the snapshot first, which takes most of the time; a failure comes later.
        ends: if failure.is_some() { seconds_after(now, seconds * 3 / 5) } else { planned },
        planned_end: failure.map_or(PlannedEnd::Complete, PlannedEnd::Failed),
        result: None,
    };
    let mut xml = Xml::default();
    write(&mut xml, rds, &task);
    state.exports.insert(id, task);
    Ok(xml)
}

fn invalid_source_state(message: String) -> RdsError {
    RdsError::bad_request("InvalidExportSourceState", message)
}

/// The snapshot with an ARN, if it can be exported now.
fn exportable_snapshot(rds: &Rds, state: &RdsState, arn: &str) -> Result<Snapshot, RdsError> {
    let (kind, id) = match Resource::parse(arn, rds.options()) {
        Some(Resource::Snapshot(kind, id)) => (kind, id),
        // RDS can export from a cluster directly; that is not emulated.
        _ => return Err(RdsError::invalid_parameter(format!("Invalid source ARN: {arn}"))),
    };
    let snapshot = state.find_snapshot(kind, &id)?;
    let (status, _) = snapshot.progress(rds.now());
    if status != "available" {
        let message = format!("The snapshot {id} is {status}, not available.");
        return Err(invalid_source_state(message));
    }
    if let Some(task) = state.export_in_progress(&(kind, id.clone())) {
        let message = format!("The snapshot {id} is being exported by the task {}.", task.id);
        return Err(invalid_source_state(message));
    }
    Ok(snapshot.clone())
}

fn check_role(state: &RdsState, role: &str) -> Result<(), RdsError> {
    match state.roles.get(role) {
        Some(true) => Ok(()),
        Some(false) => Err(RdsError::bad_request(
            "IamRoleMissingPermissions",
            format!("The IAM role {role} isn't authorized to write to the bucket."),
        )),
        None => Err(RdsError::not_found(
            "IamRoleNotFound",
            format!(
                "The IAM role {role} was not found or can't be assumed by export.rds.amazonaws.com."
            ),
        )),
    }
}

/// Checks that a key exists and is enabled.
fn check_kms_key(state: &RdsState, key: &str) -> Result<(), RdsError> {
    match state.find_kms_key(key) {
        Some((_, true)) => Ok(()),
        _ => Err(RdsError::bad_request(
            "KMSKeyNotAccessibleFault",
            format!(
                "The KMS key {key} doesn't exist, isn't enabled or you don't have permissions to access it."
            ),
        )),
    }
}

/// `DescribeExportTasks`: in the order of their ids, paged.
pub(super) fn describe(rds: &Rds, form: &Form) -> Result<Xml, RdsError> {
    let filters = form.filters(&["export-task-identifier", "s3-bucket", "source-arn", "status"])?;
    let requested_id = form.get("ExportTaskIdentifier").map(str::to_ascii_lowercase);
    let source = form.get("SourceArn");
    let source_type = form.get("SourceType");
    let now = rds.now();
    let state = rds.state();
    let forgets = rds.account.turned.is("export-tasks-stay-listed");
    let passes = |task: &&ExportTask| {
        !(forgets && requested_id.is_some())
            && requested_id.as_ref().is_none_or(|id| *id == task.id)
            && source.is_none_or(|arn| arn == task.source_arn)
            && source_type.is_none_or(|name| name == "SNAPSHOT")
            && filters.iter().all(|(name, values)| {
                let any = |value: &str| values.iter().any(|it| it == value);
                match name.as_str() {
                    "s3-bucket" => any(&task.bucket),
                    "source-arn" => any(&task.source_arn),
                    "status" => any(&task.progress(now).0.to_ascii_lowercase()),
                    _ => any(&task.id),
                }
            })
    };
    let items = state.exports.values().filter(passes);
    let (page, marker) = form.page(items.map(|task| (task.id.clone(), task)))?;
    if let Some(id) = requested_id
        && page.is_empty()
    {
        return Err(task_not_found(&id));
    }
    let mut xml = Xml::default();
    xml.optional_text("Marker", marker);
    xml.element("ExportTasks", |xml| {
        for task in page {
            xml.element("ExportTask", |xml| write(xml, rds, task));
        }
    });
    Ok(xml)
}

fn task_not_found(id: &str) -> RdsError {
    RdsError::not_found("ExportTaskNotFound", format!("The export task {id} doesn't exist."))
}

/// `CancelExportTask`. The objects that are already written stay in the bucket.
pub(super) fn cancel(rds: &Rds, form: &Form) -> Result<Xml, RdsError> {
    let id = form.required("ExportTaskIdentifier")?.to_ascii_lowercase();
    let now = rds.now();
    let mut state = rds.state();
    let task = state.exports.get_mut(&id).ok_or_else(|| task_not_found(&id))?;
    let (status, _) = task.progress(now);
    if !matches!(status, "STARTING" | "IN_PROGRESS") {
        return Err(RdsError::bad_request(
            "InvalidExportTaskStateFault",
            format!("You can't cancel the export task {id}, which is {status}."),
        ));
    }
    task.planned_end = PlannedEnd::Canceled;
    task.ends = seconds_after(now, CANCELING_SECONDS);
    let mut xml = Xml::default();
    write(&mut xml, rds, task);
    Ok(xml)
}

/// Writes the elements of an `ExportTask`.
fn write(xml: &mut Xml, rds: &Rds, task: &ExportTask) {
    let (status, percent) = task.progress(rds.now());
    xml.text("ExportTaskIdentifier", &task.id);
    xml.text("SourceArn", &task.source_arn);
    xml.text("SourceType", "SNAPSHOT");
    if !task.only.is_empty() {
        xml.element("ExportOnly", |xml| {
            for part in &task.only {
                xml.text("member", part);
            }
        });
    }
    xml.text("SnapshotTime", task.snapshot_time);
    if status != "STARTING" {
        xml.text("TaskStartTime", task.begins);
    }
    if task.result.is_some() {
        xml.text("TaskEndTime", task.ends);
    }
    xml.text("S3Bucket", &task.bucket);
    xml.text("S3Prefix", task.prefix.as_deref().unwrap_or_default());
    xml.text("IamRoleArn", &task.role);
    xml.text("KmsKeyId", &task.key);
    let other = rds.account.turned.is("export-status-values");
    xml.text("Status", if other { "FINISHED" } else { status });
    xml.text("PercentProgress", percent);
    let whole_gb = match &task.result {
        Some(ExportResult::Complete { whole_gb, .. }) => *whole_gb,
        _ => 0,
    };
    xml.text("TotalExtractedDataInGB", whole_gb);
    xml.optional_text("FailureCause", task.failure());
    let silent = rds.account.turned.is("export-warning-message");
    xml.optional_text("WarningMessage", task.warning().filter(|_| !silent));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kms_keys_are_found_by_each_of_their_names() {
        let mut state = RdsState::default();
        state.kms_keys.insert("arn:aws:kms:r:1:key/abc".into(), true);
        state.kms_keys.insert("alias/exports".into(), true);
        state.kms_keys.insert("arn:aws:kms:r:1:key/off".into(), false);
        for name in ["arn:aws:kms:r:1:key/abc", "abc", "alias/exports"] {
            assert!(check_kms_key(&state, name).is_ok(), "{name}");
        }
        for name in ["off", "bc", "alias/other"] {
            assert!(check_kms_key(&state, name).is_err(), "{name}");
        }
    }
}
