//! Instances, clusters, and the account's quotas.

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable, SourceDatabase};
use sha2::{Digest, Sha256};

use super::fault::Fault;
use super::form::Form;
use super::model::{Database, DatabaseKind, RdsState, Task, after};
use super::names;
use super::settings::DatabaseSettings;
use super::tags;
use super::xml::Xml;
use crate::options::AwsOptions;
use crate::shared::Shared;

/// Puts a database up as an instance. One of the same id gets the new source.
pub(crate) fn add_instance(shared: &Shared, id: &str, source: Arc<dyn SourceDatabase>) {
    let engine = source.engine();
    let database =
        live(empty(shared, DatabaseKind::Instance, id, engine.name(), engine.version()), source);
    shared.rds().databases.insert((DatabaseKind::Instance, database.id.clone()), database);
}

/// Puts a database up as an Aurora cluster with one member, `<id>-instance-1`.
pub(crate) fn add_cluster(shared: &Shared, id: &str, source: Arc<dyn SourceDatabase>) {
    let engine = source.engine();
    let (name, version) = (aurora(engine.name()), engine.version());
    let cluster = live(empty(shared, DatabaseKind::Cluster, id, &name, version), source);
    let member = format!("{id}-instance-1");
    let member = Database {
        cluster: Some(cluster.id.clone()),
        ..empty(shared, DatabaseKind::Instance, &member, &name, version)
    };
    let mut state = shared.rds();
    state.databases.insert((DatabaseKind::Instance, member.id.clone()), member);
    state.databases.insert((DatabaseKind::Cluster, cluster.id.clone()), cluster);
}

/// Aurora's name of an engine.
fn aurora(engine: &str) -> String {
    if engine == "postgres" { "aurora-postgresql".to_owned() } else { "aurora-mysql".to_owned() }
}

/// A database with its data, answering where its source does.
fn live(database: Database, source: Arc<dyn SourceDatabase>) -> Database {
    let mut settings = database.settings;
    let endpoint = source.address();
    if let Some((_, port)) = &endpoint {
        settings.port = i64::from(*port);
    }
    let (master, database_name) = match source.login() {
        Some(login) => (login.user, login.database),
        None => (database.master, database.database_name),
    };
    Database { source: Some(source), endpoint, settings, master, database_name, ..database }
}

/// A database of default settings, without data.
pub(super) fn empty(
    shared: &Shared,
    kind: DatabaseKind,
    id: &str,
    engine: &str,
    version: &str,
) -> Database {
    let id = id.to_ascii_lowercase();
    let created = shared.clock.now();
    Database {
        resource_id: resource_id(kind, &id, created),
        id,
        kind,
        engine: engine.to_owned(),
        version: version.to_owned(),
        source: None,
        cluster: None,
        status: "available".to_owned(),
        created,
        tags: BTreeMap::new(),
        database_name: None,
        master: "admin".to_owned(),
        settings: DatabaseSettings::defaults(engine, version),
        endpoint: None,
        server: None,
        task: None,
    }
}

/// What a database made through the API holds: one small table.
fn built_in(
    engine: &str,
    version: Option<&str>,
    name: &str,
) -> Result<Arc<dyn SourceDatabase>, Fault> {
    let (engine, schema) = match engine {
        "postgres" | "aurora-postgresql" => (Engine::postgres(version.unwrap_or("16.4")), "public"),
        "mysql" | "aurora-mysql" => (Engine::mysql(version.unwrap_or("8.0.40")), name),
        "mariadb" => (Engine::mariadb(version.unwrap_or("10.11.9")), name),
        other => return Err(Fault::invalid(format!("Invalid DB engine: {other}"))),
    };
    let source = MemoryDatabase::new(engine, name);
    let table = MemoryTable::new(schema, "greetings")
        .column("id", "bigint not null")
        .column("word", "text")
        .row([Some("1"), Some("hello")])
        .row([Some("2"), Some("안녕하세요")]);
    source.set_table(table).map_err(|error| Fault::internal(error.to_string()))?;
    Ok(Arc::new(source))
}

