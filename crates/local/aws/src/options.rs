//! How an account of the local cloud is set up.

use std::path::PathBuf;

/// Settings of [`LocalAws`](crate::LocalAws).
#[derive(Clone, Debug)]
pub struct AwsOptions {
    /// Where large objects and the snapshots' images go. A folder of its own is
    /// made there for each [`LocalAws`](crate::LocalAws), and removed with it.
    pub data_dir: PathBuf,
    /// The only region.
    pub region: String,
    /// The account's twelve digits, as ARNs carry them.
    pub account: String,
    /// The access key that signs requests.
    pub access_key: String,
    /// The secret key that signs requests.
    pub secret_key: String,
    /// Manual snapshots the account may have, of instances and of clusters each.
    /// AWS documentation, quotas of RDS: 100.
    pub snapshot_quota: usize,
    /// Virtual minutes from `creating` to `available`. 0: at once.
    pub snapshot_minutes: i64,
    /// DB instances the account may have, and clusters likewise. AWS documentation, quotas
    /// of RDS: 40.
    pub database_quota: usize,
    /// Virtual minutes from the start of a restore (or of a member of a cluster) until the
    /// database is `available`; it takes longer when its data takes longer. 0: at once.
    pub restore_minutes: i64,
    /// Virtual minutes of a change, a renaming or a deletion. 0: at once.
    pub change_minutes: i64,
    /// Virtual minutes from the start of an export to its end. 0: at the next look.
    pub export_minutes: i64,
    /// Export tasks at once. AWS documentation, quotas of RDS: 5.
    pub export_limit: usize,
    /// The code that answers one export task too many. The AWS documentation does not
    /// say which it is; callers must cope with any.
    pub export_limit_code: &'static str,
    /// Objects that an export leaves behind when it fails or is cancelled.
    pub partial_objects: usize,
    /// Whether a database is `backing-up` (and refuses a second snapshot) while a
    /// snapshot of it is `creating`, as single-AZ instances are.
    pub backing_up: bool,
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
            // A hidden restore takes most of it: a quarter of an hour to half an hour
            // even for one gigabyte, users report.
            export_minutes: 22,
            export_limit: 5,
            export_limit_code: "ExportTaskLimitReachedFault",
            partial_objects: 3,
            backing_up: false,
        }
    }
}
