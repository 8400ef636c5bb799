//! All snapshots of a source as restore points, and the tags that pin them.

use aws_sdk_rds::types::{DbClusterSnapshot, DbSnapshot, Tag};
use landbridge_core::Result;
use landbridge_core::config::SourceKind;
use landbridge_core::ids::{SNAPSHOT_PREFIX, TAG_KEEP, TAG_SETTINGS, TAG_SOURCE};
use landbridge_core::restore::{CreatedBy, RestorePoint};

use super::{Rds, tag_value, text, timestamp, to_tags};
use crate::error::failed;

impl Rds {
    /// All snapshots of a source, of any creator: those of the database `source_id`, and
    /// those that Landbridge tagged for `source_name`. Oldest first.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn restore_points(
        &self,
        source_name: &str,
        source_id: &str,
    ) -> Result<Vec<RestorePoint>> {
        let of_source = |tags: &[Tag], id: Option<&str>| {
            id == Some(source_id) || tag_value(tags, TAG_SOURCE).as_deref() == Some(source_name)
        };
        let mut points: Vec<_> = match self.kind {
            SourceKind::Instance => {
                let all = self.instance_snapshots(None).await?;
                let of_source =
                    all.iter().filter(|it| of_source(it.tag_list(), it.db_instance_identifier()));
                of_source.map(instance_point).collect()
            }
            SourceKind::Cluster => {
                let all = self.cluster_snapshots(None).await?;
                let of_source =
                    all.iter().filter(|it| of_source(it.tag_list(), it.db_cluster_identifier()));
                of_source.map(cluster_point).collect()
            }
        };
        points.sort_by(|a, b| (a.taken_at, &a.snapshot).cmp(&(b.taken_at, &b.snapshot)));
        Ok(points)
    }

    /// Sets tags of a database or a snapshot. Idempotent; other tags are not changed.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn add_tags(&self, arn: &str, tags: &[(&str, &str)]) -> Result<()> {
        let call = self.client.add_tags_to_resource().resource_name(arn).set_tags(to_tags(tags));
        call.send().await.map(|_| ()).map_err(|error| failed("tags cannot be set", arn, error))
    }

    /// Removes a tag of a database or a snapshot. Idempotent: a missing tag is not an error.
    ///
    /// # Errors
    /// Any RDS error; see [`ErrorKind`](landbridge_core::ErrorKind).
    pub async fn remove_tag(&self, arn: &str, key: &str) -> Result<()> {
        let call = self.client.remove_tags_from_resource().resource_name(arn).tag_keys(key);
        call.send().await.map(|_| ()).map_err(|error| failed("a tag cannot be removed", arn, error))
    }
}

fn created_by(snapshot_type: Option<&str>, id: &str, tags: &[Tag]) -> CreatedBy {
    let tagged = tag_value(tags, TAG_SOURCE).is_some();
    match snapshot_type {
        Some("manual") if id.starts_with(SNAPSHOT_PREFIX) && tagged => CreatedBy::Landbridge,
        Some("manual") | None => CreatedBy::Person,
        Some(_) => CreatedBy::Aws,
    }
}

fn instance_point(it: &DbSnapshot) -> RestorePoint {
    let (id, tags) = (text(it.db_snapshot_identifier()), it.tag_list());
    RestorePoint {
        created_by: created_by(it.snapshot_type(), &id, tags),
        snapshot: id,
        arn: text(it.db_snapshot_arn()),
        taken_at: it.snapshot_create_time().and_then(timestamp),
        status: text(it.status()),
        pinned: tag_value(tags, TAG_KEEP),
        storage_gib: it.allocated_storage().map(Into::into),
        bytes: it.full_snapshot_size_in_bytes().and_then(|bytes| u64::try_from(bytes).ok()),
        engine: text(it.engine()),
        engine_version: text(it.engine_version()),
        settings: tag_value(tags, TAG_SETTINGS),
        resource_id: it.dbi_resource_id().map(str::to_owned),
    }
}

fn cluster_point(it: &DbClusterSnapshot) -> RestorePoint {
    let (id, tags) = (text(it.db_cluster_snapshot_identifier()), it.tag_list());
    RestorePoint {
        created_by: created_by(it.snapshot_type(), &id, tags),
        snapshot: id,
        arn: text(it.db_cluster_snapshot_arn()),
        taken_at: it.snapshot_create_time().and_then(timestamp),
        status: text(it.status()),
        pinned: tag_value(tags, TAG_KEEP),
        storage_gib: it.allocated_storage().map(Into::into),
        bytes: None,
        engine: text(it.engine()),
        engine_version: text(it.engine_version()),
        settings: tag_value(tags, TAG_SETTINGS),
        resource_id: it.db_cluster_resource_id().map(str::to_owned),
    }
}