/// `CreateDBInstance`, `CreateDBCluster`: what a client needs to get going. A database of
/// its own is `available` at once and holds a small built-in table; a member of a cluster
/// takes its time.
pub(super) fn create(shared: &Shared, kind: DatabaseKind, form: &Form) -> Result<Xml, Fault> {
    let what = id_name(kind);
    let id = names::database_id(what, form.required(what)?)?;
    let engine = form.required("Engine")?;
    let name = form.get(if kind == DatabaseKind::Instance { "DBName" } else { "DatabaseName" });
    let cluster = form.get("DBClusterIdentifier").filter(|_| kind == DatabaseKind::Instance);
    let tags = form.tags()?;
    let mut state = shared.rds();
    may_be_added(&state, shared, kind, &id)?;
    let database = match cluster {
        Some(cluster) => {
            let cluster = cluster.to_ascii_lowercase();
            let unknown = || Fault::unknown_database(DatabaseKind::Cluster, &cluster);
            let of = state
                .databases
                .get(&(DatabaseKind::Cluster, cluster.clone()))
                .ok_or_else(unknown)?;
            let mut member = empty(shared, kind, &id, engine, &of.version);
            // What a member shares with its cluster is the cluster's.
            member.settings.subnet_group.clone_from(&of.settings.subnet_group);
            member.settings.security_groups.clone_from(&of.settings.security_groups);
            member.settings.port = of.settings.port;
            let ready = after(shared.clock.now(), shared.options.restore_minutes * 60);
            Database { cluster: Some(cluster), task: Some(Task::Creating { ready }), ..member }
        }
        None => {
            let source = built_in(engine, form.get("EngineVersion"), name.unwrap_or("app"))?;
            let version = source.engine().version().to_owned();
            live(empty(shared, kind, &id, engine, &version), source)
        }
    };
    let mut database = Database {
        tags,
        database_name: name.map(str::to_owned),
        master: form.get("MasterUsername").unwrap_or("admin").to_owned(),
        ..database
    };
    database.settings.apply(form)?;
    let mut xml = Xml::default();
    write(&mut xml, &state, &database, shared.clock.now(), &shared.options);
    state.databases.insert((kind, id), database);
    Ok(xml)
}

/// Whether the name is free and the quota not used up.
pub(super) fn may_be_added(
    state: &RdsState,
    shared: &Shared,
    kind: DatabaseKind,
    id: &str,
) -> Result<(), Fault> {
    if state.databases.contains_key(&(kind, id.to_owned())) {
        let code = match kind {
            DatabaseKind::Instance => "DBInstanceAlreadyExists",
            DatabaseKind::Cluster => "DBClusterAlreadyExistsFault",
        };
        let message = format!("A database with the identifier {id} already exists.");
        return Err(Fault::bad(code, message));
    }
    let count = state.databases.keys().filter(|(it, _)| *it == kind).count();
    if count >= state.database_quota.unwrap_or(shared.options.database_quota) {
        let (code, what) = match kind {
            DatabaseKind::Instance => ("InstanceQuotaExceeded", "DB instances"),
            DatabaseKind::Cluster => ("DBClusterQuotaExceededFault", "DB clusters"),
        };
        return Err(Fault::bad(code, format!("The quota of {what} of this account is used up.")));
    }
    Ok(())
}

pub(super) fn id_name(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Instance => "DBInstanceIdentifier",
        DatabaseKind::Cluster => "DBClusterIdentifier",
    }
}

/// `DescribeDBInstances`, `DescribeDBClusters`
pub(super) fn describe(shared: &Shared, kind: DatabaseKind, form: &Form) -> Result<Xml, Fault> {
    let options = &shared.options;
    let filters =
        form.filters(&["db-instance-id", "db-cluster-id", "engine", "dbi-resource-id"])?;
    let wanted = form.get(id_name(kind)).map(|id| names::bare(id, options));
    let state = shared.rds();
    let passes = |database: &&Database| {
        let own_cluster = match database.kind {
            DatabaseKind::Cluster => Some(&database.id),
            DatabaseKind::Instance => database.cluster.as_ref(),
        };
        database.kind == kind
            && wanted.as_ref().is_none_or(|id| *id == database.id)
            && filters.iter().all(|(name, values)| {
                let values = || values.iter().map(|value| names::bare(value, options));
                match name.as_str() {
                    "engine" => values().any(|engine| engine == database.engine),
                    "db-cluster-id" => values().any(|id| Some(&id) == own_cluster),
                    "dbi-resource-id" => {
                        values().any(|id| id == database.resource_id.to_ascii_lowercase())
                    }
                    _ => values().any(|id| id == database.id),
                }
            })
    };
    let items = state.databases.values().filter(passes);
    let (page, marker) = form.page(items.map(|database| (database.id.clone(), database)))?;
    if let Some(id) = wanted
        && page.is_empty()
    {
        return Err(Fault::unknown_database(kind, &id));
    }
    let now = shared.clock.now();
    let mut xml = Xml::default();
    xml.maybe("Marker", marker);
    let list = if kind == DatabaseKind::Instance { "DBInstances" } else { "DBClusters" };
    xml.element(list, |xml| {
        for database in page {
            write(xml, &state, database, now, options);
        }
    });
    Ok(xml)
}

/// The id that outlives a renaming; here it is made from the first name and the time.
fn resource_id(kind: DatabaseKind, id: &str, created: jiff::Timestamp) -> String {
    let prefix = if kind == DatabaseKind::Instance { "db" } else { "cluster" };
    let hash = hex::encode_upper(Sha256::digest(format!("{prefix}/{id}/{created}")));
    format!("{prefix}-{}", &hash[..26])
}

