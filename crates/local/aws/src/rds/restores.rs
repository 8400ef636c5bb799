//! Restores databases from snapshots and to points in time.
//!
//! The restored data is real. If the snapshot can start a server of its own engine, the new
//! database is that server. Otherwise the new database serves the data of the snapshot to
//! exports and snapshots only, and its port refuses every session.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use futures::future::BoxFuture;
use jiff::Timestamp;
use landbridge_local_database::{DatabaseError, DatabaseSnapshot, Engine, SourceDatabase};

use super::databases::{check_can_add, multi_az_members, new_database};
use super::description::{self, RESTORABLE_LAG};
use super::error::RdsError;
use super::form::Form;
use super::kind::DatabaseKind;
use super::model::{
    Database, DatabaseTask, ServerHandle, SnapshotData, SnapshotDir, seconds_after,
};
use super::names;
use super::refusing_server;
use super::settings::DatabaseSettings;
use super::state::{Rds, RdsState};
use super::xml::Xml;

/// What a new database is restored from.
struct RestoreSource {
    engine: String,
    version: String,
    settings: DatabaseSettings,
    tags: BTreeMap<String, String>,
    database_name: Option<String>,
    master_username: String,
    data: RestoreData,
}

/// Where the rows come from.
enum RestoreData {
    /// The data of a snapshot, and its directory.
    Snapshot(Arc<dyn DatabaseSnapshot>, Option<Arc<SnapshotDir>>),
    /// The database itself, read as of a time.
    Database(Arc<dyn SourceDatabase>, Timestamp),
}

/// A database that consists of the data of a snapshot. It never changes.
struct SnapshotDatabase {
    data: Arc<dyn DatabaseSnapshot>,
    _dir: Option<Arc<SnapshotDir>>,
    address: Option<(String, u16)>,
}

impl SourceDatabase for SnapshotDatabase {
    fn engine(&self) -> Engine {
        self.data.engine().clone()
    }

    fn capture<'a>(
        &'a self,
        _at: Timestamp,
        _dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>> {
        Box::pin(async { Ok(self.data.clone()) })
    }

    fn address(&self) -> Option<(String, u16)> {
        self.address.clone()
    }
}

/// `RestoreDBInstanceFromDBSnapshot`, `RestoreDBClusterFromSnapshot`
pub(super) fn from_snapshot(
    rds: &Arc<Rds>,
    kind: DatabaseKind,
    form: &Form,
) -> Result<Xml, RdsError> {
    let api = kind.api();
    let id = names::database_id(api.database_id, form.required(api.database_id)?)?;
    let snapshot_id = names::id_of(form.required(api.restored_snapshot_id)?, rds.options());
    let mut state = rds.state();
    check_can_add(rds, &state, kind, &id)?;
    let snapshot = state.find_snapshot(kind, &snapshot_id)?;
    let (status, _) = snapshot.progress(rds.now());
    if status != "available" {
        let message = format!("The snapshot {snapshot_id} is not available but {status}.");
        return Err(RdsError::invalid_snapshot_state(kind, message));
    }
    let SnapshotData::Captured(data) = &snapshot.data else {
        let message = format!("The snapshot {snapshot_id} holds no data.");
        return Err(RdsError::invalid_snapshot_state(kind, message));
    };
    if kind == DatabaseKind::Cluster && form.required("Engine")? != snapshot.engine {
        let message = format!("The snapshot {snapshot_id} is of {}.", snapshot.engine);
        return Err(RdsError::invalid_combination(message));
    }
    let source = RestoreSource {
        engine: snapshot.engine.clone(),
        version: snapshot.version.clone(),
        settings: snapshot.settings.clone(),
        tags: snapshot.tags.clone(),
        database_name: snapshot.database_name.clone(),
        master_username: snapshot.master_username.clone(),
        data: RestoreData::Snapshot(data.clone(), snapshot.dir.clone()),
    };
    start_restore(rds, &mut state, kind, &id, source, form)
}

/// `RestoreDBInstanceToPointInTime`, `RestoreDBClusterToPointInTime`. The emulation has no
/// logs: a database that cannot be read as of any time is restored from its newest snapshot
/// before that time; for the latest restorable time it is read as it is now.
pub(super) fn to_point_in_time(
    rds: &Arc<Rds>,
    kind: DatabaseKind,
    form: &Form,
) -> Result<Xml, RdsError> {
    let api = kind.api();
    let id = names::database_id(api.restore_target_id, form.required(api.restore_target_id)?)?;
    let source_id = names::id_of(form.required(api.restore_source_id)?, rds.options());
    let time = requested_time(kind, form)?;
    let mut state = rds.state();
    check_can_add(rds, &state, kind, &id)?;
    let database = state.find_database(kind, &source_id)?;
    if database.settings.backup_days == 0 {
        let message = format!("Automated backups of {source_id} are not enabled.");
        return Err(RdsError::bad_request("PointInTimeRestoreNotEnabled", message));
    }
    let latest = seconds_after(rds.now(), -RESTORABLE_LAG);
    if time.is_some_and(|time| time > latest) {
        let message = format!("The latest restorable time of {source_id} is {latest}.");
        return Err(RdsError::invalid_parameter(message));
    }
    let not_found = || RdsError::database_not_found(kind, &source_id);
    let database_source = database.source.clone().ok_or_else(not_found)?;
    let data = match time {
        None => RestoreData::Database(database_source, rds.now()),
        Some(time) if database_source.supports_any_instant() => {
            RestoreData::Database(database_source, time)
        }
        Some(time) => newest_snapshot(&state, kind, &source_id, time).ok_or_else(|| {
            let message = format!("There is no backup of {source_id} at {time}.");
            RdsError::bad_request("InvalidRestoreFault", message)
        })?,
    };
    let source = RestoreSource {
        engine: database.engine.clone(),
        version: database.version.clone(),
        settings: database.settings.clone(),
        tags: BTreeMap::new(),
        database_name: database.database_name.clone(),
        master_username: database.master_username.clone(),
        data,
    };
    start_restore(rds, &mut state, kind, &id, source, form)
}

