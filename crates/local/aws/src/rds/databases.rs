//! Creates and describes instances and clusters; the quotas of the account.

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable, SourceDatabase};
use sha2::{Digest, Sha256};

use super::description;
use super::error::RdsError;
use super::form::Form;
use super::kind::DatabaseKind;
use super::model::{Database, DatabaseTask};
use super::names;
use super::settings::DatabaseSettings;
use super::state::{Rds, RdsState};
use super::xml::Xml;

/// Creates an instance over a source database, or replaces the one with the same id.
pub(crate) fn add_instance(rds: &Rds, id: &str, source: Arc<dyn SourceDatabase>) {
    let engine = source.engine();
    let database = new_database(rds, DatabaseKind::Instance, id, engine.name(), engine.version());
    let database = with_source(database, source);
    rds.state().databases.insert((DatabaseKind::Instance, database.id.clone()), database);
}

/// Creates an Aurora cluster over a source database, with one member, `<id>-instance-1`.
pub(crate) fn add_cluster(rds: &Rds, id: &str, source: Arc<dyn SourceDatabase>) {
    let engine = source.engine();
    let version = engine.version();
    let name = if engine.name() == "postgres" { "aurora-postgresql" } else { "aurora-mysql" };
    let cluster = new_database(rds, DatabaseKind::Cluster, id, name, version);
    let member_id = format!("{id}-instance-1");
    let member = Database {
        cluster: Some(cluster.id.clone()),
        is_writer: true,
        ..new_database(rds, DatabaseKind::Instance, &member_id, name, version)
    };
    let cluster = with_source(cluster, source);
    let mut state = rds.state();
    state.databases.insert((DatabaseKind::Instance, member.id.clone()), member);
    state.databases.insert((DatabaseKind::Cluster, cluster.id.clone()), cluster);
}

/// Creates a Multi-AZ cluster over a source database, with its three members, or replaces the cluster
/// with the same id.
pub(crate) fn add_multi_az_cluster(rds: &Rds, id: &str, source: Arc<dyn SourceDatabase>) {
    let engine = source.engine();
    let cluster = new_database(rds, DatabaseKind::Cluster, id, engine.name(), engine.version());
    let cluster = with_source(cluster, source);
    let mut state = rds.state();
    state.databases.retain(|_, it| it.cluster.as_deref() != Some(&cluster.id));
    for member in multi_az_members(rds, &cluster) {
        let member = Database { is_writer: member.id.ends_with('1'), task: None, ..member };
        state.databases.insert((DatabaseKind::Instance, member.id.clone()), member);
    }
    state.databases.insert((DatabaseKind::Cluster, cluster.id.clone()), cluster);
}

/// The three members that RDS creates with a Multi-AZ cluster, in the state of the cluster.
pub(super) fn multi_az_members(rds: &Rds, cluster: &Database) -> Vec<Database> {
    let member = |number| {
        let id = format!("{}-instance-{number}", cluster.id);
        let (engine, version) = (&cluster.engine, &cluster.version);
        Database {
            cluster: Some(cluster.id.clone()),
            settings: cluster.settings.clone(),
            task: cluster.task.clone(),
            ..new_database(rds, DatabaseKind::Instance, &id, engine, version)
        }
    };
    (1..=3).map(member).collect()
}

/// A database over a source, with the endpoint, port and login of the source.
fn with_source(database: Database, source: Arc<dyn SourceDatabase>) -> Database {
    let mut settings = database.settings;
    let endpoint = source.address();
    if let Some((_, port)) = &endpoint {
        settings.port = i64::from(*port);
    }
    let (master_username, database_name) = match source.login() {
        Some(login) => (login.user, login.database),
        None => (database.master_username, database.database_name),
    };
    let source = Some(source);
    Database { source, endpoint, settings, master_username, database_name, ..database }
}

/// An `available` database with default settings and without data.
pub(super) fn new_database(
    rds: &Rds,
    kind: DatabaseKind,
    id: &str,
    engine: &str,
    version: &str,
) -> Database {
    let id = id.to_ascii_lowercase();
    let created = rds.now();
    Database {
        resource_id: resource_id(kind, &id, created),
        id,
        kind,
        engine: engine.to_owned(),
        version: version.to_owned(),
        source: None,
        cluster: None,
        is_writer: false,
        status: "available".to_owned(),
        created,
        tags: BTreeMap::new(),
        database_name: None,
        master_username: "admin".to_owned(),
        settings: DatabaseSettings::defaults(engine, version),
        endpoint: None,
        server: None,
        task: None,
    }
}

