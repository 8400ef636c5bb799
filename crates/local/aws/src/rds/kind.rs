//! [`DatabaseKind`]: instances and clusters, and the names by which their APIs differ.

/// Instances and Aurora clusters have APIs of the same structure with different names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatabaseKind {
    /// A DB instance.
    Instance,
    /// An Aurora cluster or a Multi-AZ cluster.
    Cluster,
}

/// The names of parameters, elements, filters and error codes of one kind. The error codes are
/// spelled as in the models of the AWS SDKs, some with the suffix `Fault` and some without.
pub(super) struct ApiNames {
    pub(super) database: &'static str,
    /// In messages.
    pub(super) noun: &'static str,
    pub(super) database_id: &'static str,
    pub(super) new_database_id: &'static str,
    pub(super) database_list: &'static str,
    pub(super) database_name: &'static str,
    pub(super) snapshot: &'static str,
    pub(super) snapshot_list: &'static str,
    pub(super) snapshot_id: &'static str,
    /// The snapshot to restore.
    pub(super) restored_snapshot_id: &'static str,
    /// The new database of a restore to a point in time.
    pub(super) restore_target_id: &'static str,
    pub(super) restore_source_id: &'static str,
    pub(super) restore_time: &'static str,
    pub(super) database_filter: &'static str,
    pub(super) snapshot_filter: &'static str,
    pub(super) database_not_found: &'static str,
    pub(super) database_exists: &'static str,
    pub(super) invalid_database_state: &'static str,
    pub(super) database_quota_exceeded: &'static str,
    pub(super) snapshot_not_found: &'static str,
    pub(super) snapshot_exists: &'static str,
    pub(super) invalid_snapshot_state: &'static str,
}

const INSTANCE: ApiNames = ApiNames {
    database: "DBInstance",
    noun: "instance",
    database_id: "DBInstanceIdentifier",
    new_database_id: "NewDBInstanceIdentifier",
    database_list: "DBInstances",
    database_name: "DBName",
    snapshot: "DBSnapshot",
    snapshot_list: "DBSnapshots",
    snapshot_id: "DBSnapshotIdentifier",
    restored_snapshot_id: "DBSnapshotIdentifier",
    restore_target_id: "TargetDBInstanceIdentifier",
    restore_source_id: "SourceDBInstanceIdentifier",
    restore_time: "RestoreTime",
    database_filter: "db-instance-id",
    snapshot_filter: "db-snapshot-id",
    database_not_found: "DBInstanceNotFound",
    database_exists: "DBInstanceAlreadyExists",
    invalid_database_state: "InvalidDBInstanceState",
    database_quota_exceeded: "InstanceQuotaExceeded",
    snapshot_not_found: "DBSnapshotNotFound",
    snapshot_exists: "DBSnapshotAlreadyExists",
    invalid_snapshot_state: "InvalidDBSnapshotState",
};

const CLUSTER: ApiNames = ApiNames {
    database: "DBCluster",
    noun: "cluster",
    database_id: "DBClusterIdentifier",
    new_database_id: "NewDBClusterIdentifier",
    database_list: "DBClusters",
    database_name: "DatabaseName",
    snapshot: "DBClusterSnapshot",
    snapshot_list: "DBClusterSnapshots",
    snapshot_id: "DBClusterSnapshotIdentifier",
    restored_snapshot_id: "SnapshotIdentifier",
    restore_target_id: "DBClusterIdentifier",
    restore_source_id: "SourceDBClusterIdentifier",
    restore_time: "RestoreToTime",
    database_filter: "db-cluster-id",
    snapshot_filter: "db-cluster-snapshot-id",
    database_not_found: "DBClusterNotFoundFault",
    database_exists: "DBClusterAlreadyExistsFault",
    invalid_database_state: "InvalidDBClusterStateFault",
    database_quota_exceeded: "DBClusterQuotaExceededFault",
    snapshot_not_found: "DBClusterSnapshotNotFoundFault",
    snapshot_exists: "DBClusterSnapshotAlreadyExistsFault",
    invalid_snapshot_state: "InvalidDBClusterSnapshotStateFault",
};

impl DatabaseKind {
    /// The names of this kind in the API.
    pub(super) fn api(self) -> &'static ApiNames {
        match self {
            Self::Instance => &INSTANCE,
            Self::Cluster => &CLUSTER,
        }
    }
}
