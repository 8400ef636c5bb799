//! Databases, snapshots and export tasks, and their states by the virtual clock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use landbridge_local_database::{DatabaseSnapshot, ExportQuirks, SourceDatabase};

use super::names::Resource;
use super::restores::ImageDir;
use super::settings::DatabaseSettings;
use crate::options::AwsOptions;

/// Instances and Aurora clusters have APIs of the same shape and other words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatabaseKind {
    /// A DB instance.
    Instance,
    /// An Aurora cluster.
    Cluster,
}

/// Who made a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotType {
    /// Asked for through the API, by a person or by a program. Counts against the quota.
    Manual,
    /// Made by RDS itself. It can't be deleted through the API.
    Automated,
}

impl SnapshotType {
    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Automated => "automated",
        }
    }
}

/// A snapshot that is there without anybody having called the API.
#[derive(Clone, Debug)]
pub struct NewSnapshot {
    /// Of an instance or of a cluster.
    pub kind: DatabaseKind,
    /// Any name; those of automated ones begin with `rds:`.
    pub id: String,
    /// The instance's or cluster's id, which need not exist (any more).
    pub database: String,
    /// Who made it.
    pub snapshot_type: SnapshotType,
    /// When, in virtual time. It is `available` at once.
    pub created: Timestamp,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Whether it holds the database's present data. One that doesn't costs nothing,
    /// and can't be exported (`InvalidExportSourceState`).
    pub with_data: bool,
}

/// A snapshot as tests and `local up` see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotView {
    /// Of an instance or of a cluster.
    pub kind: DatabaseKind,
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The instance's or cluster's id.
    pub database: String,
    /// Who made it.
    pub snapshot_type: SnapshotType,
    /// `creating` or `available`.
    pub status: &'static str,
    /// 0 to 100.
    pub percent: i64,
    /// Virtual time at which it was asked for.
    pub created: Timestamp,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// An export task as tests and `local up` see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportView {
    /// The task's id.
    pub id: String,
    /// The snapshot's ARN.
    pub source_arn: String,
    /// The bucket it writes to.
    pub bucket: String,
    /// The prefix, as it was given.
    pub prefix: Option<String>,
    /// `STARTING`, `IN_PROGRESS`, `COMPLETE`, `FAILED`, `CANCELING` or `CANCELED`.
    pub status: &'static str,
    /// 0 to 100.
    pub percent: i64,
    /// Virtual time at which it was asked for.
    pub asked: Timestamp,
    /// Virtual time of its end, once it has ended.
    pub ended: Option<Timestamp>,
    /// The task's `WarningMessage`.
    pub warning: Option<String>,
    /// The task's `FailureCause`.
    pub failure: Option<String>,
}

/// An instance or a cluster.
pub(crate) struct Database {
    pub(crate) id: String,
    pub(crate) kind: DatabaseKind,
    /// As `DescribeDBInstances` names it: `postgres`, `aurora-mysql`.
    pub(crate) engine: String,
    pub(crate) version: String,
    /// `None` for the members of a cluster, whose data is the cluster's.
    pub(crate) source: Option<Arc<dyn SourceDatabase>>,
    /// The cluster of which it is a member.
    pub(crate) cluster: Option<String>,
    pub(crate) status: String,
    pub(crate) created: Timestamp,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) database_name: Option<String>,
    pub(crate) master: String,
    pub(crate) settings: DatabaseSettings,
    /// The id that outlives a renaming.
    pub(crate) resource_id: String,
    /// Where it really answers, when it does anywhere.
    pub(crate) endpoint: Option<(String, u16)>,
    /// Keeps the server behind the endpoint running.
    pub(crate) server: Option<Keeper>,
    /// What RDS is doing to it.
    pub(crate) task: Option<Task>,
}

/// Something that ends a server when it is dropped.
pub(crate) type Keeper = Arc<dyn std::any::Any + Send + Sync>;

/// What RDS is doing to a database, until a virtual time.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// It is being made; over when its data is there as well.
    Creating { ready: Timestamp },
    /// It is being changed.
    Changing { ready: Timestamp, settings: Box<DatabaseSettings>, new_id: Option<String> },
    /// It will be gone.
    Deleting { ready: Timestamp },
}

