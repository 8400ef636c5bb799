//! Snapshots of instances and clusters.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landbridge_local_database::SourceDatabase;

use super::error::RdsError;
use super::form::Form;
use super::kind::DatabaseKind;
use super::model::{Progress, Snapshot, SnapshotData, SnapshotDir};
use super::names;
use super::settings::DatabaseSettings;
use super::state::{Rds, RdsState};
use super::tags;
use super::views::{NewSnapshot, SnapshotType};
use super::xml::Xml;
use crate::options::AwsOptions;

/// `CreateDBSnapshot`, `CreateDBClusterSnapshot`. The database is read during this call. The
/// snapshot is `creating` for its virtual minutes regardless of how long that takes.
pub(super) async fn create(rds: &Rds, kind: DatabaseKind, form: &Form) -> Result<Xml, RdsError> {
    let now = rds.now();
    let (id, source, dir) = add_pending_snapshot(rds, kind, form)?;
    let captured = match tokio::fs::create_dir_all(&dir).await {
        Ok(()) => source.capture(now, &dir).await.map_err(|error| with_causes(&error)),
        Err(error) => Err(with_causes(&error)),
    };
    let mut state = rds.state();
    let key = (kind, id);
    match (captured, state.snapshots.get_mut(&key)) {
        (Ok(data), Some(snapshot)) => {
            snapshot.data = SnapshotData::Captured(data);
            let mut xml = Xml::default();
            write(&mut xml, snapshot, rds.options(), snapshot.progress(now));
            Ok(xml)
        }
        (Err(reason), _) => {
            tracing::error!(snapshot = key.1, reason, "could not read the database");
            state.snapshots.remove(&key);
            Err(RdsError::internal(format!("The database could not be read: {reason}")))
        }
        (Ok(_), None) => Err(RdsError::internal("The snapshot vanished while it was taken.")),
    }
}