/// The resource id, which does not change when the database is renamed. Derived from the first
/// id and the time.
fn resource_id(kind: DatabaseKind, id: &str, created: jiff::Timestamp) -> String {
    let prefix = if kind == DatabaseKind::Instance { "db" } else { "cluster" };
    let hash = hex::encode_upper(Sha256::digest(format!("{prefix}/{id}/{created}")));
    format!("{prefix}-{}", &hash[..26])
}

/// The data of a database that is created through the API: one small table.
fn built_in_source(
    engine: &str,
    version: Option<&str>,
    name: &str,
) -> Result<Arc<dyn SourceDatabase>, RdsError> {
    let (engine, schema) = match engine {
        "postgres" | "aurora-postgresql" => (Engine::postgres(version.unwrap_or("16.4")), "public"),
        "mysql" | "aurora-mysql" => (Engine::mysql(version.unwrap_or("8.0.40")), name),
        "mariadb" => (Engine::mariadb(version.unwrap_or("10.11.9")), name),
        other => return Err(RdsError::invalid_parameter(format!("Invalid DB engine: {other}"))),
    };
    let source = MemoryDatabase::new(engine, name);
    let table = MemoryTable::new(schema, "greetings")
        .column("id", "bigint not null")
        .column("word", "text")
        .row([Some("1"), Some("hello")])
        .row([Some("2"), Some("안녕하세요")]);
    source.set_table(table).map_err(|error| RdsError::internal(error.to_string()))?;
    Ok(Arc::new(source))
}

/// `CreateDBInstance`, `CreateDBCluster`: the parameters that clients need. A database with data
/// of its own is `available` immediately and contains a small built-in table; a member of a
/// cluster takes [`restore_minutes`](crate::AwsOptions::restore_minutes).
pub(super) fn create(rds: &Rds, kind: DatabaseKind, form: &Form) -> Result<Xml, RdsError> {
    let api = kind.api();
    let id = names::database_id(api.database_id, form.required(api.database_id)?)?;
    let engine = form.required("Engine")?;
    let name = form.get(api.database_name);
    let cluster = form.get("DBClusterIdentifier").filter(|_| kind == DatabaseKind::Instance);
    let tags = form.tags()?;
    let mut state = rds.state();
    check_can_add(rds, &state, kind, &id)?;
    let database = match cluster {
        Some(cluster) => {
            let cluster = cluster.to_ascii_lowercase();
            check_member_parameters(state.find_database(DatabaseKind::Cluster, &cluster)?, form)?;
            new_member(rds, &state, &id, engine, &cluster)?
        }
        None => {
            let source = built_in_source(engine, form.get("EngineVersion"), name.unwrap_or("app"))?;
            let version = source.engine().version().to_owned();
            with_source(new_database(rds, kind, &id, engine, &version), source)
        }
    };
    let mut database = Database {
        tags,
        database_name: name.map(str::to_owned),
        master_username: form.get("MasterUsername").unwrap_or("admin").to_owned(),
        ..database
    };
    database.settings.apply(form)?;
    let xml = description::describe(rds, &state, &database);
    state.databases.insert((kind, id), database);
    Ok(xml)
}

/// RDS refuses a monitoring interval of a member whose cluster has one: observed with Terraform's AWS
/// provider (hashicorp/terraform-provider-aws, issue 40966).
pub(super) fn check_member_parameters(cluster: &Database, form: &Form) -> Result<(), RdsError> {
    if cluster.settings.monitoring_seconds > 0 && form.get("MonitoringInterval").is_some() {
        return Err(RdsError::invalid_combination(
            "MonitoringInterval conflicts with cluster level parameter.",
        ));
    }
    Ok(())
}

/// A member of a cluster, `creating`. It shares network and port with the cluster, and monitoring that is
/// managed for the cluster.
fn new_member(
    rds: &Rds,
    state: &RdsState,
    id: &str,
    engine: &str,
    cluster_id: &str,
) -> Result<Database, RdsError> {
    let cluster = state.find_database(DatabaseKind::Cluster, cluster_id)?;
    let mut member = new_database(rds, DatabaseKind::Instance, id, engine, &cluster.version);
    member.settings.subnet_group.clone_from(&cluster.settings.subnet_group);
    member.settings.security_groups.clone_from(&cluster.settings.security_groups);
    member.settings.port = cluster.settings.port;
    if cluster.settings.monitoring_seconds > 0 {
        member.settings.monitoring_seconds = cluster.settings.monitoring_seconds;
        member.settings.monitoring_role.clone_from(&cluster.settings.monitoring_role);
    }
    if cluster.settings.insights {
        member.settings.insights = true;
        member.settings.insights_key.clone_from(&cluster.settings.insights_key);
        member.settings.insights_days = cluster.settings.insights_days;
    }
    member.cluster = Some(cluster_id.to_owned());
    let ready = rds.minutes_from_now(rds.options().restore_minutes);
    member.task = Some(DatabaseTask::Creating { ready });
    Ok(member)
}