impl Task {
    /// The database's status meanwhile.
    pub(crate) fn status(&self) -> &'static str {
        match self {
            Self::Creating { .. } => "creating",
            Self::Changing { new_id: Some(_), .. } => "renaming",
            Self::Changing { .. } => "modifying",
            Self::Deleting { .. } => "deleting",
        }
    }
}

impl Database {
    pub(crate) fn resource(&self) -> Resource {
        Resource::Database(self.kind, self.id.clone())
    }
}

/// Where a snapshot's data is.
#[derive(Clone)]
pub(crate) enum Capture {
    /// Still being read from the database.
    Pending,
    /// There.
    Done(Arc<dyn DatabaseSnapshot>),
    /// Nowhere: the snapshot is only there to be counted.
    Without,
}

/// A snapshot.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    pub(crate) kind: DatabaseKind,
    pub(crate) database: String,
    pub(crate) engine: String,
    pub(crate) version: String,
    pub(crate) snapshot_type: SnapshotType,
    pub(crate) created: Timestamp,
    pub(crate) available: Timestamp,
    pub(crate) capture: Capture,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) dir: Option<Arc<ImageDir>>,
    /// The database's settings at that moment; a snapshot of AWS carries few of them.
    pub(crate) settings: DatabaseSettings,
    pub(crate) database_name: Option<String>,
    pub(crate) master: String,
    /// RDS is removing it.
    pub(crate) deleting: bool,
}

/// `creating` or `available`, and percent.
pub(crate) type Progress = (&'static str, i64);

impl Snapshot {
    pub(crate) fn resource(&self) -> Resource {
        Resource::Snapshot(self.kind, self.id.clone())
    }

    pub(crate) fn progress(&self, now: Timestamp) -> Progress {
        if self.deleting {
            return ("deleting", 100);
        }
        if now >= self.available && !matches!(self.capture, Capture::Pending) {
            return ("available", 100);
        }
        ("creating", percent(self.created, self.available, now))
    }

    pub(crate) fn view(&self, now: Timestamp, options: &AwsOptions) -> SnapshotView {
        let (status, percent) = self.progress(now);
        SnapshotView {
            kind: self.kind,
            id: self.id.clone(),
            arn: self.resource().arn(options),
            database: self.database.clone(),
            snapshot_type: self.snapshot_type,
            status,
            percent,
            created: self.created,
            tags: self.tags.clone(),
        }
    }
}

/// How a task will end, unless it is cancelled before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Complete,
    Failed(String),
    Canceled,
}

/// How a task has ended, its objects written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Complete { whole_gb: i64, warning: Option<String> },
    Failed(String),
    Canceled,
}

/// An export task.
#[derive(Clone)]
pub(crate) struct Export {
    pub(crate) id: String,
    pub(crate) source: (DatabaseKind, String),
    pub(crate) source_arn: String,
    pub(crate) snapshot_time: Timestamp,
    pub(crate) image: Arc<dyn DatabaseSnapshot>,
    pub(crate) bucket: String,
    pub(crate) prefix: Option<String>,
    pub(crate) role: String,
    pub(crate) key: String,
    pub(crate) only: Vec<String>,
    pub(crate) quirks: ExportQuirks,
    pub(crate) asked: Timestamp,
    /// When `STARTING` turns into `IN_PROGRESS`.
    pub(crate) begins: Timestamp,
    /// When it would end if nothing came between; percentages are of this.
    pub(crate) planned: Timestamp,
    /// When it ends.
    pub(crate) ends: Timestamp,
    pub(crate) ending: Ending,
    /// Set once the objects are written.
    pub(crate) outcome: Option<Outcome>,
}

