//! Instances and clusters as they are: status, endpoint, tags, settings, members.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{DbCluster, DbInstance};
use jiff::Timestamp;
use landbridge_core::config::SourceKind;
use landbridge_core::restore::{Settings, SettingsRecord};
use landbridge_core::{Error, ErrorKind, Result};

use super::settings::{is_aurora, manual_steps, of_cluster, of_instance, recorded, without_ours};
use super::{Rds, text, timestamp};
use crate::error::{code, failed};

/// An instance or a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// `available`, `creating`, `modifying`, …
    pub status: String,
    /// As RDS names it.
    pub engine: String,
    /// Host and port, once it has them.
    pub endpoint: Option<(String, u16)>,
    /// The database made with it, if any.
    pub database_name: Option<String>,
    /// Its master user.
    pub master_user: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What it is set to, all its tags among it.
    pub settings: Settings,
    /// Names of a cluster's members.
    pub members: Vec<String>,
    /// How far its logs go.
    pub latest_restorable_time: Option<Timestamp>,
}

impl Rds {
    /// The kind of its sources.
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// A database, or `None` when there is none of that id.
    ///
    /// # Errors
    /// Those of RDS.
    pub async fn database(&self, kind: SourceKind, id: &str) -> Result<Option<Database>> {
        Ok(match kind {
            SourceKind::Instance => self.instance(id).await?.map(|it| instance(&it)),
            SourceKind::Cluster => self.cluster(id).await?.map(|it| cluster(&it)),
        })
    }

    /// What the source is set to now, its members and what a restore cannot bring back.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such source; others of RDS.
    pub async fn settings_record(&self, source: &str) -> Result<SettingsRecord> {
        let gone =
            || Error::new(ErrorKind::NotFound, "the source is not there to be described", source);
        match self.kind {
            SourceKind::Instance => {
                let it = self.instance(source).await?.ok_or_else(gone)?;
                let settings = of_instance(&it);
                let mut record = recorded(self.kind, it.engine(), it.engine_version(), settings);
                record.manual_steps = manual_steps(&it);
                Ok(record)
            }
            SourceKind::Cluster => {
                let it = self.cluster(source).await?.ok_or_else(gone)?;
                let mut record =
                    recorded(self.kind, it.engine(), it.engine_version(), of_cluster(&it));
                if it.engine().is_some_and(is_aurora) {
                    for member in it.db_cluster_members() {
                        let name = text(member.db_instance_identifier());
                        if let Some(member) = self.instance(&name).await? {
                            record.manual_steps.extend(manual_steps(&member));
                            let settings = without_ours(of_instance(&member));
                            record.members.insert(name, settings);
                        }
                    }
                }
                Ok(record)
            }
        }
    }

    async fn instance(&self, id: &str) -> Result<Option<DbInstance>> {
        match self.client.describe_db_instances().db_instance_identifier(id).send().await {
            Ok(page) => Ok(page.db_instances().first().cloned()),
            Err(error) if code(&error) == "DBInstanceNotFound" => Ok(None),
            Err(error) => Err(failed("an instance cannot be described", id, error)),
        }
    }

    async fn cluster(&self, id: &str) -> Result<Option<DbCluster>> {
        match self.client.describe_db_clusters().db_cluster_identifier(id).send().await {
            Ok(page) => Ok(page.db_clusters().first().cloned()),
            Err(error) if code(&error) == "DBClusterNotFoundFault" => Ok(None),
            Err(error) => Err(failed("a cluster cannot be described", id, error)),
        }
    }
}

fn port(port: Option<i32>) -> Option<u16> {
    port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

fn instance(it: &DbInstance) -> Database {
    let settings = of_instance(it);
    let endpoint = it.endpoint().and_then(|it| Some((it.address()?.to_owned(), port(it.port())?)));
    Database {
        id: text(it.db_instance_identifier()),
        arn: text(it.db_instance_arn()),
        status: text(it.db_instance_status()),
        engine: text(it.engine()),
        endpoint,
        database_name: it.db_name().map(str::to_owned),
        master_user: text(it.master_username()),
        tags: settings.tags(),
        settings,
        members: Vec::new(),
        latest_restorable_time: it.latest_restorable_time().and_then(timestamp),
    }
}

fn cluster(it: &DbCluster) -> Database {
    let settings = of_cluster(it);
    let endpoint = it.endpoint().and_then(|host| Some((host.to_owned(), port(it.port())?)));
    Database {
        id: text(it.db_cluster_identifier()),
        arn: text(it.db_cluster_arn()),
        status: text(it.status()),
        engine: text(it.engine()),
        endpoint,
        database_name: it.database_name().map(str::to_owned),
        master_user: text(it.master_username()),
        tags: settings.tags(),
        settings,
        members: it
            .db_cluster_members()
            .iter()
            .map(|member| text(member.db_instance_identifier()))
            .collect(),
        latest_restorable_time: it.latest_restorable_time().and_then(timestamp),
    }
}
