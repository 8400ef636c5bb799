//! Local emulation of Cloud Storage, BigQuery and the Security Token Service.
//!
//! The servers implement Google's JSON protocols to the extent that the official clients need,
//! and the rules on which a warehouse with masked personal data depends: who may read what, what
//! a load does to policy tags, which types BigQuery does not coerce.
//!
//! The rules follow Google's documentation and share no code with the project's own. An emulation
//! that used the rules it checks would reproduce every mistake in them.
//!
//! | module | what |
//! |---|---|
//! | [`servers`] | [`LocalGoogle`]: the servers, their set-up, and direct access for tests |
//! | `policies` | sets IAM policies of resources directly |
//! | [`versions`] | what tests read directly: former rows, and what a principal can read of them |
//! | [`access`] | principals, roles, policy tags, data policies, and column access |
//! | [`masking`] | BigQuery's masking rules, applied to whole columns |
//! | [`error`] | errors in Google's form |
//! | [`turned`] | claims of `claims.toml` that tests turn around |
//! | `web` | HTTP requests and responses, bearer tokens |
//! | `storage` | Cloud Storage: buckets, objects, uploads, preconditions |
//! | `bigquery` | BigQuery: datasets, tables, jobs, loads, and SQL with masking per caller |
//! | [`sts`] | workload identity federation with AWS: exchanges a signed request for a token |

mod bigquery;
mod policies;
mod storage;
mod web;

pub mod access;
pub mod error;
pub mod masking;
pub mod servers;
pub mod sts;
pub mod turned;
pub mod versions;

/// The number of the only project. Like real ones, it has twelve digits.
pub const PROJECT_NUMBER: u64 = 123_456_789_012;

pub use access::{ALL_AUTHENTICATED_USERS, Grants, PolicyTag, Role};
pub use bigquery::QueryLimits;
pub use error::GoogleError;
pub use masking::MaskingRule;
pub use servers::{GoogleOptions, LocalGoogle, ObjectSummary, QueryRows};
pub use storage::UploadInterruption;
pub use sts::{
    AwsCaller, AwsProvider, CallerIdentityLookup, CallerIdentityResult, SignedAwsRequest,
};
pub use versions::{ColumnAccess, ColumnReading, RowVersion, VersionReading};