impl Export {
    /// Status and percent at `now`.
    pub(crate) fn progress(&self, now: Timestamp) -> Progress {
        match (&self.outcome, &self.ending) {
            (Some(Outcome::Complete { .. }), _) => ("COMPLETE", 100),
            (Some(Outcome::Failed(_)), _) => {
                ("FAILED", percent(self.begins, self.planned, self.ends))
            }
            (Some(Outcome::Canceled), _) => {
                ("CANCELED", percent(self.begins, self.planned, self.ends))
            }
            (None, Ending::Canceled) => ("CANCELING", percent(self.begins, self.planned, now)),
            (None, _) if now < self.begins || now == self.asked => ("STARTING", 0),
            (None, _) => ("IN_PROGRESS", percent(self.begins, self.planned, now)),
        }
    }

    pub(crate) fn view(&self, now: Timestamp) -> ExportView {
        let (status, percent) = self.progress(now);
        ExportView {
            id: self.id.clone(),
            source_arn: self.source_arn.clone(),
            bucket: self.bucket.clone(),
            prefix: self.prefix.clone(),
            status,
            percent,
            asked: self.asked,
            ended: self.outcome.as_ref().map(|_| self.ends),
            warning: self.warning(),
            failure: self.failure(),
        }
    }

    pub(crate) fn warning(&self) -> Option<String> {
        match &self.outcome {
            Some(Outcome::Complete { warning, .. }) => warning.clone(),
            _ => None,
        }
    }

    pub(crate) fn failure(&self) -> Option<String> {
        match &self.outcome {
            Some(Outcome::Failed(cause)) => Some(cause.clone()),
            _ => None,
        }
    }
}

/// Everything RDS knows, under one lock.
#[derive(Default)]
pub(crate) struct RdsState {
    pub(crate) databases: BTreeMap<(DatabaseKind, String), Database>,
    pub(crate) snapshots: BTreeMap<(DatabaseKind, String), Snapshot>,
    pub(crate) exports: BTreeMap<String, Export>,
    /// IAM roles, and whether RDS may write with them.
    pub(crate) roles: BTreeMap<String, bool>,
    /// KMS keys, and whether they are enabled.
    pub(crate) keys: BTreeMap<String, bool>,
    pub(crate) denied: BTreeMap<String, String>,
    pub(crate) throttled: usize,
    /// Instances (and clusters) the account may have, when other than the options say.
    pub(crate) database_quota: Option<usize>,
    pub(crate) failures: VecDeque<String>,
    pub(crate) quirks: ExportQuirks,
    /// Counted to give requests and folders their names.
    pub(crate) counted: u64,
}

impl RdsState {
    /// A number not given out before.
    pub(crate) fn number(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }

    /// Manual snapshots of a kind: what the quota counts.
    pub(crate) fn manual(&self, kind: DatabaseKind) -> usize {
        let manual = |snapshot: &&Snapshot| {
            snapshot.kind == kind && snapshot.snapshot_type == SnapshotType::Manual
        };
        self.snapshots.values().filter(manual).count()
    }

    /// The task that exports this snapshot now.
    pub(crate) fn exporting(&self, source: &(DatabaseKind, String)) -> Option<&Export> {
        self.exports.values().find(|task| task.outcome.is_none() && task.source == *source)
    }

    /// A database's status, `backing-up` where that is wanted.
    pub(crate) fn status(
        &self,
        database: &Database,
        now: Timestamp,
        options: &AwsOptions,
    ) -> String {
        if let Some(task) = &database.task {
            return task.status().to_owned();
        }
        let of_it = |snapshot: &&Snapshot| {
            snapshot.kind == database.kind && snapshot.database == database.id
        };
        let creating = |snapshot: &Snapshot| snapshot.progress(now).0 == "creating";
        let busy = options.backing_up && self.snapshots.values().filter(of_it).any(creating);
        if busy && database.status == "available" {
            return "backing-up".to_owned();
        }
        database.status.clone()
    }
}

/// Whole percent of the way from `from` to `to`; 99 at most, as nothing is done before it's done.
fn percent(from: Timestamp, to: Timestamp, now: Timestamp) -> i64 {
    let all = to.duration_since(from).as_secs().max(1);
    let past = now.duration_since(from).as_secs().max(0);
    (past * 100 / all).min(99)
}

/// `seconds` after `at`; the end of time when that is beyond it.
pub(crate) fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
