//! Databases made from snapshots and from points in time. Their data is real: where the
//! image can start a server of its own, the new database is that server; else it is the
//! image itself, behind a port that answers and refuses every session.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use futures::future::BoxFuture;
use jiff::Timestamp;
use landbridge_local_database::{DatabaseError, DatabaseSnapshot, Engine, SourceDatabase};

use super::databases::{self, RESTORABLE_LAG, empty, may_be_added};
use super::fault::Fault;
use super::form::Form;
use super::greeter;
use super::model::{Capture, Database, DatabaseKind, Keeper, RdsState, Task, after};
use super::names;
use super::settings::DatabaseSettings;
use super::xml::Xml;
use crate::shared::Shared;

/// The folder of an image, removed when nobody uses it any more.
pub(crate) struct ImageDir(pub(crate) PathBuf);

impl Drop for ImageDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "an image's files were not removed");
        }
    }
}

/// What a new database is made from.
struct Origin {
    engine: String,
    version: String,
    settings: DatabaseSettings,
    tags: std::collections::BTreeMap<String, String>,
    database_name: Option<String>,
    master: String,
    data: Data,
}

/// Where its rows come from.
enum Data {
    /// A snapshot's image.
    DatabaseSnapshot(Arc<dyn DatabaseSnapshot>, Option<Arc<ImageDir>>),
    /// The database itself, read as of an instant.
    Live(Arc<dyn SourceDatabase>, Timestamp),
}

/// A database that is an image: it never changes.
struct ImageSource {
    image: Arc<dyn DatabaseSnapshot>,
    _dir: Option<Arc<ImageDir>>,
    address: Option<(String, u16)>,
}

impl SourceDatabase for ImageSource {
    fn engine(&self) -> Engine {
        self.image.engine().clone()
    }

    fn capture<'a>(
        &'a self,
        _at: Timestamp,
        _dir: &'a std::path::Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>> {
        Box::pin(async { Ok(self.image.clone()) })
    }

    fn address(&self) -> Option<(String, u16)> {
        self.address.clone()
    }
}

/// `RestoreDBInstanceFromDBSnapshot`, `RestoreDBClusterFromSnapshot`
pub(super) fn from_snapshot(
    shared: &Arc<Shared>,
    kind: DatabaseKind,
    form: &Form,
) -> Result<Xml, Fault> {
    let what = databases::id_name(kind);
    let id = names::database_id(what, form.required(what)?)?;
    let parameter = match kind {
        DatabaseKind::Instance => "DBSnapshotIdentifier",
        DatabaseKind::Cluster => "SnapshotIdentifier",
    };
    let snapshot_id = names::bare(form.required(parameter)?, &shared.options);
    let now = shared.clock.now();
    let mut state = shared.rds();
    may_be_added(&state, shared, kind, &id)?;
    let unknown = || Fault::unknown_snapshot(kind, &snapshot_id);
    let snapshot = state.snapshots.get(&(kind, snapshot_id.clone())).ok_or_else(unknown)?;
    let (status, _) = snapshot.progress(now);
    if status != "available" {
        let message = format!("The snapshot {snapshot_id} is not available but {status}.");
        return Err(Fault::snapshot_state(kind, message));
    }
    let Capture::Done(image) = &snapshot.capture else {
        let message = format!("The snapshot {snapshot_id} holds no data.");
        return Err(Fault::snapshot_state(kind, message));
    };
    if kind == DatabaseKind::Cluster && form.required("Engine")? != snapshot.engine {
        let message = format!("The snapshot {snapshot_id} is of {}.", snapshot.engine);
        return Err(Fault::bad("InvalidParameterCombination", message));
    }
    let origin = Origin {
        engine: snapshot.engine.clone(),
        version: snapshot.version.clone(),
        settings: snapshot.settings.clone(),
        tags: snapshot.tags.clone(),
        database_name: snapshot.database_name.clone(),
        master: snapshot.master.clone(),
        data: Data::DatabaseSnapshot(image.clone(), snapshot.dir.clone()),
    };
    begin(shared, &mut state, kind, &id, origin, form)
}

