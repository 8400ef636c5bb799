//! The functions' AWS side against moto, a third-party emulator of RDS and S3.
//!
//! | module | what |
//! |---|---|
//! | [`server`] | moto as a process |
//! | [`capabilities`] | the differences between moto and AWS, each named and proved |
//! | [`env`] | the stages' context for moto and a local Google |
//! | [`stages`] | creating and pruning snapshots, export, transfer |
//! | [`bounds`] | `landbridge ledger remove-bounds` in a bucket that keeps versions |
//! | [`probe`] | `landbridge probe aws` |
//! | [`kms`] | days that its KMS signs |
//! | [`doctor`] | what `landbridge doctor` reads from IAM, KMS and EventBridge Scheduler |

mod bounds;
mod capabilities;
mod doctor;
mod env;
mod kms;
mod probe;
mod server;
mod stages;

pub(crate) use server::Moto;
