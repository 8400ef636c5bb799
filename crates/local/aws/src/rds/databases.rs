//! Instances, clusters, and the account's quotas.

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_local_image::{Engine, Fixed, FixedTable, Source};
use sha2::{Digest, Sha256};

use super::fault::Fault;
use super::form::Form;
use super::model::{Database, Kind, RdsState};
use super::names;
use super::tags;
use super::xml::Xml;
use crate::options::AwsOptions;
use crate::shared::Shared;

/// Puts a database up as an instance. One of the same id gets the new source.
pub(crate) fn add_instance(shared: &Shared, id: &str, source: Arc<dyn Source>) {
    let engine = source.engine();
    let database = Database {
        engine: engine.name().to_owned(),
        version: engine.version().to_owned(),
        source: Some(source),
        ..empty(shared, Kind::Instance, id)
    };
    shared.rds().databases.insert((Kind::Instance, database.id.clone()), database);
}

/// Puts a database up as an Aurora cluster with one member, `<id>-instance-1`.
pub(crate) fn add_cluster(shared: &Shared, id: &str, source: Arc<dyn Source>) {
    let engine = source.engine();
    let cluster = Database {
        engine: aurora(engine.name()),
        version: engine.version().to_owned(),
        source: Some(source),
        ..empty(shared, Kind::Cluster, id)
    };
    let member = Database {
        engine: cluster.engine.clone(),
        version: cluster.version.clone(),
        cluster: Some(cluster.id.clone()),
        ..empty(shared, Kind::Instance, &format!("{id}-instance-1"))
    };
    let mut state = shared.rds();
    state.databases.insert((Kind::Instance, member.id.clone()), member);
    state.databases.insert((Kind::Cluster, cluster.id.clone()), cluster);
}

/// Aurora's name of an engine.
fn aurora(engine: &str) -> String {
    if engine == "postgres" { "aurora-postgresql".to_owned() } else { "aurora-mysql".to_owned() }
}

fn empty(shared: &Shared, kind: Kind, id: &str) -> Database {
    Database {
        id: id.to_ascii_lowercase(),
        kind,
        engine: String::new(),
        version: String::new(),
        source: None,
        cluster: None,
        status: "available".to_owned(),
        created: shared.clock.now(),
        tags: BTreeMap::new(),
        database_name: None,
        master: "admin".to_owned(),
    }
}

/// What a database made through the API holds: one small table.
fn built_in(engine: &str, version: Option<&str>, name: &str) -> Result<Arc<dyn Source>, Fault> {
    let (engine, schema) = match engine {
        "postgres" | "aurora-postgresql" => (Engine::postgres(version.unwrap_or("16.4")), "public"),
        "mysql" | "aurora-mysql" => (Engine::mysql(version.unwrap_or("8.0.40")), name),
        "mariadb" => (Engine::mariadb(version.unwrap_or("10.11.9")), name),
        other => return Err(Fault::invalid(format!("Invalid DB engine: {other}"))),
    };
    let source = Fixed::new(engine, name);
    let table = FixedTable::new(schema, "greetings")
        .column("id", "bigint not null")
        .column("word", "text")
        .row([Some("1"), Some("hello")])
        .row([Some("2"), Some("안녕하세요")]);
    source.set(table).map_err(|error| Fault::internal(error.to_string()))?;
    Ok(Arc::new(source))
}

/// `CreateDBInstance`, `CreateDBCluster`: what a client needs to get going. It is
/// `available` at once and holds a small built-in table.
pub(super) fn create(shared: &Shared, kind: Kind, form: &Form) -> Result<Xml, Fault> {
    let what = id_name(kind);
    let id = names::database_id(what, form.required(what)?)?;
    let engine = form.required("Engine")?;
    let name = form.get(if kind == Kind::Instance { "DBName" } else { "DatabaseName" });
    let cluster = form.get("DBClusterIdentifier").filter(|_| kind == Kind::Instance);
    let tags = form.tags()?;
    let mut state = shared.rds();
    if state.databases.contains_key(&(kind, id.clone())) {
        let code = match kind {
            Kind::Instance => "DBInstanceAlreadyExists",
            Kind::Cluster => "DBClusterAlreadyExistsFault",
        };
        return Err(Fault::bad(
            code,
            format!("A database with the identifier {id} already exists."),
        ));
    }
    let (source, cluster) = match cluster {
        Some(cluster) => {
            let cluster = cluster.to_ascii_lowercase();
            if !state.databases.contains_key(&(Kind::Cluster, cluster.clone())) {
                return Err(Fault::unknown_database(Kind::Cluster, &cluster));
            }
            (None, Some(cluster))
        }
        None => (Some(built_in(engine, form.get("EngineVersion"), name.unwrap_or("app"))?), None),
    };
    let version = match &source {
        Some(source) => source.engine().version().to_owned(),
        None => form.get("EngineVersion").unwrap_or_default().to_owned(),
    };
    let database = Database {
        engine: engine.to_owned(),
        version,
        source,
        cluster,
        tags,
        database_name: name.map(str::to_owned),
        master: form.get("MasterUsername").unwrap_or("admin").to_owned(),
        ..empty(shared, kind, &id)
    };
    let mut xml = Xml::default();
    write(&mut xml, &state, &database, "available", &shared.options);
    state.databases.insert((kind, id), database);
    Ok(xml)
}

fn id_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Instance => "DBInstanceIdentifier",
        Kind::Cluster => "DBClusterIdentifier",
    }
}

