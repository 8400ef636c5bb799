//! The AWS side: thin, typed clients over the SDK.
//!
//! | module | what |
//! |---|---|
//! | [`client`] | all clients from the environment, with one HTTP client and bounded retries |
//! | [`rds`] | snapshots and export tasks, of instances and clusters alike |
//! | [`s3`] | objects: listing, ranged reads, conditional writes |
//! | [`secrets`] | secrets of Secrets Manager, which nothing prints |
//! | [`error`] | every answer of AWS, sorted once |

pub mod client;
pub mod error;
pub mod rds;
pub mod s3;
pub mod secrets;

pub use client::Aws;
pub use rds::Rds;
pub use s3::S3;
pub use secrets::{Secret, Secrets};
