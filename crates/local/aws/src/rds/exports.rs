//! Export tasks.

use landbridge_local_database::check_export_only;

use super::fault::Fault;
use super::form::Form;
use super::model::{Capture, Ending, Export, Outcome, RdsState, Snapshot, after};
use super::names::{self, Resource};
use super::xml::Xml;
use crate::shared::Shared;

/// Seconds from `CANCELING` to `CANCELED`.
const CANCELING: i64 = 60;

/// `StartExportTask`
pub(super) fn start(shared: &Shared, form: &Form) -> Result<Xml, Fault> {
    let options = &shared.options;
    let id = names::export_id(form.required("ExportTaskIdentifier")?)?;
    let source_arn = form.required("SourceArn")?;
    let bucket = form.required("S3BucketName")?;
    let role = form.required("IamRoleArn")?;
    let key = form.required("KmsKeyId")?;
    let only = form.list("ExportOnly", "member");
    let now = shared.clock.now();

    let mut state = shared.rds();
    if state.exports.contains_key(&id) {
        let message =
            format!("You can't start an export task that's already running or complete: {id}");
        return Err(Fault::bad("ExportTaskAlreadyExists", message));
    }
    let snapshot = exportable(&state, shared, source_arn)?;
    let Capture::Done(image) = snapshot.capture.clone() else {
        return Err(source_state(format!("The snapshot {} holds no data to export.", snapshot.id)));
    };
    check_role(&state, role)?;
    check_key(&state, key)?;
    if shared.store.has_bucket(bucket).is_err() {
        let message = format!("The specified Amazon S3 bucket {bucket} could not be found.");
        return Err(Fault::bad("InvalidS3BucketFault", message));
    }
    check_export_only(image.as_ref(), &only)
        .map_err(|error| Fault::bad("InvalidExportOnly", error.to_string()))?;
    if state.exports.values().filter(|task| task.outcome.is_none()).count() >= options.export_limit
    {
        let message = format!("At most {} export tasks can run at once.", options.export_limit);
        return Err(Fault::bad(options.export_limit_code, message));
    }

    let seconds = options.export_minutes * 60;
    let failure = state.failures.pop_front();
    let planned = after(now, seconds);
    let task = Export {
        id: id.clone(),
        source: (snapshot.kind, snapshot.id.clone()),
        source_arn: snapshot.resource().arn(options),
        snapshot_time: snapshot.created,
        image,
        bucket: bucket.to_owned(),
        prefix: form.get("S3Prefix").map(str::to_owned),
        role: role.to_owned(),
        key: key.to_owned(),
        only,
        quirks: state.quirks.clone(),
        asked: now,
        begins: after(now, seconds / 8),
        planned,
        // Restoring the snapshot is the longest part; a failure shows after it.
        ends: if failure.is_some() { after(now, seconds * 3 / 5) } else { planned },
        ending: failure.map_or(Ending::Complete, Ending::Failed),
        outcome: None,
    };
    let mut xml = Xml::default();
    write(&mut xml, &task, shared);
    state.exports.insert(id, task);
    Ok(xml)
}

fn source_state(message: String) -> Fault {
    Fault::bad("InvalidExportSourceState", message)
}

/// The snapshot behind an ARN, when it can be exported now.
fn exportable(state: &RdsState, shared: &Shared, arn: &str) -> Result<Snapshot, Fault> {
    let (kind, id) = match Resource::parse(arn, &shared.options) {
        Some(Resource::Snapshot(kind, id)) => (kind, id),
        // Exports straight from a cluster exist; they are not emulated.
        _ => return Err(Fault::invalid(format!("Invalid source ARN: {arn}"))),
    };
    let unknown = Fault::unknown_snapshot(kind, &id);
    let key = (kind, id);
    let snapshot = state.snapshots.get(&key).ok_or(unknown)?;
    let (status, _) = snapshot.progress(shared.clock.now());
    if status != "available" {
        return Err(source_state(format!("The snapshot {} is {status}, not available.", key.1)));
    }
    if let Some(task) = state.exporting(&key) {
        let message = format!("The snapshot {} is being exported by the task {}.", key.1, task.id);
        return Err(source_state(message));
    }
    Ok(snapshot.clone())
}

