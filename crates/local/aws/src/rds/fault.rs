//! Refusals. The codes are spelled as the models of the AWS SDKs spell them,
//! some with `Fault` at their end and some without.

use super::model::DatabaseKind;
use crate::signature::Unsigned;

/// One `<Error>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What SDKs classify by.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(404, code, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameterValue", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalFailure", message)
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    pub(crate) fn throttled() -> Self {
        Self::bad("Throttling", "Rate exceeded")
    }

    pub(crate) fn unknown_database(kind: DatabaseKind, id: &str) -> Self {
        match kind {
            DatabaseKind::Instance => {
                Self::not_found("DBInstanceNotFound", format!("DBInstance {id} not found."))
            }
            DatabaseKind::Cluster => {
                Self::not_found("DBClusterNotFoundFault", format!("DBCluster {id} not found."))
            }
        }
    }

    pub(crate) fn unknown_snapshot(kind: DatabaseKind, id: &str) -> Self {
        match kind {
            DatabaseKind::Instance => {
                Self::not_found("DBSnapshotNotFound", format!("DBSnapshot not found: {id}"))
            }
            DatabaseKind::Cluster => Self::not_found(
                "DBClusterSnapshotNotFoundFault",
                format!("DBClusterSnapshot not found: {id}"),
            ),
        }
    }

    pub(crate) fn snapshot_exists(kind: DatabaseKind, id: &str) -> Self {
        match kind {
            DatabaseKind::Instance => Self::bad(
                "DBSnapshotAlreadyExists",
                format!(
                    "Cannot create the snapshot because a snapshot with the identifier {id} already exists."
                ),
            ),
            DatabaseKind::Cluster => Self::bad(
                "DBClusterSnapshotAlreadyExistsFault",
                format!(
                    "Cannot create the cluster snapshot because one with the identifier {id} already exists."
                ),
            ),
        }
    }

    pub(crate) fn database_state(kind: DatabaseKind, id: &str, status: &str) -> Self {
        match kind {
            DatabaseKind::Instance => Self::bad(
                "InvalidDBInstanceState",
                format!(
                    "Cannot create a snapshot because the database instance {id} is not currently in the available state but {status}."
                ),
            ),
            DatabaseKind::Cluster => Self::bad(
                "InvalidDBClusterStateFault",
                format!(
                    "Cannot create a snapshot because the database cluster {id} is not currently in the available state but {status}."
                ),
            ),
        }
    }

    pub(crate) fn snapshot_state(kind: DatabaseKind, message: impl Into<String>) -> Self {
        match kind {
            DatabaseKind::Instance => Self::bad("InvalidDBSnapshotState", message),
            DatabaseKind::Cluster => Self::bad("InvalidDBClusterSnapshotStateFault", message),
        }
    }
}

impl From<Unsigned> for Fault {
    fn from(why: Unsigned) -> Self {
        match why {
            Unsigned::Missing => Self::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            Unsigned::Incomplete(message) => Self::bad("IncompleteSignature", message),
            Unsigned::UnknownKey => Self::new(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
            Unsigned::Wrong(message) => Self::new(403, "SignatureDoesNotMatch", message),
        }
    }
}