/// `DescribeDBInstances`, `DescribeDBClusters`
pub(super) fn describe(shared: &Shared, kind: Kind, form: &Form) -> Result<Xml, Fault> {
    let options = &shared.options;
    let filters =
        form.filters(&["db-instance-id", "db-cluster-id", "engine", "dbi-resource-id"])?;
    let wanted = form.get(id_name(kind)).map(|id| names::bare(id, options));
    let state = shared.rds();
    let passes = |database: &&Database| {
        let own_cluster = match database.kind {
            Kind::Cluster => Some(&database.id),
            Kind::Instance => database.cluster.as_ref(),
        };
        database.kind == kind
            && wanted.as_ref().is_none_or(|id| *id == database.id)
            && filters.iter().all(|(name, values)| {
                let values = || values.iter().map(|value| names::bare(value, options));
                match name.as_str() {
                    "engine" => values().any(|engine| engine == database.engine),
                    "db-cluster-id" => values().any(|id| Some(&id) == own_cluster),
                    "dbi-resource-id" => {
                        values().any(|id| id == resource_id(database).to_ascii_lowercase())
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
    let list = if kind == Kind::Instance { "DBInstances" } else { "DBClusters" };
    xml.element(list, |xml| {
        for database in page {
            write(xml, &state, database, &state.status(database, now, options), options);
        }
    });
    Ok(xml)
}

/// The id that outlives a renaming; here it is made from the name.
fn resource_id(database: &Database) -> String {
    let prefix = if database.kind == Kind::Instance { "db" } else { "cluster" };
    let hash = hex::encode_upper(Sha256::digest(format!("{prefix}/{}", database.id)));
    format!("{prefix}-{}", &hash[..26])
}

fn write(xml: &mut Xml, state: &RdsState, database: &Database, status: &str, options: &AwsOptions) {
    let port = if database.engine.contains("postgres") { 5432 } else { 3306 };
    let arn = database.resource().arn(options);
    let host = |middle: &str| {
        format!("{}.{middle}local.{}.rds.amazonaws.com", database.id, options.region)
    };
    match database.kind {
        Kind::Instance => xml.element("DBInstance", |xml| {
            xml.text("DBInstanceIdentifier", &database.id);
            xml.text("DBInstanceClass", "db.t4g.medium");
            xml.text("Engine", &database.engine);
            xml.text("EngineVersion", &database.version);
            xml.text("DBInstanceStatus", status);
            xml.text("MasterUsername", &database.master);
            xml.maybe("DBName", database.database_name.as_ref());
            xml.element("Endpoint", |xml| {
                xml.text("Address", host(""));
                xml.text("Port", port);
            });
            xml.text("AllocatedStorage", 20);
            xml.text("InstanceCreateTime", database.created);
            xml.text("BackupRetentionPeriod", 7);
            xml.text("AvailabilityZone", format!("{}a", options.region));
            xml.text("MultiAZ", false);
            xml.text("PubliclyAccessible", false);
            xml.text("StorageType", "gp3");
            xml.maybe("DBClusterIdentifier", database.cluster.as_ref());
            xml.text("StorageEncrypted", true);
            xml.text("DbiResourceId", resource_id(database));
            xml.text("DBInstanceArn", arn);
            xml.text("IAMDatabaseAuthenticationEnabled", false);
            xml.text("DeletionProtection", false);
            tags::write(xml, &database.tags);
        }),
        Kind::Cluster => xml.element("DBCluster", |xml| {
            xml.text("DBClusterIdentifier", &database.id);
            xml.text("Status", status);
            xml.text("Engine", &database.engine);
            xml.text("EngineVersion", &database.version);
            xml.text("EngineMode", "provisioned");
            xml.text("MasterUsername", &database.master);
            xml.maybe("DatabaseName", database.database_name.as_ref());
            xml.text("Endpoint", host("cluster-"));
            xml.text("ReaderEndpoint", host("cluster-ro-"));
            xml.text("Port", port);
            xml.text("MultiAZ", false);
            xml.text("ClusterCreateTime", database.created);
            xml.text("BackupRetentionPeriod", 7);
            xml.text("StorageEncrypted", true);
            xml.text("DbClusterResourceId", resource_id(database));
            xml.text("DBClusterArn", arn);
            xml.element("DBClusterMembers", |xml| {
                let members = state.databases.values();
                let members = members.filter(|it| it.cluster.as_deref() == Some(&database.id));
                for (number, member) in members.enumerate() {
                    xml.element("DBClusterMember", |xml| {
                        xml.text("DBInstanceIdentifier", &member.id);
                        xml.text("IsClusterWriter", number == 0);
                    });
                }
            });
            xml.text("DeletionProtection", false);
            tags::write(xml, &database.tags);
        }),
    }
}

/// `DescribeAccountAttributes`: the quotas that this emulation counts.
pub(super) fn quotas(shared: &Shared) -> Xml {
    let state = shared.rds();
    let count = |kind| state.databases.keys().filter(|(it, _)| *it == kind).count();
    let quota = shared.options.snapshot_quota;
    let mut xml = Xml::default();
    xml.element("AccountQuotas", |xml| {
        for (name, used, max) in [
            ("DBInstances", count(Kind::Instance), 40),
            ("DBClusters", count(Kind::Cluster), 40),
            ("ManualSnapshots", state.manual(Kind::Instance), quota),
            ("ManualClusterSnapshots", state.manual(Kind::Cluster), quota),
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
