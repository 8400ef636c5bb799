//! Thin, typed clients for RDS, S3, Secrets Manager and SQS, over the AWS SDK, and for a few calls of SNS and KMS.
//!
//! | module | responsibility |
//! |---|---|
//! | [`client`] | all clients from the environment, with one HTTP client and bounded retries |
//! | [`inspect`] | what the doctor reads of IAM, KMS, EventBridge Scheduler and Lambda |
//! | [`kms`] | signs with a key of KMS |
//! | [`queue`] | queues of SQS: messages are sent, counted and given back |
//! | [`rds`] | snapshots, export tasks and databases, for instances and clusters alike |
//! | [`s3`] | objects: listing, ranged reads, conditional writes |
//! | [`secrets`] | secrets of Secrets Manager; their values are never printed |
//! | [`sns`] | publishes to a topic of SNS |
//! | [`service`] | endpoints of services that are called without their SDK |
//! | [`error`] | maps every AWS error to an `ErrorKind` |

pub mod client;
pub mod error;
pub mod inspect;
pub mod kms;
pub mod queue;
pub mod rds;
pub mod s3;
pub mod secrets;
pub mod service;
mod signed;
pub mod sns;

pub use client::Aws;
pub use queue::Queues;
pub use rds::Rds;
pub use s3::S3;
pub use secrets::{Secret, Secrets};
