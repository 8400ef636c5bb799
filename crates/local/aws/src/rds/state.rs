//! [`Rds`]: everything that RDS of one account stores.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use landbridge_local_database::ExportQuirks;

use super::error::RdsError;
use super::kind::DatabaseKind;
use super::model::{Database, ExportTask, Snapshot, seconds_after};
use super::settings::DatabaseSettings;
use super::views::{ExportView, SnapshotType, SnapshotView};
use crate::account::Account;
use crate::options::AwsOptions;
use crate::s3::Store;

/// RDS of an account.
pub(crate) struct Rds {
    pub(super) account: Arc<Account>,
    /// The S3 buckets to which exports are written.
    pub(super) store: Arc<Store>,
    state: Mutex<RdsState>,
    /// Held while the objects of ended exports are written, so that no request sees a part of
    /// them.
    pub(super) export_lock: tokio::sync::Mutex<()>,
    /// Held while automated snapshots are taken, so that each is taken once.
    pub(super) backup_lock: tokio::sync::Mutex<()>,
}

impl Rds {
    /// The ARN of a key of exports, by any of its names, and whether it is enabled.
    pub(crate) fn kms_key(&self, key: &str) -> Option<(String, bool)> {
        self.state().find_kms_key(key).map(|(arn, it)| (arn.to_owned(), it))
    }

