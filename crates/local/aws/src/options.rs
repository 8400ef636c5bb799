//! [`AwsOptions`]: names, credentials, quotas and virtual durations of an emulated account.

use std::path::PathBuf;

/// Settings of [`LocalAws`](crate::LocalAws).
#[derive(Clone, Debug)]
pub struct AwsOptions {
    /// The directory for large objects and for the data of snapshots. Each
    /// [`LocalAws`](crate::LocalAws) creates a subdirectory of its own there and removes it when
    /// dropped.
    pub data_dir: PathBuf,
    /// The only region.
    pub region: String,
    /// The twelve digits of the account, as in ARNs.
    pub account: String,
    /// The access key of the account's user.
    pub access_key: String,
    /// The secret key of the account's user.
    pub secret_key: String,
    /// The quota of manual snapshots, for instances and for clusters each.
    /// AWS documentation, quotas of RDS: 100.
    pub snapshot_quota: usize,
    /// Virtual minutes from `creating` to `available`. 0: immediately.
    pub snapshot_minutes: i64,
    /// The quota of DB instances, and of clusters. AWS documentation, quotas of RDS: 40.
    pub database_quota: usize,
    /// Virtual minutes from the start of a restore, or from the creation of a cluster member,
    /// until the database is `available`; longer when its data is not ready by then.
    /// 0: immediately.
    pub restore_minutes: i64,
    /// Virtual minutes of a modification, a renaming or a deletion. 0: immediately.
    pub change_minutes: i64,
    /// Virtual minutes from the start of an export to its end. 0: it ends at the next request.
    pub export_minutes: i64,
    /// The maximum number of export tasks in progress. AWS documentation, quotas of RDS: 5.
    pub export_limit: usize,
    /// The error code when `export_limit` is exceeded. The AWS documentation does not name the
    /// code; callers must accept any.
    pub export_limit_code: &'static str,
    /// The number of objects that an export has written when it fails or is cancelled.
    pub partial_objects: usize,
    /// Whether a database is `backing-up` (and refuses a second snapshot) while a snapshot of it
    /// is `creating`, as single-AZ instances are.
    pub backing_up: bool,
    /// Virtual minutes of an automated backup, during which the database is `backing-up`. `None`:
    /// RDS takes no automated snapshots, whatever the settings of a database say.
    pub backup_minutes: Option<i64>,
}

impl Default for AwsOptions {
    fn default() -> Self {
        Self {
            data_dir: std::env::temp_dir(),
            region: "ap-northeast-2".to_owned(),
            account: "000000000000".to_owned(),
            access_key: "local".to_owned(),
            secret_key: "local-secret".to_owned(),
            snapshot_quota: 100,
            snapshot_minutes: 4,
            database_quota: 40,
            restore_minutes: 6,
            change_minutes: 1,
            // Users report 15 to 30 minutes even for one gigabyte: RDS restores the snapshot
            // internally before it exports.
            export_minutes: 22,
            export_limit: 5,
            export_limit_code: "ExportTaskLimitReachedFault",
            partial_objects: 3,
            backing_up: false,
            backup_minutes: None,
        }
    }
}