/// Adds the snapshot before the database is read, so that only one of two calls gets the id.
/// Returns the id, the database to read and the directory for its data.
fn add_pending_snapshot(
    rds: &Rds,
    kind: DatabaseKind,
    form: &Form,
) -> Result<(String, Arc<dyn SourceDatabase>, PathBuf), RdsError> {
    let api = kind.api();
    let id = names::snapshot_id(api.snapshot_id, form.required(api.snapshot_id)?)?;
    let database_id = names::id_of(form.required(api.database_id)?, rds.options());
    let mut tags = form.tags()?;
    let mut state = rds.state();
    let source = check_can_create(rds, &state, kind, &id, &database_id)?;
    let dir = rds.account.snapshot_dir(state.next_number());
    let database = state.find_database(kind, &database_id)?;
    if database.settings.copy_tags {
        for (key, value) in &database.tags {
            tags.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    let snapshot = Snapshot {
        id: id.clone(),
        kind,
        engine: database.engine.clone(),
        version: database.version.clone(),
        snapshot_type: SnapshotType::Manual,
        created: rds.now(),
        available: rds.minutes_from_now(rds.options().snapshot_minutes),
        data: SnapshotData::Pending,
        tags,
        dir: Some(Arc::new(SnapshotDir(dir.clone()))),
        settings: database.settings.clone(),
        database_name: database.database_name.clone(),
        master_username: database.master_username.clone(),
        deleting: false,
        failed: false,
        resource_id: database.resource_id.clone(),
        database: database_id,
    };
    state.snapshots.insert((kind, id.clone()), snapshot);
    Ok((id, source, dir))
}

/// Checks that a snapshot can be created. Returns the database to read.
fn check_can_create(
    rds: &Rds,
    state: &RdsState,
    kind: DatabaseKind,
    id: &str,
    database_id: &str,
) -> Result<Arc<dyn SourceDatabase>, RdsError> {
    let database = state.find_database(kind, database_id)?;
    let Some(source) = &database.source else {
        return Err(RdsError::invalid_parameter(
            "The specified instance is a member of a cluster and a snapshot cannot be created \
             directly. Please use the CreateDBClusterSnapshot API instead.",
        ));
    };
    if state.snapshots.contains_key(&(kind, id.to_owned())) {
        return Err(RdsError::snapshot_exists(kind, id));
    }
    let status = state.status(database, rds.now(), rds.options());
    // The API references of CreateDBSnapshot and CreateDBClusterSnapshot name both states.
    if !["available", "storage-optimization"].contains(&status.as_ref()) {
        return Err(RdsError::database_not_available(kind, database_id, &status));
    }
    let quota = state.snapshot_quota.unwrap_or(rds.options().snapshot_quota);
    if state.manual_snapshot_count(kind) >= quota {
        let message = format!("Cannot create more than {quota} manual snapshots");
        return Err(RdsError::bad_request("SnapshotQuotaExceeded", message));
    }
    Ok(source.clone())
}

/// An error with all its causes in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// `DescribeDBSnapshots`, `DescribeDBClusterSnapshots`: in the order of their ids, paged.
pub(super) fn describe(rds: &Rds, kind: DatabaseKind, form: &Form) -> Result<Xml, RdsError> {
    let api = kind.api();
    let options = rds.options();
    let known = [api.database_filter, api.snapshot_filter, "snapshot-type", "engine"];
    let filters = form.filters(&known)?;
    let requested_id = form.get(api.snapshot_id).map(|id| names::id_of(id, options));
    let requested_database = form.get(api.database_id).map(|id| names::id_of(id, options));
    let requested_type = form.get("SnapshotType");
    if let Some(name) = requested_type
        && !["manual", "automated", "shared", "public", "awsbackup"].contains(&name)
    {
        return Err(RdsError::invalid_parameter(format!("Invalid snapshot type: {name}")));
    }
    let passes = |snapshot: &&Snapshot| {
        snapshot.kind == kind
            && requested_id.as_ref().is_none_or(|id| *id == snapshot.id)
            && requested_database.as_ref().is_none_or(|id| *id == snapshot.database)
            && requested_type.is_none_or(|name| name == snapshot.snapshot_type.name())
            && filters.iter().all(|(name, values)| {
                let any = |value: &str| values.iter().any(|it| it == value);
                let any_id = |id: &str| values.iter().any(|it| names::id_of(it, options) == id);
                match name.as_str() {
                    "snapshot-type" => any(snapshot.snapshot_type.name()),
                    "engine" => any(&snapshot.engine),
                    name if name == api.database_filter => any_id(&snapshot.database),
                    _ => any_id(&snapshot.id),
                }
            })
    };
    let state = rds.state();
    let items = state.snapshots.values().filter(passes);
    let (page, marker) = form.page(items.map(|snapshot| (snapshot.id.clone(), snapshot)))?;
    if let Some(id) = requested_id
        && page.is_empty()
        && form.get("Marker").is_none()
    {
        return Err(RdsError::snapshot_not_found(kind, &id));
    }
    let now = rds.now();
    let mut xml = Xml::default();
    xml.optional_text("Marker", marker);
    xml.element(api.snapshot_list, |xml| {
        for snapshot in page {
            match rds.account.turned.is("rds-snapshot-list-has-tags") {
                true => write(xml, &without_tags(snapshot), options, snapshot.progress(now)),
                false => write(xml, snapshot, options, snapshot.progress(now)),
            }
        }
    });
    Ok(xml)
}

/// `DeleteDBSnapshot`, `DeleteDBClusterSnapshot`
pub(super) fn delete(rds: &Rds, kind: DatabaseKind, form: &Form) -> Result<Xml, RdsError> {
    let id = names::id_of(form.required(kind.api().snapshot_id)?, rds.options());
    let mut state = rds.state();
    let snapshot = state.find_snapshot(kind, &id)?;
    if snapshot.snapshot_type == SnapshotType::Automated {
        let message = "Only manual snapshots may be deleted.";
        return Err(RdsError::invalid_snapshot_state(kind, message));
    }
    let (status, _) = snapshot.progress(rds.now());
    // The API reference of DeleteDBSnapshot names `available` only.
    if status != "available" && !(status == "failed" && state.deletes_failed_snapshots) {
        let message = format!(
            "Cannot delete the snapshot because it is not currently in the available state but {status}."
        );
        return Err(RdsError::invalid_snapshot_state(kind, message));
    }
    // A snapshot that an export task reads can be deleted; the task goes on (RDS User Guide,
    // "Considerations for DB snapshot exports": "You can delete a snapshot while you're exporting its
    // data to S3").
    let key = (kind, id);
    let snapshot = state.snapshots.remove(&key);
    let snapshot = snapshot.ok_or_else(|| RdsError::snapshot_not_found(kind, &key.1))?;
    let mut xml = Xml::default();
    write(&mut xml, &snapshot, rds.options(), ("deleted", 100));
    Ok(xml)
}

fn without_tags(snapshot: &Snapshot) -> Snapshot {
    Snapshot { tags: std::collections::BTreeMap::new(), ..snapshot.clone() }
}

/// Writes a `DBSnapshot` or a `DBClusterSnapshot`.
fn write(xml: &mut Xml, snapshot: &Snapshot, options: &AwsOptions, (status, percent): Progress) {
    let api = snapshot.kind.api();
    xml.element(api.snapshot, |xml| {
        xml.text(api.snapshot_id, &snapshot.id);
        xml.text(api.database_id, &snapshot.database);
        // RDS omits the time until the snapshot has started.
        if percent > 0 {
            xml.text("SnapshotCreateTime", snapshot.created);
        }
        xml.text("Engine", &snapshot.engine);
        xml.text("EngineVersion", &snapshot.version);
        let settings = &snapshot.settings;
        xml.text("AllocatedStorage", settings.storage_gb);
        xml.text("Status", status);
        xml.text("Port", settings.port);
        xml.text("MasterUsername", &snapshot.master_username);
        xml.text("StorageType", &settings.storage_type);
        xml.text("SnapshotType", snapshot.snapshot_type.name());
        xml.text("PercentProgress", percent);
        match snapshot.kind {
            DatabaseKind::Instance => {
                xml.optional_text("Iops", settings.iops);
                xml.optional_text("StorageThroughput", settings.throughput);
                xml.optional_text("LicenseModel", settings.license.as_ref());
                xml.text("OptionGroupName", &settings.option_group);
                xml.text("BackupRetentionPeriod", settings.backup_days);
                xml.text("PreferredBackupWindow", &settings.backup_window);
                xml.text("DedicatedLogVolume", settings.log_volume);
                xml.text("Encrypted", true);
                xml.text("DbiResourceId", &snapshot.resource_id);
                xml.text("DBSnapshotArn", snapshot.resource().arn(options));
            }
            DatabaseKind::Cluster => {
                xml.text("StorageEncrypted", true);
                xml.text("DbClusterResourceId", &snapshot.resource_id);
                xml.text("DBClusterSnapshotArn", snapshot.resource().arn(options));
            }
        }
        xml.text("IAMDatabaseAuthenticationEnabled", settings.iam_authentication);
        tags::write(xml, &snapshot.tags);
    });
}

/// Adds a snapshot without an API call, or replaces the one with the same id.
///
/// # Errors
/// With data: the database does not exist or cannot be read.
pub(crate) async fn add_snapshot(rds: &Rds, new: NewSnapshot) -> io::Result<()> {
    let (source, engine, version, settings, resource_id, dir) = {
        let mut state = rds.state();
        let dir = rds.account.snapshot_dir(state.next_number());
        match state.databases.get(&(new.kind, new.database.clone())) {
            Some(it) => {
                let settings = it.settings.clone();
                let (engine, version) = (it.engine.clone(), it.version.clone());
                (it.source.clone(), engine, version, settings, it.resource_id.clone(), dir)
            }
            None => {
                let settings = DatabaseSettings::defaults("postgres", "16.4");
                let (engine, version) = ("postgres".to_owned(), "16.4".to_owned());
                (None, engine, version, settings, "db-GONE".to_owned(), dir)
            }
        }
    };
    let (data, dir) = if new.with_data {
        let source = source.ok_or_else(|| {
            io::Error::other(format!("cannot snapshot `{}`: no such database", new.database))
        })?;
        (capture(&*source, &new, &dir).await?, Some(Arc::new(SnapshotDir(dir))))
    } else {
        (SnapshotData::Absent, None)
    };
    let key = (new.kind, new.id.clone());
    let snapshot = Snapshot {
        id: new.id,
        kind: new.kind,
        database: new.database,
        resource_id,
        engine,
        version,
        snapshot_type: new.snapshot_type,
        created: new.created,
        available: new.created,
        data,
        tags: new.tags,
        dir,
        settings,
        database_name: None,
        master_username: "admin".to_owned(),
        deleting: false,
        failed: false,
    };
    rds.state().snapshots.insert(key, snapshot);
    Ok(())
}

async fn capture(
    source: &dyn SourceDatabase,
    new: &NewSnapshot,
    dir: &Path,
) -> io::Result<SnapshotData> {
    tokio::fs::create_dir_all(dir).await?;
    let data = source.capture(new.created, dir).await.map_err(io::Error::other)?;
    Ok(SnapshotData::Captured(data))
}
