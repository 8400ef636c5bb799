//! The RDS client. RDS has separate calls for instances and clusters; [`SourceKind`] selects them.
//!
//! | module | responsibility |
//! |---|---|
//! | `snapshots` | manual snapshots: list, describe, create, delete |
//! | `exports` | export tasks: list, describe, start |
//! | `database`, `settings` | the current state of a database, and its settings |
//! | `account` | what the account contains: possible sources, the snapshot quota, the last export |
//! | `restore_points` | all snapshots of a source as restore points; tags |
//! | `restore` | restoring, modifying, renaming and deleting databases |

mod account;
mod database;
mod exports;
mod restore;
mod restore_points;
mod settings;
mod snapshots;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::Tag;
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use landbridge_core::config::SourceKind;

pub use account::{LastExport, SnapshotQuota, SourceCandidate};
pub use database::Database;
pub use exports::{ExportRequest, ExportStatus, ExportTask};
pub use restore::is_wrong_state;
pub use snapshots::{SnapshotInfo, SortedTags};

/// The RDS client for sources of one kind.
#[derive(Clone, Debug)]
pub struct Rds {
    client: Client,
    kind: SourceKind,
}

impl Rds {
    /// Wraps an SDK client, for sources of `kind`.
    pub fn new(client: Client, kind: SourceKind) -> Self {
        Self { client, kind }
    }

    /// The kind of sources that this client is for.
    pub fn kind(&self) -> SourceKind {
        self.kind
    }
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

fn non_empty(value: Option<&str>) -> Option<String> {
    value.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(at.secs()).ok()
}

fn tag_value(tags: &[Tag], key: &str) -> Option<String> {
    let tag = tags.iter().find(|tag| tag.key() == Some(key))?;
    Some(text(tag.value()))
}

fn to_tags(tags: &[(&str, &str)]) -> Option<Vec<Tag>> {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build());
    Some(tags.collect())
}