/// The point in time of a request; `None` for the latest restorable time.
fn requested_time(kind: DatabaseKind, form: &Form) -> Result<Option<Timestamp>, RdsError> {
    let parameter = kind.api().restore_time;
    match (form.get(parameter), form.get("UseLatestRestorableTime")) {
        (Some(text), None | Some("false")) => text
            .parse()
            .map(Some)
            .map_err(|_| RdsError::invalid_parameter(format!("{parameter} is not a time: {text}"))),
        (None, Some("true")) => Ok(None),
        _ => {
            let message = format!("Give either {parameter} or UseLatestRestorableTime.");
            Err(RdsError::invalid_combination(message))
        }
    }
}

/// The data of the newest snapshot of a database that was created at `time` or before.
fn newest_snapshot(
    state: &RdsState,
    kind: DatabaseKind,
    database_id: &str,
    time: Timestamp,
) -> Option<RestoreData> {
    let snapshots = state
        .snapshots
        .values()
        .filter(|it| it.kind == kind && it.database == database_id && it.created <= time);
    let with_data = snapshots.filter_map(|snapshot| match &snapshot.data {
        SnapshotData::Captured(data) => Some((snapshot, data)),
        SnapshotData::Pending | SnapshotData::Absent => None,
    });
    let (snapshot, data) = with_data.max_by_key(|(snapshot, _)| snapshot.created)?;
    Some(RestoreData::Snapshot(data.clone(), snapshot.dir.clone()))
}

/// Adds the new database, `creating`, and starts to create its data in the background.
fn start_restore(
    rds: &Arc<Rds>,
    state: &mut RdsState,
    kind: DatabaseKind,
    id: &str,
    source: RestoreSource,
    form: &Form,
) -> Result<Xml, RdsError> {
    let requested_tags = form.tags()?;
    let mut settings = source.settings.for_restore(&source.engine, &source.version);
    settings.apply(form)?;
    let ready = rds.minutes_from_now(rds.options().restore_minutes);
    let database = Database {
        tags: if requested_tags.is_empty() { source.tags } else { requested_tags },
        database_name: source.database_name,
        master_username: source.master_username,
        task: Some(DatabaseTask::Creating { ready }),
        settings,
        ..new_database(rds, kind, id, &source.engine, &source.version)
    };
    if database.is_multi_az_cluster() {
        for member in multi_az_members(rds, &database) {
            state.databases.insert((DatabaseKind::Instance, member.id.clone()), member);
        }
    }
    let xml = description::describe(rds, state, &database);
    let resource_id = database.resource_id.clone();
    let port = u16::try_from(database.settings.port).unwrap_or(0);
    state.databases.insert((kind, id.to_owned()), database);
    let dir = rds.account.snapshot_dir(state.next_number());
    tokio::spawn(finish_restore(Arc::downgrade(rds), kind, resource_id, source.data, dir, port));
    Ok(xml)
}

/// Creates the data and attaches it to the database, unless that was deleted in the meantime.
async fn finish_restore(
    rds: Weak<Rds>,
    kind: DatabaseKind,
    resource_id: String,
    data: RestoreData,
    dir: PathBuf,
    port: u16,
) {
    let result = start_database(data, dir, port).await;
    let Some(rds) = rds.upgrade() else { return };
    let mut state = rds.state();
    let is_restored = |it: &&mut Database| it.kind == kind && it.resource_id == resource_id;
    let Some(database) = state.databases.values_mut().find(is_restored) else { return };
    match result {
        Ok((source, server)) => {
            database.endpoint = source.address();
            database.source = Some(source);
            database.server = server;
        }
        Err(error) => {
            tracing::error!(database = database.id, %error, "a restore failed");
            database.task = None;
            database.status = "incompatible-restore".to_owned();
        }
    }
}

/// Starts a server over the data, or a refusing server if the data cannot start one.
async fn start_database(
    data: RestoreData,
    dir: PathBuf,
    port: u16,
) -> Result<(Arc<dyn SourceDatabase>, Option<ServerHandle>), DatabaseError> {
    let (data, dir) = match data {
        RestoreData::Snapshot(data, dir) => (data, dir),
        RestoreData::Database(source, at) => {
            let io = |source| DatabaseError::Io {
                action: "create",
                path: dir.display().to_string(),
                source,
            };
            tokio::fs::create_dir_all(&dir).await.map_err(io)?;
            let data = source.capture(at, &dir).await?;
            (data, Some(Arc::new(SnapshotDir(dir))))
        }
    };
    let address = refusing_server::free_address(port);
    if let Some(started) = data.clone().start_server(address).await? {
        return Ok((started.database, Some(started.process)));
    }
    let server = refusing_server::start(address, data.engine().family()).await;
    let address = server.as_ref().map(|server| server.address());
    let source = Arc::new(SnapshotDatabase { data, _dir: dir, address });
    Ok((source, server.map(|server| Arc::new(server) as ServerHandle)))
}
