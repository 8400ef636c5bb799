//! The current state of an instance or a cluster: status, endpoint, tags, settings, members.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{DbCluster, DbInstance};
use jiff::Timestamp;
use landbridge_core::config::SourceKind;
use landbridge_core::restore::{Settings, SettingsRecord};
use landbridge_core::{Error, ErrorKind, Result};

use super::settings::{
    cluster_manual_steps, cluster_settings, instance_settings, is_aurora, leave_to_cluster,
    manual_steps, settings_record, without_landbridge_tags,
};
use super::{Rds, text, timestamp};
use crate::error::{failed, found};

/// An instance or a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its id.
    pub id: String,
    /// The id that no rename changes.
    pub resource_id: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its ARN.
    pub arn: String,
    /// `available`, `creating`, `modifying`, …
    pub status: String,
    /// The engine, as RDS names it.
    pub engine: String,
    /// Host and port, once RDS has assigned them.
    pub endpoint: Option<(String, u16)>,
    /// The initial database, if one was created with it.
    pub database_name: Option<String>,
    /// Its master user.
    pub master_user: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its settings, including all its tags.
    pub settings: Settings,
    /// The ids of a cluster's members.
    pub members: Vec<String>,
    /// The id of the cluster's member that is the writer.
    pub writer: Option<String>,
    /// The latest time to which it can be restored.
    pub latest_restorable_time: Option<Timestamp>,
}

impl Rds {
    /// Describes a database; `None` if it does not exist.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`].
    pub async fn database(&self, kind: SourceKind, id: &str) -> Result<Option<Database>> {
        Ok(match kind {
            SourceKind::Instance => self.instance(id).await?.map(|it| instance(&it)),
            SourceKind::Cluster => self.cluster(id).await?.map(|it| cluster(&it)),
        })
    }

    /// The engine of a database of this client's kind, as RDS names it; `None` if it does not exist.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`].
    pub async fn engine(&self, id: &str) -> Result<Option<String>> {
        Ok(self.database(self.kind, id).await?.map(|it| it.engine))
    }

    /// The current settings of the source and its members, and what a restore cannot bring back.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the source does not exist; any other RDS error.
    pub async fn settings_record(&self, source: &str) -> Result<SettingsRecord> {
        let missing = || Error::new(ErrorKind::NotFound, "the source does not exist", source);
        match self.kind {
            SourceKind::Instance => {
                let it = self.instance(source).await?.ok_or_else(missing)?;
                let settings = instance_settings(&it);
                let mut record =
                    settings_record(self.kind, it.engine(), it.engine_version(), settings);
                record.manual_steps = manual_steps(&it);
                Ok(record)
            }
            SourceKind::Cluster => {
                let it = self.cluster(source).await?.ok_or_else(missing)?;
                let settings = cluster_settings(&it);
                let mut record =
                    settings_record(self.kind, it.engine(), it.engine_version(), settings);
                record.manual_steps = cluster_manual_steps(&it);
                record.writer = writer(&it);
                if it.engine().is_some_and(is_aurora) {
                    for member in it.db_cluster_members() {
                        let id = text(member.db_instance_identifier());
                        if let Some(member) = self.instance(&id).await? {
                            record.manual_steps.extend(manual_steps(&member));
                            let settings = without_landbridge_tags(instance_settings(&member));
                            record.members.insert(id, settings);
                        }
                    }
                    leave_to_cluster(&mut record);
                }
                Ok(record)
            }
        }
    }

    /// All databases of this client's kind in the account and region. The members of clusters are no
    /// databases of their own.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`].
    pub async fn databases(&self) -> Result<Vec<Database>> {
        let what = "the databases cannot be listed";
        Ok(match self.kind {
            SourceKind::Instance => {
                let all = self.client.describe_db_instances().into_paginator().items().send();
                let all: Vec<DbInstance> = all
                    .try_collect()
                    .await
                    .map_err(|error| failed(what, "rds:DescribeDBInstances", error))?;
                let own = all.iter().filter(|it| it.db_cluster_identifier().is_none());
                own.map(instance).collect()
            }
            SourceKind::Cluster => {
                let all = self.client.describe_db_clusters().into_paginator().items().send();
                let all: Vec<DbCluster> = all
                    .try_collect()
                    .await
                    .map_err(|error| failed(what, "rds:DescribeDBClusters", error))?;
                all.iter().map(cluster).collect()
            }
        })
    }

    async fn instance(&self, id: &str) -> Result<Option<DbInstance>> {
        let result = self.client.describe_db_instances().db_instance_identifier(id).send().await;
        let page = found(result, "DBInstanceNotFound", "an instance cannot be described", id)?;
        Ok(page.and_then(|page| page.db_instances().first().cloned()))
    }

    async fn cluster(&self, id: &str) -> Result<Option<DbCluster>> {
        let result = self.client.describe_db_clusters().db_cluster_identifier(id).send().await;
        let page = found(result, "DBClusterNotFoundFault", "a cluster cannot be described", id)?;
        Ok(page.and_then(|page| page.db_clusters().first().cloned()))
    }
}

fn port(port: Option<i32>) -> Option<u16> {
    port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

fn writer(it: &DbCluster) -> Option<String> {
    let mut members = it.db_cluster_members().iter();
    let writer = members.find(|member| member.is_cluster_writer() == Some(true))?;
    writer.db_instance_identifier().map(str::to_owned)
}

fn instance(it: &DbInstance) -> Database {
    let settings = instance_settings(it);
    let endpoint = it.endpoint().and_then(|it| Some((it.address()?.to_owned(), port(it.port())?)));
    Database {
        id: text(it.db_instance_identifier()),
        resource_id: it.dbi_resource_id().map(str::to_owned),
        created: it.instance_create_time().and_then(timestamp),
        arn: text(it.db_instance_arn()),
        status: text(it.db_instance_status()),
        engine: text(it.engine()),
        endpoint,
        database_name: it.db_name().map(str::to_owned),
        master_user: text(it.master_username()),
        tags: settings.tags(),
        settings,
        members: Vec::new(),
        writer: None,
        latest_restorable_time: it.latest_restorable_time().and_then(timestamp),
    }
}

fn cluster(it: &DbCluster) -> Database {
    let settings = cluster_settings(it);
    let endpoint = it.endpoint().and_then(|host| Some((host.to_owned(), port(it.port())?)));
    Database {
        id: text(it.db_cluster_identifier()),
        resource_id: it.db_cluster_resource_id().map(str::to_owned),
        created: it.cluster_create_time().and_then(timestamp),
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
        writer: writer(it),
        latest_restorable_time: it.latest_restorable_time().and_then(timestamp),
    }
}