/// Writes a `DBInstance` or a `DBCluster`.
pub(super) fn write(
    xml: &mut Xml,
    state: &RdsState,
    database: &Database,
    now: jiff::Timestamp,
    options: &AwsOptions,
) {
    let status = &*state.status(database, now, options);
    let arn = database.resource().arn(options);
    let (host, port) = endpoint(state, database);
    let name = |middle: &str| {
        let own = || format!("{}.{middle}local.{}.rds.amazonaws.com", database.id, options.region);
        host.clone().unwrap_or_else(own)
    };
    match database.kind {
        DatabaseKind::Instance => xml.element("DBInstance", |xml| {
            xml.text("DBInstanceIdentifier", &database.id);
            xml.text("Engine", &database.engine);
            xml.text("EngineVersion", &database.version);
            xml.text("DBInstanceStatus", status);
            xml.text("MasterUsername", &database.master);
            xml.maybe("DBName", database.database_name.as_ref());
            // A database that is being made has no endpoint yet.
            if status != "creating" {
                xml.element("Endpoint", |xml| {
                    xml.text("Address", name(""));
                    xml.text("Port", port);
                });
            }
            xml.text("InstanceCreateTime", database.created);
            xml.text("AvailabilityZone", format!("{}a", options.region));
            if database.settings.backup_days > 0 {
                xml.text("LatestRestorableTime", after(now, -RESTORABLE_LAG));
            }
            xml.maybe("DBClusterIdentifier", database.cluster.as_ref());
            xml.text("StorageEncrypted", true);
            xml.text("DbiResourceId", &database.resource_id);
            xml.text("DBInstanceArn", arn);
            database.settings.write_instance(xml);
            tags::write(xml, &database.tags);
        }),
        DatabaseKind::Cluster => xml.element("DBCluster", |xml| {
            xml.text("DBClusterIdentifier", &database.id);
            xml.text("Status", status);
            xml.text("Engine", &database.engine);
            xml.text("EngineVersion", &database.version);
            xml.text("EngineMode", "provisioned");
            xml.text("MasterUsername", &database.master);
            xml.maybe("DatabaseName", database.database_name.as_ref());
            xml.text("Endpoint", name("cluster-"));
            xml.text("ReaderEndpoint", name("cluster-ro-"));
            xml.text("Port", port);
            xml.text("MultiAZ", false);
            xml.text("ClusterCreateTime", database.created);
            xml.text("LatestRestorableTime", after(now, -RESTORABLE_LAG));
            xml.text("StorageEncrypted", true);
            xml.text("DbClusterResourceId", &database.resource_id);
            xml.text("DBClusterArn", arn);
            xml.element("DBClusterMembers", |xml| {
                let members = state.databases.values();
                let members = members.filter(|it| it.cluster.as_deref() == Some(&database.id));
                for (number, member) in members.enumerate() {
                    xml.element("DBClusterMember", |xml| {
                        xml.text("DBInstanceIdentifier", &member.id);
                        xml.text("IsClusterWriter", number == 0);
                        xml.text("PromotionTier", member.settings.promotion_tier);
                    });
                }
            });
            database.settings.write_cluster(xml);
            tags::write(xml, &database.tags);
        }),
    }
}

/// Where a database answers: its server's address, or none but its port. A member answers
/// where its cluster does.
fn endpoint(state: &RdsState, database: &Database) -> (Option<String>, i64) {
    let cluster = database.cluster.as_ref();
    let of = cluster.and_then(|id| state.databases.get(&(DatabaseKind::Cluster, id.clone())));
    match of.unwrap_or(database).endpoint.as_ref() {
        Some((host, port)) => (Some(host.clone()), i64::from(*port)),
        None => (None, database.settings.port),
    }
}

/// Seconds that the newest restorable time lies behind: logs are kept every five minutes.
pub(super) const RESTORABLE_LAG: i64 = 300;

/// `DescribeAccountAttributes`: the quotas that this emulation counts.
pub(super) fn quotas(shared: &Shared) -> Xml {
    let state = shared.rds();
    let count = |kind| state.databases.keys().filter(|(it, _)| *it == kind).count();
    let quota = shared.options.snapshot_quota;
    let mut xml = Xml::default();
    xml.element("AccountQuotas", |xml| {
        for (name, used, max) in [
            ("DBInstances", count(DatabaseKind::Instance), shared.options.database_quota),
            ("DBClusters", count(DatabaseKind::Cluster), shared.options.database_quota),
            ("ManualSnapshots", state.manual(DatabaseKind::Instance), quota),
            ("ManualClusterSnapshots", state.manual(DatabaseKind::Cluster), quota),
        ] {
            xml.element("AccountQuota", |xml| {
                xml.text("AccountQuotaName", name);
                xml.text("Used", used);
                xml.text("Max", max);
            });
        }
    });
    xml
}
