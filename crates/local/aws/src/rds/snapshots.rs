//! Snapshots of instances and clusters.

use std::io;
use std::sync::Arc;

use super::fault::Fault;
use super::form::Form;
use super::model::{Capture, DatabaseKind, NewSnapshot, RdsState, Snapshot, SnapshotType, after};
use super::names;
use super::restores::ImageDir;
use super::settings::DatabaseSettings;
use super::tags;
use super::xml::Xml;
use crate::options::AwsOptions;
use crate::shared::Shared;

/// The words in which the two APIs differ.
struct Words {
    /// The element, and the stem of the list's element.
    snapshot: &'static str,
    snapshot_id: &'static str,
    database_id: &'static str,
    /// Names of filters: the database's id, the snapshot's id.
    filters: [&'static str; 2],
}

fn words(kind: DatabaseKind) -> Words {
    match kind {
        DatabaseKind::Instance => Words {
            snapshot: "DBSnapshot",
            snapshot_id: "DBSnapshotIdentifier",
            database_id: "DBInstanceIdentifier",
            filters: ["db-instance-id", "db-snapshot-id"],
        },
        DatabaseKind::Cluster => Words {
            snapshot: "DBClusterSnapshot",
            snapshot_id: "DBClusterSnapshotIdentifier",
            database_id: "DBClusterIdentifier",
            filters: ["db-cluster-id", "db-cluster-snapshot-id"],
        },
    }
}

/// `CreateDBSnapshot`, `CreateDBClusterSnapshot`. The database is read at this moment:
/// the answer waits for it, the snapshot is `creating` for its virtual minutes anyway.
pub(super) async fn create(shared: &Shared, kind: DatabaseKind, form: &Form) -> Result<Xml, Fault> {
    let words = words(kind);
    let id = names::snapshot_id(words.snapshot_id, form.required(words.snapshot_id)?)?;
    let database_id = names::bare(form.required(words.database_id)?, &shared.options);
    let mut tags = form.tags()?;
    let now = shared.clock.now();
    let (source, dir) = {
        let mut state = shared.rds();
        let source = may_create(&state, shared, kind, &id, &database_id)?;
        let number = state.number();
        let dir = shared.images().join(format!("{number:06}"));
        let snapshot = {
            let database = state.databases.get(&(kind, database_id.clone()));
            let database = database.ok_or_else(|| Fault::unknown_database(kind, &database_id))?;
            if database.settings.copy_tags {
                for (key, value) in &database.tags {
                    tags.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
            Snapshot {
                id: id.clone(),
                kind,
                database: database_id.clone(),
                engine: database.engine.clone(),
                version: database.version.clone(),
                snapshot_type: SnapshotType::Manual,
                created: now,
                available: after(now, shared.options.snapshot_minutes * 60),
                capture: Capture::Pending,
                tags,
                dir: Some(Arc::new(ImageDir(dir.clone()))),
                settings: database.settings.clone(),
                database_name: database.database_name.clone(),
                master: database.master.clone(),
                deleting: false,
            }
        };
        // The name is taken before the database is read, so two calls can't both have it.
        state.snapshots.insert((kind, id.clone()), snapshot);
        (source, dir)
    };
    let captured = match tokio::fs::create_dir_all(&dir).await {
        Ok(()) => source.capture(now, &dir).await.map_err(|error| chain(&error)),
        Err(error) => Err(chain(&error)),
    };
    let mut state = shared.rds();
    let key = (kind, id);
    match (captured, state.snapshots.get_mut(&key)) {
        (Ok(image), Some(snapshot)) => {
            snapshot.capture = Capture::Done(image);
            let mut xml = Xml::default();
            write(&mut xml, snapshot, &words, &shared.options, snapshot.progress(now));
            Ok(xml)
        }
        (Err(reason), _) => {
            tracing::error!(snapshot = key.1, reason, "the database could not be read");
            state.snapshots.remove(&key);
            Err(Fault::internal(format!("The database could not be read: {reason}")))
        }
        (Ok(_), None) => Err(Fault::internal("The snapshot vanished while it was taken.")),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn may_create(
    state: &RdsState,
    shared: &Shared,
    kind: DatabaseKind,
    id: &str,
    database_id: &str,
) -> Result<std::sync::Arc<dyn landbridge_local_database::SourceDatabase>, Fault> {
    let database = state
        .databases
        .get(&(kind, database_id.to_owned()))
        .ok_or_else(|| Fault::unknown_database(kind, database_id))?;
    let Some(source) = &database.source else {
        return Err(Fault::invalid(
            "The specified instance is a member of a cluster and a snapshot cannot be created \
             directly. Please use the CreateDBClusterSnapshot API instead.",
        ));
    };
    if state.snapshots.contains_key(&(kind, id.to_owned())) {
        return Err(Fault::snapshot_exists(kind, id));
    }
    let status = state.status(database, shared.clock.now(), &shared.options);
    if status != "available" {
        return Err(Fault::database_state(kind, database_id, &status));
    }
    if state.manual(kind) >= shared.options.snapshot_quota {
        return Err(Fault::bad(
            "SnapshotQuotaExceeded",
            format!("Cannot create more than {} manual snapshots", shared.options.snapshot_quota),
        ));
    }
    Ok(source.clone())
}

/// `DescribeDBSnapshots`, `DescribeDBClusterSnapshots`: in the order of their ids, paged.
pub(super) fn describe(shared: &Shared, kind: DatabaseKind, form: &Form) -> Result<Xml, Fault> {
    let words = words(kind);
    let options = &shared.options;
    let known = [words.filters[0], words.filters[1], "snapshot-type", "engine"];
    let filters = form.filters(&known)?;
    let wanted_id = form.get(words.snapshot_id).map(|id| names::bare(id, options));
    let wanted_database = form.get(words.database_id).map(|id| names::bare(id, options));
    let wanted_type = form.get("SnapshotType");
    if let Some(name) = wanted_type
        && !["manual", "automated", "shared", "public", "awsbackup"].contains(&name)
    {
        return Err(Fault::invalid(format!("Invalid snapshot type: {name}")));
    }
    let passes = |snapshot: &&Snapshot| {
        snapshot.kind == kind
            && wanted_id.as_ref().is_none_or(|id| *id == snapshot.id)
            && wanted_database.as_ref().is_none_or(|id| *id == snapshot.database)
            && wanted_type.is_none_or(|name| name == snapshot.snapshot_type.name())
            && filters.iter().all(|(name, values)| {
                let any = |value: &str| values.iter().any(|it| it == value);
                let any_id = |id: &str| values.iter().any(|it| names::bare(it, options) == id);
                match name.as_str() {
                    "snapshot-type" => any(snapshot.snapshot_type.name()),
                    "engine" => any(&snapshot.engine),
                    name if name == words.filters[0] => any_id(&snapshot.database),
                    _ => any_id(&snapshot.id),
                }
            })
    };
    let state = shared.rds();
    let items = state.snapshots.values().filter(passes);
    let (page, marker) = form.page(items.map(|snapshot| (snapshot.id.clone(), snapshot)))?;
    if let Some(id) = wanted_id
        && page.is_empty()
        && form.get("Marker").is_none()
    {
        return Err(Fault::unknown_snapshot(kind, &id));
    }
    let now = shared.clock.now();
    let mut xml = Xml::default();
    xml.maybe("Marker", marker);
    xml.element(&format!("{}s", words.snapshot), |xml| {
        for snapshot in page {
            write(xml, snapshot, &words, options, snapshot.progress(now));
        }
    });
    Ok(xml)
}

/// `DeleteDBSnapshot`, `DeleteDBClusterSnapshot`.
pub(super) fn delete(shared: &Shared, kind: DatabaseKind, form: &Form) -> Result<Xml, Fault> {
    let words = words(kind);
    let id = names::bare(form.required(words.snapshot_id)?, &shared.options);
    let snapshot = {
        let mut state = shared.rds();
        let key = (kind, id);
        let unknown = Fault::unknown_snapshot(kind, &key.1);
        let snapshot = state.snapshots.get(&key).ok_or(unknown)?;
        if snapshot.snapshot_type == SnapshotType::Automated {
            return Err(Fault::snapshot_state(kind, "Only manual snapshots may be deleted."));
        }
        let (status, _) = snapshot.progress(shared.clock.now());
        if status != "available" {
            let message = format!(
                "Cannot delete the snapshot because it is not currently in the available state but {status}."
            );
            return Err(Fault::snapshot_state(kind, message));
        }
        if let Some(task) = state.exporting(&key) {
            let message = format!(
                "Cannot delete the snapshot because the export task {} is reading it.",
                task.id
            );
            return Err(Fault::snapshot_state(kind, message));
        }
        state.snapshots.remove(&key).ok_or(Fault::unknown_snapshot(kind, &key.1))?
    };
    let mut xml = Xml::default();
    write(&mut xml, &snapshot, &words, &shared.options, ("deleted", 100));
    Ok(xml)
}

fn write(
    xml: &mut Xml,
    snapshot: &Snapshot,
    words: &Words,
    options: &AwsOptions,
    (status, percent): (&str, i64),
) {
    xml.element(words.snapshot, |xml| {
        xml.text(words.snapshot_id, &snapshot.id);
        xml.text(words.database_id, &snapshot.database);
        // RDS does not say the time before it has really begun.
        if percent > 0 {
            xml.text("SnapshotCreateTime", snapshot.created);
        }
        xml.text("Engine", &snapshot.engine);
        xml.text("EngineVersion", &snapshot.version);
        let settings = &snapshot.settings;
        xml.text("AllocatedStorage", settings.storage_gb);
        xml.text("Status", status);
        xml.text("Port", settings.port);
        xml.text("MasterUsername", &snapshot.master);
        xml.text("StorageType", &settings.storage_type);
        xml.text("SnapshotType", snapshot.snapshot_type.name());
        xml.text("PercentProgress", percent);
        match snapshot.kind {
            DatabaseKind::Instance => {
                xml.maybe("Iops", settings.iops);
                xml.maybe("StorageThroughput", settings.throughput);
                xml.maybe("LicenseModel", settings.license.as_ref());
                xml.text("OptionGroupName", &settings.option_group);
                xml.text("BackupRetentionPeriod", settings.backup_days);
                xml.text("PreferredBackupWindow", &settings.backup_window);
                xml.text("DedicatedLogVolume", settings.log_volume);
                xml.text("Encrypted", true);
                xml.text("DBSnapshotArn", snapshot.resource().arn(options));
            }
            DatabaseKind::Cluster => {
                xml.text("StorageEncrypted", true);
                xml.text("DBClusterSnapshotArn", snapshot.resource().arn(options));
            }
        }
        xml.text("IAMDatabaseAuthenticationEnabled", settings.iam_authentication);
        tags::write(xml, &snapshot.tags);
    });
}

/// A snapshot that is there without the API; one of the same id is replaced.
///
/// # Errors
/// When data is wanted and the database is unknown or can't be read.
pub(crate) async fn add_snapshot(shared: &Shared, new: NewSnapshot) -> io::Result<()> {
    let (source, engine, version, settings, number) = {
        let mut state = shared.rds();
        let number = state.number();
        match state.databases.get(&(new.kind, new.database.clone())) {
            Some(it) => {
                let settings = it.settings.clone();
                (it.source.clone(), it.engine.clone(), it.version.clone(), settings, number)
            }
            None => {
                let (engine, version) = ("postgres".to_owned(), "16.4".to_owned());
                let settings = DatabaseSettings::defaults(&engine, &version);
                (None, engine, version, settings, number)
            }
        }
    };
    let (capture, dir) = if new.with_data {
        let source =
            source.ok_or_else(|| io::Error::other("no such database to take data from"))?;
        let dir = shared.images().join(format!("{number:06}"));
        tokio::fs::create_dir_all(&dir).await?;
        let image = source.capture(new.created, &dir).await.map_err(io::Error::other)?;
        (Capture::Done(image), Some(Arc::new(ImageDir(dir))))
    } else {
        (Capture::Without, None)
    };
    let key = (new.kind, new.id.clone());
    let snapshot = Snapshot {
        id: new.id,
        kind: new.kind,
        database: new.database,
        engine,
        version,
        snapshot_type: new.snapshot_type,
        created: new.created,
        available: new.created,
        capture,
        tags: new.tags,
        dir,
        settings,
        database_name: None,
        master: "admin".to_owned(),
        deleting: false,
    };
    shared.rds().snapshots.insert(key, snapshot);
    Ok(())
}
