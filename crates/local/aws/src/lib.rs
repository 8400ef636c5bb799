//! RDS, S3, Secrets Manager, SNS and SQS of the local cloud: an emulated AWS account on loopback. The AWS
//! SDKs use it like AWS, including signatures.
//!
//! | module | responsibility |
//! |---|---|
//! | [`local`] | [`LocalAws`]: creates databases and buckets, shows state, injects errors |
//! | [`options`] | [`AwsOptions`]: names, credentials, quotas, virtual durations |
//! | [`account`] | what all services share: options, clock, identities, the data directory |
//! | [`identity`] | users and role sessions that may sign requests |
//! | [`signature`] | verifies Signature Version 4 |
//! | [`caller_identity`] | `GetCallerIdentity` of the Security Token Service |
//! | [`s3`] | S3: objects with conditions, ranges, multipart uploads and listings |
//! | [`rds`] | RDS: instances, clusters, snapshots, restores, tags, exports to S3 |
//! | [`secrets`] | Secrets Manager: secrets with versions and staging labels |
//! | [`iam`] | IAM: `SimulatePrincipalPolicy`, with what the starter says that roles may do |
//! | [`kms`] | KMS: `Sign` and `GetPublicKey` of P-256 keys |
//! | [`turned`] | claims of `claims.toml` that tests turn around |
//! | [`sns`] | SNS: `Publish` to a topic, whose messages are kept |
//! | [`sqs`] | SQS: queues with visibility timeouts and dead letters |
//!
//! The crate does not use Landbridge's own rules, so it cannot repeat their mistakes. Its facts
//! come from the AWS documentation and from the models of the AWS SDKs. The status of a resource
//! is a function of the virtual clock, computed when a request reads it.

mod account;
mod caller_identity;
mod iam;
mod identity;
mod kms;
mod local;
mod options;
mod rds;
mod s3;
mod secrets;
mod signature;
mod sns;
mod sqs;
pub mod turned;

pub use caller_identity::{CallerIdentity, CallerIdentityError};
pub use iam::{Decide, SimulatedRequest};
pub use identity::Identity;
pub use kms::new_signing_key;
pub use local::LocalAws;
pub use options::AwsOptions;
pub use rds::{
    DatabaseKind, DatabaseSettings, ExportView, NewSnapshot, SnapshotType, SnapshotView,
};
pub use s3::ObjectView;
pub use sns::PublishedMessage;
pub use sqs::{QueueCounts, QueueMessage, QueueSettings};