/// `RestoreDBInstanceToPointInTime`, `RestoreDBClusterToPointInTime`. There are no logs
/// here: a database that cannot be read as of any instant is restored from its newest
/// snapshot before the time, and `latest` is its present.
pub(super) fn to_time(shared: &Arc<Shared>, kind: DatabaseKind, form: &Form) -> Result<Xml, Fault> {
    let (target, source, time) = match kind {
        DatabaseKind::Instance => {
            ("TargetDBInstanceIdentifier", "SourceDBInstanceIdentifier", "RestoreTime")
        }
        DatabaseKind::Cluster => {
            ("DBClusterIdentifier", "SourceDBClusterIdentifier", "RestoreToTime")
        }
    };
    let id = names::database_id(target, form.required(target)?)?;
    let source_id = names::bare(form.required(source)?, &shared.options);
    let latest = after(shared.clock.now(), -RESTORABLE_LAG);
    let wanted = match (form.get(time), form.get("UseLatestRestorableTime")) {
        (Some(text), None | Some("false")) => text
            .parse::<Timestamp>()
            .map_err(|_| Fault::invalid(format!("{time} is not a time: {text}")))?,
        (None, Some("true")) => shared.clock.now(),
        _ => {
            let message = format!("Give either {time} or UseLatestRestorableTime.");
            return Err(Fault::bad("InvalidParameterCombination", message));
        }
    };
    let by_time = form.get(time).is_some();
    let mut state = shared.rds();
    may_be_added(&state, shared, kind, &id)?;
    let unknown = || Fault::unknown_database(kind, &source_id);
    let database = state.databases.get(&(kind, source_id.clone())).ok_or_else(unknown)?;
    if database.settings.backup_days == 0 {
        let message = format!("Automated backups of {source_id} are not enabled.");
        return Err(Fault::bad("PointInTimeRestoreNotEnabled", message));
    }
    if by_time && wanted > latest {
        let message = format!("The latest restorable time of {source_id} is {latest}.");
        return Err(Fault::invalid(message));
    }
    let live = database.source.clone().ok_or_else(unknown)?;
    let before = || {
        let of_it = state
            .snapshots
            .values()
            .filter(|it| it.kind == kind && it.database == source_id && it.created <= wanted);
        of_it
            .filter_map(|it| match &it.capture {
                Capture::Done(image) => Some((it.created, image.clone(), it.dir.clone())),
                _ => None,
            })
            .max_by_key(|(created, _, _)| *created)
    };
    let data = match before() {
        _ if !by_time || live.supports_any_instant() => Data::Live(live, wanted),
        Some((_, image, dir)) => Data::DatabaseSnapshot(image, dir),
        None => {
            let message = format!("There is no backup of {source_id} at {wanted}.");
            return Err(Fault::bad("InvalidRestoreFault", message));
        }
    };
    let origin = Origin {
        engine: database.engine.clone(),
        version: database.version.clone(),
        settings: database.settings.clone(),
        tags: std::collections::BTreeMap::new(),
        database_name: database.database_name.clone(),
        master: database.master.clone(),
        data,
    };
    begin(shared, &mut state, kind, &id, origin, form)
}

/// Puts the new database up, `creating`, and has its data brought in.
fn begin(
    shared: &Arc<Shared>,
    state: &mut RdsState,
    kind: DatabaseKind,
    id: &str,
    origin: Origin,
    form: &Form,
) -> Result<Xml, Fault> {
    let asked = form.tags()?;
    let mut settings = origin.settings.restored(&origin.engine, &origin.version);
    settings.apply(form)?;
    let ready = after(shared.clock.now(), shared.options.restore_minutes * 60);
    let database = Database {
        tags: if asked.is_empty() { origin.tags } else { asked },
        database_name: origin.database_name,
        master: origin.master,
        task: Some(Task::Creating { ready }),
        settings,
        ..empty(shared, kind, id, &origin.engine, &origin.version)
    };
    let mut xml = Xml::default();
    databases::write(&mut xml, state, &database, shared.clock.now(), &shared.options);
    let resource_id = database.resource_id.clone();
    let port = u16::try_from(database.settings.port).unwrap_or(0);
    state.databases.insert((kind, id.to_owned()), database);
    let number = state.number();
    let dir = shared.images().join(format!("{number:06}"));
    tokio::spawn(bring(Arc::downgrade(shared), kind, resource_id, origin.data, dir, port));
    Ok(xml)
}

/// Brings the data in and hands it to the database, unless that is gone by then.
async fn bring(
    shared: Weak<Shared>,
    kind: DatabaseKind,
    resource_id: String,
    data: Data,
    dir: PathBuf,
    port: u16,
) {
    let live = revive(data, dir, port).await;
    let Some(shared) = shared.upgrade() else { return };
    let mut state = shared.rds();
    let of_it = |it: &&mut Database| it.kind == kind && it.resource_id == resource_id;
    let Some(database) = state.databases.values_mut().find(of_it) else { return };
    match live {
        Ok((source, keeper)) => {
            database.endpoint = source.address();
            database.source = Some(source);
            database.server = keeper;
        }
        Err(error) => {
            tracing::error!(database = database.id, %error, "a restore failed");
            database.task = None;
            database.status = "incompatible-restore".to_owned();
        }
    }
}

async fn revive(
    data: Data,
    dir: PathBuf,
    port: u16,
) -> Result<(Arc<dyn SourceDatabase>, Option<Keeper>), DatabaseError> {
    let (image, dir) = match data {
        Data::DatabaseSnapshot(image, dir) => (image, dir),
        Data::Live(source, at) => {
            let io = |source| DatabaseError::Io {
                action: "create",
                path: dir.display().to_string(),
                source,
            };
            tokio::fs::create_dir_all(&dir).await.map_err(io)?;
            let image = source.capture(at, &dir).await?;
            (image, Some(Arc::new(ImageDir(dir))))
        }
    };
    let address = greeter::free_address(port);
    if let Some(started) = image.clone().start_server(address).await? {
        return Ok((started.database, Some(started.process)));
    }
    let greeter = greeter::start(address, image.engine().family()).await;
    let address = greeter.as_ref().map(|greeter| greeter.address());
    let source = Arc::new(ImageSource { image, _dir: dir, address });
    Ok((source, greeter.map(|greeter| Arc::new(greeter) as Keeper)))
}
