//! RDS, S3 and Secrets Manager of the local cloud: an AWS account on loopback that the AWS SDKs
//! talk to as they talk to AWS, signatures and all.
//!
//! | module | what |
//! |---|---|
//! | [`local`] | [`LocalAws`], the handle: databases, buckets, views, and the knobs that break things |
//! | [`options`] | [`AwsOptions`]: names, quotas, virtual durations |
//! | [`rds`] | the RDS query protocol: instances, clusters, snapshots, tags, exports |
//! | [`s3`] | S3: objects with conditions, ranges, parts and listings |
//! | [`secrets`] | Secrets Manager: secrets with versions and stages |
//! | [`identity`], [`signature`] | who signs requests: keys, roles, GetCallerIdentity; Signature Version 4, verified |
//!
//! Nothing here knows the rules of Landbridge, so it can't share their mistakes.
//! Facts come from the AWS documentation and the models of the AWS SDKs. States
//! are functions of the virtual clock, computed when somebody looks.

mod identity;
mod local;
mod options;
mod rds;
mod s3;
mod secrets;
mod shared;
mod signature;

pub use identity::{CallerIdentity, CallerIdentityError, Identity};
pub use local::LocalAws;
pub use options::AwsOptions;
pub use rds::{
    DatabaseKind, DatabaseSettings, ExportView, NewSnapshot, SnapshotType, SnapshotView,
};
pub use s3::ObjectView;
