//! Writes the description of a database: `DBInstance` or `DBCluster`.

use jiff::Timestamp;

use super::kind::DatabaseKind;
use super::model::{Database, seconds_after};
use super::state::{Rds, RdsState};
use super::tags;
use super::xml::Xml;
use crate::options::AwsOptions;

/// Seconds between the latest restorable time and now: RDS uploads logs every five minutes.
pub(super) const RESTORABLE_LAG: i64 = 300;

/// The description of one database.
pub(super) fn describe(rds: &Rds, state: &RdsState, database: &Database) -> Xml {
    let mut xml = Xml::default();
    write(&mut xml, rds, state, database);
    xml
}

/// Writes the description of a database.
pub(super) fn write(xml: &mut Xml, rds: &Rds, state: &RdsState, database: &Database) {
    let description = Description {
        database,
        state,
        options: rds.options(),
        status: state.status(database, rds.now(), rds.options()),
        latest_restorable: seconds_after(rds.now(), -RESTORABLE_LAG),
    };
    match database.kind {
        DatabaseKind::Instance => xml.element("DBInstance", |xml| description.write_instance(xml)),
        DatabaseKind::Cluster => xml.element("DBCluster", |xml| description.write_cluster(xml)),
    }
}

struct Description<'a> {
    database: &'a Database,
    state: &'a RdsState,
    options: &'a AwsOptions,
    status: String,
    latest_restorable: Timestamp,
}

impl Description<'_> {
    fn write_instance(&self, xml: &mut Xml) {
        let Self { database, options, status, .. } = self;
        let (host, port) = self.endpoint("");
        xml.text("DBInstanceIdentifier", &database.id);
        xml.text("Engine", &database.engine);
        xml.text("EngineVersion", &database.version);
        xml.text("DBInstanceStatus", status);
        xml.text("MasterUsername", &database.master_username);
        xml.optional_text("DBName", database.database_name.as_ref());
        // An instance has no endpoint before it is created.
        if status != "creating" {
            xml.element("Endpoint", |xml| {
                xml.text("Address", host);
                xml.text("Port", port);
            });
        }
        xml.text("InstanceCreateTime", database.created);
        xml.text("AvailabilityZone", format!("{}a", options.region));
        if database.settings.backup_days > 0 {
            xml.text("LatestRestorableTime", self.latest_restorable);
        }
        xml.optional_text("DBClusterIdentifier", database.cluster.as_ref());
        xml.text("StorageEncrypted", true);
        xml.text("DbiResourceId", &database.resource_id);
        xml.text("DBInstanceArn", database.resource().arn(options));
        database.settings.write_instance(xml);
        tags::write(xml, &database.tags);
    }

    fn write_cluster(&self, xml: &mut Xml) {
        let Self { database, options, status, .. } = self;
        let (writer, port) = self.endpoint("cluster-");
        let (reader, _) = self.endpoint("cluster-ro-");
        xml.text("DBClusterIdentifier", &database.id);
        xml.text("Status", status);
        xml.text("Engine", &database.engine);
        xml.text("EngineVersion", &database.version);
        xml.text("EngineMode", "provisioned");
        xml.text("MasterUsername", &database.master_username);
        xml.optional_text("DatabaseName", database.database_name.as_ref());
        xml.text("Endpoint", writer);
        xml.text("ReaderEndpoint", reader);
        xml.text("Port", port);
        xml.text("MultiAZ", database.is_multi_az_cluster());
        xml.text("ClusterCreateTime", database.created);
        xml.text("LatestRestorableTime", self.latest_restorable);
        xml.text("StorageEncrypted", true);
        xml.text("DbClusterResourceId", &database.resource_id);
        xml.text("DBClusterArn", database.resource().arn(options));
        xml.element("DBClusterMembers", |xml| {
            let members = self.state.databases.values();
            let members = members.filter(|it| it.cluster.as_deref() == Some(&database.id));
            for member in members {
                xml.element("DBClusterMember", |xml| {
                    xml.text("DBInstanceIdentifier", &member.id);
                    xml.text("IsClusterWriter", member.is_writer);
                    xml.text("PromotionTier", member.settings.promotion_tier);
                });
            }
        });
        database.settings.write_cluster(xml, database.is_multi_az_cluster());
        tags::write(xml, &database.tags);
    }

    /// Host and port: those of the server, otherwise a name as AWS gives it and the port of the
    /// settings. A member has the server of its cluster.
    fn endpoint(&self, prefix: &str) -> (String, i64) {
        let database = self.database;
        let cluster = database.cluster.as_ref();
        let cluster =
            cluster.and_then(|id| self.state.databases.get(&(DatabaseKind::Cluster, id.clone())));
        match &cluster.unwrap_or(database).endpoint {
            Some((host, port)) => (host.clone(), i64::from(*port)),
            None => {
                let region = &self.options.region;
                let host = format!("{}.{prefix}local.{region}.rds.amazonaws.com", database.id);
                (host, database.settings.port)
            }
        }
    }
}