fn check_role(state: &RdsState, role: &str) -> Result<(), Fault> {
    match state.roles.get(role) {
        Some(true) => Ok(()),
        Some(false) => Err(Fault::bad(
            "IamRoleMissingPermissions",
            format!("The IAM role {role} isn't authorized to write to the bucket."),
        )),
        None => Err(Fault::not_found(
            "IamRoleNotFound",
            format!(
                "The IAM role {role} was not found or can't be assumed by export.rds.amazonaws.com."
            ),
        )),
    }
}

/// A key is named by its ARN, by the id at the ARN's end, or by an alias.
fn check_key(state: &RdsState, key: &str) -> Result<(), Fault> {
    let inside = format!("/{key}");
    let named = |(arn, _): &(&String, &bool)| *arn == key || arn.ends_with(&inside);
    match state.keys.iter().find(named) {
        Some((_, true)) => Ok(()),
        _ => Err(Fault::bad(
            "KMSKeyNotAccessibleFault",
            format!(
                "The KMS key {key} doesn't exist, isn't enabled or you don't have permissions to access it."
            ),
        )),
    }
}

/// `DescribeExportTasks`: in the order of their ids, paged.
pub(super) fn describe(shared: &Shared, form: &Form) -> Result<Xml, Fault> {
    let filters = form.filters(&["export-task-identifier", "s3-bucket", "source-arn", "status"])?;
    let wanted = form.get("ExportTaskIdentifier").map(str::to_ascii_lowercase);
    let source = form.get("SourceArn");
    let source_type = form.get("SourceType");
    let now = shared.clock.now();
    let state = shared.rds();
    let passes = |task: &&Export| {
        wanted.as_ref().is_none_or(|id| *id == task.id)
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
    if let Some(id) = wanted
        && page.is_empty()
    {
        return Err(unknown(&id));
    }
    let mut xml = Xml::default();
    xml.maybe("Marker", marker);
    xml.element("ExportTasks", |xml| {
        for task in page {
            xml.element("ExportTask", |xml| write(xml, task, shared));
        }
    });
    Ok(xml)
}

fn unknown(id: &str) -> Fault {
    Fault::not_found("ExportTaskNotFound", format!("The export task {id} doesn't exist."))
}

/// `CancelExportTask`. What is written already stays in the bucket.
pub(super) fn cancel(shared: &Shared, form: &Form) -> Result<Xml, Fault> {
    let id = form.required("ExportTaskIdentifier")?.to_ascii_lowercase();
    let now = shared.clock.now();
    let mut state = shared.rds();
    let task = state.exports.get_mut(&id).ok_or_else(|| unknown(&id))?;
    let (status, _) = task.progress(now);
    if !matches!(status, "STARTING" | "IN_PROGRESS") {
        return Err(Fault::bad(
            "InvalidExportTaskStateFault",
            format!("You can't cancel the export task {id}, which is {status}."),
        ));
    }
    task.ending = Ending::Canceled;
    task.ends = after(now, CANCELING);
    let mut xml = Xml::default();
    write(&mut xml, task, shared);
    Ok(xml)
}

fn write(xml: &mut Xml, task: &Export, shared: &Shared) {
    let now = shared.clock.now();
    let (status, percent) = task.progress(now);
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
    if task.outcome.is_some() {
        xml.text("TaskEndTime", task.ends);
    }
    xml.text("S3Bucket", &task.bucket);
    xml.text("S3Prefix", task.prefix.as_deref().unwrap_or_default());
    xml.text("IamRoleArn", &task.role);
    xml.text("KmsKeyId", &task.key);
    xml.text("Status", status);
    xml.text("PercentProgress", percent);
    let whole_gb = match &task.outcome {
        Some(Outcome::Complete { whole_gb, .. }) => *whole_gb,
        _ => 0,
    };
    xml.text("TotalExtractedDataInGB", whole_gb);
    xml.maybe("FailureCause", task.failure());
    xml.maybe("WarningMessage", task.warning());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_each_of_their_names() {
        let mut state = RdsState::default();
        state.keys.insert("arn:aws:kms:r:1:key/abc".into(), true);
        state.keys.insert("alias/exports".into(), true);
        state.keys.insert("arn:aws:kms:r:1:key/off".into(), false);
        for good in ["arn:aws:kms:r:1:key/abc", "abc", "alias/exports"] {
            assert!(check_key(&state, good).is_ok(), "{good}");
        }
        for bad in ["off", "bc", "alias/other"] {
            assert!(check_key(&state, bad).is_err(), "{bad}");
        }
    }
}
