//! Snapshots as restore points, and the tag that pins them.

use aws_sdk_rds::types::{DbClusterSnapshot, DbSnapshot, Tag};
use landbridge_core::Result;
use landbridge_core::config::SourceKind;
use landbridge_core::ids::{SNAPSHOT_PREFIX, TAG_KEEP, TAG_SETTINGS, TAG_SOURCE};
use landbridge_core::restore::{CreatedBy, RestorePoint};

use super::{Rds, text, timestamp};
use crate::error::failed;

impl Rds {
    /// All snapshots of the source, whoever made them: those of its id, and those tagged by
    /// us for it. Oldest first.
    ///
    /// # Errors
    /// Those of RDS.
    pub async fn restore_points(
        &self,
        source_name: &str,
        source_id: &str,
    ) -> Result<Vec<RestorePoint>> {
        let mut points = Vec::new();
        let of_source = |tags: &[Tag], id: Option<&str>| {
            id == Some(source_id) || value(tags, TAG_SOURCE).as_deref() == Some(source_name)
        };
        match self.kind {
            SourceKind::Instance => {
                let mut pages = self.client.describe_db_snapshots().into_paginator().send();
                while let Some(page) = pages.next().await {
                    let page = page.map_err(|error| {
                        failed("the snapshots cannot be listed", "rds:DescribeDBSnapshots", error)
                    })?;
                    let snapshots = page.db_snapshots().iter();
                    let ours = snapshots
                        .filter(|it| of_source(it.tag_list(), it.db_instance_identifier()));
                    points.extend(ours.map(of_instance));
                }
            }
            SourceKind::Cluster => {
                let mut pages = self.client.describe_db_cluster_snapshots().into_paginator().send();
                while let Some(page) = pages.next().await {
                    let page = page.map_err(|error| {
                        let what = "the snapshots cannot be listed";
                        failed(what, "rds:DescribeDBClusterSnapshots", error)
                    })?;
                    let snapshots = page.db_cluster_snapshots().iter();
                    let ours =
                        snapshots.filter(|it| of_source(it.tag_list(), it.db_cluster_identifier()));
                    points.extend(ours.map(of_cluster));
                }
            }
        }
        points.sort_by(|a: &RestorePoint, b| {
            (a.taken_at, &a.snapshot).cmp(&(b.taken_at, &b.snapshot))
        });
        Ok(points)
    }

    /// Sets tags of a database or a snapshot. Repeating it changes nothing.
    ///
    /// # Errors
    /// Those of RDS.
    pub async fn add_tags(&self, arn: &str, tags: &[(&str, &str)]) -> Result<()> {
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build());
        let call = self.client.add_tags_to_resource().resource_name(arn);
        match call.set_tags(Some(tags.collect())).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("tags cannot be set", arn, error)),
        }
    }

    /// Removes a tag. One that is not there is no error.
    ///
    /// # Errors
    /// Those of RDS.
    pub async fn remove_tag(&self, arn: &str, key: &str) -> Result<()> {
        let call = self.client.remove_tags_from_resource().resource_name(arn).tag_keys(key);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("a tag cannot be removed", arn, error)),
        }
    }
}

fn value(tags: &[Tag], key: &str) -> Option<String> {
    let tag = tags.iter().find(|tag| tag.key() == Some(key))?;
    Some(tag.value().unwrap_or_default().to_owned())
}

fn created_by(snapshot_type: Option<&str>, id: &str, tags: &[Tag]) -> CreatedBy {
    match snapshot_type {
        Some("manual") if id.starts_with(SNAPSHOT_PREFIX) && value(tags, TAG_SOURCE).is_some() => {
            CreatedBy::Landbridge
        }
        Some("manual") | None => CreatedBy::Person,
        Some(_) => CreatedBy::Aws,
    }
}

fn of_instance(it: &DbSnapshot) -> RestorePoint {
    let (id, tags) = (text(it.db_snapshot_identifier()), it.tag_list());
    RestorePoint {
        created_by: created_by(it.snapshot_type(), &id, tags),
        snapshot: id,
        arn: text(it.db_snapshot_arn()),
        taken_at: it.snapshot_create_time().and_then(timestamp),
        status: text(it.status()),
        pinned: value(tags, TAG_KEEP),
        storage_gib: it.allocated_storage().map(Into::into),
        bytes: it.full_snapshot_size_in_bytes().and_then(|bytes| u64::try_from(bytes).ok()),
        engine: text(it.engine()),
        engine_version: text(it.engine_version()),
        settings: value(tags, TAG_SETTINGS),
    }
}

fn of_cluster(it: &DbClusterSnapshot) -> RestorePoint {
    let (id, tags) = (text(it.db_cluster_snapshot_identifier()), it.tag_list());
    RestorePoint {
        created_by: created_by(it.snapshot_type(), &id, tags),
        snapshot: id,
        arn: text(it.db_cluster_snapshot_arn()),
        taken_at: it.snapshot_create_time().and_then(timestamp),
        status: text(it.status()),
        pinned: value(tags, TAG_KEEP),
        storage_gib: it.allocated_storage().map(Into::into),
        bytes: None,
        engine: text(it.engine()),
        engine_version: text(it.engine_version()),
        settings: value(tags, TAG_SETTINGS),
    }
}