/// Checks that the id is not in use and the quota not exhausted.
pub(super) fn check_can_add(
    rds: &Rds,
    state: &RdsState,
    kind: DatabaseKind,
    id: &str,
) -> Result<(), RdsError> {
    let api = kind.api();
    if state.databases.contains_key(&(kind, id.to_owned())) {
        let message = format!("A database with the identifier {id} already exists.");
        return Err(RdsError::bad_request(api.database_exists, message));
    }
    let quota = state.database_quota.unwrap_or(rds.options().database_quota);
    if state.database_count(kind) >= quota {
        let message = format!("The quota of DB {}s of this account is used up.", api.noun);
        return Err(RdsError::bad_request(api.database_quota_exceeded, message));
    }
    Ok(())
}

/// `DescribeDBInstances`, `DescribeDBClusters`: in the order of their ids, paged.
pub(super) fn describe(rds: &Rds, kind: DatabaseKind, form: &Form) -> Result<Xml, RdsError> {
    let api = kind.api();
    let options = rds.options();
    let filters =
        form.filters(&["db-instance-id", "db-cluster-id", "engine", "dbi-resource-id"])?;
    let requested_id = form.get(api.database_id).map(|id| names::id_of(id, options));
    let state = rds.state();
    let passes = |database: &&Database| {
        let cluster = match database.kind {
            DatabaseKind::Cluster => Some(&database.id),
            DatabaseKind::Instance => database.cluster.as_ref(),
        };
        database.kind == kind
            && requested_id.as_ref().is_none_or(|id| *id == database.id)
            && filters.iter().all(|(name, values)| {
                let mut values = values.iter().map(|value| names::id_of(value, options));
                match name.as_str() {
                    "engine" => values.any(|engine| engine == database.engine),
                    "db-cluster-id" => values.any(|id| Some(&id) == cluster),
                    "dbi-resource-id" => {
                        values.any(|id| id == database.resource_id.to_ascii_lowercase())
                    }
                    _ => values.any(|id| id == database.id),
                }
            })
    };
    let items = state.databases.values().filter(passes);
    let (page, marker) = form.page(items.map(|database| (database.id.clone(), database)))?;
    if let Some(id) = requested_id
        && page.is_empty()
    {
        return Err(RdsError::database_not_found(kind, &id));
    }
    let mut xml = Xml::default();
    xml.optional_text("Marker", marker);
    xml.element(api.database_list, |xml| {
        for database in page {
            description::write(xml, rds, &state, database);
        }
    });
    Ok(xml)
}

/// `DescribeAccountAttributes`: the quotas that this emulation enforces.
pub(super) fn describe_quotas(rds: &Rds) -> Xml {
    let state = rds.state();
    let database_quota = state.database_quota.unwrap_or(rds.options().database_quota);
    let snapshot_quota = state.snapshot_quota.unwrap_or(rds.options().snapshot_quota);
    let mut xml = Xml::default();
    xml.element("AccountQuotas", |xml| {
        for (name, kind) in
            [("DBInstances", DatabaseKind::Instance), ("DBClusters", DatabaseKind::Cluster)]
        {
            write_quota(xml, name, state.database_count(kind), database_quota);
        }
        for (name, kind) in [
            ("ManualSnapshots", DatabaseKind::Instance),
            ("ManualClusterSnapshots", DatabaseKind::Cluster),
        ]
        .into_iter()
        .filter(|_| !rds.account.turned.is("rds-snapshot-quota"))
        {
            write_quota(xml, name, state.manual_snapshot_count(kind), snapshot_quota);
        }
    });
    xml
}

fn write_quota(xml: &mut Xml, name: &str, used: usize, max: usize) {
    xml.element("AccountQuota", |xml| {
        xml.text("AccountQuotaName", name);
        xml.text("Used", used);
        xml.text("Max", max);
    });
}