    pub(crate) fn new(account: Arc<Account>, store: Arc<Store>) -> Self {
        Self {
            account,
            store,
            state: Mutex::default(),
            export_lock: tokio::sync::Mutex::default(),
            backup_lock: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, RdsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn options(&self) -> &AwsOptions {
        &self.account.options
    }

    /// The current virtual time.
    pub(super) fn now(&self) -> Timestamp {
        self.account.now()
    }

    /// The virtual time in `minutes`.
    pub(super) fn minutes_from_now(&self, minutes: i64) -> Timestamp {
        seconds_after(self.now(), minutes * 60)
    }

    /// Changes the settings of a database. Returns whether the database exists.
    pub(crate) fn update_settings(
        &self,
        kind: DatabaseKind,
        id: &str,
        change: impl FnOnce(&mut DatabaseSettings),
    ) -> bool {
        let mut state = self.state();
        let database = state.databases.get_mut(&(kind, id.to_ascii_lowercase()));
        database.map(|database| change(&mut database.settings)).is_some()
    }

    /// The settings of a database, and its status.
    pub(crate) fn settings_and_status(
        &self,
        kind: DatabaseKind,
        id: &str,
    ) -> Option<(DatabaseSettings, String)> {
        let state = self.state();
        let database = state.databases.get(&(kind, id.to_ascii_lowercase()))?;
        let status = state.status(database, self.now(), self.options());
        Some((database.settings.clone(), status))
    }

    pub(crate) fn database_tags(
        &self,
        kind: DatabaseKind,
        id: &str,
    ) -> Option<BTreeMap<String, String>> {
        let state = self.state();
        state.databases.get(&(kind, id.to_ascii_lowercase())).map(|it| it.tags.clone())
    }

    /// Sets the status of a database. Returns whether the database exists.
    pub(crate) fn set_database_status(&self, kind: DatabaseKind, id: &str, status: &str) -> bool {
        let mut state = self.state();
        let database = state.databases.get_mut(&(kind, id.to_ascii_lowercase()));
        database.map(|database| database.status = status.to_owned()).is_some()
    }

    /// Gives a database a status for some time.
    pub(crate) fn set_busy(
        &self,
        kind: DatabaseKind,
        id: &str,
        status: &str,
        period: std::ops::Range<Timestamp>,
    ) {
        let busy = BusyPeriod {
            database: (kind, id.to_ascii_lowercase()),
            status: status.to_owned(),
            period,
        };
        self.state().busy.push(busy);
    }

    /// Sets the status of a snapshot to `deleting`. Returns whether the snapshot exists.
    pub(crate) fn set_snapshot_deleting(&self, kind: DatabaseKind, id: &str) -> bool {
        let mut state = self.state();
        let snapshot = state.snapshots.get_mut(&(kind, id.to_ascii_lowercase()));
        snapshot.map(|snapshot| snapshot.deleting = true).is_some()
    }

    /// Sets the status of a snapshot to `failed`. Returns whether the snapshot exists.
    pub(crate) fn set_snapshot_failed(&self, kind: DatabaseKind, id: &str) -> bool {
        let mut state = self.state();
        let snapshot = state.snapshots.get_mut(&(kind, id.to_ascii_lowercase()));
        snapshot.map(|snapshot| snapshot.failed = true).is_some()
    }

    /// All snapshots, those of instances first, in the order of their ids.
    pub(crate) fn snapshot_views(&self) -> Vec<SnapshotView> {
        let now = self.now();
        let state = self.state();
        state.snapshots.values().map(|snapshot| snapshot.view(now, self.options())).collect()
    }

    /// All export tasks in the order of their ids.
    pub(crate) fn export_views(&self) -> Vec<ExportView> {
        let now = self.now();
        self.state().exports.values().map(|task| task.view(now)).collect()
    }
}

/// The key of a database or a snapshot. Ids are in lower case.
pub(super) type Key = (DatabaseKind, String);

/// A time in which a database has another status than `available`.
pub(super) struct BusyPeriod {
    database: Key,
    status: String,
    period: std::ops::Range<Timestamp>,
}

/// The state behind one lock.
#[derive(Default)]
pub(crate) struct RdsState {
    pub(super) databases: BTreeMap<Key, Database>,
    pub(super) snapshots: BTreeMap<Key, Snapshot>,
    pub(super) exports: BTreeMap<String, ExportTask>,
    /// IAM roles, and whether they allow RDS to write to S3.
    pub(crate) roles: BTreeMap<String, bool>,
    /// KMS keys, and whether they are enabled.
    pub(crate) kms_keys: BTreeMap<String, bool>,
    /// Actions that are denied, with the message.
    pub(crate) denied_actions: BTreeMap<String, String>,
    /// Actions that are refused, with the error code and the message.
    pub(crate) refused_actions: BTreeMap<String, (&'static str, String)>,
    /// The number of requests to throttle.
    pub(crate) requests_to_throttle: usize,
    /// The number of modifications and renames to refuse because of the database's state.
    pub(crate) changes_to_refuse: usize,
    /// Whether failed snapshots can be deleted through the API.
    pub(crate) deletes_failed_snapshots: bool,
    /// Overrides [`AwsOptions::snapshot_quota`].
    pub(crate) snapshot_quota: Option<usize>,
    /// Overrides [`AwsOptions::database_quota`].
    pub(crate) database_quota: Option<usize>,
    /// The failure causes of the next exports.
    pub(crate) export_failures: VecDeque<String>,
    /// The oddities of exports that start from now on.
    pub(crate) export_quirks: ExportQuirks,
    /// Overrides [`AwsOptions::export_minutes`] for exports that start from now on.
    pub(crate) export_minutes: Option<i64>,
    /// The newest backup window of each database whose automated snapshot was taken.
    pub(super) backed_up_until: BTreeMap<Key, Timestamp>,
    /// Times in which databases are not `available`.
    pub(super) busy: Vec<BusyPeriod>,
    number: u64,
}

impl RdsState {
    /// The ARN of a key for exports, and whether it is enabled. `key` is an ARN, the id at the end of an ARN, or an alias.
    pub(super) fn find_kms_key(&self, key: &str) -> Option<(&str, bool)> {
        let suffix = format!("/{key}");
        let matches = |(arn, _): &(&String, &bool)| *arn == key || arn.ends_with(&suffix);
        let found = self.kms_keys.iter().find(matches);
        found.map(|(arn, is_enabled)| (arn.as_str(), *is_enabled))
    }

    /// A unique number, for the ids of requests and the names of directories.
    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub(super) fn find_database(
        &self,
        kind: DatabaseKind,
        id: &str,
    ) -> Result<&Database, RdsError> {
        let database = self.databases.get(&(kind, id.to_owned()));
        database.ok_or_else(|| RdsError::database_not_found(kind, id))
    }

    pub(super) fn find_database_mut(
        &mut self,
        kind: DatabaseKind,
        id: &str,
    ) -> Result<&mut Database, RdsError> {
        let database = self.databases.get_mut(&(kind, id.to_owned()));
        database.ok_or_else(|| RdsError::database_not_found(kind, id))
    }

    pub(super) fn find_snapshot(
        &self,
        kind: DatabaseKind,
        id: &str,
    ) -> Result<&Snapshot, RdsError> {
        let snapshot = self.snapshots.get(&(kind, id.to_owned()));
        snapshot.ok_or_else(|| RdsError::snapshot_not_found(kind, id))
    }

    /// The number of manual snapshots of a kind, which the quota limits.
    pub(super) fn manual_snapshot_count(&self, kind: DatabaseKind) -> usize {
        let is_manual = |snapshot: &&Snapshot| {
            snapshot.kind == kind && snapshot.snapshot_type == SnapshotType::Manual
        };
        self.snapshots.values().filter(is_manual).count()
    }

    pub(super) fn database_count(&self, kind: DatabaseKind) -> usize {
        self.databases.keys().filter(|(database_kind, _)| *database_kind == kind).count()
    }

    /// The task that is exporting this snapshot.
    pub(super) fn export_in_progress(&self, snapshot: &Key) -> Option<&ExportTask> {
        self.exports.values().find(|task| task.result.is_none() && task.source == *snapshot)
    }

    /// The status of a database: that of a busy period, or `backing-up` during an automated backup
    /// and, if [`AwsOptions::backing_up`] is set, during every snapshot.
    pub(super) fn status(
        &self,
        database: &Database,
        now: Timestamp,
        options: &AwsOptions,
    ) -> String {
        if let Some(task) = &database.task {
            return task.status().to_owned();
        }
        if database.status != "available" {
            return database.status.clone();
        }
        let is_busy = |busy: &&BusyPeriod| {
            (busy.database.0, busy.database.1.as_str()) == (database.kind, database.id.as_str())
                && busy.period.contains(&now)
        };
        if let Some(busy) = self.busy.iter().find(is_busy) {
            return busy.status.clone();
        }
        let is_backing_up = |snapshot: &Snapshot| {
            snapshot.kind == database.kind
                && snapshot.database == database.id
                && snapshot.progress(now).0 == "creating"
                && (options.backing_up || snapshot.snapshot_type == SnapshotType::Automated)
        };
        if self.snapshots.values().any(is_backing_up) {
            return "backing-up".to_owned();
        }
        database.status.clone()
    }
}
